"""`lake.lineage`: what derives from what in this lake, what a change reaches, and the tags.

The graph is made from what the project declares and the columns that its tables have; Python
models are asked for their frame over empty tables.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lakeworks.catalog.lineage.build import build_graph
from lakeworks.catalog.lineage.written import add_written
from lakeworks.pipeline.errors import UnknownNodeError
from lakeworks.pipeline.model_queries import add_earlier, earlier_queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lakeworks.catalog.lineage.build import Frames
    from lakeworks.catalog.lineage.graph import Affected, Direction, LineageGraph
    from lakeworks.catalog.lineage.tags import Found, Tags
    from lakeworks.catalog.lineage.view import View
    from lakeworks.core.names import TableName
    from lakeworks.core.types import Schema
    from lakeworks.engines.protocol import Engine
    from lakeworks.pipeline.state import Services
    from lakeworks.project.declaration import ColumnNote, Model, Project
    from lakeworks.project.errors import Mistake
    from lakeworks.project.lineage_facts import QueryLineage


class Lineage:
    """Questions about where data comes from and where it goes."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._seen: object = None
        self._graph: LineageGraph | None = None
        self._governing: LineageGraph | None = None
        self._tags: Tags | None = None

    @property
    def graph(self) -> LineageGraph:
        """The lineage of everything that the project declares, as its tables stand now."""
        heads = self._services.catalog.heads()
        catalog = self._services.catalog
        views = catalog.data_catalog.views() if catalog.view_names() else []
        stamp = (
            {table: (head.fingerprint, head.schema) for table, head in heads.items()},
            [(view.name, view.number, view.version) for view in views],
        )
        if self._graph is None or self._seen != stamp:
            self._graph, self._seen, self._tags = graph_with(self._services), stamp, None
            self._governing = None
        return self._graph

    @property
    def governing(self) -> LineageGraph:
        """The graph that permissions rest on: it knows, too, what earlier queries of models made."""
        graph = self.graph
        if self._governing is None:
            earlier = earlier_queries(self._services)
            if earlier:
                graph = graph_with(self._services)
                add_earlier(graph, earlier)
            self._governing = graph
        return self._governing

    @property
    def tags(self) -> Tags:
        """The tags of every column, by table, column and tag, with where each comes from."""
        from lakeworks.catalog.lineage.tags import tags_on

        graph = self.graph
        if self._tags is None:
            self._tags = tags_on(graph, self._services.project)
        return self._tags

    def tags_of(self, table: str) -> dict[str, Found]:
        """Return the tags of a table's columns."""
        return self.tags.get(table, {})

    def notes_of(self, table: TableName) -> tuple[Mapping[str, ColumnNote], str]:
        """Return what is declared of a table's columns, and who answers for it."""
        project = self._services.project
        declared = project.models.get(table) or project.sources.get(table)
        return (declared.columns, declared.owner) if declared is not None else ({}, "")

    def find(self, text: str) -> tuple[str, str]:
        """Read `database.table` or `database.table.column`; return table and column, or ''.

        Raises:
            UnknownNodeError: there is no such table or column; the hint names the nearest.
        """
        return find_in(self.graph, text)

    def view(
        self,
        text: str,
        *,
        directions: Iterable[Direction] = ("up", "down"),
        depth: int | None = None,
    ) -> View:
        """Return what lies around a table or column, to be printed or drawn.

        Args:
            text: `database.table` or `database.table.column`.
            directions: `up`: what it is made from; `down`: what is made of it.
            depth: How many steps to go; None for all.

        Raises:
            UnknownNodeError: there is no such table or column.
        """
        from lakeworks.catalog.lineage.view import view_of

        table, column = self.find(text)
        return view_of(self.graph, table, column, directions=directions, depth=depth)

    def of_model(self, table: TableName) -> QueryLineage:
        """Return what one model's columns derive from, as its tables stand now."""
        from lakeworks.catalog.lineage.build import model_lineage

        services = self._services
        project, schemas = _joined(services, _schemas(services))
        with _frames(services) as frames:
            return model_lineage(project, project.models[table], schemas, frames=frames)

    def impact(self, table: str, column: str = "") -> list[Affected]:
        """Return every table that a change of a column, or of a whole table, reaches."""
        graph = self.graph
        columns = [column] if column else ["", *graph.nodes[table].columns]
        return graph.impact(table, columns)


def find_in(graph: LineageGraph, text: str) -> tuple[str, str]:
    """Read `database.table` or `database.table.column`; return table and column, or ''.

    Raises:
        UnknownNodeError: the graph has no such table or column; the hint names the nearest.
    """
    nodes = graph.nodes
    if text in nodes:
        return text, ""
    table, _, column = text.rpartition(".")
    node = nodes.get(table)
    if node is None:
        raise UnknownNodeError.named(text, nodes)
    known = {name.lower(): name for name in node.columns}
    if column.lower() in known:
        return table, known[column.lower()]
    if not node.columns or node.unresolved:
        return table, column.lower()
    raise UnknownNodeError.column(table, column, node.columns)


def graph_with(
    services: Services,
    known: Mapping[TableName, Schema] | None = None,
    *,
    exactly: frozenset[TableName] = frozenset(),
) -> LineageGraph:
    """Return the project's lineage graph.

    Args:
        services: The project's parts.
        known: Columns to be taken as given for some tables, instead of the catalog's.
        exactly: Of those, models whose readers see these columns, whatever the query gives.
    """
    schemas = {**_schemas(services), **(known or {})}
    project, schemas = _joined(services, schemas)

    with _frames(services) as frames:
        graph = build_graph(project, schemas, frames=frames, exactly=exactly, keep=not exactly)
    add_written(graph, services.catalog.statement_writes.different(), services.catalog.heads())
    return graph


