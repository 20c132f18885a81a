"""Tables whose rows are not the lake's: those of other systems, and of files outside it.

They are read to find a person, and never written. Values reach another system as conditions of a
query, as any caller's do; whatever it logs of them is its own.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lakeworks.core.errors import LakeError
from lakeworks.core.names import TableName, quote_identifier, quote_literal
from lakeworks.core.types import Decimal, Scalar
from lakeworks.privacy.subjects import is_vague

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import pyarrow as pa

    from lakeworks.core.types import Schema, Type
    from lakeworks.pipeline.state import Services
    from lakeworks.privacy.trace import Trace
    from lakeworks.storage.external import AnySource

_WHOLE = frozenset({"tinyint", "smallint", "int", "bigint"})


@dataclass(frozen=True, slots=True)
class OutsideTable:
    """One of them.

    Attributes:
        place: Where its rows are, for people.
    """

    table: TableName
    schema: Schema
    place: str


@dataclass
class Outside:
    """The tables outside one lake.

    Attributes:
        unreached: Those that could not be looked at, and why.
    """

    services: Services
    unreached: dict[str, str] = field(default_factory=dict)

    def tables(self) -> Iterator[OutsideTable]:
        """Yield every table of a catalog, and every external table."""
        yield from self._federated()
        external = self.services.external
        for name in external.names():
            found = None
            with self._noting(str(name)):
                found = self._external(name)
            if found is not None:
                yield found

    def columns(self, one: OutsideTable, trace: Trace) -> dict[str, frozenset[str]]:
        """Return the columns that may name the person, by lineage or by their names."""
        alike: dict[str, set[str]] = {}
        for paths in trace.columns.values():
            for path, values in paths.items():
                if not is_vague(name := path.rpartition(".")[2]):
                    alike.setdefault(name, set()).update(values)
        own = trace.columns.get(str(one.table), {})
        found = {}
        for column in one.schema:
            name = column.name.lower()
            values = {*own.get(name, ()), *alike.get(name, ())}
            if values and isinstance(column.type, Scalar | Decimal):
                found[column.name] = frozenset(values)
        return found

    def count(self, one: OutsideTable, columns: Mapping[str, frozenset[str]]) -> int:
        """Return how many rows name the person; 0 with a reason where they cannot be read."""
        return self.tally(one, _names(one, columns))

    def tally(self, one: OutsideTable, where: str) -> int:
        """Return how many rows a condition holds for; 0 with a reason where they cannot be read."""
        found = self._asked(one, "count(*) as n", where)
        return 0 if found is None else int(found["n"][0].as_py())

    def rows(self, one: OutsideTable, columns: Mapping[str, frozenset[str]]) -> pa.Table | None:
        """Return the rows that name the person; None with a reason where they cannot be read."""
        return self._asked(one, "*", _names(one, columns))

    def values(
        self, one: OutsideTable, columns: Mapping[str, frozenset[str]], wanted: str
    ) -> set[str]:
        """Return the values of a column in the rows that name the person."""
        return self._distinct(one, wanted, _names(one, columns))

    def written(
        self, one: OutsideTable, column: str, expression: str, values: Iterable[str]
    ) -> set[str]:
        """Return the values of a column of which an expression makes given ones."""
        texts = ", ".join(map(quote_literal, sorted(values)))
        return self._distinct(one, column, f"cast({expression} as varchar) in ({texts})")

    def named(self, name: str) -> OutsideTable | None:
        """Return one table by its name; None where there is none, or it cannot be asked."""
        from lakeworks.pipeline.federated import schema_outside

        table, schema = TableName.parse(name), None
        with self._noting(name):
            schema = schema_outside(table, self.services)
        return None if schema is None else OutsideTable(table, schema, "")

    def _distinct(self, one: OutsideTable, column: str, where: str) -> set[str]:
        if one.schema.get(column) is None:
            return set()
        shown = f"distinct cast({quote_identifier(column)} as varchar) as v"
        found = self._asked(one, shown, where)
        return set() if found is None else {v for v in found["v"].to_pylist() if v is not None}

    def _asked(self, one: OutsideTable, shown: str, where: str) -> pa.Table | None:
        place = f"{quote_identifier(one.table.database)}.{quote_identifier(one.table.table)}"
        sql = f"select {shown} from {place} where {where}"
        found: list[pa.Table] = []
        with self._noting(str(one.table)), self.services.engine.session() as session:
            session.bind(str(one.table), self._source(one, sql))
            found.append(session.query(sql).read_all())
        return found[0] if found else None

    @contextmanager
    def _noting(self, what: str) -> Iterator[None]:
        """Take note of why something cannot be looked at, and go on."""
        try:
            yield
        except LakeError as error:
            self.unreached.setdefault(what, error.problem)

    def _source(self, one: OutsideTable, sql: str) -> AnySource:
        """Return what a query needs of a table."""
        from lakeworks.ingest.federation.tables import as_it_is

        remote = self.services.federated
        found = remote.find(one.table) if remote.covers(one.table) else None
        if found is None:
            return self.services.outside(one.table)
        whole = as_it_is(found)
        needs = remote.needs(sql, {str(one.table): whole})
        return remote.fetched(found, whole, needs.get(str(one.table)))

    def _federated(self) -> Iterator[OutsideTable]:
        from lakeworks.pipeline.federated import names_of, schema_outside

        for name, catalog in sorted(self.services.project.catalogs.items()):
            if catalog.type == "parquet":
                continue  # external tables, that are declared by being there
            found: list[TableName] = []
            with self._noting(f"catalog {name}"):
                found = names_of(self.services, name)
            place = f"{catalog.type}, {catalog.at.file}"
            for table in found:
                schema = None
                with self._noting(str(table)):
                    schema = schema_outside(table, self.services)
                if schema is not None:
                    yield OutsideTable(table, schema, place)

    def _external(self, name: TableName) -> OutsideTable | None:
        from lakeworks.ingest.external_tables import schema_of

        entry = self.services.external.find(name)
        if entry is None:
            return None
        location = entry.storage.location or "files outside the lake"
        return OutsideTable(name, schema_of(entry)[0], location)


def _names(one: OutsideTable, columns: Mapping[str, frozenset[str]]) -> str:
    """Return the condition that a row names the person."""
    parts = [
        _is_one_of(column.name, column.type, columns[column.name])
        for column in one.schema
        if column.name in columns
    ]
    return " or ".join(part for part in parts if part) or "false"


def _is_one_of(name: str, kind: Type, values: frozenset[str]) -> str:
    """Return a condition on one column, such that another system can judge it where it may."""
    column = quote_identifier(name)
    if str(kind) in _WHOLE:
        numbers = sorted(value for value in values if value.lstrip("-").isdecimal())
        return f"{column} in ({', '.join(numbers)})" if numbers else ""
    plain = column if kind == Scalar("string") else f"cast({column} as varchar)"
    return f"{plain} in ({', '.join(quote_literal(value) for value in sorted(values))})"
