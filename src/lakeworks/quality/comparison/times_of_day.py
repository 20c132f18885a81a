"""Times such as "9:30 AM" in a condition, which stand for a moment of today in some zone.

Pure.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING

from lakeworks.core.time_zones import time_zone
from lakeworks.core.types import Scalar
from lakeworks.quality.comparison.literals import IncomparableError
from lakeworks.quality.language.ruleset import Operand, Text

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from lakeworks.core.types import Field
    from lakeworks.quality.language.ruleset import Condition


def zone_of(name: str) -> ZoneInfo:
    """Return a time zone.

    Raises:
        IncomparableError: there is none of that name.
    """
    found = time_zone(name)
    if found is None:
        raise IncomparableError(f"{name!r} is no time zone such as America/New_York")
    return found


def time_of(text: str) -> time | None:
    """Return a time of day, `9:30 AM` or `21:45`, or None where a text is no such."""
    form = "%I:%M %p" if text[-2:] in {"AM", "PM"} else "%H:%M"
    try:
        return datetime.strptime(text, form).time()  # noqa: DTZ007 - the zone follows
    except ValueError:
        return None


def as_moments(
    condition: Condition, column: Field, moment: datetime, zone: ZoneInfo
) -> Condition:
    """Return a condition on a column of dates or times with a moment for each time of day.

    It is that of today in the zone (awslabs/dqdl, `DQDLParserListener.parseTime`); a column of
    dates is compared with the moment's date in UTC.
    """
    if column.type not in {Scalar("date"), Scalar("timestamp"), Scalar("timestamp_ntz")}:
        return condition

    def told(operand: Operand) -> Operand:
        found = time_of(operand.value) if isinstance(operand, Text) else None
        if found is None:
            return operand
        at = datetime.combine(moment.astimezone(zone).date(), found, zone).astimezone(UTC)
        return Text(f"{at:%Y-%m-%d}" if column.type == Scalar("date") else at.isoformat())

    return replace(condition, operands=tuple(map(told, condition.operands)))
