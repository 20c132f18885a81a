"""What changed code does to columns, and to whoever reads them, before anything happens."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lakeworks.pipeline.check import describe
from lakeworks.pipeline.graph import graph_of, readers

if TYPE_CHECKING:
    from lakeworks.core.names import TableName
    from lakeworks.core.types import Schema
    from lakeworks.pipeline.check import Described
    from lakeworks.pipeline.plan import PlannedStep
    from lakeworks.pipeline.state import Services, State
    from lakeworks.project.declaration import Project


def with_schema_changes(
    steps: tuple[PlannedStep, ...], services: Services, state: State
) -> tuple[PlannedStep, ...]:
    """Return the steps with the column changes of those that are built anew."""
    described = describe(services)
    turned = readers(graph_of(services.project))
    finished: list[PlannedStep] = []
    for step in steps:
        head = state.heads.get(step.table)
        new = described.schemas.get(step.table)
        if step.action != "rebuild" or head is None or new is None:
            finished.append(step)
            continue
        changes = _changes(head.schema, new)
        affected = _affected(step.table, turned, described, services.project) if changes else ()
        finished.append(replace(step, schema_changes=changes, affected=affected))
    return tuple(finished)


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


def _affected(
    table: TableName,
    turned: dict[TableName, set[TableName]],
    described: Described,
    project: Project,
) -> tuple[str, ...]:
    """Return each direct reader, with the reason why it would break, if it would."""
    told: list[str] = []
    for reader in sorted(turned.get(table, ())):
        at = project.models[reader].at.file
        broken = [m.problem for m in described.mistakes if m.at.file == at]
        told.append(f"{reader} breaks: {broken[0]}" if broken else f"{reader} is made again")
    return tuple(told)
