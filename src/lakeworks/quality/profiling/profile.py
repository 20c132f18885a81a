"""Describe a table's columns in one scan: types, nulls, distinct values, quantiles, top values.

Counts, extremes, means and deviations are exact. Distinct values and quantiles of large tables
are the engine's own estimates (HyperLogLog and t-digest or their like), and top values and patterns
are those of a sample that the same scan draws; of a table no larger than the sample, all are
exact, and different values are counted in it: an engine that groups by each column for that, too,
needs minutes. `ColumnProfile` says which is which.

The figures are those of Amazon Deequ's column profiles, on which AWS Glue's recommendations
rest: https://docs.aws.amazon.com/glue/latest/dg/data-quality-getting-started.html
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lakeworks.core.names import quote_identifier
from lakeworks.core.types import Array, Decimal, Map, Scalar, Struct

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakeworks.core.types import Field, Schema, Type
    from lakeworks.engines.protocol import Session

SAMPLE_ROWS = 20_000
TOP_VALUES = 10
TOP_PATTERNS = 5
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
LONGEST_VALUE = 200
# The squares of what is larger leave a double's range.
_LARGEST_SQUARED = "1e150"
_NUMBERS = frozenset({"tinyint", "smallint", "int", "bigint", "float", "double"})
_TIMES = frozenset({"date", "timestamp", "timestamp_ntz"})
_RUNS = (
    (re.compile(r"\d+"), "9"),
    (re.compile(r"[^\W\d_]+"), "a"),
    (re.compile(r"\s+"), " "),
)


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """One column.

    Attributes:
        nulls: Exact, as are `minimum`, `maximum`, `mean`, `standard_deviation` (of the
            population, without what is no number or as good as infinite), `shortest` and
            `longest` (characters), `empty` texts.
        distinct: Exact where `Profile.exact`, else an estimate, off by some 13 % on the
            embedded engine, and by 2 % on Spark; None of nested columns.
        quantiles: Share (`0.5` is the median) to value.
        top_values: The commonest values with their share of the sample's rows.
        patterns: The commonest shapes of texts (`9` stands for digits, `a` for letters), with
            their share of the texts in the sample.
    """

    name: str
    type: str
    rows: int
    nulls: int
    distinct: int | None = None
    minimum: Any = None
    maximum: Any = None
    mean: float | None = None
    standard_deviation: float | None = None
    quantiles: Mapping[float, Any] = field(default_factory=dict)
    shortest: int | None = None
    longest: int | None = None
    empty: int | None = None
    top_values: tuple[tuple[Any, float], ...] = ()
    patterns: tuple[tuple[str, float], ...] = ()

    @property
    def completeness(self) -> float:
        """The share of rows that are not null, 0 to 1; 1 of no rows."""
        return (self.rows - self.nulls) / self.rows if self.rows else 1.0


@dataclass(frozen=True, slots=True)
class Profile:
    """A table's columns.

    Attributes:
        sampled: Rows of which top values and patterns are.
        exact: Whether the sample is the whole table, and `distinct` was counted.
    """

    rows: int
    sampled: int
    exact: bool
    columns: tuple[ColumnProfile, ...]

    def column(self, name: str) -> ColumnProfile:
        """Return one column's profile.

        Raises:
            KeyError: no such column.
        """
        for one in self.columns:
            if one.name == name:
                return one
        raise KeyError(name)


def profile(session: Session, relation: str, schema: Schema, *, rows: int) -> Profile:
    """Describe every column of a bound table, in one scan but for different long texts.

    Args:
        session: In which the relation is bound.
        relation: A quoted table name, or a SELECT in parentheses.
        schema: Its columns.
        rows: How many rows it has, as near as is known: decides how large a share is drawn.
    """
    exact = rows <= SAMPLE_ROWS
    share = 1.0 if exact else SAMPLE_ROWS / rows
    asked = [_Asked(f, i, exact=exact) for i, f in enumerate(schema)]
    items = ["count(*) AS n", "count(*) FILTER (WHERE __drawn) AS drawn"]
    items += [f"{expression} AS {name}" for one in asked for name, expression in one.items()]
    drawn = "true" if exact else f"random() < {share!r}"
    table = session.query(
        f"SELECT {', '.join(items)} FROM (SELECT *, {drawn} AS __drawn FROM {relation} AS __t) "
        "AS __sampled",
        estimates=not exact,
    ).read_all()
    figures = table.to_pylist()[0]
    longer = [item for one in asked for item in one.items_of_long_texts(figures)]
    if longer:
        items = [f"{expression} AS {name}" for name, expression in longer]
        figures |= session.figures(f"SELECT {', '.join(items)} FROM {relation} AS __t")
    return Profile(
        rows=figures["n"],
        sampled=figures["drawn"],
        exact=exact,
        columns=tuple(one.profile(figures) for one in asked),
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked of one column, under names made of its position."""

    field: Field
    position: int
    exact: bool

    def items(self) -> list[tuple[str, str]]:
        column, kind = quote_identifier(self.field.name), self.field.type
        found = [("full", f"count({column})")]
        if isinstance(kind, Array | Map | Struct) or kind == Scalar("binary"):
            return self._named(found)
        if not self.exact:
            found.append(("distinct", f"approx_count_distinct({column})"))
        shown = f"left({column}, {LONGEST_VALUE})" if _is_text(kind) else column
        found.append(("sample", f"list({shown}) FILTER (WHERE __drawn)"))
        if _is_text(kind):
            found += [
                ("shortest", f"min(length({column}))"),
                ("longest", f"max(length({column}))"),
                ("empty", f"count(*) FILTER (WHERE {column} = '')"),
            ]
        if _is_text(kind) or _is_number(kind) or _is_time(kind):
            found += [("least", f"min({column})"), ("most", f"max({column})")]
        if _is_number(kind):
            number = f"CAST({column} AS DOUBLE)"
            found += [
                ("mean", f"avg({number})"),
                (
                    "deviation",
                    f"stddev_pop({number}) FILTER (WHERE abs({number}) < {_LARGEST_SQUARED})",
                ),
                ("quantiles", _quantiles(number, exact=self.exact)),
            ]
        return self._named(found)

    def items_of_long_texts(self, figures: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Return what the sample, which holds the beginnings of texts, cannot tell."""
        longest = figures.get(f"c{self.position}_longest") or 0
        if not self.exact or longest <= LONGEST_VALUE:
            return []
        column = quote_identifier(self.field.name)
        return self._named([("distinct", f"count(DISTINCT {column})")])

    def profile(self, figures: Mapping[str, Any]) -> ColumnProfile:
        def figure(name: str) -> Any:  # noqa: ANN401 - of the column's type
            return figures.get(f"c{self.position}_{name}")

        sample = [_same(value) for value in figure("sample") or () if value is not None]
        rows, distinct = figures["n"], figure("distinct")
        if distinct is None and f"c{self.position}_sample" in figures:
            distinct = len(set(sample))
        quantiles = figure("quantiles") or [None] * len(QUANTILES)
        is_number = _is_number(self.field.type)
        return ColumnProfile(
            name=self.field.name,
            type=str(self.field.type),
            rows=rows,
            nulls=rows - figure("full"),
            distinct=distinct,
            minimum=_shown(figure("least")),
            maximum=_shown(figure("most")),
            mean=figure("mean"),
            standard_deviation=figure("deviation"),
            quantiles=dict(zip(QUANTILES, quantiles, strict=True)) if is_number else {},
            shortest=figure("shortest"),
            longest=figure("longest"),
            empty=figure("empty"),
            top_values=_top(sample, figures["drawn"], TOP_VALUES),
            patterns=_patterns(sample) if _is_text(self.field.type) else (),
        )

    def _named(self, items: list[tuple[str, str]]) -> list[tuple[str, str]]:
        return [(f"c{self.position}_{name}", expression) for name, expression in items]


def pattern_of(text: str) -> str:
    """Return a text's shape: `9` for a run of digits, `a` of letters; the rest as it is."""
    for run, mark in _RUNS:
        text = run.sub(mark, text)
    return text


def _quantiles(number: str, *, exact: bool) -> str:
    function = "quantile_cont" if exact else "approx_quantile"
    return f"{function}({number}, [{', '.join(map(str, QUANTILES))}])"


def _top(sample: list[Any], rows: int, most: int) -> tuple[tuple[Any, float], ...]:
    common = Counter(sample).most_common()
    # Values as frequent as each other are in the order of their text, on every engine.
    common.sort(key=lambda one: (-one[1], str(one[0])))
    return tuple((value, count / rows) for value, count in common[:most])


def _patterns(sample: list[str]) -> tuple[tuple[str, float], ...]:
    return _top([pattern_of(text) for text in sample], len(sample), TOP_PATTERNS)


def _same(value: Any) -> Any:  # noqa: ANN401 - of the column's type
    """Return a value that is equal to all like it: to Python no two NaNs are."""
    return math.nan if value != value else value  # noqa: PLR0124


def _shown(value: Any) -> Any:  # noqa: ANN401 - of the column's type
    return value[:LONGEST_VALUE] if isinstance(value, str) else value


def _is_text(kind: Type) -> bool:
    return kind == Scalar("string")


def _is_number(kind: Type) -> bool:
    return isinstance(kind, Decimal) or (isinstance(kind, Scalar) and kind.name in _NUMBERS)


def _is_time(kind: Type) -> bool:
    return isinstance(kind, Scalar) and kind.name in _TIMES
