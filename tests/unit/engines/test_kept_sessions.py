"""A caller's session is kept for the same caller's next query, and for nothing and nobody else."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeworks.core.errors import LakeError
from lakeworks.core.types import Field, Schema, parse_type
from lakeworks.engines.duckdb.engine import DuckEngine
from lakeworks.engines.duckdb.kept import KEPT_SESSIONS
from lakeworks.engines.errors import QueryTimeoutError
from lakeworks.engines.secured import SecuredColumn, SecuredTable
from lakeworks.storage.files import DataFile, TableSource

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ANN = "ann under one policy"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DuckEngine]:
    opened = DuckEngine(temp_directory=str(tmp_path / "scratch"), threads=1)
    yield opened
    opened.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, rows in (("a", 3), ("b", 2000)):
        pq.write_table(pa.table({"n": range(rows)}), tmp_path / f"{name}.parquet")
    return tmp_path


def source(folder: Path, name: str) -> TableSource:
    schema = Schema((Field("n", parse_type("bigint")),))
    return TableSource(str(folder), schema, (DataFile(f"{name}.parquet", 1, 1),))


def secured(folder: Path, name: str, rows: str | None = None) -> SecuredTable:
    return SecuredTable(source(folder, name), (SecuredColumn("n", '"n"'),), rows)


def count(
    engine: DuckEngine, tables: dict[str, SecuredTable], scope: str, name: str = "lake.a"
) -> int:
    sql = f"select count(*) as n from {name}"
    with engine.governed_session(tables, engine.gate(sql), scope=scope) as session:
        rows: list[dict[str, int]] = session.query(sql).read_all().to_pylist()
    return rows[0]["n"]


def idle(engine: DuckEngine) -> list[object]:
    return [one.session for one in engine._kept._idle]


def test_a_caller_meets_its_session_again(engine: DuckEngine, folder: Path) -> None:
    tables = {"lake.a": secured(folder, "a")}
    assert count(engine, tables, ANN) == 3
    (first,) = idle(engine)
    assert count(engine, tables, ANN) == 3
    assert idle(engine) == [first]


def test_nobody_else_does(engine: DuckEngine, folder: Path) -> None:
    tables = {"lake.a": secured(folder, "a")}
    for scope in (ANN, "bob", "ann under another policy", ""):
        count(engine, tables, scope)
    found = idle(engine)
    assert len(found) == len(set(map(id, found))) == 3  # what has no scope is not kept


def test_a_query_that_can_fail_and_one_that_cannot_have_no_session_in_common(
    engine: DuckEngine, folder: Path
) -> None:
    tables = {"lake.a": secured(folder, "a", "n > 0")}
    count(engine, tables, ANN)
    sql = "select 1 / n as n from lake.a"
    with engine.governed_session(tables, engine.gate(sql), scope=ANN) as session:
        session.query(sql).read_all()
    assert len(idle(engine)) == 2


def test_another_definition_of_a_table_is_another_session(
    engine: DuckEngine, folder: Path
) -> None:
    assert count(engine, {"lake.a": secured(folder, "a")}, ANN) == 3
    assert count(engine, {"lake.a": secured(folder, "a", "n > 1")}, ANN) == 1
    assert count(engine, {"lake.a": secured(folder, "b")}, ANN) == 2000
    masked = replace(secured(folder, "a"), columns=(SecuredColumn("n", "NULL"),))
    assert count(engine, {"lake.a": masked}, ANN) == 3
    assert len(idle(engine)) == 1


def test_a_session_comes_to_hold_all_tables_that_a_caller_asks_of(
    engine: DuckEngine, folder: Path
) -> None:
    a, b = {"lake.a": secured(folder, "a")}, {"lake.b": secured(folder, "b")}
    count(engine, a, ANN)
    count(engine, b, ANN, "lake.b")
    (both,) = idle(engine)
    count(engine, a, ANN)
    count(engine, a | b, ANN)
    assert idle(engine) == [both]


def test_only_what_ended_well_is_kept(engine: DuckEngine, folder: Path) -> None:
    tables = {"lake.b": secured(folder, "b")}
    sql = "select a.n from lake.b a, lake.b b, lake.b c order by all"
    with (
        engine.governed_session(tables, engine.gate(sql), scope=ANN) as session,
        pytest.raises(QueryTimeoutError),
    ):
        session.query(sql, timeout_s=0.05).read_all()
    with engine.governed_session(tables, engine.gate(sql), scope=ANN) as session:
        sql = "select n from lake.b"
        next(iter(session.query(sql)))  # half read
    with engine.governed_session(tables, engine.gate(sql), scope=ANN) as session:
        session.interrupt()
    with (
        engine.governed_session(tables, engine.gate(sql), scope=ANN) as session,
        pytest.raises(LakeError),
    ):
        session.query("select missing from lake.b")
    with engine.governed_session(tables, engine.gate(sql), scope=ANN) as session:
        session.secure("lake.more", "select 1 as one")
    assert idle(engine) == []


def test_a_session_that_was_given_back_cannot_be_used(engine: DuckEngine, folder: Path) -> None:
    tables = {"lake.a": secured(folder, "a")}
    session = engine.governed_session(tables, engine.gate("select n from lake.a"), scope=ANN)
    session.close()
    session.close()
    assert len(idle(engine)) == 1
    with pytest.raises(RuntimeError, match="was closed"):
        session.query("select n from lake.a")


def test_few_are_kept_and_none_for_long(engine: DuckEngine, folder: Path) -> None:
    for number in range(KEPT_SESSIONS + 3):
        count(engine, {"lake.a": secured(folder, "a")}, f"caller {number}")
    assert len(idle(engine)) == KEPT_SESSIONS
    engine._kept.drop(older_than_s=60)
    assert len(idle(engine)) == KEPT_SESSIONS
    engine._kept.drop()
    assert idle(engine) == []


def test_a_kept_session_stays_shut(engine: DuckEngine, folder: Path) -> None:
    with engine.query_session({"lake.a": source(folder, "a")}, scope="owner") as session:
        session.query("select * from lake.a").read_all()
    for sql in (
        f"select * from read_parquet('{folder}/b.parquet')",
        f"select * from '{folder}/b.parquet'",
    ):
        with (
            engine.query_session({"lake.a": source(folder, "a")}, scope="owner") as session,
            pytest.raises(LakeError),
        ):
            session.query(sql).read_all()
