"""Views of the data catalog as models: what no file declares takes part in lineage, checks, runs.

A materialised view is a model with `load: replace` whose text the catalog keeps. A view is one that
is never stored: it stands in the lineage, and in the text of others.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from lakeworks.project.declaration import Location, Model

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lakeworks.catalog.data_catalog.views import View
    from lakeworks.core.names import TableName
    from lakeworks.pipeline.state import Services
    from lakeworks.project.declaration import Project

_VERSION = re.compile(r"@v\d{1,18}\b")
VIEW, MATERIALIZED_VIEW = "view", "materialized view"


def place_of(name: TableName) -> Location:
    """Return where a view's text stands, for messages."""
    return Location(f"{name} in the data catalog", 1)


def without_versions(text: str) -> str:
    """Return a text without the marks of versions that it reads: `silver.orders@v3`."""
    return _VERSION.sub("", text)


def conflicting(project: Project, views: Iterable[View]) -> Iterator[View]:
    """Return the views whose names the project declares: its tables stand before them."""
    models = {name for name, model in project.models.items() if not model.view}
    declared = {*models, *project.sources, *project.tables}
    return (view for view in views if view.name in declared)


def with_views(project: Project, views: Iterable[View]) -> Project:
    """Return a project in which views are models that read what their texts name.

    For lineage and for checks: of nothing here are tables made. Views that read each other in a
    circle are left out.
    """
    known = list(views)
    lost = {view.name for view in conflicting(project, known)}
    models = {view.name: _named_model(view) for view in known if view.name not in lost}
    for name in _in_circles(models):
        del models[name]
    return replace(project, models={**project.models, **models})


def with_materialized(project: Project, views: Iterable[View], services: Services) -> Project:
    """Return a project whose models are joined by the materialised views, to be run as such."""
    known = {view.name: view for view in views}
    lost = {view.name for view in conflicting(project, known.values())}
    models = {
        name: _run_model(view, known)
        for name, view in known.items()
        if view.materialized and name not in lost
    }
    for name in _in_circles(models):
        del models[name]
    for name, model in models.items():
        if model.definer:
            models[name] = _as_definer(model, known, services)
    return replace(project, models={**project.models, **models})


def _as_definer(model: Model, known: Mapping[TableName, View], services: Services) -> Model:
    """Return a model that is another one when its definer comes to see other things."""
    from lakeworks.pipeline.definers import Definer

    heads = services.catalog.heads()
    schemas = {table: heads[table].schema for table in model.inputs if table in heads}
    schemas |= {name: known[name].schema for name, _ in model.through}
    found = Definer(model, services.governance).fingerprint(schemas)
    return replace(model, fingerprint=found)


def _named_model(view: View) -> Model:
    # What a pinned version holds derives from what the table derives from.
    sql = view.select(without_versions(view.text))
    return _model(view, sql, view.reads, MATERIALIZED_VIEW if view.materialized else VIEW)


def _run_model(view: View, known: Mapping[TableName, View]) -> Model:
    through: dict[TableName, str] = {}
    inputs: dict[TableName, None] = {}
    _expand(view, known, through, inputs, (view.name,))
    return replace(
        _model(view, view.select(), tuple(inputs), MATERIALIZED_VIEW),
        through=tuple(through.items()),
        strange=_strange(view, [known[name] for name in through]),
        definer=view.definer,
        fingerprint=_fingerprint(view, through),
    )


def _strange(view: View, through: Iterable[View]) -> tuple[tuple[TableName, str], ...]:
    """Return the views whose texts its definer did not have before it when it made a view.

    Who may replace one of them would else have it computed with the definer's permissions.
    """
    trusted = {"", view.definer}
    seen = dict(view.through)
    return tuple(
        (one.name, one.owner)
        for one in through
        if one.owner not in trusted and seen.get(one.name) != one.digest
    )


def _expand(
    view: View,
    known: Mapping[TableName, View],
    through: dict[TableName, str],
    inputs: dict[TableName, None],
    path: tuple[TableName, ...],
) -> None:
    """Gather the tables that a view reads, and the views between."""
    for name in view.reads:
        inner = known.get(name)
        if inner is None or inner.materialized:
            inputs[name] = None
        elif name not in through and name not in path:
            _expand(inner, known, through, inputs, (*path, name))
            through[name] = inner.select()


def _model(view: View, sql: str, inputs: tuple[TableName, ...], kind: str) -> Model:
    return Model(
        table=view.name,
        at=place_of(view.name),
        load="replace",
        inputs=inputs,
        driving=inputs[0] if inputs else None,
        fingerprint=_fingerprint(view, {}),
        sql=sql,
        partition_by=view.partitioned_by,
        row_wise=False,
        description=view.description,
        owner=view.owner,
        view=kind,
        body=without_versions(view.text),
        named=tuple((column.name, column.of) for column in view.columns),
    )


def _fingerprint(view: View, through: Mapping[TableName, str]) -> str:
    texts = [view.select(), view.definer, *view.partitioned_by]
    texts += [f"{name} {sql}" for name, sql in sorted(through.items())]
    told = hashlib.sha256("\0".join(texts).encode()).hexdigest()
    # One that is dropped and made again is another table.
    return f"view:{view.number}:{told}"


def _in_circles(models: Mapping[TableName, Model]) -> set[TableName]:
    """Return the models that cannot be put behind all that they read, among themselves."""
    left = {name: set(model.inputs) & models.keys() for name, model in models.items()}
    while ready := [name for name, reads in left.items() if not reads & left.keys()]:
        for name in ready:
            del left[name]
    return set(left)
