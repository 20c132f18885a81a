"""DQDL judged the slow and obvious way: plain Python over lists of dicts.

What the property test holds the engine to. It shares the parser's tree with Lakeworks and
nothing else: no SQL, no compiler, one look at every row for every rule. Rows are dicts; types
are the columns' types by name; `where` and CustomSql, which are SQL, are looked up in tables of
Python functions that the caller gives.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from lakeworks.quality.language.ruleset import (
    Arithmetic,
    Call,
    Composite,
    Condition,
    Keyword,
    Now,
    Number,
    Pattern,
    Quantity,
    Rule,
    Text,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Row = dict[str, Any]
PASSED, FAILED, ERROR = "Passed", "Failed", "Error"


@dataclass
class Table:
    types: dict[str, str]
    rows: list[Row]


@dataclass
class Found:
    """One rule's outcome; `flags` says of every row whether it is good, or is None."""

    outcome: str
    metrics: dict[str, float] = field(default_factory=dict)
    flags: list[bool] | None = None


@dataclass
class World:
    """Everything that a rule may look at."""

    data: Table
    now: datetime
    references: Mapping[str, Table] = field(default_factory=dict)
    history: Mapping[str, Sequence[float]] = field(default_factory=dict)
    filters: Mapping[str, Callable[[Row], bool | None]] = field(default_factory=dict)
    statements: Mapping[str, Callable[[Table], Any]] = field(default_factory=dict)


def judge(rule: Rule | Composite, world: World) -> Found:
    if isinstance(rule, Composite):
        return _composite(rule, world)
    if rule.type not in COLUMNLESS:
        missing = [name for name in rule.parameters if name not in world.data.types]
        if missing:
            return Found(FAILED)
    return RULES[rule.type](rule, world)


def _composite(rule: Composite, world: World) -> Found:
    parts = [judge(part, world) for part in rule.parts]
    good = [part.outcome == PASSED for part in parts]
    metrics = {name: value for part in parts for name, value in part.metrics.items()}
    flags = None
    flag_lists = [part.flags for part in parts if part.flags is not None]
    if len(flag_lists) == len(parts):
        join = all if rule.operator == "and" else any
        flags = [join(each) for each in zip(*flag_lists, strict=True)]
    if all(good) or (rule.operator == "or" and any(good)):
        return Found(PASSED, metrics, flags)
    errors = any(part.outcome == ERROR for part in parts)
    return Found(ERROR if errors else FAILED, metrics, flags)


# -- values ----------------------------------------------------------------------------------


def same(left: Any, right: Any) -> bool:
    """Equality in which NaN equals NaN."""
    if isinstance(left, float) and isinstance(right, float) and math.isnan(left):
        return math.isnan(right)
    return bool(left == right)


def less(left: Any, right: Any) -> bool:
    """Order in which NaN is the greatest."""
    if isinstance(left, float) and math.isnan(left):
        return False
    if isinstance(right, float) and math.isnan(right):
        return True
    return bool(left < right)


def smallest(values: list[Any]) -> Any:
    found = values[0]
    for value in values[1:]:
        if less(value, found):
            found = value
    return found


def largest(values: list[Any]) -> Any:
    found = values[0]
    for value in values[1:]:
        if less(found, value):
            found = value
    return found


def how_often(values: list[Any]) -> list[tuple[Any, int]]:
    """Every different value with how often it occurs, by comparing all with all."""
    found: list[tuple[Any, int]] = []
    for value in values:
        for at, (known, count) in enumerate(found):
            if len(known) == len(value) and all(map(_alike, known, value)):
                found[at] = (known, count + 1)
                break
        else:
            found.append((value, 1))
    return found


def _alike(left: Any, right: Any) -> bool:
    return (left is None and right is None) or (
        left is not None and right is not None and same(left, right)
    )


# -- conditions on numbers -------------------------------------------------------------------


def number(operand: Any, past: Sequence[float]) -> float:
    found = numbers(operand, past)
    if isinstance(found, list):
        if len(found) != 1:
            raise ValueError(f"{operand} is {len(found)} numbers")
        return found[0]
    return found


def numbers(operand: Any, past: Sequence[float]) -> Any:
    if isinstance(operand, Number):
        return float(operand.value)
    if isinstance(operand, Arithmetic):
        left, right = number(operand.left, past), number(operand.right, past)
        if operand.operator == "+":
            return left + right
        if operand.operator == "-":
            return left - right
        return left * right if operand.operator == "*" else left / right
    if isinstance(operand, Call):
        return _called(operand, past)
    raise ValueError(f"{operand} is no number")


