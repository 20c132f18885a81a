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
    from lakeworks.core.names import TableName
    from lakeworks.pipeline.state import Services
    from lakeworks.project.lineage_facts import QueryLineage

logger = logging.getLogger(__name__)
_CHANGED = ("its file was changed since it was last run",)


def note_queries(
    services: Services,
    tables: Iterable[TableName],
    heads: Mapping[TableName, Head],
    run_id: str,
) -> None:
    """Note what the models derive from that a run published, where that is new.

    What cannot be noted is taken for not known once the file changes: nothing is shown for that.
    """
    from lakeworks.pipeline.lineage import lineages_now

    project, writes = services.project, services.catalog.statement_writes
    last = writes.latest_queries()
    new = [
        model
        for table in tables
        if (model := project.models.get(table)) is not None
        and not model.view  # the catalog keeps what these were made by
        and (head := heads.get(table)) is not None
        and last.get(table) != head.fingerprint == model.fingerprint
    ]
    if not new:
        return
    try:
        found, now = lineages_now(services, new), clock.now()
        writes.note_queries(
            run_id,
            [ModelQuery(one.table, one.fingerprint, now, found[one.table]) for one in new],
        )
    except LakeError:
        logger.warning("the queries of run %s could not be noted", run_id, exc_info=True)


def earlier_queries(services: Services) -> list[tuple[TableName, QueryLineage | None]]:
    """Return what models were made by before, as far as it may still be read; None: unknown."""
    heads = services.catalog.heads()
    models = {t: model for t, model in services.project.models.items() if not model.view}
    noted = services.catalog.statement_writes.queries()
    found: list[tuple[TableName, QueryLineage | None]] = []
    for table in models.keys() & (heads.keys() | noted.keys()):
        now, own = models[table].fingerprint, noted.get(table, ())
        made_by = heads[table].fingerprint if table in heads else ""
        found += [
            (table, one.lineage)
            for one in own
            if one.fingerprint != now and (one.kept or one.fingerprint == made_by)
        ]
        if made_by not in ("", now, *(one.fingerprint for one in own)):
            found.append((table, None))
    return found


def add_earlier(
    graph: LineageGraph, earlier: Iterable[tuple[TableName, QueryLineage | None]]
) -> None:
    """Add to a graph of now what earlier queries of its models made."""
    for table, lineage in earlier:
        if str(table) not in graph.nodes:
            continue
        if lineage is None:
            graph.doubt(str(table), _CHANGED)
        else:
            graph.derive_also(str(table), lineage)
