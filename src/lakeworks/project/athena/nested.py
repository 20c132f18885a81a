"""Athena's functions of arrays, maps and rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.project.athena.kinds import UNKNOWN, Kind, array_of
from lakeworks.project.athena.rules import ANY, Rule, failing, plain

if TYPE_CHECKING:
    from lakeworks.project.athena.calls import Call
    from lakeworks.project.athena.rules import Made

_GROUP = "Arrays, maps and rows"
_INT = Kind("int")
_BOOL = Kind("bool")
_LAMBDA_LIST = "list_transform({0}, {1})"

_PLAIN = plain(
    _GROUP,
    f"""
all_match/2 bool CASE WHEN {{0}} IS NULL THEN NULL WHEN len(list_filter({_LAMBDA_LIST}, lambda _b: NOT _b)) > 0 THEN FALSE WHEN len(list_filter({_LAMBDA_LIST}, lambda _b: _b IS NULL)) > 0 THEN NULL ELSE TRUE END
any_match/2 bool CASE WHEN {{0}} IS NULL THEN NULL WHEN len(list_filter({_LAMBDA_LIST}, lambda _b: _b)) > 0 THEN TRUE WHEN len(list_filter({_LAMBDA_LIST}, lambda _b: _b IS NULL)) > 0 THEN NULL ELSE FALSE END
none_match/2 bool CASE WHEN {{0}} IS NULL THEN NULL WHEN len(list_filter({_LAMBDA_LIST}, lambda _b: _b)) > 0 THEN FALSE WHEN len(list_filter({_LAMBDA_LIST}, lambda _b: _b IS NULL)) > 0 THEN NULL ELSE TRUE END
array_distinct/1 0 list_filter({{0}}, lambda _x, _i: list_position({{0}}, _x) = _i)
array_except/2 0 list_filter({{0}}, lambda _x, _i: list_position({{0}}, _x) = _i AND list_position({{1}}, _x) IS NULL)
array_intersect/2 0 list_filter({{0}}, lambda _x, _i: list_position({{0}}, _x) = _i AND list_position({{1}}, _x) IS NOT NULL)
array_union/2 0 list_filter(list_concat({{0}}, {{1}}), lambda _x, _i: list_position(list_concat({{0}}, {{1}}), _x) = _i)
array_max/1 0e CASE WHEN len(list_filter({{0}}, lambda _x: _x IS NULL)) > 0 THEN NULL ELSE list_max({{0}}) END
array_min/1 0e CASE WHEN len(list_filter({{0}}, lambda _x: _x IS NULL)) > 0 THEN NULL ELSE list_min({{0}}) END
array_position/2 int CASE WHEN {{0}} IS NOT NULL AND {{1}} IS NOT NULL THEN CAST(coalesce(list_position({{0}}, {{1}}), 0) AS BIGINT) END
array_remove/2 0 list_filter({{0}}, lambda _x: _x IS NULL OR _x <> {{1}})
array_sort/1 0 list_sort({{0}}, 'ASC', 'NULLS LAST')
arrays_overlap/2 bool CASE WHEN list_has_any({{0}}, {{1}}) THEN TRUE WHEN len(list_filter({{0}}, lambda _x: _x IS NULL)) + len(list_filter({{1}}, lambda _x: _x IS NULL)) > 0 AND len({{0}}) > 0 AND len({{1}}) > 0 THEN NULL ELSE list_has_any({{0}}, {{1}}) END
contains/2 bool CASE WHEN {{0}} IS NULL OR {{1}} IS NULL THEN NULL WHEN list_contains({{0}}, {{1}}) THEN TRUE WHEN len(list_filter({{0}}, lambda _x: _x IS NULL)) > 0 THEN NULL ELSE FALSE END
filter/2 0 list_filter({{0}}, {{1}})
flatten/1 0e flatten({{0}})
repeat/2 [0] list_transform(range(CAST({{1}} AS BIGINT)), lambda _i: {{0}})
slice/3 0 CASE WHEN {{1}} > 0 THEN {{0}}[CAST({{1}} AS BIGINT):CAST({{1}} + {{2}} - 1 AS BIGINT)] WHEN {{1}} = 0 THEN {{0}}[{failing("SQL array indices start at 1")}:1] WHEN -({{1}}) > len({{0}}) THEN {{0}}[1:0] ELSE {{0}}[CAST(len({{0}}) + {{1}} + 1 AS BIGINT):CAST(len({{0}}) + {{1}} + {{2}} AS BIGINT)] END
trim_array/2 0 CASE WHEN {{1}} BETWEEN 0 AND len({{0}}) THEN {{0}}[1:CAST(len({{0}}) - {{1}} AS BIGINT)] ELSE {{0}}[{failing("size must not exceed the array's cardinality")}:1] END
zip/* unknown list_zip({{*}})
map/0 map MAP([], [])
map_concat/* 0 map_concat({{*}})
""",
)


def _transform(_call: Call) -> Made:
    return "list_transform({0}, {1})", array_of(UNKNOWN)


def _sequence(call: Call) -> Made:
    kinds = {one.name for one in call.kinds[:2]}
    if kinds == {"int"}:
        if len(call.args) > 2:  # noqa: PLR2004
            return "generate_series({0}, {1}, {2})", array_of(_INT)
        return "generate_series({0}, {1}, CASE WHEN {0} <= {1} THEN 1 ELSE -1 END)", array_of(
            _INT
        )
    if kinds == {"date"}:
        step = "{2}" if len(call.args) > 2 else "INTERVAL 1 DAY"  # noqa: PLR2004
        return f"CAST(generate_series({{0}}, {{1}}, {step}) AS DATE[])", array_of(Kind("date"))
    if kinds == {"timestamp"} and len(call.args) > 2:  # noqa: PLR2004
        return "generate_series({0}, {1}, {2})", array_of(Kind("timestamp"))
    raise call.wrong("the types of its arguments are not known here: CAST them")


def _cardinality(call: Call) -> Made:
    name = call.kind(0).name
    if name == "map":
        return "CAST(cardinality({0}) AS BIGINT)", _INT
    if name == "array":
        return "len({0})", _INT
    counted = "CASE json_type(to_json({0})) WHEN 'ARRAY' THEN json_array_length(to_json({0})) ELSE len(json_keys(to_json({0}))) END"
    return f"CAST({counted} AS BIGINT)", _INT


def _element_at(call: Call) -> Made:
    if call.kind(0).name == "array" and call.literal(1) == "0":
        raise call.wrong("SQL array indices start at 1")
    return "{0}[{1}]", call.kind(0).element


def _array_join(call: Call) -> Made:
    if call.kind(0).element.name in {"double", "timestamp", "timestamptz"}:
        raise call.wrong("CAST the elements AS VARCHAR first")
    texts = "CAST({0} AS VARCHAR[])"
    if len(call.args) > 2:  # noqa: PLR2004
        texts = f"list_transform({texts}, lambda _x: coalesce(_x, {{2}}))"
    return f"array_to_string({texts}, {{1}})", Kind("text")


def _reduce(call: Call) -> Made:
    name = call.variable()
    last = call.inlined(3, name)
    call.args.append(last)
    number = len(call.args) - 1
    made = f"list_transform([list_reduce({{0}}, {{2}}, {{1}})], lambda {name}: {{{number}}})[1]"
    return f"CASE WHEN {{0}} IS NOT NULL THEN {made} END", UNKNOWN


def _zip_with(call: Call) -> Made:
    name = call.variable()
    call.args.append(call.inlined(2, f"{name}[1]", f"{name}[2]"))
    return f"list_transform(list_zip({{0}}, {{1}}), lambda {name}: {{3}})", array_of(UNKNOWN)


def _map(call: Call) -> Made:
    of = (call.kind(0).element, call.kind(1).element)
    return "MAP({0}, {1})", Kind("map", of)


def _entries(call: Call) -> Made:
    made = "list_transform(map_entries({0}), lambda _e: row(_e.key, _e.value))"
    return made, array_of(Kind("row", call.kind(0).of))


def _keys(call: Call) -> Made:
    of = call.kind(0).of
    kind = of[0 if call.name == "map_keys" else 1] if len(of) > 1 else UNKNOWN
    return f"{call.name}({{0}})", array_of(kind)


def _of_entries(call: Call, shape: str) -> Made:
    name = call.variable()
    call.args.append(call.inlined(1, f"{name}.key", f"{name}.value"))
    entries = shape.replace("ENTRY", name)
    return f"map_from_entries({entries})", call.kind(0) if call.name == "map_filter" else Kind(
        "map"
    )


def _map_filter(call: Call) -> Made:
    return _of_entries(call, "list_filter(map_entries({0}), lambda ENTRY: {2})")


def _transform_keys(call: Call) -> Made:
    return _of_entries(
        call, "list_transform(map_entries({0}), lambda ENTRY: row({2}, ENTRY.value))"
    )


def _transform_values(call: Call) -> Made:
    return _of_entries(
        call, "list_transform(map_entries({0}), lambda ENTRY: row(ENTRY.key, {2}))"
    )


def _row(call: Call) -> Made:
    return "row({*})", Kind("row", tuple(call.kinds))


RULES: dict[str, Rule] = {
    **_PLAIN,
    "transform": Rule({2: ""}, writer=_transform, group=_GROUP),
    "sequence": Rule({2: "", 3: ""}, writer=_sequence, group=_GROUP),
    "cardinality": Rule({1: ""}, writer=_cardinality, group=_GROUP),
    "element_at": Rule({2: ""}, writer=_element_at, group=_GROUP),
    "array_join": Rule({2: "", 3: ""}, writer=_array_join, group=_GROUP),
    "reduce": Rule({4: ""}, writer=_reduce, group=_GROUP),
    "zip_with": Rule({3: ""}, writer=_zip_with, group=_GROUP),
    "map": Rule({0: "", 2: ""}, writer=lambda call: (
        _map(call) if call.args else ("MAP([], [])", Kind("map"))
    ), group=_GROUP),
    "map_from_entries": Rule({1: "map_from_entries({0})"}, "map", group=_GROUP),
    "map_entries": Rule({1: ""}, writer=_entries, group=_GROUP),
    "map_keys": Rule({1: ""}, writer=_keys, group=_GROUP),
    "map_values": Rule({1: ""}, writer=_keys, group=_GROUP),
    "map_filter": Rule({2: ""}, writer=_map_filter, group=_GROUP),
    "transform_keys": Rule({2: ""}, writer=_transform_keys, group=_GROUP),
    "transform_values": Rule({2: ""}, writer=_transform_values, group=_GROUP),
    "row": Rule({ANY: ""}, writer=_row, group=_GROUP),
}  # fmt: skip


def parameters(name: str, kinds: list[Kind]) -> tuple[Kind, ...]:
    """Return the kinds that a lambda's parameters have in a call of this name."""
    first = kinds[0] if kinds else UNKNOWN
    if name in {"map_filter", "transform_keys", "transform_values"} and first.name == "map":
        return first.of or (UNKNOWN, UNKNOWN)
    if name == "reduce":
        # Two functions: of the state and an element, and of the state.
        return (kinds[1] if len(kinds) > 1 else UNKNOWN, first.element)
    if name == "zip_with" and len(kinds) > 1:
        return first.element, kinds[1].element
    return (first.element,)
