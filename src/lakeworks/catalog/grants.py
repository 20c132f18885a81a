"""Grants and tags that were given at run time: rows, whose meaning `governance` knows.

A grant is a set of rows, one a permission, so granting twice is granting once, whoever comes
first. Every change counts `revision` up in its own transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakeworks.catalog.moments import from_microseconds, microseconds
from lakeworks.core import clock
from lakeworks.core.names import LAYERS, QUARANTINE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from lakeworks.catalog.database import Database, Session

_COLUMNS = "principal, resource, permission, granted_by, grantable, granted_us"


@dataclass(frozen=True, slots=True, order=True)
class GrantRow:
    """One permission on one resource for one principal, by one grantor."""

    principal: str
    resource: str
    permission: str
    granted_by: str
    grantable: bool
    granted_at: datetime


@dataclass(frozen=True, slots=True, order=True)
class TagRow:
    """One LF-tag of one resource."""

    resource: str
    key: str
    value: str
    tagged_by: str
    tagged_at: datetime


@dataclass(frozen=True, slots=True)
class GrantedState:
    """What was granted and tagged, as of one moment.

    Attributes:
        stamp: As `Grants.stamp`.
        external: The tables of the data catalog whose files lie elsewhere.
    """

    stamp: tuple[int, int, int]
    grants: tuple[GrantRow, ...]
    tags: tuple[TagRow, ...]
    external: frozenset[str]


class Grants:
    """The grants and tags of a catalog. Safe to use from several threads and processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def revision(self) -> int:
        """Return how often grants or tags were changed so far."""
        with self._database.reading() as session:
            return _revision(session)

    def stamp(self) -> tuple[int, int, int]:
        """Return the revision, and the newest snapshot and entry of the data catalog."""
        with self._database.reading() as session:
            return _stamp(session)

    def read(self) -> GrantedState:
        """Return all grants and tags as of one moment."""
        with self._database.reading() as session:
            rows = session.all(f"SELECT {_COLUMNS} FROM governance_grants ORDER BY 1, 2, 3, 4")
            tags = session.all(
                "SELECT resource, tag_key, tag_value, tagged_by, tagged_us "
                "FROM governance_tags ORDER BY 1, 2"
            )
            external = session.all(
                "SELECT database_name, table_name FROM dc_tables WHERE table_type = :kind",
                kind="EXTERNAL_TABLE",
            )
            return GrantedState(
                _stamp(session),
                tuple(_grant(row) for row in rows),
                tuple(_tag(row) for row in tags),
                frozenset(f"{d}.{t}" for d, t in external if d not in (*LAYERS, QUARANTINE)),
            )

    def add(
        self,
        principal: str,
        resource: str,
        permissions: Iterable[str],
        *,
        by: str,
        grantable: Iterable[str] = (),
    ) -> None:
        """Grant permissions; one that is there already keeps its grant option, or gets it."""
        passable = set(grantable)
        with self._database.writing() as session:
            for permission in sorted(permissions):
                session.run(
                    f"INSERT INTO governance_grants ({_COLUMNS}) VALUES (:principal, :resource, "
                    ":permission, :by, :grantable, :at) ON CONFLICT (principal, resource, "
                    "permission, granted_by) DO UPDATE SET grantable = "
                    "(governance_grants.grantable OR excluded.grantable)",
                    principal=principal,
                    resource=resource,
                    permission=permission,
                    by=by,
                    grantable=permission in passable,
                    at=microseconds(clock.now()),
                )
            _count_up(session)

    def remove(
        self,
        principal: str,
        resource: str,
        permissions: Iterable[str],
        *,
        by: str | None = None,
        option_only: bool = False,
    ) -> int:
        """Revoke permissions, or only their grant option; return how many rows it changed.

        Args:
            principal: From whom.
            resource: On what.
            permissions: Which.
            by: Only what this grantor granted; None for whoever did.
            option_only: Leave the permissions and take the grant option.
        """
        changed = 0
        verb = (
            "UPDATE governance_grants SET grantable = :no"
            if option_only
            else "DELETE FROM governance_grants"
        )
        with self._database.writing() as session:
            for permission in sorted(permissions):
                values: dict[str, object] = {"no": False} if option_only else {}
                where = "principal = :principal AND resource = :resource AND permission = :one"
                if by is not None:
                    where += " AND granted_by = :by"
                    values["by"] = by
                changed += session.run(
                    f"{verb} WHERE {where}",
                    principal=principal,
                    resource=resource,
                    one=permission,
                    **values,
                )
            if changed:
                _count_up(session)
        return changed

    def forget(self, resources: Iterable[str], tagged: str) -> int:
        """Take away all that was granted on some resources, and all tags of a name.

        Args:
            resources: As grants name them.
            tagged: `silver.orders`: its tags go, and those of its columns.
        """
        columns = tagged.replace("!", "!!").replace("_", "!_").replace("%", "!%") + ".%"
        with self._database.writing() as session:
            gone = sum(
                session.run("DELETE FROM governance_grants WHERE resource = :one", one=one)
                for one in resources
            )
            gone += session.run(
                "DELETE FROM governance_tags WHERE resource = :name "
                "OR resource LIKE :columns ESCAPE '!'",
                name=tagged,
                columns=columns,
            )
            if gone:
                _count_up(session)
        return gone

    def rename_grantors(self, resource: str, names: Mapping[str, str]) -> int:
        """Give grants on a resource other grantors; return how many permissions that concerns.

        Args:
            resource: As grants name it.
            names: Each grantor, and what is written in its place.
        """
        with self._database.writing() as session:
            changed = 0
            for old, new in names.items():
                # What was kept under the new name already says the same.
                session.run(
                    "DELETE FROM governance_grants WHERE resource = :one AND granted_by = :new "
                    "AND EXISTS (SELECT 1 FROM governance_grants g WHERE g.granted_by = :old "
                    "AND g.resource = governance_grants.resource "
                    "AND g.principal = governance_grants.principal "
                    "AND g.permission = governance_grants.permission)",
                    one=resource,
                    new=new,
                    old=old,
                )
                changed += session.run(
                    "UPDATE governance_grants SET granted_by = :new "
                    "WHERE resource = :one AND granted_by = :old",
                    one=resource,
                    new=new,
                    old=old,
                )
            if changed:
                _count_up(session)
        return changed

    def tag(self, resource: str, key: str, value: str | None, *, by: str) -> bool:
        """Give a resource a tag, another value of it, or with None take it away.

        Returns:
            Whether anything changed.
        """
        with self._database.writing() as session:
            have = session.first(
                "SELECT tag_value FROM governance_tags WHERE resource = :resource AND "
                "tag_key = :key",
                resource=resource,
                key=key,
            )
            if (have[0] if have else None) == value:
                return False
            session.run(
                "DELETE FROM governance_tags WHERE resource = :resource AND tag_key = :key",
                resource=resource,
                key=key,
            )
            if value is not None:
                session.run(
                    "INSERT INTO governance_tags (resource, tag_key, tag_value, tagged_by, "
                    "tagged_us) VALUES (:resource, :key, :value, :by, :at)",
                    resource=resource,
                    key=key,
                    value=value,
                    by=by,
                    at=microseconds(clock.now()),
                )
            _count_up(session)
            return True


def _grant(row: tuple[Any, ...]) -> GrantRow:
    principal, resource, permission, by, grantable, at = row
    return GrantRow(principal, resource, permission, by, bool(grantable), from_microseconds(at))


def _tag(row: tuple[Any, ...]) -> TagRow:
    resource, key, value, by, at = row
    return TagRow(resource, key, value, by, from_microseconds(at))


def _stamp(session: Session) -> tuple[int, int, int]:
    found = []
    for column, table in (("id", "snapshots"), ("table_id", "dc_tables")):
        last = session.first(f"SELECT max({column}) FROM {table}")
        found.append(int(last[0] or 0) if last else 0)
    return _revision(session), found[0], found[1]


def _revision(session: Session) -> int:
    row = session.first("SELECT revision FROM governance_state WHERE only_row = 1")
    return int(row[0]) if row else 0


def _count_up(session: Session) -> None:
    session.run("UPDATE governance_state SET revision = revision + 1 WHERE only_row = 1")
