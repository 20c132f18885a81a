"""What earlier queries of models made: their versions can still be read, and tags follow there, too.

A model's file says what its columns derive from now. Until it is run again, and in earlier versions
for as long as they are kept, rows are those of another query. So the lineage of each query is noted
when its first version is published, and permissions rest on all that may still be read.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from lakeworks.catalog.statement_writes import ModelQuery
from lakeworks.core import clock
from lakeworks.core.errors import LakeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lakeworks.catalog.heads import Head
    from lakeworks.catalog.lineage.graph import LineageGraph
    from lakeworks.catalog.statement_writes import ColumnTags
    from lakeworks.core.names import TableName
    from lakeworks.pipeline.state import Services
    from lakeworks.project.declaration import Model

logger = logging.getLogger(__name__)
_CHANGED = ("its file was changed since it was last run",)


def note_queries(services: Services, heads: Mapping[TableName, Head], run_id: str) -> None:
    """Note what models derive from, as of a run that published, where that is new.

    What cannot be noted is taken for not known once the file changes: nothing is shown for that.
    """
    from lakeworks.pipeline.lineage import lineages_now

    writes, last = services.catalog.statement_writes, {}
    try:
        last = writes.latest_queries()
        new = [
            model
            for table, model in services.project.models.items()
            if not model.view  # the catalog keeps what these were made by
            and (head := heads.get(table)) is not None
            and head.fingerprint == model.fingerprint
            and last.get(table) != (model.fingerprint, _tags_of(model))
        ]
        if not new:
            return
        found, now = lineages_now(services, new), clock.now()
        writes.note_queries(
            run_id,
            [
                ModelQuery(one.table, one.fingerprint, now, found[one.table], _tags_of(one))
                for one in new
            ],
        )
    except LakeError:
        logger.warning("the queries of run %s could not be noted", run_id, exc_info=True)


def _tags_of(model: Model) -> dict[str, ColumnTags]:
    """Return the tags that a model's file gives its columns; those of the whole table as `*`."""
    found: dict[str, ColumnTags] = {
        name.lower(): {tag: (value,) for tag, value in note.tags.items()}
        for name, note in model.columns.items()
        if note.tags
    }
    if model.tags:
        found["*"] = {tag: (value,) for tag, value in model.tags.items()}
    return found


def earlier_queries(services: Services) -> list[tuple[TableName, ModelQuery | None]]:
    """Return what models were made by before, as far as it may still be read; None: unknown."""
    heads = services.catalog.heads()
    models = {t: model for t, model in services.project.models.items() if not model.view}
    noted = services.catalog.statement_writes.queries()
    found: list[tuple[TableName, ModelQuery | None]] = []
    for table in models.keys() & (heads.keys() | noted.keys()):
        now, own = models[table].fingerprint, noted.get(table, ())
        made_by = heads[table].fingerprint if table in heads else ""
        found += [
            (table, one)
            for one in own
            if one.fingerprint != now and (one.kept or one.fingerprint == made_by)
        ]
        if made_by not in ("", now, *(one.fingerprint for one in own)):
            found.append((table, None))
    return found


def add_earlier(
    graph: LineageGraph, earlier: Iterable[tuple[TableName, ModelQuery | None]]
) -> None:
    """Add to a graph of now what earlier queries of its models made."""
    there = [(str(t), query) for t, query in earlier if str(t) in graph.nodes]
    for name, query in there:
        if query is not None:
            graph.widen(name, (column.name for column in query.lineage.columns))
    for name, query in there:
        if query is None:
            graph.doubt(name, _CHANGED)
            continue
        graph.derive_also(name, query.lineage)
        for column in (one.name.lower() for one in query.lineage.columns):
            given = graph.given.setdefault((name, column), {})
            for tags in (query.tags.get(column, {}), query.tags.get("*", {})):
                for tag, values in tags.items():
                    given.setdefault(tag, set()).update(values)