def _called(call: Call, past: Sequence[float]) -> Any:
    if call.name == "last":
        count = int(number(call.arguments[0], past)) if call.arguments else 1
        return list(past)[-count:] or [0.0]
    found = numbers(call.arguments[0], past)
    values = found if isinstance(found, list) else [found]
    if call.name == "abs":
        return abs(values[0])
    if call.name == "index":
        newest_first = values[::-1]
        at = int(number(call.arguments[1], past))
        if at >= len(newest_first):
            raise ValueError(f"{call} is too far back")
        return newest_first[at]
    if call.name == "median":
        ordered = sorted(values)
        half = len(ordered) // 2
        return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
    mean = sum(values) / len(values)
    if call.name == "std":
        return math.sqrt(sum((value - mean) ** 2 for value in values) / len(values))
    return {"avg": mean, "max": max(values), "min": min(values), "sum": sum(values)}[call.name]


def holds(value: float, condition: Condition | None, past: Sequence[float] = ()) -> bool:
    if condition is None:
        return True
    bounds = [number(operand, past) for operand in condition.operands]
    return compare(value, condition.operator, bounds)


def compare(value: Any, operator: str, bounds: list[Any]) -> bool:
    first = bounds[0]
    if operator == "between":
        return less(first, value) and less(value, bounds[1])
    if operator == "not between":
        return not (less(first, value) and less(value, bounds[1]))
    if operator in {"in", "not in"}:
        inside = any(same(value, bound) for bound in bounds)
        return inside == (operator == "in")
    return {
        "=": same(value, first),
        "!=": not same(value, first),
        ">": less(first, value),
        ">=": less(first, value) or same(value, first),
        "<": less(value, first),
        "<=": less(value, first) or same(value, first),
    }[operator]


def computable(metric: str, condition: Condition | None, world: World) -> bool:
    """Whether a condition gives numbers; where it does not, the rule is an error."""
    if condition is None:
        return True
    try:
        for operand in condition.operands:
            number(operand, world.history.get(metric, ()))
    except (ValueError, ZeroDivisionError):
        return False
    return True


def told(metric: str, value: float, rule: Rule, world: World) -> Found:
    if not computable(metric, rule.condition, world):
        return Found(ERROR)
    good = holds(value, rule.condition, world.history.get(metric, ()))
    # No number, for the engine's comparisons of figures, satisfies only `!=` and the negations.
    if math.isnan(value) and rule.condition is not None:
        good = rule.condition.operator in {"!=", "not in", "not between"}
    return Found(PASSED if good else FAILED, {metric: float(value)})


# -- rows ------------------------------------------------------------------------------------


def kept(rule: Rule, world: World) -> list[bool]:
    """Which rows the rule looks at."""
    if rule.where is None:
        return [True] * len(world.data.rows)
    test = world.filters[rule.where]
    return [test(row) is True for row in world.data.rows]


def looked_at(rule: Rule, world: World) -> list[Row]:
    pairs = zip(world.data.rows, kept(rule, world), strict=True)
    return [row for row, inside in pairs if inside]


def share_of(
    metric: str, good: list[bool], rule: Rule, world: World, asked: Condition | None
) -> Found:
    """Judge the share of good rows among those looked at; the others are good by default."""
    if not computable(metric, asked, world):
        return Found(ERROR)
    inside = kept(rule, world)
    flags = [test or not looked for test, looked in zip(good, inside, strict=True)]
    total = sum(inside)
    if not total:
        return Found(PASSED, {}, flags)
    count = sum(test and looked for test, looked in zip(good, inside, strict=True))
    share = count / total
    past = world.history.get(metric, ())
    passed = holds(share, asked, past) if asked else count == total
    return Found(PASSED if passed else FAILED, {metric: share}, flags)


# -- rules on columns ------------------------------------------------------------------------


def _completeness(rule: Rule, world: World) -> Found:
    name = rule.parameters[0]
    good = [row[name] is not None for row in world.data.rows]
    asked = rule.condition if rule.type == "Completeness" else None
    return share_of(f"Column.{name}.Completeness", good, rule, world, asked)


