"""What a rule's SQL may do, what it may not, and what its result has to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from lakeworks.quality import compile_ruleset, evaluate, parse

if TYPE_CHECKING:
    from pathlib import Path

    from lakeworks.quality import RuleOutcome

DATA = pa.table({"id": [1, 2, 3], "name": ["a", "b", None], "share": [0.5, float("nan"), None]})


def judged(sql: str, asked: str = "> 0", **more: Any) -> RuleOutcome:
    text = sql.replace("\\", "\\\\").replace('"', '\\"')
    (outcome,) = evaluate(DATA, f'Rules = [ CustomSql "{text}" {asked} ]', **more).outcomes
    return outcome


@pytest.mark.parametrize(
    "sql",
    [
        "drop table primary",
        "create table x as select 1",
        "insert into primary values (1)",
        "attach 'x.db'",
        "set memory_limit = '1GB'",
        "copy primary to '/tmp/stolen.csv'",
        "select 1; select 2",
        "select count(*) from read_text('/etc/passwd')",
        "select count(*) from read_csv('/etc/passwd')",
        "select count(*) from glob('/*')",
        "select count(*) from duckdb_secrets()",
        "pragma database_list",
    ],
)
def test_anything_but_one_select_over_the_datasets_is_refused(sql: str) -> None:
    found = judged(sql)
    assert found.outcome == "Error"
    assert found.failure_reason.startswith("CustomSql is refused: ")


@pytest.mark.parametrize("table", ["'/etc/passwd'", "other", "information_schema.tables"])
def test_a_dataset_that_was_not_given_is_named(table: str) -> None:
    found = judged(f"select count(*) from {table}")
    assert found.outcome == "Failed"
    assert "what it may read is primary" in found.failure_reason


def test_a_file_cannot_be_read_within_an_expression(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("hidden")
    found = judged(f"select (select length(content) from read_text('{secret}')) from primary")
    assert found.outcome == "Error"


@pytest.mark.parametrize(
    ("sql", "outcome", "says"),
    [
        ("select count(*) from primary", "Passed", ""),
        ("SELECT COUNT(*) FROM Primary;", "Passed", ""),
        ('select count(*) from "primary"', "Passed", ""),
        ("select count(*) from primary -- all of them", "Passed", ""),
        ("with few as (select * from primary limit 1) select count(*) from few", "Passed", ""),
        ("select sum(primary.id) from primary", "Passed", ""),
        ("from primary select count(*)", "Passed", ""),
        ("select 0", "Failed", "CustomSQL is 0, not > 0"),
        ("select null", "Failed", "gives null"),
        ("select share from primary where id = 2", "Failed", "gives NaN"),
        ("select id from primary", "Error", "gives several rows"),
        ("select id from primary where false", "Error", "gives 0 rows"),
        ("select 1, 2", "Error", "gives 2 columns"),
        ("select name from primary where id = 1", "Error", "which is no number"),
        ("select true", "Error", "which is no number"),
        ("select nope from primary", "Failed", "nope"),
        ("select from from", "Failed", "cannot run"),
        ("select 1 / (id - 1) from primary where id = 3", "Passed", ""),
        ("select cast('x' as int)", "Error", "x"),
    ],
)
def test_a_condition_asks_for_one_number(sql: str, outcome: str, says: str) -> None:
    found = judged(sql)
    assert found.outcome == outcome, found.failure_reason
    assert says in found.failure_reason


def test_a_big_number_keeps_its_digits() -> None:
    found = judged("select 9007199254740993::bigint", "= 1")
    assert "9007199254740993" in found.failure_reason


def test_references_are_read_by_alias() -> None:
    more = {"reference": {"other": pa.table({"id": [1, 2]}), "db.third": pa.table({"id": [1]})}}
    assert judged("select count(*) from other", "= 2", **more).outcome == "Passed"
    assert judged("select count(*) from db.third", "= 1", **more).outcome == "Passed"
    joined = "select count(*) from primary join Other using (id)"
    assert judged(joined, "= 2", **more).outcome == "Passed"


def test_rows_are_found_by_columns_of_another_type() -> None:
    found = evaluate(DATA, 'Rules = [ CustomSql "select id::text as id from primary" ]')
    assert found.outcomes[0].outcome == "Passed"
    found = evaluate(DATA, "Rules = [ CustomSql \"select 'x' as id from primary\" ]")
    assert found.metrics == {"Dataset.*.CustomSQL.Compliance": 0}


def test_as_an_analyzer_the_number_is_kept() -> None:
    found = evaluate(DATA, 'Analyzers = [ CustomSql "select count(*) from primary" ]')
    assert found.metrics == {"Dataset.*.CustomSQL": 3}


def test_without_an_engine_at_hand_it_is_an_error() -> None:
    from lakeworks.core.types import Field, Schema, parse_type

    schema = Schema((Field("id", parse_type("bigint")),))
    ruleset = parse('Rules = [ CustomSql "select count(*) from primary" > 0 ]')
    compiled = compile_ruleset(ruleset, schema)
    assert compiled.judge({}).outcomes[0].outcome == "Error"
