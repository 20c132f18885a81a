"""Bring one source's bronze table up to date: land, read, commit with the batch's number."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from lakeworks.core import clock
from lakeworks.core.names import quote_literal
from lakeworks.pipeline.errors import TooManyRejectedError
from lakeworks.pipeline.planner import pending_files
from lakeworks.pipeline.publication import Change, commit, heal
from lakeworks.pipeline.redeclared import fingerprint_of, redeclared
from lakeworks.pipeline.report import Read, StepReport
from lakeworks.pipeline.state import FILES, iso

if TYPE_CHECKING:
    from lakeworks.catalog.schema_registry.records import RecordCoder
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
        reread: `all` reads every landed file again and makes the table anew; `rejected` reads
            the landed files again that have rows in quarantine.
        keep_read: Whether the rows that are there count as read by this declaration.
    """

    source: Source
    state: State
    run_id: str
    reread: Literal["", "all", "rejected"] = ""
    keep_read: bool = False

    def run(self) -> StepReport:
        """Read what is new and report it; raises what fails."""
        table = self.source.table
        services = self.state.services
        heal(table, self.state)
        batch = self.state.files_batch(table)
        # What a killed run began but never committed was not read: it is new again.
        services.catalog.ledger.void_above(table, batch)
        found = self._found()
        if not found.new and not found.changed:
            return self._nothing_new()
        with services.engine.session() as session:
            return self._read(session, found)

    def _nothing_new(self) -> StepReport:
        table = self.source.table
        head = self.state.heads.get(table)
        changed = redeclared(self.source, head)
        if head is not None and changed and self.keep_read:
            change = Change(
                schema=head.schema,
                added=(),
                removed=(),
                rejected=(),
                bookmarks={},
                operation="KEEP READ",
                info=self._info(),
            )
            version = commit(table, change, self.state)
            reason = f"its rows stay as they were read before {', '.join(changed)} changed"
            return StepReport(table, "succeeded", version=version, reason=reason)
        return StepReport(
            table,
            "up to date",
            version=head.version if head else None,
            reason="no new files",
            redeclared=changed,
        )

    def _info(self) -> dict[str, str]:
        head, anew = self.state.heads.get(self.source.table), self.reread == "all"
        noted = fingerprint_of(self.source, head, anew=anew or self.keep_read)
        return {"run_id": self.run_id, "fingerprint": noted}

    def _read(self, session: Session, found: Pending) -> StepReport:
        from lakeworks.ingest.files import ingest_files

        table, services = self.source.table, self.state.services
        storage = services.storage
        current = None if self.reread == "all" else self._current()
        root = storage.table_root(table)
        source = self.source
        if self.reread == "rejected":
            source = replace(source, on_change="reload")
        ingested = ingest_files(
            source,
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
            records=self._records(),
        )
        try:
            self._check_rejected(ingested)
            gone, rewritten = self._stale_rejects(session, found)
            version = self._commit(ingested, gone, rewritten)
        except BaseException:
            storage.table(table).discard(ingested.added)
            storage.table(table.quarantine).discard(ingested.rejected)
            raise
        arrived = (*found.new, *found.changed)
        files = len(arrived)
        read = Read(
            source.declared_path,
            batch=ingested.batch,
            files=files,
            size_bytes=sum(file.size_bytes for file in arrived),
        )
        return StepReport(
            table,
            "succeeded",
            rows_read=ingested.read,
            rows_written=ingested.written,
            rows_quarantined=ingested.quarantined,
            rows_superseded=ingested.superseded,
            version=version,
            reason=f"{files:,} file{'s' if files != 1 else ''} read",
            reads=(read,),
            redeclared=redeclared(source, self.state.heads.get(table)),
        )

    def _records(self) -> RecordCoder | None:
        """Return what the source's records are held to, in the version that counts now."""
        held = self.source.record_schema
        if held is None:
            return None
        registry = self.state.services.catalog.schema_registry
        return registry.coder(held.schema, held.version, registry=held.registry)

    def _check_rejected(self, ingested: Ingested) -> None:
        limit = self.source.max_rejected
        if limit and limit.exceeded(rejected=ingested.quarantined, read=ingested.read):
            raise TooManyRejectedError.counted(
                self.source.table,
                limit,
                rejected=ingested.quarantined,
                read=ingested.read,
                reasons=(),
            )

    def _commit(
        self, ingested: Ingested, gone: tuple[DataFile, ...], rewritten: tuple[DataFile, ...]
    ) -> int:
        table = self.source.table
        removed: tuple[DataFile, ...] = tuple(ingested.removed)
        if self.reread == "all":
            current = self._current()
            removed = current.files if current else ()
        change = Change(
            schema=ingested.schema,
            added=ingested.added,
            removed=removed,
            rejected=(*ingested.rejected, *rewritten),
            bookmarks={FILES: ingested.batch},
            operation="READ FILES",
            info=self._info(),
            partition_columns=self.source.partition_by,
            quarantine_removed=gone,
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
        return self.state.services.storage.table(self.source.table.quarantine).version(
            head.version
        )

    def _found(self) -> Pending:
        from lakeworks.ingest.pending import reached, reread, reread_some

        if self.reread == "":
            return pending_files(self.source, self.state)
        services = self.state.services
        known = services.catalog.ledger.entries(
            self.source.table, up_to=self.state.files_batch(self.source.table)
        )
        if self.reread == "all":
            again = reread(known, pending_files(self.source, self.state))
        else:
            again = reread_some(known, self._rejected_files())
        self._bring_back(again)
        return reached(again, services.storage.landing, services.project.environment.options)

    def _bring_back(self, again: Pending) -> None:
        """Have files that are to be read again out of the archive, where they may be."""
        from lakeworks.catalog.care.lifecycle import bring_back

        uris = [file.uri for file in (*again.new, *again.changed)]
        bring_back(self.state.services.storage, self.source.table, uris)

    def _rejected_files(self) -> set[str]:
        """Return the files, or members of archives, that have rows in quarantine."""
        rejects = self._rejects()
        if rejects is None:
            return set()
        root = self.state.services.storage.table_root(self.source.table.quarantine)
        with self.state.services.engine.session() as session:
            session.bind("quarantine.rejects", rejects.source(root))
            found = session.query(
                "select distinct source_file from quarantine.rejects"
            ).read_all()
        return {row["source_file"] for row in found.to_pylist() if row["source_file"]}

    def _stale_rejects(
        self, session: Session, found: Pending
    ) -> tuple[tuple[DataFile, ...], tuple[DataFile, ...]]:
        """Return quarantine files that go, and those that replace them.

        What is read again is judged again, so what was rejected of those files before goes.
        """
        rejects = self._rejects()
        if rejects is None or not rejects.files:
            return (), ()
        if self.reread == "all":
            return rejects.files, ()
        if not found.changed or (self.source.on_change == "append" and not self.reread):
            return (), ()
        root = self.state.services.storage.table_root(self.source.table.quarantine)
        where = " or ".join(
            f"source_file = {quote_literal(file.path)} "
            f"or starts_with(source_file, {quote_literal(file.path + '!')})"
            for file in found.changed
        )
        rewritten = session.delete(rejects.source(root), root, where)
        return rewritten.removed, rewritten.added