def _metric(rule: Rule, what: str) -> str:
    names = tuple(dict.fromkeys(rule.parameters))
    subject = "Column" if len(rule.parameters) == 1 else "Multicolumn"
    return f"{subject}.{','.join(names)}.{what}"


def _keys(rule: Rule, rows: list[Row]) -> list[tuple[Any, ...]]:
    keys = [tuple(row[name] for name in rule.parameters) for row in rows]
    return [key for key in keys if any(part is not None for part in key)]


def _unique_flags(rule: Rule, world: World) -> list[bool]:
    """A row is bad when its value occurs in another row that is looked at."""
    inside = kept(rule, world)
    repeated = [
        key for key, count in how_often(_keys(rule, looked_at(rule, world))) if count > 1
    ]
    flags = []
    for row, looked in zip(world.data.rows, inside, strict=True):
        key = tuple(row[name] for name in rule.parameters)
        bad = looked and any(all(map(_alike, key, other)) for other in repeated)
        flags.append(not bad)
    return flags


def _uniqueness(rule: Rule, world: World) -> Found:
    keys = _keys(rule, looked_at(rule, world))
    flags = _unique_flags(rule, world)
    if not keys:
        return Found(PASSED, {}, flags)
    metric = _metric(rule, "Uniqueness")
    once = sum(count == 1 for _, count in how_often(keys))
    if rule.type == "Uniqueness":
        found = told(metric, once / len(keys), rule, world)
        found.flags = flags if found.metrics else None
        return found
    return Found(PASSED if once == len(keys) else FAILED, {metric: once / len(keys)}, flags)


def _primary_key(rule: Rule, world: World) -> Found:
    parts = [
        _completeness(Rule("IsComplete", (name,), where=rule.where), world)
        for name in rule.parameters
    ]
    parts.append(_uniqueness(Rule("IsUnique", rule.parameters, where=rule.where), world))
    metrics = {name: value for part in parts for name, value in part.metrics.items()}
    passed = all(part.outcome == PASSED for part in parts)
    flags = [all(each) for each in zip(*(part.flags or [] for part in parts), strict=True)]
    return Found(PASSED if passed else FAILED, metrics, flags)


def _unique_value_ratio(rule: Rule, world: World) -> Found:
    counted = how_often(_keys(rule, looked_at(rule, world)))
    flags = _unique_flags(rule, world)
    if not counted:
        return Found(PASSED, {}, flags)
    ratio = sum(count == 1 for _, count in counted) / len(counted)
    found = told(_metric(rule, "UniqueValueRatio"), ratio, rule, world)
    found.flags = flags if found.metrics else None
    return found


def _distinct(rule: Rule, world: World) -> Found:
    rows = looked_at(rule, world)
    keys = _keys(rule, rows)
    count = len(how_often(keys)) + (len(keys) < len(rows))
    return told(_metric(rule, "DistinctValuesCount"), count, rule, world)


def _entropy(rule: Rule, world: World) -> Found:
    keys = _keys(rule, looked_at(rule, world))
    if not keys:
        return Found(PASSED if rule.where is not None else FAILED)
    shares = [count / len(keys) for _, count in how_often(keys)]
    entropy = abs(-sum(share * math.log(share) for share in shares))
    return told(_metric(rule, "Entropy"), entropy, rule, world)


# -- statistics ------------------------------------------------------------------------------


def _statistic(rule: Rule, world: World) -> Found:
    name = rule.parameters[0]
    if not is_number(world.data.types[name]):
        return Found(ERROR)
    metric = f"Column.{name}.{rule.type}"
    if not computable(metric, rule.condition, world):
        return Found(ERROR)
    rows = looked_at(rule, world)
    values = [row[name] for row in rows if row[name] is not None]
    if not values:
        return Found(PASSED if rule.where is not None and not rows else FAILED)
    if any(isinstance(value, float) and not math.isfinite(value) for value in values):
        if rule.type in {"Mean", "Sum"}:
            value = math.fsum(values) if not any(map(math.isnan, values)) else math.nan
        else:
            value = math.nan
        return told(metric, value, rule, world)
    exact = [Fraction(value) for value in values]
    mean = sum(exact) / len(exact)
    variance = sum((value - mean) ** 2 for value in exact) / len(exact)
    value = {
        "Mean": float(mean),
        "Sum": float(sum(exact)),
        "Variance": float(variance),
        "StandardDeviation": math.sqrt(variance),
    }[rule.type]
    return told(metric, value, rule, world)


