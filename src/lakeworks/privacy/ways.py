"""How this lake writes identifiers: what models, views and statements make of a column.

Views store nothing, so they are read through: a way leads from a table to a table, or to a view.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lakeworks.core.errors import LakeError
from lakeworks.project.lineage_facts import IDENTITY
from lakeworks.project.sql_identifiers import identifiers_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lakeworks.catalog.statement_writes import StatementWrite
    from lakeworks.pipeline.state import Services
    from lakeworks.privacy.subjects import ColumnId
    from lakeworks.project.sql_identifiers import Made

# Functions of the column alone: `LOWER(TRIM(given))`.
_GUESSABLE = re.compile(r"[A-Za-z_]\w*(\([A-Za-z_(][\w( )]*\))?")
Ways = dict["ColumnId", list[tuple["ColumnId", "Made"]]]


def ways_of(services: Services, *, guessable: bool = False) -> Ways:
    """Return, by column of an input, the columns that are made of it, and how.

    Args:
        services: Of the lake.
        guessable: Leave out what has constants, such as the salt of a pseudonym: whoever may not
            read the text must not learn by it whose pseudonym is whose.

    Which of an INSERT's columns takes which value is not looked at: all are tried, and what the
    lineage does not know of is left out by whoever asks.
    """
    found: dict[ColumnId, dict[tuple[ColumnId, Made], None]] = {}
    for target, way in _ways(services):
        if guessable and not _GUESSABLE.fullmatch(way.expression):
            continue
        found.setdefault((way.table, way.column), {})[target, way] = None
    return {column: list(ways) for column, ways in found.items()}


def _ways(services: Services) -> Iterator[tuple[ColumnId, Made]]:
    catalog = services.catalog
    views = catalog.data_catalog.views() if catalog.view_names() else []
    read_through = {
        str(v.name): v.select(plain_text(v.text)) for v in views if not v.materialized
    }
    queries = {str(m.table): m.sql or "" for m in services.project.models.values()}
    queries |= {str(view.name): view.select(plain_text(view.text)) for view in views}
    for table, sql in queries.items():
        for name, ways in identifiers_of(sql, read_through).items():
            for way in ways:
                yield (table, name), way
    for write in catalog.statement_writes.all():
        columns = [column.name.lower() for column in write.lineage.columns]
        for name, ways in identifiers_of(_query(write), read_through).items():
            for way in ways:
                for target in [name] if name in columns else columns:
                    yield (str(write.table), target), way


def identical(
    edges: Mapping[ColumnId, Mapping[ColumnId, str]], column: ColumnId
) -> Iterator[ColumnId]:
    """Yield the columns that take a column as it is; of a field, where its whole column goes."""
    table, path = column
    first, dot, rest = path.partition(".")
    for name, below in {path: "", first: dot + rest}.items():
        for (other, taken), kind in edges.get((table, name), {}).items():
            if kind == IDENTITY:
                yield other, taken + below


def plain_text(text: str) -> str:
    """Return a view's text without marks of versions: what these hold is made in the same way."""
    from lakeworks.pipeline.catalog_views import without_versions

    return without_versions(text)


def _query(write: StatementWrite) -> str:
    """Return the query of a statement that wrote; empty where it has none."""
    from lakeworks.query.statements import creating, inserting

    modules = {"create": creating, "insert": inserting}
    if write.kind not in modules:
        return ""
    try:
        found = modules[write.kind].read(write.sql)
    except LakeError:
        return ""  # in a dialect that this reader does not know
    return "" if found is None else plain_text(found.query)
