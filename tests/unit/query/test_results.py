"""The shapes that a result can be taken in, and the files that it can be written to."""

from __future__ import annotations

import builtins
import csv
import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeworks.core.errors import MissingExtraError
from lakeworks.query.errors import ResultSpentError, UnknownFormatError
from lakeworks.query.results import FORMATS, QueryResult

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class FakeSession:
    """Counts how often it was closed."""

    def __init__(self) -> None:
        self.closed = 0

    def __exit__(self, *_: object) -> None:
        self.closed += 1


TABLE = pa.table({
    "n": pa.array([1, None, 3]),
    "name": pa.array(["a,b", None, ""]),
    "amount": pa.array([Decimal("1.50"), Decimal("-20.00"), None], pa.decimal128(9, 2)),
    "share": pa.array([0.5, float("nan"), float("inf")]),
    "at": pa.array([datetime(2026, 11, 22, 5, tzinfo=UTC), None, None], pa.timestamp("us", "UTC")),
    "day": pa.array([datetime(2026, 11, 22, tzinfo=UTC).date(), None, None]),
    "tags": pa.array([["x", None], [], None]),
    "map": pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int64())),
    "row": pa.array([{"d": Decimal("1.1")}, {"d": None}, None]),
    "raw": pa.array([b"\x00\xff", None, b""]),
    "ok": pa.array([True, False, None]),
})  # fmt: skip
COMPARABLE = TABLE.drop(["share"])  # NaN equals nothing


def result(table: pa.Table = TABLE, *, limit: int | None = None, rows: int = 2) -> QueryResult:
    reader = pa.RecordBatchReader.from_batches(
        table.schema, table.to_batches(max_chunksize=rows)
    )
    return QueryResult(reader, FakeSession(), limit=limit)  # type: ignore[arg-type]


def written(format_: str, found: QueryResult | None = None) -> str:
    out = io.StringIO()
    (found or result()).write(format_, out)
    return out.getvalue()


def test_rows_are_python_values() -> None:
    first = result().rows()[0]
    assert (first["n"], first["amount"], first["at"]) == (
        1,
        Decimal("1.50"),
        datetime(2026, 11, 22, 5, tzinfo=UTC),
    )


def test_a_result_taken_whole_can_be_taken_again_in_any_shape() -> None:
    found = result()
    assert found.to_arrow().drop(["share"]).equals(COMPARABLE)
    assert found.to_polars().height == 3
    assert len(found.to_pandas()) == 3
    assert json.loads(written("json", found))[0]["n"] == 1
    assert found.head(2).num_rows == 2
    assert found.to_arrow().num_rows == 3


def test_a_streamed_result_is_gone() -> None:
    found = result()
    assert sum(batch.num_rows for batch in found.batches()) == 3
    with pytest.raises(ResultSpentError):
        found.to_arrow()


def test_the_session_is_closed_once_at_the_end_of_the_rows() -> None:
    found = result()
    session: Any = found._session
    found.to_arrow()
    found.close()
    assert session.closed == 1


def test_leaving_the_block_closes_a_half_read_result() -> None:
    with result() as found:
        session: Any = found._session
        batches = found.batches()
        next(batches)
        assert session.closed == 0
    assert session.closed == 1


def test_the_head_reads_no_further_than_it_must() -> None:
    pulled = []

    def batches() -> Iterator[pa.RecordBatch]:
        for number in range(100):
            pulled.append(number)
            yield pa.record_batch({"n": [number] * 10})

    reader = pa.RecordBatchReader.from_batches(pa.schema({"n": pa.int64()}), batches())
    found = QueryResult(reader, FakeSession())  # type: ignore[arg-type]
    assert found.head(15).column("n").to_pylist() == [0] * 10 + [1] * 5
    assert len(pulled) <= 3


@pytest.mark.parametrize(("limit", "rows"), [(0, 0), (1, 1), (2, 2), (3, 3), (9, 3)])
def test_a_limit_cuts_inside_batches(limit: int, rows: int) -> None:
    assert result(limit=limit).to_arrow().num_rows == rows


def test_columns_of_one_name_are_told_apart() -> None:
    table = pa.Table.from_arrays(
        [pa.array([1]), pa.array([2]), pa.array([3])], ["a", "a", "a_1"]
    )
    assert result(table).rows() == [{"a": 1, "a_2": 2, "a_1": 3}]


