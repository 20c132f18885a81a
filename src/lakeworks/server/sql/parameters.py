"""The values that clients send for a statement's places, read from JSON.

Pure. An object with one key that begins with `::` is a value of that type; any other is a struct.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from lakeworks.server.errors import BadRequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_READ: Mapping[str, Callable[[Any], Any]] = {
    "::date": date.fromisoformat,
    "::time": time.fromisoformat,
    "::timestamp": datetime.fromisoformat,
    "::decimal": lambda text: Decimal(str(text)),
    "::binary": bytes.fromhex,
    "::microseconds": lambda number: timedelta(microseconds=int(number)),
}


def typed(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return what a value of JSON stands for.

    Raises:
        BadRequestError: it names a type that is not known, or is none of it.
    """
    match value:
        case list():
            return [typed(one) for one in value]
        case dict() if len(value) == 1 and next(iter(value)).startswith("::"):
            return _of_type(*next(iter(value.items())))
        case dict():
            return {key: typed(one) for key, one in value.items()}
        case _:
            return value


def _of_type(kind: str, text: Any) -> Any:  # noqa: ANN401
    read = _READ.get(kind)
    if read is None:
        raise BadRequestError.body(f"{kind[:40]!r} is no type; there are {', '.join(_READ)}")
    try:
        return read(text)
    except (ValueError, TypeError, InvalidOperation, OverflowError):
        raise BadRequestError.body(f"{str(text)[:40]!r} is no value of {kind}") from None
