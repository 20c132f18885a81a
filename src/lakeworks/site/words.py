"""Figures as people read them: counts, sizes, moments, spans. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")
_THOUSAND = 1000
_SPANS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def count(number: int) -> str:
    """Return `1,469,307`."""
    return f"{number:,}"


def plural(number: int, noun: str, nouns: str = "") -> str:
    """Return `1 row`, `2 rows`."""
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"


def size(size_bytes: int) -> str:
    """Return a size in decimal units: `1.2 MB`."""
    amount = float(size_bytes)
    unit = 0
    while amount >= _THOUSAND and unit < len(_UNITS) - 1:
        amount /= _THOUSAND
        unit += 1
    return f"{size_bytes} bytes" if unit == 0 else f"{amount:.1f} {_UNITS[unit]}"


def moment(at: datetime) -> str:
    """Return an instant to the minute, in UTC: `2026-11-22 04:42`."""
    return f"{at:%Y-%m-%d %H:%M}"


def iso(at: datetime) -> str:
    """Return an instant for programs, to the second."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def span(seconds: float) -> str:
    """Return a time span in its largest whole unit: `2 hours`, `90 minutes`."""
    for unit_s, noun in _SPANS:
        if seconds >= unit_s and seconds % unit_s == 0:
            return plural(int(seconds // unit_s), noun)
    return f"{seconds:g} seconds"


def took(seconds: float) -> str:
    """Return how long something took: `0.82 s`, `3 min 05 s`."""
    if seconds < 60:  # noqa: PLR2004
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"  # noqa: PLR2004
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


def percent(share: float) -> str:
    """Return a share of 0 to 1 as a percentage; never 100 % for less than all."""
    if share >= 1:
        return "100 %"
    return f"{int(share * 10_000) / 100:.4g} %"


def summary(description: str, most: int = 160) -> str:
    """Return the first sentence of a description, or its beginning."""
    flat = " ".join(description.split())
    first, stop, _ = flat.partition(". ")
    chosen = first + ("." if stop else "")
    return chosen if len(chosen) <= most else chosen[: most - 1].rstrip() + "…"