def test_json_is_a_list_of_objects_with_exact_decimals_and_no_nan() -> None:
    rows = json.loads(written("json"), parse_constant=pytest.fail)
    assert rows[0] == {
        "n": 1, "name": "a,b", "amount": "1.50", "share": 0.5,
        "at": "2026-11-22T05:00:00+00:00", "day": "2026-11-22", "tags": ["x", None],
        "map": {"k": 1}, "row": {"d": "1.1"}, "raw": "AP8=", "ok": True,
    }  # fmt: skip
    assert [row["share"] for row in rows] == [0.5, None, None]


def test_json_of_no_rows_is_an_empty_list() -> None:
    assert written("json", result(TABLE.slice(0, 0))) == "[]\n"


def test_the_sum_of_integers_stays_an_integer_in_json() -> None:
    table = pa.table({"total": pa.array([Decimal(2**70)], pa.decimal128(38, 0))})
    assert json.loads(written("json", result(table))) == [{"total": 2**70}]


def test_json_lines_are_one_object_a_line() -> None:
    lines = written("jsonl").splitlines()
    assert [json.loads(line)["n"] for line in lines] == [1, None, 3]


def test_csv_tells_null_from_empty_text() -> None:
    table = pa.table({"a": ["x\ny", None, "", 'q"'], "b": [1.5, None, 2, 3]})
    assert written("csv", result(table)) == 'a,b\n"x\ny",1.5\n,\n"",2.0\n"q""",3.0\n'


def test_csv_is_read_back_by_others() -> None:
    rows = list(csv.DictReader(io.StringIO(written("csv"))))
    assert rows[0]["name"] == "a,b"
    assert json.loads(rows[0]["map"]) == {"k": 1}
    assert rows[0]["amount"] == "1.50"


def test_a_table_aligns_numbers_right_and_shows_null() -> None:
    table = pa.table({"name": ["ann", None], "total": [1, 250], "x": pa.nulls(2)})
    assert written("table", result(table)) == (
        "name  total  x\n"
        "----  -----  ----\n"
        "ann       1  null\n"
        "null    250  null\n"
    )  # fmt: skip


def test_a_table_cannot_steer_the_terminal_and_shortens_long_cells() -> None:
    text = written("table", result(pa.table({"a": ["\x1b[31mred\n", "ü" * 500, "日本" * 100]})))
    assert "\x1b" not in text
    assert all(len(line) <= 60 for line in text.splitlines())
    assert text.count("…") == 2


def test_parquet_and_arrow_files_hold_the_same_rows(tmp_path: Path) -> None:
    assert result().write("parquet", tmp_path / "r.parquet") == 3
    assert result().write("arrow", str(tmp_path / "r.arrow")) == 3
    assert pq.read_table(tmp_path / "r.parquet").drop(["share"]).equals(COMPARABLE)
    again = pa.ipc.open_stream(tmp_path / "r.arrow").read_all()
    assert again.drop(["share"]).equals(COMPARABLE)


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_writes_the_same_to_a_path_and_to_an_open_file(
    format_: str, tmp_path: Path
) -> None:
    open_file = io.BytesIO()
    assert result().write(format_, open_file) == 3
    assert not open_file.closed
    result().write(format_, tmp_path / "out")
    if format_ != "parquet":
        assert (tmp_path / "out").read_bytes() == open_file.getvalue()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("format_", ["csv", "json", "jsonl"])
def test_text_does_not_depend_on_how_rows_are_cut_into_batches(format_: str) -> None:
    assert written(format_, result(rows=1)) == written(format_, result(rows=3))


def test_a_result_that_fails_half_way_leaves_the_old_file(tmp_path: Path) -> None:
    def batches() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch({"n": [1]})
        raise RuntimeError

    reader = pa.RecordBatchReader.from_batches(pa.schema({"n": pa.int64()}), batches())
    target = tmp_path / "out.csv"
    target.write_text("old")
    with pytest.raises(RuntimeError):
        QueryResult(reader, FakeSession()).write("csv", target)  # type: ignore[arg-type]
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


def test_moments_beyond_python_are_written_as_text() -> None:
    table = pa.table({"at": pa.array([2**62], pa.timestamp("us", "UTC"))})
    assert json.loads(written("json", result(table)))[0]["at"].endswith("Z")


def test_an_unknown_format_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownFormatError) as caught:
        result().write("jsn", io.StringIO())
    assert "did you mean json?" in str(caught.value)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_missing_library_is_named_with_its_extra(
    library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    actual = builtins.__import__

    def importer(name: str, *args: Any, **options: Any) -> Any:
        if name == library:
            raise ImportError(name)
        return actual(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", importer)
    with pytest.raises(MissingExtraError) as caught:
        getattr(result(), f"to_{library}")()
    assert f"pip install 'lakeworks[{library}]'" in str(caught.value)
