"""Persons who were erased and are sent again: known by a salted hash, found, erased again.

Nothing at the door knows them: what arrives is copied as it is, and read by engines that take no
Python. So whoever is to stay out is looked for in the columns that name persons, after runs.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakeworks.core.names import TableName, quote_identifier
from lakeworks.core.types import Array, Map, Struct
from lakeworks.privacy.errors import SubjectError
from lakeworks.privacy.trace import ROW

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lakeworks.catalog.erasures import Erasure
    from lakeworks.core.types import Schema
    from lakeworks.pipeline.state import Services
    from lakeworks.privacy.subjects import ColumnId, Wanted
    from lakeworks.privacy.tracing import Tracer

KEPT_OUT = "kept_out"


@dataclass(frozen=True, slots=True)
class KeptOut:
    """One name of a person who is to stay out.

    Attributes:
        name: As `--subject` had it: `customer_id`, or a declared subject.
        hash: Of the value under that name, with the salt.
    """

    erasure_id: str
    name: str
    salt: str
    hash: str

    def is_of(self, value: str) -> bool:
        """Whether a value is the person's."""
        return hmac.compare_digest(_hashed(self.salt, value), self.hash)


def marks_of(wanted: Iterable[Wanted], known: Iterable[KeptOut]) -> list[dict[str, str]]:
    """Return what is kept of a person who is to stay out, as plain values.

    All share one salt, so that looking for them takes one hash of each value in the lake.
    """
    salt = next((one.salt for one in known), "") or secrets.token_hex(16)
    return [
        {"name": one.name, "salt": salt, "hash": _hashed(salt, one.value)} for one in wanted
    ]


def kept_out(erasures: Iterable[Erasure]) -> list[KeptOut]:
    """Return everybody who is to stay out, each name once."""
    found: dict[tuple[str, str, str], KeptOut] = {}
    for erasure in erasures:
        for mark in erasure.report.get(KEPT_OUT, ()):
            one = KeptOut(erasure.erasure_id, mark["name"], mark["salt"], mark["hash"])
            found[one.name, one.salt, one.hash] = one
    return list(found.values())


@dataclass
class Returns:
    """Looks for persons who are to stay out."""

    services: Services
    tracer: Tracer

    def found(self, wanted: Iterable[KeptOut]) -> dict[KeptOut, str]:
        """Return those who are back, each with the value that arrived."""
        by_name: dict[str, list[KeptOut]] = {}
        for one in wanted:
            by_name.setdefault(one.name, []).append(one)
        back: dict[KeptOut, str] = {}
        for name, persons in by_name.items():
            for value in self._values(name, persons):
                back |= {one: value for one in persons if one.is_of(value)}
        return back

    def _values(self, name: str, persons: list[KeptOut]) -> Iterator[str]:
        try:
            seeds = self.tracer.seeds(name)
        except SubjectError:
            return  # no column is called so any more: nobody can be back in it
        known = set(self.services.storage.tables())
        for column in seeds:
            table = TableName.parse(column[0])
            if table in known:
                yield from self._in_table(table, column, persons)
            if table.quarantine in known:
                yield from self._rejected(table.quarantine, column[1])

    def _in_table(
        self, table: TableName, column: ColumnId, persons: list[KeptOut]
    ) -> Iterator[str]:
        """Yield the values of a column that have the hash of somebody who is to stay out."""
        version = self.services.storage.table(table).version()
        if not version.files or not _is_plain(version.schema, column[1]):
            return
        place = ".".join(quote_identifier(part) for part in column[1].split("."))
        value = f"trim(cast({place} as varchar))"
        hashes = ", ".join(f"'{one.hash}'" for one in persons)
        with self.services.engine.session() as session:
            session.bind(str(table), version.source(self.services.storage.table_root(table)))
            rows = session.query(
                f"select distinct {value} as v from {table} "
                f"where sha256('{persons[0].salt}' || {value}) in ({hashes})"
            ).read_all()
        yield from rows["v"].to_pylist()

    def _rejected(self, table: TableName, path: str) -> Iterator[str]:
        """Yield the values of a column in rejected rows that are JSON."""
        import pyarrow.parquet as pq

        log = self.services.storage.table(table)
        for one in log.version().files:
            with log.store.open_read(one.path) as file:
                for text in pq.read_table(file, columns=[ROW])[ROW].to_pylist():
                    yield from _under(text, path.rpartition(".")[2])


def _is_plain(schema: Schema, path: str) -> bool:
    """Whether a path leads to one value a row, through structs alone."""
    first, *rest = path.split(".")
    field = schema.get(first)
    kind = field.type if field is not None else None
    for part in rest:
        inner = kind.fields if isinstance(kind, Struct) else ()
        kind = next((one.type for one in inner if one.name.lower() == part), None)
    return kind is not None and not isinstance(kind, Struct | Array | Map)


def _under(text: str | None, name: str) -> Iterator[str]:
    try:
        record = json.loads(text or "")
    except ValueError:
        return
    value: Any = None
    if isinstance(record, dict):
        value = next((one for key, one in record.items() if key.lower() == name), None)
    if isinstance(value, str | int) and not isinstance(value, bool):
        yield str(value).strip()


def _hashed(salt: str, value: str) -> str:
    return hashlib.sha256(f"{salt}{value.strip()}".encode()).hexdigest()
