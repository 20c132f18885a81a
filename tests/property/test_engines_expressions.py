"""Whatever expression is written: both engines give one result, or Spark refuses it by name.

`LAKEWORKS_EXPRESSIONS` says how many are tried (300 if it is not set).
"""

# ruff: noqa: E501 - rows read best as they are

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sql_grammar import aggregates, expressions, windows

from lakeworks.core.errors import LakeError
from lakeworks.core.types import Field, Schema, parse_type
from lakeworks.engines.errors import SqlError
from lakeworks.engines.registry import open_engine
from lakeworks.storage.files import DataFile, TableSource

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from lakeworks.engines.protocol import Engine, Session

pytestmark = [pytest.mark.spark, pytest.mark.slow]

AT_ONCE = 30
EXPRESSIONS = int(os.environ.get("LAKEWORKS_EXPRESSIONS", "300"))
COLUMNS = {
    "id": "bigint", "i": "int", "tiny": "tinyint", "n": "double", "f": "float",
    "p": "decimal(10,2)", "q": "decimal(20,4)", "t": "string", "u": "string", "y": "boolean",
    "d": "date", "ts": "timestamp_ntz", "z": "timestamp", "l": "array<int>",
    "s": "struct<a:int,b:string>", "m": "map<string,int>",
}  # fmt: skip
ARROW = {
    "id": pa.int64(), "i": pa.int32(), "tiny": pa.int8(), "n": pa.float64(), "f": pa.float32(),
    "p": pa.decimal128(10, 2), "q": pa.decimal128(20, 4), "t": pa.string(), "u": pa.string(),
    "y": pa.bool_(), "d": pa.date32(), "ts": pa.timestamp("us"),
    "z": pa.timestamp("us", tz="UTC"), "l": pa.list_(pa.int32()),
    "s": pa.struct({"a": pa.int32(), "b": pa.string()}), "m": pa.map_(pa.string(), pa.int32()),
}  # fmt: skip
INF, NAN = math.inf, math.nan
MILD: list[tuple[Any, ...]] = [
    (1, 7, 1, 1.5, 0.5, "2.50", "0.0001", "abc", "b", True, "2024-01-31", "2024-01-31 23:59:58.5",
     "2024-03-31 01:30:00", [3, None, 1], {"a": 1, "b": "x"}, [("k", 1)]),
    (2, -7, -1, -2.5, -2.5, "-0.05", "-1.5000", "a,b,,c", "", False, "2023-12-31",
     "2023-12-31 00:00:00", "2024-07-01 12:00:00.000001", [], {"a": None, "b": None}, []),
    (3, 0, 0, 0.0, 0.25, "0.00", "0.0000", "", "a", None, "1969-12-31", "1969-12-31 23:00:01.25",
     "1969-12-31 23:59:59.75", [2], {"a": 5, "b": "Ä"}, [("k", None), ("j", 2)]),
    (4, 3, 2, 2.5, 3.5, "2.45", "12.3456", "Äpfel\nund 12", "12", True, "2024-02-29",
     "2024-02-29 12:30:30", None, [3, 2, 1], None, None),
    (5, None, None, None, None, None, None, None, None, None, None, None, None, None, None, None),
    (6, 3, 1, -0.5, 1.5, "2.55", "99.9950", " 12 ", "B", False, "2024-12-30", "2021-01-03 01:02:03",
     "2024-10-27 00:59:59", [1, 1], {"a": 1, "b": "X"}, [("", 0)]),
    (7, 12, 3, 3.0, 2.25, "-2.50", "0.5000", "ABC a", "a%b", True, "2000-02-28",
     "1999-12-31 23:59:59.999999", "2000-01-01 00:00:00", [None], {"a": -1, "b": ""}, [("a", 9)]),
    (8, 1, 1, 0.1, 0.1, "1.00", "3.0000", "2024-02-29", "x_y", None, "2024-03-01",
     "2024-03-01 00:00:00", "2024-03-01 00:00:00", [5, 4], {"a": 2, "b": "b"}, [("k", -4)]),
]  # fmt: skip
EDGES: list[tuple[Any, ...]] = [
    (1, 2147483647, 127, NAN, NAN, "99999999.99", "1234567890123456.7891", "😀a\u0301", "ß", True,
     "9999-12-31", "9999-12-31 23:59:59.999999", "2262-04-12 00:00:00", [2147483647], {"a": 0, "b": "ÿ"},
     [("k", 2147483647)]),
    (2, -2147483648, -128, INF, -INF, "-99999999.99", "-0.0001", "\t \n", "İ", False, "0001-01-01",
     "0001-01-01 00:00:00", "1582-10-10 12:00:00", [-2147483648], {"a": None, "b": " "}, []),
    (3, 46341, 16, -0.0, -0.0, "0.01", "0.0000", "1e3", " 1.50 ", None, "1582-10-10",
     "1582-10-15 00:00:00", "1900-01-01 00:00:00", [0], None, [("x", 0)]),
    (4, 46340, 11, 1e300, 1e30, "0.99", "9999999999999999.9999", "NaN", "-0", True, "1900-02-28",
     "1900-03-01 00:00:00", "2038-01-19 03:14:08", [None, None], {"a": 1, "b": None}, None),
    (5, -1, -1, 1e-300, 1e-40, "-0.01", "0.4999", "true", "FALSE", False, "2024-12-31",
     "2016-12-31 23:59:59", "0001-01-01 00:00:00", [], {"a": 7, "b": "a"}, [("k", None)]),
    (6, 65536, 64, 9007199254740993.0, 16777217.0, "10.00", "10.0050", "2024-01-02T03:04:05Z",
     "99999999999999999999", None, "2021-01-01", "2021-01-01 00:00:00.000001",
     "2021-01-01 00:00:00.999999", [1, 2, 3], {"a": 3, "b": "z"}, [("a", 1), ("k", 2)]),
]  # fmt: skip


