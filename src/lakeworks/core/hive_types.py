"""The types of columns as Hive and Glue write them. Pure.

`core.types` speaks the same language but for what only Hive has: lengths of texts, and a bare
`decimal` of ten digits.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lakeworks.core.types import TypeTextError, parse_type

if TYPE_CHECKING:
    from lakeworks.core.types import Type

_LENGTH = re.compile(r"\b(?:varchar|char)\s*\(\s*\d+\s*\)", re.IGNORECASE)
_BARE_DECIMAL = re.compile(r"\bdecimal\b(?!\s*[:(])", re.IGNORECASE)
_LOCAL = re.compile(r"\btimestamp\s+with\s+local\s+time\s+zone\b", re.IGNORECASE)
_DOUBLE = re.compile(r"\bdouble\s+precision\b", re.IGNORECASE)
_LONGEST = 131_072


def parse_hive_type(text: str) -> Type:
    """Read a type such as `varchar(20)` or `array<struct<a:int>>`.

    Lengths are dropped: every text is a string. An empty type is a string, as in Glue's views
    of files that nobody described.

    Raises:
        TypeTextError: it is no type, or one that the lake has not (`uniontype`, `interval_…`).
    """
    if len(text) > _LONGEST:
        raise TypeTextError(f"the type {text[:40]!r}… is longer than {_LONGEST:,} characters")
    plain = _LENGTH.sub("string", text.strip() or "string")
    plain = _DOUBLE.sub("double", _LOCAL.sub("timestamp", plain))
    try:
        return parse_type(_BARE_DECIMAL.sub("decimal(10,0)", plain))
    except (ValueError, RecursionError):
        raise TypeTextError(f"{text[:60]!r} is not a type") from None
