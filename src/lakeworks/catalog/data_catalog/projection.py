"""Partition projection: partitions computed from a table's properties, as Athena documents it.

https://docs.aws.amazon.com/athena/latest/ug/partition-projection.html and its pages on supported
types. With `projection.enabled`, entries of partitions in the catalog are not looked at. Pure.
"""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import dataclass
from datetime import date
from functools import partial
from operator import ge, gt
from typing import TYPE_CHECKING, Any, cast

from lakeworks.catalog.data_catalog.errors import ProjectionError
from lakeworks.catalog.data_catalog.projected_dates import (
    UNITS,
    DateFormat,
    DateFormatError,
    bound,
    stepped,
    steps_between,
    truncated,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from lakeworks.catalog.data_catalog.model import TableEntry
    from lakeworks.catalog.data_catalog.partition_filter import Comparison

ENABLED, TEMPLATE = "projection.enabled", "storage.location.template"
TYPES = ("enum", "integer", "date", "injected")
MOST_PARTITIONS = 1_000_000
MOST_INJECTED = 1_000
_PLACEHOLDER = re.compile(r"\$\{([^}]*)\}")
_INTEGERS = {"tinyint", "smallint", "int", "integer", "bigint"}
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_LEAST, _MOST = -(2**63), 2**63 - 1


@dataclass(frozen=True, slots=True)
class Grid:
    """The values of one partition column: so many, each computed by its number.

    Attributes:
        ordered: Whether the texts are in order as texts.
        number_of: The number of a text, or None where it is no value.
        numeric: Whether they are in order as whole numbers.
    """

    count: int
    text: Callable[[int], str]
    ordered: bool
    number_of: Callable[[str], int | None]
    numeric: bool = False


@dataclass(frozen=True, slots=True)
class Projection:
    """How the partitions of one table are computed.

    Attributes:
        columns: Name, in lower case, and Hive type of each partition column.
        grids: The values of each; None for an injected one.
        template: Where a partition's files are, with `${column}` for each value.
    """

    table: str
    columns: tuple[tuple[str, str], ...]
    grids: tuple[Grid | None, ...]
    template: str

    def partitions(self, tests: Sequence[Comparison]) -> Iterator[tuple[tuple[str, ...], str]]:
        """Yield values and location of each partition for which all tests hold.

        Args:
            tests: `=`, `<`, `<=`, `>`, `>=` and `in`, on values of the columns' types.

        Raises:
            ProjectionError: an injected column has no value, or there are too many partitions.
        """
        wanted = [
            self._values(name, kind, grid, [t for t in tests if t.key.lower() == name])
            for (name, kind), grid in zip(self.columns, self.grids, strict=True)
        ]
        count = math.prod(len(values) for values in wanted)
        if count > MOST_PARTITIONS:
            raise ProjectionError.too_many(
                self.table, count, MOST_PARTITIONS, self._wide(wanted)
            )
        for values in itertools.product(*wanted):
            yield values, self._location(values)

    def _values(
        self, name: str, kind: str, grid: Grid | None, tests: Sequence[Comparison]
    ) -> Sequence[str]:
        equal = _equal(tests)
        if grid is None:
            if equal is None:
                raise ProjectionError.injected(self.table, name)
            if len(equal) > MOST_INJECTED:
                raise ProjectionError.too_many(self.table, len(equal), MOST_INJECTED, [name])
            return [_as_text(value) for value in equal]
        numbers = _numbers(grid, kind, equal, tests)
        if _size(numbers) > MOST_PARTITIONS:
            raise ProjectionError.too_many(self.table, _size(numbers), MOST_PARTITIONS, [name])
        texts = (grid.text(n) for n in numbers)
        return [text for text in texts if all(_holds(test, text, kind) for test in tests)]

    def _location(self, values: tuple[str, ...]) -> str:
        held = {name: value for (name, _), value in zip(self.columns, values, strict=True)}
        return _PLACEHOLDER.sub(lambda found: held[found[1].strip().lower()], self.template)

    def _wide(self, wanted: Sequence[Sequence[str]]) -> list[str]:
        return [
            name for (name, _), held in zip(self.columns, wanted, strict=True) if len(held) > 1
        ]


def projection_of(entry: TableEntry, now: datetime) -> Projection | None:
    """Return the projection of a table; None when it has none, or it is switched off.

    Args:
        now: The moment that NOW stands for, in UTC.

    Raises:
        ProjectionError: a property is missing or wrong.
    """
    parameters = {key.lower(): value for key, value in entry.parameters.items()}
    if parameters.get(ENABLED, "").strip().lower() != "true" or not entry.partition_keys:
        return None
    reader = _Reader(str(entry.name), parameters, now)
    columns = tuple((key.name.lower(), key.type.lower()) for key in entry.partition_keys)
    grids = tuple(reader.grid(name, kind) for name, kind in columns)
    location = entry.storage.location.rstrip("/")
    hive = "".join(f"/{name}=${{{name}}}" for name, _ in columns)
    template = parameters.get(TEMPLATE, f"{location}{hive}").rstrip("/")
    reader.check_template(template, {name for name, _ in columns})
    return Projection(str(entry.name), columns, grids, template)


class _Reader:
    """Reads a table's properties."""

    def __init__(self, table: str, parameters: Mapping[str, str], now: datetime) -> None:
        self.table = table
        self.parameters = parameters
        self.now = now

    def grid(self, column: str, kind: str) -> Grid | None:
        """Return the values of a column; None where queries say them."""
        said = self.needed(column, "type").strip().lower()
        match said:
            case "enum":
                return _enumerated(self.needed(column, "values").split(","))
            case "integer":
                return self._integers(column)
            case "date":
                return self._dates(column)
            case "injected":
                if kind != "string":
                    problem = "is injected, and its column is no string"
                    raise self.wrong(column, "type", problem)
                return None
            case _:
                hint = f"it is one of {', '.join(TYPES)}"
                raise self.wrong(column, "type", f"is {said!r}", hint)

    def check_template(self, template: str, columns: set[str]) -> None:
        """Refuse a template that leaves a column out, or names none of the table's."""
        named = {found.strip().lower() for found in _PLACEHOLDER.findall(template)}
        if named != columns:
            lacking = ", ".join(f"${{{name}}}" for name in sorted(columns - named))
            foreign = ", ".join(f"${{{name}}}" for name in sorted(named - columns))
            problem = f"lacks {lacking}" if lacking else f"names {foreign}, no partition column"
            raise ProjectionError.wrong(self.table, TEMPLATE, problem)

    def needed(self, column: str, key: str) -> str:
        """Return a property that must be there."""
        found = self.parameters.get(f"projection.{column}.{key}")
        if found is None:
            raise self.wrong(column, key, "is missing")
        return found

    def wrong(self, column: str, key: str, problem: str, hint: str = "") -> ProjectionError:
        """Say what is wrong with a property."""
        setting = f"projection.{column}.{key}"
        return ProjectionError.wrong(self.table, setting, problem, hint)

    def _whole(self, column: str, key: str, default: int) -> int:
        text = self.parameters.get(f"projection.{column}.{key}", str(default)).strip()
        if not re.fullmatch(r"\d{1,18}", text) or int(text) < 1:
            raise self.wrong(column, key, f"is {text!r}, and no positive whole number")
        return int(text)

    def _ends(self, column: str) -> tuple[str, str]:
        text = self.needed(column, "range")
        low, comma, high = text.partition(",")
        if not comma or "," in high:
            raise self.wrong(column, "range", f"is {text!r}, and not two values with a comma")
        return low, high

    def _integers(self, column: str) -> Grid:
        ends = [text.strip() for text in self._ends(column)]
        if not all(re.fullmatch(r"[+-]?\d{1,19}", text) for text in ends):
            raise self.wrong(column, "range", "is no range of whole numbers")
        low, high = map(int, ends)
        if not _LEAST <= low <= high <= _MOST:
            raise self.wrong(column, "range", "ends before it begins, or beyond 64 bits")
        step = self._whole(column, "interval", 1)
        given = f"projection.{column}.digits" in self.parameters
        digits = self._whole(column, "digits", 1) if given else 0

        def text(number: int) -> str:
            value = low + number * step
            sign = "-" if value < 0 else ""
            return f"{sign}{abs(value):0{digits}}" if digits else str(value)

        def number_of(written: str) -> int | None:
            if not re.fullmatch(r"[+-]?\d{1,40}", written):
                return None
            number, rest = divmod(int(written) - low, step)
            return number if not rest and 0 <= number < count else None

        count = (high - low) // step + 1
        ordered = low >= 0 and (len(str(high)) <= digits or len(str(low)) == len(str(high)))
        return Grid(count, text, ordered, number_of, numeric=True)

    def _dates(self, column: str) -> Grid:
        try:
            written = DateFormat.of(self.needed(column, "format"))
        except DateFormatError as error:
            raise self.wrong(column, "format", f"cannot be read: {error}") from None
        try:
            ends = [bound(text, written, self.now) for text in self._ends(column)]
        except DateFormatError as error:
            raise self.wrong(column, "range", f"cannot be read: {error}") from None
        low, high = (truncated(moment, written.precision) for moment in ends)
        step, unit = self._step(column, written)
        steps = steps_between(low, high, unit)
        if steps < 0:
            raise self.wrong(column, "range", "ends before it begins")

        def text(number: int) -> str:
            return written.text(stepped(low, number * step, unit))

        def number_of(said: str) -> int | None:
            moment = written.moment(said)
            if moment is None or not low <= moment <= high:
                return None
            number = steps_between(low, moment, unit) // step
            return next(
                (n for n in (number, number + 1) if n < count and text(n) == said), None
            )

        count = steps // step + 1
        numeric = written.ordered and text(0).isdecimal()
        return Grid(count, text, written.ordered, number_of, numeric)

    def _step(self, column: str, written: DateFormat) -> tuple[int, str]:
        names = {f"projection.{column}.{key}" for key in ("interval", "interval.unit")}
        if not names & set(self.parameters):
            if written.precision not in {"DAYS", "MONTHS"}:
                problem = f"is missing, and dates of {written.precision.lower()} need one"
                raise self.wrong(column, "interval", problem)
            return 1, written.precision
        key = f"projection.{column}.interval.unit"
        default = written.precision if written.precision in {"DAYS", "MONTHS"} else ""
        unit = self.parameters.get(key, default).strip().upper()
        if unit not in UNITS:
            hint = f"it is one of {', '.join(UNITS)}"
            raise self.wrong(column, "interval.unit", f"is {unit!r}", hint)
        return self._whole(column, "interval", 1), unit


def _enumerated(values: Sequence[str]) -> Grid:
    distinct = list(dict.fromkeys(values))
    places = {value: number for number, value in enumerate(distinct)}
    return Grid(len(distinct), distinct.__getitem__, ordered=False, number_of=places.get)


def _equal(tests: Sequence[Comparison]) -> list[Any] | None:
    held = [test.values for test in tests if test.operator in {"=", "in"}]
    return list(dict.fromkeys(held[0])) if held else None


def _numbers(
    grid: Grid, kind: str, equal: list[Any] | None, tests: Sequence[Comparison]
) -> Sequence[int]:
    """Return the numbers of the values for which tests may hold."""
    if equal is not None and (kind in {"string"} | _INTEGERS or kind.startswith("date")):
        found = [grid.number_of(_as_text(value)) for value in equal]
        if all(number is not None for number in found) or kind == "string":
            return sorted({number for number in found if number is not None})
    order: Callable[[str], Any] | None = None
    if kind in _INTEGERS and grid.numeric:
        order = int
    elif grid.ordered and (
        kind == "string" or (kind == "date" and _DAY.fullmatch(grid.text(0)))
    ):
        order = str
    return range(grid.count) if order is None else _between(grid, order, tests)


def _between(grid: Grid, order: Callable[[str], Any], tests: Sequence[Comparison]) -> range:
    """Return the numbers of values within the bounds of tests."""
    low, high = 0, grid.count
    for test in tests:
        if not test.values or (order is int and not isinstance(test.values[0], int)):
            continue
        end = test.values[0] if order is int else _as_text(test.values[0])
        if test.operator in {">", ">="}:
            low = max(low, _first(grid.count, partial(_reaches, grid, order, ge, end)))
        if test.operator in {"<", "<="}:
            high = min(high, _first(grid.count, partial(_reaches, grid, order, gt, end)))
    return range(low, max(low, high))


def _reaches(
    grid: Grid,
    order: Callable[[str], Any],
    compare: Callable[[Any, Any], bool],
    end: object,
    number: int,
) -> bool:
    return compare(order(grid.text(number)), end)


def _first(count: int, reached: Callable[[int], bool]) -> int:
    """Return the first number that is reached, as all after it are; `count` where none is.

    (`bisect` counts as C does, and a range may be longer.)
    """
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if reached(middle):
            high = middle
        else:
            low = middle + 1
    return low


def _size(numbers: Sequence[int]) -> int:
    return numbers.stop - numbers.start if isinstance(numbers, range) else len(numbers)


def _holds(test: Comparison, text: str, kind: str) -> bool:
    """Whether a test holds for a value; where that cannot be told, it may."""
    value: Any = text
    if kind in _INTEGERS:
        value = int(text) if re.fullmatch(r"[+-]?\d{1,40}", text) else None
    elif kind == "date":
        try:
            value = date.fromisoformat(text)
        except ValueError:
            value = None
    elif kind != "string":
        return True
    if value is None or not all(isinstance(one, type(value)) for one in test.values):
        return True
    return _compared(value, test)


def _compared(value: Any, test: Comparison) -> bool:  # noqa: ANN401 - of the column's kind
    first = cast("Any", test.values[0]) if test.values else None
    match test.operator:
        case "=" | "in":
            return value in test.values
        case "<":
            return bool(value < first)
        case "<=":
            return bool(value <= first)
        case ">":
            return bool(value > first)
        case ">=":
            return bool(value >= first)
        case _:
            return True


def _as_text(value: Any) -> str:  # noqa: ANN401 - of the column's kind
    return value.isoformat() if isinstance(value, date) else str(value)
