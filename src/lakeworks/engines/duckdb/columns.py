"""The columns of a load: what the SELECT gives, what the load adds, how rows are compared.

`_record_hash` is the lower-case hex SHA-256 of the row as text in UTF-8: the values of the
SELECT's columns in its order, then the length in bytes of each value that is text, all joined by
U+001F. A null is nothing, a timestamp its microseconds since 1970 (UTC), a date `2026-01-31`,
binary its hex digits, a struct, list or map its JSON without spaces (which counts as text). The
lengths tell apart rows whose texts hold the joint, and a null from an empty text. Hashing JSON of
the whole row instead takes twice as long: SHA-256 costs by the byte.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.core.names import quote_identifier as quoted
from lakeworks.core.names import quote_literal
from lakeworks.core.types import Array, Field, Map, Scalar, Schema, Struct, evolve
from lakeworks.engines.duckdb.types import to_duckdb
from lakeworks.engines.errors import LoadError, SchemaNarrowedError, UnknownColumnError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lakeworks.core.types import Type
    from lakeworks.engines.protocol import StageRequest

PROCESSED_AT, RUN_ID, RECORD_HASH = "_processed_at", "_run_id", "_record_hash"
VALID_FROM, VALID_TO, IS_CURRENT = "valid_from", "valid_to", "is_current"
_AUDIT = (PROCESSED_AT, RUN_ID, RECORD_HASH)
_VERSIONS = (VALID_FROM, VALID_TO, IS_CURRENT)


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of one load.

    Attributes:
        given: What the SELECT gives, without what the load itself adds.
        final: The table's columns afterwards.
        rewrite_all: Whether files of the table hold a type that is now wider.
    """

    request: StageRequest
    given: Schema
    final: Schema
    rewrite_all: bool

    @property
    def key(self) -> tuple[str, ...]:
        """The key columns, quoted."""
        return tuple(quoted(name) for name in self.request.key)

    @property
    def keys(self) -> str:
        """The key columns as a list in SQL."""
        return ", ".join(self.key)

    @property
    def dedups(self) -> bool:
        """Whether one row a key (for scd2: a key and moment) is kept."""
        return bool(self.request.key) and self.request.load in {"merge", "replace", "scd2"}

    @property
    def latest(self) -> str | None:
        """The column, quoted, by which the latest row of a key is known."""
        if self.request.load == "scd2":
            return VALID_FROM
        return quoted(self.request.latest_by) if self.request.latest_by else None

    def expressions(self) -> str:
        """Return the SELECT list that makes final columns of given ones."""
        return ", ".join(f"{self._value(f)} AS {quoted(f.name)}" for f in self.final)

    def names(self, prefix: str = "") -> str:
        """Return the final columns, quoted, as a SELECT list."""
        return ", ".join(prefix + quoted(f.name) for f in self.final)

    def row_json(self) -> str:
        """Return an expression: the row as the SELECT gave it, as JSON text."""
        return to_json(self.given.names)

    def row_text(self) -> str:
        """Return an expression: the row as the text that is hashed."""
        lengths = [f"strlen({_hashed(f)})" for f in self.given if _is_text(f.type)]
        parts = [*(_hashed(f) for f in self.given), *lengths]
        return f"concat({', chr(31), '.join(parts)})" if parts else "''"

    def content(self, prefix: str = "") -> str:
        """Return an expression by which rows of one key and moment are put in order.

        Columns go by name, for their order may differ between a table and its SELECT.
        """
        return to_json(sorted(self._compared(_VERSIONS)), prefix)

    def changes(self) -> str:
        """Return an expression that differs between versions of a key that differ.

        The key is the same, and the moment always differs: neither counts.
        """
        latest = (self.request.latest_by,) if self.request.latest_by else ()
        return to_json(sorted(self._compared((*_VERSIONS, *self.request.key, *latest))))

    def same(self, left: str, right: str) -> str:
        """Return a condition: two rows of one key have equal content."""
        compared = (quoted(name) for name in self._compared((*_VERSIONS, *self.request.key)))
        told = " AND ".join(f"{left}.{n} IS NOT DISTINCT FROM {right}.{n}" for n in compared)
        return told or "true"

    def missing_key(self) -> str:
        """Return a condition: a part of the key is null."""
        return " OR ".join(f"{name} IS NULL" for name in self.key)

    def key_hash(self) -> str:
        """Return an expression: 64 bits of the key, as its columns are in the table."""
        fields = (self._field(name) for name in self.request.key)
        parts = ", ".join(f"CAST({quoted(f.name)} AS {to_duckdb(f.type)})" for f in fields)
        return f"hash({parts})"

    def _compared(self, left_out: Iterable[str]) -> list[str]:
        out = {name.casefold() for name in (*_AUDIT, *left_out)}
        return [f.name for f in self.final if f.name.casefold() not in out]

    def _field(self, name: str) -> Field:
        field = self.final.get(name)
        assert field is not None, name  # noqa: S101 - settings are checked in `columns_of`
        return field

    def _value(self, field: Field) -> str:
        kind = to_duckdb(field.type)
        added = self._added(field.name)
        if added is not None:
            return f"CAST({added} AS {kind})"
        if field.name in self.given:
            return f"CAST({quoted(field.name)} AS {kind})"
        return f"CAST(NULL AS {kind})"

    def _added(self, name: str) -> str | None:
        """Return what the load itself puts into a column, or None."""
        audit = self.request.audit
        if audit is not None and name in _AUDIT:
            return {
                PROCESSED_AT: quote_literal(audit.processed_at),
                RUN_ID: quote_literal(audit.run_id),
                RECORD_HASH: f"sha256({self.row_text()})",
            }[name]
        if self.request.load == "scd2" and name in _VERSIONS:
            latest = self.request.latest_by
            return {
                VALID_FROM: quoted(latest) if latest else quote_literal(self.request.moment),
                VALID_TO: "NULL",
                IS_CURRENT: "true",
            }[name]
        return None


