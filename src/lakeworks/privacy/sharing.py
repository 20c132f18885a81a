"""Whether others have what a person is identified by: a name, a household's telephone.

Whoever is found by it alone would be erased, or handed out, with the person.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.core.figures import plural
from lakeworks.core.names import TableName, quote_identifier, quote_literal
from lakeworks.privacy.errors import SharedIdentifierError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lakeworks.pipeline.state import Services
    from lakeworks.privacy.outside import Outside, OutsideTable
    from lakeworks.privacy.subjects import ColumnId
    from lakeworks.privacy.trace import Trace


@dataclass(frozen=True)
class Sharing:
    """Looks for others in the tables of one lake, and in those outside it."""

    services: Services
    outside: Outside

    def note(
        self, column: ColumnId, values: Iterable[str], trace: Trace, other: OutsideTable | None
    ) -> None:
        """Take note of the rows of others that have the person's values of a column.

        Args:
            column: What identifies a person beside what was asked for.
            values: The person's.
            trace: What is known so far; is told how many rows there are.
            other: The table, where it lies outside the lake.
        """
        table, path = column
        known = {p: v for p, v in trace.columns.get(table, {}).items() if p != path and v}
        if other is not None:
            names = {one.name.lower(): one.name for one in other.schema}
            alike = self.outside.columns(other, trace)
            known = {name: set(alike[name]) for low, name in names.items()
                     if name in alike and low != path}  # fmt: skip
            path = names.get(path, path)
        where = _condition(path, values, known)
        if not where:
            return
        rows = self._rows(table, where) if other is None else self.outside.tally(other, where)
        if rows:
            trace.shared[f"{table}.{column[1]}"] = rows

    def _rows(self, table: str, where: str) -> int:
        name = TableName.parse(table)
        log = self.services.storage.table(name)
        with self.services.engine.session() as session:
            session.bind(table, log.version().source(self.services.storage.table_root(name)))
            found = session.query(f"select count(*) as n from {table} where {where}").read_all()
        return int(found["n"][0].as_py())


def _condition(path: str, values: Iterable[str], known: Mapping[str, Iterable[str]]) -> str:
    """Return that a row has one of the values, and something else than what the person is known by."""
    if not known or not values:
        return ""
    named = " or ".join(f"{_path(one)} is not null" for one in sorted(known))
    theirs = " or ".join(f"coalesce({_among(one, known[one])}, false)" for one in sorted(known))
    return f"{_among(path, values)} and ({named}) and not ({theirs})"


def _among(path: str, values: Iterable[str]) -> str:
    texts = ", ".join(quote_literal(value) for value in sorted(values))
    return f"cast({_path(path)} as varchar) in ({texts})"


def _path(path: str) -> str:
    return ".".join(quote_identifier(part) for part in path.split("."))


def check_unshared(trace: Trace, verb: str, *, allowed: bool) -> None:
    """Refuse to take others for the person.

    Raises:
        SharedIdentifierError: others have an identifier of the person's, and nobody allowed that.
    """
    if trace.shared and not allowed:
        raise SharedIdentifierError.by(trace.shared, verb)


def shared_told(trace: Trace) -> dict[str, str]:
    """Return what a report says of the identifiers that others have too."""
    return {
        column: f"{plural(rows, 'row')} of others with the person's value: refused without --shared"
        for column, rows in trace.shared.items()
    }
