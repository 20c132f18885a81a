"""`evaluate`: every kind of data, what it is asked, and what becomes of what it opened."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from lakeworks.core.errors import RequestError
from lakeworks.quality import evaluate, parse

TABLE = pa.table({"id": [1, 2, 2, None], "name": ["a", "b", "c", None]})
RULES = 'Rules = [ IsComplete "id", IsUnique "name", Sum "id" = 5 ]'
VERDICTS = ["Passed", "Passed", "Passed", "Failed"]


def as_lines(path: Path) -> str:
    path.write_text("\n".join(json.dumps(row) for row in TABLE.to_pylist()))
    return str(path)


def as_array(path: Path) -> str:
    path.write_text(json.dumps(TABLE.to_pylist()))
    return str(path)


def as_csv(path: Path) -> str:
    pc.write_csv(TABLE, path)
    return str(path)


def as_parquet(path: Path) -> str:
    pq.write_table(TABLE, path)
    return str(path)


def as_parts(folder: Path) -> str:
    folder.mkdir()
    pq.write_table(TABLE.slice(0, 2), folder / "a.parquet")
    pq.write_table(TABLE.slice(2), folder / "b.parquet")
    (folder / "_SUCCESS").touch()
    return str(folder)


def as_delta(folder: Path) -> str:
    import deltalake

    deltalake.write_deltalake(folder, TABLE)
    return str(folder)


def as_delta_table(folder: Path) -> Any:
    import deltalake

    return deltalake.DeltaTable(as_delta(folder))


KINDS: dict[str, Any] = {
    "table": lambda _: TABLE,
    "batch": lambda _: TABLE.to_batches()[0],
    "reader": lambda _: TABLE.to_reader(),
    "dataset": lambda f: ds.dataset(as_parquet(f / "d.parquet")),
    "pandas": lambda _: TABLE.to_pandas(),
    "polars": lambda _: pl.from_arrow(TABLE),
    "lazy": lambda _: pl.DataFrame(TABLE.to_pydict()).lazy(),
    "relation": lambda _: duckdb.connect().from_arrow(TABLE),
    "parquet": lambda f: as_parquet(f / "d.parquet"),
    "path": lambda f: Path(as_parquet(f / "d.parquet")),
    "csv": lambda f: as_csv(f / "d.csv"),
    "lines": lambda f: as_lines(f / "d.jsonl"),
    "array": lambda f: as_array(f / "d.json"),
    "folder": lambda f: as_parts(f / "parts"),
    "glob": lambda f: as_parts(f / "parts") + "/*.parquet",
    "delta": lambda f: as_delta(f / "delta"),
    "delta table": lambda f: as_delta_table(f / "delta"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_data_is_judged_alike_and_keeps_its_order(
    kind: str, tmp_path: Path
) -> None:
    found = evaluate(KINDS[kind](tmp_path), RULES)
    assert [o.outcome for o in found.outcomes] == ["Failed", "Passed", "Passed"]
    rows = found.rows()
    assert rows["id"].to_pylist() == [1, 2, 2, None]
    assert rows["DataQualityEvaluationResult"].to_pylist() == VERDICTS
    assert found.rows().equals(rows)  # rows may be asked for again


def test_a_relation_leaves_its_connection_as_it_was() -> None:
    con = duckdb.connect()
    con.execute("create table t as select * from range(3) r(id)")
    con.execute("set TimeZone = 'Asia/Tokyo'")
    found = evaluate(con.table("t"), 'Rules = [ RowCount = 3, IsUnique "id" ]')
    assert found.passed
    assert con.execute("show tables").fetchall() == [("t",)]
    assert con.execute("select current_setting('TimeZone')").fetchall() == [("Asia/Tokyo",)]


def test_a_ruleset_may_be_text_a_file_or_parsed(tmp_path: Path) -> None:
    path = tmp_path / "r.dqdl"
    path.write_text(RULES)
    found = [evaluate(TABLE, each) for each in (RULES, path, str(path), parse(RULES))]
    assert all(each == found[0] for each in found)


def test_references_and_history_reach_the_rules() -> None:
    rules = 'Rules = [ RowCountMatch "ref" = 2.0, RowCount > avg(last(3)) ]'
    history = {"Dataset.*.RowCount": [1, 2, 3]}
    found = evaluate(TABLE, rules, reference={"ref": TABLE.slice(2)}, history=history)
    assert found.passed, found


@pytest.mark.parametrize(
    ("data", "more", "code", "said"),
    [
        (3, {}, "LW521", "builtins.int is no data"),
        ([TABLE], {}, "LW521", "builtins.list is no data"),
        ("/nowhere/x.parquet", {}, "LW522", "no data at /nowhere/x.parquet"),
        (pd.DataFrame({"x": [1, "a", b"b"]}), {}, "LW522", "pandas"),
        (TABLE, {"options": {"x": 1}}, "LW520", "compositeRuleEvaluation.method"),
        (TABLE, {"options": {"compositeRuleEvaluation.method": 1}}, "LW520", "DATASET or ROW"),
        (TABLE, {"history": {"a": "12"}}, "LW523", "no list of numbers"),
        (TABLE, {"reference": {"Primary": TABLE}}, "LW523", "primary"),
        (TABLE, {"now": "today"}, "LW523", "no datetime"),
        (TABLE, {"engine": "abacus"}, "LW413", "duckdb"),
    ],
)  # fmt: skip
def test_a_wrong_request_is_named(
    data: object, more: dict[str, Any], code: str, said: str
) -> None:
    with pytest.raises(RequestError) as raised:
        evaluate(data, RULES, **more)
    assert raised.value.code == code
    assert said in str(raised.value)


def test_files_of_several_formats_and_of_none_are_refused(tmp_path: Path) -> None:
    as_csv(tmp_path / "a.csv")
    as_parquet(tmp_path / "a.parquet")
    (tmp_path / "a.xyz").write_text("x")
    with pytest.raises(RequestError, match=r"several formats: \.csv, \.parquet"):
        evaluate(tmp_path, RULES)
    with pytest.raises(RequestError, match=r"ends in \.xyz"):
        evaluate(tmp_path / "a.xyz", RULES)


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    found = evaluate(pl.DataFrame({"id": [1]}).lazy(), 'Rules = [ IsComplete "id" ]')
    assert list(tmp_path.iterdir()) != []
    assert found.rows().num_rows == 1
    del found
    gc.collect()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(RequestError):
        evaluate("/nowhere", RULES)
    assert list(tmp_path.iterdir()) == []


def test_outcomes_are_told_as_table_json_and_junit() -> None:
    found = evaluate(TABLE, 'Rules = [ IsComplete "id", ColumnValues "name" = "<\x01&>" ]')
    told = json.loads(found.to_json())
    assert told["score"] == 0
    assert told["outcomes"][0]["evaluated_metrics"] == {"Column.id.Completeness": 0.75}
    suite = ElementTree.fromstring(found.to_junit(name="a<b"))[0]
    assert (suite.get("name"), suite.get("failures")) == ("a<b", "2")
    assert suite[1].get("name") == 'ColumnValues "name" = "<\ufffd&>"'
    assert found.to_arrow().column_names == [
        "Rule", "Outcome", "FailureReason", "EvaluatedMetrics",
    ]  # fmt: skip
    frame = found.to_frame()
    assert list(frame["Outcome"]) == ["Failed", "Failed"]
    assert frame["EvaluatedMetrics"][0] == {"Column.id.Completeness": 0.75}
    assert str(found).splitlines()[0] == "0 of 2 rules passed, score 0.00"


def test_a_stream_of_rows_has_the_schema_that_it_tells() -> None:
    reader = evaluate(TABLE, RULES).row_batches()
    lists = pa.list_(pa.dictionary(pa.int32(), pa.string()))
    assert reader.schema.field("DataQualityRulesPass").type == lists
    rows = reader.read_all()
    assert rows.schema == reader.schema
    rules = rows.select(["DataQualityRulesFail"])
    assert rules.to_pandas()["DataQualityRulesFail"][3].tolist() == ['IsComplete "id"']
    assert pl.from_arrow(rules)["DataQualityRulesFail"].list.len().to_list() == [0, 0, 0, 1]
    assert duckdb.sql("select count(*) from rules where len(#1) > 0").fetchall() == [(1,)]


def test_importing_quality_loads_no_engine() -> None:
    heavy = "{'duckdb', 'pyarrow', 'deltalake', 'pandas', 'polars', 'sqlglot', 'narwhals'}"
    code = f"import lakeworks.quality, sys; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_judging_a_file_loads_only_what_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "orders.parquet"
    duckdb.sql("select 1 as id, 'a' as name").write_parquet(str(path))
    code = f"""