def to_json(names: Sequence[str], prefix: str = "") -> str:
    """Return an expression: columns as the text of one JSON object."""
    parts = ", ".join(f"{quoted(name)} := {prefix}{quoted(name)}" for name in names)
    return f"CAST(to_json(struct_pack({parts})) AS VARCHAR)" if parts else "'{}'"


def _is_text(kind: Type) -> bool:
    return kind in {Scalar("string"), Scalar("binary")} or isinstance(
        kind, Array | Map | Struct
    )


def _hashed(field: Field) -> str:
    """Return a column's value as it goes into the row's hash; `concat` writes the rest."""
    name = quoted(field.name)
    if isinstance(field.type, Array | Map | Struct):
        return f"CAST(to_json({name}) AS VARCHAR)"
    if field.type in {Scalar("timestamp"), Scalar("timestamp_ntz")}:
        return f"epoch_us({name})"
    if field.type == Scalar("binary"):
        return f"hex({name})"
    return name


def columns_of(request: StageRequest, selected: Schema) -> Columns:
    """Return the columns of a load, when its settings and the table's types allow it.

    Raises:
        UnknownColumnError: a setting names a column that the SELECT does not give.
        LoadError: the load needs a key, or the SELECT gives a column that the load adds.
        SchemaNarrowedError: the table cannot hold the rows without loss.
    """
    given = selected
    if request.audit is not None:
        # A SELECT * from bronze brings bronze's own _run_id along: the table's own counts.
        given = Schema(tuple(f for f in selected if f.name not in _AUDIT))
    _check_settings(request, given)
    final = Schema((*given.fields, *_version_fields(request, given), *_audit_fields(request)))
    old = request.target.schema if request.target is not None else None
    if old is None or request.load == "replace":
        return Columns(request, given, final, rewrite_all=False)
    step = evolve(old, final)
    if step.narrowed:
        raise SchemaNarrowedError.columns(request.table, step.narrowed)
    grown = any(_changes_files(before, after) for _, before, after in step.widened)
    return Columns(request, given, step.schema, rewrite_all=grown)


def _check_settings(request: StageRequest, given: Schema) -> None:
    if request.load in {"merge", "scd2"} and not request.key:
        raise LoadError.without_key(request.table, request.load)
    settings = [("key", name) for name in request.key]
    settings += [("latest_by", request.latest_by)] if request.latest_by else []
    for setting, name in settings:
        if name not in given:
            raise UnknownColumnError.named(
                name, setting=setting, table=request.table, known=given.names
            )
    if request.load == "scd2":
        for name in _VERSIONS:
            if name in given:
                raise LoadError.reserved(request.table, name)


def _version_fields(request: StageRequest, given: Schema) -> tuple[Field, ...]:
    if request.load != "scd2":
        return ()
    latest = given.get(request.latest_by) if request.latest_by else None
    kind = latest.type if latest is not None else Scalar("timestamp")
    return (
        Field(VALID_FROM, kind),
        Field(VALID_TO, kind),
        Field(IS_CURRENT, Scalar("boolean")),
    )


def _audit_fields(request: StageRequest) -> tuple[Field, ...]:
    if request.audit is None:
        return ()
    return (
        Field(PROCESSED_AT, Scalar("timestamp")),
        Field(RUN_ID, Scalar("string")),
        Field(RECORD_HASH, Scalar("string")),
    )


def _changes_files(before: Type, after: Type) -> bool:
    """Whether files hold another physical type; a struct's new fields just read as null."""
    if isinstance(before, Struct) and isinstance(after, Struct):
        later = {f.name.casefold(): f.type for f in after.fields}
        return any(_changes_files(f.type, later[f.name.casefold()]) for f in before.fields)
    if isinstance(before, Array) and isinstance(after, Array):
        return _changes_files(before.element, after.element)
    if isinstance(before, Map) and isinstance(after, Map):
        return before.key != after.key or _changes_files(before.value, after.value)
    return before != after
