"""Make the lineage graph of a project: analyse every model, or take what was found before.

Models are taken in the order in which they are made, so that each is read with the columns of
those before it. An unchanged query over unchanged columns is not parsed again.
"""

from __future__ import annotations

from dataclasses import replace
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

from lakeworks.catalog.lineage.graph import LineageGraph, Node
from lakeworks.core.errors import LakeError
from lakeworks.core.hive_types import parse_hive_type
from lakeworks.core.types import Field, Schema, parse_type
from lakeworks.project.catalog_declaration import federated
from lakeworks.project.facts_cache import LINEAGE_FILE, FactsCache, sha256_of
from lakeworks.project.lineage_facts import (
    AGGREGATION,
    CONDITION,
    GROUP,
    NOTHING,
    SORT,
    TRANSFORMATION,
    DerivedColumn,
    QueryLineage,
    as_kind,
    unknown_lineage,
)
from lakeworks.project.lineage_relations import UNKNOWN_TYPE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from lakeworks.core.names import TableName
    from lakeworks.core.types import Type
    from lakeworks.project.declaration import Model, Project
    from lakeworks.project.lineage_facts import Origins

    Frames = Callable[[Model, Mapping[str, Schema | None]], QueryLineage | None]

SCD2_COLUMNS = ("valid_from", "valid_to", "is_current")
AUDIT_COLUMNS = ("_processed_at", "_run_id", "_record_hash")


def build_graph(
    project: Project,
    schemas: Mapping[TableName, Schema],
    *,
    frames: Frames | None = None,
    exactly: frozenset[TableName] = frozenset(),
    keep: bool = True,
) -> LineageGraph:
    """Return the lineage of everything that a project declares.

    Args:
        project: What is declared.
        schemas: The columns of tables as far as they are known: of sources, and of models
            whose query is the one that made them.
        frames: Finds the lineage of a Python model that declares none.
        exactly: Models whose readers see the columns of `schemas`, whatever the query gives.
        keep: Whether to keep what is found under the project's folder.
    """
    building = _Building(project, schemas, frames, keep=keep)
    building.exactly = exactly
    return building.graph()


def model_lineage(
    project: Project,
    model: Model,
    schemas: Mapping[TableName, Schema],
    *,
    frames: Frames | None = None,
) -> QueryLineage:
    """Return the lineage of one model from the tables that it reads.

    Args:
        project: What is declared.
        model: One of its models.
        schemas: The columns of the tables that it reads, and of its own.
        frames: As for `build_graph`.
    """
    return lineages(project, [model], schemas, frames=frames)[model.table]


def lineages(
    project: Project,
    models: Iterable[Model],
    schemas: Mapping[TableName, Schema],
    *,
    frames: Frames | None = None,
) -> dict[TableName, QueryLineage]:
    """Return the lineage of some models; as `model_lineage` does of one."""
    building = _Building(project, schemas, frames, keep=True)
    return {model.table: building.one(model) for model in models}


