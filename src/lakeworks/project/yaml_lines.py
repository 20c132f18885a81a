"""Read YAML into plain values that remember their lines.

Scalars stay text: the declaration that takes a value decides its type, so `no`, `1e3` and
`2024-01-01` arrive as written; an empty value is None, as are `null` and `~` outside lists.
The text is read as a stream of events, never as a tree that the library builds: depth, size and
what aliases add are bounded while reading, and keys given twice are seen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lakeworks.project.declaration import Location
from lakeworks.project.errors import (
    DECLARED_TWICE,
    MISSING_VARIABLE,
    SECRET_MISPLACED,
    UNREADABLE,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lakeworks.project.errors import Mistakes

MAX_DEPTH = 32
MAX_VALUES = 20_000
Path = tuple[str | int, ...]
_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})
_VARIABLE = re.compile(
    r"\$(\$?)\{(?:secret:(?!-)([^}]*)\}|([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\})?"
)


@dataclass(slots=True)
class Document:
    """One YAML document.

    Attributes:
        value: Nested dicts and lists of text and None.
        lines: Path of a value to the line of its key (or of the list item).
        text_lines: Path of a text to the line on which the text itself begins.
        from_variables: Paths whose text holds a variable's value: never shown to anyone.
        missing: Paths whose variable is not set, with its name and line.
        secrets: Paths whose text holds references to secrets, with their lines.
    """

    file: str
    value: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    text_lines: dict[Path, int] = field(default_factory=dict)
    from_variables: set[Path] = field(default_factory=set)
    missing: dict[Path, tuple[str, int]] = field(default_factory=dict)
    secrets: dict[Path, int] = field(default_factory=dict)

    def at(self, *path: str | int) -> Location:
        """Return where `path` is, or its nearest parent that is there."""
        while path and path not in self.lines:
            path = path[:-1]
        return Location(self.file, self.lines.get(path, 1))

    def text_at(self, path: Path) -> str:
        """Return the text at a path."""
        value = self.value
        for part in path:
            value = value[part]
        return str(value)

    def is_hidden(self, *path: str | int) -> bool:
        """Whether the value at `path` came from a variable and must not be shown."""
        return path in self.from_variables

    def note_missing(self, mistakes: Mistakes, skip: Callable[[Path], bool]) -> None:
        """Note every variable that is not set, unless its path is to be skipped."""
        for path, (name, line) in self.missing.items():
            if not skip(path):
                mistakes.add(
                    Location(self.file, line),
                    f"the variable {name} is not set",
                    f"set it in the environment, or write a default: ${{{name}:-value}}",
                    code=MISSING_VARIABLE,
                )


class _RefusedError(Exception):
    """Reading stops here; says why and on which line."""

    def __init__(self, problem: str, line: int, hint: str = "") -> None:
        super().__init__(problem)
        self.problem, self.line, self.hint = problem, line, hint


def read_yaml(
    text: str,
    file: str,
    mistakes: Mistakes,
    *,
    variables: Mapping[str, str] | None = None,
    secrets_at: Callable[[Path], bool] = lambda _: False,
) -> Document | None:
    """Read one document, or note why it cannot be read and return None.

    Args:
        variables: What `${NAME}` stands for; None leaves such text as it is.
        secrets_at: Whether a value may hold references to secrets (`secret_references.py`).
            They stay as they are written: whoever uses the value resolves them. Elsewhere they
            are mistakes, for other values are shown.
    """
    import yaml

    reader = _Reader(Document(file), mistakes, variables)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        for event in yaml.parse(text, Loader=loader):
            reader.take(event)
    except _RefusedError as refused:
        at = Location(file, refused.line)
        mistakes.add(at, refused.problem, refused.hint, code=UNREADABLE)
        return None
    except yaml.YAMLError as error:
        mistakes.add(*_explained(error, text, file), code=UNREADABLE)
        return None
    _check_secrets(reader.document, mistakes, secrets_at)
    return reader.document


def _check_secrets(
    document: Document, mistakes: Mistakes, secrets_at: Callable[[Path], bool]
) -> None:
    from lakeworks.project.secret_references import references_in

    for path, line in document.secrets.items():
        at = Location(document.file, line)
        if not secrets_at(path):
            problem = f"{'.'.join(map(str, path)) or 'the file'} cannot hold a secret"
            hint = "values of this key are shown and kept; use ${NAME} for what may be seen"
            mistakes.add(at, problem, hint, code=SECRET_MISPLACED)
            continue
        for found in references_in(document.text_at(path)):
            if isinstance(found, str):
                hint = "write ${secret:env:NAME}, ${secret:file:PATH} or ${secret:aws:NAME#KEY}"
                mistakes.add(at, f"a secret {found}", hint, code=SECRET_MISPLACED)


def _explained(error: Any, text: str, file: str) -> tuple[Location, str, str]:  # noqa: ANN401
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    lines = text.split("\n")
    if mark is None:
        offset = getattr(error, "position", 0) or 0
        at = Location(file, text.count("\n", 0, offset) + 1)
        return at, "the YAML holds a control character", "remove it"
    reason = getattr(error, "problem", None) or getattr(error, "context", None) or "unreadable"
    begun = getattr(error, "context_mark", None)
    if "end of stream" in reason and begun is not None:
        mark = begun  # What has no end is found at the file's end, and mended where it begins.
    line = min(mark.line + 1, len(lines))
    at = Location(file, line)
    if "\t" in _indentation(lines[line - 1]):
        return at, "the line is indented with a tab", "YAML is indented with spaces only"
    hint = ""
    if "mapping values are not allowed" in reason:
        hint = "quote a text that holds a colon, and align keys of one level"
    return at, f"the YAML cannot be read: {reason}", hint


def _indentation(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


@dataclass(slots=True)
class _Open:
    """A mapping or list that is being read."""

    value: dict[str, Any] | list[Any]
    path: Path
    line: int
    anchor: str | None
    began: int
    key: str | None = None
    key_line: int = 0


class _Reader:
    """Builds a `Document` from parser events, with a stack of its own."""

    def __init__(
        self, document: Document, mistakes: Mistakes, variables: Mapping[str, str] | None
    ) -> None:
        self.document = document
        self.mistakes = mistakes
        self.variables = variables
        self.stack: list[_Open] = []
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.values = 0
        self.documents = 0

    def take(self, event: Any) -> None:  # noqa: ANN401 - events of an untyped library
        """Take one event, by the name of its class."""
        step = getattr(self, "_" + type(event).__name__, None)
        if step is not None:
            step(event)

    def _DocumentStartEvent(self, event: Any) -> None:  # noqa: N802, ANN401
        self.documents += 1
        if self.documents > 1:
            line = event.start_mark.line + 1
            raise _RefusedError("a second document begins here", line, "one document a file")

    def _MappingStartEvent(self, event: Any) -> None:  # noqa: N802, ANN401
        self._begin({}, event)

    def _SequenceStartEvent(self, event: Any) -> None:  # noqa: N802, ANN401
        self._begin([], event)

    def _MappingEndEvent(self, _event: Any) -> None:  # noqa: N802, ANN401
        self._end()

    def _SequenceEndEvent(self, _event: Any) -> None:  # noqa: N802, ANN401
        self._end()

    def _AliasEvent(self, event: Any) -> None:  # noqa: N802, ANN401
        line = event.start_mark.line + 1
        if event.anchor not in self.anchors:
            raise _RefusedError(f"*{event.anchor} stands for nothing above it", line)
        value, size = self.anchors[event.anchor]
        self._count(size, line)
        path = self._path(line)
        self.document.lines[path] = line
        self._put(value)

    def _ScalarEvent(self, event: Any) -> None:  # noqa: N802, ANN401
        line = event.start_mark.line + 1
        self._refuse_tag(event.tag, line)
        self._count(1, line)
        parent = self.stack[-1] if self.stack else None
        if parent is not None and isinstance(parent.value, dict) and parent.key is None:
            self._name(parent, event.value, line)
            return
        path = self._path(line)
        if event.style in {"|", ">"}:
            line += 1
        value = self._filled(event.value, path, line)
        self.document.text_lines[path] = line
        in_list = parent is not None and isinstance(parent.value, list)
        empty = value == "" if in_list else value in _NOTHING
        plain: str | None = None if event.style in {None, ""} and empty else value
        if event.anchor:
            self.anchors[event.anchor] = (plain, 1)
        self._put(plain)

    def _begin(self, value: dict[str, Any] | list[Any], event: Any) -> None:  # noqa: ANN401
        line = event.start_mark.line + 1
        self._refuse_tag(event.tag, line)
        self._count(1, line)
        if len(self.stack) >= MAX_DEPTH:
            raise _RefusedError(f"values are nested more than {MAX_DEPTH} deep", line)
        parent = self.stack[-1] if self.stack else None
        if parent is not None and isinstance(parent.value, dict) and parent.key is None:
            raise _RefusedError("a key is a list or a mapping", line, "write a name as key")
        path = self._path(line)
        self._put(value)
        self.stack.append(_Open(value, path, line, event.anchor, self.values))

    def _end(self) -> None:
        done = self.stack.pop()
        if done.anchor:
            self.anchors[done.anchor] = (done.value, self.values - done.began + 1)

    def _name(self, parent: _Open, key: str, line: int) -> None:
        parent.key, parent.key_line = key, line
        path = (*parent.path, key)
        if isinstance(parent.value, dict) and key in parent.value:
            self.mistakes.add(
                Location(self.document.file, line),
                f"the key {key!r} is given twice, first on line {self.document.lines[path]}",
                "keep one of them",
                code=DECLARED_TWICE,
            )
            return
        self.document.lines[path] = line

    def _path(self, line: int) -> Path:
        if not self.stack:
            self.document.lines[()] = line
            return ()
        parent = self.stack[-1]
        if isinstance(parent.value, list):
            path: Path = (*parent.path, len(parent.value))
            self.document.lines[path] = line
            return path
        return (*parent.path, parent.key or "")

    def _put(self, value: Any) -> None:  # noqa: ANN401
        if not self.stack:
            self.document.value = value
            return
        parent = self.stack[-1]
        if isinstance(parent.value, list):
            parent.value.append(value)
        else:
            parent.value[parent.key or ""] = value
            parent.key = None

    def _count(self, more: int, line: int) -> None:
        self.values += more
        if self.values > MAX_VALUES:
            problem = f"the file holds more than {MAX_VALUES:,} values, aliases written out"
            raise _RefusedError(problem, line, "policies can be divided into several files")

    def _refuse_tag(self, tag: str | None, line: int) -> None:
        if tag is not None and tag != "!":
            raise _RefusedError(f"the YAML tag {tag!r} is not accepted", line, "leave it out")

    def _filled(self, text: str, path: Path, line: int) -> str:
        if self.variables is None or "${" not in text:
            return text
        variables = self.variables

        def fill(match: re.Match[str]) -> str:
            escaped, secret, name, default = match.groups()
            if escaped:
                return match[0][1:]
            if secret is not None:
                self.document.secrets[path] = line
                return match[0]
            if name is None:
                raise _RefusedError(
                    "'${' begins a variable that does not end",
                    line,
                    "write ${NAME} or ${NAME:-default}; $${ stands for the text itself",
                )
            self.document.from_variables.add(path)
            value = variables.get(name, "")
            if not value and default is not None:
                return str(default)
            if name not in variables:
                self.document.missing[path] = (name, line)
            return value

        return _VARIABLE.sub(fill, text)
