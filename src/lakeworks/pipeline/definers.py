"""What the definer of a materialised view may see of what its text reads, as of now.

The rows of a materialised view are those that whoever made it could read at the moment of a refresh:
a grant on the view never opens what its definer cannot see. One that the lake's owner made has all.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.core.errors import LakeError
from lakeworks.core.names import TableName, quote_identifier
from lakeworks.engines.secured import SecuredColumn, SecuredTable, Securing
from lakeworks.governance.principals import Principal
from lakeworks.pipeline.errors import DefinerError
from lakeworks.storage.files import TableSource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakeworks.core.types import Schema
    from lakeworks.engines.protocol import Engine
    from lakeworks.governance.decisions import Authorizer
    from lakeworks.governance.service import Governance
    from lakeworks.project.declaration import Model
    from lakeworks.storage.external import AnySource


@dataclass
class Definer:
    """Reads as whoever made one materialised view.

    Attributes:
        model: The view.
    """

    model: Model
    governance: Governance

    def check(self, engine: Engine) -> None:
        """Hold the text to what its definer may ask.

        It passed the gate when it was made; an engine that is newer may refuse more.

        Raises:
            DefinerError: it may not be run any more.
        """
        known = {str(table) for table in self.model.inputs}
        known |= {str(name) for name, _ in self.model.through}
        for sql in (self.model.sql or "", *(sql for _, sql in self.model.through)):
            try:
                beyond = engine.gate(sql).tables - known
            except LakeError as error:
                raise DefinerError.refused(
                    self.model.table, self.model.definer, error.problem
                ) from error
            if beyond:
                raise DefinerError.unseen(self.model.table, self.model.definer, min(beyond))

    def bind(self, session: Securing, table: TableName, source: AnySource) -> None:
        """Let a session read a table as the definer sees it.

        Raises:
            DefinerError: it sees nothing of it.
        """
        hidden = _hidden()
        session.bind(hidden, source)
        self._secure(session, table, hidden, source.schema)

    def define(self, session: Securing, name: TableName, select: str) -> None:
        """Let a session read a view as the definer sees it.

        Raises:
            DefinerError: it sees nothing of it.
        """
        hidden = _hidden()
        session.secure(hidden, select)
        schema = session.describe(f"SELECT * FROM {_dotted(hidden)}")
        self._secure(session, name, hidden, schema)

    def fingerprint(self, schemas: Mapping[TableName, Schema]) -> str:
        """Return what changes when the definer comes to see other rows or values.

        Args:
            schemas: The columns of what the view reads, as far as they are known.
        """
        told = [self.model.fingerprint]
        for table, schema in sorted(schemas.items()):
            access = self._authorizer.access(self._principal, table, schema)
            shown = (
                ()
                if access is None
                else tuple(
                    (column.name, column.sql(field.type))
                    for column in access.columns
                    if (field := schema.get(column.name)) is not None
                )
            )
            told.append(repr((str(table), shown, access and access.row_filter)))
        own = self.model.fingerprint.rpartition(":")[0]
        return f"{own}:{hashlib.sha256(chr(0).join(told).encode()).hexdigest()}"

    def audit(self, tables: Mapping[str, int | None]) -> None:
        """Tell the audit trail that the view is computed, from which versions of which tables."""
        told = [{"table": name, "version": number} for name, number in sorted(tables.items())]
        body = {"view": str(self.model.table), "tables": told,
                "policy_version": self._authorizer.policy_version(self._principal)}  # fmt: skip
        self.governance.audit("refresh", self._principal, body)

    def _secure(self, session: Securing, name: TableName, hidden: str, schema: Schema) -> None:
        access = self._authorizer.access(self._principal, name, schema)
        if access is None or not access.columns:
            raise DefinerError.unseen(self.model.table, self.model.definer, str(name))
        columns = tuple(
            SecuredColumn(field.name, column.sql(field.type))
            for column in access.columns
            if (field := schema.get(column.name)) is not None
        )
        seen = SecuredTable(TableSource("/", schema, ()), columns, access.row_filter)
        # Whatever in the text can fail must not meet a row that is hidden.
        session.secure(str(name), seen.select(_dotted(hidden), guarded=True))

    @property
    def _principal(self) -> Principal:
        return Principal.parse(self.model.definer)

    @property
    def _authorizer(self) -> Authorizer:
        return self.governance.authorizer()


def _hidden() -> str:
    return f"__src_{secrets.token_hex(16)}.rows"


def _dotted(name: str) -> str:
    return ".".join(quote_identifier(part) for part in name.split("."))