import json, sys
from lakeworks.quality import evaluate
found = evaluate({str(path)!r}, 'Rules = [ IsUnique "id", ColumnValues "name" in ["a"] ]')
assert json.loads(found.to_json())["score"] == 1
print(sorted({{'pyarrow', 'pandas', 'sqlglot', 'deltalake', 'ssl', 'obstore'}} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_rows_of_many_files_keep_their_order_however_often_they_are_read(
    tmp_path: Path,
) -> None:
    for number in range(6):
        pq.write_table(
            pa.table({"id": [2 * number, 2 * number + 1, 7]}), tmp_path / f"{number}.parquet"
        )
    found = evaluate(str(tmp_path / "*.parquet"), 'Rules = [ IsUnique "id" ]')
    wanted = [value for n in range(6) for value in (2 * n, 2 * n + 1, 7)]
    for _ in range(60):
        assert found.rows().column("id").to_pylist() == wanted


def test_a_stream_that_is_given_up_takes_nothing_from_the_next() -> None:
    count = 300_000
    found = evaluate(pa.table({"id": range(count)}), 'Rules = [ IsUnique "id" ]')
    given_up = found.row_batches()
    given_up.read_next_batch()
    following = found.row_batches()
    first = following.read_next_batch()
    del given_up
    gc.collect()
    assert len(first) + sum(len(batch) for batch in following) == count
