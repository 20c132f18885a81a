"""JSON: lines, documents one after the other, or one array, whose elements are the rows.

Only the elements that a JSON path selects, where a custom classifier names one.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from lakeworks.crawlers.classifiers.found import (
    MAX_RECORDS,
    Found,
    NeedMoreError,
    NotReadableError,
)
from lakeworks.crawlers.kinds import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakeworks.core.json_paths import Step
    from lakeworks.crawlers.classifiers.found import Text

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()
_MAX_BAD_SHARE = 0.1


def classify(text: Text, path: tuple[Step, ...] | None = None) -> Found | None:
    """Return the columns of JSON objects, or None when it is no JSON.

    Raises:
        NeedMoreError: not even one record is whole.
        NotReadableError: it begins as JSON, but is none, or no table.
    """
    if not text.text.lstrip().startswith(("{", "[")):
        return None
    record = Record()
    try:
        read = _read(text, path, record)
    except RecursionError:
        raise NotReadableError("the JSON is nested too deeply") from None
    if read is None:
        return None
    if not record.columns:
        if record.rows and not path:
            raise NotReadableError("its JSON objects are empty")
        return None
    return Found("json", record.found(), rows=text.estimated(record.rows, read))


def _read(text: Text, path: tuple[Step, ...] | None, record: Record) -> int | None:
    """Gather records; return how many characters they took, or None when it is no JSON."""
    at = _after_space(text.text, 0)
    if path is not None:
        return _documents(text, at, path, record)
    if text.text[at] == "[":
        return _elements(text, at + 1, record)
    return _lines(text, record) or _documents(text, at, (), record)


def _documents(text: Text, at: int, path: tuple[Step, ...], record: Record) -> int | None:
    """Read documents that follow each other."""
    source = text.text
    first = at
    while at < len(source) and record.rows < MAX_RECORDS:
        try:
            document, end = _DECODER.raw_decode(source, at)
        except ValueError:
            if at > first:
                break  # half a record at the end, or something else after the last
            return _unread(text, at)
        for one in _selected(document, path):
            if isinstance(one, dict):
                record.add(one)
        at = _after_space(source, end)
    return at


def _after_space(source: str, at: int) -> int:
    found = _SPACE.match(source, at)
    return found.end() if found else at


def _lines(text: Text, record: Record) -> int:
    """Read JSON lines; return the characters read, or 0 when it is none."""
    try:
        lines = text.lines(MAX_RECORDS)
    except NeedMoreError:
        return 0
    full = [line for line in lines if line.strip()]
    if not full or not full[0].rstrip().endswith("}"):
        return 0
    bad = 0
    try:
        records = json.loads(f"[{','.join(full)}]")
    except ValueError:
        records = []
    if len(records) != len(full):
        records, bad = _one_by_one(full)
        # A line at the end of a file that is being written may be cut; two of three may not.
        if not records or bad > max(1, _MAX_BAD_SHARE * len(full)):
            return 0
    for one in records:
        if not isinstance(one, dict):
            return 0
        record.add(one)
    return text.taken_by(lines)


def _one_by_one(lines: list[str]) -> tuple[list[Any], int]:
    found: list[Any] = []
    bad = 0
    for number, line in enumerate(lines):
        try:
            found.append(json.loads(line))
        except ValueError:
            if number == 0:
                return [], 1
            bad += 1
    return found, bad


def _elements(text: Text, at: int, record: Record) -> int | None:
    """Read the elements of the array that the text is."""
    source = text.text
    other = 0
    at = _after_space(source, at)
    while at < len(source) and source[at] != "]" and record.rows + other < MAX_RECORDS:
        try:
            element, at = _DECODER.raw_decode(source, at)
        except ValueError:
            return at if record.rows else _unread(text, at)
        if isinstance(element, dict):
            record.add(element)
        other += not isinstance(element, dict)
        at = _after_space(source, at)
        if source[at : at + 1] != ",":
            break
        at = _after_space(source, at + 1)
    if record.rows:
        return len(source) if source[at : at + 1] == "]" else at
    if source[at + 1 :].strip():
        return None  # a line that begins with brackets
    if not other and not text.whole:
        raise NeedMoreError
    raise NotReadableError("its JSON is an array without objects")


def _unread(text: Text, at: int) -> int | None:
    """Say what a text is whose first record cannot be read."""
    if not text.whole and not text.last:
        raise NeedMoreError
    if re.match(r'[\[{]?\s*(?:\{|"[^"\n]{0,200}"\s*:)', text.text[at : at + 400]):
        why = "breaks off within its first record" if text.whole else "has a record over 10 MiB"
        raise NotReadableError(f"the JSON {why}")
    return None


def _selected(document: Any, path: tuple[Step, ...]) -> Iterator[Any]:  # noqa: ANN401 - JSON
    if not path:
        yield document
        return
    step, rest = path[0], path[1:]
    for one in _children(document, step):
        yield from _selected(one, rest)


def _children(document: Any, step: Step) -> list[Any]:  # noqa: ANN401 - JSON
    if step is None:
        if isinstance(document, dict):
            return list(document.values())
        return document if isinstance(document, list) else []
    if isinstance(step, int):
        fits = isinstance(document, list) and step < len(document)
        return [document[step]] if fits else []
    fits = isinstance(document, dict) and step in document
    return [document[step]] if fits else []
