"""Athena's functions of JSON."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lakeworks.project.athena.kinds import Kind
from lakeworks.project.athena.rules import Rule, plain

if TYPE_CHECKING:
    from lakeworks.project.athena.calls import Call
    from lakeworks.project.athena.rules import Made

_GROUP = "JSON"
_STEP = re.compile(
    r"""\.(?P<name>[A-Za-z_][\w-]*)|\[(?P<number>\d+)\]|\[(?P<quote>["'])(?P<key>[^"'\\*]*)(?P=quote)\]"""
)
_ITEM = "json_extract({0}, '$[' || CASE WHEN {1} < 0 THEN '#' ELSE '' END || CAST({1} AS BIGINT) || ']')"

_PLAIN = plain(
    _GROUP,
    f"""
json_array_length/1 int CASE WHEN json_type({{0}}) = 'ARRAY' THEN CAST(json_array_length({{0}}) AS BIGINT) END
json_array_get/2 json {_ITEM}
json_format/1 text CAST({{0}} AS VARCHAR)
json_parse/1 json json({{0}})
is_json_scalar/1 bool (json_type({{0}}) NOT IN ('ARRAY', 'OBJECT'))
""",
)


def path(call: Call, number: int) -> str:
    """Return a path in the lake's spelling.

    Raises:
        AthenaUnsupportedError: it is no constant, or leads to several places.
    """
    told = call.constant(number, "the path")
    if not told.startswith("$"):
        raise call.wrong(f"the path {told!r} does not begin with $")
    made, at = ["$"], 1
    while at < len(told):
        found = _STEP.match(told, at)
        if found is None:
            raise call.wrong(f"{told[at : at + 20]!r} in a path does not work here")
        if found["number"] is not None:
            made.append(f"[{int(found['number'])}]")
        else:
            made.append(f'."{found["name"] if found["name"] is not None else found["key"]}"')
        at = found.end()
    return "'" + "".join(made).replace("'", "''").replace("{", "{{").replace("}", "}}") + "'"


def _extract(call: Call) -> Made:
    return f"json_extract({{0}}, {path(call, 1)})", Kind("json")


def _scalar(call: Call) -> Made:
    at = path(call, 1)
    found = (
        f"CASE WHEN json_type({{0}}, {at}) NOT IN ('ARRAY', 'OBJECT', 'NULL') "
        f"THEN json_extract_string({{0}}, {at}) END"
    )
    return found, Kind("text")


def _size(call: Call) -> Made:
    at = path(call, 1)
    counted = (
        f"CASE json_type({{0}}, {at}) WHEN 'OBJECT' THEN len(json_keys({{0}}, {at})) "
        f"WHEN 'ARRAY' THEN CAST(json_array_length({{0}}, {at}) AS BIGINT) "
        f"ELSE CASE WHEN json_type({{0}}, {at}) IS NOT NULL THEN 0 END END"
    )
    return counted, Kind("int")


def _contains(call: Call) -> Made:
    kind = call.kind(1).name
    types = {
        "text": "'VARCHAR'",
        "int": "'UBIGINT', 'BIGINT'",
        "bool": "'BOOLEAN'",
        "double": "'DOUBLE'",
    }
    if kind not in types:
        raise call.wrong("it looks for a text, a number or a truth value: CAST it")
    cast = {"text": "VARCHAR", "int": "BIGINT", "bool": "BOOLEAN", "double": "DOUBLE"}[kind]
    taken = "json_extract_string(_x, '$')"
    found = (
        "len(list_filter(CAST(json({0}) AS JSON[]), lambda _x: "
        f"json_type(_x) IN ({types[kind]}) AND TRY_CAST({taken} AS {cast}) = {{1}})) > 0"
    )
    return found, Kind("bool")


RULES: dict[str, Rule] = {
    **_PLAIN,
    "json_extract": Rule({2: ""}, writer=_extract, group=_GROUP, note="a constant path of names and numbers"),
    "json_extract_scalar": Rule({2: ""}, writer=_scalar, group=_GROUP, note="likewise"),
    "json_size": Rule({2: ""}, writer=_size, group=_GROUP, note="likewise"),
    "json_array_contains": Rule({2: ""}, writer=_contains, group=_GROUP),
}  # fmt: skip
