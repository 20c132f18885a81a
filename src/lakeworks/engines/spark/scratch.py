"""What a load writes and keeps on its way, cleared away when it ends."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from lakeworks.engines.spark.writing import write
from lakeworks.engines.stores import store_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pyspark.sql import Column, DataFrame

    from lakeworks.core.types import Schema
    from lakeworks.engines.spark.session import SparkLakeSession
    from lakeworks.engines.written import Written
    from lakeworks.storage.files import DataFile

GOOD = "good"


class Scratch:
    """The files and frames of one load.

    Files that are written and not kept, and kept frames, go when `clearing` ends; when it ends
    by an error, all files written in it go.
    """

    def __init__(self, session: SparkLakeSession) -> None:
        self.session = session
        self._kept: list[DataFrame] = []
        self._written: dict[str, set[str]] = {}
        self._unwanted: dict[str, set[str]] = {}

    def write(  # noqa: PLR0913 - one job has this many choices
        self,
        frame: DataFrame,
        root: str,
        schema: Schema,
        *,
        partition_by: Sequence[str] = (),
        divide_by: str | None = None,
        last: Mapping[str, Column] | None = None,
        table: str = "the table",
    ) -> list[Written]:
        """Write rows as files; of divided rows only `GOOD` ones are partitioned."""
        found = write(
            self.session.spark,
            frame,
            root,
            schema,
            partition_by=partition_by,
            divide_by=divide_by,
            main=GOOD if divide_by else None,
            last=last,
            table=table,
            s3=self.session.s3,
        )
        self._written.setdefault(root, set()).update(w.file.path for w in found)
        return found

    def keep(self, frame: DataFrame) -> DataFrame:
        """Let Spark keep rows that are used several times; if it loses them, it makes them anew.

        Nothing but the narrow part of a load (keys, verdicts, versions) is kept so.
        """
        kept = frame.persist()
        self._kept.append(kept)
        return kept

    def discard(self, root: str, files: Iterable[DataFile]) -> None:
        """Note files of this load that are not part of its result."""
        self._unwanted.setdefault(root, set()).update(file.path for file in files)

    @contextmanager
    def clearing(self) -> Iterator[None]:
        """Clear away at the end of the block what only served on the way."""
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
            for frame in self._kept:
                with suppress(Exception):
                    frame.unpersist()
            self._kept.clear()

    def _delete_unwanted(self) -> None:
        for root, paths in self._unwanted.items():
            if paths:
                store_of(root, self.session.s3 or {}).delete(sorted(paths))
