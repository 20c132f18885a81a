"""Athena's functions of dates and times, and its three languages of formats."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lakeworks.project.athena.kinds import Kind
from lakeworks.project.athena.rules import Rule, plain

if TYPE_CHECKING:
    from lakeworks.project.athena.calls import Call
    from lakeworks.project.athena.rules import Made

_GROUP = "Dates and times"
_TEXT = Kind("text")
_INT = Kind("int")

_PLAIN = plain(
    _GROUP,
    """
current_date/0 date current_date
current_timestamp/0 timestamptz now()
now/0 timestamptz now()
current_timestamp/1 timestamptz now()
localtimestamp/0 timestamp CAST(now() AS TIMESTAMP)
localtimestamp/1 timestamp CAST(now() AS TIMESTAMP)
current_timezone/0 text 'UTC'
date/1 date CAST({0} AS DATE)
day/1 int day({0})
day_of_month/1 int day({0})
day_of_week/1 int isodow({0})
dow/1 int isodow({0})
day_of_year/1 int dayofyear({0})
doy/1 int dayofyear({0})
hour/1 int hour({0})
millisecond/1 int (millisecond({0}) % 1000)
minute/1 int minute({0})
month/1 int month({0})
quarter/1 int quarter({0})
second/1 int second({0})
week/1 int week({0})
week_of_year/1 int week({0})
year/1 int year({0})
year_of_week/1 int isoyear({0})
yow/1 int isoyear({0})
last_day_of_month/1 date last_day({0})
from_iso8601_date/1 date CAST({0} AS DATE)
from_iso8601_timestamp/1 timestamptz CAST({0} AS TIMESTAMPTZ)
from_unixtime/1 timestamptz to_timestamp(CAST({0} AS DOUBLE))
to_unixtime/1 double epoch({0})
with_timezone/2 timestamptz (CAST({0} AS TIMESTAMP) AT TIME ZONE {1})
""",
)
UNITS = {
    "millisecond": "milliseconds", "second": "seconds", "minute": "minutes", "hour": "hours",
    "day": "days", "week": "weeks", "month": "months", "quarter": "quarters", "year": "years",
}  # fmt: skip
_MYSQL = {
    "a": "%a", "b": "%b", "c": "%-m", "d": "%d", "e": "%-d", "f": "%f", "H": "%H", "h": "%I",
    "I": "%I", "i": "%M", "j": "%j", "k": "%-H", "l": "%-I", "M": "%B", "m": "%m", "p": "%p",
    "r": "%I:%M:%S %p", "S": "%S", "s": "%S", "T": "%H:%M:%S", "v": "%V", "W": "%A",
    "Y": "%Y", "y": "%y", "%": "%%",
}  # fmt: skip
_JODA = {
    "yyyy": "%Y", "YYYY": "%Y", "y": "%Y", "yy": "%y", "MM": "%m", "M": "%-m", "MMM": "%b",
    "MMMM": "%B", "dd": "%d", "d": "%-d", "HH": "%H", "H": "%-H", "hh": "%I", "h": "%-I",
    "mm": "%M", "m": "%-M", "ss": "%S", "s": "%-S", "SSS": "%g", "a": "%p", "E": "%a",
    "EE": "%a", "EEE": "%a", "EEEE": "%A", "DDD": "%j", "ww": "%V", "xxxx": "%G", "e": "%u",
}  # fmt: skip
_JODA_PART = re.compile(r"'(?:[^']|'')*'|([A-Za-z])\1*|[^A-Za-z']+|'")
# What cannot be read back with the same meaning: other calendars, or no year to fill in.
_UNREADABLE = frozenset({"%a", "%A", "%y", "%V", "%G", "%u", "%j"})


def _unit(call: Call) -> str:
    found = call.constant(0, "the unit").lower()
    if found not in UNITS:
        raise call.wrong(f"{found!r} is no unit: {', '.join(UNITS)}")
    return found


def alike(kind: Kind, number: int, template: str) -> Made:
    """Return a moment as the same type as the argument that it comes from.

    The lake's own arithmetic makes a timestamp of every date.
    """
    if kind.name == "date":
        return f"CAST({template} AS DATE)", kind
    if kind.name in {"timestamp", "timestamptz"}:
        return f"({template})", kind
    # An array casts what is put into it to the type of its elements.
    return f"list_resize([{{{number}}}], 2, {template})[2]", kind


def _date_add(call: Call) -> Made:
    unit = _unit(call)
    made = f"{{2}} + to_{UNITS[unit]}(CAST({{1}} AS BIGINT))"
    if unit == "millisecond":
        made = "{2} + to_microseconds(CAST({1} AS BIGINT) * 1000)"
    elif unit in {"month", "quarter", "year", "day", "week"}:
        made = f"{{2}} + to_{UNITS[unit]}(CAST({{1}} AS INTEGER))"
    return alike(call.kind(2), 2, made)


def _date_diff(call: Call) -> Made:
    return f"date_sub('{_unit(call)}', {{1}}, {{2}})", _INT


def _date_trunc(call: Call) -> Made:
    return alike(call.kind(1), 1, f"date_trunc('{_unit(call)}', {{1}})")


def _mysql(call: Call) -> str:
    told = call.constant(1, "the format")
    made: list[str] = []
    for part in re.findall(r"%.|%|[^%]+", told, re.DOTALL):
        if part[0] != "%":
            made.append(part)
        elif part[1:] in _MYSQL:
            made.append(_MYSQL[part[1:]])
        else:
            raise call.wrong(f"{part} in a format does not work here")
    return "".join(made)


def _joda(call: Call) -> str:
    told = call.constant(1, "the format")
    made: list[str] = []
    for found in _JODA_PART.finditer(told):
        part = found[0]
        if part[0] == "'":
            made.append("'" if part in {"''", "'"} else part[1:-1].replace("''", "'"))
        elif found[1]:
            if part not in _JODA:
                raise call.wrong(f"{part} in a format does not work here")
            made.append(_JODA[part])
        else:
            made.append(part.replace("%", "%%"))
    return "".join(made)


def _quoted(format_: str) -> str:
    return "'" + format_.replace("'", "''").replace("{", "{{").replace("}", "}}") + "'"


def _date_format(call: Call) -> Made:
    return f"strftime({{0}}, {_quoted(_mysql(call))})", _TEXT


def _format_datetime(call: Call) -> Made:
    return f"strftime({{0}}, {_quoted(_joda(call))})", _TEXT


def _parsed(call: Call, format_: str) -> str:
    parts = set(re.findall(r"%-?.", format_))
    if odd := sorted(parts & _UNREADABLE):
        raise call.wrong(f"{odd[0]} in a format can be written here, not read")
    if "%Y" not in parts:
        raise call.wrong("a format without a year of four digits does not work here")
    return f"strptime({{0}}, {_quoted(format_)})"


def _date_parse(call: Call) -> Made:
    return _parsed(call, _mysql(call)), Kind("timestamp")


def _parse_datetime(call: Call) -> Made:
    return f"CAST({_parsed(call, _joda(call))} AS TIMESTAMPTZ)", Kind("timestamptz")


def _to_iso8601(call: Call) -> Made:
    kind = call.kind(0).name
    if kind == "date":
        return "strftime({0}, '%Y-%m-%d')", _TEXT
    if kind == "timestamp":
        return "strftime({0}, '%Y-%m-%dT%H:%M:%S.%g')", _TEXT
    if kind == "timestamptz":
        return "strftime({0}, '%Y-%m-%dT%H:%M:%S.%gZ')", _TEXT
    raise call.wrong("the type of its argument is not known here: CAST it")


RULES: dict[str, Rule] = {
    **_PLAIN,
    "date_add": Rule({3: ""}, writer=_date_add, group=_GROUP),
    "date_diff": Rule({3: ""}, writer=_date_diff, group=_GROUP),
    "date_trunc": Rule({2: ""}, writer=_date_trunc, group=_GROUP),
    "date_format": Rule({2: ""}, writer=_date_format, group=_GROUP),
    "date_parse": Rule({2: ""}, writer=_date_parse, group=_GROUP, note="with %Y"),
    "format_datetime": Rule({2: ""}, writer=_format_datetime, group=_GROUP),
    "parse_datetime": Rule(
        {2: ""}, writer=_parse_datetime, group=_GROUP, note="with yyyy, in UTC"
    ),
    "to_iso8601": Rule({1: ""}, writer=_to_iso8601, group=_GROUP),
}
# By name, what takes a moment in another zone: nothing of its result hangs on the instant.
LOCAL = frozenset({
    "day", "day_of_month", "day_of_week", "dow", "day_of_year", "doy", "hour", "millisecond",
    "minute", "month", "quarter", "second", "week", "week_of_year", "year", "year_of_week",
    "yow", "last_day_of_month", "date", "date_format", "format_datetime",
})  # fmt: skip
