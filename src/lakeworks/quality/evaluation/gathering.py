"""Fetch the figures of a compiled ruleset, so that one bad rule spoils no other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakeworks.core.errors import LakeError
from lakeworks.quality.evaluation.shortcuts import fetched, row
from lakeworks.quality.outcomes.evaluation import reason_of
from lakeworks.quality.outcomes.figures import Figures
from lakeworks.quality.outcomes.metrics import PRIMARY, Extra

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakeworks.engines.protocol import Session
    from lakeworks.quality.evaluation.compile import CompiledRuleset, Scope
    from lakeworks.quality.outcomes.metrics import Metric

_FEW_ROWS = 1_000


def gather(
    compiled: CompiledRuleset,
    session: Session,
    *,
    relation: str = PRIMARY,
    scope: Scope = "all",
    rejected_by: Mapping[str, int] | None = None,
    rows_read: int = 0,
) -> Figures:
    """Return the figures that a ruleset is judged by.

    All plain aggregates and groupings are one statement. Only where that fails is it taken
    apart: then the figures that the engine cannot give are told with their reasons, and the
    others are there.

    Args:
        relation: Where the rows are; queries of their own always read `"primary"`.
        scope: `dataset` leaves out the rules that are judged by rows.

    Raises:
        LakeError: not one rule's SQL is at fault, but the data or the machine.
    """
    wanted = compiled.wanted(scope)
    values: dict[str, Any] = {}
    problems: dict[str, str] = {}
    together = {n: m for n, m in wanted.items() if not isinstance(m, Extra)}
    try:
        values.update(fetched(session, together, relation))
    except LakeError as error:
        if not _of_the_sql(error):
            raise
        for needs in compiled.needs(scope):
            _apart(session, {n: together[n] for n in needs if n in together}, relation,
                   values, problems)  # fmt: skip
    for name, metric in wanted.items():
        if isinstance(metric, Extra):
            try:
                values[name] = _rows(session, metric.sql)
            except LakeError as error:
                if not _of_the_sql(error):
                    raise
                problems[name] = reason_of(error)
    return Figures(values, rejected_by, rows_read, problems)


def _of_the_sql(error: LakeError) -> bool:
    from lakeworks.engines.errors import (
        EngineFailedError,
        SqlError,
        UnknownColumnError,
        ValueConversionError,
    )

    kinds = (SqlError, ValueConversionError, EngineFailedError, UnknownColumnError)
    return isinstance(error, kinds)


def _apart(
    session: Session,
    wanted: Mapping[str, Metric],
    relation: str,
    values: dict[str, Any],
    problems: dict[str, str],
) -> None:
    missing = {n: m for n, m in wanted.items() if n not in values and n not in problems}
    try:
        values.update(row(session, missing, relation))
    except LakeError as error:
        if not _of_the_sql(error):
            raise
        for name, metric in missing.items():
            try:
                values.update(row(session, {name: metric}, relation))
            except LakeError as single:
                problems[name] = reason_of(single)


def _rows(session: Session, sql: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    reader = session.query(sql)
    try:
        for batch in reader:
            found.extend(batch.slice(0, _FEW_ROWS - len(found)).to_pylist())
            if len(found) >= _FEW_ROWS:
                break
    finally:
        reader.close()
    return found
