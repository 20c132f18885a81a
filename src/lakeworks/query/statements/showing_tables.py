"""SHOW PARTITIONS, SHOW TBLPROPERTIES and SHOW CREATE: what is told of one table or view.

Where files lie, and every property but the format, are the owner's to know: they may name what a
principal may not see.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.core.names import quote_identifier, quote_literal
from lakeworks.query.errors import NotAllowedError, NothingToShowError
from lakeworks.query.known import external_entry, known_schema
from lakeworks.query.questions import Question
from lakeworks.query.statements.showing import Rows, answered
from lakeworks.query.views import binds

if TYPE_CHECKING:
    from lakeworks.catalog.data_catalog.model import TableEntry
    from lakeworks.catalog.data_catalog.views import View
    from lakeworks.core.names import TableName
    from lakeworks.core.types import Schema
    from lakeworks.query.asking import Asking
    from lakeworks.query.reading import Reader
    from lakeworks.query.results import QueryResult

_TOLD = ("classification",)


def _seen(table: TableName, asking: Asking, reader: Reader) -> Schema:
    """Return what the caller may know of a table.

    Raises:
        UnknownTableError: nothing, or there is none.
    """
    return known_schema(reader, table, reader.snapshot(asking.at), asking.viewer)


@dataclass(frozen=True, slots=True)
class ShowPartitions:
    """SHOW PARTITIONS."""

    table: TableName

    def question(self, asking: Asking, reader: Reader) -> Question:
        """Raise what is wrong with it at first sight."""
        _seen(self.table, asking, reader)
        return Question(repeatable=False)

    def run(self, asking: Asking, reader: Reader) -> QueryResult:
        """List the partitions that hold a row which the caller sees."""
        begun_s = time.monotonic()
        schema = _seen(self.table, asking, reader)
        entry = external_entry(reader, self.table)
        keys = _keys(self.table, entry, reader)
        if not keys or not all(key in schema for key in keys):
            # To a caller who may not know the keys, it has none.
            raise NothingToShowError.because(f"{self.table} has no partitions")
        if entry is not None and asking.viewer is None:
            return answered(("partition",), _catalogued(entry, keys, reader), asking, begun_s)
        parts = " || '/' || ".join(
            f"{quote_literal(key + '=')} || coalesce(CAST({quote_identifier(key)} AS VARCHAR), "
            "'__HIVE_DEFAULT_PARTITION__')"
            for key in keys
        )
        name = f"{quote_identifier(self.table.database)}.{quote_identifier(self.table.table)}"
        # As a query of the caller's own: it tells of no row that the caller may not see.
        sql = f"SELECT DISTINCT {parts} AS partition FROM {name} ORDER BY 1"
        return reader.run(reader.asked(sql, asking.at, asking.viewer), asking)


@dataclass(frozen=True, slots=True)
class ShowProperties:
    """SHOW TBLPROPERTIES.

    Attributes:
        key: Of this one only.
    """

    table: TableName
    key: str = ""

    def question(self, asking: Asking, reader: Reader) -> Question:
        """Raise what is wrong with it at first sight."""
        _seen(self.table, asking, reader)
        return Question(repeatable=False)

    def run(self, asking: Asking, reader: Reader) -> QueryResult:
        """List the properties."""
        begun_s = time.monotonic()
        _seen(self.table, asking, reader)
        rows: Rows = [
            (key, value)
            for key, value in sorted(_properties(self.table, asking, reader).items())
            if self.key in {"", key}
        ]
        return answered(("prpt_name", "prpt_value"), rows, asking, begun_s)


@dataclass(frozen=True, slots=True)
class ShowCreate:
    """SHOW CREATE TABLE, or VIEW."""

    table: TableName
    view: bool = False

    def question(self, asking: Asking, reader: Reader) -> Question:
        """Raise what is wrong with it at first sight."""
        self._text(asking, reader)
        return Question(repeatable=False)

    def run(self, asking: Asking, reader: Reader) -> QueryResult:
        """Write the statement, a line a row."""
        begun_s = time.monotonic()
        text = self._text(asking, reader)
        rows: Rows = [(line,) for line in text.splitlines()]
        header = "Create View" if self.view else "createtab_stmt"
        return answered((header,), rows, asking, begun_s)

    def _text(self, asking: Asking, reader: Reader) -> str:
        schema = _seen(self.table, asking, reader)
        found = reader.parts.catalog.data_catalog.find_view(self.table)
        if self.view:
            if found is None:
                raise NothingToShowError.because(f"{self.table} is no view")
            return self._view_text(found, asking, reader)
        if found is not None and not found.materialized:
            raise NothingToShowError.because(f"{self.table} is a view: SHOW CREATE VIEW")
        return self._table_text(schema, asking, reader)

    def _view_text(self, view: View, asking: Asking, reader: Reader) -> str:
        """Return a view's text, which names what it reads.

        Raises:
            NotAllowedError: the caller may not read all that it names.
        """
        viewer = asking.viewer
        # The text names columns too: who may ask it may read it, and nobody else.
        if viewer is not None and not (
            viewer.may_read(view.name) and binds(view.text, asking, reader)
        ):
            raise NotAllowedError.to(
                f"read the text of {self.table}", "SELECT", "all that it names"
            )
        return view.statement

    def _table_text(self, schema: Schema, asking: Asking, reader: Reader) -> str:
        entry = external_entry(reader, self.table)
        keys = [key for key in _keys(self.table, entry, reader) if key in schema]
        fields = [field for field in schema if field.name not in keys or entry is None]
        lines = ",\n".join(
            f"  `{one.name}` {one.type}{_comment(one.comment)}" for one in fields
        )
        head = "CREATE EXTERNAL TABLE" if entry is not None else "CREATE TABLE"
        parts = [f"{head} {self.table} (\n{lines}\n)"]
        if keys and entry is not None:
            told = ", ".join(f"`{key}` {_type(schema, key)}" for key in keys)
            parts.append(f"PARTITIONED BY ({told})")
        elif keys:
            parts.append(f"PARTITIONED BY ({', '.join(keys)})")
        if entry is not None and asking.viewer is None:
            parts += _stored(entry)
        properties = _properties(self.table, asking, reader)
        if entry is not None:
            properties.pop("EXTERNAL", None)  # the statement says it
        if properties:
            told = ", ".join(
                f"{quote_literal(k)} = {quote_literal(v)}"
                for k, v in sorted(properties.items())
            )
            parts.append(f"TBLPROPERTIES ({told})")
        return "\n".join(parts)


def told_of(table: TableName, asking: Asking, reader: Reader) -> Rows:
    """Return what DESCRIBE FORMATTED tells beside the columns."""
    entry = reader.parts.catalog.data_catalog.find_table(table)
    rows: Rows = [("# Detailed Table Information", "", ""), ("Database:", table.database, "")]
    if entry is None:
        return rows
    rows.append(("Table Type:", entry.table_type, ""))
    if entry.description:
        rows.append(("Description:", entry.description, ""))
    if asking.viewer is None and entry.storage.location:
        rows.append(("Location:", entry.storage.location, ""))
    properties = _properties(table, asking, reader)
    return rows + [("", key, value) for key, value in sorted(properties.items())]


def _type(schema: Schema, key: str) -> str:
    field = schema.get(key)
    return str(field.type) if field is not None else "string"


def _comment(text: str) -> str:
    return f" COMMENT {quote_literal(text)}" if text else ""


def _stored(entry: TableEntry) -> list[str]:
    storage = entry.storage
    found = []
    if storage.serde.library:
        found.append(f"ROW FORMAT SERDE {quote_literal(storage.serde.library)}")
        if storage.serde.parameters:
            told = ", ".join(
                f"{quote_literal(k)} = {quote_literal(v)}"
                for k, v in sorted(storage.serde.parameters.items())
            )
            found.append(f"WITH SERDEPROPERTIES ({told})")
    if storage.input_format:
        found.append(
            f"STORED AS INPUTFORMAT {quote_literal(storage.input_format)} "
            f"OUTPUTFORMAT {quote_literal(storage.output_format)}"
        )
    if storage.location:
        found.append(f"LOCATION {quote_literal(storage.location)}")
    return found


def _keys(table: TableName, entry: TableEntry | None, reader: Reader) -> tuple[str, ...]:
    """Return a table's partition columns."""
    if entry is None:
        number = reader.snapshot(None).tables.get(table)
        if number is None:
            return ()
        return tuple(reader.source(table, number, hidden=True).partition_columns)
    return tuple(key.name for key in entry.partition_keys)


def _catalogued(entry: TableEntry, keys: tuple[str, ...], reader: Reader) -> Rows:
    found = reader.parts.catalog.data_catalog.partitions(entry.name)
    return [
        ("/".join(f"{key}={value}" for key, value in zip(keys, one.values, strict=False)),)
        for one in found
    ]


def _properties(table: TableName, asking: Asking, reader: Reader) -> dict[str, str]:
    entry = reader.parts.catalog.data_catalog.find_table(table)
    if entry is None:
        return {}
    return {
        key: str(value)
        for key, value in entry.parameters.items()
        if asking.viewer is None or key in _TOLD
    }
