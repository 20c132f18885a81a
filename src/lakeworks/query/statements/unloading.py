"""UNLOAD: the rows of a query become files outside the lake, all of them or none.

The location has to be empty. A principal needs DATA_LOCATION_ACCESS on a data location that holds
it; the owner may write anywhere outside the lake's own storage.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakeworks.core import clock
from lakeworks.query.statements.creating import column_list, column_names
from lakeworks.query.statements.errors import MisfitError, WriteOptionError
from lakeworks.query.statements.words import Words
from lakeworks.query.statements.writing import Writing
from lakeworks.query.unload_files import FORMATS, UnloadFormat, write_files
from lakeworks.query.unload_places import checked_place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakeworks.query.asking import Asking
    from lakeworks.query.questions import Question
    from lakeworks.query.reading import Reader
    from lakeworks.query.results import QueryResult

KNOWN = ("format", "compression", "compression_level", "field_delimiter", "partitioned_by")
# Athena's, where the statement names none; Avro cannot be written.
DEFAULT_FORMAT = "PARQUET"
_NO_DELIMITERS = '\n\r"\\'


def read(text: str) -> Unload:
    """Return the statement that begins with UNLOAD.

    Raises:
        StatementSyntaxError: it does not read as one.
        WriteOptionError: a property is unknown, or cannot be kept.
    """
    words = Words(text)
    words.expect("UNLOAD")
    query = words.parenthesised()
    words.expect("TO")
    location = words.literal()
    if not isinstance(location, str):
        raise words.wrong("the location is expected, as a text in single quotes")
    properties = words.properties() if words.take("WITH") else {}
    words.end()
    return Unload(query, location, *_format_of(properties))


def _format_of(properties: Mapping[str, Any]) -> tuple[UnloadFormat, tuple[str, ...]]:
    for name in properties:
        if name not in KNOWN:
            raise WriteOptionError.unknown(name, KNOWN)
    if "compression_level" in properties:
        raise WriteOptionError.unsupported("compression_level", "leave it out")
    name = str(properties.get("format", DEFAULT_FORMAT)).upper()
    if name not in FORMATS:
        raise WriteOptionError.value("format", name, FORMATS)
    packings = FORMATS[name]
    packing = str(properties.get("compression", packings[0])).upper()
    if packing not in packings:
        raise WriteOptionError.value(f"compression of {name}", packing, packings)
    partitions = column_names("partitioned_by", properties.get("partitioned_by", []))
    delimiter = _delimiter(name, properties.get("field_delimiter", ""))
    return UnloadFormat(name, packing, delimiter), partitions


def _delimiter(name: str, value: object) -> str:
    """Return the mark between fields; empty for the format's own."""
    if value == "":
        return ""
    if name not in ("CSV", "TEXTFILE"):
        raise WriteOptionError.unsupported("field_delimiter", "it is for CSV and TEXTFILE")
    if not isinstance(value, str) or len(value) > 1 or value in _NO_DELIMITERS:
        raise WriteOptionError.value("field_delimiter", value, ("one character",))
    return value


@dataclass(frozen=True, slots=True)
class Unload:
    """One of them, as it was written."""

    query: str
    location: str
    format: UnloadFormat
    partitions: tuple[str, ...] = ()

    def question(self, asking: Asking, reader: Reader) -> Question:
        """Raise what is wrong with it at first sight."""
        writing = Writing(asking, reader, "UNLOAD", self.location)
        checked_place(writing, self.location)
        return writing.question(self.query)

    def run(self, asking: Asking, reader: Reader) -> QueryResult:
        """Write the files."""
        writing = Writing(asking, reader, "UNLOAD", self.location)
        place = checked_place(writing, self.location)
        run_id = clock.new_run_id()
        with writing.queried(self.query) as given, place.filling(run_id) as folder:
            names = column_list(given.result.given)
            spelled = {name.casefold(): name for name in names}
            for name in self.partitions:
                if name.casefold() not in spelled:
                    raise MisfitError.column("the query", name, names)
            wanted = tuple(spelled[name.casefold()] for name in self.partitions)
            with given.own_failures():
                write_files(given.reader(), folder, self.format, wanted, run_id)
            writing.told(given.rows, export=True)
        return writing.done(given.rows)
