"""A table as one principal may see it: what the query service hands to engines.

Pure data and the SELECT that they stand for. Engines know no policy: they are told which columns,
computed how, of which rows. Whatever a principal may not see is not in a session at all.

A row filter alone does not keep a value from being looked at. An engine may compute the caller's
expressions before the filter, and an expression that fails (a cast, a division) tells by its
message, or by failing at all, what the row held. So a query whose expressions can fail reads the
table *guarded*: in rows that the filter drops every column is null before the caller's
expressions see it. Other queries read it plainly, since guarding keeps an engine from using
statistics of files.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from lakeworks.core.names import quote_identifier

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lakeworks.core.types import Schema
    from lakeworks.engines.caller import CallerQuery
    from lakeworks.storage.external import AnySource


@dataclass(frozen=True, slots=True)
class SecuredColumn:
    """One column that may be seen.

    Attributes:
        expression: Its value, in the lake's dialect, over the columns of the table itself; the
            quoted name where it is shown as it is.
    """

    name: str
    expression: str

    @property
    def plain(self) -> bool:
        """Whether it is shown as it is."""
        return self.expression == quote_identifier(self.name)


@dataclass(frozen=True, slots=True)
class SecuredTable:
    """A table's rows and columns that a principal may see.

    Attributes:
        columns: In the table's order; never empty.
        row_filter: The rows that may be seen: a condition in the lake's dialect over the columns
            of the table itself, or None for all.
    """

    source: AnySource
    columns: tuple[SecuredColumn, ...]
    row_filter: str | None = None

    def select(self, relation: str, *, guarded: bool) -> str:
        """Return the SELECT of what may be seen.

        Args:
            relation: What stands for all of the table's rows in a FROM clause.
            guarded: Whether rows that the filter drops are blanked as well.
        """
        blank = guarded and self.row_filter is not None
        shown = ", ".join(
            f"{self._blanked(one.expression) if blank else one.expression} "
            f"AS {quote_identifier(one.name)}"
            for one in self.columns
        )
        where = "" if self.row_filter is None else f" WHERE ({self.row_filter})"
        return f"SELECT {shown} FROM {relation}{where}"

    def computed(self, relation: str) -> str:
        """Return the SELECT without names for its columns: it says what they are computed from."""
        where = "" if self.row_filter is None else f" WHERE ({self.row_filter})"
        return f"SELECT {', '.join(c.expression for c in self.columns)} FROM {relation}{where}"

    def _blanked(self, expression: str) -> str:
        return f"CASE WHEN ({self.row_filter}) THEN {expression} END"


class Securing(Protocol):
    """A session in which one name can stand for a SELECT over others; all sessions are."""

    def secure(self, name: str, select: str, *, empty: bool = False) -> None:
        """Let SQL read a SELECT over names of this session as `name`.

        Args:
            empty: Give its columns and no rows, from a table that plans show by its name alone.
        """
        ...

    def define(self, name: str, select: str, key: str) -> None:
        """Do the same for as long as the session lives, should it be kept for other queries.

        Args:
            key: Of the SELECT, and of all that it stands on.
        """
        ...

    def defines(self, name: str, key: str) -> bool:
        """Whether just that was defined before."""
        ...

    def bind(self, name: str, source: AnySource) -> None:
        """Let SQL read `source` as `name`."""
        ...

    def describe(self, sql: str) -> Schema:
        """Return the columns that a SELECT gives."""
        ...

    def close(self) -> None:
        """Free what the session holds."""
        ...


_Session = TypeVar("_Session", bound=Securing)


def secured_session(
    open_session: Callable[[Mapping[str, AnySource]], _Session],
    tables: Mapping[str, SecuredTable],
    query: CallerQuery,
) -> _Session:
    """Open a session that holds `tables` as they may be seen.

    The tables themselves are there under names that nobody can guess, nor the gate let through.

    Args:
        open_session: Opens one that can read the sources it is given, by name.
    """
    hidden = {name: f"__src_{secrets.token_hex(16)}.rows" for name in tables}
    session = open_session({hidden[name]: table.source for name, table in tables.items()})
    try:
        for name, table in tables.items():
            schema, _, relation = hidden[name].partition(".")
            relation = f"{quote_identifier(schema)}.{quote_identifier(relation)}"
            select = table.select(relation, guarded=query.can_fail)
            session.secure(name, select, empty=query.explains)
    except BaseException:
        session.close()
        raise
    return session