def _range(rule: Rule, world: World) -> Found:
    return _of_doubles(rule, world, lambda ordered: ordered[-1] - ordered[0])


def _interquartile_range(rule: Rule, world: World) -> Found:
    return _of_doubles(rule, world, lambda o: _quantile(o, 0.75) - _quantile(o, 0.25))


def _of_doubles(rule: Rule, world: World, reckoned: Callable[[list[float]], float]) -> Found:
    """Reckon with the values in order, NaN being the greatest."""
    name = rule.parameters[0]
    metric = f"Column.{name}.{rule.type}"
    if not is_number(world.data.types[name]) or not computable(metric, rule.condition, world):
        return Found(ERROR)
    rows = looked_at(rule, world)
    values = [float(row[name]) for row in rows if row[name] is not None]
    if not values:
        return Found(PASSED if rule.where is not None and not rows else FAILED)
    values.sort(key=lambda value: (math.isnan(value), value))
    return told(metric, reckoned(values), rule, world)


def _quantile(ordered: list[float], share: float) -> float:
    at = share * (len(ordered) - 1)
    low = ordered[math.floor(at)]
    if at == math.floor(at):
        return low
    return low + (ordered[math.ceil(at)] - low) * (at - math.floor(at))


def _moments(rule: Rule, world: World) -> Found:
    """Skewness and excess kurtosis, from exact central moments."""
    name = rule.parameters[0]
    metric = f"Column.{name}.{rule.type}"
    if not is_number(world.data.types[name]) or not computable(metric, rule.condition, world):
        return Found(ERROR)
    values = [row[name] for row in looked_at(rule, world) if row[name] is not None]
    if not values:
        return Found(PASSED if rule.where is not None else FAILED)
    if not all(math.isfinite(value) for value in values):
        return Found(FAILED)
    exact = [Fraction(float(value)) for value in values]
    mean = sum(exact) / len(exact)
    second, third, fourth = (
        float(sum((value - mean) ** power for value in exact) / len(exact))
        for power in (2, 3, 4)
    )
    if second == 0:
        return told(metric, 0.0, rule, world)
    if rule.type == "Skewness":
        return told(metric, third / second**1.5, rule, world)
    return told(metric, fourth / second**2 - 3, rule, world)


def _zeros_count(rule: Rule, world: World) -> Found:
    name = rule.parameters[0]
    if not is_number(world.data.types[name]):
        return Found(ERROR)
    zeros = sum(row[name] is not None and row[name] == 0 for row in looked_at(rule, world))
    return told(f"Column.{name}.ZerosCount", zeros, rule, world)


def _duplicate_row_count(rule: Rule, world: World) -> Found:
    named = rule.parameters
    every = Rule(rule.type, named or tuple(world.data.types), rule.condition, rule.where)
    keys = _keys(every, looked_at(rule, world))
    once = sum(count == 1 for _, count in how_often(keys))
    metric = f"Multicolumn.{','.join(named)}" if named else "Dataset.*"
    found = told(f"{metric}.DuplicateRowCount", len(keys) - once, rule, world)
    found.flags = _unique_flags(every, world) if found.metrics else None
    return found


# -- single values ---------------------------------------------------------------------------


def is_number(type_: str) -> bool:
    return type_ in {"bigint", "double"} or type_.startswith("decimal")


def _column_values(rule: Rule, world: World) -> Found:
    name = rule.parameters[0]
    type_ = world.data.types[name]
    assert rule.condition is not None
    asked, values_of = rule.condition, [row[name] for row in world.data.rows]
    if rule.option("ignoreCase") == "true" and type_ == "string":
        lowered = (Text(o.value.lower()) if isinstance(o, Text) else o for o in asked.operands)
        asked = Condition(asked.operator, tuple(lowered))
        values_of = [None if value is None else value.lower() for value in values_of]
    try:
        good = [value_good(value, type_, asked, world.now) for value in values_of]
    except TypeError:
        return Found(ERROR)
    found = share_of(
        f"Column.{name}.ColumnValues.Compliance", good, rule, world, rule.threshold
    )
    values = [row[name] for row in looked_at(rule, world) if row[name] is not None]
    if is_number(type_) and values and found.metrics:
        extremes = {"Minimum": float(smallest(values)), "Maximum": float(largest(values))}
        for kind in _told_extremes(rule.condition.operator):
            found.metrics[f"Column.{name}.{kind}"] = extremes[kind]
    return found


