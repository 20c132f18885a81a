"""Dates of partition projection: Java's formats, and arithmetic with NOW. Pure."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_NOW = re.compile(
    r"\s*NOW\s*(?:([+-])\s*([0-9]{1,9})\s*"
    r"(YEAR|MONTH|WEEK|DAY|HOUR|MINUTE|SECOND)S?)?\s*",
    re.IGNORECASE,
)
UNITS = (
    "YEARS", "MONTHS", "WEEKS", "DAYS", "HOURS", "MINUTES", "SECONDS", "MILLISECONDS",
)  # fmt: skip
_SPANS = {
    "WEEKS": timedelta(weeks=1), "DAYS": timedelta(days=1), "HOURS": timedelta(hours=1),
    "MINUTES": timedelta(minutes=1), "SECONDS": timedelta(seconds=1),
    "MILLISECONDS": timedelta(milliseconds=1),
}  # fmt: skip
_MONTHS = tuple(calendar.month_abbr[1:])
# Letters of Java's patterns, with what they are read as; finer units come later.
_LETTERS = {
    "yyyy": r"(?P<year>\d{4})", "uuuu": r"(?P<year>\d{4})", "yy": r"(?P<yy>\d{2})",
    "MMM": rf"(?P<name>{'|'.join(_MONTHS)})", "MM": r"(?P<month>\d{2})", "M": r"(?P<month>\d{1,2})",
    "dd": r"(?P<day>\d{2})", "d": r"(?P<day>\d{1,2})", "DDD": r"(?P<ordinal>\d{3})",
    "HH": r"(?P<hour>\d{2})", "H": r"(?P<hour>\d{1,2})", "mm": r"(?P<minute>\d{2})",
    "m": r"(?P<minute>\d{1,2})", "ss": r"(?P<second>\d{2})", "s": r"(?P<second>\d{1,2})",
    "SSS": r"(?P<milli>\d{3})",
}  # fmt: skip
_PRECISION = {"y": 0, "u": 0, "M": 1, "d": 2, "D": 2, "H": 3, "m": 4, "s": 5, "S": 6}
PRECISIONS = ("YEARS", "MONTHS", "DAYS", "HOURS", "MINUTES", "SECONDS", "MILLISECONDS")
_PARTS = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+")


class DateFormatError(ValueError):
    """A format or a date that cannot be read."""


@dataclass(frozen=True, slots=True)
class DateFormat:
    """A pattern of Java's `DateTimeFormatter`, as far as dates in paths need it.

    Attributes:
        precision: The finest unit that it shows.
        ordered: Whether texts are in the order of the moments they stand for.
    """

    parts: tuple[str, ...]
    regex: re.Pattern[str]
    precision: str
    ordered: bool

    @classmethod
    def of(cls, pattern: str) -> DateFormat:
        """Read a pattern.

        Raises:
            DateFormatError: it has a letter that is not known here.
        """
        parts, regex, order, ordered = [], [], [], True
        for found in _PARTS.finditer(pattern):
            text, quoted, letter = found[0], found[1], found[2]
            if quoted is not None or letter is None:
                plain = (quoted.replace("''", "'") or "'") if quoted is not None else text
                parts.append(f"'{plain}")
                regex.append(re.escape(plain))
                continue
            if text not in _LETTERS:
                known = ", ".join(_LETTERS)
                problem = f"{text!r} is not known in a date's format; known are {known}"
                raise DateFormatError(problem)
            parts.append(text)
            regex.append(_LETTERS[text])
            order.append(_PRECISION[letter])
            ordered = ordered and text not in {"M", "MMM", "d", "H", "m", "s", "yy"}
        if not order or "".join(found[0] for found in _PARTS.finditer(pattern)) != pattern:
            problem = f"{pattern!r} is no date's format, such as yyyy-MM-dd"
            raise DateFormatError(problem)
        sequential = ordered and order == sorted(order) and order[0] == 0
        try:
            compiled = re.compile("".join(regex))
        except re.error:
            problem = f"{pattern!r} says a part of a date twice"
            raise DateFormatError(problem) from None
        return cls(tuple(parts), compiled, PRECISIONS[max(order)], sequential)

    def text(self, moment: datetime) -> str:
        """Write a moment."""
        return "".join(
            part[1:] if part.startswith("'") else _written(part, moment) for part in self.parts
        )

    def moment(self, text: str) -> datetime | None:
        """Read a text; None when it is not written so."""
        found = self.regex.fullmatch(text)
        if found is None:
            return None
        held = found.groupdict()
        year = int(held.get("year") or 0) or 2000 + int(held.get("yy") or 0)
        month = int(held.get("month") or 1)
        if held.get("name"):
            month = _MONTHS.index(str(held["name"])) + 1
        hour, minute, second = (int(held.get(k) or 0) for k in ("hour", "minute", "second"))
        micro = 1000 * int(held.get("milli") or 0)
        day = int(held.get("day") or 1)
        try:
            start = datetime(year, month, day, hour, minute, second, micro, tzinfo=UTC)
        except ValueError:
            return None
        ordinal = held.get("ordinal")
        return start + timedelta(days=int(ordinal) - 1) if ordinal else start


def bound(text: str, written: DateFormat, now: datetime) -> datetime:
    """Return an end of a range: a date in the format, or NOW with or without a distance.

    Raises:
        DateFormatError: it is neither.
    """
    found = _NOW.fullmatch(text)
    if found is None:
        moment = written.moment(text.strip())
        if moment is None:
            problem = f"{text.strip()!r} is neither a date of its format nor NOW, NOW-3YEARS, …"
            raise DateFormatError(problem)
        return moment
    sign, number, unit = found.groups()
    distance = int(f"{sign or '+'}{number or 0}")
    try:
        return stepped(truncated(now, written.precision), distance, f"{unit or 'day'}s".upper())
    except (OverflowError, ValueError):
        problem = f"{text.strip()!r} is beyond the years 1 to 9999"
        raise DateFormatError(problem) from None


def stepped(start: datetime, steps: int, unit: str) -> datetime:
    """Return a moment so many units later; the day of a shorter month is its last."""
    if unit in _SPANS:
        return start + steps * _SPANS[unit]
    months = steps * (12 if unit == "YEARS" else 1) + start.year * 12 + start.month - 1
    year, month = divmod(months, 12)
    last = calendar.monthrange(year, month + 1)[1] if 0 < year <= 9999 else 0  # noqa: PLR2004
    return start.replace(year=year, month=month + 1, day=min(start.day, last or 1))


def steps_between(low: datetime, high: datetime, unit: str) -> int:
    """Return how many whole units fit between; less than zero when the ends are reversed."""
    if unit in _SPANS:
        return (high - low) // _SPANS[unit]
    months = (high.year - low.year) * 12 + high.month - low.month
    steps = months // 12 if unit == "YEARS" else months
    while steps >= 0 and stepped(low, steps, unit) > high:
        steps -= 1
    return steps


def truncated(moment: datetime, precision: str) -> datetime:
    """Return a moment without what is finer than a unit."""
    zeros = {"month": 1, "day": 1, "hour": 0, "minute": 0, "second": 0, "microsecond": 0}
    kept = PRECISIONS.index(precision)
    finer = list(zeros)[kept:] if precision != "MILLISECONDS" else []
    if precision == "MILLISECONDS":
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    return moment.replace(**{name: zeros[name] for name in finer})  # type: ignore[arg-type]


def _written(part: str, moment: datetime) -> str:
    number = {
        "y": moment.year, "u": moment.year, "M": moment.month, "d": moment.day,
        "H": moment.hour, "m": moment.minute, "s": moment.second,
        "S": moment.microsecond // 1000, "D": moment.timetuple().tm_yday,
    }[part[0]]  # fmt: skip
    if part == "MMM":
        return _MONTHS[moment.month - 1]
    if part == "yy":
        number %= 100
    return f"{number:0{len(part)}}"
