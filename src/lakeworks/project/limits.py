"""Read the limits that a source or model declares: how much may be rejected, how old it may be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.project.errors import WRONG_VALUE

if TYPE_CHECKING:
    from collections.abc import Callable

    from lakeworks.project.declaration import Location
    from lakeworks.project.errors import Mistakes

_SHARE = re.compile(r"(\d{1,3}(?:\.\d{1,6})?)\s*%")
_ROWS = re.compile(r"(\d{1,15})(?:\s*rows?)?")
_AGE = re.compile(r"(\d{1,6})\s*(?:(second|minute|hour|day|week|year)s?|([smhdwy]))")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800, "y": 31_536_000}
_WHOLE_PERCENT = 100


@dataclass(frozen=True, slots=True)
class RejectLimit:
    """`max_rejected:`: how many rows a step may reject before it fails; one of the two is set.

    Attributes:
        share: Of the rows that the step read, 0 to 1.
    """

    share: float | None = None
    rows: int | None = None

    def exceeded(self, *, rejected: int, read: int) -> bool:
        """Whether so many rejected rows, of so many read, are too many."""
        if self.rows is not None:
            return rejected > self.rows
        return self.share is not None and rejected > self.share * read

    def __str__(self) -> str:
        return (
            f"{self.rows:,} rows" if self.rows is not None else f"{100 * (self.share or 0):g}%"
        )


def reject_limit(text: str) -> RejectLimit | None:
    """Return the limit that `5%` or `1000 rows` names, or None where the text names none."""
    text = text.strip()
    share = _SHARE.fullmatch(text)
    if share is not None:
        percent = float(share[1])
        return RejectLimit(share=percent / 100) if percent <= _WHOLE_PERCENT else None
    rows = _ROWS.fullmatch(text)
    return RejectLimit(rows=int(rows[1])) if rows else None


def share(text: str) -> float | None:
    """Return what part of the whole `80%` is, or None where the text is no share."""
    found = _SHARE.fullmatch(text.strip())
    percent = float(found[1]) if found else _WHOLE_PERCENT + 1
    return percent / 100 if percent <= _WHOLE_PERCENT else None


def age_s(text: str) -> int | None:
    """Return how many seconds `90 minutes` or `1d` are, or None where the text is no age."""
    found = _AGE.fullmatch(text.strip())
    return int(found[1]) * _SECONDS[(found[2] or found[3])[0]] or None if found else None


def check_limits(
    max_rejected: str | None,
    freshness: str | None,
    at: Callable[..., Location],
    mistakes: Mistakes,
    *,
    retention: str | None = None,
) -> None:
    """Note limits that cannot be read."""
    if retention is not None and age_s(retention) is None:
        problem = f"retention: {retention[:40]!r} is no age"
        hint = "write how long old versions stay: hours, days, weeks or years, such as 30 days"
        mistakes.add(at("retention"), problem, hint, code=WRONG_VALUE)
    if max_rejected is not None and reject_limit(max_rejected) is None:
        problem = f"max_rejected: {max_rejected[:40]!r} is neither a share nor a number of rows"
        hint = "write a share of the rows read, such as 5%, or a number, such as 1000 rows"
        mistakes.add(at("max_rejected"), problem, hint, code=WRONG_VALUE)
    if freshness is not None and age_s(freshness) is None:
        problem = f"freshness: {freshness[:40]!r} is no age"
        hint = "write how old the table may be: minutes, hours, days or weeks, such as 24 hours"
        mistakes.add(at("freshness"), problem, hint, code=WRONG_VALUE)
