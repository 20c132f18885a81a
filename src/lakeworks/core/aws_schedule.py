"""Schedules as AWS writes them: `cron(0 2 * * ? *)` and `rate(12 hours)`.

Pure. A cron expression has six fields: minutes, hours, day of month, month, day of week, year;
its times are UTC. Names (`JAN`, `MON`), lists, ranges, steps, `L`, `W` and `#` are understood.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from lakeworks.core.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST_YEAR, LAST_YEAR = 1970, 2199
_MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_DAYS = {name: n for n, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)}
_UNITS = {"minute": 60, "hour": 3600, "day": 86400}
_RATE = re.compile(r"rate\(\s*([1-9]\d{0,5})\s+(minute|hour|day)(s?)\s*\)")
_CRON = re.compile(r"cron\((.*)\)", re.DOTALL)
_FIELDS = ("minutes", "hours", "day of month", "month", "day of week", "year")
_SATURDAY = 6


class ScheduleError(RequestError):
    """A schedule that is neither a cron nor a rate expression of AWS's."""

    code = "LW005"

    @classmethod
    def unreadable(cls, text: str) -> ScheduleError:
        """Say which two forms there are."""
        hint = "write cron(0 2 * * ? *), for every day at 02:00 UTC, or rate(12 hours)"
        return cls(f"{text!r} is not a schedule", hint)

    @classmethod
    def field(cls, text: str, name: str, why: str) -> ScheduleError:
        """Say what is wrong with one field."""
        hint = "the fields are: minutes hours day-of-month month day-of-week year"
        return cls(f"{text!r} is not a schedule: {name} {why}", hint)


@dataclass(frozen=True, slots=True)
class Rate:
    """Every so often, counted from the last time.

    Attributes:
        every_s: Seconds from one time to the next.
    """

    text: str
    every_s: int

    def next_after(self, moment: datetime, *, last: datetime | None) -> datetime | None:
        """Return when it is due next: at once where it never was."""
        return moment if last is None else last + timedelta(seconds=self.every_s)

    def is_due(self, moment: datetime, *, last: datetime | None) -> bool:
        """Whether the time since `last` has passed."""
        return last is None or moment - last >= timedelta(seconds=self.every_s)


@dataclass(frozen=True, slots=True)
class _Days:
    """Which days of a month are meant.

    Attributes:
        days: Days of the month, where they are given as numbers.
        weekdays: 1 is Sunday, 7 Saturday.
        last: How many days before the last day of the month (`L`, `L-3`), or None.
        near: The working day nearest to this day (`15W`); 0 is the last one of the month (`LW`).
        nth: Weekday and which one of the month (`2#1`); 0 is the last one (`6L`).
    """

    days: frozenset[int] = frozenset()
    weekdays: frozenset[int] = frozenset()
    last: int | None = None
    near: int | None = None
    nth: tuple[int, int] | None = None

    def of(self, year: int, month: int) -> list[int]:
        """Return the days of one month that are meant, in order."""
        count = calendar.monthrange(year, month)[1]
        return [day for day in range(1, count + 1) if self._meant(year, month, day, count)]

    def _meant(self, year: int, month: int, day: int, count: int) -> bool:
        if self.near is not None:
            return day == _nearest_working_day(year, month, self.near or count, count)
        if self.last is not None:
            return day == count - self.last
        weekday = _weekday(year, month, day)
        if self.nth is not None:
            wanted, which = self.nth
            rank = which == (day - 1) // 7 + 1 if which else day + 7 > count
            return weekday == wanted and rank
        return day in self.days or weekday in self.weekdays


@dataclass(frozen=True, slots=True)
class Cron:
    """At certain minutes, UTC."""

    text: str
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    months: frozenset[int]
    years: frozenset[int]
    day_rule: _Days

    def next_after(self, moment: datetime, *, last: datetime | None = None) -> datetime | None:  # noqa: ARG002 - as Rate
        """Return the first time after `moment`, or None when there is no further one."""
        start = moment.astimezone(UTC)
        for day in self._days_from(start.date()):
            for at in self._times(day):
                if at > start:
                    return at
        return None

    def latest(self, moment: datetime) -> datetime | None:
        """Return the last time up to and with `moment`, or None when there was none."""
        end = moment.astimezone(UTC)
        for day in self._days_down_from(end.date()):
            for at in reversed(list(self._times(day))):
                if at <= end:
                    return at
        return None

    def is_due(self, moment: datetime, *, last: datetime | None) -> bool:
        """Whether a time has come since `last`: one that was missed is made up for, once."""
        due = self.latest(moment)
        return due is not None and (last is None or last < due)

    def _times(self, day: date) -> Iterator[datetime]:
        for hour in self.hours:
            for minute in self.minutes:
                yield datetime.combine(day, time(hour, minute), UTC)

    def _days_from(self, first: date) -> Iterator[date]:
        for year in sorted(year for year in self.years if year >= first.year):
            for month in sorted(self.months):
                for day in self.day_rule.of(year, month):
                    if (year, month, day) >= (first.year, first.month, first.day):
                        yield date(year, month, day)

    def _days_down_from(self, last: date) -> Iterator[date]:
        for year in sorted((year for year in self.years if year <= last.year), reverse=True):
            for month in sorted(self.months, reverse=True):
                for day in reversed(self.day_rule.of(year, month)):
                    if (year, month, day) <= (last.year, last.month, last.day):
                        yield date(year, month, day)