def _told_extremes(operator: str) -> tuple[str, ...]:
    if operator in {">", ">="}:
        return ("Minimum",)
    if operator in {"<", "<="}:
        return ("Maximum",)
    return ("Minimum", "Maximum") if operator in {"=", "between"} else ()


def value_good(value: Any, type_: str, condition: Condition, now: datetime) -> bool:
    """Whether one value satisfies a condition; TypeError where it never could."""
    operator, operands = condition.operator, condition.operands
    if operator in {"matches", "not matches"}:
        assert isinstance(operands[0], Pattern)
        inside = re.fullmatch(operands[0].value, str(value)) is not None
        return value is not None and inside == (operator == "matches")
    if operator in {"=", "in", "!=", "not in"}:
        inside = any(_is(value, type_, operand, now) for operand in operands)
        if operator in {"=", "in"}:
            return inside
        if value is None:
            return Keyword("NULL") not in operands
        return not inside
    sides = [ordered(value, type_, operand, now, probe=value is None) for operand in operands]
    return value is not None and _in_order(operator, sides)


def _in_order(operator: str, sides: list[tuple[Any, Any]]) -> bool:
    if operator in {"between", "not between"}:
        (low_value, low), (high_value, high) = sides
        if low_value is None or high_value is None:
            return False
        inside = less(low, low_value) and less(high_value, high)
        return inside == (operator == "between")
    ((mine, bound),) = sides
    return mine is not None and compare(mine, operator, [bound])


def _is(value: Any, type_: str, operand: Any, now: datetime) -> bool:
    if isinstance(operand, Keyword):
        if operand.name == "NULL":
            return value is None
        if type_ != "string" or value is None:
            return False
        return value == "" if operand.name == "EMPTY" else value != "" and not value.strip()
    if type_ == "string" and isinstance(operand, Text):
        return bool(value == operand.value)
    if type_ == "boolean":
        if not isinstance(operand, Text) or operand.value not in {"true", "false"}:
            raise TypeError(operand)
        return value is not None and value == (operand.value == "true")
    mine, other = ordered(value, type_, operand, now, probe=value is None)
    return value is not None and mine is not None and same(mine, other)


def ordered(
    value: Any, type_: str, operand: Any, now: datetime, *, probe: bool = False
) -> tuple[Any, Any]:
    """Return a value and an operand as things that compare; the value is None if it cannot."""
    if is_number(type_):
        return _number_side(value, type_, operand, probe=probe)
    if type_ == "string":
        return _text_side(value, operand, probe=probe)
    if type_ in {"date", "timestamp_ntz"}:
        return _time_side(value, type_, operand, now, probe=probe)
    raise TypeError(operand)


def _number_side(value: Any, type_: str, operand: Any, *, probe: bool) -> tuple[Any, Any]:
    if isinstance(operand, Text):
        try:
            exact = Decimal(operand.value)
        except ArithmeticError:
            raise TypeError(operand) from None
    elif isinstance(operand, Number):
        exact = operand.value
    else:
        raise TypeError(operand)
    if probe:
        return None, exact
    return (value, float(exact)) if type_ == "double" else (Decimal(value), exact)


def _text_side(value: Any, operand: Any, *, probe: bool) -> tuple[Any, Any]:
    if isinstance(operand, Number):
        try:
            return (None if probe else float(value)), float(operand.value)
        except ValueError:
            return None, float(operand.value)
    if not isinstance(operand, Text):
        raise TypeError(operand)
    try:
        bound = date.fromisoformat(operand.value)
    except ValueError:
        raise TypeError(operand) from None
    if probe:
        return None, bound
    try:
        return datetime.fromisoformat(value).date(), bound
    except ValueError:
        return None, bound


def _time_side(
    value: Any, type_: str, operand: Any, now: datetime, *, probe: bool
) -> tuple[Any, Any]:
    if isinstance(operand, Text):
        try:
            bound: Any = date.fromisoformat(operand.value)
        except ValueError:
            raise TypeError(operand) from None
        day = value.date() if isinstance(value, datetime) else value
        return (None if probe else day), bound
    if not isinstance(operand, Now):
        raise TypeError(operand)
    at = now.astimezone(UTC).replace(tzinfo=None)
    if operand.distance is not None:
        step = timedelta(**{operand.distance.unit: operand.distance.amount})
        at = at - step if operand.sign == "-" else at + step
    return (None if probe else value), (at.date() if type_ == "date" else at)


