"""The names of a session over no rows, in the embedded engine.

The embedded engine parses, checks and types every SELECT before Spark sees it: mistakes are told
in its words with line, column and nearest name, nothing waits for a JVM, and the types of a
result are those of the lake's dialect.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lakeworks.storage.files import TableSource

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from lakeworks.core.types import Schema
    from lakeworks.engines.protocol import Session


class Shadow:
    """Empty tables under a session's names."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.schemas: dict[str, Schema] = {}

    def bind(self, name: str, schema: Schema) -> None:
        """Let SQL name a table of these columns."""
        self._session.bind(name, TableSource("/", schema, ()))
        self.schemas[name] = schema

    @contextmanager
    def rows(self, schema: Schema) -> Iterator[None]:
        """Let SQL name a relation `__lakeworks_rows` of these columns inside the block."""
        self._session.bind("__lakeworks_rows", TableSource("/", schema, ()))
        yield

    def describe(self, sql: str) -> Schema:
        """Return the columns of a SELECT."""
        return self._session.describe(sql)

    def arrow_schema(self, sql: str) -> pa.Schema:
        """Return the columns of a SELECT as Arrow batches of the embedded engine have them."""
        bare = sql.strip().rstrip(";")
        with self._session.query(f"SELECT * FROM (\n{bare}\n) LIMIT 0") as reader:
            return reader.schema

    def query(self, sql: str) -> pa.RecordBatchReader:
        """Run what needs no rows, such as DESCRIBE."""
        return self._session.query(sql)

    def close(self) -> None:
        """Free it."""
        self._session.__exit__(None, None, None)
