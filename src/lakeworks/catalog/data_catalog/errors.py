"""What can go wrong with the data catalog: LW350 to LW359."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from lakeworks.core.errors import LakeError, RequestError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable


class EntryNotFoundError(RequestError):
    """The data catalog has no such database, table, version or partition."""

    code = "LW350"

    @classmethod
    def database(cls, name: str, known: Iterable[str]) -> Self:
        """Suggest the nearest database."""
        return cls(f"the catalog has no database {name!r}", did_you_mean(name, known))

    @classmethod
    def table(cls, name: str, known: Iterable[str]) -> Self:
        """Suggest the nearest table."""
        return cls(f"the catalog has no table {name!r}", did_you_mean(name, known))

    @classmethod
    def version(cls, table: str, version: int, newest: int) -> Self:
        """A version that was never made, not archived, or deleted."""
        return cls(
            f"{table} has no version {version}",
            f"the newest is {newest}; lake catalog versions {table} lists those that are kept",
        )

    @classmethod
    def statistics(cls, table: str, column: str) -> Self:
        """Nobody counted."""
        return cls(f"nothing is known of {table}.{column}")

    @classmethod
    def partition(cls, table: str, values: Iterable[str]) -> Self:
        """No partition has these values."""
        return cls(
            f"{table} has no partition {', '.join(map(repr, values))}",
            f"lake catalog partitions {table} lists them",
        )


class EntryExistsError(RequestError):
    """The data catalog has an entry of that name already."""

    code = "LW351"

    @classmethod
    def named(cls, kind: str, name: str) -> Self:
        """Nothing was changed."""
        return cls(f"the {kind} {name} exists already", "choose another name, or update it")


class EntryChangedError(LakeError):
    """Someone else changed the table since it was read: Glue's ConcurrentModification."""

    code = "LW352"
    retryable = True

    @classmethod
    def of(cls, table: str, expected: int, found: int, by: str) -> Self:
        """Say which version is there now, and whose it is."""
        whose = f", by {by}" if by else ""
        return cls(
            f"{table} was to be updated at version {expected}, but is at {found}{whose}",
            "read the table again and repeat the change",
        )


class EntryRefusedError(RequestError):
    """Glue would not take this entry."""

    code = "LW353"

    @classmethod
    def because(cls, what: str, reason: str, hint: str = "") -> Self:
        """Name the entry and the rule it breaks."""
        return cls(f"{what}: {reason}", hint)


class GlueJsonError(RequestError):
    """A text is not Glue's JSON of a database, table or partition."""

    code = "LW354"

    @classmethod
    def expected(cls, where: str, kind: str, given: Any) -> Self:  # noqa: ANN401 - JSON
        """A value has another type."""
        return cls(f"{where} must be {kind}, not {given!r}")

    @classmethod
    def missing(cls, where: str, key: str) -> Self:
        """A key that Glue needs."""
        return cls(f"{where + ' has' if where else 'there is'} no {key}")

    @classmethod
    def without_database(cls, table: str) -> Self:
        """A TableInput does not say where it belongs."""
        return cls(f"the JSON of table {table} names no database", "name one: --database NAME")

    @classmethod
    def without_table(cls) -> Self:
        """A partition does not say which table's it is."""
        return cls("the JSON of a partition names no table", "name it: --table DATABASE.TABLE")

    @classmethod
    def unknown(cls, keys: list[str]) -> Self:
        """An object that is none of Glue's."""
        return cls(
            f"an object with {', '.join(keys[:8]) or 'nothing in it'} is no entry of a catalog",
            "wanted is what aws glue get-tables, get-databases or get-partitions prints",
        )

    @classmethod
    def too_deep(cls) -> Self:
        """Objects within objects, without end."""
        return cls("the JSON is nested too deeply to be an entry of a catalog")

    @classmethod
    def unreadable(cls, file: str, reason: str) -> Self:
        """The text is no JSON."""
        return cls(f"{file} is no JSON: {reason}")


