"""An instance that held rows of one query is kept for the same caller's next one, and empty."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from lakeworks.core.types import Field, Schema, parse_type
from lakeworks.engines.duckdb.emptied import KEPT_INSTANCES
from lakeworks.engines.duckdb.engine import DuckEngine
from lakeworks.engines.errors import SqlError, StorageAccessError
from lakeworks.storage.fetched import FetchedSource, no_rows

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    import duckdb

ANN = "ann under one policy"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DuckEngine]:
    opened = DuckEngine(temp_directory=str(tmp_path / "scratch"), threads=1)
    yield opened
    opened.close()


def fetched(*numbers: int) -> FetchedSource:
    def batches(_: float | None) -> Generator[pa.RecordBatch, None, None]:
        yield pa.record_batch({"n": pa.array(numbers, pa.int64())})

    return FetchedSource("crm.t", Schema((Field("n", parse_type("bigint")),)), batches)


def rows(
    engine: DuckEngine, source: FetchedSource, scope: str, name: str = "crm.t"
) -> list[int]:
    with engine.query_session({name: source}, scope=scope) as session:
        found: list[int] = session.query(f"select n from {name}").read_all()["n"].to_pylist()
    return found


def idle(engine: DuckEngine) -> list[duckdb.DuckDBPyConnection]:
    return [made[0] for _, made in engine._emptied._idle]


def test_the_next_query_of_a_caller_has_the_same_instance_and_its_own_rows(
    engine: DuckEngine,
) -> None:
    assert rows(engine, fetched(1, 2), ANN) == [1, 2]
    [instance] = idle(engine)
    assert rows(engine, fetched(3), ANN) == [3]
    assert idle(engine) == [instance]
    left = instance.execute(
        "select table_name from duckdb_tables() union all "
        "select view_name from duckdb_views() where not internal"
    )
    assert left.fetchall() == []
    # What the query before had by another name is not there any more.
    assert rows(engine, fetched(4), ANN, "crm.other") == [4]
    with (
        engine.query_session({"crm.t": fetched(5)}, scope=ANN) as session,
        pytest.raises(SqlError, match=r"other"),
    ):
        session.query("select * from crm.other").read_all()


def test_nobody_else_has_it(engine: DuckEngine) -> None:
    rows(engine, fetched(1), ANN)
    [instance] = idle(engine)
    rows(engine, fetched(1), "ann under another policy")
    assert instance in idle(engine)
    assert len(idle(engine)) == 2
    rows(engine, fetched(1), "bob")
    assert len(idle(engine)) == KEPT_INSTANCES
    assert instance not in idle(engine)
    rows(engine, fetched(1), "")
    assert len(idle(engine)) == KEPT_INSTANCES


def test_one_whose_query_did_not_end_well_is_closed(engine: DuckEngine) -> None:
    with engine.query_session({"crm.t": fetched(1, 0)}, scope=ANN) as session:
        reader = session.query("select n from crm.t, range(100000)")
        reader.read_next_batch()
    assert idle(engine) == []
    with (
        engine.query_session({"crm.t": fetched(1, 0)}, scope=ANN) as session,
        pytest.raises(SqlError),
    ):
        session.query("select error('no') from crm.t").read_all()
    assert idle(engine) == []


def test_one_that_was_never_shut_is_closed(engine: DuckEngine) -> None:
    def batches(_: float | None) -> Generator[pa.RecordBatch, None, None]:
        yield from no_rows()
        raise RuntimeError("the other system is down")

    down = FetchedSource("crm.t", Schema((Field("n", parse_type("bigint")),)), batches)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="down"):
            engine.query_session({"crm.t": down}, scope=ANN)
        assert idle(engine) == []


def test_it_stays_shut(engine: DuckEngine, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    rows(engine, fetched(1), ANN)
    assert len(idle(engine)) == 1
    for sql in (f"select * from '{secret}'", f"select * from read_csv('{secret}')"):
        with (
            engine.query_session({"crm.t": fetched(1)}, scope=ANN) as session,
            pytest.raises(StorageAccessError, match="disabled by configuration"),
        ):
            session.query(sql).read_all()
        rows(engine, fetched(1), ANN)
        assert len(idle(engine)) == 1


def test_a_closed_engine_keeps_none(engine: DuckEngine) -> None:
    session = engine.query_session({"crm.t": fetched(1)}, scope=ANN)
    rows(engine, fetched(1), ANN)
    engine.close()
    session.close()
    assert idle(engine) == []
