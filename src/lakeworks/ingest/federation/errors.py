"""What can go wrong with tables of other systems: told to the lake's owner, by file and line.

A principal is told a code alone (`HiddenFailureError`): these name hosts and files. Codes LW620 to
LW629.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from lakeworks.core.errors import LakeError, RequestError
from lakeworks.core.redaction import scrubbed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lakeworks.project.declaration import Location


class FederationError(LakeError):
    """A table of another system could not be read."""

    code = "LW620"


class CatalogUnreachableError(FederationError):
    """The other system cannot be reached, or lets nobody in."""

    code = "LW621"
    retryable = True

    @classmethod
    def of(cls, catalog: str, at: Location, reason: str) -> Self:
        """Name the catalog, its file, and what the other system said."""
        return cls(
            f"the catalog {catalog} ({at}) cannot be reached: {scrubbed(reason)}",
            f"check its address and credentials in {at.file}, then: lake catalogs test {catalog}",
        )


class RemoteRefusedError(FederationError):
    """The other system is there, and refuses what is asked of it."""

    code = "LW622"

    @classmethod
    def of(cls, table: str, at: Location, reason: str) -> Self:
        """Name the table, the catalog's file, and what the other system said."""
        return cls(
            f"{table} ({at}) cannot be read: {scrubbed(reason)}",
            "the catalog's user must be allowed to read it, and it must still be there",
        )


class RemoteValueError(FederationError):
    """A value of another system does not fit its column's type."""

    code = "LW623"

    @classmethod
    def of(cls, table: str, column: str, at: Location, reason: str) -> Self:
        """Name the column, and how to read it all the same."""
        name = table.rpartition(".")[2]
        told = f"the column {column} of {table}" if column else table
        return cls(
            f"{told} ({at}) holds a value that does not fit its type: {scrubbed(reason)}",
            f"give the column another type in {at.file}, such as "
            f"columns: {{{name}: {{{column or 'name'}: string}}}}",
        )


class RemoteNameError(FederationError, RequestError):
    """Names of another system that cannot be told apart in the lake."""

    code = "LW624"

    @classmethod
    def several(cls, name: str, at: Location, names: Iterable[str]) -> Self:
        """Name the remote tables of one name."""
        return cls(
            f"{name} ({at}) stands for several tables there: {', '.join(sorted(names))}",
            "leave all but one out by tables: {exclude: […]}",
        )

    @classmethod
    def columns(cls, name: str, at: Location, names: Iterable[str]) -> Self:
        """Name the remote columns of one name."""
        return cls(
            f"{name} ({at}) has columns that differ by case alone: {', '.join(sorted(names))}",
            "its other columns can be queried; for all of them, make a view there that gives "
            "each a name of its own",
        )


class UnknownCatalogError(RequestError):
    """A catalog that no file declares."""

    code = "LW625"

    @classmethod
    def named(cls, name: str, known: Iterable[str]) -> Self:
        """Suggest the nearest."""
        from lakeworks.core.errors import did_you_mean

        known = list(known)
        hint = did_you_mean(name, known) or "declare one in catalogs/"
        return cls(f"there is no catalog {name!r}", hint)
