"""What footers and bitmaps answer is what a scan and a grouping give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeworks.engines.registry import open_engine
from lakeworks.quality import compile_ruleset, evaluate, parse
from lakeworks.quality.evaluation.gathering import gather

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lakeworks.engines.protocol import Session

ROWS = 60_000
RULES = """Rules = [
  RowCount > 0, IsComplete "key", Completeness "gap" > 0.1, Completeness "Text" > 0.1,
  ColumnValues "key" > -100, ColumnValues "gap" < 1000000,
  IsUnique "key", IsPrimaryKey "key", Uniqueness "gap" > 0.1, UniqueValueRatio "gap" > 0.1,
  DistinctValuesCount "few" = 7, DistinctValuesCount "key" > 1, DuplicateRowCount "few" > 1,
  IsUnique "key" where "few < 3", DistinctValuesCount "gap" > 1 where "few = 1",
  Entropy "few" > 0.1, IsUnique "twice", IsUnique "far", Uniqueness "key" "few" > 0.5
]"""


def _columns(rows: int = ROWS, first: int = 0) -> dict[str, Any]:
    numbers = range(first, first + rows)
    return {
        "key": pa.array([n - 50 for n in numbers], pa.int64()),
        "gap": pa.array([None if n % 3 == 0 else n for n in numbers], pa.int32()),
        "few": pa.array([n % 7 for n in numbers], pa.int8()),
        "twice": pa.array([n // 2 if n < 2 else n for n in numbers], pa.int64()),
        "far": pa.array([n * 10**12 for n in numbers], pa.int64()),
        "Text": pa.array([None if n % 10 == 0 else str(n) for n in numbers]),
    }


def _judged(data: object) -> list[tuple[str, str, str | None, dict[str, float]]]:
    return [
        (o.rule, o.outcome, o.failure_reason, dict(o.evaluated_metrics))
        for o in evaluate(data, RULES).outcomes
    ]


def test_figures_are_the_same_with_and_without_footers(tmp_path: Path) -> None:
    whole = pa.table(_columns())
    pq.write_table(whole, tmp_path / "whole.parquet", row_group_size=10_000)
    assert _judged(tmp_path / "whole.parquet") == _judged(whole)


def test_a_column_that_a_file_lacks_is_null_in_its_rows(tmp_path: Path) -> None:
    first, second = pa.table(_columns()), pa.table(_columns(1000, ROWS)).drop_columns(["gap"])
    pq.write_table(first, tmp_path / "a.parquet")
    pq.write_table(second, tmp_path / "b.parquet")
    together = pa.concat_tables([first, second], promote_options="default")
    assert _judged(tmp_path) == _judged(together)


def test_a_file_without_statistics_is_counted(tmp_path: Path) -> None:
    whole = pa.table(_columns())
    pq.write_table(whole, tmp_path / "bare.parquet", write_statistics=False)
    assert _judged(tmp_path / "bare.parquet") == _judged(whole)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    engine = open_engine("duckdb", temp_directory=str(tmp_path / "spill"))
    with engine.session() as opened:
        yield opened
    engine.close()


def test_bounds_are_known_of_whole_numbers_only(tmp_path: Path, session: Session) -> None:
    told = _columns(100) | {
        "day": pa.array(range(100), pa.date32()),
        "price": pa.array(range(100), pa.decimal128(9, 0)),
        "wide": pa.array(range(100), pa.uint64()),
        "list": pa.array([[n] for n in range(100)]),
        "none": pa.array([None] * 100, pa.int64()),
    }
    pq.write_table(pa.table(told), tmp_path / "t.parquet")
    session.bind_files("t", [str(tmp_path / "t.parquet")], "parquet")
    known = session.known("t")
    assert known is not None
    assert known.rows == 100
    bounds = {name: column.bounds for name, column in known.columns.items()}
    assert bounds == {
        "key": (-50, 49), "gap": (1, 98), "few": (0, 6), "twice": (0, 99),
        "far": (0, 99 * 10**12), "Text": None, "day": None, "price": None, "wide": None,
        "none": None,
    }  # fmt: skip
    nulls = {name: column.nulls for name, column in known.columns.items()}
    assert (nulls["gap"], nulls["Text"], nulls["none"], nulls["day"]) == (34, 10, 100, 0)


def test_names_that_differ_in_case_only_are_told_apart(
    tmp_path: Path, session: Session
) -> None:
    told = pa.table({"a": pa.array([1, None]), "A": pa.array([None, None], pa.int64())})
    pq.write_table(told, tmp_path / "t.parquet")
    session.bind_files("t", [str(tmp_path / "t.parquet")], "parquet")
    known = session.known("t")
    assert known is not None
    assert not {"a", "A"} & set(known.columns)


def test_nothing_is_known_of_text_files_nor_of_a_name_bound_anew(
    tmp_path: Path, session: Session
) -> None:
    pq.write_table(pa.table({"a": [1]}), tmp_path / "t.parquet")
    (tmp_path / "t.csv").write_text("a\n1\n2\n")
    session.bind_files("t", [str(tmp_path / "t.parquet")], "parquet")
    assert session.known("t") is not None
    session.bind_files("t", [str(tmp_path / "t.csv")], "csv")
    assert session.known("t") is None
    session.bind_files("t", [str(tmp_path / "t.parquet")], "parquet")
    session.bind_arrow("t", pa.table({"a": [1, 2, 3]}))
    assert session.known("t") is None


def test_values_that_lie_far_apart_get_no_bitmap(tmp_path: Path, session: Session) -> None:
    pq.write_table(pa.table(_columns()), tmp_path / "t.parquet")
    session.bind_files("t", [str(tmp_path / "t.parquet")], "parquet")
    known = session.known("t")
    assert known is not None
    assert "bitstring_agg" in session.distinct("key", known, "")
    assert session.distinct("far", known, "") == session.distinct("Text", known, "") == ""


def test_bounds_of_a_file_whose_column_is_rounded_are_not_taken(
    tmp_path: Path, session: Session
) -> None:
    from lakeworks.core.types import Field, Schema, parse_type
    from lakeworks.storage.files import DataFile, TableSource

    pq.write_table(pa.table({"a": [1.5, 2.5]}), tmp_path / "t.parquet")
    schema = Schema((Field("a", parse_type("bigint")),))
    session.bind("t", TableSource(str(tmp_path), schema, (DataFile("t.parquet", 1, 2),)))
    known = session.known("t")
    assert known is not None
    assert known.columns["a"].nulls == 0
    assert known.columns["a"].bounds is None


def test_a_file_of_which_the_log_counts_fewer_rows_tells_nothing(
    tmp_path: Path, session: Session
) -> None:
    from lakeworks.core.types import Field, Schema, parse_type
    from lakeworks.storage.files import DataFile, TableSource

    pq.write_table(pa.table({"a": [1, 2]}), tmp_path / "t.parquet")
    schema = Schema((Field("a", parse_type("bigint")),))
    for rows, told in ((2, True), (1, False)):
        files = (DataFile("t.parquet", 1, rows),)
        session.bind("t", TableSource(str(tmp_path), schema, files))
        assert (session.known("t") is not None) == told


@pytest.mark.parametrize(("column", "grouped"), [("key", 0), ("twice", 1), ("Text", 1)])
def test_only_a_column_that_may_repeat_is_grouped(
    tmp_path: Path, session: Session, column: str, grouped: int
) -> None:
    pq.write_table(pa.table(_columns()), tmp_path / "t.parquet")
    session.bind_files("primary", [str(tmp_path / "t.parquet")], "parquet")
    asked: list[str] = []
    figures = session.figures
    session.figures = lambda sql: asked.append(sql) or figures(sql)  # type: ignore[method-assign]
    schema = session.describe('select * from "primary"')
    gather(compile_ruleset(parse(f'Rules = [ IsUnique "{column}" ]'), schema), session)
    assert sum("group by" in sql for sql in asked) == grouped


def test_what_footers_tell_needs_no_statement(tmp_path: Path, session: Session) -> None:
    pq.write_table(pa.table(_columns()), tmp_path / "t.parquet")
    session.bind_files("primary", [str(tmp_path / "t.parquet")], "parquet")
    rules = 'Rules = [ RowCount > 5, IsComplete "key", Completeness "gap" > 0.5 ]'
    compiled = compile_ruleset(parse(rules), session.describe('select * from "primary"'))
    session.figures = pytest.fail  # type: ignore[method-assign]
    assert compiled.judge(gather(compiled, session)).passed
