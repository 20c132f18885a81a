"""Statements that write lose no row, change no value, and do all of their work or none."""

from __future__ import annotations

import itertools
import string
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakeworks.lake import Lake
from lakeworks.query.statements.errors import MisfitError

if TYPE_CHECKING:
    from collections.abc import Iterator

LAWS = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
TEXTS = st.one_of(st.none(), st.text(string.printable + "äß€😀\x01", max_size=8))
COLUMNS: dict[str, st.SearchStrategy[Any]] = {
    "bigint": st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)),
    "smallint": st.one_of(st.none(), st.integers(-(2**15), 2**15 - 1)),
    "double": st.one_of(st.none(), st.floats(allow_nan=False)),
    "decimal(18,4)": st.one_of(
        st.none(), st.decimals(-(10**13), 10**13, places=4, allow_nan=False)
    ),
    "varchar": TEXTS,
    "boolean": st.one_of(st.none(), st.booleans()),
    "date": st.one_of(st.none(), st.dates()),
    "timestamp": st.one_of(st.none(), st.datetimes()),
    "varchar[]": st.one_of(st.none(), st.lists(TEXTS, max_size=3)),
}
NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    root = tmp_path_factory.mktemp("laws")
    (root / "lake.yml").write_text("name: laws\nenvironments:\n  dev: {storage: .lake}\n")
    with Lake.open(root) as opened:
        yield opened


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[Any]]]:
    kinds = draw(st.lists(st.sampled_from(sorted(COLUMNS)), min_size=1, max_size=4))
    rows = draw(st.lists(st.tuples(*(COLUMNS[kind] for kind in kinds)), min_size=1, max_size=6))
    return kinds, [list(row) for row in rows]


def query(kinds: list[str], rows: list[list[Any]]) -> tuple[str, list[Any]]:
    """Return a query of these rows, its values as parameters."""
    casts = ", ".join(f"cast(? as {kind})" for kind in kinds)
    names = ", ".join(f"c{i}" for i in range(len(kinds)))
    values = ", ".join(f"({casts})" for _ in rows)
    return f"select * from (values {values}) v({names})", [one for row in rows for one in row]


def listed(
    lake: Lake, sql: str, parameters: list[Any] | None = None
) -> tuple[str, Counter[str]]:
    table = lake.query.sql(sql, parameters=parameters).to_arrow()
    return str(table.schema), Counter(repr(row) for row in table.to_pylist())


@LAWS
@given(tables(), tables())
def test_what_is_written_is_what_the_query_gives(
    lake: Lake,
    first: tuple[list[str], list[list[Any]]],
    more: tuple[list[str], list[list[Any]]],
) -> None:
    name = f"gold.t{next(NUMBERS)}"
    sql, values = query(*first)
    expected = listed(lake, sql, values)
    made = lake.query.sql(f"create table {name} as {sql}", parameters=values).rows()
    assert made == [{"rows": len(first[1])}]
    assert listed(lake, f"select * from {name}") == expected
    # Once more, through INSERT: every row is there twice.
    lake.query.sql(f"insert into {name} {sql}", parameters=values)
    types, rows = expected
    assert listed(lake, f"select * from {name}") == (types, rows + rows)


@LAWS
@given(st.lists(st.integers(-40_000, 40_000), min_size=1, max_size=8))
def test_all_rows_of_an_insert_enter_or_none(lake: Lake, numbers: list[int]) -> None:
    name = f"gold.n{next(NUMBERS)}"
    lake.query.sql(f"create table {name} as select 0::smallint as n")
    values = ", ".join(f"({n})" for n in numbers)
    fits = all(-(2**15) <= n < 2**15 for n in numbers)
    if fits:
        lake.query.sql(f"insert into {name} values {values}")
    else:
        with pytest.raises(MisfitError):
            lake.query.sql(f"insert into {name} values {values}")
    found = [row["n"] for row in lake.query.sql(f"select n from {name}").rows()]
    assert sorted(found) == sorted([0, *(numbers if fits else [])])


STEPS = st.one_of(
    st.tuples(st.just("insert"), st.lists(st.integers(0, 9), min_size=1, max_size=5)),
    st.tuples(st.just("delete"), st.integers(0, 9)),
    st.tuples(st.just("delete above"), st.integers(0, 9)),
)


@LAWS
@given(st.lists(STEPS, max_size=6))
def test_after_any_life_a_table_holds_what_was_put_in_and_not_taken_out(
    lake: Lake, steps: list[tuple[str, Any]]
) -> None:
    name, held = f"gold.l{next(NUMBERS)}", Counter({5: 1})
    lake.query.sql(f"create table {name} partitioned by (odd) as select 5 as n, true as odd")
    for verb, what in steps:
        if verb == "insert":
            values = ", ".join(f"({n}, {n % 2 == 1})" for n in what)
            (row,) = lake.query.sql(f"insert into {name} values {values}").rows()
            gone: Counter[int] = Counter()
            held.update(what)
            assert row["rows"] == len(what)
            continue
        where = f"n = {what}" if verb == "delete" else f"n > {what}"
        gone = Counter(
            {n: k for n, k in held.items() if (n == what if verb == "delete" else n > what)}
        )
        (row,) = lake.query.sql(f"delete from {name} where {where}").rows()
        assert row["rows"] == gone.total()
        held -= gone
    found = lake.query.sql(f"select n from {name}").rows()
    assert Counter(row["n"] for row in found) == held
