"""What is wrong with the views of the data catalog: names that files declare, texts that do not bind.

A materialised view that does not bind would fail a run, so it is a mistake; a view hurts only who
reads it, and is told as a doubt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.catalog.data_catalog.verbs import MANAGED_DATABASES
from lakeworks.core.errors import LakeError
from lakeworks.pipeline.catalog_views import conflicting, place_of, with_views
from lakeworks.pipeline.errors import StatementTableError
from lakeworks.pipeline.graph import execution_order, graph_of
from lakeworks.project.errors import Mistake
from lakeworks.storage.files import TableSource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakeworks.catalog.data_catalog.views import View
    from lakeworks.core.names import TableName
    from lakeworks.core.types import Schema
    from lakeworks.engines.protocol import Session
    from lakeworks.pipeline.state import Services
    from lakeworks.project.declaration import Model, Project

UNREADABLE = "LW831"


def view_mistakes(
    services: Services, schemas: Mapping[TableName, Schema | None]
) -> tuple[list[Mistake], list[Mistake]]:
    """Return mistakes and doubts about views.

    Args:
        services: The project's parts.
        schemas: The columns that every declared table has or would have, as far as known.
    """
    if not services.catalog.view_names():
        return [], []
    views = services.catalog.data_catalog.views()
    mistakes = [_taken(services.project, view) for view in conflicting(services.project, views)]
    known = {table: head.schema for table, head in services.catalog.heads().items()}
    known |= {table: schema for table, schema in schemas.items() if schema is not None}
    doubts: list[Mistake] = []
    project = with_views(services.project, views)
    with services.engine.session() as session:
        for table in execution_order(graph_of(project)):
            model = project.models.get(table)
            if model is None or not model.view:
                continue
            told = _described(session, model, known)
            if isinstance(told, Mistake):
                (doubts if model.view == "view" else mistakes).append(told)
    return mistakes, doubts


def _described(
    session: Session, model: Model, known: dict[TableName, Schema]
) -> Mistake | None:
    """Note the columns of a view; return what keeps it from having any."""
    missing = [table for table in model.inputs if table not in known]
    outside = [table for table in missing if table.database not in MANAGED_DATABASES]
    if missing and not outside:
        return _unreadable(model, f"{missing[0]} is not there")
    if missing:
        return None  # what lies outside the lake is looked at when it is read
    try:
        for table in model.inputs:
            session.bind(str(table), TableSource("", known[table], ()))
        known[model.table] = session.describe(model.sql or "")
    except LakeError as error:
        known.pop(model.table, None)
        return _unreadable(model, error.problem)
    return None


def _unreadable(model: Model, problem: str) -> Mistake:
    return Mistake(
        place_of(model.table),
        f"the {model.view} {model.table} cannot be read any more: {problem}",
        f"make it anew, or drop it: DROP {model.view.upper()} {model.table}",
        UNREADABLE,
    )


def _taken(project: Project, view: View) -> Mistake:
    declared = (
        project.models.get(view.name)
        or project.sources.get(view.name)
        or project.tables[view.name]
    )
    error = StatementTableError.view(view.name, str(declared.at.file))
    return Mistake(declared.at, error.problem, error.hint, error.code)
