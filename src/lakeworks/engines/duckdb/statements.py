"""Run statements of one session: errors translated, scratch cleared away, interrupts heeded."""

from __future__ import annotations

import itertools
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakeworks.core.names import quote_identifier
from lakeworks.engines.duckdb.errors import translated
from lakeworks.engines.duckdb.parquet_io import copy_out
from lakeworks.engines.errors import InterruptedQueryError
from lakeworks.engines.stores import store_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    import duckdb

    from lakeworks.core.types import Schema
    from lakeworks.engines.written import Written
    from lakeworks.storage.files import DataFile

GOOD = "good"


class Statements:
    """What a load needs of a connection.

    Files that are written and not kept, and temporary tables, go when `scratch` ends; when it
    ends by an error, all files written in it go.
    """

    def __init__(
        self, con: duckdb.DuckDBPyConnection, *, s3: Mapping[str, str | bool] | None = None
    ) -> None:
        self.con = con
        self._s3 = s3
        self._numbers = itertools.count(1)
        self._tables: list[str] = []
        self._written: dict[str, set[str]] = {}
        self._unwanted: dict[str, set[str]] = {}
        self._interrupted = False

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows."""
        self._heed()
        with translated(self.con):
            return self.con.execute(sql).fetchall()

    def value(self, sql: str) -> Any:  # noqa: ANN401 - one value of any type
        """Return the only value of the only row."""
        return self.run(sql)[0][0]

    def keep(self, select: str, wish: str) -> str:
        """Run a SELECT into a temporary table, on disk where memory is short; return its name.

        Nothing but the narrow part of a load (keys, verdicts, duplicated rows) is kept so.
        """
        name = f"temp.main.{quote_identifier(f'__{wish}_{next(self._numbers)}')}"
        self.run(f"CREATE TEMP TABLE {name} AS {select}")
        self._tables.append(name)
        return name

    def write(
        self,
        select: str,
        root: str,
        schema: Schema,
        *,
        partition_by: Sequence[str] = (),
        divide_by: str | None = None,
    ) -> list[Written]:
        """Write rows as files; of divided rows only `GOOD` ones are partitioned."""
        self._heed()
        found = copy_out(
            self.con,
            select,
            root,
            schema=schema,
            partition_by=partition_by,
            divide_by=divide_by,
            main=GOOD if divide_by else None,
            s3=self._s3,
        )
        self._written.setdefault(root, set()).update(w.file.path for w in found)
        return found

    def discard(self, root: str, files: Iterable[DataFile]) -> None:
        """Note files of this load that are not part of its result."""
        self._unwanted.setdefault(root, set()).update(file.path for file in files)

    @property
    def interrupted(self) -> bool:
        """Whether no other statement may begin."""
        return self._interrupted

    def interrupt(self) -> None:
        """Stop the statement under way, and begin no other."""
        self._interrupted = True
        self.con.interrupt()

    @contextmanager
    def scratch(self) -> Iterator[None]:
        """Clear away at the end of the block what only served on the way."""
        self._written, self._unwanted = {}, {}
        try:
            yield
        except BaseException:
            self._unwanted = self._written
            with suppress(Exception):
                self._delete_unwanted()
            raise
        else:
            self._delete_unwanted()
        finally:
            self._drop_tables()

    def _drop_tables(self) -> None:
        for name in self._tables:
            with suppress(Exception):
                self.con.execute(f"DROP TABLE IF EXISTS {name}")
        self._tables.clear()

    def _delete_unwanted(self) -> None:
        for root, paths in self._unwanted.items():
            self.delete(root, paths)

    def delete(self, root: str, paths: Collection[str]) -> None:
        """Delete files below a folder or a prefix now; one that is gone is no error."""
        if paths and root.startswith("s3://"):
            store_of(root, self._s3 or {}).delete(sorted(paths))
            return
        for path in paths:
            (Path(root) / path).unlink(missing_ok=True)

    def _heed(self) -> None:
        if self._interrupted:
            raise InterruptedQueryError.stopped()


def bare(sql: str) -> str:
    """Return a SELECT without the semicolon at its end."""
    return sql.strip().rstrip(";").rstrip()
