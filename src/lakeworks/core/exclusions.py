"""Patterns of what a crawl leaves out, in the glob language that AWS Glue uses.

Pure. A pattern is matched against an object's whole path below the target. `*` stays within a
folder, `**` crosses folders, `?` is one character, `[a-z]` and `[!a]` are sets, `{a,b}` are
alternatives, a backslash takes the next character as it is.
"""

from __future__ import annotations

import re

from lakeworks.core.errors import RequestError

MAX_PATTERN_CHARACTERS = 2_000


class PatternError(RequestError):
    """An exclusion is not a pattern."""

    code = "LW007"

    @classmethod
    def of(cls, pattern: str, why: str) -> PatternError:
        """Say what is wrong with it."""
        return cls(
            f"{pattern!r} is not a pattern: {why}",
            "patterns are globs below the target: **.tmp, archive/**, {a,b}/[0-9]*",
        )


class Exclusions:
    """Some patterns, made into one regular expression.

    Raises:
        PatternError: one of them is not a pattern.
    """

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self.patterns = patterns
        parts = [pattern_regex(pattern) for pattern in patterns]
        self._match = re.compile("|".join(f"(?:{part})" for part in parts), re.DOTALL).fullmatch

    def match(self, path: str) -> bool:
        """Whether the object at `path`, below the target, is left out."""
        return bool(self.patterns) and self._match(path) is not None


def literal(text: str) -> str:
    """Return the pattern that matches exactly a text."""
    return re.sub(r"([*?\[\]{}\\])", r"\\\1", text)


def pattern_regex(pattern: str) -> str:
    """Return the regular expression of one glob.

    Raises:
        PatternError: a bracket or brace does not end, or is nested.
    """
    if len(pattern) > MAX_PATTERN_CHARACTERS:
        raise PatternError.of(pattern[:60], "it is too long")
    reader = _Reader(pattern)
    while reader.at < len(pattern):
        reader.step()
    if reader.in_braces:
        raise PatternError.of(pattern, "a brace { has no end")
    return "".join(reader.parts)


class _Reader:
    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.parts: list[str] = []
        self.in_braces = False

    def step(self) -> None:
        character = self.pattern[self.at]
        self.at += 1
        match character:
            case "*":
                self._star()
            case "?":
                self.parts.append("[^/]")
            case "[":
                self._brackets()
            case "{" | "}" | ",":
                self._brace(character)
            case "\\":
                self._escaped()
            case _:
                self.parts.append(re.escape(character))

    def _star(self) -> None:
        if self.pattern[self.at : self.at + 1] != "*":
            self.parts.append("[^/]*")
            return
        while self.pattern[self.at : self.at + 1] == "*":
            self.at += 1
        self.parts.append(".*")

    def _brace(self, character: str) -> None:
        if character == "{":
            if self.in_braces:
                raise PatternError.of(self.pattern, "braces are nested")
            self.in_braces = True
            self.parts.append("(?:")
        elif not self.in_braces:
            self.parts.append(re.escape(character))
        elif character == ",":
            self.parts.append("|")
        else:
            self.in_braces = False
            self.parts.append(")")

    def _brackets(self) -> None:
        # Within brackets *, ? and \ stand for themselves, as does a leading hyphen.
        negated = self.pattern[self.at : self.at + 1] == "!"
        begin = self.at + negated
        end = self.pattern.find("]", begin + 1)
        if end < 0:
            raise PatternError.of(self.pattern, "a bracket [ has no end")
        inside = self.pattern[begin:end].replace("\\", "\\\\").replace("[", "\\[")
        inside = inside.replace("^", "\\^").replace("&&", "&\\&").replace("||", "|\\|")
        inside = inside.replace("~~", "~\\~")
        self.at = end + 1
        written = f"(?!/)[{'^' if negated else ''}{_hyphens(inside)}]"
        try:
            re.compile(written)
        except re.error as error:
            raise PatternError.of(self.pattern, str(error)) from None
        self.parts.append(written)

    def _escaped(self) -> None:
        if self.at == len(self.pattern):
            raise PatternError.of(self.pattern, "it ends with a backslash")
        self.parts.append(re.escape(self.pattern[self.at]))
        self.at += 1


def _hyphens(inside: str) -> str:
    """Let a hyphen at the beginning or end stand for itself, and one after a hyphen too."""
    return inside[:1] + inside[1:].replace("--", "-\\-")
