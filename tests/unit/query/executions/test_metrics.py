"""Accounts as Prometheus reads them, and the figures that sum up many times."""

from __future__ import annotations

from typing import Any

import pytest

from lakeworks.catalog.query_usage import Usage
from lakeworks.query.executions.accounts import percentiles
from lakeworks.query.executions.metrics import prometheus


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([], (0.0, 0.0, 0.0)),
        ([3.0], (3.0, 3.0, 3.0)),
        ([2.0, 1.0], (1.0, 2.0, 2.0)),
        ([float(n) for n in range(100, 0, -1)], (50.0, 95.0, 100.0)),
    ],
)
def test_percentiles_are_values_that_occurred(
    values: list[float], found: tuple[float, float, float]
) -> None:
    assert tuple(percentiles(values).values()) == found


def account(name: str, usd: float | None = None) -> dict[str, Any]:
    times = {"p50": 0.5, "p95": 2.0, "max": 3.0}
    return {
        "workgroup": name, "waiting": 4, "cost_usd": 1.25, "budget": {"usd": usd},
        "lately": {"queries": 7, "queued_s": times, "seconds": times, "queued_s_sum": 1.5,
                   "seconds_sum": 9.5},
    }  # fmt: skip


def test_metrics_have_a_type_a_label_and_a_number_each() -> None:
    totals = {"a": Usage(9, 1, 2, 3, 1_000, 0.5, 1.5, 8.0)}
    lines = prometheus([account("a", 10.0), account("b")], totals).splitlines()
    assert 'lakeworks_queries_total{workgroup="a"} 9.0' in lines
    assert 'lakeworks_queries_total{workgroup="b"} 0.0' in lines
    assert 'lakeworks_scanned_bytes_total{workgroup="a"} 1000.0' in lines
    assert 'lakeworks_run_seconds{workgroup="a",quantile="0.95"} 2.0' in lines
    assert 'lakeworks_run_seconds_count{workgroup="a"} 7.0' in lines
    assert 'lakeworks_run_seconds_sum{workgroup="a"} 9.5' in lines
    assert 'lakeworks_queries_waiting{workgroup="b"} 4.0' in lines
    assert [line for line in lines if line.startswith("lakeworks_budget_usd")] == [
        'lakeworks_budget_usd{workgroup="a"} 10.0'
    ]
    # Each metric's samples stand together, below what describes them.
    described = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(described) == len(set(described))
    assert prometheus([], {}).endswith("\n")
