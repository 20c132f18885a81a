"""The audit trail of one lake on this machine: who acts here, and the newest head beside it."""

from __future__ import annotations

import getpass
import socket
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from lakeworks.catalog.audit_trail import Head
    from lakeworks.catalog.audit_verifying import Verification
    from lakeworks.catalog.store import Catalog
    from lakeworks.governance.principals import Principal
    from lakeworks.governance.resources import Resource

AUDIT_MARKS = ".lake/audit"


class Trail:
    """Adds entries, and keeps the newest head in a file of this machine.

    Args:
        folder: Of the project.
    """

    def __init__(self, catalog: Catalog, folder: Path) -> None:
        self._catalog = catalog
        self._folder = folder

    def add(self, kind: str, principal: Principal, body: Mapping[str, Any]) -> Head:
        """Add an entry; see `Governance.audit`."""
        from lakeworks.catalog.audit_trail import write_mark

        head = self._catalog.audit_trail.append(kind, str(principal), _by(principal, body))
        write_mark(self._mark, head)
        return head

    def erase_words(
        self, principal: Principal, holds: Callable[[str], bool], told: Mapping[str, Any]
    ) -> int:
        """Take away what somebody wrote in entries; see `AuditTrail.erase_words`."""
        from lakeworks.catalog.audit_trail import write_mark

        count, head = self._catalog.audit_trail.erase_words(
            holds, principal=str(principal), told=_by(principal, told)
        )
        if head is not None:
            write_mark(self._mark, head)
        return count

    def verify(self, expected: Iterable[Head]) -> Verification:
        """Look at every entry, and at the heads kept in marks and given here."""
        from lakeworks.catalog.audit_trail import read_mark

        folder = self._folder / AUDIT_MARKS
        marks = [read_mark(path) for path in sorted(folder.glob("*.mark"))]
        return self._catalog.audit_trail.verify(
            [*(one for one in marks if one is not None), *expected]
        )

    @cached_property
    def _mark(self) -> Path:
        host = "".join(c if c.isalnum() or c in "-_" else "_" for c in socket.gethostname())
        return self._folder / AUDIT_MARKS / f"{host or 'host'}.mark"


def told_of(resource: Resource) -> dict[str, Any]:
    """Return what an entry tells of a resource; which rows of it is what somebody wrote."""
    told: dict[str, Any] = {"resource": replace(resource, rows="").as_json()}
    return {**told, "where": resource.rows} if resource.rows else told


def os_user() -> str:
    """Return who the operating system says acts."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def _by(principal: Principal, body: Mapping[str, Any]) -> dict[str, Any]:
    told = dict(body)
    if principal.kind == "operator":
        told["os_user"] = os_user()
    return told
