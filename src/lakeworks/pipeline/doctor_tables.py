"""What can be wrong with tables: their logs, their files, what the catalog says of them.

Each finding comes with the table whose lock explains it away while a run is under way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.catalog.statement_writes import making_of
from lakeworks.core.errors import LakeError
from lakeworks.pipeline.findings import Finding
from lakeworks.pipeline.state import bookmark_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lakeworks.catalog.heads import Head
    from lakeworks.core.names import TableName
    from lakeworks.pipeline.state import Services
    from lakeworks.storage.log import TableLog, TableVersion

Found = tuple["TableName", Finding]
_MIB = 1024 * 1024


def examine(services: Services) -> Iterator[Found]:
    """Yield what is wrong with any table, published or only in storage."""
    published = services.catalog.current_snapshot().tables
    heads = services.catalog.heads()
    existing = set(services.storage.tables())
    for table in sorted(set(published) - existing):
        yield table, _vanished(services, table)
    newest: dict[TableName, TableVersion] = {}
    for table in sorted(existing):
        check = _Table(services, table, published.get(table), heads.get(table))
        try:
            newest[table] = check.log.version()
            for finding in check.findings(newest[table]):
                yield table, finding
        except LakeError as error:
            yield table, _unreadable(table, error)
    yield from _never_made(services, existing)
    yield from _unfinished_quarantines(newest)
    made = {table for table, head in heads.items() if making_of(head.fingerprint)}
    built = {table for table, version in newest.items() if version.files}
    yield from _undeclared(services, (existing & (built | set(published))) - made)


@dataclass(frozen=True)
class _Table:
    """One table that exists in storage."""

    services: Services
    name: TableName
    published: int | None
    head: Head | None

    @property
    def log(self) -> TableLog:
        return self.services.storage.table(self.name)

    def findings(self, newest: TableVersion) -> Iterator[Finding]:
        if self.head is not None and self.head.version > newest.version:
            yield self._gone_back(newest.version, self.head.version)
        elif self.published is not None and self.published > newest.version:
            yield self._gone_back(newest.version, self.published)
        elif self.published != newest.version and not self._never_built(newest):
            yield self._unpublished(newest.version)
        yield from self._missing(newest)
        yield from self._orphans()

    def _never_built(self, newest: TableVersion) -> bool:
        """Whether a rollback took the table back to before its first load."""
        built = newest.files or any(v >= 0 for v in newest.transactions.values())
        return self.published is None and not built

    def _gone_back(self, newest: int, known: int) -> Finding:
        return Finding(
            "log went back",
            str(self.name),
            f"its log ends at version {newest}, but version {known} was committed",
            "error",
            f"put back {self.log.root}/_delta_log from a copy, or rebuild the table: "
            f"lake run --full-refresh --select {self.name}",
        )

    def _unpublished(self, newest: int) -> Finding:
        seen = "nothing" if self.published is None else f"version {self.published}"
        return Finding(
            "unpublished versions",
            str(self.name),
            f"it is at version {newest}; readers see {seen}",
            "warning",
            "lake run publishes it, once the steps that failed succeed"
            if self.head is None or not making_of(self.head.fingerprint)
            else "a statement was killed; the next one that writes the table takes it back",
        )

    def _missing(self, newest: TableVersion) -> Iterator[Finding]:
        there = {entry.path for entry in self.log.store.list()}
        wanted = {newest.version: newest}
        if self.published is not None and self.published <= newest.version:
            wanted[self.published] = self.log.version(self.published)
        for number, version in sorted(wanted.items()):
            missing = [file for file in version.files if file.path not in there]
            if missing:
                rows = sum(max(file.rows, 0) for file in missing)
                yield Finding(
                    "missing data files",
                    f"{self.name}@v{number}",
                    f"{len(missing)} of its {len(version.files)} data files are gone, with "
                    f"{rows:,} rows; the first is {missing[0].path}",
                    "error",
                    f"put them back from a copy, or rebuild the table: "
                    f"lake run --full-refresh --select {self.name}",
                )

    def _orphans(self) -> Iterator[Finding]:
        from lakeworks.storage import maintenance

        orphans = maintenance.orphans(self.log)
        if orphans:
            size = sum(entry.size_bytes for entry in orphans)
            yield Finding(
                "orphan files",
                str(self.name),
                f"{len(orphans)} data file{'s' if len(orphans) > 1 else ''} "
                f"({size / _MIB:,.1f} MiB) belong to no version: a step was killed",
                "note",
                f"nothing reads them; lake vacuum {self.name} deletes them a week after they "
                "were written",
            )


def _vanished(services: Services, table: TableName) -> Finding:
    return Finding(
        "vanished table",
        str(table),
        f"it is published, but {services.storage.table_root(table)} holds no table",
        "error",
        "put the folder back from a copy, or make the table anew: lake run",
    )


def _never_made(services: Services, existing: set[TableName]) -> Iterator[Found]:
    """Yield the tables of which a first, killed step left files but no log."""
    from lakeworks.storage import maintenance

    declared = {*services.project.sources, *services.project.models}
    declared |= {table.quarantine for table in declared}
    for table in sorted(declared - existing):
        files = maintenance.orphans(services.storage.table(table))
        if files:
            yield (
                table,
                Finding(
                    "orphan files",
                    str(table),
                    f"{len(files)} data file{'s' if len(files) > 1 else ''} lie where no table "
                    "was made yet: its first step was killed",
                    "note",
                    "lake run makes the table; lake vacuum deletes them later",
                ),
            )


def _unreadable(table: TableName, error: LakeError) -> Finding:
    return Finding("unreadable log", str(table), error.problem, "error", error.hint)


def _unfinished_quarantines(newest: Mapping[TableName, TableVersion]) -> Iterator[Found]:
    for table, version in newest.items():
        quarantine = newest.get(table.quarantine)
        if quarantine is None:
            continue
        meant = quarantine.transactions.get(bookmark_of(table), -1)
        if meant > version.version:
            yield (
                table,
                Finding(
                    "quarantine ahead",
                    str(table.quarantine),
                    f"it holds rejects of {table}@v{meant}, which was never committed",
                    "warning",
                    f"lake run --select {table} takes them back and repeats the step",
                ),
            )


def _undeclared(services: Services, existing: set[TableName]) -> Iterator[Found]:
    project = services.project
    declared = {*project.sources, *project.models}
    declared |= {table.quarantine for table in declared}
    for table in sorted(existing - declared):
        yield (
            table,
            Finding(
                "undeclared table",
                str(table),
                "no source and no model declares it, so no run touches it",
                "note",
                "declare it again if that was a mistake; else it can still be queried",
            ),
        )
