"""Rows of another system that were asked for: Arrow batches on their way, to be read once.

Whoever binds them reads them; how many bytes they had is known then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    import pyarrow as pa

    from lakeworks.core.types import Schema


class FetchedSource:
    """The rows that one query needs of a table elsewhere.

    Attributes:
        name: The table's, for errors.
        schema: Its columns, as far as they are to be seen.
        rows: How many rows were read so far.
        size_bytes: How many bytes these had.
        files: None: the rows lie in no file of the lake.

    Args:
        batches: Asks for the rows, within so many seconds, when they are first read.
    """

    files: tuple[()] = ()

    def __init__(
        self,
        name: str,
        schema: Schema,
        batches: Callable[[float | None], Generator[pa.RecordBatch, None, None]],
    ) -> None:
        self.name = name
        self.schema = schema
        self.rows = 0
        self.size_bytes = 0
        self._batches = batches
        self._told: Callable[[int], None] = lambda _: None
        self._left_s: Callable[[], float | None] = lambda: None
        self._failure: BaseException | None = None

    def limit(self, told: Callable[[int], None], left_s: Callable[[], float | None]) -> None:
        """Set limits before the rows are read.

        Args:
            told: Called with the bytes read so far, after each batch; may raise.
            left_s: Asked how long reading may take.
        """
        self._told, self._left_s = told, left_s

    def batches(self) -> Generator[pa.RecordBatch, None, None]:
        """Ask for the rows and yield them."""
        rows = self._batches(self._left_s())
        try:
            for batch in rows:
                self.rows += batch.num_rows
                self.size_bytes += batch.nbytes
                self._told(self.size_bytes)
                yield batch
        except Exception as error:
            self._failure = error
            raise
        finally:
            # Whoever gives the rows holds a connection, which waits for no garbage collector.
            rows.close()

    def raise_failure(self) -> None:
        """Raise what ended the rows early, which an engine that reads them tells as a text."""
        if self._failure is not None:
            raise self._failure from None


def no_rows(_: float | None = None) -> Generator[pa.RecordBatch, None, None]:
    """Give no rows."""
    yield from ()
