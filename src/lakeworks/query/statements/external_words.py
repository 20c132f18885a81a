"""Read the parts of Athena's DDL: columns, row formats, partitions, properties. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lakeworks.catalog.data_catalog.formats import FORMATS, LAZY_SIMPLE_SERDE
from lakeworks.catalog.data_catalog.model import Column, SerDe, StorageDescriptor
from lakeworks.core.hive_types import parse_hive_type
from lakeworks.core.types import TypeTextError

if TYPE_CHECKING:
    from lakeworks.query.statements.words import Words

_STORED = {
    "TEXTFILE": "csv", "PARQUET": "parquet", "ORC": "orc", "AVRO": "avro", "JSON": "json",
    "JSONFILE": "json",
}  # fmt: skip
_COLUMN = re.compile(
    r"""\s*(?:`(?P<quoted>[^`]+)`|"(?P<double>[^"]+)"|(?P<bare>\w+))\s+
    (?P<type>.+?)(?:\s+comment\s+'(?P<comment>(?:[^']|'')*)')?\s*""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|([0-7]{3})|(.))", re.DOTALL)
_BLANKS = re.compile(r"\s*([(),<>:])\s*")
_LETTERS = {"t": "\t", "n": "\n", "r": "\r", "0": "\0"}
_DELIMITERS = (
    (("FIELDS", "TERMINATED", "BY"), ("field.delim", "serialization.format")),
    (("ESCAPED", "BY"), ("escape.delim",)),
    (("COLLECTION", "ITEMS", "TERMINATED", "BY"), ("collection.delim",)),
    (("MAP", "KEYS", "TERMINATED", "BY"), ("mapkey.delim",)),
    (("LINES", "TERMINATED", "BY"), ("line.delim",)),
    (("NULL", "DEFINED", "AS"), ("serialization.null.format",)),
)


@dataclass(slots=True)
class Layout:
    """How a table's files are read, as its statement says it."""

    comment: str = ""
    keys: tuple[Column, ...] = ()
    serde: str = ""
    serde_properties: dict[str, str] = field(default_factory=dict)
    form: str = ""
    classes: tuple[str, str] = ("", "")
    location: str = ""
    properties: dict[str, str] = field(default_factory=dict)

    def storage(self, columns: tuple[Column, ...]) -> StorageDescriptor:
        """Return it as the data catalog keeps it."""
        known = FORMATS[self.form or "csv"]
        library = self.serde or (
            LAZY_SIMPLE_SERDE if self.form in {"", "csv"} else known.library
        )
        reads, writes = (
            self.classes if self.classes[0] else (known.input_format, known.output_format)
        )
        return StorageDescriptor(
            columns=columns,
            location=self.location,
            input_format=reads,
            output_format=writes,
            serde=SerDe(library=library, parameters=dict(self.serde_properties)),
        )


def layout(words: Words) -> Layout:
    """Go past everything that may stand behind the columns of CREATE EXTERNAL TABLE.

    Raises:
        StatementSyntaxError: something else stands there, or no location.
    """
    found = Layout()
    while words.next_kind():
        _part(words, found)
    if not found.location:
        raise words.wrong("LOCATION 's3://bucket/folder' or a folder is expected")
    words.end()
    return found


def _part(words: Words, found: Layout) -> None:
    if words.take("COMMENT"):
        found.comment = text(words)
    elif words.take("PARTITIONED", "BY"):
        found.keys = columns(words)
    elif words.take("ROW", "FORMAT"):
        _row_format(words, found)
    elif words.take("STORED", "AS"):
        _stored(words, found)
    elif words.take("LOCATION"):
        found.location = text(words)
    elif words.take("TBLPROPERTIES"):
        found.properties = properties(words)
    else:
        raise words.wrong("this part of CREATE EXTERNAL TABLE does not work here")


def columns(words: Words) -> tuple[Column, ...]:
    """Go past `(name type COMMENT 'text', …)`.

    Raises:
        StatementSyntaxError: it is something else, or a type is unknown.
    """
    found = []
    for part in _parts(words.parenthesised()):
        told = _COLUMN.fullmatch(part)
        if told is None:
            raise words.wrong(f"a column is expected: {part.strip()[:40]!r}")
        name = (told["quoted"] or told["double"] or told["bare"]).lower()
        kind = _BLANKS.sub(r"\1", " ".join(told["type"].lower().split()))
        try:
            parse_hive_type(kind)
        except TypeTextError as error:
            raise words.wrong(error.problem) from None
        comment = (told["comment"] or "").replace("''", "'")
        found.append(Column(name, kind, comment))
    return tuple(found)


def partition(words: Words) -> dict[str, str]:
    """Go past `(key = constant, …)`; values come back as texts."""
    return {key: _told(value) for key, value in words.properties().items()}


def properties(words: Words) -> dict[str, str]:
    """Go past `('key' = 'value', …)`."""
    return {key: unescaped(value) for key, value in _pairs(words).items()}


def text(words: Words) -> str:
    """Go past one text in single quotes."""
    if words.next_kind() != "text":
        raise words.wrong("a text in single quotes is expected")
    return str(words.literal())


def unescaped(told: str) -> str:
    r"""Return a text of Hive's, in which `\t` and `\001` stand for a character."""

    def character(found: re.Match[str]) -> str:
        if found[1]:
            return chr(int(found[1], 16))
        return chr(int(found[2], 8)) if found[2] else _LETTERS.get(found[3], found[3])

    return _ESCAPE.sub(character, told)


def _pairs(words: Words) -> dict[str, str]:
    """Go past `('key' = 'value', …)`; a SerDe's keys have capitals that count."""
    words.expect("(")
    found = {}
    while True:
        key = text(words)
        words.expect("=")
        found[key] = _told(words.literal())
        if not words.take(","):
            break
    words.expect(")")
    return found


def _told(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _row_format(words: Words, found: Layout) -> None:
    if words.take("SERDE"):
        found.serde = text(words)
        if words.take("WITH", "SERDEPROPERTIES"):
            # What a SerDe is told, such as a pattern, has no escapes.
            found.serde_properties = _pairs(words)
        return
    words.expect("DELIMITED")
    found.serde = LAZY_SIMPLE_SERDE
    told = True
    while told:
        told = False
        for phrase, keys in _DELIMITERS:
            if words.take(*phrase):
                value = unescaped(text(words))
                found.serde_properties |= dict.fromkeys(keys, value)
                told = True


def _stored(words: Words, found: Layout) -> None:
    if words.take("INPUTFORMAT"):
        reads = text(words)
        words.expect("OUTPUTFORMAT")
        found.classes = (reads, text(words))
        return
    name = words.peek()
    if name not in _STORED:
        raise words.wrong(f"STORED AS takes {', '.join(_STORED)}")
    words.take(name)
    found.form = _STORED[name]


def _parts(inside: str) -> list[str]:
    """Divide a list at the commas that stand in no type and no text."""
    found, depth, begin, quoted = [], 0, 0, False
    for at, mark in enumerate(inside):
        quoted ^= mark == "'"
        depth += 0 if quoted else {"(": 1, "<": 1, ")": -1, ">": -1}.get(mark, 0)
        if mark == "," and depth == 0 and not quoted:
            found.append(inside[begin:at])
            begin = at + 1
    return [*found, inside[begin:]]
