"""SHOW, DESCRIBE, PREPARE and EXECUTE: as the owner, and as principals who see a part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeworks.catalog.errors import UnknownTableError
from lakeworks.core.errors import LakeError
from lakeworks.lake import Lake
from lakeworks.query.errors import (
    NothingToShowError,
    PreparedStatementError,
    StatementSyntaxError,
)
from lakeworks.query.questions import Caller

if TYPE_CHECKING:
    from collections.abc import Iterator

POLICIES = """
administrators: [role:chief]
roles: {analyst: [ana], reader: [rob], chief: [chris]}
grants:
  - {to: role:analyst, permissions: SELECT, on: silver.people, except: [salary], rows: "year = 2026"}
  - {to: role:reader, permissions: DESCRIBE, on: silver.people}
  - {to: role:reader, permissions: SELECT, on: gold.total}
"""
PEOPLE = """/*
load: replace
partition_by: [year]
*/
select id, name, salary, year from bronze.people
"""


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    root = tmp_path_factory.mktemp("shown")
    for folder in ("sources", "models/silver", "models/gold", "policies", "landing/people"):
        (root / folder).mkdir(parents=True)
    (root / "lake.yml").write_text("name: shown\nenvironments:\n  dev: {storage: .lake}\n")
    (root / "policies/all.yml").write_text(POLICIES)
    (root / "sources/people.yml").write_text(
        "table: bronze.people\npath: landing/people\nformat: parquet\n"
    )
    (root / "models/silver/people.sql").write_text(PEOPLE)
    total = "/*\nload: replace\n*/\nselect count(*) as people from silver.people\n"
    (root / "models/gold/total.sql").write_text(total)
    people = pa.table({
        "id": [1, 2, 3], "name": ["ann", "bob", "cy"], "salary": [10.0, 20.0, 30.0],
        "year": [2025, 2026, 2026],
    })  # fmt: skip
    pq.write_table(people, root / "landing/people/1.parquet")
    with Lake.open(root) as opened:
        assert opened.pipeline.run().status == "succeeded"
        yield opened


def asked(lake: Lake, sql: str, who: str = "", **more: Any) -> list[tuple[Any, ...]]:
    caller = more.pop("workgroup", None)
    with lake.query.sql(sql, caller=Caller(who, caller or ""), **more) as found:
        return [tuple(row.values()) for row in found.rows()]


def test_databases_and_tables_are_those_that_the_caller_may_know_of(lake: Lake) -> None:
    assert asked(lake, "SHOW DATABASES") == [("bronze",), ("gold",), ("silver",)]
    assert asked(lake, "show schemas like 's*|g*'") == [("gold",), ("silver",)]
    assert asked(lake, "SHOW DATABASES", "ana") == [("silver",)]
    assert asked(lake, "SHOW TABLES", "rob") == [("gold.total",), ("silver.people",)]
    assert asked(lake, "SHOW TABLES IN silver", "ana") == [("people",)]
    assert asked(lake, "SHOW TABLES FROM bronze", "ana") == []
    assert asked(lake, "show tables '%total'") == [("gold.total",)]


def test_columns_are_those_that_the_caller_may_know_of(lake: Lake) -> None:
    assert [row[0] for row in asked(lake, "SHOW COLUMNS IN silver.people", "ana")] == [
        "id", "name", "year",
    ]  # fmt: skip
    assert [row[0] for row in asked(lake, "show columns from people in silver", "rob")] == [
        "id", "name", "salary", "year",
    ]  # fmt: skip
    described = asked(lake, "DESCRIBE silver.people", "rob", dialect="athena")
    assert described[0] == ("id", "bigint", "")
    assert asked(lake, "describe silver.people", "rob")[0] == ("id", "bigint", "")
    assert "salary" not in str(asked(lake, "describe formatted silver.people", "ana"))


def test_an_absent_table_and_a_forbidden_one_are_the_same(lake: Lake) -> None:
    def told(statement: str, table: str) -> str:
        with pytest.raises(UnknownTableError) as caught:
            asked(lake, f"{statement} {table}", "ana")
        assert "bronze" not in caught.value.hint
        return caught.value.problem.replace(table, "TABLE")

    for statement in (
        "SHOW COLUMNS IN", "DESCRIBE FORMATTED", "SHOW PARTITIONS", "SHOW TBLPROPERTIES",
        "SHOW CREATE TABLE", "SHOW CREATE VIEW",
    ):  # fmt: skip
        assert told(statement, "bronze.people") == told(statement, "bronze.peopla")


def test_partitions_are_those_of_rows_that_the_caller_sees(lake: Lake) -> None:
    every = [("year=2025",), ("year=2026",)]
    assert asked(lake, "SHOW PARTITIONS silver.people") == every
    assert asked(lake, "SHOW PARTITIONS silver.people", "ana") == [("year=2026",)]
    with pytest.raises(LakeError):
        asked(lake, "SHOW PARTITIONS silver.people", "rob")  # may not read a row
    with pytest.raises(NothingToShowError):
        asked(lake, "SHOW PARTITIONS gold.total")


def test_the_text_of_a_table_holds_what_the_caller_may_know(lake: Lake) -> None:
    text = "\n".join(row[0] for row in asked(lake, "SHOW CREATE TABLE silver.people", "ana"))
    assert text.startswith("CREATE TABLE silver.people (\n  `id` bigint,")
    assert "salary" not in text
    assert "PARTITIONED BY (year)" in text
    assert asked(lake, "SHOW TBLPROPERTIES silver.people", "ana") == [
        ("classification", "delta")
    ]


def test_the_text_of_a_view_takes_all_that_it_names(lake: Lake) -> None:
    asked(lake, "CREATE VIEW gold.names AS SELECT name FROM silver.people")
    assert ("gold.names",) in asked(lake, "SHOW VIEWS")
    shown = asked(lake, "SHOW CREATE VIEW gold.names")
    assert shown[0] == ("CREATE VIEW gold.names AS",)
    with pytest.raises(LakeError) as caught:
        asked(lake, "SHOW CREATE VIEW gold.names", "rob")
    assert "silver.people" not in str(caught.value).replace(
        "known: gold.total, silver.people", ""
    )


def test_functions_are_those_of_the_dialect(lake: Lake) -> None:
    assert ("regexp_like",) in asked(lake, "SHOW FUNCTIONS", dialect="athena")
    assert ("list_transform",) in asked(lake, "SHOW FUNCTIONS LIKE 'list*'")


@pytest.mark.parametrize(
    "sql", ["SHOW", "SHOW TABLES IN", "SHOW COLUMNS silver.people", "DESCRIBE EXTENDED",
            "SHOW TABLES; SELECT 1", "SHOW CREATE silver.people"],
)  # fmt: skip
def test_what_does_not_read_as_show_is_refused(lake: Lake, sql: str) -> None:
    with pytest.raises(StatementSyntaxError):
        asked(lake, sql)


def test_a_prepared_statement_is_executed_under_the_callers_permissions(lake: Lake) -> None:
    asked(
        lake, "PREPARE by_year FROM SELECT name FROM silver.people WHERE year >= ? ORDER BY 1"
    )
    assert asked(lake, "EXECUTE by_year USING 2000") == [("ann",), ("bob",), ("cy",)]
    assert asked(lake, "EXECUTE by_year USING 2000", "ana") == [("bob",), ("cy",)]


@pytest.mark.parametrize("sql", [
    "SELECT max(salary) FROM silver.people WHERE year = ?", "SELECT id + ? FROM bronze.people",
    "INSERT INTO gold.secret SELECT ?", "SELECT people FROM gold.total WHERE people > ?",
])  # fmt: skip
@pytest.mark.parametrize("statement", ["EXECUTE {} USING 1", "EXECUTE {}", "DEALLOCATE {}"])
def test_what_a_caller_could_not_ask_is_not_there(lake: Lake, sql: str, statement: str) -> None:
    # Its text, and so what goes wrong with it, names what the caller may not know.
    asked(lake, f"PREPARE secret_one FROM {sql}")
    told = []
    for name in ("secret_one", "absent_one"):
        with pytest.raises(PreparedStatementError) as caught:
            asked(lake, statement.format(name), "ana")
        told.append(str(caught.value).replace(name, "NAME"))
    assert told[0] == told[1]
    assert "secret" not in told[0]


def test_nobody_writes_in_their_own_name_what_another_worded(lake: Lake) -> None:
    lake.governance.grant("user:ana", "CREATE_TABLE", "gold")
    asked(lake, "PREPARE trap FROM CREATE TABLE gold.trapped AS SELECT 1 AS a", "rob")
    with pytest.raises(PreparedStatementError, match="another principal prepared it"):
        asked(lake, "EXECUTE trap", "ana")
    with pytest.raises(PreparedStatementError, match="GRANT cannot be prepared"):
        asked(lake, "PREPARE trap FROM GRANT SELECT ON gold.total TO USER rob", "rob")
    asked(lake, "PREPARE worded FROM CREATE TABLE gold.worded AS SELECT 1 AS a")
    assert asked(lake, "EXECUTE worded", "ana") == [(1,)]


def test_constants_keep_their_types(lake: Lake) -> None:
    asked(lake, "PREPARE kinds FROM SELECT ?, ?, ?, ?, ?")
    found = asked(
        lake, "EXECUTE kinds USING 'it''s', -1.50, DATE '2026-01-02', NULL, ARRAY[1, 2]"
    )
    assert [str(one) for one in found[0]] == ["it's", "-1.50", "2026-01-02", "None", "[1, 2]"]
    with pytest.raises(PreparedStatementError, match="has 5 \\?, and 1 values"):
        asked(lake, "EXECUTE kinds USING 1")
    with pytest.raises(StatementSyntaxError):
        asked(lake, "EXECUTE kinds USING (SELECT max(salary) FROM silver.people)")


def test_a_prepared_statement_keeps_its_dialect(lake: Lake) -> None:
    asked(lake, "PREPARE half FROM SELECT 7 / ?", dialect="athena")
    assert asked(lake, "EXECUTE half USING 2") == [(3,)]


def test_only_its_maker_or_an_administrator_changes_it(lake: Lake) -> None:
    asked(lake, "PREPARE own FROM SELECT 1", "ana")
    with pytest.raises(PreparedStatementError, match="another principal's"):
        asked(lake, "PREPARE own FROM SELECT 2", "rob")
    with pytest.raises(PreparedStatementError, match="another principal's"):
        asked(lake, "DEALLOCATE PREPARE own", "rob")
    assert asked(lake, "EXECUTE own", "rob") == [(1,)]
    asked(lake, "PREPARE own FROM SELECT 3", "ana")
    assert asked(lake, "EXECUTE own") == [(3,)]
    asked(lake, "DEALLOCATE PREPARE own", "chris")
    with pytest.raises(PreparedStatementError, match="no prepared statement"):
        asked(lake, "EXECUTE own", "ana")


def test_names_belong_to_a_workgroup(lake: Lake) -> None:
    asked(lake, "PREPARE here FROM SELECT 1", workgroup="etl")
    assert asked(lake, "EXECUTE here", workgroup="etl") == [(1,)]
    with pytest.raises(PreparedStatementError) as caught:
        asked(lake, "EXECUTE here")
    assert "known: here" not in str(caught.value)


@pytest.mark.parametrize(
    "sql", ["PREPARE x FROM SELECT FROM WHERE", "PREPARE x FROM EXECUTE x", "PREPARE x FROM",
            "PREPARE x FROM SELECT 1; SELECT 2", "PREPARE x FROM COPY t TO 'f'"],
)  # fmt: skip
def test_what_cannot_run_is_refused_when_it_is_prepared(lake: Lake, sql: str) -> None:
    with pytest.raises(LakeError):
        asked(lake, sql)


def test_what_was_prepared_anew_is_another_question(lake: Lake) -> None:
    asked(lake, "PREPARE changing FROM SELECT 1")
    before = lake.query.examine("EXECUTE changing")
    asked(lake, "PREPARE changing FROM SELECT 2")
    assert before.repeatable
    assert lake.query.examine("EXECUTE changing").versions != before.versions


def test_the_trail_tells_what_was_executed(lake: Lake) -> None:
    asked(lake, "PREPARE seen FROM SELECT count(*) AS n FROM silver.people WHERE id = ?")
    asked(lake, "EXECUTE seen USING 2", "ana")
    assert any("id = 2" in str(entry) for entry in lake.catalog.audit_trail.entries())


def test_a_query_of_athenas_is_held_to_the_same_permissions(lake: Lake) -> None:
    sql = "SELECT array_join(array_agg(name ORDER BY name), ',') FROM silver.people"
    assert asked(lake, sql, dialect="athena") == [("ann,bob,cy",)]
    assert asked(lake, sql, "ana", dialect="athena") == [("bob,cy",)]
    with pytest.raises(LakeError, match="salary"):
        asked(lake, "SELECT salary FROM silver.people", "ana", dialect="athena")


def test_statements_hold_queries_of_athenas(lake: Lake) -> None:
    asked(lake, "CREATE VIEW gold.halves AS SELECT id / 2 AS half FROM silver.people",
          dialect="athena")  # fmt: skip
    assert asked(lake, "SELECT half FROM gold.halves ORDER BY 1") == [(0,), (1,), (1,)]
    made = "CREATE TABLE gold.made WITH (format = 'PARQUET') AS SELECT 7 / 2 AS three"
    asked(lake, made, dialect="athena")
    assert asked(lake, "SELECT three FROM gold.made") == [(3,)]
    asked(lake, "INSERT INTO gold.made SELECT element_at(ARRAY[4, 5], -1)", dialect="athena")
    asked(lake, "DELETE FROM gold.made WHERE three / 2 = 1", dialect="athena")
    assert asked(lake, "SELECT three FROM gold.made") == [(5,)]


def test_grants_are_the_callers_own_but_for_administrators(lake: Lake) -> None:
    own = asked(lake, "SHOW GRANTS", "rob")
    assert ("role:reader", "gold.total", "SELECT", "NO") in own
    assert {row[0] for row in own} == {"role:reader"}
    assert "salary" not in str(asked(lake, "SHOW GRANTS ON silver.people", "ana"))
    assert {row[1] for row in asked(lake, "SHOW GRANTS ON silver.people", "ana")} == {
        "silver.people"
    }
    assert {"role:analyst", "role:reader"} <= {row[0] for row in asked(lake, "SHOW GRANTS")}
    assert asked(lake, "SHOW GRANTS", "chris") == asked(lake, "SHOW GRANTS")
