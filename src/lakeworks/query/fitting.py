"""Bring the rows of a query into the columns and types of a table, without loss or not at all.

Pure over Arrow, so that both engines judge alike. Columns go by position, into those that the
statement names or into all that its caller knows of; the others are null. Numbers are widened, and
narrowed where each value fits; anything else has to be converted in the query itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.query.statements.errors import MisfitError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from lakeworks.core.types import Schema


_NAMES = {
    "int8": "tinyint", "int16": "smallint", "int32": "int", "int64": "bigint",
    "date32[day]": "date",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fit:
    """How a result becomes rows of a table.

    Attributes:
        table: For errors.
        schema: The table's columns.
        places: Of each column of the table, the position of what fills it; None for null.
    """

    table: str
    schema: pa.Schema
    places: tuple[int | None, ...]

    def rows(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return a batch of the result as rows of the table.

        Raises:
            MisfitError: a value does not fit its column without loss.
        """
        import pyarrow as pa

        columns = [
            pa.nulls(batch.num_rows, field.type)
            if place is None
            else _cast(batch.column(place), field)
            for field, place in zip(self.schema, self.places, strict=True)
        ]
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)


def fit(
    table: str, schema: Schema, known: Sequence[str], named: Sequence[str], given: pa.Schema
) -> Fit:
    """Decide how a result enters a table.

    Args:
        table: Its name.
        schema: Its columns.
        known: Those that the caller may know of.
        named: Those that the statement names; empty for all that are known.
        given: The result's columns.

    Raises:
        MisfitError: a name or a type does not fit, or there are too many or too few columns.
    """
    from lakeworks.storage.parquet import arrow_schema

    spelled = {name.casefold(): name for name in known}
    wanted: list[str] = []
    for name in named or known:
        found = spelled.get(name.casefold())
        if found is None:
            raise MisfitError.column(table, name, known)
        if found in wanted:
            raise MisfitError.twice(name)
        wanted.append(found)
    if len(given) != len(wanted):
        raise MisfitError.count(table, len(given), len(wanted))
    target = arrow_schema(schema)
    for name, field in zip(wanted, given, strict=True):
        # A column of NULLs alone is one of integers to an engine: rows will show.
        if not _enters(field.type, target.field(name).type) and field.type != "int32":
            told = schema.get(name)
            raise MisfitError.types(name, _told(field.type), str(told.type if told else ""))
    place = {name: at for at, name in enumerate(wanted)}
    return Fit(table, target, tuple(place.get(name) for name in target.names))


def _cast(values: pa.Array, field: pa.Field) -> pa.Array:
    import pyarrow as pa

    if values.type == field.type:
        return values
    if values.null_count == len(values):
        return pa.nulls(len(values), field.type)
    if not _enters(values.type, field.type):
        raise MisfitError.types(field.name, _told(values.type), _told(field.type))
    try:
        if pa.types.is_integer(values.type) and pa.types.is_decimal(field.type):
            # Arrow asks whether all integers of the type would fit; here these are asked about.
            values = values.cast(pa.decimal128(20, 0))
        cast = values.cast(field.type)
    except pa.ArrowInvalid:
        raise MisfitError.values(field.name, _told(values.type), _told(field.type)) from None
    if _rounds(values.type, field.type) and not cast.cast(values.type).equals(values):
        raise MisfitError.values(field.name, _told(values.type), _told(field.type))
    return cast


def _told(kind: pa.DataType) -> str:
    """Return a type in the lake's words."""
    text = re.sub(r"\bdecimal\d+\((\d+), (-?\d+)\)", r"decimal(\1,\2)", str(kind))
    text = re.sub(r"timestamp\[\w+, tz=[^\]]*\]", "timestamp", text)
    text = re.sub(r"timestamp\[\w+\]", "timestamp_ntz", text)
    return re.sub(
        r"\b(?:u?int\d+|date32\[day\])", lambda found: _NAMES.get(found[0], found[0]), text
    )


def _enters(given: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether values of one type may enter a column of another, as far as types can say."""
    from pyarrow import types as t

    if given == wanted or t.is_null(given):
        return True
    if t.is_dictionary(given):
        return _enters(given.value_type, wanted)
    if t.is_integer(given):
        return bool(t.is_integer(wanted) or t.is_decimal(wanted) or t.is_floating(wanted))
    if t.is_decimal(given):
        return bool(t.is_decimal(wanted) or t.is_integer(wanted) or wanted == "double")
    if t.is_floating(given):
        return bool(t.is_floating(wanted))
    if t.is_date(given) or t.is_timestamp(given):
        return _same_moment(given, wanted)
    return _alike(given, wanted)


def _same_moment(given: pa.DataType, wanted: pa.DataType) -> bool:
    from pyarrow import types as t

    if t.is_date(given):
        return bool(t.is_date(wanted) or (t.is_timestamp(wanted) and wanted.tz is None))
    return bool(t.is_timestamp(wanted) and (given.tz is None) == (wanted.tz is None))


def _alike(given: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether two types differ in how Arrow keeps the values only."""
    from pyarrow import types as t

    def text(kind: pa.DataType) -> bool:
        return bool(t.is_string(kind) or t.is_large_string(kind) or t.is_string_view(kind))

    def raw(kind: pa.DataType) -> bool:
        return bool(t.is_binary(kind) or t.is_large_binary(kind) or t.is_binary_view(kind))

    if text(given) or raw(given):
        return bool(text(wanted) if text(given) else raw(wanted))
    if t.is_list(given) or t.is_large_list(given):
        return bool(t.is_list(wanted) and _enters(given.value_type, wanted.value_type))
    if t.is_map(given):
        return (
            bool(t.is_map(wanted))
            and _enters(given.key_type, wanted.key_type)
            and _enters(given.item_type, wanted.item_type)
        )
    if t.is_struct(given):
        names = [field.name for field in given]
        return (
            bool(t.is_struct(wanted))
            and names == [field.name for field in wanted]
            and all(_enters(given.field(n).type, wanted.field(n).type) for n in names)
        )
    return False


def _rounds(given: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether Arrow rounds without a word when it casts so."""
    from pyarrow import types as t

    return bool(
        t.is_floating(given) and t.is_floating(wanted) and given.bit_width > wanted.bit_width
    )
