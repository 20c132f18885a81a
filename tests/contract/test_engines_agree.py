"""The same loads on both engines: equal tables, quarantine and counts, byte for byte."""

from __future__ import annotations

import datetime as dt
import tempfile
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakeworks.core.types import Field, Schema, parse_type
from lakeworks.engines.protocol import AuditColumns, RowCheck, StageRequest
from lakeworks.engines.registry import open_engine
from lakeworks.storage.files import DataFile, TableSource

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from lakeworks.engines.protocol import Engine, Staged

pytestmark = [pytest.mark.spark, pytest.mark.slow]
pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

MOMENT = "2026-01-02T03:04:05+00:00"
POSITIVE = RowCheck('ColumnValues "n" > 0', "n > 0")
NAMED = RowCheck('IsComplete "s"', "s is not null")
UNIQUE = RowCheck('IsUnique "s"', unique=("s",))
PAIR = RowCheck('IsUnique "s" "p"', unique=("s", "p"))
AUDIT = AuditColumns(MOMENT, "run-1")
COLUMNS = {"id": "int", "s": "string", "n": "int", "p": "string", "at": "timestamp"}
ABOVE = RowCheck("id > 0", "id > 0")
APPEND: dict[str, Any] = {"load": "append", "audit": AUDIT}
MERGE: dict[str, Any] = {"load": "merge", "key": ("id",), "latest_by": "at"}
SCD2: dict[str, Any] = {**MERGE, "load": "scd2"}


def at(day: int) -> dt.datetime:
    return dt.datetime(2026, 1, day, 10, 0, 0, 500000, dt.UTC)


LAST = dt.datetime.fromisoformat("9999-12-31T23:59:59.999999")
BEFORE_1970 = dt.datetime.fromisoformat("1969-12-31T23:59:59.000001")
FIRST = [
    (1, "a", 1, "x/y", at(1)),
    (1, "b", 2, "x/y", at(2)),
    (2, 'q"\\\té', 1, "", at(1)),
    (3, None, 5, None, None),
    (3, "d", 5, None, None),
    (4, "d", -1, "ü=%41", at(3)),
    (None, "e", 0, "x/y", at(1)),
    (5, "same", 3, "z", at(4)),
    (5, "same", 3, "z", at(4)),
]
SECOND = [
    (1, "late", 3, "x/y", at(1)),
    (2, "newer", 7, "other", at(5)),
    (3, "beats null", 7, None, at(1)),
    (5, "same", 3, "z", at(4)),
    (6, "new", 9, None, at(1)),
    (6, None, -9, None, at(2)),
]


@dataclass(frozen=True)
class Load:
    """One step of a case."""

    rows: Sequence[tuple[Any, ...]]
    settings: dict[str, Any] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=lambda: dict(COLUMNS))
    sql: str = "select * from x.rows"


def twice(**settings_: Any) -> list[Load]:
    return [Load(FIRST, settings_), Load(SECOND, settings_)]