def _column_length(rule: Rule, world: World) -> Found:
    name = rule.parameters[0]
    if world.data.types[name] != "string":
        return Found(ERROR)
    assert rule.condition is not None
    lengths = [len(row[name] or "") for row in world.data.rows]
    good = [holds(length, rule.condition) for length in lengths]
    found = share_of(f"Column.{name}.LengthCompliance", good, rule, world, rule.threshold)
    seen = [length for length, k in zip(lengths, kept(rule, world), strict=True) if k]
    if found.metrics:
        extremes = {"Minimum": min(seen), "Maximum": max(seen)}
        for kind in _told_extremes(rule.condition.operator):
            found.metrics[f"Column.{name}.{kind}Length"] = float(extremes[kind])
    return found


def _data_freshness(rule: Rule, world: World) -> Found:
    name = rule.parameters[0]
    type_ = world.data.types[name]
    if type_ not in {"string", "date", "timestamp_ntz"}:
        return Found(ERROR)
    assert rule.condition is not None
    hours = [_hours(operand) for operand in rule.condition.operands]
    now = world.now.astimezone(UTC).replace(tzinfo=None, microsecond=0)
    good = []
    for row in world.data.rows:
        at = _moment(row[name])
        good.append(
            at is not None
            and compare(_rounded((now - at).total_seconds()), rule.condition.operator, hours)
        )
    return share_of(f"Column.{name}.DataFreshness.Compliance", good, rule, world, None)


def _moment(value: Any) -> datetime | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.fromisoformat(f"{value.isoformat()}T00:00")
    return value.replace(microsecond=0) if value is not None else None


def _rounded(seconds: float) -> Decimal:
    return (Decimal(int(seconds)) / 3600).quantize(Decimal("0.01"), ROUND_HALF_UP)


def _hours(operand: Any) -> Decimal:
    assert isinstance(operand, Quantity)
    minutes = {"minutes": 1, "hours": 60, "days": 1440}[operand.unit] * operand.amount
    return (Decimal(minutes) / 60).quantize(Decimal("0.0001"), ROUND_HALF_UP)


# -- the table as a whole --------------------------------------------------------------------


def _row_count(rule: Rule, world: World) -> Found:
    return told("Dataset.*.RowCount", len(looked_at(rule, world)), rule, world)


def _column_count(rule: Rule, world: World) -> Found:
    return told("Dataset.*.ColumnCount", len(world.data.types), rule, world)


def _column_exists(rule: Rule, world: World) -> Found:
    there = rule.parameters[0] in world.data.types
    return Found(
        PASSED if there else FAILED,
        {f"Dataset.{rule.parameters[0]}.ColumnExists": float(there)},
    )


# -- other datasets --------------------------------------------------------------------------


def _referential_integrity(rule: Rule, world: World) -> Found:
    alias, _, names = rule.parameters[1].partition(".")
    theirs = [name.strip() for name in names.strip("{}").split(",")]
    ours = [name.strip() for name in rule.parameters[0].split(",")]
    known = [[row[name] for name in theirs] for row in world.references[alias].rows]
    flags = []
    for row in world.data.rows:
        key = [row[name] for name in ours]
        flags.append(None not in key and any(all(map(_alike, key, k)) for k in known))
    return _reference_share(f"Column.{alias}.ReferentialIntegrity", flags, rule, world)


def _reference_share(metric: str, flags: list[bool], rule: Rule, world: World) -> Found:
    if not flags:
        return Found(FAILED, {}, flags)
    found = told(metric, sum(flags) / len(flags), rule, world)
    found.flags = flags
    return found


def _row_count_match(rule: Rule, world: World) -> Found:
    ours, theirs = len(world.data.rows), len(world.references[rule.parameters[0]].rows)
    if ours and not theirs:
        return Found(FAILED)
    ratio = ours / theirs if theirs else 1.0
    return told(f"Dataset.{rule.parameters[0]}.RowCountMatch", ratio, rule, world)


def _schema_match(rule: Rule, world: World) -> Found:
    ours, theirs = world.data.types, world.references[rule.parameters[0]].types
    metric = f"Dataset.{rule.parameters[0]}.SchemaMatch"
    if len(ours) != len(theirs):
        return Found(FAILED, {metric: 0.0})
    alike = sum(theirs.get(name) == type_ for name, type_ in ours.items())
    return told(metric, alike / len(ours), rule, world)


