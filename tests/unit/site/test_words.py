"""Figures as people read them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lakeworks.site import words


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (words.size(999), "999 bytes"),
        (words.size(1_234_567), "1.2 MB"),
        (words.plural(1, "row"), "1 row"),
        (words.plural(1_200, "row"), "1,200 rows"),
        (words.span(5_400), "90 minutes"),
        (words.span(86_400), "1 day"),
        (words.span(0.5), "0.5 seconds"),
        (words.took(0.824), "0.82 s"),
        (words.took(12.34), "12.3 s"),
        (words.took(185), "3 min 05 s"),
        (words.percent(1.0), "100 %"),
        (words.percent(0.99999), "99.99 %"),
        (words.moment(datetime(2026, 11, 22, 4, 5, 6, tzinfo=UTC)), "2026-11-22 04:05"),
        (words.summary("First. Second."), "First."),
        (words.summary("x" * 30, 10), "xxxxxxxxx…"),
    ],
)
def test_figure_is_written_for_people(shown: str, expected: str) -> None:
    assert shown == expected
