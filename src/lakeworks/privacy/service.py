"""`lake.privacy`: erase a person, export a person's data, keep data no longer than declared."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from lakeworks.governance.principals import Principal
from lakeworks.privacy.erasing import Eraser, ErasureRequest, wanted_of
from lakeworks.privacy.errors import (
    ErasureRefusedError,
    NotErasedError,
    UnknownErasureError,
)
from lakeworks.privacy.report import ErasureReport, listed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from lakeworks.catalog.erasures import Erasure
    from lakeworks.governance.service import Governance
    from lakeworks.pipeline.lineage import Lineage
    from lakeworks.pipeline.state import Services
    from lakeworks.privacy.exporting import SubjectExport
    from lakeworks.privacy.retention import RetentionReport
    from lakeworks.privacy.returning import KeptOut
    from lakeworks.query.service import QueryService

PERMISSION = "ERASE"
_MANY = 100_000
MENTIONS = ("report", "delete", "keep")


class Privacy:
    """What a lake does with the data of persons."""

    def __init__(
        self,
        services: Services,
        lineage: Lineage,
        governance: Governance,
        query: Callable[[], QueryService],
    ) -> None:
        self._services = services
        self._lineage = lineage
        self._governance = governance
        self._query = query

    def erase(  # noqa: PLR0913 - what an erasure can be asked with
        self,
        subject: str | Sequence[str],
        *,
        dry_run: bool = False,
        reason: str = "",
        mentions: str = "report",
        principal: str = "",
        wait_s: float | None = None,
        shared: bool = False,
    ) -> ErasureReport:
        """Erase a person from every table, its history, quarantine, landed files and results.

        Safe to repeat: after a kill, the same call finishes the work.

        Args:
            subject: `customer_id=C-17`, `silver.customers.customer_id=C-17`, `customer=C-17`
                for a declared subject; several name the same person.
            dry_run: Only say what is where.
            reason: Kept with the report.
            mentions: What happens to rows of others that name the person in a text: `report`
                (they count as left), `delete` or `keep`.
            principal: Who asks; empty for the lake's owner.
            wait_s: How long to wait for tables that a run holds; None waits.
            shared: Erase also rows of others that have an identifier of the person's.

        Raises:
            SubjectError: a name leads nowhere, or to unlike things.
            SharedIdentifierError: others have an identifier of the person's.
            ErasureRefusedError: the principal may not.
            NotErasedError: something is left; the report is kept under `lake erase show`.
            NotUpToDateError: a table that keeps history has to be brought up to date first.
            TableLockedError: a run held a table for longer than `wait_s`.
        """
        texts = (subject,) if isinstance(subject, str) else tuple(subject)
        who = self._allowed(principal, "erase a subject", {"dry_run": dry_run})
        asked = ErasureRequest(wanted_of(texts), str(who), reason, mentions, wait_s, shared)
        erase_words = partial(self._governance.erase_words, who)
        eraser = Eraser(self._services.with_views(), self._lineage, asked, erase_words)
        if dry_run:
            return eraser.look()
        report = eraser.erase()
        self._governance.audit(
            "erasure",
            who,
            {
                "erasure": report.erasure_id,
                "subject_hash": report.subject_hash,
                "identified_by": list(report.identified_by),
                "state": report.state,
                "erased": report.erased_rows,
                # As it is kept with the report: without the person, should it have named them.
                "reason": self.erasure(report.erasure_id).reason,
            },
        )
        if report.left:
            raise NotErasedError.left(report.erasure_id, listed(report.left))
        return report

    def keep_out(
        self, erasure_id: str, subject: str | Sequence[str], *, principal: str = ""
    ) -> None:
        """Let `erase_again` know a person who was erased, by a salted hash of each value.

        Args:
            erasure_id: Of the erasure.
            subject: As it was given to `erase`.
            principal: As for `erase`.

        Raises:
            UnknownErasureError: there is none, or it was another subject's.
            ErasureRefusedError: the principal may not.
        """
        from lakeworks.privacy.returning import KEPT_OUT, marks_of
        from lakeworks.privacy.subjects import subject_text

        who = self._allowed(principal, "keep a subject out", {"erasure": erasure_id})
        wanted = wanted_of((subject,) if isinstance(subject, str) else tuple(subject))
        found = self.erasure(erasure_id)
        if not found.is_of(subject_text(wanted)):
            raise UnknownErasureError.of_another(erasure_id)
        report = {**found.report, KEPT_OUT: marks_of(wanted, self._kept_out())}
        self._services.catalog.erasures.amend(found.erasure_id, report)
        self._governance.audit("erasure", who, {"erasure": found.erasure_id, "kept_out": True})

    def erase_again(
        self, *, dry_run: bool = False, mentions: str = "report", principal: str = ""
    ) -> list[ErasureReport]:
        """Erase persons who were erased to stay out, and whom a source sent again.

        They are looked for in the columns that they were named by, and in rejected rows.

        Args:
            dry_run: Only say what of them is where.
            mentions: As for `erase`.
            principal: As for `erase`.

        Returns:
            A report for each who was back.

        Raises:
            ErasureRefusedError: the principal may not.
            NotErasedError: something of one is left; the others were erased.
        """
        from lakeworks.privacy.returning import Returns

        self._allowed(principal, "erase subjects again", {"dry_run": dry_run})
        eraser = Eraser(self._services.with_views(), self._lineage, ErasureRequest(()))
        back = Returns(self._services, eraser.tracer()).found(self._kept_out())
        done: list[ErasureReport] = []
        failed: list[NotErasedError] = []
        for one, value in back.items():
            try:
                done.append(
                    self.erase(
                        f"{one.name}={value}",
                        dry_run=dry_run,
                        reason=f"sent again after erasure {one.erasure_id}",
                        mentions=mentions,
                        principal=principal,
                    )
                )
            except NotErasedError as error:
                failed.append(error)
        if failed:
            raise failed[0]
        return done

    def admit(self, erasure_id: str, *, principal: str = "") -> Erasure:
        """Let a person in again who was to stay out; what was erased stays erased.

        Args:
            erasure_id: Of the erasure that was to keep the person out, or the beginning of it.
            principal: As for `erase`.

        Raises:
            UnknownErasureError: there is none, or there are several.
            ErasureRefusedError: the principal may not.
        """
        from lakeworks.privacy.returning import KEPT_OUT

        who = self._allowed(principal, "admit a subject again", {"erasure": erasure_id})
        found = self.erasure(erasure_id)
        report = {key: value for key, value in found.report.items() if key != KEPT_OUT}
        self._services.catalog.erasures.amend(found.erasure_id, report)
        self._governance.audit("erasure", who, {"erasure": found.erasure_id, "admitted": True})
        return self.erasure(found.erasure_id)

    def _kept_out(self) -> list[KeptOut]:
        from lakeworks.privacy.returning import kept_out

        return kept_out(self._services.catalog.erasures.all(limit=_MANY))

    def erasures(self) -> list[Erasure]:
        """Return the last erasures, newest first."""
        return self._services.catalog.erasures.all()

    def erasure(self, erasure_id: str) -> Erasure:
        """Return one erasure by its identifier, or the beginning of it.

        Raises:
            UnknownErasureError: there is none, or there are several.
        """
        found = self._services.catalog.erasures.named(erasure_id)
        if len(found) != 1:
            known = [one.erasure_id for one in self.erasures()]
            raise UnknownErasureError.named(erasure_id, known)
        return found[0]

    def export(
        self,
        subject: str | Sequence[str],
        out: Path,
        *,
        format_: str = "json",
        principal: str = "",
        shared: bool = False,
    ) -> SubjectExport:
        """Write every row of a person, one file a place, with a manifest of where each is from.

        Args:
            subject: As for `erase`.
            out: A folder that is empty or not there yet.
            format_: `json`, `csv` or `parquet`.
            principal: Whose permissions hold: tables, columns and rows as it may see them, and
                no raw files. Empty for the lake's owner.
            shared: As for `erase`.

        Raises:
            SubjectError: a name leads nowhere, or to unlike things.
            SharedIdentifierError: others have an identifier of the person's.
            ExportFolderError: the folder is not empty.
        """
        from lakeworks.privacy.exporting import Exporter

        texts = (subject,) if isinstance(subject, str) else tuple(subject)
        exporter = Exporter(
            self._services, self._lineage, self._query, self._governance, principal, shared
        )
        return exporter.export(wanted_of(texts), out, format_)

    def apply_retention(
        self, *, dry_run: bool = False, wait_s: float | None = None
    ) -> RetentionReport:
        """Delete, or empty, what the retention rules of `policies/*.yml` no longer keep."""
        from lakeworks.privacy.retention import Retainer

        retainer = Retainer(self._services, self._lineage, self._governance)
        return retainer.apply(dry_run=dry_run, wait_s=wait_s)

    def _allowed(self, principal: str, what: str, told: Mapping[str, Any]) -> Principal:
        if not principal:
            return Principal.operator()
        who = Principal.parse(principal)
        decides = self._governance.authorizer()
        granted = any(
            grant.resource.kind == "catalog" and {PERMISSION, "ALL"} & grant.permissions
            for grant in decides.grants_of(who)
        )
        if not (decides.administers(who) and granted):
            self._governance.audit("denial", who, {"action": what, **told})
            raise ErasureRefusedError.principal(str(who), what)
        return who