NESTED = {
    "id": "bigint",
    "r": "struct<a:int,`b c`:string>",
    "l": "array<double>",
    "m": "map<string,int>",
}
SCALARS = {
    "id": "bigint", "d": "double", "dec": "decimal(12,2)", "wide": "decimal(30,10)",
    "b": "binary", "day": "date", "wall": "timestamp_ntz", "ok": "boolean", "t": "tinyint",
}  # fmt: skip
CASES: dict[str, list[Load]] = {
    "append": twice(load="append", checks=(POSITIVE, NAMED), audit=AUDIT),
    "append, partitioned": twice(load="append", partition_by=("p", "at")),
    "append, unique": twice(load="append", checks=(POSITIVE, UNIQUE, PAIR)),
    "replace by key": twice(load="replace", key=("id",), partition_by=("p",), audit=AUDIT),
    "merge": twice(**MERGE, checks=(POSITIVE,), audit=AUDIT),
    "merge, partitioned, unique": twice(**MERGE, partition_by=("p",), checks=(NAMED, UNIQUE)),
    "merge without latest_by": twice(load="merge", key=("id", "n"), audit=AUDIT),
    "scd2": twice(**SCD2, checks=(POSITIVE,), audit=AUDIT),
    "scd2, partitioned": twice(**SCD2, partition_by=("is_current",)),
    "scd2 without latest_by": twice(load="scd2", key=("id",)),
    "partitions": [
        Load(FIRST, {"load": "append", "partition_by": ("p",)}),
        Load(
            [row for row in SECOND if row[3] is None],
            {"load": "partitions", "partition_by": ("p",), "replaced_partitions": ({"p": None},)},
        ),
    ],
    "columns come and go": [
        Load([(1, "a")], {**MERGE, "latest_by": None}, {"id": "int", "s": "string"}),
        Load([(2, 5)], {**MERGE, "latest_by": None}, {"id": "int", "n": "int"}),
        Load([(2, "b"), (3, "c")], {**MERGE, "latest_by": None}, {"id": "int", "s": "string"}),
    ],
    "types widen": [
        Load([(1, Decimal("1.5"))], APPEND, {"id": "int", "v": "decimal(5,2)"}),
        Load(
            [(2**40, Decimal("1.125"))],
            APPEND,
            {"id": "bigint", "v": "decimal(9,3)"},
        ),
        Load([(3, Decimal("0.25"))], APPEND, {"id": "int", "v": "decimal(5,2)"}),
    ],
    "nested values": [
        Load(
            [
                (1, {"a": 1, "b c": None}, [1.5, None, 1e20], [("k", 1), ('z"', None)]),
                (2, None, [], []),
                (3, {"a": None, "b c": 'x"\n'}, None, None),
                (-1, {"a": 7, "b c": ""}, [0.1, -0.0], [("k", None)]),
            ],
            {"load": "merge", "key": ("id",), "checks": (ABOVE,), "audit": AUDIT},
            NESTED,
        ),
    ],
    "every scalar": [
        Load(
            [
                (1, 1e21, Decimal("-12.50"), Decimal("0.0000000001"), b"\x00\xffa'", dt.date(1, 1, 1),
                 LAST, True, -128),
                (-1, 5e-324, Decimal("1.00"), Decimal(0), b"", dt.date(9999, 12, 31),
                 BEFORE_1970, False, 127),
                (-2, 2.0**60, Decimal("1234567890.12"), None, None, None, None, None, None),
                (-3, float("inf"), None, Decimal("1234567890123456789.5"), b"\\ ~\x7f", None, None,
                 None, 0),
                (-4, 1.2345678901234567e-7, None, None, None, None, None, None, None),
            ],
            {"load": "append", "checks": (ABOVE,), "audit": AUDIT},
            SCALARS,
        ),
    ],
}  # fmt: skip


class Lake:
    """One table on one engine, its commits kept in memory."""

    def __init__(self, engine: Engine, folder: str) -> None:
        self.engine = engine
        self.root = f"{folder}/{engine.name}/table"
        self.rejects_root = f"{folder}/{engine.name}/rejects"
        self.source: TableSource | None = None
        self.rejects: tuple[DataFile, ...] = ()

    def load(self, load: Load, source: TableSource) -> Staged:
        request = StageRequest(
            sql=load.sql,
            table="silver.t",
            root=self.root,
            rejects_root=self.rejects_root,
            run_id="run-1",
            moment=MOMENT,
            target=self.source,
            **load.settings,
        )
        with self.engine.session() as session:
            session.bind("x.rows", source)
            staged = session.stage(request)
        assert staged.read == staged.written + staged.quarantined + staged.superseded
        gone = {file.path for file in staged.removed}
        held = self.source.files if self.source else ()
        files = (*(f for f in held if f.path not in gone), *staged.added)
        self.source = TableSource(
            self.root, staged.schema, files, request.partition_by, evolved=True
        )
        self.rejects += staged.rejected
        return staged

    def told(self) -> dict[str, Any]:
        """All that a reader sees, read by neither engine."""
        assert self.source is not None
        files = self.source.files
        return {
            "schema": [(f.name, str(f.type)) for f in self.source.schema],
            "rows": _rows(self.root, files, self.source.schema.names),
            "rejects": _rows(self.rejects_root, self.rejects, ()),
            "partitions": sorted({repr(sorted(f.partition.items())) for f in files}),
            "nulls": _total([f.stats.get("nullCount", {}) for f in files]),
        }


def _rows(root: str, files: Sequence[DataFile], names: Sequence[str]) -> list[str]:
    rows = []
    for file in files:
        found = pq.ParquetFile(f"{root}/{file.path}").read().to_pylist()
        assert len(found) == file.rows == file.stats["numRecords"]
        rows += [{name: row.get(name) for name in names or row} for row in found]
    return sorted(map(repr, rows))


