"""Delete results, and forget executions, that their workgroups kept long enough."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from lakeworks.core import clock
from lakeworks.storage.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lakeworks.catalog.query_executions import ExecutionRecords, KeptExecution
    from lakeworks.project.workgroups import Workgroup
    from lakeworks.query.executions.results import ResultPlaces, ResultStore

logger = logging.getLogger(__name__)

ROWS_KEPT = timedelta(days=32)
"""Executions are remembered for so long at least: accounts of a month draw on them."""


def prune(
    workgroups: Mapping[str, Workgroup], records: ExecutionRecords, results: ResultPlaces
) -> tuple[set[str], int]:
    """Delete what each workgroup need not keep; return whose results are gone, and how many files.

    A place that cannot be reached is tried again the next time.
    """
    now = clock.now()
    gone: set[str] = set()
    count = 0
    for name, group in workgroups.items():
        due = records.expired(name, before=now - timedelta(seconds=group.retention_s))
        dropped = _dropped(due, results)
        ids = {one.execution_id for one in due if one.reused or one.execution_id in dropped}
        records.without_results(ids)
        gone |= ids
        count += len(dropped)
        kept_for = max(timedelta(seconds=group.retention_s), ROWS_KEPT)
        records.forget(name, before=now - kept_for)
    ages = results.ages({name: float(group.retention_s) for name, group in workgroups.items()})
    return gone, count + sum(_swept(results.at(place), age) for place, age in ages.items())


def _swept(store: ResultStore, age_s: float) -> int:
    """Delete what no execution is known of any more."""
    try:
        return store.sweep(older_than_s=age_s)
    except StorageError as error:
        logger.warning("old results could not be looked for: %s", error.problem)
        return 0


def _dropped(due: Iterable[KeptExecution], results: ResultPlaces) -> set[str]:
    """Delete results, place by place; return whose. A reused one is another execution's."""
    by_place: dict[str, list[str]] = {}
    for one in due:
        if not one.reused:
            by_place.setdefault(one.result_place, []).append(one.execution_id)
    dropped: set[str] = set()
    for place, execution_ids in by_place.items():
        try:
            results.at(place).drop(*execution_ids)
        except StorageError as error:
            logger.warning("old results could not be deleted: %s", error.problem)
            continue
        dropped.update(execution_ids)
    return dropped
