"""Values of partition keys as texts that sort as the key's type does. Pure.

So one index over text columns serves keys of every type, in every database: what is compared
byte by byte comes out as numbers, dates or texts do.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import TYPE_CHECKING

from lakeworks.catalog.data_catalog.model import HIVE_NULL

if TYPE_CHECKING:
    from lakeworks.catalog.data_catalog.partition_filter import Value

_NUMBERS = frozenset({
    "tinyint", "smallint", "int", "integer", "bigint", "long", "float", "double", "decimal",
})  # fmt: skip
_NINES = str.maketrans("0123456789", "9876543210")
_ZERO_EXPONENT = 5000


# Partitions repeat the same few years, months and regions.
@lru_cache(maxsize=65_536, typed=True)
def sortable(kind: str, value: Value) -> str | None:
    """Return the text that stands for a value of a key of Hive type `kind`.

    None where the value is Hive's null, or no value of that type: it equals nothing then.
    """
    if value == HIVE_NULL:
        return None
    name = _bare(kind)
    if name in _NUMBERS:
        return _number(value)
    if name == "date":
        return _date(value)
    if name.startswith("timestamp"):
        return _moment(value)
    return _text(value) if name != "boolean" else _text(value).lower()


def is_text(kind: str) -> bool:
    """Whether values of a key of Hive type `kind` sort as they are written."""
    return _bare(kind) in {"string", "varchar", "char"}


def _bare(kind: str) -> str:
    return kind.partition("(")[0].strip().lower()


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _number(value: Value) -> str | None:
    text = str(value).strip()
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    # Python alone takes 1_000 for a number.
    if not number.is_finite() or "_" in text:
        return None
    if not number:
        return "5"
    if abs(number.adjusted()) >= _ZERO_EXPONENT:
        return None
    digits = "".join(map(str, number.as_tuple().digits)).lstrip("0")
    exponent = f"{number.adjusted() + _ZERO_EXPONENT:04d}"
    shown = exponent + digits.rstrip("0")
    # Of negative numbers the smaller is the longer: an end mark above every digit.
    return f"4{shown.translate(_NINES)}~" if number < 0 else f"6{shown}"


def _date(value: Value) -> str | None:
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    try:
        return date.fromisoformat(str(value).strip()[:10]).isoformat()
    except ValueError:
        return None


def _moment(value: Value) -> str | None:
    try:
        if isinstance(value, date) and not isinstance(value, datetime):
            read = datetime(value.year, value.month, value.day)  # noqa: DTZ001 - no zone is meant
        else:
            read = datetime.fromisoformat(str(value).strip())
    except ValueError:
        return None
    plain = read.astimezone(UTC).replace(tzinfo=None) if read.tzinfo else read
    return plain.isoformat(sep=" ", timespec="microseconds")
