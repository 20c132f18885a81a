"""What workgroups did, in the text format that Prometheus scrapes. Pure.

Counters come from the catalog: they outlive the service, and all services of a lake tell the same.
https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from lakeworks.catalog.query_usage import Usage

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_COUNTERS = (
    ("queries", "queries_total", "Queries that ended, however."),
    ("failed", "queries_failed_total", "Queries that failed."),
    ("cancelled", "queries_cancelled_total", "Queries that were cancelled."),
    ("reused", "queries_reused_total", "Queries that an earlier result answered."),
    ("scanned_bytes", "scanned_bytes_total", "Bytes that queries scanned."),
    ("cost_usd", "cost_usd_total", "What Athena would bill, in US dollars."),
    ("queued_s", "queued_seconds_total", "How long queries waited, together."),
    ("seconds", "run_seconds_total", "How long queries ran, together."),
)
_TIMES = (
    ("queued_s", "queued_seconds", "How long queries of the last 24 hours waited."),
    ("seconds", "run_seconds", "How long queries of the last 24 hours ran."),
)
_GAUGES: tuple[tuple[str, str, Callable[[Mapping[str, Any]], Any]], ...] = (
    ("queries_waiting", "Queries that wait for a process of this service.",
     lambda one: one["waiting"]),
    ("budget_usd", "What queries of a month may cost, in US dollars.",
     lambda one: one["budget"]["usd"]),
    ("month_cost_usd", "What queries of this month cost, in US dollars.",
     lambda one: one["cost_usd"]),
)  # fmt: skip


def prometheus(accounts: Iterable[Mapping[str, Any]], totals: Mapping[str, Usage]) -> str:
    """Return the metrics of workgroups, given their accounts and what each ever used."""
    return "\n".join(_lines(list(accounts), totals)) + "\n"


def _lines(accounts: list[Mapping[str, Any]], totals: Mapping[str, Usage]) -> Iterator[str]:
    for name, metric, said in _COUNTERS:
        yield from _head(metric, said, "counter")
        for one in accounts:
            yield _sample(metric, one, getattr(totals.get(one["workgroup"]), name, 0))
    for name, metric, said in _TIMES:
        yield from _head(metric, said, "summary")
        for one in accounts:
            yield from _summary(metric, name, one)
    for metric, said, value in _GAUGES:
        yield from _head(metric, said, "gauge")
        yield from (
            _sample(metric, one, value(one)) for one in accounts if value(one) is not None
        )


def _summary(metric: str, name: str, account: Mapping[str, Any]) -> Iterator[str]:
    lately = account["lately"]
    yield _sample(metric, account, lately[name]["p50"], quantile="0.5")
    yield _sample(metric, account, lately[name]["p95"], quantile="0.95")
    yield _sample(f"{metric}_count", account, lately["queries"])
    yield _sample(f"{metric}_sum", account, lately[f"{name}_sum"])


def _head(metric: str, said: str, kind: str) -> Iterator[str]:
    yield f"# HELP lakeworks_{metric} {said}"
    yield f"# TYPE lakeworks_{metric} {kind}"


def _sample(metric: str, account: Mapping[str, Any], value: float, **labels: str) -> str:
    # A workgroup's name is an identifier: nothing in it needs an escape.
    told = {"workgroup": account["workgroup"], **labels}
    shown = ",".join(f'{name}="{one}"' for name, one in told.items())
    return f"lakeworks_{metric}{{{shown}}} {float(value)!r}"
