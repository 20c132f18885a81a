from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lakeworks.core.types import Field, Schema, parse_type
from lakeworks.engines.duckdb.engine import DuckEngine
from lakeworks.engines.duckdb.rewriting import files_that_may_hold
from lakeworks.engines.duckdb.statements import Statements
from lakeworks.engines.errors import InterruptedQueryError, QueryTimeoutError, SqlError
from lakeworks.engines.machine import memory_share_bytes
from lakeworks.engines.target import replaced_files
from lakeworks.storage.files import DataFile, TableSource

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DuckEngine]:
    opened = DuckEngine(
        temp_directory=str(tmp_path / "scratch"), memory_limit=300 * 2**20, threads=1
    )
    yield opened
    opened.close()


def test_settings_reach_every_session(engine: DuckEngine) -> None:
    settings = (
        "memory_limit", "threads", "TimeZone", "preserve_insertion_order",
        "parquet_metadata_cache", "autoinstall_known_extensions", "python_enable_replacements",
    )  # fmt: skip
    told = ", ".join(f"current_setting('{s}')::varchar as \"{s}\"" for s in settings)
    with engine.session() as session:
        (row,) = session.query(f"select {told}").read_all().to_pylist()
    assert list(row.values()) == ["300.0 MiB", "1", "UTC", "false", "true", "false", "false"]


def test_the_default_memory_limit_leaves_room_for_others() -> None:
    meminfo = Path("/proc/meminfo").read_text()
    total = int(meminfo.split()[1]) * 1024
    assert 0 < memory_share_bytes() <= 0.61 * total


def test_a_session_frees_what_it_holds_and_the_engine_its_scratch(
    engine: DuckEngine, tmp_path: Path
) -> None:
    with engine.session() as session:
        assert session.query("select 1 as a").read_all().num_rows == 1
    session.close()
    with engine.session() as other:
        catalogs = "select count(*) as n from duckdb_databases() where database_name like '%lakeworks%'"
        assert other.query(catalogs).read_all().to_pylist() == [{"n": 1}]
    (tmp_path / "scratch").mkdir(exist_ok=True)
    engine.close()
    engine.close()
    assert not (tmp_path / "scratch").exists()


def test_an_interrupted_session_begins_nothing_more(engine: DuckEngine, tmp_path: Path) -> None:
    with engine.session() as session:
        session.interrupt()
        source = TableSource(str(tmp_path), Schema((Field("a", parse_type("int")),)), ())
        with pytest.raises(InterruptedQueryError):
            session.delete(source, str(tmp_path), "true")
        with pytest.raises(InterruptedQueryError):
            session.query("select 1 as one")


class Bound:
    """A connection on which time is up just after a statement was bound: nothing runs then."""

    def __init__(self, con: Any) -> None:
        self._con = con
        self._interrupted = threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._con, name)

    def interrupt(self) -> None:
        self._con.interrupt()
        self._interrupted.set()

    def sql(self, text: str) -> Any:
        found = self._con.sql(text)
        assert self._interrupted.wait(60)
        return found


def test_a_time_limit_holds_that_ends_before_the_query_runs(engine: DuckEngine) -> None:
    endless = "select count(*) from range(100000000000) a, range(1000000) b"
    with engine.session() as session:
        real = session._con
        session._con = Bound(real)
        with pytest.raises(QueryTimeoutError):
            session.query(endless, timeout_s=0.01).read_all()
        session._con = real
        assert session.query("select 1 as one", timeout_s=60).read_all().num_rows == 1


def test_only_a_select_can_be_queried(engine: DuckEngine) -> None:
    with engine.session() as session, pytest.raises(SqlError, match="only a SELECT"):
        session.query("set threads = 2")


def test_python_variables_are_no_tables(engine: DuckEngine) -> None:
    secret = [{"a": 1}]
    with engine.session() as session, pytest.raises(SqlError, match="secret"):
        session.describe("select * from secret")
    assert secret


def test_results_stream_in_batches(engine: DuckEngine) -> None:
    with engine.session() as session:
        reader = session.query("select i from range(3000000) as t(i)")
        first = reader.read_next_batch()
        assert 0 < first.num_rows < 3_000_000
        assert first.num_rows + sum(batch.num_rows for batch in reader) == 3_000_000


def file(name: str, low: object, high: object, **partition: str | None) -> DataFile:
    stats = {} if low is None else {"minValues": {"k": low}, "maxValues": {"k": high}}
    return DataFile(name, 1, 1, partition, stats)


@pytest.mark.parametrize(
    ("kind", "keys", "expected"),
    [
        ("int", "(5), (25)", {"low", "high", "unknown"}),
        ("int", "(15)", {"unknown"}),
        ("int", "(10), (20)", {"low", "high", "unknown"}),
        ("string", "('5')", {"unknown"}),
    ],
)
def test_files_are_pruned_by_the_keys_that_they_may_hold(
    engine: DuckEngine, kind: str, keys: str, expected: set[str]
) -> None:
    bounds: list[tuple[object, object]] = [(0, 10), (20, 30)]
    if kind == "string":
        bounds = [("a", "b"), ("c", "d\U0010ffff")]
    files = (file("low", *bounds[0]), file("high", *bounds[1]), file("unknown", None, None))
    source = TableSource("/t", Schema((Field("k", parse_type(kind)),)), files)
    with engine.session() as session:
        statements = Statements(session._con)
        held = files_that_may_hold(statements, source, f"(values {keys}) as v(k)", ("k",))
    assert {f.path for f in held} == expected


def test_partition_values_prune_too(engine: DuckEngine) -> None:
    files = (
        file("a", None, None, k="1"),
        file("b", None, None, k="2"),
        file("c", None, None, k=None),
    )
    source = TableSource("/t", Schema((Field("k", parse_type("int")),)), files, ("k",))
    with engine.session() as session:
        statements = Statements(session._con)
        held = files_that_may_hold(statements, source, "(values (2)) as v(k)", ("k",))
    assert {f.path for f in held} == {"b", "c"}


def test_replaced_partitions_match_other_spellings_of_a_moment() -> None:
    spellings = [
        "2026-01-02 03:00:00", "2026-01-02T03:00:00.000000Z", "2026-01-02 03:00:00+00",
    ]  # fmt: skip
    files = (
        *(file(s, None, None, at=s) for s in spellings),
        file("other", None, None, at=None),
    )
    source = TableSource("/t", Schema(()), files, ("at",))
    assert len(replaced_files(source, [{"at": spellings[0]}])) == 3
    assert [f.path for f in replaced_files(source, [{"AT": ""}])] == ["other"]