class _Building:
    def __init__(
        self,
        project: Project,
        schemas: Mapping[TableName, Schema],
        frames: Frames | None,
        *,
        keep: bool,
    ) -> None:
        self.project = project
        self.schemas = schemas
        self.frames = frames
        self.exactly: frozenset[TableName] = frozenset()
        self.cache = FactsCache(project.root, LINEAGE_FILE) if keep else None
        self.known: dict[str, Schema | None] = {}
        self.texts: dict[str, str] = {}

    def graph(self) -> LineageGraph:
        found = LineageGraph()
        sorter: TopologicalSorter[TableName] = TopologicalSorter()
        for table in sorted({*self.project.sources, *self.project.models}):
            model = self.project.models.get(table)
            sorter.add(table, *sorted(model.inputs if model else ()))
        for table in sorter.static_order():
            model = self.project.models.get(table)
            if model is not None:
                self._add_model(model, found)
            else:
                self._add_source(table, found)
        if self.cache is not None:
            self.cache.save()
        return found

    def one(self, model: Model) -> QueryLineage:
        for table in model.inputs:
            self._know(str(table), self.schemas.get(table))
        return with_load(model, self._lineage(model))

    def _add_source(self, table: TableName, found: LineageGraph) -> None:
        source = self.project.sources.get(table)
        schema = self.schemas.get(table) or self._declared_schema(table)
        self._know(str(table), schema)
        columns = schema.names if schema else tuple(source.columns) if source else ()
        gaps = () if schema else (f"{table} has no data yet: its columns are not known",)
        if source is None:
            self._add_external(table, columns, gaps, found)
            return
        files = source.declared_path
        found.add(Node(files, "files"))
        node = Node(
            str(table),
            "source",
            columns,
            source.owner,
            source.description,
            source.at.file,
            gaps,
        )
        found.add(node, [files])

    def _declared_schema(self, table: TableName) -> Schema | None:
        """Return the columns of an external table, where its declaration says them."""
        declared = self.project.tables.get(table)
        if declared is None or not declared.columns:
            return None
        columns = (*declared.columns, *declared.partitions)
        return Schema(
            tuple(Field(one.name.lower(), parse_hive_type(one.type)) for one in columns)
        )

    def _add_external(
        self,
        table: TableName,
        columns: tuple[str, ...],
        gaps: tuple[str, ...],
        found: LineageGraph,
    ) -> None:
        declared = self.project.tables.get(table)
        elsewhere = federated(self.project).get(table.database)
        if declared is None and elsewhere is not None:
            file, said = elsewhere.at.file, elsewhere.description
            found.add(Node(str(table), "source", columns, "", said, file, gaps))
            return
        if declared is None:
            found.add(Node(str(table), "table", columns, unresolved=gaps))
            return
        files = declared.declared_location
        found.add(Node(files, "files"))
        node = Node(
            str(table),
            "source",
            columns,
            declared.owner,
            declared.description,
            declared.at.file,
            gaps,
        )
        found.add(node, [files])

    def _add_model(self, model: Model, found: LineageGraph) -> None:
        name = str(model.table)
        lineage = with_load(model, self._lineage(model))
        self._know(name, self._schema(model, lineage))
        node = Node(
            name,
            model.view or "model",
            tuple(column.name for column in lineage.columns if column.name),
            model.owner,
            model.description,
            model.at.file,
            lineage.unresolved,
        )
        found.add(node, [str(table) for table in model.inputs])
        found.derive(name, lineage)

    def _know(self, name: str, schema: Schema | None) -> None:
        self.known[name] = schema
        self.texts[name] = (
            ",".join(f"{f.name}:{f.type}" for f in schema) if schema is not None else "?"
        )

    def _schema(self, model: Model, lineage: QueryLineage) -> Schema | None:
        """Return a model's columns: those found, with what types are known."""
        known = self.schemas.get(model.table)
        if not lineage.complete or model.table in self.exactly:
            return known
        fields = []
        for column in lineage.columns:
            there = known.get(column.name) if known else None
            kind = there.type if there is not None else _typed(column.type)
            fields.append(Field(column.name, kind))
        return Schema(tuple(fields))

    def _lineage(self, model: Model) -> QueryLineage:
        if model.lineage is not None:
            return self._declared(model)
        names = self._names(model)
        given = [self.texts.get(str(table), "?") for table in model.inputs]
        decisive = [model.sql or model.fingerprint, *map(str, model.inputs), *given, *names]
        key = sha256_of("\0".join(decisive))
        kept = self.cache.get(str(model.table), key) if self.cache is not None else None
        if kept is not None:
            return QueryLineage.from_json(kept)
        lineage, lasting = self._found(model, names)
        if self.cache is not None and lasting:
            self.cache.put(str(model.table), key, lineage.to_json())
        return lineage

    def _found(self, model: Model, names: tuple[str, ...]) -> tuple[QueryLineage, bool]:
        inputs = {str(table): self.known.get(str(table)) for table in model.inputs}
        if model.sql is not None:
            from lakeworks.project.sql_lineage import query_lineage

            if model.view:
                return _of_view(model, inputs), True
            return query_lineage(model.sql, inputs, names=names), True
        found = self.frames(model, inputs) if self.frames else None
        if found is not None:
            return found, True
        reason = f"{model.table} is a Python model whose frame tells no SQL: declare lineage="
        return unknown_lineage(map(str, model.inputs), reason), False

    def _names(self, model: Model) -> tuple[str, ...]:
        """Return the columns that the model's query is known to give."""
        known = self.schemas.get(model.table)
        added = {*(SCD2_COLUMNS if model.load == "scd2" else ()),
                 *(AUDIT_COLUMNS if model.audit else ())}  # fmt: skip
        return tuple(name for name in known.names if name not in added) if known else ()

    def _declared(self, model: Model) -> QueryLineage:
        """Return what a Python model declares; a column that it leaves out is unresolved."""
        declared = model.lineage or {}
        columns = []
        for name in dict.fromkeys((*self._names(model), *declared)):
            origins = frozenset(
                (str(model.frame_inputs[alias]), column, TRANSFORMATION)
                for alias, _, column in (one.partition(".") for one in declared.get(name, ()))
            )
            gaps = () if name in declared else (f"lineage= of {model.at} does not name {name}",)
            columns.append(DerivedColumn(name, origins, gaps))
        return QueryLineage(tuple(columns), NOTHING, tuple(map(str, model.inputs)))


def _of_view(model: Model, inputs: Mapping[str, Schema | None]) -> QueryLineage:
    """Return the lineage of a view: of its body, whose columns it may call otherwise."""
    from lakeworks.project.sql_lineage import query_lineage

    found = query_lineage(model.body, inputs, names=[of for _, of in model.named])
    columns = []
    for name, of in model.named:
        column = found.column(of)
        gaps = () if column is not None else (f"{model.table} has no column {of!r} any more",)
        columns.append(
            DerivedColumn(name, unresolved=gaps)
            if column is None
            else replace(column, name=name)
        )
    return replace(found, columns=tuple(columns), complete=True)


def with_load(model: Model, lineage: QueryLineage) -> QueryLineage:
    """Add what a model's load and audit add to its query's columns, and what they decide."""
    origins = {column.name.lower(): column.origins for column in lineage.columns}

    def of(name: str | None) -> Origins:
        return origins.get(name.lower(), NOTHING) if name else NOTHING

    columns = [*lineage.columns]
    latest = of(model.latest_by)
    if model.load == "scd2":
        columns += [
            DerivedColumn("valid_from", latest),
            DerivedColumn("valid_to", as_kind(latest, AGGREGATION)),
            DerivedColumn("is_current", as_kind(latest, CONDITION)),
        ]
    if model.audit:
        every: Origins = frozenset().union(*(c.origins for c in lineage.columns))
        columns += [
            DerivedColumn("_processed_at"),
            DerivedColumn("_run_id"),
            DerivedColumn("_record_hash", as_kind(every, TRANSFORMATION)),
        ]
    rows = lineage.rows
    if model.load in {"merge", "scd2"}:
        rows |= frozenset().union(*(as_kind(of(key), GROUP) for key in model.key))
        rows |= as_kind(latest, SORT)
    return replace(lineage, columns=tuple(columns), rows=rows)


def _typed(text: str) -> Type:
    if not text:
        return UNKNOWN_TYPE
    try:
        return parse_type(text)
    except LakeError:
        return UNKNOWN_TYPE
