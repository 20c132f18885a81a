"""What can be wrong with statements that write. Codes LW820 to LW829.

To a principal they tell what it may know: names of the project's files are the owner's alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from lakeworks.core.errors import LakeError, RequestError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable


class WriteRefusedError(RequestError):
    """A table that no statement may write, or a way in which none may."""

    code = "LW820"

    @classmethod
    def declared(cls, table: str, kind: str, file: str = "") -> Self:
        """Name what makes the table, and to the owner the file."""
        where = f", {file}" if file else ""
        return cls(
            f"{table} is made by a {kind} of the project{where}: the next run would undo or "
            "repeat what a statement writes",
            "make a table of your own: CREATE TABLE gold.… AS SELECT …",
        )

    @classmethod
    def undeclared(cls, table: str) -> Self:
        """Say that no statement made it."""
        return cls(
            f"{table} was not made by a statement",
            "only tables of CREATE TABLE … AS can be inserted into and deleted from",
        )

    @classmethod
    def database(cls, database: str, known: Iterable[str]) -> Self:
        """Say where tables can be made."""
        return cls(
            f"statements make no tables in {database}",
            f"tables can be made in {', '.join(known)}",
        )

    @classmethod
    def in_the_past(cls, kind: str) -> Self:
        """Say that only the present can be changed."""
        return cls(
            f"{kind} changes the table as it is now, and the lake was asked for as of earlier",
            "leave out the moment, and write @v3 behind the tables that are read",
        )

    @classmethod
    def no_writer(cls) -> Self:
        """Say that there is nothing to write with."""
        return cls("this query service only reads", "open the lake with Lake.open(…)")


class MisfitError(RequestError):
    """Rows that a table cannot take as they are."""

    code = "LW821"

    @classmethod
    def count(cls, table: str, given: int, wanted: int) -> Self:
        """Say how many columns there are."""
        return cls(
            f"the query gives {given} columns, and {wanted} of {table} are to be filled",
            "name the columns: INSERT INTO db.table (a, b) SELECT a, b …",
        )

    @classmethod
    def column(cls, table: str, name: str, known: Iterable[str]) -> Self:
        """Name a column that is not there."""
        return cls(f"{table} has no column {name!r}", did_you_mean(name, known))

    @classmethod
    def twice(cls, name: str) -> Self:
        """Name a column that is named twice."""
        return cls(f"the column {name!r} is named twice", "give each column one name: AS …")

    @classmethod
    def unnamed(cls, position: int) -> Self:
        """Say which column has no name that a table could have."""
        return cls(
            f"column {position} of the query has no name that a table's column can have",
            "name it: … AS total",
        )

    @classmethod
    def types(cls, column: str, given: str, wanted: str) -> Self:
        """Say which type does not fit which."""
        return cls(
            f"column {column} is {wanted}, and the query gives {given}",
            f"convert it in the query: CAST(… AS {wanted})",
        )

    @classmethod
    def values(cls, column: str, given: str, wanted: str) -> Self:
        """Say in which column a value does not fit."""
        return cls(
            f"a value for column {column} is {given} and does not fit {wanted} without loss; "
            "nothing was written",
            "round or filter the values in the query",
        )


class WriteOptionError(RequestError):
    """A property of WITH (…) that is not known, or that the lake cannot keep."""

    code = "LW822"

    @classmethod
    def unknown(cls, name: str, known: Iterable[str]) -> Self:
        """Suggest the nearest."""
        return cls(f"there is no property {name!r}", did_you_mean(name, known))

    @classmethod
    def unsupported(cls, name: str, hint: str) -> Self:
        """Name a property of Athena's that the lake has no use for."""
        return cls(f"the property {name} is not supported", hint)

    @classmethod
    def value(cls, name: str, value: object, known: Iterable[str]) -> Self:
        """Name the values that there are."""
        return cls(f"{name} cannot be {value!r}", f"it can be {', '.join(known)}")


class ExternalDdlError(RequestError):
    """Nothing can be made or changed in the data catalog as a statement says."""

    code = "LW845"

    @classmethod
    def because(cls, problem: str, hint: str = "") -> Self:
        """Say what is wrong."""
        return cls(problem, hint)


class UnloadLocationError(RequestError):
    """A location that UNLOAD cannot write to."""

    code = "LW823"

    @classmethod
    def refused(cls, location: str, why: str) -> Self:
        """Say why."""
        return cls(
            f"UNLOAD cannot write to {location!r}: {why}", "name an empty folder or prefix"
        )

    @classmethod
    def not_empty(cls, location: str) -> Self:
        """Say that files are there."""
        return cls(f"UNLOAD writes to an empty location, and {location!r} is not empty",
                   "name another, or delete what is there")  # fmt: skip


class WriteLostError(LakeError):
    """A statement that others hindered; asking it again may help."""

    code = "LW824"

    @classmethod
    def busy(cls, table: str) -> Self:
        """Say that another writes the table."""
        return cls(
            f"{table} is being written by somebody else, and the time for waiting is over",
            "ask again; lake history tells who writes",
        )
