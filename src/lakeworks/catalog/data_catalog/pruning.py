"""A partition filter as SQL over the indexed keys, and as a test of one partition. Pure.

The SQL may keep more than the filter asks (`exact` is false then), never less: what an index
cannot say (`like` beyond its first letters, keys after the fifth) is asked again of each row.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from operator import eq, ge, gt, le, lt, ne
from typing import TYPE_CHECKING, Any, Literal, cast

from lakeworks.catalog.data_catalog.errors import PartitionFilterError
from lakeworks.catalog.data_catalog.key_order import is_text, sortable
from lakeworks.catalog.data_catalog.model import HIVE_NULL
from lakeworks.catalog.data_catalog.partition_filter import (
    AllOf,
    AnyOf,
    Comparison,
    Negation,
    PartitionFilter,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lakeworks.catalog.data_catalog.model import Column

INDEXED_KEYS = 5
_MOST_IN_SQL = 500
_ARITY = {"between": 2, "is null": 0, "is not null": 0, "is unreadable": 0}
_OPPOSITE = {
    "=": "<>", "<>": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">",
    "is null": "is not null", "is not null": "is null",
}  # fmt: skip
_HIGHEST = chr(0x10FFFF)
_SURROGATES, _BEHIND_SURROGATES = 0xD800, 0xE000
_COMPARE: dict[str, Callable[[str, str], bool]] = {
    "=": eq, "<>": ne, "<": lt, "<=": le, ">": gt, ">=": ge,
}  # fmt: skip

_Plain = Literal["=", "<>", "<", "<=", ">", ">=", "in", "like", "not like", "is null",
                 "is not null", "is unreadable"]  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Test:
    """A comparison in its plainest form: values are sortable texts, or a pattern."""

    position: int
    operator: _Plain
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Group:
    all: bool
    parts: tuple[_Test | _Group, ...]


@dataclass(frozen=True, slots=True)
class Pruning:
    """A filter, ready for one table's partitions.

    Attributes:
        sql: A condition over the columns k0, k1, …; empty when every partition may match.
        values: Its named values.
        exact: Whether the condition says all that the filter does.
        accepts: Whether the partition of these values matches.
    """

    sql: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    exact: bool = True
    accepts: Callable[[Sequence[str]], bool] = lambda _values: True


def prepared(where: PartitionFilter | None, keys: Sequence[Column]) -> Pruning:
    """Hold a filter to a table's keys and write it as SQL.

    Raises:
        PartitionFilterError: it names another column, or a value that is not of its key's type.
    """
    if where is None:
        return Pruning()
    tree = _plain(where, keys, negated=False)
    writer = _Writer()
    sql = writer.write(tree)
    kinds = [key.type for key in keys]
    return Pruning(
        sql or "",
        writer.values,
        exact=writer.exact,
        accepts=lambda values: _true(tree, kinds, values),
    )


def accepts(where: PartitionFilter, keys: Sequence[Column], values: Sequence[str]) -> bool:
    """Whether the partition with these values of these keys matches a filter.

    Raises:
        PartitionFilterError: as `prepared`, which is quicker for many partitions.
    """
    return prepared(where, keys).accepts(values)


def _plain(where: PartitionFilter, keys: Sequence[Column], *, negated: bool) -> _Test | _Group:
    match where:
        case Negation(part):
            return _plain(part, keys, negated=not negated)
        case AllOf(parts) | AnyOf(parts):
            inner = tuple(_plain(part, keys, negated=negated) for part in parts)
            return _Group(isinstance(where, AllOf) != negated, inner)
        case Comparison():
            return _plain_comparison(where, keys, negated=negated)


def _plain_comparison(
    where: Comparison, keys: Sequence[Column], *, negated: bool
) -> _Test | _Group:
    position = _position(where, keys)
    operator, values = where.operator, where.values
    wanted = _ARITY.get(operator, 1)
    if len(values) != wanted and operator != "in":
        raise PartitionFilterError.arity(where.key, operator, wanted, len(values))
    if operator == "like":
        return _like_test(position, keys[position].type, str(values[0]), negated=negated)
    typed = tuple(_typed(keys[position], value) for value in values)
    if operator == "between":
        low, high = typed
        ends: tuple[tuple[_Plain, str], ...] = (
            (("<", low), (">", high)) if negated else ((">=", low), ("<=", high))
        )
        return _Group(not negated, tuple(_Test(position, op, (v,)) for op, v in ends))
    if operator == "in":
        if not negated:
            return _Test(position, "in", typed)
        return _Group(all=True, parts=tuple(_Test(position, "<>", (one,)) for one in typed))
    plain = _OPPOSITE[operator] if negated else operator
    return _Test(position, cast("_Plain", plain), typed)


def _like_test(position: int, kind: str, pattern: str, *, negated: bool) -> _Test | _Group:
    """Return the test of a pattern, with the range of its first letters where an index has it."""
    if negated:
        return _Test(position, "not like", (pattern,))
    test = _Test(position, "like", (pattern,))
    prefix = re.split("[%_]", pattern, maxsplit=1)[0]
    if not prefix or not is_text(kind):
        return test
    first = _Test(position, ">=", (prefix,))
    after = after_prefix(prefix)
    if after is None:
        return _Group(all=True, parts=(first, test))
    return _Group(all=True, parts=(first, _Test(position, "<", (after,)), test))


def after_prefix(prefix: str) -> str | None:
    """Return the first text that sorts behind every text with this prefix; None: there is none."""
    kept = prefix.rstrip(_HIGHEST)
    if not kept:
        return None
    following = ord(kept[-1]) + 1
    # Surrogates are no letters: no database stores them.
    return kept[:-1] + chr(_BEHIND_SURROGATES if following == _SURROGATES else following)


def _position(where: Comparison, keys: Sequence[Column]) -> int:
    for position, key in enumerate(keys):
        if key.name.casefold() == where.key.casefold():
            return position
    raise PartitionFilterError.key(where.key, (key.name for key in keys))


def _typed(key: Column, value: Any) -> str:  # noqa: ANN401 - any value of a filter
    found = sortable(key.type, value)
    if found is None:
        raise PartitionFilterError.value(key.name, key.type, value)
    return found


class _Writer:
    """Writes a tree as SQL; None stands for a condition that keeps everything."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.exact = True

    def write(self, tree: _Test | _Group) -> str | None:
        if isinstance(tree, _Test):
            return self._test(tree)
        written = [self.write(part) for part in tree.parts]
        if tree.all:
            kept = [one for one in written if one is not None]
            return " AND ".join(kept) if kept else None
        if any(one is None for one in written):
            return None
        return f"({' OR '.join(map(str, written))})" if written else "1 = 0"

    def _test(self, test: _Test) -> str | None:
        if test.position >= INDEXED_KEYS or test.operator == "not like":
            self.exact = False
            return None
        column = f"k{test.position}"
        match test.operator:
            case "is null" | "is not null" | "is unreadable":
                # A value that is none of its key's type has no sortable text, yet is not null.
                self.exact = False
                return None if test.operator == "is not null" else f"{column} IS NULL"
            case "like":
                # Of a key that is no text its sortable text is not what the pattern is held to.
                self.exact = False
                return None
            case "in":
                return self._in(column, test.values)
            case _:
                return f"{column} {test.operator} {self._value(test.values[0])}"

    def _in(self, column: str, values: tuple[str, ...]) -> str:
        if not values:
            return "1 = 0"
        if len(values) > _MOST_IN_SQL:
            self.exact = False
            low, high = self._value(min(values)), self._value(max(values))
            return f"{column} >= {low} AND {column} <= {high}"
        return f"{column} IN ({', '.join(self._value(one) for one in values)})"

    def _value(self, value: str) -> str:
        name = f"f{len(self.values)}"
        self.values[name] = value
        return f":{name}"


def _true(tree: _Test | _Group, kinds: Sequence[str], values: Sequence[str]) -> bool:
    # Negations stand at the leaves, so that unknown and false need not be told apart.
    if isinstance(tree, _Group):
        parts = (_true(part, kinds, values) for part in tree.parts)
        return all(parts) if tree.all else any(parts)
    return _holds(tree, kinds[tree.position], values[tree.position])


def _holds(test: _Test, kind: str, value: str) -> bool:
    null = value == HIVE_NULL
    match test.operator:
        case "is null":
            return null
        case "is not null":
            return not null
        case "is unreadable":
            return not null and sortable(kind, value) is None
        case "like" | "not like":
            return not null and _like(test.values[0], value) == (test.operator == "like")
        case _:
            pass
    found = sortable(kind, value)
    return found is not None and _compared(test.operator, found, test.values)


def _compared(operator: _Plain, found: str, values: tuple[str, ...]) -> bool:
    if operator == "in":
        return found in values
    return _COMPARE[operator](found, values[0])


def _like(pattern: str, value: str) -> bool:
    wild = {"%": ".*", "_": "."}
    written = "".join(wild.get(letter) or re.escape(letter) for letter in pattern)
    return re.fullmatch(written, value, re.DOTALL) is not None
