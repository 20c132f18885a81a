"""Classify published tables: sample each, suggest tags, and say what is tagged already.

Rows come from whoever calls, so that this knows no engine; a sample stays in memory only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakeworks.core.names import QUARANTINE, TableName, quote_identifier
from lakeworks.governance.classification import SAMPLE_ROWS, classify
from lakeworks.governance.errors import NothingToClassifyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pyarrow as pa

    from lakeworks.governance.classification import Suggestion
    from lakeworks.governance.tags import TagState

_OWN_COLUMNS = frozenset({
    "_source_file", "_ingested_at", "_run_id", "_processed_at", "_record_hash", "_rescued",
})  # fmt: skip
# What every engine writes alike as text, at little cost; and how much of a row makes it unlike others.
_PLAIN = frozenset({"string", "tinyint", "smallint", "int", "bigint", "date"})
_DIGESTED = 8


@dataclass(frozen=True, slots=True)
class Classified:
    """One suggestion for one table.

    Attributes:
        tagged: The values that the tag `pii` has there already.
    """

    table: TableName
    suggestion: Suggestion
    tagged: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        one = self.suggestion
        return {
            "table": str(self.table),
            "column": one.column,
            "path": one.path or None,
            "pii": one.kind,
            "confidence": round(one.confidence, 4),
            "valid_share": round(one.share, 4),
            "values": one.values,
            "hint": one.hint or None,
            "examples": list(one.examples),
            "tagged": list(self.tagged),
        }


def classified(
    tags: TagState,
    published: Iterable[str],
    sample: Callable[[str, int], pa.Table],
    *,
    only: str | None = None,
    rows: int = SAMPLE_ROWS,
) -> list[Classified]:
    """Return what seems to hold personal data, by table and column.

    Args:
        tags: What is tagged already.
        published: The tables there are.
        sample: Gives so many rows from all over a table: `sample_of`.
        only: One table instead of all; quarantine is looked at only by name.
        rows: How many rows of each.

    Raises:
        NothingToClassifyError: the table is not published.
    """
    names = sorted(published)
    if only is not None and only not in names:
        raise NothingToClassifyError.unknown(only, names)
    found: list[Classified] = []
    for written in names if only is None else [only]:
        name = TableName.parse(written)
        if only is None and name.database == QUARANTINE:
            continue
        table = sample(written, rows)
        columns = {
            column: table.column(position).to_pylist()
            for position, column in enumerate(table.column_names)
            if column not in _OWN_COLUMNS
        }
        for one in _one_a_column(classify(columns)):
            values = tags.of_column(name, one.column).values.get("pii", frozenset())
            found.append(Classified(name, one, tuple(sorted(values))))
    return found


def sample_of(table: str, columns: Iterable[tuple[str, str]], rows: int) -> str:
    """Return a query of so many rows from all over a table: its first ones may be unlike the rest.

    They are those with the least digests, so they are the same each time, on every engine.

    Args:
        columns: Name and type of each column that may be seen.
    """
    told = [
        f"cast({quote_identifier(name)} as varchar)"
        for name, kind in columns
        if kind in _PLAIN and name not in _OWN_COLUMNS
    ]
    by = f" order by md5(concat_ws('|', {', '.join(told[:_DIGESTED])}))" if told else ""
    return f"select * from {table}{by} limit {rows}"


def _one_a_column(suggestions: Iterable[Suggestion]) -> list[Suggestion]:
    """Return the surest suggestion for each column; a nested one may have several paths."""
    best: dict[str, Suggestion] = {}
    for one in suggestions:
        known = best.get(one.column)
        if known is None or one.confidence > known.confidence:
            best[one.column] = one
    return list(best.values())
