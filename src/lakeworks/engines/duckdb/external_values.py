"""SQL that makes typed columns of values that files hold as text, and says which do not fit.

Pure. Values keep the shape that their type has (structs, lists, maps) with text at the leaves. A
leaf that does not fit is an error that names it, or null where the table says so. (Athena's
`use.null.for.invalid.data`; docs/how-to/external-tables.md names the pages.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.core.names import quote_identifier, quote_literal
from lakeworks.core.types import Array, Map, Scalar, Struct
from lakeworks.engines.duckdb import text_fit
from lakeworks.engines.duckdb.types import to_duckdb
from lakeworks.engines.errors import ExternalDataError

if TYPE_CHECKING:
    from lakeworks.core.types import Field, Type

_SHOWN_CHARACTERS = 60
# How web servers write moments.
LOG_MOMENT = "%d/%b/%Y:%H:%M:%S %z"
_STRING = Scalar("string")


def text_type(kind: Type) -> str:
    """Return the DuckDB type of a value as it is read: the shape of `kind`, text at the leaves."""
    match kind:
        case Array(element):
            return f"{text_type(element)}[]"
        case Map(_, value):
            return f"MAP(VARCHAR, {text_type(value)})"
        case Struct(fields):
            inner = ", ".join(f"{quote_identifier(f.name)} {text_type(f.type)}" for f in fields)
            return f"STRUCT({inner})"
        case _:
            return "VARCHAR"


@dataclass(frozen=True, slots=True)
class Values:
    """How the values of one table become typed.

    Attributes:
        table: For errors.
        lenient: Whether a value that does not fit is null.
        unix_dates: Whether dates and timestamps may be numbers since 1970.
        moment_format: How moments are written too, as `strptime` takes it; empty: as SQL only.
    """

    table: str
    lenient: bool = False
    unix_dates: bool = False
    moment_format: str = ""

    def column(self, value: str, wanted: Field) -> str:
        """Return the expression of a column from that of its value as it is read."""
        return self._typed(value, wanted.type, wanted.name, 0)

    def _typed(self, value: str, kind: Type, column: str, depth: int) -> str:
        match kind:
            case Array(element):
                one = f"__e{depth}"
                inner = self._typed(one, element, column, depth + 1)
                return (
                    value if inner == one else f"list_transform({value}, lambda {one}: {inner})"
                )
            case Map(key, element):
                one = f"__e{depth}"
                held = (
                    f"struct_pack(k := {self._typed(f'{one}.key', key, column, depth + 1)}, "
                    f"v := {self._typed(f'{one}.value', element, column, depth + 1)})"
                )
                entries = f"list_transform(map_entries({value}), lambda {one}: {held})"
                made = f"map_from_entries({entries})"
                return f"CASE WHEN {value} IS NOT NULL THEN {made} END"
            case Struct(fields):
                parts = ", ".join(
                    f"{quote_identifier(f.name)} := {self._field(value, f, column, depth)}"
                    for f in fields
                )
                return f"CASE WHEN {value} IS NOT NULL THEN struct_pack({parts}) END"
            case _:
                return self._leaf(value, kind, column)

    def _field(self, value: str, wanted: Field, column: str, depth: int) -> str:
        held = f"{value}.{quote_identifier(wanted.name)}"
        return self._typed(held, wanted.type, f"{column}.{wanted.name}", depth)

    def _leaf(self, value: str, kind: Type, column: str) -> str:
        if kind == _STRING:
            return value
        # No type but text can hold an empty one: it stands for null.
        text = f"nullif(trim({value}), '')"
        if kind == Scalar("binary"):
            return f"from_base64({text})"
        if self.unix_dates and kind in {Scalar("date"), Scalar("timestamp")}:
            text = _since_1970(text, kind)
        if self.moment_format and kind == Scalar("timestamp"):
            moment = f"try_strptime({text}, {quote_literal(self.moment_format)})"
            text = f"coalesce(CAST({moment} AS VARCHAR), {text})"
        if self.lenient:
            return text_fit.typed(text, kind)
        shown = f"left({value}, {_SHOWN_CHARACTERS})"
        started = quote_literal(
            f"{ExternalDataError.MARK}a value in the column {column} of {self.table} is no {kind}: "
        )
        wrong = f"CAST(error({started} || {shown}) AS {to_duckdb(kind)})"
        typed = f"TRY_CAST({text} AS {to_duckdb(kind)})"
        return f"CASE WHEN {text_fit.misfit(text, kind)} THEN {wrong} ELSE {typed} END"


def _since_1970(text: str, kind: Type) -> str:
    """Return text in which a plain number is a date, or a moment, as OpenCSVSerDe has them."""
    number = f"TRY_CAST({text} AS BIGINT)"
    made = (
        f"CAST(DATE '1970-01-01' + CAST({number} AS INTEGER) AS VARCHAR)"
        if kind == Scalar("date")
        else f"CAST(epoch_ms({number}) AS VARCHAR)"
    )
    return f"CASE WHEN regexp_full_match({text}, '-?\\d+') THEN {made} ELSE {text} END"
