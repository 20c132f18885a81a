"""Laws of Athena's dialect: arithmetic and arrays as Trino has them, and errors of our own only."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Any

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from lakeworks.project.athena.errors import AthenaSyntaxError, AthenaUnsupportedError
from lakeworks.project.athena.translation import translate

WORDS = tuple(
    """
select from where group by order having limit offset with as join left cross unnest on using t s.t
a b x "q" 'text' 1 2.5 1e0 null true ( ) [ ] , . ; * + - / % || = <> < and or not in is like between
case when then else end cast( as varchar) array[ map( row( interval '1' day date '2026-01-01' -> =>
count( sum( max_by( transform( reduce( json_extract( date_add( over ( partition by) filter (where
try( if( coalesce( extract(year lateral ( values grouping sets exists ( union all except intersect
recursive fetch first rows only tablesample bernoulli at time zone 'UTC' ? @v1 $1 {0} {*} -- /* */
within group distinct ignore nulls for version as of explain describe
""".split()  # noqa: SIM905 - a list of so many would hide what is in it
)


@cache
def _connection() -> Any:
    found = duckdb.connect()
    found.execute("SET TimeZone = 'UTC'")
    return found


def answer(expression: str) -> Any:
    row = _connection().cursor().execute(translate(f"SELECT {expression} AS v")).fetchone()
    return row[0]


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=25))
def test_any_words_translate_or_are_refused_by_name(words: list[str]) -> None:
    try:
        translated = translate(" ".join(words))
    except (AthenaSyntaxError, AthenaUnsupportedError):
        return
    assert translated


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_the_text_that_it_was(text: str) -> None:
    text = text.replace("\x00", "")
    quoted = text.replace("'", "''")
    assert answer(f"'{quoted}'") == text


Tree = tuple[str, Any, Any] | int


def trees() -> st.SearchStrategy[Tree]:
    return st.recursive(
        st.integers(-50, 50),
        lambda inner: st.tuples(st.sampled_from("+-*/%"), inner, inner),
        max_leaves=6,
    )


def written(tree: Tree) -> str:
    if isinstance(tree, int):
        return f"({tree})"
    return f"({written(tree[1])} {tree[0]} {written(tree[2])})"


def computed(tree: Tree) -> int:
    if isinstance(tree, int):
        return tree
    left, right = computed(tree[1]), computed(tree[2])
    if tree[0] in "/%":
        cut = abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)
        return cut if tree[0] == "/" else left - cut * right
    return {"+": left + right, "-": left - right, "*": left * right}[tree[0]]


@settings(max_examples=200, deadline=None)
@given(trees())
def test_whole_numbers_compute_as_in_trino(tree: Tree) -> None:
    try:
        wanted = computed(tree)
    except ZeroDivisionError:
        wanted = None
    try:
        found = answer(written(tree))
    except duckdb.Error as error:
        found, failure = None, str(error)
    # By zero; or beyond 32 bits, which Trino's integer has, too.
    assert found == wanted or "Overflow" in failure


def decimals() -> st.SearchStrategy[Decimal]:
    return st.decimals(-9999, 9999, places=3, allow_nan=False) | st.decimals(
        -99, 99, places=1, allow_nan=False
    )


@settings(max_examples=200, deadline=None)
@given(decimals(), decimals().filter(bool))
def test_decimals_divide_to_the_larger_scale_rounded_half_up(
    one: Decimal, two: Decimal
) -> None:
    scale = max(-int(one.as_tuple().exponent), -int(two.as_tuple().exponent))
    wanted = (one / two).quantize(Decimal(1).scaleb(-scale), rounding=ROUND_HALF_UP)
    assert answer(f"decimal '{one}' / decimal '{two}'") == wanted


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.integers(0, 5), max_size=6),
    st.integers(-8, 8).filter(bool),
    st.integers(0, 8),
)
def test_slices_count_from_one_or_from_the_end(
    items: list[int], start: int, length: int
) -> None:
    begin = start - 1 if start > 0 else len(items) + start
    wanted = items[begin : begin + length] if 0 <= begin <= len(items) else []
    array = f"cast(array{items} as array(integer))"
    assert answer(f"slice({array}, {start}, {length})") == wanted
    found = items[begin] if 0 <= begin < len(items) else None
    assert answer(f"element_at({array}, {start})") == found


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(st.none(), st.integers(0, 3)), max_size=6))
def test_sets_keep_the_first_of_equals(items: list[int | None]) -> None:
    told = ", ".join("null" if one is None else str(one) for one in items)
    array = f"cast(array[{told}] as array(integer))"
    assert answer(f"array_distinct({array})") == list(dict.fromkeys(items))
    ordered = sorted(one for one in items if one is not None)
    assert answer(f"array_sort({array})") == [*ordered, *[None] * items.count(None)]
