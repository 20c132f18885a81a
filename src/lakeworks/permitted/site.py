"""The site of the lake for one principal: the same pages, over what it may know and see.

Facts are kept one by one, so that a later fact is not told until somebody decides for whom it is.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lakeworks.core.names import TableName
from lakeworks.core.types import Field, Scalar, Schema
from lakeworks.permitted.lineage import is_name, seen_graph, seen_tags
from lakeworks.site.facts import (
    ColumnFacts,
    DatabaseFacts,
    RunFacts,
    SiteFacts,
    StateFacts,
    TableFacts,
    TagFact,
    VersionFacts,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakeworks.catalog.lineage.graph import LineageGraph
    from lakeworks.catalog.lineage.tags import Tags
    from lakeworks.permitted.sight import Look, Sight
    from lakeworks.pipeline.lineage import Lineage
    from lakeworks.site.service import Built, Site

_TOLD_FACTS = frozenset({"Load", "Promised freshness", "Format"})
# What follows names tables and columns.
_NAMING_REMARK = "Lineage is incomplete"


class PermittedSite:
    """Makes the site that describes what a principal may know of the lake."""

    def __init__(self, sight: Sight, site: Site, lineage: Lineage) -> None:
        self._sight = sight
        self._site = site
        self._lineage = lineage

    @property
    def folder(self) -> Path:
        """Where the site goes unless another folder is named: beside the owner's own."""
        kept = "".join(c if c.isalnum() else "-" for c in str(self._sight.principal))
        return self._sight.services.project.root / f"site-{kept}"

    def facts(self) -> SiteFacts:
        """Return what the site would tell, as plain values."""
        with self._sight.look("docs build") as look:
            return self._facts(look)

    def build(self, folder: str | Path | None = None) -> Built:
        """Make the site, in place of an earlier one.

        Args:
            folder: Where to; `folder` when it is left out.

        Raises:
            NotASiteError: the folder holds something else than a site of ours.
            SiteNotWrittenError: it cannot be written; an earlier site stays.
        """
        place = Path(folder) if folder is not None else self.folder
        facts = self.facts()
        self._sight.exported("docs build", facts.tables, str(place))
        return self._site.build(place, facts=facts)

    def _facts(self, look: Look) -> SiteFacts:
        whole = self._site.facts()
        seeing = _Seeing(look, self._sight, seen_tags(look, self._lineage.tags), whole.graph)
        seen = (seeing.table(table) for table in whole.tables.values())
        tables = {table.name: table for table in seen if table is not None}
        look.asked(*tables)
        runs = [_run(run, tables) for run in whole.runs]
        databases = [
            DatabaseFacts(
                one.name, one.description, tuple(t for t in one.tables if t in tables)
            )
            for one in whole.databases
            if any(table in tables for table in one.tables)
        ]
        return SiteFacts(
            lake=whole.lake,
            environment=whole.environment,
            engine=whole.engine,
            snapshot=whole.snapshot,
            as_of=whole.as_of,
            databases=tuple(databases),
            tables=tables,
            runs=tuple(run for run in runs if run is not None),
            graph=seen_graph(look, whole.graph).graph,
            seen_by=str(self._sight.principal),
        )


class _Seeing:
    """What one look may tell of tables."""

    def __init__(self, look: Look, sight: Sight, tags: Tags, graph: LineageGraph) -> None:
        self.look = look
        self.graph = graph
        self.project = sight.services.project
        self.tags = tags

    def table(self, table: TableFacts) -> TableFacts | None:
        """Return what may be told of a table; None where not even its name."""
        name = TableName(table.database, table.short)
        known = self.look.columns(name, self._schema(name, table))
        if not known:
            return None
        folded = frozenset(column.lower() for column in known)
        rows = self.look.sees_whole(name)
        told = TableFacts(
            name=table.name,
            kind=table.kind,
            description=table.description,
            owner=table.owner,
            tags=table.tags,
            columns=tuple(
                self._column(table.name, one)
                for one in table.columns
                if one.name.lower() in folded
            ),
            state=_state(table.state, rows=rows),
            freshness_s=table.freshness_s,
            remarks=tuple(r for r in table.remarks if not r.startswith(_NAMING_REMARK)),
            facts=tuple(one for one in table.facts if one[0] in _TOLD_FACTS),
            partition_columns=tuple(c for c in table.partition_columns if c.lower() in folded),
            versions=tuple(_version(one, rows=rows) for one in table.versions),
        )
        return self._more(told, table, name)

    def _more(self, told: TableFacts, table: TableFacts, name: TableName) -> TableFacts:
        """Add what is only for those who see everything that it is made of."""
        if not self.look.sees_whole(name):
            return told
        told = replace(told, partitions=table.partitions, partition_count=table.partition_count)
        inputs = self._sees_inputs(name)
        if inputs:
            # SQL names every column of its inputs, and its literals may be values of them.
            told = replace(
                told, code=table.code, ruleset=table.ruleset, on_violation=table.on_violation
            )
        if self.look.sees_rejected(name):
            told = replace(told, quarantined_rows=table.quarantined_rows, reasons=table.reasons)
            if inputs:
                told = replace(told, parts=table.parts, quality=table.quality)
        return told

    def _schema(self, name: TableName, table: TableFacts) -> Schema:
        """Return the columns that permissions are judged on, declared ones that are not there too."""
        held = self.look.schema(name)
        fields = {one.name.lower(): one for one in held or ()}
        for column in table.columns:
            fields.setdefault(column.name.lower(), Field(column.name, Scalar("string")))
        return Schema(tuple(fields.values()))

    def _column(self, table: str, column: ColumnFacts) -> ColumnFacts:
        tags = self.tags.get(table, {}).get(column.name, {})
        return ColumnFacts(
            column.name,
            column.type,
            column.description,
            tuple(
                TagFact(tag, origin.value, origin.table, origin.column)
                for tag, origins in tags.items()
                for origin in origins
            ),
            column.role,
            column.declassified,
        )

    def _inputs(self, name: TableName) -> list[TableName]:
        """Return what a table or view is made from, and what its rules refer to; files are none."""
        model = self.project.models.get(name)
        quality = model.quality if model is not None else None
        references = quality.references.values() if quality is not None else ()
        read = [
            TableName.parse(one) for one in self.graph.reads.get(str(name), ()) if is_name(one)
        ]
        return [*read, *references]

    def _sees_inputs(self, name: TableName) -> bool:
        return all(self.look.sees_whole(one) for one in self._inputs(name))


def _state(state: StateFacts, *, rows: bool) -> StateFacts:
    return StateFacts(
        rows=state.rows if rows else None,
        size_bytes=state.size_bytes if rows else None,
        files=state.files if rows else None,
        version=state.version,
        published=state.published,
        updated_at=state.updated_at,
    )


def _version(version: VersionFacts, *, rows: bool) -> VersionFacts:
    if rows:
        return version
    return VersionFacts(version.version, version.at, version.what, published=version.published)


def _run(run: RunFacts, tables: Mapping[str, TableFacts]) -> RunFacts | None:
    """Return a run with the tables' parts that are told; None where there is none."""
    parts = tuple(
        part
        for part in run.parts
        if part.table in tables and (tables[part.table].parts or part.status == "up to date")
    )
    if not any(tables[part.table].parts for part in parts):
        return None
    failed = any(part.status in {"failed", "blocked"} for part in parts)
    status = run.status if run.status != "failed" or failed else "succeeded"
    return RunFacts(run.run_id, status, run.at, None, run.snapshot, parts)
