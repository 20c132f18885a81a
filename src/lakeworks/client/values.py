"""Python's values in JSON, for the places of a statement: what JSON has no word for names its type.

Pure. `{"::date": "2026-01-31"}` is a date; `server.sql.parameters` reads it.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from lakeworks.client.errors import UnsendableValueError

if TYPE_CHECKING:
    from collections.abc import Callable


_WRITTEN: tuple[tuple[type | tuple[type, ...], Callable[[Any], Any]], ...] = (
    (datetime, lambda value: {"::timestamp": value.isoformat()}),  # before date: it is one, too
    (date, lambda value: {"::date": value.isoformat()}),
    (time, lambda value: {"::time": value.isoformat()}),
    (Decimal, lambda value: {"::decimal": str(value)}),
    (timedelta, lambda value: {"::microseconds": value // timedelta(microseconds=1)}),
    ((bytes, bytearray, memoryview), lambda value: {"::binary": bytes(value).hex()}),
    (UUID, str),
)


def sendable(value: Any) -> Any:  # noqa: ANN401
    """Return a value, and what it holds, as JSON.

    Raises:
        UnsendableValueError: it is of a type that no literal stands for.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    for kind, written in _WRITTEN:
        if isinstance(value, kind):
            return written(value)
    if hasattr(value, "keys"):
        return {str(key): sendable(value[key]) for key in value.keys()}  # noqa: SIM118 - rows too
    if isinstance(value, list | tuple | set | frozenset):
        return [sendable(one) for one in value]
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        return sendable(value.tolist())
    raise UnsendableValueError.of(value)
