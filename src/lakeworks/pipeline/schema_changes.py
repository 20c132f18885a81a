"""What changed code does to columns, and to whoever reads them, before anything happens."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lakeworks.core.types import Schema
from lakeworks.pipeline.check import describe
from lakeworks.pipeline.graph import graph_of, readers
from lakeworks.pipeline.lineage import graph_with

if TYPE_CHECKING:
    from lakeworks.catalog.lineage.graph import Affected
    from lakeworks.core.names import TableName
    from lakeworks.pipeline.check import Described
    from lakeworks.pipeline.plan import PlannedStep
    from lakeworks.pipeline.state import Services, State
    from lakeworks.project.declaration import Model, Project
    from lakeworks.project.errors import Mistake


def with_schema_changes(
    steps: tuple[PlannedStep, ...], services: Services, state: State
) -> tuple[tuple[PlannedStep, ...], tuple[Mistake, ...]]:
    """Return the steps with what becomes of their columns, and why some of them would fail."""
    described = describe(services)
    turned = readers(graph_of(services.project))
    finished: list[PlannedStep] = []
    for step in steps:
        head = state.heads.get(step.table)
        new = described.schemas.get(step.table)
        if step.action not in {"rebuild", "update"} or head is None or new is None:
            finished.append(step)
            continue
        changes = _changes(head.schema, new)
        affected = _affected(step.table, turned, described, services.project) if changes else ()
        affected += _further(step.table, head.schema, new, services)
        finished.append(replace(step, schema_changes=changes, affected=affected))
    working = {step.table for step in steps if step.action != "none"}
    models = [model for model in services.project.models.values() if model.table in working]
    mistakes = [m for m in described.mistakes if any(_is_of(m, model) for model in models)]
    return tuple(finished), tuple(mistakes)


def _changes(old: Schema, new: Schema) -> tuple[str, ...]:
    told: list[str] = []
    for column in new:
        before = old.get(column.name)
        if before is None:
            told.append(f"adds {column.name} {column.type}")
        elif before.type != column.type:
            told.append(f"changes {column.name} from {before.type} to {column.type}")
    told += [f"drops {column.name} {column.type}" for column in old if column.name not in new]
    return tuple(told)


def _further(table: TableName, old: Schema, new: Schema, services: Services) -> tuple[str, ...]:
    """Return what dropped and changed columns reach beyond the direct readers, and its owners."""
    touched = [
        column.name
        for column in old
        if (now := new.get(column.name)) is None or now.type != column.type
    ]
    if not touched:
        return ()
    # Readers still name the columns that are dropped, so these count as there.
    gone = [column for column in old if column.name not in new]
    graph = graph_with(services, {table: Schema((*new, *gone))}, exactly=frozenset({table}))
    return tuple(
        f"{one.table}{_owned(one)} is affected: {', '.join(one.columns) or 'its rows'}"
        for one in graph.impact(str(table), touched)
        if not one.direct or one.owner
    )


def _owned(one: Affected) -> str:
    return f" (owner: {one.owner})" if one.owner else ""


def _affected(
    table: TableName,
    turned: dict[TableName, set[TableName]],
    described: Described,
    project: Project,
) -> tuple[str, ...]:
    """Return each direct reader, with the reason why it would break, if it would."""
    told: list[str] = []
    for reader in sorted(turned.get(table, ())):
        model = project.models[reader]
        broken = [m.problem for m in described.mistakes if _is_of(m, model)]
        told.append(f"{reader} breaks: {broken[0]}" if broken else f"{reader} is made again")
    return tuple(told)


def _is_of(mistake: Mistake, model: Model) -> bool:
    """Whether a mistake is in this model; a Python file may hold several."""
    if model.function is not None:
        return mistake.at == model.at
    return mistake.at.file == model.at.file
