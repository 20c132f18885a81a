"""Find the files of a table that hold certain rows, and write these files anew without them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lakeworks.core.names import quote_identifier, quote_literal
from lakeworks.core.types import Scalar
from lakeworks.engines.duckdb.reading import source_select, uri
from lakeworks.engines.duckdb.types import to_duckdb
from lakeworks.engines.protocol import Rewritten

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lakeworks.core.types import Schema
    from lakeworks.engines.duckdb.statements import Statements
    from lakeworks.storage.files import DataFile, TableSource

FILE = "__file"
_PRUNED_BY = frozenset({
    "tinyint", "smallint", "int", "bigint", "string", "date", "timestamp", "timestamp_ntz",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rows:
    """Files, and how to read them as rows of one schema."""

    statements: Statements
    source: TableSource

    def select(
        self, files: Sequence[DataFile] | None = None, *, with_file: bool = False
    ) -> str:
        """Return a SELECT of the rows, in parentheses."""
        column = FILE if with_file else None
        sql = source_select(self.statements.con, self.source, files=files, file_column=column)
        return f"({sql})"

    def named(self, uris: Iterable[str]) -> list[DataFile]:
        """Return the files that DuckDB calls so."""
        wanted = set(uris)
        return [f for f in self.source.files if uri(self.source.root, f.path) in wanted]

    def as_of(self, schema: Schema) -> Rows:
        """Return the same files, read in a later schema."""
        if schema == self.source.schema:
            return self
        return replace(self, source=replace(self.source, schema=schema, evolved=True))


def delete(statements: Statements, target: TableSource, root: str, where: str) -> Rewritten:
    """Write anew the files that hold rows where `where` is true, without these rows."""
    rows = Rows(statements, target)
    hit = statements.run(
        f"SELECT {FILE}, count(*) FROM {rows.select(with_file=True)} AS __rows "
        f"WHERE ({where}\n) GROUP BY 1"
    )
    removed = rows.named(row[0] for row in hit)
    if not removed:
        return Rewritten((), (), 0)
    written = statements.write(
        f"SELECT * FROM {rows.select(removed)} AS __rows WHERE ({where}\n) IS NOT TRUE",
        root,
        target.schema,
        partition_by=target.partition_columns,
    )
    deleted = sum(row[1] for row in hit)
    return Rewritten(tuple(w.file for w in written), tuple(removed), deleted)


def files_that_may_hold(
    statements: Statements, source: TableSource, keys: str, key: Sequence[str]
) -> list[DataFile]:
    """Return the files whose statistics admit a row with one of `keys`.

    Args:
        statements: Of the session.
        source: The table.
        keys: A relation with the key columns.
        key: The names of the key columns.
    """
    files = list(source.files)
    for name in key:
        files = _pruned(statements, source, files, keys, name)
    return files


def _pruned(
    statements: Statements, source: TableSource, files: list[DataFile], keys: str, name: str
) -> list[DataFile]:
    field = source.schema.get(name)
    if field is None or not isinstance(field.type, Scalar) or field.type.name not in _PRUNED_BY:
        return files
    bounds = [(i, *_bounds(file, field.name)) for i, file in enumerate(files)]
    known = [
        f"({i}, {quote_literal(str(low))}, {quote_literal(str(high))})"
        for i, low, high in bounds
        if low is not None and high is not None
    ]
    if not known:
        return files
    kind = to_duckdb(field.type)
    # Other writers cut the largest timestamp down to its millisecond.
    slack = " + INTERVAL 1 MILLISECOND" if field.type.name.startswith("timestamp") else ""
    column = quote_identifier(field.name)
    # For each file the smallest key that is not below its least value.
    hit = statements.run(
        f"WITH v AS (SELECT i, TRY_CAST(low AS {kind}) AS low, TRY_CAST(high AS {kind}){slack} "
        f"AS high FROM (VALUES {', '.join(known)}) AS v(i, low, high)) "
        f"SELECT v.i FROM v ASOF JOIN (SELECT DISTINCT CAST({column} AS {kind}) AS k FROM "
        f"{keys}) AS b ON v.low <= b.k WHERE b.k <= v.high "
        "UNION ALL SELECT i FROM v WHERE low IS NULL OR high IS NULL"
    )
    wanted = {row[0] for row in hit}
    return [
        file
        for (i, low, high), file in zip(bounds, files, strict=True)
        if i in wanted or low is None or high is None
    ]


def _bounds(file: DataFile, name: str) -> tuple[object, object]:
    if name in file.partition:
        value = file.partition[name]
        return value, value
    least, most = file.stats.get("minValues", {}), file.stats.get("maxValues", {})
    return least.get(name), most.get(name)