@dataclass
class Findings:
    """What became of the expressions that were tried."""

    equal: int = 0
    invalid: int = 0
    refused: dict[str, str] = field(default_factory=dict)
    failed: int = 0
    different: dict[str, str] = field(default_factory=dict)


@dataclass
class Comparison:
    """Both engines over the same rows.

    Attributes:
        form: A SELECT with a place `{}` for the columns that are compared.
    """

    duck: Session
    spark: Session
    form: str
    failures: int = 3
    found: Findings = field(default_factory=Findings)

    def compare(self, sql: Sequence[str]) -> Findings:
        """Try expressions, many in one query."""
        good, bad = [], []
        for one in dict.fromkeys(sql):
            (good if self._answered(one) else bad).append(one)
        self._held(good)
        return self.found

    def _answered(self, sql: str) -> bool:
        """Whether the embedded engine gives a result that Spark has to give too."""
        text = self._select([sql])
        try:
            self.duck.describe(text)
        except LakeError:
            self.found.invalid += 1
            return False
        try:
            self.spark.describe(text)
        except SqlError as error:
            self.found.refused[sql] = str(error).partition("\n")[0]
            return False
        try:
            self.duck.query(text).read_all()
        except LakeError as error:
            self._must_fail(sql, error)
            return False
        return True

    def _must_fail(self, sql: str, reason: LakeError) -> None:
        self.found.failed += 1
        if self.failures <= 0:
            return
        self.failures -= 1
        try:
            rows = self.spark.query(self._select([sql])).read_all()
        except LakeError:
            return
        told = _listed(rows.column(rows.num_columns - 1))
        self.found.different[sql] = f"gives {told}, should fail: {reason}"

    def _held(self, sql: list[str]) -> None:
        if not sql:
            return
        text = self._select(sql)
        expected = self.duck.query(text).read_all()
        try:
            rows = self.spark.query(text).read_all()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told
            if len(sql) == 1:
                self.found.different[sql[0]] = f"fails: {type(error).__name__} {error}"
                return
            for half in (sql[: len(sql) // 2], sql[len(sql) // 2 :]):
                self._held(half)
            return
        first = rows.num_columns - len(sql)
        for place, one in enumerate(sql, first):
            self._equal(one, rows.column(place), expected.column(place))

    def _equal(self, sql: str, column: pa.ChunkedArray, expected: pa.ChunkedArray) -> None:
        self.found.equal += 1
        if column.type != expected.type:
            self.found.different[sql] = f"{column.type} instead of {expected.type}"
            return
        pairs = list(zip(_listed(column), _listed(expected), strict=True))
        if any(plain(one) != plain(other) for one, other in pairs):
            unequal = [(a, b) for a, b in pairs if plain(a) != plain(b)]
            self.found.different[sql] = f"(Spark, should be): {unequal[:4]}"

    def _select(self, sql: Sequence[str]) -> str:
        return self.form.format(", ".join(f"{one} as c{i}" for i, one in enumerate(sql)))


def _listed(column: pa.ChunkedArray) -> list[Any]:
    """Return values; times as numbers, for some lie where Python has none."""
    if pa.types.is_timestamp(column.type):
        return list(column.cast(pa.int64()).to_pylist())
    if pa.types.is_date(column.type):
        return list(column.cast(pa.int32()).to_pylist())
    return list(column.to_pylist())


def plain(value: Any) -> Any:
    """Return a value that equals itself; doubles may differ in their last digits."""
    match value:
        case float():
            return "nan" if math.isnan(value) else float(f"{value:.12g}")
        case list():
            return [plain(one) for one in value]
        case tuple():
            return tuple(plain(one) for one in value)
        case dict():
            return {key: plain(one) for key, one in value.items()}
        case _:
            return repr(value)


def table(folder: Path, name: str, rows: list[tuple[Any, ...]]) -> TableSource:
    """Write rows where both engines read them."""
    columns = {
        column: pa.array([_typed(row[place], kind) for row in rows], kind)
        for place, (column, kind) in enumerate(ARROW.items())
    }
    pq.write_table(pa.table(columns), folder / f"{name}.parquet")
    schema = Schema(tuple(Field(name, parse_type(kind)) for name, kind in COLUMNS.items()))
    return TableSource(str(folder), schema, (DataFile(f"{name}.parquet", 1, len(rows)),))


def _typed(value: Any, kind: pa.DataType) -> Any:
    if not isinstance(value, str) or pa.types.is_string(kind):
        return value
    if pa.types.is_decimal(kind):
        return Decimal(value)
    if pa.types.is_date(kind):
        return date.fromisoformat(value)
    moment = datetime.fromisoformat(value)
    return moment.replace(tzinfo=UTC) if kind.tz else moment


@pytest.fixture(scope="module")
def sessions(
    tmp_path_factory: pytest.TempPathFactory, spark_engine: Engine
) -> Iterator[tuple[Session, Session]]:
    folder = tmp_path_factory.mktemp("expressions")
    duck = open_engine("duckdb", temp_directory=str(folder), threads=1)
    with duck.session() as one, spark_engine.session() as other:
        for session in (one, other):
            session.bind("x.mild", table(folder, "mild", MILD))
            session.bind("x.edges", table(folder, "edges", EDGES))
        yield one, other
    duck.close()


FORMS = {
    "rows": (expressions, "select id, {{}} from x.{} order by id"),
    "groups": (aggregates, "select y, {{}} from x.{} group by y order by y nulls last"),
    "whole": (aggregates, "select {{}} from x.{} where id > 1"),
    "windows": (windows, "select id, {{}} from x.{} order by id"),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("rows", ["mild", "edges"])
def test_an_expression_gives_one_result_or_is_refused(
    sessions: tuple[Session, Session], form: str, rows: str
) -> None:
    of, text = FORMS[form]

    @settings(
        max_examples=max(1, EXPRESSIONS // AT_ONCE // len(FORMS) // 2),
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
    )
    @given(st.lists(of(), min_size=AT_ONCE, max_size=AT_ONCE))
    def compare(sql: list[str]) -> None:
        found = Comparison(*sessions, form=text.format(rows)).compare(sql)
        told = "\n".join(f"{one}: {what}" for one, what in found.different.items())
        assert not found.different, told

    compare()