def _aggregate_match(rule: Rule, world: World) -> Found:
    figures, names = [], []
    for text in rule.parameters:
        function, _, inner = text.rstrip(")").partition("(")
        alias, point, column = inner.rpartition(".")
        table = world.references[alias] if point else world.data
        values = [Fraction(row[column]) for row in table.rows if row[column] is not None]
        total = sum(values, Fraction(0))
        figures.append(total / len(values) if function == "avg" and values else total)
        names.append(column)
    first, second = figures
    ratio = float(first / second) if second else float(first == 0)
    instance = ",".join(dict.fromkeys(names))
    return told(f"Column.{instance}.AggregateMatch", ratio, rule, world)


def _dataset_match(rule: Rule, world: World) -> Found:
    alias = rule.parameters[0]
    reference = world.references[alias]
    keys = _mapping(rule.parameters[1])
    columns = (
        _mapping(rule.parameters[2])
        if len(rule.parameters) > 2
        else {name: name for name in world.data.types if name not in keys}
    )
    if any(name not in reference.types for name in columns.values()):
        return Found(FAILED)
    flags = []
    for row in world.data.rows:
        partners = [
            other
            for other in reference.rows
            if all(
                row[ours] is not None and other[theirs] is not None
                and same(row[ours], other[theirs])
                for ours, theirs in keys.items()
            )
        ]  # fmt: skip
        flags.append(
            any(
                all(_alike(row[ours], other[theirs]) for ours, theirs in columns.items())
                for other in partners
            )
        )
    for rows, names in ((world.data.rows, keys), (reference.rows, keys.values())):
        if any(
            n > 1 for _, n in how_often([tuple(row[name] for name in names) for row in rows])
        ):
            return Found(FAILED, {}, flags)
    return _reference_share(f"Dataset.{alias}.DatasetMatch", flags, rule, world)


def _mapping(text: str) -> dict[str, str]:
    found = {}
    for part in text.split(","):
        ours, _, theirs = part.strip().partition("->")
        found[ours.strip()] = theirs.strip() or ours.strip()
    return found


def _custom_sql(rule: Rule, world: World) -> Found:
    given = world.statements[rule.parameters[0]](world.data)
    if rule.condition is not None:
        if given is None:
            return Found(FAILED)
        return told("Dataset.*.CustomSQL", given, rule, world)
    flags = [
        any(all(_alike(row[name], other[name]) for name in other) for other in given)
        for row in world.data.rows
    ]
    if not flags:
        return Found(FAILED, {}, flags)
    share = sum(flags) / len(flags)
    good = holds(share, rule.threshold) if rule.threshold else share == 1
    metric = "Dataset.*.CustomSQL.Compliance"
    return Found(PASSED if good else FAILED, {metric: share}, flags)


COLUMNLESS = {
    "RowCount", "ColumnCount", "ColumnExists", "ReferentialIntegrity", "RowCountMatch",
    "SchemaMatch", "AggregateMatch", "DatasetMatch", "CustomSql",
}  # fmt: skip
RULES: dict[str, Callable[[Rule, World], Found]] = {
    "IsComplete": _completeness,
    "Completeness": _completeness,
    "IsUnique": _uniqueness,
    "Uniqueness": _uniqueness,
    "IsPrimaryKey": _primary_key,
    "UniqueValueRatio": _unique_value_ratio,
    "DistinctValuesCount": _distinct,
    "Entropy": _entropy,
    "Mean": _statistic,
    "Sum": _statistic,
    "StandardDeviation": _statistic,
    "Variance": _statistic,
    "Range": _range,
    "InterquartileRange": _interquartile_range,
    "Skewness": _moments,
    "Kurtosis": _moments,
    "ZerosCount": _zeros_count,
    "DuplicateRowCount": _duplicate_row_count,
    "ColumnValues": _column_values,
    "ColumnLength": _column_length,
    "DataFreshness": _data_freshness,
    "RowCount": _row_count,
    "ColumnCount": _column_count,
    "ColumnExists": _column_exists,
    "ReferentialIntegrity": _referential_integrity,
    "RowCountMatch": _row_count_match,
    "SchemaMatch": _schema_match,
    "AggregateMatch": _aggregate_match,
    "DatasetMatch": _dataset_match,
    "CustomSql": _custom_sql,
}
