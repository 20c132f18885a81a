"""Figures as people read them: counts, sizes, moments, spans. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.core.figures import count, plural, size
from lakeworks.core.figures import duration as took

if TYPE_CHECKING:
    from datetime import datetime

_SPANS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))

# Figures are words of this module, too.
__all__ = ["count", "iso", "moment", "percent", "plural", "size", "span", "summary", "took"]


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
