"""Grok expressions as regular expressions: `%{IP:client} %{NUMBER:bytes:long} %{WORD}`.

Pure. `%{NAME}` stands for a named pattern, `%{NAME:field}` makes a column of what it matches,
`%{NAME:field:type}` a column of that type. Python's `(?P<field>…)` and grok's `(?<field>…)`
make columns too. Custom patterns are lines of a name, a space and a regular expression.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from functools import lru_cache

from lakeworks.core.errors import RequestError, did_you_mean
from lakeworks.core.grok_patterns import PATTERNS

MAX_PATTERN_CHARACTERS = 2_048
MAX_CUSTOM_CHARACTERS = 16_000
MAX_EXPANDED_CHARACTERS = 100_000
# Glue's names of types, and Hive's.
TYPES = {
    "byte": "tinyint", "boolean": "boolean", "double": "double", "short": "smallint",
    "int": "int", "long": "bigint", "float": "float", "string": "string",
}  # fmt: skip
_REFERENCE = re.compile(r"%\{(\w+)(?::([^:{}]+))?(?::([^:{}]+))?\}")
_NAMED = re.compile(r"\(\?P?<([A-Za-z_]\w*)>")


class GrokError(RequestError):
    """A grok expression that cannot be read."""

    code = "LW006"

    @classmethod
    def unknown(cls, name: str, known: list[str]) -> GrokError:
        """A pattern that nobody defined; suggests the nearest."""
        return cls(f"grok knows no pattern {name}", did_you_mean(name, known))

    @classmethod
    def wrong(cls, what: str, hint: str = "") -> GrokError:
        """Say what is wrong with the expression."""
        return cls(f"the grok expression {what}", hint)


@dataclass(frozen=True, slots=True)
class Grok:
    """One compiled expression.

    Attributes:
        regex: Matches a line; a column is a group (or several, of which one matched).
        columns: Name and Hive type of each, in order.
        groups: The numbers of each column's groups.
    """

    regex: re.Pattern[str]
    columns: tuple[tuple[str, str], ...]
    groups: tuple[tuple[int, ...], ...]

    def match(self, line: str) -> list[str | None] | None:
        """Return the columns' texts, None where a part is absent; None when it does not match.

        As in grok, the expression may begin and end anywhere in the line.
        """
        found = self.regex.search(line)
        if found is None:
            return None
        return [
            next((text for number in numbers if (text := found[number]) is not None), None)
            for numbers in self.groups
        ]


@lru_cache(maxsize=64)
def compile_grok(pattern: str, custom_patterns: str = "") -> Grok:
    """Compile an expression.

    Args:
        pattern: At most 2,048 characters.
        custom_patterns: Lines `NAME expression`; they take precedence over the standard ones.

    Raises:
        GrokError: it cannot be read, or makes no column.
    """
    if len(pattern) > MAX_PATTERN_CHARACTERS:
        raise GrokError.wrong(f"is longer than {MAX_PATTERN_CHARACTERS} characters")
    return _Compiler(PATTERNS | custom_of(custom_patterns)).compiled(pattern)


def custom_of(text: str) -> dict[str, str]:
    """Read custom patterns.

    Raises:
        GrokError: a line is not a name and an expression.
    """
    if len(text) > MAX_CUSTOM_CHARACTERS:
        raise GrokError.wrong(f"has over {MAX_CUSTOM_CHARACTERS} characters of custom patterns")
    found: dict[str, str] = {}
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, _, expression = line.strip().partition(" ")
        if not re.fullmatch(r"\w+", name) or not expression.strip():
            raise GrokError.wrong(
                f"has the custom pattern {line.strip()[:60]!r}",
                "write NAME, a space, the pattern",
            )
        found[name] = expression.strip()
    return found


class _Compiler:
    def __init__(self, patterns: dict[str, str]) -> None:
        self.patterns = patterns
        self.fields: list[tuple[str, str, str]] = []  # group, column, type
        self.size = 0

    def compiled(self, pattern: str) -> Grok:
        text = self._expanded(pattern, ())
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                regex = re.compile(text)
        except (re.error, RecursionError, OverflowError) as error:
            raise GrokError.wrong(f"is not a regular expression: {error}") from None
        if not self.fields:
            hint = "name a column: %{NUMBER:status}"
            raise GrokError.wrong("makes no column", hint)
        types: dict[str, str] = {}
        groups: dict[str, list[int]] = {}
        for group, column, kind in self.fields:
            groups.setdefault(column, []).append(regex.groupindex[group])
            if types.setdefault(column, kind) != kind:
                types[column] = "string"
        return Grok(regex, tuple(types.items()), tuple(tuple(n) for n in groups.values()))

    def _expanded(self, pattern: str, within: tuple[str, ...]) -> str:
        """Write every reference out; groups get names of their own."""

        def reference(found: re.Match[str]) -> str:
            name, field, kind = found.groups()
            if name not in self.patterns:
                raise GrokError.unknown(name, sorted(self.patterns))
            if name in within:
                raise GrokError.wrong(f"goes in a circle: {' > '.join((*within, name))}")
            # The group is named before its parts are, so that columns come in reading order.
            group = self._group(field, kind) if field else ""
            inner = self._expanded(self.patterns[name], (*within, name))
            return f"(?P<{group}>{inner})" if group else f"(?:{inner})"

        def named(found: re.Match[str]) -> str:
            return f"(?P<{self._group(found[1], None)}>"

        text = ""
        at = 0
        # From left to right, so that groups are numbered as they are written.
        while found := _next(pattern, at):
            text += pattern[at : found.start()]
            text += reference(found) if found.re is _REFERENCE else named(found)
            at = found.end()
        text += pattern[at:]
        self.size += len(text)
        if self.size > MAX_EXPANDED_CHARACTERS:
            raise GrokError.wrong("is too long when its patterns are written out")
        return text

    def _group(self, field: str, kind: str | None) -> str:
        if kind is not None and kind not in TYPES:
            raise GrokError.wrong(
                f"has the type {kind!r} for {field}", did_you_mean(kind, TYPES)
            )
        group = f"g{len(self.fields)}"
        self.fields.append((group, field.strip(), TYPES[kind or "string"]))
        return group


def _next(pattern: str, at: int) -> re.Match[str] | None:
    found = [m for m in (_REFERENCE.search(pattern, at), _NAMED.search(pattern, at)) if m]
    return min(found, key=lambda m: m.start()) if found else None
