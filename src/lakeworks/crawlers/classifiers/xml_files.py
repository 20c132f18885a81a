"""XML: the elements of one tag are rows, their attributes and children columns.

Without a custom classifier the row tag is the commonest tag below the root. Attributes are named
with a leading underscore, and the text of an element that has other parts is `_VALUE`, as
Spark names them. Documents that declare entities are refused: XML bombs are made of them.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any
from xml.parsers import expat

from lakeworks.crawlers.classifiers.found import (
    MAX_RECORDS,
    Found,
    NeedMoreError,
    NotReadableError,
)
from lakeworks.crawlers.kinds import Record

if TYPE_CHECKING:
    from lakeworks.crawlers.classifiers.found import Text

_MAX_DEPTH = 64
_START = re.compile(r"\s*<(?:\?xml\b|!--|!DOCTYPE\b|[A-Za-z_][\w.:-]*[\s/>])")
_HTML = re.compile(r"\s*(?:<!DOCTYPE\s+html|<html[\s>])", re.IGNORECASE)
_INTEGER = re.compile(r"[+-]?(?:0|[1-9]\d{0,17})").fullmatch
_NUMBER = re.compile(r"[+-]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?").fullmatch


class _DoneError(Exception):
    """Enough rows were seen."""


def classify(text: Text, row_tag: str = "") -> Found | None:
    """Return the columns of an XML document, or None when it is none.

    Args:
        row_tag: The element that is a row; found out when left empty.

    Raises:
        NeedMoreError: no row is whole.
        NotReadableError: it is no table, or declares entities.
    """
    if not _START.match(text.text) or (not row_tag and _HTML.match(text.text)):
        return None
    tag = row_tag or _commonest(text)
    if not tag:
        return None
    reader = _Rows(tag)
    ended = _parsed(text, reader)
    if not reader.record.columns:
        if not text.whole and not text.last:
            raise NeedMoreError
        if row_tag:
            return None
        raise NotReadableError("the XML has no element with parts that could be rows")
    read = ended or len(text.text)
    rows = text.estimated(reader.record.rows, read)
    return Found("xml", reader.record.found(), "xml", (("rowTag", tag),), rows)


def _commonest(text: Text) -> str:
    """Return the tag of the commonest child of the root; the root's own when it has no such."""
    reader = _Tags()
    _parsed(text, reader)
    if not reader.root:
        return ""
    if not reader.children:
        return reader.root
    tag, count = reader.children.most_common(1)[0]
    # One child of each tag: the document itself is the row.
    return tag if count > 1 or len(reader.children) == 1 else reader.root


def _parsed(text: Text, reader: _Tags | _Rows) -> int:
    """Let expat read; return where it stopped, or 0 when it read all there is."""
    parser = expat.ParserCreate()
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.EntityDeclHandler = _refused
    parser.buffer_text = True
    try:
        parser.Parse(text.text.encode("utf-8", "replace"), text.whole)
    except _DoneError:
        return int(parser.CurrentByteIndex)
    except expat.ExpatError as error:
        # What was whole before the fault counts; a file may still be being written.
        if isinstance(reader, _Rows) and not reader.record.columns and text.whole:
            raise NotReadableError(f"the XML is broken: {error}") from None
    return 0


def _refused(*_: Any) -> None:  # noqa: ANN401 - expat's signature
    raise NotReadableError("the XML declares entities, and such documents are not read")


class _Tags:
    """Counts the tags below the root."""

    def __init__(self) -> None:
        self.root = ""
        self.children: Counter[str] = Counter()
        self.depth = 0

    def start(self, tag: str, _: dict[str, str]) -> None:
        self.depth += 1
        if self.depth == 1:
            self.root = tag
        elif self.depth == 2:  # noqa: PLR2004 - right below the root
            self.children[tag] += 1
            if self.children[tag] > MAX_RECORDS:
                raise _DoneError

    def end(self, _: str) -> None:
        self.depth -= 1

    def text(self, _: str) -> None:
        return


class _Rows:
    """Makes a record of every element with the row tag."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.record = Record()
        self.open: list[tuple[str, dict[str, Any], list[str]]] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if not self.open and tag != self.tag:
            return
        if len(self.open) >= _MAX_DEPTH:
            raise NotReadableError("the XML is nested too deeply")
        self.open.append((tag, {f"_{name}": text for name, text in attributes.items()}, []))

    def text(self, text: str) -> None:
        if self.open and text.strip():
            self.open[-1][2].append(text)

    def end(self, _: str) -> None:
        if not self.open:
            return
        tag, parts, texts = self.open.pop()
        value: Any = "".join(texts).strip()
        if parts:
            value = {**parts, **({"_VALUE": value} if value else {})}
        if self.open:
            _put(self.open[-1][1], tag, value or None)
            return
        if isinstance(value, dict):
            self._add(value)
        elif value:
            self._add({"_VALUE": value})
        if self.record.rows >= MAX_RECORDS:
            raise _DoneError

    def _add(self, value: dict[str, Any]) -> None:
        self.record.add({name: _typed(one) for name, one in value.items()})


def _put(parts: dict[str, Any], tag: str, value: Any) -> None:  # noqa: ANN401
    have = parts.get(tag)
    if tag not in parts:
        parts[tag] = value
    elif isinstance(have, list):
        have.append(value)
    else:
        parts[tag] = [have, value]


def _typed(value: Any) -> Any:  # noqa: ANN401 - what an element holds
    """Return texts as the values that they are written as."""
    if isinstance(value, dict):
        return {name: _typed(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_typed(one) for one in value]
    if not isinstance(value, str):
        return value
    if _INTEGER(value):
        return int(value)
    if _NUMBER(value):
        return float(value)
    return value == "true" if value in {"true", "false"} else value
