"""Carry out an erasure: find, delete, publish, end the past, prove it. Repeatable after a kill.

What is looked for is sealed in the catalog before anything is deleted, since afterwards the
lineage no longer leads there. The order: tables, one snapshot, their past, landed files, results,
the catalog's texts; then everything is looked at again, and the report says what is left.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lakeworks.core import clock, events
from lakeworks.pipeline.catalog_entries import note_publication
from lakeworks.pipeline.publication import restore
from lakeworks.pipeline.state import State
from lakeworks.privacy import other_places
from lakeworks.privacy.elsewhere import copies_elsewhere, look_outside, not_reached, unloaded
from lakeworks.privacy.landing import Landings
from lakeworks.privacy.report import ErasureReport, Gathered
from lakeworks.privacy.returning import KEPT_OUT
from lakeworks.privacy.sharing import check_unshared, shared_told
from lakeworks.privacy.subjects import subject_text
from lakeworks.privacy.table_search import find, with_words
from lakeworks.privacy.tables import TableErasure, is_quarantine
from lakeworks.privacy.tracing import Tracer
from lakeworks.storage.erasing import forget_past, has_past
from lakeworks.storage.log_state import own_info

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from lakeworks.catalog.erasures import Erasure, ErasureState
    from lakeworks.catalog.locks import Lease
    from lakeworks.core.names import TableName
    from lakeworks.core.types import Schema
    from lakeworks.pipeline.lineage import Lineage
    from lakeworks.pipeline.state import Services
    from lakeworks.privacy.landing import LandedFile
    from lakeworks.privacy.parquet_search import Look
    from lakeworks.privacy.report import Kind
    from lakeworks.privacy.subjects import Wanted
    from lakeworks.privacy.table_search import TableFound
    from lakeworks.privacy.trace import Trace
    from lakeworks.storage.log_actions import Action

OPERATIONS = ("ERASE", "BOOKMARK")
LOST = "nothing tells by which columns its earlier versions named persons: they go as a whole"
GONE = "nothing tells what it was made from: columns called alike and texts were looked at"
REMADE = "nobody can be told apart in it: made anew from what is left"


@dataclass(frozen=True, slots=True)
class ErasureRequest:
    """What is asked.

    Attributes:
        mentions: What happens to others' rows that name the person in a text: `report` leaves
            them and says so, `delete` deletes them, `keep` leaves them on purpose.
        wait_s: How long to wait for tables that a run holds; None: as long as it takes.
        shared: Whether rows of others go too that have an identifier of the person's.
    """

    wanted: tuple[Wanted, ...]
    principal: str = "operator"
    reason: str = ""
    mentions: str = "report"
    wait_s: float | None = None
    shared: bool = False

    @property
    def text(self) -> str:
        """The subject in its one spelling."""
        return subject_text(self.wanted)


@dataclass
class Eraser:
    """One erasure in one lake."""

    services: Services
    lineage: Lineage
    asked: ErasureRequest
    erase_words: other_places.EraseWords | None = None
    resumed: bool = False
    gathered: Gathered = field(default_factory=Gathered)
    elsewhere: list[str] = field(default_factory=list)

    def look(self) -> ErasureReport:
        """Return what an erasure would do; change nothing."""
        begin = time.monotonic()
        trace = self._trace()
        found = self._found(trace, words=True)
        self._note_found(found, key="found")
        landings = Landings(self.services, trace)
        held = set()
        for one in landings.found():
            self._note_landed(one, key="found")
            held.add(one.uri)
        self.elsewhere = look_outside(self.services, trace, self.gathered, key="found")
        self.elsewhere += unloaded(self.services, trace)
        self.elsewhere += copies_elsewhere(self.services, landings, held)
        other_places.look_at_results(self.services, trace.words, self.gathered, key="found")
        other_places.look_at_catalog(self.services, trace.words, self.gathered, key="found")
        return replace(self._report("", "dry run", trace, begin), dry_run=True)

    def erase(self) -> ErasureReport:
        """Erase the subject, and return the report of what was done and what is left.

        Raises:
            SubjectError: a name leads nowhere.
            NotUpToDateError: a table that keeps history must be brought up to date first.
            TableLockedError: a run held a table for longer than `wait_s`.
        """
        begin = time.monotonic()
        run_id = clock.new_run_id()
        with self._locks(run_id) as lease:
            self._settle()
            trace = self._trace()
            check_unshared(trace, "erase", allowed=self.asked.shared)
            catalog = self.services.catalog
            journal = catalog.erasures.begin(
                self.asked.text,
                kind="erasure",
                principal=self.asked.principal,
                reason=self.asked.reason,
            )
            earlier = journal.opened(self.asked.text)
            self.resumed = earlier is not None
            trace.join(earlier)
            catalog.erasures.seal(journal, self.asked.text, trace.as_json())
            catalog.begin_run(run_id)
            try:
                report = self._carried_out(journal, trace, run_id, lease, begin)
            except BaseException:
                catalog.end_run(run_id, "failed", {"steps": [], "erasure": journal.erasure_id})
                raise
            finally:
                self.services.storage.clear_staging(run_id)
            run: dict[str, object] = {"steps": [], "erasure": journal.erasure_id}
            catalog.end_run(run_id, "succeeded", {**run, "snapshot": report.snapshot})
        state: ErasureState = "incomplete" if report.left else "done"
        told = {**report.as_json(), KEPT_OUT: journal.report.get(KEPT_OUT, [])}
        catalog.erasures.end(journal, state, told)
        # What was sealed, and texts that were replaced, lie in the database's free pages.
        catalog.erasures.compact()
        events.emit("subject.erased", erasure=journal.erasure_id, state=state)
        return report

    def _carried_out(
        self, journal: Erasure, trace: Trace, run_id: str, lease: Lease, begin: float
    ) -> ErasureReport:
        delete_mentions = self.asked.mentions == "delete"
        found = self._found(trace, words=delete_mentions)
        landings = Landings(self.services, trace, mentions_too=delete_mentions)
        snapshot = self._erase_tables(journal, trace, run_id, lease, found)
        held = set()
        for one in landings.erase():
            held.add(one.uri)
            self._note_landed(one, key="found")
            if not one.why_not:
                self._note_landed(one, key="erased")
        self.elsewhere = look_outside(self.services, trace, self.gathered, key="left")
        self.elsewhere += unloaded(self.services, trace)
        self.elsewhere += copies_elsewhere(self.services, landings, held)
        other_places.drop_results(self.services, self.gathered)
        other_places.drop_scratch(self.services, self.gathered)
        other_places.erase_from_trail(self.erase_words, trace.words, self.gathered, journal)
        other_places.redact_catalog(self.services, trace.words, self.gathered)
        self._prove(trace)
        report = self._report(journal.erasure_id, "done", trace, begin, snapshot=snapshot)
        report = replace(report, subject_hash=journal.subject_hash)
        return replace(report, state="incomplete") if report.left else report

    def _erase_tables(
        self,
        journal: Erasure,
        trace: Trace,
        run_id: str,
        lease: Lease,
        found: Mapping[TableName, TableFound],
    ) -> int | None:
        self._note_found(found, key="found")
        touched = {table: one for table, one in found.items() if self._touches(one)}
        if not touched:
            return None
        state = State(self.services, self.services.catalog.heads())
        state.snapshot = self.services.catalog.current_snapshot()
        work = TableErasure(
            self.services,
            state,
            trace,
            run_id,
            journal.erasure_id,
            mentions_too=self.asked.mentions == "delete",
            resumed=self.resumed,
        )
        work.check(touched)
        work.erase(touched)
        for table, why in work.refused.items():
            self.gathered.note(_kind(table), str(table), note=why)
        for table, why in work.not_remade.items():
            trace.unidentified[str(table)] += f", which failed just now: {why}"
        lease.check()
        seen = state.snapshot.tables
        versions = {t: one.version for t, one in work.changes.items() if t in seen}
        published = self.services.catalog.publish(run_id, versions, kind="erasure")
        note_publication(self.services, versions, state.heads, f"erasure {journal.erasure_id}")
        remade = [table for table, change in work.changes.items() if change.remade]
        ended = {table: work.changes[table].version for table in (*remade, *touched)}
        self.services.catalog.erasures.end_versions(journal.erasure_id, ended)
        # First these, and those that are not sure: a repetition knows them by the others' past.
        for table in remade:
            gone = forget_past(self.services.storage.table(table))
            trace.unidentified.pop(str(table), None)
            self.gathered.note("table", str(table), note=REMADE)
            self.gathered.note("history", str(table), files=len(gone.files))
        for table, one in sorted(touched.items(), key=lambda item: item[1].is_sure):
            gone = forget_past(self.services.storage.table(table))
            kind = _kind(table)
            rows = work.changes[table].deleted_rows
            self.gathered.note(
                kind, str(table), erased=rows, files=work.changes[table].rewritten
            )
            self.gathered.note(
                "history", str(table), erased=one.past_rows, files=len(gone.files)
            )
        return published.id

    def _touches(self, one: TableFound) -> bool:
        return bool(one) or (self.asked.mentions == "delete" and bool(one.found.mentions))

    def _prove(self, trace: Trace) -> None:
        """Look at everything again, and note what is left of the person."""
        self._note_found(self._found(trace, words=True), key="left")
        for one in Landings(self.services, trace).found():
            self._note_landed(one, key="left")
        other_places.look_at_results(self.services, trace.words, self.gathered, key="left")
        other_places.look_at_catalog(self.services, trace.words, self.gathered, key="left")

    def _note_found(self, found: Mapping[TableName, TableFound], *, key: str) -> None:
        for table, one in found.items():
            kind = _kind(table)
            mentions = sum(one.found.mentions.values())
            self.gathered.note(kind, str(table), **{key: one.found.rows})
            if mentions:
                columns = ", ".join(sorted(one.found.mentions))
                note = (
                    f"rows of others name the subject in {columns}: --mentions says what to do"
                )
                if kind == "table":
                    first = min(one.found.mentions)
                    note += f"; are they the subject's own, add --subject {table}.{first}=…"
                kept = self.asked.mentions == "keep" and not (key == "left" and one.found.rows)
                self.gathered.note(kind, str(table), **{key: mentions}, note=note, kept=kept)
            past = one.past_rows or int(one.log or one.lost)
            told = {"note": LOST} if one.lost else {}
            self.gathered.note("history", str(table), **{key: past}, **told)

    def _note_landed(self, one: LandedFile, *, key: str) -> None:
        kind: Kind = "archive" if "/archive/" in one.uri else "landing"
        mentioned = 0 if self.asked.mentions == "keep" else one.mentions
        if key == "erased" and self.asked.mentions != "delete":
            mentioned = 0
        files = 1 if key == "erased" and (one.rows or mentioned) else 0
        self.gathered.note(kind, one.table, **{key: one.rows + mentioned}, files=files)
        if one.why_not:
            self.gathered.note(kind, one.table, left=1, note=f"{one.uri}: {one.why_not}")

    def _locks(self, run_id: str) -> AbstractContextManager[Lease]:
        project, catalog = self.services.project, self.services.catalog
        tables = {*catalog.heads(), *project.sources, *project.models}
        return catalog.locks.hold(
            sorted(tables),
            holder=run_id,
            wait_s=self.asked.wait_s,
            on_wait=lambda holder: events.emit("run.waiting", holder=str(holder)),
        )

    def _settle(self) -> None:
        """Take back what a failed run committed and never published: the next run does it again.

        Else an erasure would publish half of a run. What a killed erasure committed stays.
        """
        catalog = self.services.catalog
        seen = catalog.current_snapshot().tables
        state = State.read(self.services, [])
        changes: dict[TableName, int | None] = {}
        for table in sorted({*state.heads, *self.services.storage.tables()}):
            head = state.refresh(table)
            if head is None or seen.get(table) == head.version:
                continue
            if table in seen and not self._is_erased(table, seen[table], head.version):
                changes[table] = restore(table, seen[table], state)
            elif table in seen:
                changes[table] = head.version
            elif head.fingerprint or head.rows:
                restore(table, None, state)
        if changes:
            catalog.publish(clock.new_run_id(), changes, kind="erasure")

    def _is_erased(self, table: TableName, since: int, until: int) -> bool:
        """Whether only erasures committed to a table since it was published.

        What they make anew is an ordinary commit, with one of theirs upon it.
        """
        log = self.services.storage.table(table)
        theirs = True
        for actions in log.commits_between(since, until):
            told: Action = next((a["commitInfo"] for a in actions if "commitInfo" in a), {})
            before = theirs
            theirs = told.get("operation") in OPERATIONS and "erasure" in own_info(told)
            if not theirs and not before:
                return False
        return theirs

    def _schemas(self) -> dict[TableName, Schema]:
        return {
            table: self.services.storage.table(table).version().schema
            for table in self.services.storage.tables()
        }

    def tracer(self) -> Tracer:
        """Return what follows persons through all tables as they are."""
        return Tracer(self.services, self.lineage, self._schemas())

    def _trace(self) -> Trace:
        return self.tracer().follow(self.asked.wanted)

    def _found(self, trace: Trace, *, words: bool) -> dict[TableName, TableFound]:
        project = self.services.project
        targets = {str(t.quarantine): t for t in (*project.sources, *project.models)}
        published = self._published()
        found = {}
        for table in self.services.storage.tables():
            log = self.services.storage.table(table)
            plain: Look = trace.look(table, log.version().schema, targets)
            look = with_words(plain, trace)
            # Where an earlier version names the person, that is nobody's row any more.
            before = plain if self.asked.mentions == "keep" else look
            concerned = trace.concerns(str(table))
            one = find(log, table, look if words else plain, before=before, concerned=concerned)
            if str(table) in trace.untold and table not in published:
                one.lost = has_past(log)
            found[table] = one
        if not any(one.is_sure for one in found.values()):
            for one in found.values():
                one.lost = False  # of somebody who is nowhere, nothing is to go
        return found

    def _published(self) -> Mapping[TableName, int]:
        return self.services.catalog.current_snapshot().tables

    def _report(
        self,
        erasure_id: str,
        state: str,
        trace: Trace,
        begin: float,
        *,
        snapshot: int | None = None,
    ) -> ErasureReport:
        for table in sorted(trace.untold & set(map(str, self._published()))):
            trace.unidentified.setdefault(table, GONE)
        columns = sorted(
            f"{table}.{path}" for table, paths in trace.columns.items() for path in paths
        )
        shared = {} if self.asked.shared else shared_told(trace)
        return ErasureReport(
            erasure_id,
            state,
            identified_by=tuple(one.name for one in self.asked.wanted),
            columns=tuple(columns),
            places=self.gathered.sorted(),
            unidentified=tuple(sorted({**trace.unidentified, **shared}.items())),
            elsewhere=tuple(self.elsewhere),
            not_reached=tuple(not_reached(self.services)),
            snapshot=snapshot,
            seconds=time.monotonic() - begin,
        )


def _kind(table: TableName) -> Kind:
    return "quarantine" if is_quarantine(table) else "table"


def wanted_of(texts: Sequence[str]) -> tuple[Wanted, ...]:
    """Read what `--subject` was given.

    Raises:
        SubjectError: one of them is no subject.
    """
    from lakeworks.privacy.errors import SubjectError
    from lakeworks.privacy.subjects import Wanted

    if not texts:
        raise SubjectError.unreadable("")
    return tuple(dict.fromkeys(Wanted.parse(text) for text in texts))
