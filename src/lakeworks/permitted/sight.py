"""How the views of this package look at the lake: as one principal, under permissions of now.

Every request of a principal is a `Look`. It asks `query.viewer.Viewer` what may be known and what
may be seen, and nobody here decides anything else. A look ends in the audit trail, whether it gave
something or was refused; where the trail cannot be written, the request fails. Absent and forbidden
are one error, and an error that may speak of the lake's state is told as a code.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from lakeworks.catalog.data_catalog.errors import EntryNotFoundError
from lakeworks.catalog.errors import (
    UnknownNamedQueryError,
    UnknownRunError,
    UnknownTableError,
)
from lakeworks.catalog.schema_registry.errors import UnknownSchemaError
from lakeworks.core.errors import LakeError, NameRefusedError
from lakeworks.core.types import Field, Scalar, Schema
from lakeworks.permitted.errors import NotPermittedError, OwnerOnlyError
from lakeworks.permitted.figures import Figures
from lakeworks.pipeline.errors import ReplayError, UnknownNodeError
from lakeworks.query.viewer import viewer_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lakeworks.catalog.data_catalog.model import TableEntry
    from lakeworks.catalog.snapshots import Snapshot
    from lakeworks.core.names import TableName
    from lakeworks.core.types import Type
    from lakeworks.governance.decisions import TableAccess
    from lakeworks.governance.principals import Principal
    from lakeworks.governance.service import Governance
    from lakeworks.pipeline.state import Services
    from lakeworks.query.viewer import Viewer

# Made here, of what the principal sees; a `Viewer` tells the others.
_REFUSALS = (
    UnknownTableError, UnknownNodeError, EntryNotFoundError, NotPermittedError, OwnerOnlyError,
    ReplayError, UnknownSchemaError, UnknownNamedQueryError, UnknownRunError,
)  # fmt: skip
_TOLD = (*_REFUSALS, NameRefusedError)


class Look:
    """One request: what the lake has, and what of it its principal may know and see."""

    def __init__(self, viewer: Viewer, services: Services) -> None:
        self.viewer = viewer
        self.snapshot: Snapshot = services.catalog.current_snapshot()
        self.told: dict[str, Any] = {}
        self._services = services
        self._heads = services.catalog.heads()
        self._schemas: dict[TableName, Schema | None] = {}

    def tables(self) -> list[TableName]:
        """Return the published tables that the principal may know of, by name."""
        return [name for name in sorted(self.snapshot.tables) if self.knows(name)]

    def find(self, written: str | TableName) -> TableName:
        """Return the published table that is named.

        Raises:
            UnknownTableError: there is none, or the principal may not know of it.
        """
        text = str(written)
        self.asked(text)
        for name in self.snapshot.tables:
            if str(name) == text and self.knows(name):
                return name
        raise self.unknown(text)

    def unknown(self, written: str | TableName) -> UnknownTableError:
        """Return the error for a table that is not there, as far as the principal knows."""
        outside = self._services.catalog.data_catalog.outside_names()
        names = [*self.tables(), *(name for name in outside if self.knows(name))]
        known = [str(name) for name in names]
        return UnknownTableError.told_to(str(self.viewer.principal), str(written), known)

    def knows(self, name: TableName, schema: Schema | None = None) -> bool:
        """Whether the principal may know that there is such a table."""
        return bool(self.columns(name, schema))

    def columns(self, name: TableName, schema: Schema | None = None) -> tuple[str, ...]:
        """Return the columns that the principal may know of; none where not even the table."""
        known = self.schema(name) if schema is None else schema
        return () if known is None else self.viewer.described(name, known)

    def knows_whole(self, name: TableName, schema: Schema | None = None) -> bool:
        """Whether the principal may know of every column of a table that is there."""
        known = self.schema(name) if schema is None else schema
        return bool(known) and len(self.columns(name, known)) == len(known or ())

    def access(self, name: TableName, schema: Schema | None = None) -> TableAccess | None:
        """Return how the principal sees the rows of a table; None for not one value."""
        known = self.schema(name) if schema is None else schema
        return None if known is None else self.viewer.shown(name, known)

    def sees_whole(self, name: TableName) -> bool:
        """Whether the principal sees all of a table, every value as it is."""
        access = self.access(name)
        return access is not None and access.unrestricted

    def sees_all_rows(self, name: TableName) -> bool:
        """Whether no row of a table is hidden."""
        access = self.access(name)
        return access is not None and access.row_filter is None

    def sees_rejected(self, name: TableName) -> bool:
        """Whether the principal sees every row that was rejected on its way into a table.

        Whether any was is a fact about them: who may not read them is not told that there are none.
        """
        kept = name.quarantine
        if kept in self.snapshot.tables:
            return self.sees_whole(kept)
        return self.viewer.may("SELECT", kept)

    def schema(self, name: TableName) -> Schema | None:
        """Return the columns of a table as readers see it, or of an external one; None for none."""
        if name not in self._schemas:
            self._schemas[name] = self._found(name)
        return self._schemas[name]

    def require(self, permission: str, name: TableName) -> None:
        """Let the request go on if the principal may do something with a table it knows of.

        Raises:
            UnknownTableError: it may not even know of the table.
            NotPermittedError: it lacks the permission.
        """
        self.asked(str(name))
        if not self.knows(name):
            raise self.unknown(name)
        self.require_on(permission, str(name))

    def require_on(self, permission: str, resource: str) -> None:
        """Let the request go on if the principal may do something with a resource.

        Raises:
            NotPermittedError: it lacks the permission.
        """
        if not self.viewer.may(permission, resource):
            raise NotPermittedError.lacks(str(self.viewer.principal), permission, resource)

    def asked(self, *names: str) -> None:
        """Take note of what is looked at, for the audit trail."""
        kept = self.told.setdefault("tables", [])
        kept += [name for name in names if name not in kept]

    @property
    def figures(self) -> Figures:
        """Computes over what the principal sees."""
        return Figures(self._services, self.viewer, self.snapshot)

    def _found(self, name: TableName) -> Schema | None:
        number = self.snapshot.tables.get(name)
        if number is None:
            entry = self._services.catalog.data_catalog.find_table(name)
            return None if entry is None or entry.managed else schema_of_entry(entry)
        head = self._heads.get(name)
        if head is not None and head.version == number:
            return head.schema
        return self._services.storage.table(name).version(number).schema


def schema_of_entry(entry: TableEntry) -> Schema:
    """Return the columns that permissions are judged on; a type that is unreadable is text."""
    from lakeworks.core.hive_types import parse_hive_type

    fields: dict[str, Field] = {}
    for column in entry.columns:
        kind: Type = Scalar("string")
        with suppress(LakeError):
            kind = parse_hive_type(column.type)
        fields.setdefault(column.name.lower(), Field(column.name, kind))
    return Schema(tuple(fields.values()))


class Sight:
    """One principal's eyes: makes a `Look` of each request.

    Raises:
        NoPermissionsError: the lake has no policies.
    """

    def __init__(
        self, services: Services, governance: Governance, principal: Principal
    ) -> None:
        self.services = services
        self.governance = governance
        self.principal = principal
        self.viewer()

    def viewer(self) -> Viewer:
        """Return what the principal may see as of now.

        Raises:
            NoPermissionsError: the lake has no policies.
        """
        tables = lambda _: self.services.catalog.current_snapshot().tables  # noqa: E731
        return viewer_of(self.governance, self.principal, tables)

    @contextmanager
    def look(self, action: str, *names: str, kind: str = "read") -> Iterator[Look]:
        """Begin a request; its end is audited.

        Args:
            action: What is asked: `tables`, `quality profile`, …
            names: The tables that are asked for by name.
            kind: The kind of its entry in the audit trail.
        """
        viewer = self.viewer()
        look = Look(viewer, self.services)
        look.told["action"] = action
        look.asked(*names)
        try:
            yield look
        except LakeError as error:
            self._refused(look, error)
            raise error if isinstance(error, _TOLD) else viewer.told(error) from None
        except BaseException as error:
            self._audit("read", look, state="failed", error=type(error).__name__)
            raise
        self._audit(kind, look, state="succeeded")

    def exported(self, action: str, names: Iterable[str], file: str) -> None:
        """Tell the audit trail that something was written to a file."""
        body = {"action": action, "tables": sorted(names), "file": file}
        self.governance.audit("export", self.principal, body)

    def _refused(self, look: Look, error: LakeError) -> None:
        kind = "denial" if isinstance(error, _REFUSALS) else "read"
        self._audit(kind, look, state="failed", error=error.code, problem=error.problem)

    def _audit(self, kind: str, look: Look, **more: str) -> None:
        body: Mapping[str, Any] = {
            **look.told, **more, "policy_version": look.viewer.policy_version,
        }  # fmt: skip
        self.governance.audit(kind, self.principal, body)
