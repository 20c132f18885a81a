"""Bring one source's bronze table up to date: land, read, commit with the batch's number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.core import clock
from lakeworks.pipeline.planner import pending_files
from lakeworks.pipeline.publication import Change, commit, heal
from lakeworks.pipeline.report import StepReport
from lakeworks.pipeline.state import FILES, iso

if TYPE_CHECKING:
    from lakeworks.engines.protocol import Session
    from lakeworks.ingest.files import Ingested
    from lakeworks.ingest.pending import Pending
    from lakeworks.pipeline.state import State
    from lakeworks.project.declaration import Source
    from lakeworks.storage.files import DataFile
    from lakeworks.storage.log import TableVersion


@dataclass(frozen=True)
class SourceStep:
    """One source's part in one run.

    Attributes:
        reread: Read every landed file again and make the table anew.
    """

    source: Source
    state: State
    run_id: str
    reread: bool = False

    def run(self) -> StepReport:
        """Read what is new and report it; raises what fails."""
        table = self.source.table
        services = self.state.services
        heal(table, self.state)
        batch = self.state.files_batch(table)
        # What a killed run began but never committed was not read: it is new again.
        services.catalog.ledger.void_above(table, batch)
        found = self._relanded() if self.reread else pending_files(self.source, self.state)
        head = self.state.heads.get(table)
        if not found.new and not found.changed:
            return StepReport(
                table, "up to date", version=head.version if head else None, reason="no new files"
            )
        with services.engine.session() as session:
            return self._read(session, found)

    def _read(self, session: Session, found: Pending) -> StepReport:
        from lakeworks.ingest.files import ingest_files

        table, services = self.source.table, self.state.services
        storage = services.storage
        current = None if self.reread else self._current()
        root = storage.table_root(table)
        ingested = ingest_files(
            self.source,
            found,
            session=session,
            landing=storage.landing,
            staging=storage.staging_of(self.run_id),
            ledger=services.catalog.ledger,
            table=str(table),
            root=root,
            rejects_root=storage.table_root(table.quarantine),
            known=current.schema if current else None,
            target=current.source(root) if current else None,
            run_id=self.run_id,
            moment=iso(clock.now()),
        )
        try:
            version = self._commit(ingested)
        except BaseException:
            storage.table(table).discard(ingested.added)
            storage.table(table.quarantine).discard(ingested.rejected)
            raise
        files = len(found.new) + len(found.changed)
        return StepReport(
            table,
            "succeeded",
            rows_read=ingested.read,
            rows_written=ingested.written,
            rows_quarantined=ingested.quarantined,
            rows_superseded=ingested.superseded,
            version=version,
            reason=f"{files:,} file{'s' if files != 1 else ''} read",
        )

    def _commit(self, ingested: Ingested) -> int:
        table = self.source.table
        removed: tuple[DataFile, ...] = tuple(ingested.removed)
        quarantine_removed: tuple[DataFile, ...] = ()
        if self.reread:
            current, rejects = self._current(), self._rejects()
            removed = current.files if current else ()
            quarantine_removed = rejects.files if rejects else ()
        change = Change(
            schema=ingested.schema,
            added=ingested.added,
            removed=removed,
            rejected=ingested.rejected,
            bookmarks={FILES: ingested.batch},
            operation="READ FILES",
            info={"run_id": self.run_id, "fingerprint": "source"},
            partition_columns=self.source.partition_by,
            quarantine_removed=quarantine_removed,
        )
        return commit(table, change, self.state)

    def _current(self) -> TableVersion | None:
        head = self.state.heads.get(self.source.table)
        if head is None:
            return None
        version = self.state.services.storage.table(self.source.table).version(head.version)
        # A table rolled back to before its first load has columns but no past to keep to.
        return version if version.files or version.info.get("fingerprint") else None

    def _rejects(self) -> TableVersion | None:
        head = self.state.heads.get(self.source.table.quarantine)
        if head is None:
            return None
        return self.state.services.storage.table(self.source.table.quarantine).version(head.version)

    def _relanded(self) -> Pending:
        """Return every file ever landed for the table, and what is new, to be read again."""
        from lakeworks.ingest.pending import reread

        known = self.state.services.catalog.ledger.entries(
            self.source.table, up_to=self.state.files_batch(self.source.table)
        )
        return reread(known, pending_files(self.source, self.state))