class PartitionFilterError(RequestError):
    """A condition over partition keys cannot be read, or does not fit the table's keys."""

    code = "LW355"

    @classmethod
    def key(cls, name: str, known: Iterable[str]) -> Self:
        """It names a column that is no partition key."""
        keys = list(known)
        hint = did_you_mean(name, keys) or f"its partition keys are {', '.join(keys) or 'none'}"
        return cls(f"{name!r} is no partition key of the table", hint)

    @classmethod
    def value(cls, key: str, kind: str, value: object) -> Self:
        """A value is not of its key's type."""
        return cls(f"{value!r} is no {kind}, which partition key {key} is")

    @classmethod
    def arity(cls, key: str, operator: str, wanted: int, found: int) -> Self:
        """Too many or too few values."""
        return cls(f"{key} {operator}: {found} values where {wanted} belong")

    @classmethod
    def too_long(cls, found: int, most: int) -> Self:
        """Glue takes no longer one."""
        return cls(f"the expression has {found} letters; at most {most} are taken")

    @classmethod
    def syntax(cls, text: str, at: int, problem: str) -> Self:
        """Point at the place."""
        return cls(
            f"{problem}, at character {at + 1}\n    {text}\n    {' ' * at}^",
            "write it as year = 2026 and region in ('eu', 'us') and day between 1 and 7",
        )


class UnreadableTableError(RequestError):
    """The data catalog has the table, but no query can read its files."""

    code = "LW356"

    @classmethod
    def kind(cls, name: str, kind: str) -> Self:
        """It is a view, or a table of another format."""
        return cls(f"{name} is a {kind.lower()}, which cannot be read as files of a table")

    @classmethod
    def unknown(cls, name: str, said: str) -> Self:
        """Nothing, or something unknown, says how the files are written."""
        told = f"says of them {said!r}, which is not known" if said else "does not say"
        return cls(
            f"how the files of {name} are read is not known: its entry {told}",
            "set its SerDe, or the parameter classification: "
            "csv, json, parquet, avro, orc, xml or grok",
        )

    @classmethod
    def column(cls, name: str, column: str, reason: str) -> Self:
        """A column's type cannot be read."""
        return cls(f"the column {column} of {name}: {reason}")

    @classmethod
    def partition(cls, name: str, values: Iterable[str | None], unlike: str) -> Self:
        """A partition's entry says that it is written otherwise."""
        told = "/".join("null" if value is None else value for value in values)
        return cls(
            f"the partition {told} of {name} has {unlike}, not those of its table",
            "leave it out by a WHERE on its columns, or make a table of its own of it",
        )

    @classmethod
    def strays(cls, name: str) -> Self:
        """A link in its folders leads where it may not."""
        return cls(
            f"{name} has files that really lie elsewhere, where a link in its folders leads",
            "put the files themselves into its folder",
        )

    @classmethod
    def no_files(cls, name: str, location: str) -> Self:
        """Its files were to say its columns."""
        return cls(
            f"{name} has no files yet in {location}, which would say its columns",
            "declare its columns, or let files arrive",
        )

    @classmethod
    def no_location(cls, name: str) -> Self:
        """Nobody said where the files are."""
        return cls(f"the entry of {name} has no location", "give it one, or crawl its folder")


class ProjectionError(RequestError):
    """Partition projection is declared wrongly, or a query asks too much of it."""

    code = "LW357"

    @classmethod
    def wrong(cls, table: str, setting: str, problem: str, hint: str = "") -> Self:
        """Name the property."""
        return cls(f"{setting} of {table} {problem}", hint)

    @classmethod
    def injected(cls, table: str, column: str) -> Self:
        """Say what a query of an injected column must hold."""
        return cls(
            f"{column} of {table} is an injected partition column: a query must say its values",
            f"write WHERE {column} = '…' or {column} IN ('…', …) directly above {table}",
        )

    @classmethod
    def too_many(cls, table: str, count: int, most: int, columns: Iterable[str]) -> Self:
        """Say which columns a query could be narrowed by."""
        return cls(
            f"a query of {table} without a narrower condition means {count:,} partitions, "
            f"more than {most:,}",
            f"write a WHERE on {', '.join(columns)} directly above {table}, "
            "or narrow the ranges of its projection",
        )
