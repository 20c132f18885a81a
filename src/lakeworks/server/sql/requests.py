"""What clients send to the SQL service, read strictly: unknown keys and other types are refused."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from lakeworks.project.workgroups import PRIMARY
from lakeworks.query.executions.records import QueryRequest
from lakeworks.query.parameters import with_parameters
from lakeworks.server.errors import BadRequestError
from lakeworks.server.sql.parameters import typed

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_BYTES = 4 * 1024 * 1024
# Of a statement, its values filled in: the service reads each before a query process gets it, and its
# tree takes a thousand times the room of its text.
MOST_CHARACTERS = 1024 * 1024
_LARGEST = 2**53
MOST_WAIT_S = 60.0
_TYPES: Mapping[str, tuple[type, ...]] = {
    "sql": (str,),
    "workgroup": (str,),
    "at": (str, int),
    "limit": (int,),
    "timeout_s": (int, float),
    "reuse_s": (int,),
    "parameters": (list, dict),
    "dialect": (str,),
}


def query_request(body: bytes, principal: str) -> QueryRequest:
    """Return the query that a client asks.

    Raises:
        BadRequestError: the body is not JSON of the right shape.
        ParameterError: statement and parameters do not fit.
    """
    if len(body) > MOST_BYTES:
        raise BadRequestError.body(f"it has more than {MOST_BYTES:,} bytes")
    try:
        found: Any = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise BadRequestError.body("it is not JSON") from None
    if not isinstance(found, dict) or not isinstance(found.get("sql"), str):
        raise BadRequestError.body('it needs "sql": a text')
    for key, value in found.items():
        _check(key, value)
    told = {key: value for key, value in found.items() if value is not None}
    try:
        sql = with_parameters(told.pop("sql"), typed(told.pop("parameters", None)))
    except RecursionError:
        raise BadRequestError.body("its parameters are nested too deep") from None
    if not _is_unicode(sql):
        raise BadRequestError.body("the statement holds half of a surrogate pair")
    if len(sql) > MOST_CHARACTERS:
        raise BadRequestError.body(
            f"the statement has more than {MOST_CHARACTERS:,} characters"
        )
    told.setdefault("workgroup", PRIMARY)
    return QueryRequest(sql, principal=principal, **told)


def seconds(text: str | None) -> float:
    """Return how long a client is ready to wait, within bounds.

    Raises:
        BadRequestError: that is no number.
    """
    try:
        found = float(text or 0)
    except ValueError:
        found = math.nan
    if math.isnan(found):
        raise BadRequestError.body("wait_s is a number of seconds")
    return min(max(found, 0.0), MOST_WAIT_S)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _no_number(text: str) -> Any:  # noqa: ANN401 - never returns
    raise ValueError(text)  # NaN and Infinity are Python's, and none of JSON's


def _check(key: str, value: Any) -> None:  # noqa: ANN401 - any JSON
    kinds = _TYPES.get(key)
    if kinds is None:
        raise BadRequestError.body(f"{key[:40]!r} is not known; there are {', '.join(_TYPES)}")
    # JSON's true is a bool, and so an int, in Python.
    if value is not None and (isinstance(value, bool) or not isinstance(value, kinds)):
        raise BadRequestError.body(f"{key} has the wrong type")
    if isinstance(value, int | float) and not 0 <= value <= _LARGEST:
        raise BadRequestError.body(f"{key} is out of range")
