"""SQL that turns text into typed columns and tells what would be lost.

Pure: used for CSV and logs, whose every value arrives as text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.core.names import quote_literal
from lakeworks.core.types import Decimal, Scalar
from lakeworks.engines.duckdb.types import to_duckdb

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lakeworks.core.types import Type

_INTEGERS = ("tinyint", "smallint", "int", "bigint")


def typed(text: str, kind: Type) -> str:
    """Return an expression of type `kind`, null where the text does not fit."""
    lost = misfit(text, kind)
    return f"CASE WHEN {lost} THEN NULL ELSE {_cast(text, kind)} END" if lost else text


def _cast(text: str, kind: Type) -> str:
    return f"TRY_CAST({text} AS {to_duckdb(kind)})"


def misfit(text: str, kind: Type) -> str:
    """Return a condition, never null, that the text cannot be held without loss, or ''."""
    if kind == Scalar("string"):
        return ""
    lost = f"{_cast(text, kind)} IS NULL"
    match kind:
        case Scalar(name) if name in _INTEGERS:
            lost += f" OR NOT regexp_full_match({text}, '\\s*[+-]?\\d+\\s*')"
        case Decimal(_, scale):
            lost += (
                f" OR NOT regexp_full_match({text}, "
                f"'\\s*[+-]?\\d*(\\.\\d{{0,{scale}}}0*)?\\s*')"
            )
        case Scalar("date"):
            lost += f" OR length(trim({text})) > 10"
        case _:
            pass
    return f"({text} IS NOT NULL AND ({lost}))"


def as_json_object(items: Iterable[tuple[str, str, str]]) -> str:
    """Return an expression for a JSON object of (name, value, condition), null when empty."""
    pieces = [
        f"CASE WHEN {when} THEN {quote_literal(_key(name))} || to_json({value})::VARCHAR END"
        for name, value, when in items
    ]
    if not pieces:
        return "CAST(NULL AS VARCHAR)"
    return f"nullif('{{' || concat_ws(',', {', '.join(pieces)}) || '}}', '{{}}')"


def any_of(conditions: Iterable[str]) -> str:
    """Return the conditions joined by OR; false when there are none."""
    return " OR ".join(c for c in conditions if c) or "false"


def names_where(items: Iterable[tuple[str, str]]) -> str:
    """Return an expression that lists the names whose condition holds."""
    pieces = [f"CASE WHEN {when} THEN {quote_literal(name)} END" for name, when in items]
    return f"concat_ws(', ', {', '.join(pieces)})" if pieces else "''"


def _key(name: str) -> str:
    import json

    return json.dumps(name, ensure_ascii=False) + ":"
