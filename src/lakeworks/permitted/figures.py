"""Figures of a table as its principal sees it: every one is computed over the secured rows.

A metric is data too. So none comes from a footer, a log or what a run noted: the session holds the
masked columns of the rows that may be seen, and nothing else.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.core.names import quote_identifier
from lakeworks.core.types import Field, Schema
from lakeworks.engines.caller import CallerQuery

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakeworks.catalog.snapshots import Snapshot
    from lakeworks.core.names import TableName
    from lakeworks.engines.protocol import Session
    from lakeworks.pipeline.state import Services
    from lakeworks.query.viewer import Viewer


@dataclass(frozen=True, slots=True)
class Figures:
    """Computes over what one principal sees."""

    services: Services
    viewer: Viewer
    snapshot: Snapshot

    @contextmanager
    def session(self, name: TableName) -> Iterator[tuple[Session, str, Schema]]:
        """Open a session that holds a table as it may be seen; give its name there and columns.

        Raises:
            UnknownTableError: not one value of it may be seen.
        """
        number = self.snapshot.tables.get(name)
        if number is None:
            raise self.viewer.unknown(name)
        storage = self.services.storage
        source = storage.table(name).version(number).source(storage.table_root(name))
        secured = self.viewer.secured(name, source)
        shown = {column.name for column in secured.columns}
        schema = Schema(
            tuple(Field(one.name, one.type) for one in source.schema if one.name in shown)
        )
        # What is run here is ours, not the caller's, and may fail on a value all the same.
        query = CallerQuery(frozenset([str(name)]), can_fail=True)
        with self.services.engine.governed_session({str(name): secured}, query) as session:
            yield session, str(name), schema

    def rows(self, name: TableName) -> int:
        """Return how many rows of a table may be seen."""
        with self.session(name) as (session, relation, _):
            found = session.query(f"SELECT count(*) AS n FROM {relation} AS t").read_all()
        return int(found.to_pylist()[0]["n"])

    def completeness(self, name: TableName) -> tuple[int, float | None]:
        """Return the rows, and the share of cells of data columns that are not null."""
        with self.session(name) as (session, relation, schema):
            columns = [field.name for field in schema if not field.name.startswith("_")]
            asked = ["count(*) AS n"]
            asked += [
                f"count({quote_identifier(column)}) AS c{position}"
                for position, column in enumerate(columns)
            ]
            sql = f"SELECT {', '.join(asked)} FROM {relation} AS t"
            row = session.query(sql).read_all().to_pylist()[0]
        cells = row["n"] * len(columns)
        full = sum(row[f"c{position}"] for position in range(len(columns)))
        return int(row["n"]), full / cells if cells else None
