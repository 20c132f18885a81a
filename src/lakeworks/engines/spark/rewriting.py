"""Find the files of a table that hold certain rows, and write these files anew without them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lakeworks.core.types import Scalar
from lakeworks.engines.protocol import Rewritten
from lakeworks.engines.spark.reading import frame_of
from lakeworks.engines.spark.scratch import Scratch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from pyspark.sql import DataFrame

    from lakeworks.core.types import Schema
    from lakeworks.engines.spark.session import SparkLakeSession
    from lakeworks.storage.files import DataFile, TableSource

FILE = "__file"
_PRUNED_BY = frozenset({"tinyint", "smallint", "int", "bigint", "string", "date"})


@dataclass(frozen=True, slots=True)
class Rows:
    """Files, and how to read them as rows of one schema."""

    session: SparkLakeSession
    source: TableSource

    def frame(
        self, files: Sequence[DataFile] | None = None, *, with_file: bool = False
    ) -> DataFrame:
        """Return the rows."""
        source = self.source if files is None else replace(self.source, files=tuple(files))
        return frame_of(self.session.spark, source, with_file=FILE if with_file else None)

    def named(self, paths: Iterable[str]) -> list[DataFile]:
        """Return the files of these paths."""
        wanted = set(paths)
        return [f for f in self.source.files if f.path in wanted]

    def as_of(self, schema: Schema) -> Rows:
        """Return the same files, read in a later schema."""
        if schema == self.source.schema:
            return self
        return replace(self, source=replace(self.source, schema=schema, evolved=True))


def delete(session: SparkLakeSession, target: TableSource, root: str, where: str) -> Rewritten:
    """Write anew the files that hold rows where `where` is true, without these rows."""
    from pyspark.sql import functions as f

    rows = Rows(session, target)
    condition = session.expression(where, target.schema)
    hit = rows.frame(with_file=True).where(condition).groupBy(FILE).agg(f.count(f.lit(1)))
    found: dict[str, int] = dict(hit.collect())
    removed = rows.named(found)
    if not removed:
        return Rewritten((), (), 0)
    scratch = Scratch(session)
    with scratch.clearing():
        written = scratch.write(
            rows.frame(removed).where(~f.coalesce(condition, f.lit(False))),  # noqa: FBT003
            root,
            target.schema,
            partition_by=target.partition_columns,
        )
    return Rewritten(tuple(w.file for w in written), tuple(removed), sum(found.values()))


def files_that_may_hold(
    source: TableSource, fresh: Sequence[DataFile], key: Sequence[str]
) -> list[DataFile]:
    """Return the files of a table whose statistics admit a key that `fresh` files hold."""
    files = list(source.files)
    for name in key:
        field = source.schema.get(name)
        if field is None or not isinstance(field.type, Scalar):
            continue
        if field.type.name in _PRUNED_BY:
            wanted = [_bounds(file, field.name) for file in fresh]
            files = [f for f in files if _meets(_bounds(f, field.name), wanted)]
    return files


def _meets(mine: tuple[Any, Any], wanted: Sequence[tuple[Any, Any]]) -> bool:
    low, high = mine
    if low is None or high is None:
        return True
    for least, most in wanted:
        if least is None or most is None or type(least) is not type(low):
            return True
        if least <= high and low <= most:
            return True
    return False


def _bounds(file: DataFile, name: str) -> tuple[Any, Any]:
    if name in file.partition:
        return None, None  # text there, whatever the column's type
    least, most = file.stats.get("minValues", {}), file.stats.get("maxValues", {})
    return least.get(name), most.get(name)
