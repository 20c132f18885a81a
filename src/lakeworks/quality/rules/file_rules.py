"""Rules on files: how new, how large, which content, none twice.

What files there are, and their content, comes by `Context.files`; content is read only by
FileMatch and FileUniqueness, in pieces. Where a page is silent: files are told apart by
SHA-256, and FileUniqueness counts files whose content occurs once, as Uniqueness does values.

https://docs.aws.amazon.com/glue/latest/dg/dqdl-rule-types-TYPE.html
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from lakeworks.quality.comparison.times_of_day import time_of, zone_of
from lakeworks.quality.language.ruleset import Now, Quantity, Text
from lakeworks.quality.rules.context import Compiled, IncomparableError
from lakeworks.quality.rules.file_findings import (
    HASHES,
    ChecksumTest,
    FileChoice,
    FileShareTest,
    FileUniquenessTest,
    SameFilesTest,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from lakeworks.quality.language.ruleset import Condition, Operand, Rule
    from lakeworks.quality.rules.context import Context

T = TypeVar("T", datetime, int)

_UNITS = {"B": 0, "KB": 1, "MB": 2, "GB": 3, "TB": 4}


def _file_freshness(rule: Rule, context: Context) -> Compiled:
    """Files were last written when it is asked (page FileFreshness).

    A time such as "21:45" is that of today in the zone of `with timeZone`, a date is its
    midnight; both are UTC when no zone is given. The bounds of `between` may stand in either
    order, as on the page.
    """
    condition = _required(rule)
    zone = zone_of(rule.option("timeZone") or "UTC")
    moments = [_moment(operand, context.moment, zone) for operand in condition.operands]
    test = FileShareTest(
        _choice(rule, context),
        "Dataset.*.FileFreshness.Compliance",
        lambda file: _holds(file.modified, condition.operator, moments),
        context.resolved(rule.threshold, "Dataset.*.FileFreshness.Compliance"),
        f"were not written {condition}",
        "time",
    )
    return Compiled(test)


def _file_size(rule: Rule, context: Context) -> Compiled:
    """Files are as large as is asked; KB is 1,024 bytes (page FileSize; awslabs/dqdl, Size)."""
    condition = _required(rule)
    sizes = [_bytes(operand) for operand in condition.operands]
    test = FileShareTest(
        _choice(rule, context),
        "Dataset.*.FileSize.Compliance",
        lambda file: _holds(file.size_bytes, condition.operator, sizes),
        context.resolved(rule.threshold, "Dataset.*.FileSize.Compliance"),
        f"have a size that is not {condition}",
        "size",
    )
    return Compiled(test)


def _file_match(rule: Rule, context: Context) -> Compiled:
    """Files have a checksum of a list, or are those of another path (page FileMatch)."""
    algorithm = _algorithm(rule)
    choice = _choice(rule, context)
    if rule.condition is None:
        if len(rule.parameters) < 2:  # noqa: PLR2004 - what is compared, and with what
            raise IncomparableError("FileMatch needs checksums in [ … ], or a second path")
        other = rule.parameters[1]
        return Compiled(SameFilesTest(choice, other, algorithm, _flag(rule, "matchFileName")))
    if rule.condition.operator not in {"in", "="}:
        raise IncomparableError(f"FileMatch compares by in, not by {rule.condition.operator}")
    checksums = [operand for operand in rule.condition.operands if isinstance(operand, Text)]
    if len(checksums) != len(rule.condition.operands):
        raise IncomparableError("the checksums of FileMatch are texts in double quotes")
    known = frozenset(checksum.value.strip().lower() for checksum in checksums)
    return Compiled(ChecksumTest(choice, algorithm, known))


def _file_uniqueness(rule: Rule, context: Context) -> Compiled:
    """The share of files that are there once (page FileUniqueness)."""
    metric = "Dataset.*.FileUniquenessRatio"
    asked = context.asked(rule, metric) or context.resolved(rule.threshold, metric)
    choice, by_name = _choice(rule, context), _flag(rule, "matchFileName")
    return Compiled(FileUniquenessTest(choice, _algorithm(rule), by_name, asked))


def _required(rule: Rule) -> Condition:
    if rule.condition is None:
        raise IncomparableError(f"{rule.type} needs a condition")
    return rule.condition


def _choice(rule: Rule, context: Context) -> FileChoice:
    path = rule.parameters[0] if rule.parameters else ""
    if context.files is None:
        raise IncomparableError(
            "there are no files to look at: the data were not read from any"
        )
    recent = rule.option("recentFiles")
    if recent is not None and not (recent.isdigit() and int(recent) > 0):
        raise IncomparableError(f"recentFiles is a whole number from 1, not {recent}")
    pattern = rule.option("uriRegex") or ""
    try:
        re.compile(pattern)
    except re.error as error:
        raise IncomparableError(f"uriRegex is no regular expression: {error}") from None
    return FileChoice(
        context.files, path, int(recent) if recent else None, pattern, _pattern_first(rule)
    )


def _pattern_first(rule: Rule) -> bool:
    """Whether `with filterOrder` puts `uriRegex` first; else `recentFiles` is, as in Glue."""
    orders = [tag.condition.operands for tag in rule.tags if tag.name == "filterOrder"]
    return bool(orders) and orders[0][0] == Text("uriRegex")


def _algorithm(rule: Rule) -> str:
    said = (rule.option("hashAlgorithm") or "SHA-256").upper()
    if said not in HASHES:
        raise IncomparableError(f"hashAlgorithm is one of {', '.join(HASHES)}, not {said}")
    return said


def _flag(rule: Rule, name: str) -> bool:
    said = (rule.option(name) or "false").lower()
    if said not in {"true", "false"}:
        raise IncomparableError(f'{name} is "true" or "false", not {said}')
    return said == "true"


def _moment(operand: Operand, moment: datetime, zone: ZoneInfo) -> datetime:
    match operand:
        case Now(_, None):
            return moment
        case Now(sign, Quantity(amount, unit)):
            step = timedelta(**{unit: amount})
            return moment - step if sign == "-" else moment + step
        case Text(text):
            return _written_moment(text, moment, zone)
        case _:
            raise IncomparableError(f"{operand} is no date, time or now()")


def _written_moment(text: str, moment: datetime, zone: ZoneInfo) -> datetime:
    if text[4:5] == "-":
        with suppress(ValueError):
            return datetime.fromisoformat(text).replace(tzinfo=zone)
    time = time_of(text)
    if time is None:
        raise IncomparableError(f'"{text}" is no date, or time such as "9:30 AM"')
    # The page joins the time with today's date in UTC, and reads both in the zone.
    return datetime.combine(moment.astimezone(UTC).date(), time, tzinfo=zone)


def _bytes(operand: Operand) -> int:
    if not isinstance(operand, Quantity) or operand.unit not in _UNITS:
        raise IncomparableError(f"{operand} is no size such as 5 MB")
    return int(operand.amount * 1024 ** _UNITS[operand.unit])


def _holds(value: T, operator: str, bounds: Sequence[T]) -> bool:
    low, high = min(bounds), max(bounds)
    tests = {
        "=": lambda: value == bounds[0],
        "!=": lambda: value != bounds[0],
        ">": lambda: value > bounds[0],
        ">=": lambda: value >= bounds[0],
        "<": lambda: value < bounds[0],
        "<=": lambda: value <= bounds[0],
        "between": lambda: low < value < high,
        "not between": lambda: not low < value < high,
        "in": lambda: value in bounds,
        "not in": lambda: value not in bounds,
    }
    return tests[operator]()


COMPILERS = {
    "FileFreshness": _file_freshness,
    "FileSize": _file_size,
    "FileMatch": _file_match,
    "FileUniqueness": _file_uniqueness,
}
