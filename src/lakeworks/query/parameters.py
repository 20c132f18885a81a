"""Put values into the places that a statement leaves for them: `?`, `$1`, `$name`, `:name`.

Pure. A value becomes a literal of its type, by the rules of the lake's SQL, in which nothing but the
quote itself ends a text. So the gate sees the statement as it will run, on every engine.
"""

from __future__ import annotations

import math
import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from lakeworks.core.names import quote_identifier, quote_literal
from lakeworks.core.sql_text import comment_end, dollar_end
from lakeworks.query.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_TOKEN = re.compile(
    r"""
      --[^\n]*
    | /\*
    | [eE]'(?:[^'\\]|\\.|'')*'
    | '(?:[^']|'')*'
    | "(?:[^"]|"")*"
    | (?P<dollar>\$(?:[A-Za-z_]\w*)?\$)
    | (?P<numbered>\$\d{1,9})
    | (?P<named>\$[A-Za-z_]\w*|(?<![:\w]):[A-Za-z_]\w*(?!:))
    | (?P<mark>\?)
    """,
    re.VERBOSE | re.DOTALL,
)
_INT64 = 2**63
# What values may make of a statement: a place named a thousand times takes its value a thousand times.
MOST_FILLED = 64 * 2**20
# Digits before and behind the point, beyond what any number of a column has.
_MOST_DIGITS = 400


def with_parameters(sql: str, values: Sequence[Any] | Mapping[str, Any] | None) -> str:
    """Return the statement with literals in place of its parameters.

    Args:
        values: By position for `?` and `$1`, by name for `$name` and `:name`.

    Raises:
        ParameterError: a value is missing, left over, or of a type that has no literal.
    """
    if not values:
        return sql
    filling = _Filling(values)
    text = _filled(sql, filling.put)
    filling.check()
    return text


def with_nulls(sql: str) -> str:
    """Return the statement with null in place of every parameter: it names what it named."""
    return _filled(sql, lambda _: "NULL")


def _is_place(found: re.Match[str]) -> bool:
    return bool(found["mark"] or found["numbered"] or found["named"])


def _filled(sql: str, put: Callable[[re.Match[str]], str]) -> str:
    parts: list[str] = []
    at = length = 0
    while (found := _TOKEN.search(sql, at)) is not None:
        parts.append(sql[at : found.start()])
        at = _end(sql, found)
        if _is_place(found):
            parts.append(put(found))
            length += len(parts[-1])
            if length > MOST_FILLED:
                raise ParameterError.too_long(MOST_FILLED)
        else:
            parts.append(sql[found.start() : at])
    parts.append(sql[at:])
    return "".join(parts)


def _end(sql: str, token: re.Match[str]) -> int:
    if token[0] == "/*":
        return comment_end(sql, token.start())
    return dollar_end(sql, token[0], token.start()) if token["dollar"] else token.end()


def places(sql: str) -> int:
    """Return how many `?` a statement has."""
    found, at = 0, 0
    while (token := _TOKEN.search(sql, at)) is not None:
        found += bool(token["mark"])
        at = _end(sql, token)
    return found


def literal(value: Any) -> str:  # noqa: ANN401, C901, PLR0911 - a line a type
    """Return a value as SQL.

    Raises:
        ParameterError: it is of a type that has no literal.
    """
    match value:
        case None:
            return "NULL"
        case bool():
            return "TRUE" if value else "FALSE"
        case int():
            return (
                str(value)
                if -_INT64 <= value < _INT64
                else f"CAST('{value}' AS DECIMAL(38, 0))"
            )
        case float():
            if math.isfinite(value):
                return f"CAST('{value!r}' AS DOUBLE)"
            return f"CAST('{'nan' if math.isnan(value) else value}' AS DOUBLE)"
        case Decimal():
            return f"{value:f}" if _has_digits(value) else _refuse(value)
        case str():
            return quote_literal(value) if "\x00" not in value else _refuse(value)
        case datetime():
            kind = "TIMESTAMP" if value.tzinfo is None else "TIMESTAMPTZ"
            return f"{kind} '{value.isoformat(' ')}'"
        case date():
            return f"DATE '{value.isoformat()}'"
        case time():
            return f"TIME '{value.isoformat()}'"
        case UUID():
            return quote_literal(str(value))
        case _:
            return _nested(value)


def _has_digits(value: Decimal) -> bool:
    # `1e999999999` is a few letters, and a text of a gigabyte once its digits are written.
    return (
        value.is_finite()
        and abs(value.adjusted()) + len(value.as_tuple().digits) < _MOST_DIGITS
    )


def _nested(value: Any) -> str:  # noqa: ANN401
    match value:
        case timedelta():
            micros = value // timedelta(microseconds=1)
            return f"to_microseconds({micros})"
        case bytes() | bytearray():
            return f"from_hex('{bytes(value).hex()}')"
        case list() | tuple():
            return f"[{', '.join(literal(one) for one in value)}]"
        case dict():
            fields = (f"{quote_identifier(str(k))}: {literal(v)}" for k, v in value.items())
            return f"{{{', '.join(fields)}}}"
        case _:
            return _refuse(value)


def _refuse(value: Any) -> str:  # noqa: ANN401
    raise ParameterError.without_literal(value)


class _Filling:
    """The values of one statement, and which of them were put into it."""

    def __init__(self, values: Sequence[Any] | Mapping[str, Any]) -> None:
        self._named = dict(values) if hasattr(values, "keys") else {}
        self._listed = [] if hasattr(values, "keys") else list(values)
        self._next = 0
        self._used: set[str | int] = set()

    def put(self, found: re.Match[str]) -> str:
        """Return what a token becomes."""
        if found["mark"]:
            self._next += 1
            return self._at(self._next)
        if found["numbered"]:
            return self._at(int(found[0][1:]))
        name = found[0][1:]
        if name not in self._named:
            raise ParameterError.missing(found[0], self._named)
        self._used.add(name)
        return literal(self._named[name])

    def check(self) -> None:
        """Refuse values that no place took."""
        left = [str(n) for n in range(1, len(self._listed) + 1) if n not in self._used]
        left += [name for name in self._named if name not in self._used]
        if left:
            raise ParameterError.left_over(left)

    def _at(self, number: int) -> str:
        if not 1 <= number <= len(self._listed):
            raise ParameterError.missing(f"number {number}", ())
        self._used.add(number)
        return literal(self._listed[number - 1])