def _total(counts: Sequence[dict[str, Any]]) -> dict[str, int]:
    flat: dict[str, int] = {}
    for count in counts:
        for name, value in count.items():
            if isinstance(value, int):
                flat[name] = flat.get(name, 0) + value
    return flat


def _counts(staged: Staged) -> dict[str, Any]:
    return {
        "read": staged.read,
        "written": staged.written,
        "quarantined": staged.quarantined,
        "superseded": staged.superseded,
        "rejected_by": dict(staged.rejected_by),
        "left": sum(f.rows for f in staged.added) - sum(f.rows for f in staged.removed),
    }


def arrived(folder: str, number: int, load: Load) -> TableSource:
    """Put a load's rows into a file that both engines read."""
    from lakeworks.storage.parquet import arrow_schema

    fields = tuple(Field(name, parse_type(kind)) for name, kind in load.columns.items())
    schema = Schema(fields)
    names = list(load.columns)
    rows = [dict(zip(names, row, strict=True)) for row in load.rows]
    path = f"rows-{number}.parquet"
    pq.write_table(pa.Table.from_pylist(rows, arrow_schema(schema)), f"{folder}/{path}")
    return TableSource(folder, schema, (DataFile(path, 1, len(rows)),))


def hold_equal(engines: tuple[Engine, Engine], folder: str, loads: Sequence[Load]) -> None:
    lakes = [Lake(engine, folder) for engine in engines]
    for number, load in enumerate(loads):
        source = arrived(folder, number, load)
        one, other = (_counts(lake.load(load, source)) for lake in lakes)
        assert one == other, f"load {number}"
        one, other = (lake.told() for lake in lakes)
        for what in one:
            assert one[what] == other[what], f"{what} after load {number}"


@pytest.fixture(scope="module")
def engines(spark_engine: Engine) -> Iterator[tuple[Engine, Engine]]:
    with tempfile.TemporaryDirectory() as scratch:
        duck = open_engine("duckdb", temp_directory=scratch, threads=2)
        yield duck, spark_engine
        duck.close()


@pytest.mark.parametrize("case", CASES)
def test_engines_give_equal_tables_quarantine_and_counts(
    engines: tuple[Engine, Engine], tmp_path: Path, case: str
) -> None:
    hold_equal(engines, str(tmp_path), CASES[case])


def test_a_table_of_one_engine_is_continued_by_the_other(
    engines: tuple[Engine, Engine], tmp_path: Path
) -> None:
    settings_ = {**MERGE, "partition_by": ("p",), "audit": AUDIT}
    first, second = Load(FIRST, settings_), Load(SECOND, settings_)
    told = []
    for begins, goes_on in (engines, engines[::-1]):
        folder = tmp_path / begins.name
        folder.mkdir()
        lake = Lake(begins, str(folder))
        lake.load(first, arrived(str(folder), 0, first))
        lake.engine = goes_on
        lake.load(second, arrived(str(folder), 1, second))
        told.append(lake.told())
    assert told[0] == told[1]


ROWS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(0, 4)),
        st.one_of(st.none(), st.sampled_from(["a", "b", "", 'é"'])),
        st.integers(-1, 3),
        st.one_of(st.none(), st.sampled_from(["x", "", "y/z"])),
        st.one_of(st.none(), st.integers(1, 3).map(at)),
    ),
    max_size=14,
)
SETTINGS = st.sampled_from([
    {**MERGE, "checks": (POSITIVE, UNIQUE)},
    {**MERGE, "latest_by": None, "partition_by": ("p",), "audit": AUDIT},
    {**SCD2, "checks": (POSITIVE,), "partition_by": ("p",)},
    {"load": "append", "partition_by": ("p", "n"), "checks": (NAMED, PAIR), "audit": AUDIT},
])  # fmt: skip


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(first=ROWS, second=ROWS, chosen=SETTINGS)
def test_whatever_comes_both_engines_make_the_same_of_it(
    engines: tuple[Engine, Engine],
    first: list[Any],
    second: list[Any],
    chosen: dict[str, Any],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        hold_equal(engines, folder, [Load(first, chosen), Load(second, chosen)])
