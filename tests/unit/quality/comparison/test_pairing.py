"""Columns of two datasets: which compare, and that none makes a query fail."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from lakeworks.core.types import Field, parse_type
from lakeworks.quality import evaluate
from lakeworks.quality.comparison.literals import IncomparableError
from lakeworks.quality.comparison.pairing import paired


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (["1", "x", None, "3"], [1, 3]),
        ([1, 7, None, 3], ["1", "3", "x"]),
        (["2026-11-22", "x", None, "2026-11-20"], [pa.scalar("2026-11-22"), "2026-11-20"]),
        ([1.0, 7.5, None, 3.0], [1, 3]),
        (["1.50", "x", None, "3"], [1.5, 3.0]),
    ],
)
def test_values_compare_across_types(ours: list[Any], theirs: list[Any]) -> None:
    found = evaluate(
        pa.table({"k": ours}),
        'Rules = [ ReferentialIntegrity "k" "ref.k" = 0.5 ]',
        reference={
            "ref": pa.table({"k": [getattr(v, "as_py", lambda v=v: v)() for v in theirs]})
        },
    )
    assert found.outcomes[0].outcome == "Passed", found.outcomes[0].failure_reason


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("boolean", "bigint"),
        ("date", "double"),
        ("array<string>", "string"),
        ("binary", "date"),
    ],
)
def test_types_that_never_compare_are_refused(ours: str, theirs: str) -> None:
    with pytest.raises(IncomparableError, match="do not compare"):
        paired(Field("a", parse_type(ours)), Field("b", parse_type(theirs)))


def test_names_that_need_quotes_do_no_harm() -> None:
    data = pa.table({'a "b"': [1, 2], "lw_r0": ["x", "y"]})
    rules = (
        r'Rules = [ ReferentialIntegrity "lw_r0" "ref.lw_r0" = 1.0, '
        r'DatasetMatch "ref" "lw_r0" = 1.0 ]'
    )
    found = evaluate(data, rules, reference={"ref": data})
    assert found.score == 1
    assert found.rows().column("DataQualityEvaluationResult").to_pylist() == ["Passed"] * 2