Schedule = Cron | Rate


def parse_schedule(text: str) -> Schedule:
    """Read `cron(…)` or `rate(…)`.

    Raises:
        ScheduleError: it is neither, or a field of it is wrong.
    """
    rate = _RATE.fullmatch(text.strip())
    if rate is not None:
        number, unit, plural = int(rate[1]), rate[2], rate[3]
        if (number == 1) == bool(plural):
            right = unit if number == 1 else f"{unit}s"
            raise ScheduleError(f"{text!r} is not a schedule", f"write rate({number} {right})")
        return Rate(text.strip(), number * _UNITS[unit])
    cron = _CRON.fullmatch(text.strip())
    if cron is None:
        raise ScheduleError.unreadable(text)
    fields = cron[1].upper().split()
    if len(fields) != len(_FIELDS):
        raise ScheduleError.field(
            text, f"{len(fields)} fields", "are given, and six are needed"
        )
    return _cron(text.strip(), fields)


def _cron(text: str, fields: list[str]) -> Cron:
    minutes, hours, day, month, weekday, year = fields
    if (day == "?") == (weekday == "?"):
        why = "and day of week: exactly one of the two is ?"
        raise ScheduleError.field(text, "day of month", why)
    return Cron(
        text,
        minutes=tuple(sorted(_numbers(text, "minutes", minutes, 0, 59, {}))),
        hours=tuple(sorted(_numbers(text, "hours", hours, 0, 23, {}))),
        months=_numbers(text, "month", month, 1, 12, _MONTHS),
        years=_numbers(text, "year", year, FIRST_YEAR, LAST_YEAR, {}),
        day_rule=_days_of_month(text, day) if weekday == "?" else _weekdays(text, weekday),
    )


def _days_of_month(text: str, field: str) -> _Days:
    if found := re.fullmatch(r"L(?:-(\d{1,2}))?", field):
        return _Days(last=int(found[1] or 0))
    if found := re.fullmatch(r"(\d{1,2}|L)W", field):
        near = 0 if found[1] == "L" else int(found[1])
        if near > 31 or found[1] == "0":  # noqa: PLR2004 - days of a month
            raise ScheduleError.field(
                text, "day of month", f"is {field}, and 1W to 31W are known"
            )
        return _Days(near=near)
    return _Days(days=_numbers(text, "day of month", field, 1, 31, {}))


def _weekdays(text: str, field: str) -> _Days:
    if field == "L":
        return _Days(weekdays=frozenset({7}))
    if found := re.fullmatch(r"(\w+?)(?:#([1-5])|(L))", field):
        (wanted,) = _numbers(text, "day of week", found[1], 1, 7, _DAYS)
        return _Days(nth=(wanted, int(found[2] or 0)))
    return _Days(weekdays=_numbers(text, "day of week", field, 1, 7, _DAYS))


def _numbers(
    text: str, name: str, field: str, low: int, high: int, names: dict[str, int]
) -> frozenset[int]:
    """Return what a field of lists, ranges and steps stands for."""
    found: set[int] = set()
    for part in field.split(","):
        body, _, step = part.partition("/")
        if "/" in part and not (step.isdecimal() and int(step) > 0):
            raise ScheduleError.field(text, name, f"has the step {step!r}, not a whole number")
        first, dash, last = body.partition("-")
        begin = low if body == "*" else _number(text, name, first, names)
        end = high if body == "*" or step else begin
        if dash:
            end = _number(text, name, last, names)
        if not (low <= begin <= high and low <= end <= high):
            raise ScheduleError.field(text, name, f"is {part}, and {low} to {high} are known")
        if begin > end:  # FRI-MON goes over the end and begins again
            found.update(range(begin, high + 1, int(step or 1)))
            begin = low
        found.update(range(begin, end + 1, int(step or 1)))
    return frozenset(found)


def _number(text: str, name: str, written: str, names: dict[str, int]) -> int:
    if written in names:
        return names[written]
    if not (written.isascii() and written.isdecimal()):
        raise ScheduleError.field(text, name, f"holds {written!r}")
    return int(written)


def _weekday(year: int, month: int, day: int) -> int:
    """Return the day of week, 1 for Sunday."""
    return (calendar.weekday(year, month, day) + 1) % 7 + 1


def _nearest_working_day(year: int, month: int, day: int, count: int) -> int:
    day = min(day, count)
    weekday = _weekday(year, month, day)
    if weekday == _SATURDAY + 1:
        return day - 1 if day > 1 else day + 2
    if weekday == 1:
        return day + 1 if day < count else day - 2
    return day
