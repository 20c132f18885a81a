"""Persons who were erased and are sent again: known by a salted hash, found, erased again.

Nothing at the door knows them: what arrives is copied as it is, and read by engines that take no
Python. So whoever is to stay out is looked for in the columns that name persons, after runs.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakeworks.core.names import QUARANTINE, TableName, quote_identifier
from lakeworks.core.types import Array, Map, Scalar, Struct
from lakeworks.privacy.errors import SubjectError
from lakeworks.privacy.records import BEGINS, JSON_BEGINS
from lakeworks.privacy.subjects import declared_subjects, is_vague, name_of_any
from lakeworks.privacy.text_search import candidates
from lakeworks.privacy.trace import RESCUED, ROW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from lakeworks.catalog.erasures import Erasure
    from lakeworks.core.types import Schema
    from lakeworks.pipeline.state import Services
    from lakeworks.privacy.subjects import ColumnId, Wanted
    from lakeworks.privacy.tracing import Tracer
    from lakeworks.storage.log import TableLog

KEPT_OUT = "kept_out"
_STRING = Scalar("string")


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
        key = name_of_any(name, declared_subjects(self.services.project))
        for table in sorted(known, key=str) if key else ():
            yield from self._in_texts(table, key)

    def _in_table(
        self, table: TableName, column: ColumnId, persons: list[KeptOut]
    ) -> Iterator[str]:
        """Yield the values of a column that may be somebody's who is to stay out."""
        log = self.services.storage.table(table)
        version = log.version()
        plain = _is_plain(version.schema, column[1])
        yield from self._in_files(log, column[1], plain=plain)
        if not version.files or not plain:
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

    def _in_files(self, log: TableLog, path: str, *, plain: bool) -> Iterator[str]:
        """Yield the values in rescued fields, and those at a path through lists and maps."""
        first, *names = path.split(".")
        for name, cells in self._columns(log, RESCUED, *([] if plain else [first])):
            if name == RESCUED:
                yield from _distinct(cells, lambda text: _in_json(text, path))
            else:
                yield from {text for cell in cells for text in _below(cell, names)}

    def _in_texts(self, table: TableName, key: str) -> Iterator[str]:
        """Yield the values under a key of JSON in a table's columns of text."""
        if table.database == QUARANTINE:
            return  # looked at as rejected rows
        log = self.services.storage.table(table)
        texts = [one.name.lower() for one in log.version().schema if one.type == _STRING]
        pattern = f"{JSON_BEGINS}(?is:.*{re.escape(key)})"
        for _, cells in self._columns(log, *texts, pattern=pattern):
            yield from _distinct(cells, lambda text: _in_json(text, key))

    def _rejected(self, table: TableName, path: str) -> Iterator[str]:
        """Yield the values of a column in rejected rows: of JSON by its keys, else all words."""
        log = self.services.storage.table(table)
        for _, cells in self._columns(log, ROW):
            yield from _distinct(cells, lambda text: _in_text(text, path))

    def _columns(
        self, log: TableLog, *wanted: str, pattern: str = ""
    ) -> Iterator[tuple[str, list[Any]]]:
        """Yield the values of columns, a row group at a time; of texts those that match."""
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        for one in log.version().files:
            with log.store.open_read(one.path) as file:
                reader = pq.ParquetFile(file, arrow_extensions_enabled=False)
                names = [n for n in reader.schema_arrow.names if n.lower() in wanted]
                for at in range(reader.num_row_groups):
                    group = reader.read_row_group(at, columns=names)
                    for name in names:
                        cells = group[name].drop_null()
                        if pattern:
                            cells = cells.filter(pc.match_substring_regex(cells, pattern))
                        yield name.lower(), cells.to_pylist()


def _distinct(
    cells: Iterable[str | None], values: Callable[[str], Iterator[str]]
) -> Iterator[str]:
    seen: set[str] = set()
    for text in {text for text in cells if text}:
        for value in values(text):
            if value not in seen:
                seen.add(value)
                yield value


def _is_plain(schema: Schema, path: str) -> bool:
    """Whether a path leads to one value a row, through structs alone."""
    first, *rest = path.split(".")
    field = schema.get(first)
    kind = field.type if field is not None else None
    for part in rest:
        inner = kind.fields if isinstance(kind, Struct) else ()
        kind = next((one.type for one in inner if one.name.lower() == part), None)
    return kind is not None and not isinstance(kind, Struct | Array | Map)


def _below(value: Any, names: list[str]) -> Iterator[str]:  # noqa: ANN401 - any plain value
    """Yield the texts at a path of names below a value, through lists and maps."""
    if isinstance(value, list | tuple):
        for one in value:
            yield from _below(one[1] if isinstance(one, tuple) else one, names)
    elif isinstance(value, dict):
        for key, one in value.items():
            if names and str(key).lower() == names[0]:
                yield from _below(one, names[1:])
    elif value is not None and not names:
        yield str(value).strip()


def _in_json(text: str, path: str) -> Iterator[str]:
    """Yield the values that a record has under a name: of one that says nothing, at its path."""
    try:
        record = json.loads(text)
    except ValueError:
        return
    if not isinstance(record, dict | list):
        return
    name = path.rpartition(".")[2]
    if is_vague(name):
        yield from _below(record, path.split("."))
    else:
        yield from _under(record, name)


def _in_text(text: str, path: str) -> Iterator[str]:
    """Yield what may name somebody in a rejected row."""
    if BEGINS.match(text):
        yield from _in_json(text, path)
        with suppress(ValueError):
            json.loads(text)
            return
    yield from candidates(text)


def _under(value: Any, name: str) -> Iterator[str]:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        for key, one in value.items():
            if str(key).strip().lower() == name:
                yield from _below(one, [])
            yield from _under(one, name)
    elif isinstance(value, list):
        for one in value:
            yield from _under(one, name)
    elif isinstance(value, str) and BEGINS.match(value):
        yield from _in_json(value, name)


def _hashed(salt: str, value: str) -> str:
    return hashlib.sha256(f"{salt}{value.strip()}".encode("utf-8", "surrogatepass")).hexdigest()
