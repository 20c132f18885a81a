"""Why rows are in quarantine: how many by which rule, and nothing else of them.

The one place where the site reads tables of rows: the column `rule`, which holds texts of the
project, is counted. What was counted for a version of a quarantine table is kept.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from lakeworks.core.errors import LakeError
from lakeworks.core.names import QUARANTINE
from lakeworks.project.facts_cache import FactsCache

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakeworks.core.names import TableName
    from lakeworks.engines.protocol import Engine
    from lakeworks.pipeline.state import Services
    from lakeworks.storage.files import TableSource

    Reasons = Mapping[TableName, tuple[tuple[str, int], ...]]

SITE_FILE = Path(".lake", "cache", "site.facts")
_AT_ONCE = 50


def counted(services: Services, published: Mapping[TableName, int]) -> Reasons:
    """Return, for quarantine tables that can be read here, how many rows each rule rejected.

    Args:
        services: The lake's parts.
        published: The version of every table that readers see.
    """
    cache = FactsCache(services.project.root, SITE_FILE)
    found: dict[TableName, tuple[tuple[str, int], ...]] = {}
    todo: dict[TableName, TableSource] = {}
    for name, number in published.items():
        if name.database != QUARANTINE:
            continue
        version = services.storage.table(name).version(number)
        stamp = f"{number} {version.committed_at.isoformat()}"
        kept = cache.get(str(name), stamp)
        if kept is not None:
            found[name] = tuple((str(rule), int(rows)) for rule, rows in kept)
        elif not version.rows:
            found[name] = ()
        else:
            todo[name] = version.source(services.storage.table_root(name))
    fresh = _counted(services, todo)
    for name, reasons in fresh.items():
        version = services.storage.table(name).version(published[name])
        stamp = f"{published[name]} {version.committed_at.isoformat()}"
        cache.put(str(name), stamp, [list(one) for one in reasons])
    cache.save()
    return {**found, **fresh}


def _counted(
    services: Services, sources: Mapping[TableName, TableSource]
) -> dict[TableName, tuple[tuple[str, int], ...]]:
    if not sources or services.project.environment.engine != "duckdb":
        return {}  # not worth starting a cluster for
    found: dict[TableName, tuple[tuple[str, int], ...]] = {}
    names = sorted(sources)
    for start in range(0, len(names), _AT_ONCE):
        some = {name: sources[name] for name in names[start : start + _AT_ONCE]}
        # A quarantine that cannot be read is told as not counted: the site is made all the same.
        with contextlib.suppress(LakeError):
            found |= _grouped(services.engine, some)
    return found


def _grouped(
    engine: Engine, sources: Mapping[TableName, TableSource]
) -> dict[TableName, tuple[tuple[str, int], ...]]:
    with engine.session() as session:
        selects = []
        for number, (name, source) in enumerate(sources.items()):
            session.bind(str(name), source)
            selects.append(
                f"select {number} as t, rule, count(*) as n from {name} group by rule"
            )
        rows = session.query(" union all ".join(selects)).read_all().to_pylist()
    by_table: dict[TableName, list[tuple[str, int]]] = {name: [] for name in sources}
    names = list(sources)
    for row in rows:
        by_table[names[row["t"]]].append((str(row["rule"]), int(row["n"])))
    return {
        name: tuple(sorted(reasons, key=lambda one: (-one[1], one[0])))
        for name, reasons in by_table.items()
    }
