"""The columns of a bronze table whose values the folders of its files tell: `day=2026-11-22/`.

Readers know nothing of them but that they are columns, which files may have as well. Whatever is
written passes here first: the folder's value takes its place, and a value of the file's own
that is another one goes to `_rescued`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lakeworks.core.names import quote_identifier, quote_literal
from lakeworks.core.types import Field, Scalar, Schema
from lakeworks.engines.duckdb import text_fit
from lakeworks.engines.duckdb.types import to_duckdb
from lakeworks.engines.partition_folders import told_by_path
from lakeworks.engines.written import free_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import duckdb

    from lakeworks.engines.protocol import ArrivedFile, FileReading

GOOD = "0"
_SYSTEM = ("_source_file", "_ingested_at", "_run_id")
_STRING = Scalar("string")


def columns_of(schema: Schema, reading: FileReading) -> Schema:
    """Return data columns with those that folders tell: last, and of their own types."""
    fields = _fields(reading)
    return Schema((*without(schema, reading), *fields)) if fields else schema


def without(schema: Schema, reading: FileReading) -> Schema:
    """Return data columns without those that folders tell."""
    if not reading.partitions:
        return schema
    told = Schema(reading.partitions)
    return Schema(tuple(field for field in schema if field.name not in told))


def _fields(reading: FileReading) -> tuple[Field, ...]:
    """Return the columns; one that the table has already keeps its type there."""
    known = reading.known or Schema()
    return tuple(known.get(field.name) or field for field in reading.partitions)


def with_values(select: str, schema: Schema, reading: FileReading) -> tuple[str, Schema]:
    """Return a SELECT whose rows have the folders' values too, and its data columns.

    Args:
        select: Gives the columns of `schema`, the system columns and each row's fate.
        schema: The data columns as a reader knows them.
        reading: What is read; its files are those that rows may come from.
    """
    whole = columns_of(schema, reading)
    told = [
        _Told(field, schema.get(field.name), at) for at, field in enumerate(_fields(reading))
    ]
    kept = [f"__rows.{quote_identifier(field.name)}" for field in without(schema, reading)]
    fate = quote_identifier(free_name(schema.names, "__fate"))
    items = [
        *kept,
        *(f"{one.value} AS {quote_identifier(one.field.name)}" for one in told),
        *(f"__rows.{name}" for name in _SYSTEM),
        f"{_rescued(fate, told)} AS _rescued",
        f"__rows.{fate} AS {quote_identifier(free_name(whole.names, '__fate'))}",
    ]
    names = ", ".join(name for one in told for name in (one.told, one.text))
    rows = ", ".join(_row(file, told) for file in reading.files)
    # What can be found out once a file is not found out for every row of it.
    judged = ", ".join(item for one in told for item in one.judged())
    folders = f"(SELECT *, {judged} FROM (VALUES {rows}) AS __f(__file, {names})) AS __folders"
    return (
        f"SELECT {', '.join(items)} FROM ({select}\n) AS __rows "
        f"LEFT JOIN {folders} ON __folders.__file = __rows._source_file"
    ), whole


class _Told:
    """One column, in SQL over `__rows` and `__folders`.

    Attributes:
        told: The column of `__folders` that says whether the file's path tells a value.
        text: The one that has it.
        value: The column's value.
        left: What of the folder's value, and of the file's, the column does not hold, each with
            the condition under which that is so.
    """

    def __init__(self, field: Field, own: Field | None, number: int) -> None:
        self.field = field
        self.told, self.text = f"__told{number}", f"__text{number}"
        self._judged = tuple(f"__{what}{number}" for what in ("misfit", "typed", "counts"))
        text = f"__folders.{self.text}"
        misfit, typed, counts = (f"__folders.{name}" for name in self._judged)
        self.value = typed
        # Where a file's path is not found, nothing is known of it: null is not true.
        self.left = [(field.name, text, f"coalesce({misfit}, false)")]
        if own is not None:
            given = f"__rows.{quote_identifier(own.name)}"
            mine = f"TRY_CAST({given} AS {to_duckdb(field.type)})"
            unlike = f"CAST({given} AS VARCHAR) IS DISTINCT FROM {text}"
            other = f"({mine} IS DISTINCT FROM {typed} AND {unlike})"
            lost = f"CASE WHEN {counts} THEN {other} ELSE {mine} IS NULL END"
            self.value = f"CASE WHEN {counts} THEN {typed} ELSE {mine} END"
            self.left.append((field.name, given, f"({given} IS NOT NULL AND {lost})"))

    def judged(self) -> tuple[str, ...]:
        """Return select items: whether the text does not fit, its value, whether that counts."""
        misfit = text_fit.misfit(self.text, self.field.type) or "false"
        typed = text_fit.typed(self.text, self.field.type)
        items = (
            misfit,
            f"CAST({typed} AS {to_duckdb(self.field.type)})",
            f"{self.told} AND NOT {misfit}",
        )
        return tuple(
            f"({item}) AS {name}" for item, name in zip(items, self._judged, strict=True)
        )


def _rescued(fate: str, told: Iterable[_Told]) -> str:
    left = text_fit.as_json_object(item for one in told for item in one.left)
    had = "rtrim(__rows._rescued)"
    both = f"left({had}, length({had}) - 1) || ',' || substr({left}, 2)"
    return (
        f"CASE WHEN __rows.{fate} <> {quote_literal(GOOD)} OR {left} IS NULL "
        f"THEN __rows._rescued WHEN __rows._rescued IS NULL THEN {left} ELSE {both} END"
    )


def _row(file: ArrivedFile, told: Iterable[_Told]) -> str:
    values = (told_by_path(file.source_file, one.field.name) for one in told)
    texts = (item for found, text in values for item in (str(found).lower(), _literal(text)))
    return f"({quote_literal(file.source_file)}, {', '.join(texts)})"


def _literal(text: str | None) -> str:
    return "NULL::VARCHAR" if text is None else quote_literal(text)


def by_fit(
    con: duckdb.DuckDBPyConnection, reading: FileReading
) -> tuple[FileReading, FileReading | None]:
    """Return the reading of files whose folders' values fit, and of those that are refused.

    Only `strict` refuses. The refused are read with these columns as text: their rows are the
    quarantine's.
    """
    typed = [field for field in _fields(reading) if field.type != _STRING]
    if reading.mode != "strict" or not typed:
        return reading, None
    wrong = {field.name: _misfits(con, reading.files, field) for field in typed}
    refused = tuple(
        file
        for file in reading.files
        if any(
            told_by_path(file.source_file, name)[1] in texts for name, texts in wrong.items()
        )
    )
    if not refused:
        return reading, None
    fitting = tuple(file for file in reading.files if file not in refused)
    as_text = tuple(Field(field.name, _STRING) for field in reading.partitions)
    known = reading.known
    if known is not None:
        known = Schema((*without(known, reading), *as_text))
    return (
        replace(reading, files=fitting),
        replace(reading, files=refused, partitions=as_text, known=known),
    )


def _misfits(
    con: duckdb.DuckDBPyConnection, files: Iterable[ArrivedFile], field: Field
) -> set[str]:
    texts = {told_by_path(file.source_file, field.name)[1] for file in files} - {None}
    if not texts:
        return set()
    rows = ", ".join(f"({quote_literal(text)})" for text in texts if text is not None)
    condition = text_fit.misfit("v", field.type)
    found = con.execute(f"SELECT v FROM (VALUES {rows}) AS t(v) WHERE {condition}").fetchall()
    return {row[0] for row in found}


def refusals(reading: FileReading, schema: Schema, files: str) -> str:
    """Return the SELECT of the quarantine's rows for files that are refused.

    Args:
        reading: As it was before `by_fit`.
        schema: The data columns of the refused rows.
        files: Where these rows are, as a SQL list.
    """
    rows: Iterator[tuple[str, str, str]] = (
        (field.name, quote_identifier(field.name), "true") for field in schema
    )
    wrong = [
        (field.name, text_fit.misfit(quote_identifier(field.name), field.type) or "false")
        for field in _fields(reading)
    ]
    return (
        f"SELECT {text_fit.as_json_object(rows)} AS row, 'type' AS rule, "
        f"'values that do not fit: ' || {text_fit.names_where(wrong)} AS error, "
        "_source_file AS source_file, NULL::BIGINT AS source_row "
        f"FROM read_parquet({files}, hive_partitioning = false)"
    )
