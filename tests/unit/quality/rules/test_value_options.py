"""`ColumnValues … with ignoreCase` and `with timeZone`."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pyarrow as pa
import pytest

from lakeworks.quality import evaluate

NOW = datetime(2026, 11, 22, 20, 30, tzinfo=UTC)  # in Tokyo it is the 23rd
TEXTS = pa.table({"s": ["NEW", "new", "Ä", "ä", "", "  ", None]})
TIMES = pa.table(
    {
        "at": [datetime(2026, 11, 22, hour, tzinfo=UTC) for hour in (0, 9, 14, 20)],
        "local": [datetime(2026, 11, 22, hour) for hour in (0, 9, 14, 20)],  # noqa: DTZ001
        "day": [date(2026, 11, day) for day in (21, 22, 23, 24)],
        "text": ["9:30 AM", "21:45", "9:30 AM", None],
    }
)


def good(table: pa.Table, rule: str) -> list[int]:
    """Return which rows satisfy a rule."""
    found = evaluate(table, f"Rules = [ {rule} ]", now=NOW)
    assert found.outcomes[0].outcome != "Error", found
    results = found.rows()["DataQualityEvaluationResult"].to_pylist()
    return [at for at, result in enumerate(results) if result == "Passed"]


@pytest.mark.parametrize(
    ("rule", "rows"),
    [
        ('in ["New"]', []),
        ('in ["New"] with ignoreCase = "false"', []),
        ('in ["New"] with ignoreCase = "TRUE"', [0, 1]),
        ('= "nEw" with ignoreCase = "true"', [0, 1]),
        ('in ["ä", "New"] with ignoreCase = "true"', [0, 1, 2, 3]),
        ('in ["New", NULL, EMPTY, WHITESPACES_ONLY] with ignoreCase = "true"', [0, 1, 4, 5, 6]),
        ('!= "NEW" with ignoreCase = "true"', [2, 3, 4, 5, 6]),
        ('not in ["new", "Ä", NULL] with ignoreCase = "true"', [4, 5]),
    ],
)
def test_texts_may_be_compared_without_regard_to_case(rule: str, rows: list[int]) -> None:
    assert good(TEXTS, f'ColumnValues "s" {rule}') == rows


@pytest.mark.parametrize(
    ("rule", "rows"),
    [
        ('"at" > "9:00 AM"', [2, 3]),
        ('"at" >= "09:00"', [1, 2, 3]),
        ('"local" < "14:00"', [0, 1]),
        ('"at" between "8:59 AM" and "14:01"', [1, 2]),
        # 9:00 of the 22nd in New York is 14:00 in UTC.
        ('"at" = "9:00 AM" with timeZone = "America/New_York"', [2]),
        # 5:00 of the 23rd in Tokyo is 20:00 of the 22nd in UTC.
        ('"at" = "5:00 AM" with timeZone = "Asia/Tokyo"', [3]),
        ('"day" > "23:00"', [2, 3]),
        ('"day" = "5:00 AM" with timeZone = "Asia/Tokyo"', [1]),
        ('"text" = "9:30 AM"', [0, 2]),
    ],
)
def test_a_time_of_day_is_that_of_today_in_the_zone(rule: str, rows: list[int]) -> None:
    assert good(TIMES, f"ColumnValues {rule}") == rows
