"""A principal's view of the lake: the tables that it may know of, each as it may see it.

A table that may not be seen and one that is not there are one and the same here: the same error,
with a hint that names only what may be seen. Nothing of a table is opened before the principal
may do something with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.catalog.errors import UnknownSnapshotError, UnknownTableError, VersionTextError
from lakeworks.core.errors import NameRefusedError
from lakeworks.core.names import TableName
from lakeworks.engines.errors import (
    DuplicateColumnError,
    InterruptedQueryError,
    OutOfMemoryError,
    QueryTimeoutError,
    SqlError,
    StatementRefusedError,
    ValueConversionError,
)
from lakeworks.engines.secured import SecuredColumn, SecuredTable
from lakeworks.governance.errors import GovernanceError
from lakeworks.project.athena.errors import AthenaSyntaxError, AthenaUnsupportedError
from lakeworks.query.errors import (
    BytesLimitError,
    HiddenFailureError,
    NameTakenError,
    NoPermissionsError,
    NotAllowedError,
    NothingToShowError,
    PreparedStatementError,
    StatementSyntaxError,
    UnqualifiedTableError,
    ViewDefinitionError,
    ViewUnreadableError,
)
from lakeworks.query.statements.errors import (
    ExternalDdlError,
    MisfitError,
    UnloadLocationError,
    WriteLostError,
    WriteOptionError,
    WriteRefusedError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lakeworks.catalog.data_catalog.model import TableEntry
    from lakeworks.catalog.snapshots import Snapshot
    from lakeworks.core.errors import LakeError
    from lakeworks.core.types import Schema
    from lakeworks.governance.decisions import Authorizer, TableAccess
    from lakeworks.governance.principals import Principal
    from lakeworks.governance.resources import Resource
    from lakeworks.governance.service import Governance
    from lakeworks.storage.external import AnySource

# What these say comes from the query and from what the principal sees.
_TOLD = (
    SqlError, StatementRefusedError, QueryTimeoutError, InterruptedQueryError, OutOfMemoryError,
    ValueConversionError, UnknownTableError, UnqualifiedTableError, VersionTextError,
    UnknownSnapshotError, HiddenFailureError, BytesLimitError, GovernanceError,
    WriteRefusedError, MisfitError, WriteOptionError, UnloadLocationError, WriteLostError,
    ViewUnreadableError, ViewDefinitionError, NameTakenError, NotAllowedError,
    StatementSyntaxError, AthenaSyntaxError, AthenaUnsupportedError, PreparedStatementError,
    NothingToShowError, ExternalDdlError, DuplicateColumnError,
)  # fmt: skip


def viewer_of(
    governance: Governance | None,
    principal: Principal,
    tables: Callable[[str], Iterable[TableName]],
) -> Viewer:
    """Return what a principal may see under the permissions of now.

    Args:
        governance: Holds them; None in a lake that is its owner's alone.
        tables: As for `Viewer`.

    Raises:
        NoPermissionsError: the lake has no policies.
    """
    found = None if governance is None else governance.authorizer()
    if found is None or not found.governs:
        raise NoPermissionsError.none()
    return Viewer(found, principal, tables)


class Viewer:
    """One principal under one state of the permissions.

    Args:
        tables: Gives the names of all tables that a name may be meant for; asked only when a hint
            is needed.
    """

    def __init__(
        self,
        authorizer: Authorizer,
        principal: Principal,
        tables: Callable[[str], Iterable[TableName]],
    ) -> None:
        self._authorizer = authorizer
        self._principal = principal
        self._tables = tables

    @property
    def principal(self) -> Principal:
        """Whose view it is."""
        return self._principal

    @property
    def policy_version(self) -> str:
        """Changes with whatever decides what the principal may see."""
        return self._authorizer.policy_version(self._principal)

    @property
    def scope(self) -> str:
        """The principal under this state of the permissions, and nobody else."""
        return f"{self._principal!r} {self.policy_version}"

    def named(self, written: str) -> TableName:
        """Return the table that SQL names.

        Raises:
            UnknownTableError: there is none, or the principal may not read it.
            UnqualifiedTableError: the name has no database.
        """
        try:
            name = TableName.parse(written)
        except NameRefusedError:
            raise UnqualifiedTableError.named(written, self._known(written)) from None
        if not self.may_read(name):
            raise self.unknown(name)
        return name

    def may_read(self, name: TableName) -> bool:
        """Whether something of a table may be seen."""
        return self._authorizer.may(self._principal, "SELECT", name).allowed

    def may(self, action: str, resource: Resource | TableName | str) -> bool:
        """Whether the principal may do something: ALTER, DROP, INSERT, … on a resource."""
        return self._authorizer.may(self._principal, action, resource).allowed

    @property
    def administers(self) -> bool:
        """Whether the principal is a lake administrator."""
        return self._authorizer.administers(self._principal)

    def described(self, name: TableName, schema: Schema) -> tuple[str, ...]:
        """Return the columns that the principal may know of; none: not even the table's name.

        Their values are another matter: see `shown`.
        """
        access = self._authorizer.access(self._principal, name, schema, action="DESCRIBE")
        return () if access is None else tuple(column.name for column in access.columns)

    def shown(self, name: TableName, schema: Schema) -> TableAccess | None:
        """Return how the principal sees a table's rows; None for not one value of it."""
        access = self._authorizer.access(self._principal, name, schema)
        return access if access is not None and access.columns else None

    def secured(self, name: TableName, source: AnySource) -> SecuredTable:
        """Return what may be seen of a table.

        Raises:
            UnknownTableError: nothing of it.
        """
        access = self._authorizer.access(self._principal, name, source.schema)
        if access is None or not access.columns:
            raise self.unknown(name)
        columns = []
        for column in access.columns:
            field = source.schema.get(column.name)
            if field is not None:
                columns.append(SecuredColumn(field.name, column.sql(field.type)))
        return SecuredTable(source, tuple(columns), access.row_filter)

    def plain_columns(self, entry: TableEntry, schema: Schema) -> frozenset[str]:
        """Return the columns of an external table that are seen as they are, in lower case."""
        access = self._authorizer.access(self._principal, entry.name, schema)
        columns = access.columns if access is not None else ()
        return frozenset(one.name.lower() for one in columns if one.is_plain)

    def version(
        self, written: str, number: int, snapshot: Snapshot | None
    ) -> tuple[TableName, int]:
        """Return a table that SQL names in one version.

        Raises:
            UnknownTableError: as `named` does, and where no snapshot of now shows the table.
        """
        name = self.named(written)
        if snapshot is None or name not in snapshot.tables:
            raise self.unknown(name)
        return name, number

    def unknown(self, name: TableName | str) -> UnknownTableError:
        """Return the error for a table that is not there, as far as the principal knows."""
        return UnknownTableError.told_to(
            str(self._principal), str(name), self._known(str(name))
        )

    def told(self, error: LakeError) -> LakeError:
        """Return what the principal is told of an error: nothing of files or of the lake's state."""
        return error if isinstance(error, _TOLD) else HiddenFailureError.of(error.code)

    def _known(self, written: str) -> list[str]:
        return [str(name) for name in self._tables(written) if self.may_read(name)]
