"""What can go wrong when a person is looked for, erased or exported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from lakeworks.core.errors import LakeError, RequestError, did_you_mean
from lakeworks.core.figures import plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class SubjectError(RequestError):
    """A subject is not written as one, or names no column of the lake."""

    code = "LW990"

    @classmethod
    def unreadable(cls, text: str) -> Self:
        """It is not `column=value`."""
        name = text.partition("=")[0]
        return cls(
            f"--subject {name!r} is no subject",
            "write --subject customer_id=C-17, or --subject silver.customers.customer_id=C-17",
        )

    @classmethod
    def unknown(cls, name: str, known: Iterable[str]) -> Self:
        """No column, tag or declared subject is called so."""
        return cls(
            f"no column, tag or declared subject is called {name!r}",
            did_you_mean(name, known) or "lake lineage shows the columns of a table",
        )

    @classmethod
    def ambiguous(cls, name: str, tables: Sequence[str]) -> Self:
        """The name says too little: unlike things are called so."""
        return cls(
            f"{name!r} is a column of {', '.join(tables)}, and need not mean the same there",
            f"name one of them, as in --subject {tables[0]}.{name}=…, or declare it: subjects: "
            "in policies/",
        )


class ErasureRefusedError(RequestError):
    """Somebody asks for an erasure or export who may not."""

    code = "LW991"

    @classmethod
    def principal(cls, who: str, what: str) -> Self:
        """Name who asked, and what it takes."""
        return cls(
            f"{who} may not {what}",
            "that takes the lake's owner, or a lake administrator who was granted ERASE on catalog",
        )

    @classmethod
    def unconfirmed(cls) -> Self:
        """Nobody said yes."""
        return cls(
            "nothing was erased: an erasure cannot be undone",
            "look at it with --dry-run, then repeat it with --yes",
        )


class NotErasedError(LakeError):
    """Something of the subject is left; each place is named."""

    code = "LW992"

    @classmethod
    def left(cls, erasure_id: str, places: Sequence[str]) -> Self:
        """Name the places."""
        return cls(
            f"erasure {erasure_id} is not complete: {'; '.join(places)}",
            "mend what each place says, then repeat the same command: it goes on from there",
        )


class UnknownErasureError(RequestError):
    """No erasure has that identifier."""

    code = "LW993"

    @classmethod
    def named(cls, text: str, known: Iterable[str]) -> Self:
        """Suggest the nearest."""
        return cls(
            f"there is no erasure {text!r}",
            did_you_mean(text, known) or "lake erase list shows all of them",
        )

    @classmethod
    def of_another(cls, text: str) -> Self:
        """It erased somebody else."""
        return cls(
            f"erasure {text!r} was not of that subject", "lake erase list shows all of them"
        )


class NotUpToDateError(LakeError):
    """A history would be lost, were it made anew without what it has not read yet."""

    code = "LW994"

    @classmethod
    def history(cls, table: str, source: str) -> Self:
        """Name the history and what it has not read."""
        return cls(
            f"{table} keeps history and has not read all of {source} yet",
            "lake run first: an erasure ends the log from which the history would be continued",
        )


class RetentionRuleError(RequestError):
    """A retention rule does not fit the lake's tables."""

    code = "LW996"


class ExportFolderError(RequestError):
    """The folder for an export cannot be used."""

    code = "LW997"

    @classmethod
    def taken(cls, folder: str) -> Self:
        """There is something in it."""
        return cls(
            f"{folder} is not empty",
            "name a new folder: the person's data must not lie among other files",
        )


class SharedIdentifierError(RequestError):
    """Something that identifies a person is others' as well."""

    code = "LW999"

    @classmethod
    def by(cls, shared: Mapping[str, int], verb: str) -> Self:
        """Name the columns, and how many rows of others have the person's value."""
        told = ", ".join(
            f"{column} ({plural(rows, 'row')})" for column, rows in sorted(shared.items())
        )
        return cls(
            f"others have what the person is identified by, and would be part of it: {told}",
            f"leave the column out of identifiers: in policies/; or {verb} with --shared, if "
            "these rows are the same person's",
        )


class SubjectFileError(RequestError):
    """Declared subjects hold a mistake."""

    code = "LW998"
