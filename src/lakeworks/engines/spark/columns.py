"""The columns of a load as Spark makes and compares them; `engines/loads.py` says what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.core.types import Array, Map, Struct
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
from lakeworks.engines.spark.casting import as_type, quoted
from lakeworks.engines.spark.row_text import record_hash, row_json
from lakeworks.engines.spark.types import spark_type
from lakeworks.engines.written import free_name

if TYPE_CHECKING:
    from pyspark.sql import Column

    from lakeworks.core.types import Field, Type

_SALTED_BY = 8


class SparkColumns(LoadColumns):
    """The columns of one load, and their expressions."""

    __slots__ = ()

    @property
    def keys(self) -> list[Column]:
        """The key columns."""
        return [self.column(name) for name in self.request.key]

    @property
    def key_names(self) -> list[str]:
        """The key columns' names, as the table spells them."""
        return [self._field(name).name for name in self.request.key]

    @property
    def latest(self) -> Column | None:
        """The column by which the latest row of a key is known."""
        if self.request.load == "scd2":
            return self.column(VALID_FROM)
        return self.column(self.request.latest_by) if self.request.latest_by else None

    @property
    def hashes_late(self) -> bool:
        """Whether final columns hash as given ones do: then rows that go are never hashed."""
        return all(self._field(field.name).type == field.type for field in self.given)

    def column(self, name: str) -> Column:
        """Return a column by its name."""
        from pyspark.sql import functions as f

        return f.col(quoted(name))

    def values(self) -> list[Column]:
        """Return final columns made of given ones; the hash is null where it comes late."""
        return [self._value(field).alias(field.name) for field in self.final]

    def hashed(self) -> Column:
        """Return the hash of a row of final columns."""
        return record_hash(self.given)

    def names(self) -> list[Column]:
        """Return the final columns."""
        return [self.column(field.name) for field in self.final]

    def row_json(self) -> Column:
        """Return the row as the SELECT gave it, as JSON text."""
        return row_json(self.final, self.given.names)

    def content(self) -> Column:
        """Return what rows of one key and moment are put in order by."""
        return row_json(self.final, self.content_names())

    def changes(self) -> Column:
        """Return what differs between versions of a key that differ."""
        return row_json(self.final, self.changing_names())

    def missing_key(self) -> Column:
        """Return a condition: a part of the key is null."""
        missing = self.keys[0].isNull()
        for key in self.keys[1:]:
            missing = missing | key.isNull()
        return missing

    def salt(self) -> Column:
        """Return a number by which rows without a key spread over tasks."""
        from pyspark.sql import functions as f

        flat = [c.name for c in self.final if not isinstance(c.type, Array | Map | Struct)]
        return f.xxhash64(*(self.column(name) for name in flat[:_SALTED_BY]))

    def free(self, wish: str) -> str:
        """Return a name that no column of the load has."""
        return free_name((*self.final.names, *self.given.names), wish)

    def _field(self, name: str) -> Field:
        field = self.final.get(name)
        assert field is not None, name  # noqa: S101 - settings are checked in `of`
        return field

    def _value(self, field: Field) -> Column:
        from pyspark.sql import functions as f

        wanted = spark_type(field.type)
        added = self._added(field.name)
        if added is not None:
            return added.cast(wanted)
        held = self.given.get(field.name)
        if held is None:
            return f.lit(None).cast(wanted)
        return as_type(self.column(held.name), held.type, field.type)

    def _added(self, name: str) -> Column | None:
        """Return what the load itself puts into a column, or None."""
        from pyspark.sql import functions as f

        request = self.request
        if request.audit is not None and name in AUDIT:
            if name == RECORD_HASH:
                return f.lit(None) if self.hashes_late else record_hash(self.given)
            told = {PROCESSED_AT: request.audit.processed_at, RUN_ID: request.audit.run_id}
            return f.lit(told[name])
        if request.load == "scd2" and name in VERSIONS:
            latest = request.latest_by
            return {
                VALID_FROM: self.column(latest) if latest else f.lit(request.moment),
                VALID_TO: f.lit(None),
                IS_CURRENT: f.lit(True),  # noqa: FBT003 - a literal
            }[name]
        return None


def comparable(kind: Type) -> bool:
    """Whether Spark can compare values of a type."""
    match kind:
        case Map():
            return False
        case Array(element):
            return comparable(element)
        case Struct(fields):
            return all(comparable(field.type) for field in fields)
        case _:
            return True
