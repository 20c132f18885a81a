"""When things happen in the sample world: days, seasons, and which folder a row arrives in.

Pure. The world begins on a fixed day, so the same request writes the same bytes on any date.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from itertools import accumulate

START = date(2025, 7, 1)
HISTORY_DAYS = 184
_WEEK = (0.94, 0.90, 0.92, 0.98, 1.12, 1.20, 0.94)
_BLACK_FRIDAY = date(2025, 11, 28)
_DECEMBER, _LAST_FOR_PRESENTS = 12, 20
_YEAR_DAYS = 365
_EXTRA_DAYS = 400


@dataclass(frozen=True, slots=True)
class Delivery:
    """What arrives in one folder: everything that happened on days [first_day, end_day)."""

    first_day: int
    end_day: int

    @property
    def folder(self) -> str:
        """The day on which it arrives, as the folder is called."""
        return day_date(self.end_day - 1).isoformat()


@dataclass(frozen=True)
class Calendar:
    """Spreads `orders` orders over `days` days; days after the history go on at its pace."""

    orders: int
    days: int = HISTORY_DAYS

    def first(self, day: int) -> int:
        """The number of the first order of `day`, counted from 0."""
        return round(self.orders * self._cumulative[day] / self._cumulative[self.days])

    def count(self, day: int) -> int:
        """How many orders `day` has."""
        return self.first(day + 1) - self.first(day)

    def deliveries(
        self, *, day: int, every_days: int = 1, last_days: int | None = None
    ) -> list[Delivery]:
        """What arrives on `day`: the whole history on day 1, one more day on each later one.

        Args:
            day: From 1.
            every_days: Days of the history that share a folder.
            last_days: How much of the history was kept; all of it when left out.
        """
        if day > 1:
            return [Delivery(self.days + day - 2, self.days + day - 1)]
        begin = 0 if last_days is None else max(0, self.days - last_days)
        return [
            Delivery(at, min(at + every_days, self.days))
            for at in range(begin, self.days, every_days)
        ]

    @cached_property
    def _cumulative(self) -> list[float]:
        weights = (weight(day) for day in range(self.days + _EXTRA_DAYS))
        return list(accumulate(weights, initial=0.0))

    @property
    def last_day(self) -> int:
        """The latest day of orders that can be asked for, as `day` counts them."""
        return _EXTRA_DAYS


def weight(day: int) -> float:
    """How busy a day is: the week, the year, the sales before Christmas, and slow growth."""
    on = day_date(day)
    year = 1 + 0.15 * math.cos(2 * math.pi * (on.timetuple().tm_yday - 345) / _YEAR_DAYS)
    growth = 1 + 0.2 * day / _YEAR_DAYS
    return _WEEK[on.weekday()] * year * growth * _holiday(on)


def day_date(day: int) -> date:
    """The date of a day's number; day 0 is `START`."""
    return START + timedelta(days=day)


def micros(day: int = 0) -> int:
    """Microseconds from 1970 to the beginning of a day, UTC."""
    begin = datetime.combine(day_date(day), datetime.min.time(), UTC)
    return int(begin.timestamp()) * 1_000_000


def _holiday(on: date) -> float:
    if abs((on - _BLACK_FRIDAY).days) <= 1:
        return 2.4
    if on.month == _DECEMBER:
        return 1.35 if on.day <= _LAST_FOR_PRESENTS else 0.75
    return 1.0
