"""Sessions that hold what a principal may see, and the gate before them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeworks.core.errors import LakeError
from lakeworks.core.types import Field, Schema, parse_type
from lakeworks.engines.errors import StatementRefusedError
from lakeworks.engines.registry import open_engine
from lakeworks.engines.secured import SecuredColumn, SecuredTable
from lakeworks.storage.files import DataFile, TableSource

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lakeworks.engines.protocol import Engine

NAME = "silver.people"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened = open_engine("duckdb", temp_directory=str(tmp_path / "scratch"), threads=1)
    yield opened
    opened.close()


@pytest.fixture
def people(tmp_path: Path) -> SecuredTable:
    """Names are masked, rows of the EU shown, and salaries hidden."""
    rows = {
        "id": [1, 2, 3],
        "name": ["ann", "hidden-bob", "cy"],
        "region": ["EU", "US", "EU"],
        "salary": [10, 20, 30],
    }
    folder = tmp_path / "people"
    folder.mkdir()
    pq.write_table(pa.table(rows), folder / "a.parquet")
    kinds = (("id", "bigint"), ("name", "string"), ("region", "string"), ("salary", "bigint"))
    schema = Schema(tuple(Field(name, parse_type(kind)) for name, kind in kinds))
    source = TableSource(str(folder), schema, (DataFile("a.parquet", 1, 3),))
    columns = (
        SecuredColumn("id", '"id"'),
        SecuredColumn("name", "left(\"name\", 1) || '***'"),
        SecuredColumn("region", '"region"'),
    )
    return SecuredTable(source, columns, "\"region\" = 'EU'")


def asked(engine: Engine, people: SecuredTable, sql: str) -> list[dict[str, object]]:
    query = engine.gate(sql)
    with engine.governed_session({NAME: people}, query) as session:
        found: list[dict[str, object]] = session.query(sql).read_all().to_pylist()
        return found


def test_a_session_shows_secured_rows_and_columns_alone(
    engine: Engine, people: SecuredTable
) -> None:
    assert asked(engine, people, f"from {NAME} order by id") == [
        {"id": 1, "name": "a***", "region": "EU"},
        {"id": 3, "name": "c***", "region": "EU"},
    ]
    assert asked(engine, people, f"select id from {NAME} where name = 'ann'") == []


def test_a_query_that_can_fail_never_meets_hidden_rows(
    engine: Engine, people: SecuredTable
) -> None:
    sql = f"select count(*) as n from {NAME} where cast(length(name) * 1000 // id as utinyint) >= 0"
    assert engine.gate(sql).can_fail
    assert not engine.gate(f"select sum(id) from {NAME} where name like 'a%'").can_fail
    with pytest.raises(LakeError) as failed:
        asked(engine, people, sql)
    assert "hidden" not in str(failed.value)


def test_a_plan_shows_the_callers_own_view(engine: Engine, people: SecuredTable) -> None:
    found = str(asked(engine, people, f"explain select id from {NAME} where id > 1"))
    assert "people" in found
    for inner in ("parquet", "__src", "'EU'", "salary", "***"):
        assert inner not in found


@pytest.mark.parametrize(
    "sql",
    [
        f"select stats(name) from {NAME}",
        "from read_parquet('/etc/passwd')",
        "select getvariable('a')",
        "select current_setting('temp_directory')",
        "from duckdb_views()",
        f"explain analyze from {NAME}",
        "create table t as select 1",
        "select 1; select 2",
        f"from histogram('{NAME}', 'id')",
        f"select json_serialize_plan('from {NAME}')",
        f"select error(name) from {NAME}",
        f"select bitstring_agg(id) from {NAME}",
        f"select list_aggregate(list(id), 'bitstring_agg') from {NAME}",
        f"select list_aggregate(list(id), lower('MIN')) from {NAME}",
        "import database '/nowhere'",
        "select nextval('s')",
        f"select system.information_schema.lower(name) from {NAME}",
    ],
)
def test_the_gate_refuses_what_is_more_than_computing(engine: Engine, sql: str) -> None:
    with pytest.raises(StatementRefusedError):
        engine.gate(sql)


def test_a_name_of_with_that_has_a_dot_hides_no_table(engine: Engine) -> None:
    # Else a session that is kept for its caller would answer, unnoted.
    query = f'with "{NAME}" as (select 1 as a) select * from {NAME}'
    assert engine.gate(query).tables == engine.names_read(query).tables == {NAME}
    assert (
        engine.gate(f'with "{NAME}" as (select 1 as a) select * from "{NAME}"').tables == set()
    )


def test_no_hint_names_what_stands_behind_a_table(engine: Engine, people: SecuredTable) -> None:
    with pytest.raises(LakeError) as failed:
        asked(engine, people, f"from (with rows as (select 1 a) from rows), rows, {NAME}")
    assert "__src" not in str(failed.value)


def test_every_allowed_function_is_one_of_the_engines(engine: Engine) -> None:
    from lakeworks.engines.duckdb.allowed_functions import ALLOWED

    with engine.session() as session:
        names = session.query(
            "select distinct lower(function_name) as n from duckdb_functions()"
        )
        known = {row["n"] for row in names.read_all().to_pylist()}
    parsed_alone = {
        "->", "case", "coalesce", "grouping", "grouping_id", "if", "ifnull", "try",
    }  # fmt: skip
    assert ALLOWED - known <= parsed_alone
