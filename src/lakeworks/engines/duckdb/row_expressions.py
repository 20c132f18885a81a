"""Expressions that another engine lets this one compute, a batch of its rows at a time.

What goes in and comes out is Arrow; no file, table or setting is read. Runs in whichever process the
rows are in.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Self

from lakeworks.core.errors import LakeError
from lakeworks.engines.duckdb.caller_sql import gate
from lakeworks.engines.duckdb.engine import DuckEngine
from lakeworks.engines.duckdb.errors import translated
from lakeworks.engines.errors import EngineFailedError, SqlError, ValueConversionError

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from lakeworks.core.types import Type

GATHERED = "__rows"
_ROWS = "__lakeworks_batch"
_NUMBER = "__number"
_MEMORY_BYTES = 1024**3
_KNOWN: dict[str, type[LakeError]] = {
    one.code: one for one in (ValueConversionError, SqlError, EngineFailedError)
}


class ExpressionFailedError(Exception):
    """What an expression met, as text that passes through another engine unharmed."""

    MARK = "[LAKEWORKS_EXPRESSION] "

    @classmethod
    def of(cls, error: LakeError) -> Self:
        """Pack an error."""
        return cls(cls.MARK + json.dumps([error.code, error.problem, error.hint]))

    @classmethod
    def told(cls, text: str) -> LakeError | None:
        """Return the error that an engine's message carries, or None when it carries none."""
        _, mark, rest = text.partition(cls.MARK)
        if not mark:
            return None
        code, problem, hint = json.JSONDecoder().raw_decode(rest)[0]
        return _KNOWN.get(code, EngineFailedError)(problem, hint)


@dataclass(frozen=True, slots=True)
class RowExpression:
    """A value of each row, or of the rows of each group.

    Attributes:
        sql: In the lake's dialect, over the columns of the batch.
        columns: Names of a gathered row's columns. Rows of a group come as one list of structs
            called `GATHERED`; empty where each row stands for itself.
        type: What it gives.
    """

    sql: str
    columns: tuple[str, ...]
    type: Type

    def over(self, batch: pa.Array) -> pa.Array:
        """Return the values for the rows that an array of structs holds, in their order.

        Raises:
            ExpressionFailedError: a row has no such value.
        """
        import pyarrow as pa

        from lakeworks.storage.parquet import arrow_type

        names = [batch.type.field(n).name for n in range(batch.type.num_fields)]
        rows = pa.table(batch.flatten(), names=names)
        con = _connection().cursor()
        try:
            with translated(con):
                con.register(_ROWS, rows)
                found = self._grouped(con, rows) if self.columns else self._each(con)
        except LakeError as error:
            raise ExpressionFailedError.of(error) from None
        finally:
            con.close()
        return found.cast(arrow_type(self.type))

    def _each(self, con: duckdb.DuckDBPyConnection) -> pa.Array:
        return _column(con, f"SELECT {self.sql} AS found FROM {_ROWS}")

    def _grouped(self, con: duckdb.DuckDBPyConnection, rows: pa.Table) -> pa.Array:
        import pyarrow as pa
        import pyarrow.compute as pc

        keys = [f'"{name}"' for name in rows.column_names if name != GATHERED]
        told = ", ".join([_NUMBER, *keys])
        columns = ", ".join(f'_r."{name}" AS "{name}"' for name in self.columns)
        numbered = rows.append_column(_NUMBER, pa.array(range(len(rows)), pa.int64()))
        con.register(_ROWS, numbered)
        flat = (
            f"(SELECT {told}, {columns} FROM "
            f'(SELECT {told}, unnest("{GATHERED}") AS _r FROM {_ROWS}))'
        )
        found = _column(
            con,
            f"SELECT {self.sql} AS found FROM {flat} GROUP BY {_NUMBER} ORDER BY {_NUMBER}",
        )
        empty = pc.equal(pc.list_value_length(rows[GATHERED].combine_chunks()), 0)
        if not pc.any(empty).as_py():
            return found
        # A group without rows, as that of a table without rows is, has a value, too.
        nothing = _column(con, f"SELECT {self.sql} AS found FROM {flat} WHERE false")
        place, places = 0, []
        for is_empty in empty.to_pylist():
            places.append(len(found) if is_empty else place)
            place += not is_empty
        return pa.concat_arrays([found, nothing]).take(pa.array(places, pa.int64()))


def computes_alone(expression: str) -> bool:
    """Whether an expression hangs on its columns only: on no clock, chance, setting or file."""
    con = _parser().cursor()  # others may ask at the same time
    try:
        found = gate(con, f"SELECT {expression}")
    except LakeError:
        return False
    finally:
        con.close()
    return not (found.changes or found.tables)


def _column(con: duckdb.DuckDBPyConnection, sql: str) -> pa.Array:
    import pyarrow as pa

    found = con.execute(sql).to_arrow_table().column(0)
    chunks = found.chunks
    return pa.concat_arrays(chunks) if chunks else pa.array([], found.type)


@cache
def _parser() -> duckdb.DuckDBPyConnection:
    import duckdb

    return duckdb.connect()


@cache
def _connection() -> duckdb.DuckDBPyConnection:
    """Return this process's own: such processes serve many batches."""
    spill = Path(tempfile.gettempdir(), f"lakeworks-expressions-{os.getpid()}")
    engine = DuckEngine(
        temp_directory=str(spill), memory_limit=_MEMORY_BYTES, threads=1, keep_order=True
    )
    con = engine.statements().con
    con.execute("SET GLOBAL enable_external_access = false")
    return con
