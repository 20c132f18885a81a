"""What is written can be read back, and its statistics never rule out a row that is there."""

from __future__ import annotations

import string
import tempfile
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from lakeworks.core import types
from lakeworks.core.names import quote_identifier
from lakeworks.core.types import Field, Schema, Struct, parse_type
from lakeworks.engines.duckdb.parquet_io import copy_out
from lakeworks.engines.duckdb.reading import source_select
from lakeworks.engines.duckdb.types import from_duckdb, to_duckdb
from lakeworks.storage.files import TableSource

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = st.text(string.printable + "éß漢", min_size=1, max_size=8).filter(
    lambda name: name.strip() and "\0" not in name
)
SCALARS = st.sampled_from(sorted(types.SCALARS)).map(types.Scalar)
DECIMALS = st.integers(1, 38).flatmap(
    lambda p: st.integers(0, p).map(lambda s: types.Decimal(p, s))
)


def structs(of: st.SearchStrategy[Any]) -> st.SearchStrategy[Struct]:
    pairs = st.lists(
        st.tuples(NAMES, of), min_size=1, max_size=3, unique_by=lambda pair: pair[0].casefold()
    )
    return pairs.map(lambda found: Struct(tuple(Field(name, kind) for name, kind in found)))


TYPES = st.recursive(
    SCALARS | DECIMALS,
    lambda of: of.map(types.Array) | st.builds(types.Map, SCALARS, of) | structs(of),
    max_leaves=5,
)


@settings(max_examples=60)
@given(kind=TYPES)
def test_every_type_survives_duckdb(kind: types.Type) -> None:
    with duckdb.connect() as con:
        rows = con.execute(f"describe select cast(null as {to_duckdb(kind)}) as v").fetchall()
    assert from_duckdb(rows[0][1]) == kind


FIRST, LAST = datetime.fromisoformat("0001-01-02"), datetime.fromisoformat("9999-12-30")
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "double": st.floats(),
    "float": st.floats(width=32),
    "string": st.text(max_size=50),
    "date": st.dates(date(1, 1, 1), date(9999, 12, 31)),
    "timestamp": st.datetimes(FIRST, LAST, timezones=st.just(UTC)),
    "timestamp_ntz": st.datetimes(FIRST, LAST),
    "decimal(38,9)": st.decimals(-(10**28), 10**28, places=9),
    "boolean": st.booleans(),
    "binary": st.binary(max_size=20),
}
ARROW = {
    "bigint": pa.int64(),
    "double": pa.float64(),
    "float": pa.float32(),
    "string": pa.string(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", "UTC"),
    "timestamp_ntz": pa.timestamp("us"),
    "decimal(38,9)": pa.decimal128(38, 9),
    "boolean": pa.bool_(),
    "binary": pa.binary(),
}
AS_STATED: dict[str, Callable[[Any], Any]] = {
    "date": date.fromisoformat,
    "timestamp": datetime.fromisoformat,
    "timestamp_ntz": datetime.fromisoformat,
    "decimal(38,9)": lambda number: Decimal(repr(number)),
}


@settings(max_examples=60)
@given(data=st.data(), kind=st.sampled_from(sorted(VALUES)), name=NAMES, parted=st.booleans())
def test_rows_come_back_and_statistics_bound_them(
    data: st.DataObject, kind: str, name: str, parted: bool
) -> None:
    values = data.draw(st.lists(st.none() | VALUES[kind], max_size=6))
    parted = parted and kind not in {"binary", "float", "double"}
    schema = Schema((Field(name, parse_type(kind)),))
    table = pa.table({name: pa.array(values, ARROW[kind])})
    values = table[name].to_pylist()
    with tempfile.TemporaryDirectory() as root, duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")
        con.register("given", table)
        select = f"select {quote_identifier(name)} from given"
        partition_by = (name,) if parted else ()
        files = [w.file for w in copy_out(con, select, root, partition_by=partition_by)]
        source = TableSource(root, schema, tuple(files), partition_by)
        back = con.sql(source_select(con, source)).to_arrow_table()[name].to_pylist()
        if parted:
            values = [None if value == "" else value for value in values]
        assert sorted(map(repr, back)) == sorted(map(repr, values))
        assert sum(file.rows for file in files) == len(values)
        for file in files:
            if parted:
                assert file.stats["nullCount"] == {}
                continue
            stated = AS_STATED.get(kind, lambda value: value)
            assert file.stats["nullCount"][name] == values.count(None)
            if name in file.stats["minValues"]:
                low = stated(file.stats["minValues"][name])
                high = stated(file.stats["maxValues"][name])
                assert all(low <= value <= high for value in values if value is not None)
