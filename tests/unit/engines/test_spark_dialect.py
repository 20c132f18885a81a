"""What the lake's SQL becomes for Spark, without a Spark."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lakeworks.core.types import Field, Schema, parse_type
from lakeworks.engines.errors import SqlError
from lakeworks.engines.registry import open_engine
from lakeworks.engines.spark.dialect import spark_select
from lakeworks.engines.spark.errors import NotOnSparkError
from lakeworks.engines.spark.patterns import java_format, java_pattern, java_replacement
from lakeworks.storage.files import TableSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pyarrow as pa

    from lakeworks.engines.protocol import Session

COLUMNS = {"id": "bigint", "n": "double", "t": "string", "ts": "timestamp_ntz"}


@pytest.fixture
def spark(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    engine = open_engine("duckdb", temp_directory=str(tmp_path), threads=1)
    schema = Schema(tuple(Field(name, parse_type(kind)) for name, kind in COLUMNS.items()))
    with engine.session() as session:
        session.bind("silver.o", TableSource("/", schema, ()))
        yield lambda sql: spark_select(sql, ["silver.o"], session).sql
    engine.close()


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("id // 2", "CAST((id DIV NULLIF(2, 0)) AS BIGINT)"),
        ("cast(n as int)", "CAST(RINT(n) AS INT)"),
        ("concat(t, 'x')", "CONCAT_WS('', t, 'x')"),
        ("date_trunc('month', ts)", "CAST(DATE_TRUNC('MONTH', ts) AS TIMESTAMP_NTZ)"),
        ("strftime(ts, '%Y-%m')", "DATE_FORMAT(ts, 'yyyy-MM')"),
    ],
)
def test_expression_becomes_sparks(
    spark: Callable[[str], str], written: str, told: str
) -> None:
    assert f"SELECT {told} AS x" in spark(f"select {written} as x from silver.o")


def test_table_becomes_a_view_under_its_own_name(spark: Callable[[str], str]) -> None:
    assert spark("select o.id from silver.o") == "SELECT o.id FROM `silver.o` AS `o`"


def test_common_table_hides_no_bound_table(spark: Callable[[str], str]) -> None:
    told = spark("with o as (select id from silver.o) select id from o")
    assert told.endswith("SELECT id FROM o")
    assert "`silver.o`" in told


@pytest.mark.parametrize("table", ["'/etc/passwd'", "parquet.x", "silver.p"])
def test_what_is_not_bound_cannot_be_named(spark: Callable[[str], str], table: str) -> None:
    with pytest.raises(SqlError):
        spark(f"select * from {table}")


@pytest.mark.parametrize("call", ["java_method('a', 'b')", "reflect('a')", "uuid()"])
def test_function_without_a_rule_is_refused(spark: Callable[[str], str], call: str) -> None:
    with pytest.raises(NotOnSparkError):
        spark(f"select {call} from silver.o")


def test_patterns_and_formats_keep_their_meaning() -> None:
    assert java_pattern("a$") == r"(?d)a\z"
    assert java_pattern("[[:alpha:]$]") == r"(?d)[\p{Alpha}$]"
    assert java_replacement(r"\1$") == r"$1\$"
    assert java_format("%d/%m/%Y", reading=True) == "d/M/yyyy"
    assert java_format("%Y%m%d", reading=True) == "yyyyMMdd"
    with pytest.raises(NotOnSparkError):
        java_pattern(r"(?P<name>a)")


@pytest.mark.parametrize(
    "of_length",
    [
        lambda n: (
            "select id from silver.o where "
            + " or ".join(f"(t = 'x{i}' and id = {i})" for i in range(n))
        ),
        lambda n: " union all ".join(f"select {i} as i, t from silver.o" for i in range(n)),
    ],
    ids=["conditions", "queries"],
)
def test_what_is_asked_about_a_chain_grows_as_the_chain_does(
    tmp_path: Path, of_length: Callable[[int], str]
) -> None:
    engine = open_engine("duckdb", temp_directory=str(tmp_path), threads=1)
    schema = Schema(tuple(Field(name, parse_type(kind)) for name, kind in COLUMNS.items()))
    with engine.session() as session:
        session.bind("silver.o", TableSource("/", schema, ()))
        known = Counting(session)
        for length in (20, 200):
            known.asked.append(0)
            spark_select(of_length(length), ["silver.o"], known)
    engine.close()
    assert known.asked[1] < 15 * known.asked[0]


@pytest.mark.parametrize(
    "deep", ["+".join(["n"] * 900), "(" * 90 + "n" + ")" * 90, "abs(" * 90 + "n" + ")" * 90]
)
def test_sql_that_is_nested_too_deeply_is_refused(
    spark: Callable[[str], str], deep: str
) -> None:
    with pytest.raises(NotOnSparkError, match="nested too deeply"):
        spark(f"select {deep} as x from silver.o")


class Counting:
    """Counts the letters of SQL that is described."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.asked: list[int] = []

    def describe(self, sql: str) -> Schema:
        self.asked[-1] += len(sql)
        return self._session.describe(sql)

    def query(self, sql: str) -> pa.RecordBatchReader:
        self.asked[-1] += len(sql)
        return self._session.query(sql)
