"""Figures as people read them: counts, sizes, how long something took. Pure."""

from __future__ import annotations

_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")
_THOUSAND = 1000
_MINUTE_S = 60


def count(number: int) -> str:
    """Return a whole number with separators: `1,469,307`."""
    return f"{number:,}"


def plural(number: int, noun: str, nouns: str = "") -> str:
    """Return `1 row`, `2 rows`."""
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"


def size(size_bytes: int) -> str:
    """Return a size in decimal units, as disks are sold: `1.2 MB`."""
    amount = float(size_bytes)
    unit = 0
    while amount >= _THOUSAND and unit < len(_UNITS) - 1:
        amount /= _THOUSAND
        unit += 1
    return f"{size_bytes} bytes" if unit == 0 else f"{amount:.1f} {_UNITS[unit]}"


def duration(seconds: float) -> str:
    """Return `0.82 s`, `12.3 s`, `3 min 05 s`."""
    if seconds < 10:  # noqa: PLR2004
        return f"{seconds:.2f} s"
    if seconds < _MINUTE_S:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), _MINUTE_S)
    return f"{minutes} min {rest:02d} s"