def lineages_now(services: Services, models: Iterable[Model]) -> dict[TableName, QueryLineage]:
    """Return what models derive from as their files and tables stand now."""
    from lakeworks.catalog.lineage.build import lineages

    project, schemas = _joined(services, _schemas(services))
    with _frames(services) as frames:
        return lineages(project, models, schemas, frames=frames)


def _joined(
    services: Services, schemas: dict[TableName, Schema]
) -> tuple[Project, dict[TableName, Schema]]:
    """Return the project with the catalog's views, and the columns of what these read besides."""
    if not services.catalog.view_names():
        return services.project, schemas
    views = services.catalog.data_catalog.views()
    # Should a table have come by the name of a view, readers see the table.
    tables = services.catalog.current_snapshot().tables
    views = [view for view in views if view.materialized or view.name not in tables]
    from lakeworks.catalog.data_catalog.verbs import MANAGED_DATABASES
    from lakeworks.pipeline.catalog_views import with_views

    own = {view.name for view in views}
    outside = {
        name
        for view in views
        for name in view.reads
        if name not in schemas and name not in own and name.database not in MANAGED_DATABASES
    }
    return with_views(services.project, views), {
        **_external_schemas(services, outside),
        **schemas,
    }


def _external_schemas(
    services: Services, names: Iterable[TableName]
) -> dict[TableName, Schema]:
    """Return the columns of those of some tables that are known to the data catalog only."""
    from lakeworks.core.errors import LakeError
    from lakeworks.ingest.external_tables import schema_of

    found = {}
    for name in names:
        try:
            entry = services.external.find(name)
            if entry is not None:
                found[name] = schema_of(entry)[0]
        except LakeError:
            continue  # what is not known is a gap, with its reason
    return found


@contextmanager
def _frames(services: Services) -> Iterator[Frames]:
    """Give what finds the lineage of Python models: an engine is made for the first of them."""
    opened: list[Engine] = []

    def frames(model: Model, inputs: Mapping[str, Schema | None]) -> QueryLineage | None:
        if any(schema is None or _is_vague(schema) for schema in inputs.values()):
            return None
        if not opened:
            opened.append(_embedded(services))
        return _of_frame(model, inputs, opened[0])

    try:
        yield frames
    finally:
        for engine in opened:
            engine.close()


def _embedded(services: Services) -> Engine:
    from lakeworks.engines.registry import open_embedded

    local = services.storage.store.local_path("") or services.project.root / ".lake"
    return open_embedded(str(local / "staging" / f"lineage-{os.getpid()}"))


def useless_declassify(
    services: Services, schemas: Mapping[TableName, Schema | None]
) -> list[Mistake]:
    """Return a doubt for each `declassify` that takes no tag away.

    Args:
        services: The project's parts.
        schemas: The columns that every table has or would have, as far as they are known.
    """
    from lakeworks.catalog.lineage.tags import declassified
    from lakeworks.project.errors import Mistake

    project = services.project
    if not any(n.declassify for m in project.models.values() for n in m.columns.values()):
        return []
    graph = graph_with(services, {t: s for t, s in schemas.items() if s is not None})
    at = {str(model.table): model.at for model in project.models.values()}
    return [
        Mistake(
            at[one.table],
            f"declassify of {one.table}.{one.column} removes nothing: no column that it takes a "
            f"value from has the tag {one.tag}",
            "leave it out, or tag the column where it comes from",
            "LW713",
        )
        for one in declassified(graph, project)
        if not one.removed and not one.doubtful and one.table in at
    ]


def _schemas(services: Services) -> dict[TableName, Schema]:
    """Return the columns of sources' tables, and of models made by the query as it stands."""
    models = services.project.models
    found = {
        table: head.schema
        for table, head in services.catalog.heads().items()
        if table not in models or models[table].fingerprint == head.fingerprint
    }
    if services.project.tables:
        found |= services.external.known_schemas()
    if services.project.catalogs:
        from lakeworks.pipeline.federated import read_from_catalogs

        schemas = read_from_catalogs(services).schemas
        found |= {name: schema for name, schema in schemas.items() if schema is not None}
    return found


def _of_frame(
    model: Model, inputs: Mapping[str, Schema | None], engine: Engine
) -> QueryLineage | None:
    """Return what a Python model's frame derives from, where the engine tells its SQL."""
    from lakeworks.core.errors import LakeError
    from lakeworks.pipeline import frame_models
    from lakeworks.project.sql_lineage import query_lineage
    from lakeworks.storage.files import TableSource

    try:
        with engine.session() as session:
            for table, schema in inputs.items():
                assert schema is not None  # noqa: S101 - seen just above
                session.bind(table, TableSource("", schema, ()))
            sql = frame_models.plan_sql(model, session)
    except LakeError:
        return None  # what is wrong with it, `lake check` tells
    return None if sql is None else query_lineage(sql, inputs)


def _is_vague(schema: Schema) -> bool:
    from lakeworks.project.lineage_relations import UNKNOWN_TYPE

    return any(field.type == UNKNOWN_TYPE for field in schema)
