"""The rows that a query gives, streamed, and the shapes they can be taken in.

Rows are read from the engine as they are asked for: a result larger than memory can be written
to a file. What needs all rows (`to_arrow`, `rows`, …) keeps them, so that it may be called again.
"""

from __future__ import annotations

import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Self

from lakeworks.core.errors import LakeError, MissingExtraError
from lakeworks.query.errors import ResultSpentError, UnknownFormatError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path
    from types import TracebackType
    from typing import IO

    import pandas as pd
    import polars as pl
    import pyarrow as pa


FORMATS = ("table", "csv", "json", "jsonl", "parquet", "arrow")
BINARY_FORMATS = ("parquet", "arrow")


class QueryResult:
    """One query's rows. Read it once as a stream, or take all of it as often as you like.

    Timestamps with a zone are UTC. It holds the engine's session until it is read to its end or
    closed; use it as a context manager when it may be left half read.

    Attributes:
        scanned_bytes: The size of the files that the query read, at most.
        given: The column names as the query gives them, equal ones among them.

    Args:
        on_close: Told once how many rows were taken, how long the engine took to give them, and
            what went wrong.
        told: Makes of an error what the caller may know of it.
    """

    def __init__(
        self,
        reader: pa.RecordBatchReader,
        session: AbstractContextManager[object],
        *,
        limit: int | None = None,
        on_close: Callable[[int, float, BaseException | None], None] | None = None,
        told: Callable[[LakeError], LakeError] | None = None,
    ) -> None:
        self.given = tuple(reader.schema.names)
        self._reader = _distinct(reader)
        self._session: AbstractContextManager[object] | None = session
        self._limit = limit
        self._on_close = on_close
        self._told = told
        self.scanned_bytes = 0
        self._taken_rows = 0
        self._waited_s = 0.0
        self._failure: BaseException | None = None
        self._table: pa.Table | None = None
        self._spent = False

    @property
    def schema(self) -> pa.Schema:
        """The columns, as Arrow sees them."""
        return self._reader.schema

    @property
    def columns(self) -> tuple[str, ...]:
        """The column names, in order."""
        return tuple(self._reader.schema.names)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows in batches, as they come; nothing is kept.

        Raises:
            ResultSpentError: the result was streamed before.
        """
        if self._table is not None:
            yield from self._table.to_batches()
            return
        if self._spent:
            raise ResultSpentError.streamed()
        self._spent = True
        left = self._limit
        try:
            while left is None or left > 0:
                batch = self._next()
                if batch is None:
                    return
                if left is not None:
                    batch = batch.slice(0, left)
                    left -= batch.num_rows
                if batch.num_rows:
                    self._taken_rows += batch.num_rows
                    yield batch
        finally:
            self.close()

    def head(self, rows: int) -> pa.Table:
        """Return the first rows as an Arrow table; the others are not computed.

        After this, the result is spent unless it was taken whole before.
        """
        import pyarrow as pa

        found: list[pa.RecordBatch] = []
        batches = self.batches()
        missing = rows
        while missing > 0 and (batch := next(batches, None)) is not None:
            found.append(batch.slice(0, missing))
            missing -= found[-1].num_rows
        batches.close()  # type: ignore[attr-defined]
        if self._table is None:
            self._spent = True
            self.close()
        return pa.Table.from_batches(found, self.schema)

    def to_arrow(self) -> pa.Table:
        """Return all rows as an Arrow table."""
        if self._table is None:
            import pyarrow as pa

            self._table = pa.Table.from_batches(list(self.batches()), self.schema)
        return self._table

    def to_pandas(self) -> pd.DataFrame:
        """Return all rows as a pandas frame.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        try:
            import pandas  # noqa: F401 - Arrow's own message would not name the extra
        except ImportError:
            raise MissingExtraError.needed("pandas", "a pandas frame") from None
        frame: pd.DataFrame = self.to_arrow().to_pandas()
        return frame

    def to_polars(self) -> pl.DataFrame:
        """Return all rows as a Polars frame.

        Raises:
            MissingExtraError: Polars is not installed.
        """
        try:
            import polars as pl
        except ImportError:
            raise MissingExtraError.needed("polars", "a Polars frame") from None
        frame = pl.from_arrow(self.to_arrow())
        assert isinstance(frame, pl.DataFrame)  # noqa: S101 - what a table becomes
        return frame

    def rows(self) -> list[dict[str, Any]]:
        """Return all rows as Python values: one mapping of column to value each.

        Where the query gives two columns one name, the later ones are called `name_1`, ….
        """
        from lakeworks.query.values import python_values

        names = self.columns
        found: list[dict[str, Any]] = []
        for batch in self.to_arrow().to_batches():
            columns = [python_values(column) for column in batch.columns]
            rows = zip(*columns, strict=True)
            found.extend(dict(zip(names, row, strict=True)) for row in rows)
        return found

    def write(self, format: str, out: Path | str | IO[Any]) -> int:  # noqa: A002 - its name
        """Write the rows to a file, streaming; return how many.

        Args:
            format: One of `FORMATS`: `table` (plain text), `csv`, `json` (one list of objects),
                `jsonl` (one object a line), `parquet` or `arrow` (an IPC stream).
            out: A path, or an open file: binary for `parquet` and `arrow`, else either.

        Raises:
            UnknownFormatError: there is no such format.
        """
        if format not in FORMATS:
            raise UnknownFormatError.named(format, FORMATS)
        from lakeworks.query.writers import write

        return write(self, format, out)

    def close(self) -> None:
        """Stop the query if it still runs, and free what it holds. May be called again."""
        session, self._session = self._session, None
        if session is not None:
            session.__exit__(None, None, None)
            if self._on_close is not None:
                self._on_close(self._taken_rows, self._waited_s, self._failure)

    def _next(self) -> pa.RecordBatch | None:
        begin = time.monotonic()
        try:
            return next(self._reader, None)
        except BaseException as error:
            self._failure = error
            if self._told is None or not isinstance(error, LakeError):
                raise
            raise self._told(error) from None
        finally:
            self._waited_s += time.monotonic() - begin

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def of_table(table: pa.Table) -> QueryResult:
    """Return rows that no engine computes as a result."""
    return QueryResult(table.to_reader(), nullcontext())


def without_rows() -> QueryResult:
    """Return the result of a statement that gives neither rows nor columns."""
    import pyarrow as pa

    return of_table(pa.table({}))


def _distinct(reader: pa.RecordBatchReader) -> pa.RecordBatchReader:
    """Give columns of one name different names; most readers pass through as they are."""
    names = reader.schema.names
    if len(set(names)) == len(names):
        return reader
    import pyarrow as pa

    taken = set(names)
    seen: set[str] = set()
    fields = []
    for field in reader.schema:
        name, number = field.name, 1
        while name in seen or (name != field.name and name in taken):
            name, number = f"{field.name}_{number}", number + 1
        seen.add(name)
        fields.append(field.with_name(name))
    schema = pa.schema(fields)
    batches = (pa.RecordBatch.from_arrays(batch.columns, schema=schema) for batch in reader)
    return pa.RecordBatchReader.from_batches(schema, batches)
