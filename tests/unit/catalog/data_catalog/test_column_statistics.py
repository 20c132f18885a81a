"""What a Delta log says exactly of its columns, in Glue's shapes."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.session import get_session
from botocore.validate import ParamValidator

from lakeworks.catalog.data_catalog.column_statistics import ColumnStatistics, of_files
from lakeworks.catalog.data_catalog.errors import EntryRefusedError
from lakeworks.core.types import Decimal, Field, Scalar, Schema, Type
from lakeworks.storage.files import DataFile
from lakeworks.storage.log_state import TableVersion


def file(rows: int, nulls: int, low: Any, high: Any, **partition: str | None) -> DataFile:
    stats = {"numRecords": rows, "nullCount": {"c": nulls}}
    if low is not None:
        stats |= {"minValues": {"c": low}, "maxValues": {"c": high}}
    return DataFile(f"{rows}", 1, rows, partition, stats)


def told(kind: Type, *files: DataFile, column: str = "c") -> dict[str, Any] | None:
    version = TableVersion(
        version=1,
        schema=Schema((Field(column, kind),)),
        partition_columns=(),
        files=files,
        transactions={},
        info={},
        evolved=False,
        committed_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    found = of_files(version)
    return dict(found[0].data) if found else None


def test_whole_numbers_have_exact_nulls_and_ends() -> None:
    assert told(Scalar("bigint"), file(5, 1, -3, 9), file(5, 2, 2, 2)) == {
        "NumberOfNulls": 3,
        "MinimumValue": -3,
        "MaximumValue": 9,
    }


def test_distinct_values_are_known_where_each_file_has_one() -> None:
    found = told(Scalar("int"), file(5, 0, 7, 7), file(5, 0, 7, 7), file(5, 1, 8, 8))
    assert found == {"NumberOfNulls": 1, "MinimumValue": 7, "MaximumValue": 8,
                     "NumberOfDistinctValues": 2}  # fmt: skip


def test_a_column_of_nulls_has_no_ends() -> None:
    assert told(Scalar("int"), file(5, 5, None, None)) == {
        "NumberOfNulls": 5,
        "NumberOfDistinctValues": 0,
    }


def test_ends_that_a_file_does_not_know_are_not_told() -> None:
    # Of a file with NaN no ends are written.
    assert told(Scalar("double"), file(5, 1, None, None), file(2, 0, 1.5, 2.5)) == {
        "NumberOfNulls": 1
    }
    # Delta cuts long texts, so ends of texts may be no values.
    assert told(Scalar("string"), file(5, 1, "a", "b")) == {"NumberOfNulls": 1}


def test_a_column_of_which_a_file_says_nothing_is_left_out() -> None:
    silent = DataFile("x", 1, 3)
    assert told(Scalar("int"), file(5, 1, 1, 2), silent) is None


def test_partition_columns_are_known_from_the_log() -> None:
    files = [file(5, 0, None, None, c="eu"), file(4, 0, None, None, c=None)]
    assert told(Scalar("string"), *files) == {"NumberOfNulls": 4, "NumberOfDistinctValues": 1}
    files = [file(5, 0, None, None, c="10"), file(4, 0, None, None, c="9")]
    assert told(Scalar("int"), *files) == {"NumberOfNulls": 0, "MinimumValue": 9,
                                           "MaximumValue": 10, "NumberOfDistinctValues": 2}  # fmt: skip


def test_dates_and_decimals_are_written_as_glue_writes_them() -> None:
    dates = told(Scalar("date"), file(5, 0, "2026-01-01", "2026-01-02"))
    assert dates is not None
    assert dates["MaximumValue"] - dates["MinimumValue"] == 86_400
    amounts = told(Decimal(10, 2), file(5, 0, -1.5, 300.25))
    assert amounts is not None
    low, high = amounts["MinimumValue"], amounts["MaximumValue"]
    unscaled = [int.from_bytes(base64.b64decode(one["UnscaledValue"]), "big", signed=True)
                for one in (low, high)]  # fmt: skip
    assert (unscaled, low["Scale"]) == ([-150, 30_025], 2)


def test_statistics_survive_glues_shape_and_fit_its_description() -> None:
    given: dict[str, Any] = {
        "ColumnName": "id",
        "ColumnType": "bigint",
        "AnalyzedTime": 1_700_000_000.0,
        "StatisticsData": {
            "Type": "LONG",
            "LongColumnStatisticsData": {
                "MinimumValue": 1,
                "MaximumValue": 9,
                "NumberOfNulls": 0,
                "NumberOfDistinctValues": 9,
            },
        },
    }
    read = ColumnStatistics.from_json(given)
    assert (read.kind, read.data["MaximumValue"]) == ("LONG", 9)
    assert read.as_json() == given
    shape = get_session().get_service_model("glue").shape_for("ColumnStatistics")
    assert not ParamValidator().validate(read.as_json(), shape).has_errors()
    with pytest.raises(EntryRefusedError, match="no kind 'MAP'"):
        ColumnStatistics.from_json({"ColumnName": "c", "StatisticsData": {"Type": "MAP"}})
