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
from lakeworks.core.types import Array, Map, Scalar, Struct
from lakeworks.engines.duckdb.types import to_duckdb
from lakeworks.engines.loads import (
    AUDIT,
    IS_CURRENT,
    PROCESSED_AT,
    RECORD_HASH,
    RUN_ID,
    VALID_FROM,
    VALID_TO,
    VERSIONS,
    LoadColumns,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lakeworks.core.types import Field, Type


@dataclass(frozen=True, slots=True)
class Columns(LoadColumns):
    """The columns of one load, and their SQL."""

    @property
    def key(self) -> tuple[str, ...]:
        """The key columns, quoted."""
        return tuple(quoted(name) for name in self.request.key)

    @property
    def keys(self) -> str:
        """The key columns as a list in SQL."""
        return ", ".join(self.key)

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
        return to_json(self.content_names(), prefix)

    def changes(self) -> str:
        """Return an expression that differs between versions of a key that differ.

        The key is the same, and the moment always differs: neither counts.
        """
        return to_json(self.changing_names())

    def same(self, left: str, right: str) -> str:
        """Return a condition: two rows of one key have equal content."""
        compared = (quoted(name) for name in self.same_names())
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
        if audit is not None and name in AUDIT:
            return {
                PROCESSED_AT: quote_literal(audit.processed_at),
                RUN_ID: quote_literal(audit.run_id),
                RECORD_HASH: f"sha256({self.row_text()})",
            }[name]
        if self.request.load == "scd2" and name in VERSIONS:
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
