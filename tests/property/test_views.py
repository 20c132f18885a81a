"""A query over views gives what it gives with their texts in their place, whoever asks it."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakeworks.core.errors import LakeError
from lakeworks.lake import Lake

if TYPE_CHECKING:
    from collections.abc import Iterator

POLICIES = """
roles: {analyst: [ana], clerk: [cem]}
grants:
  - {to: role:analyst, permissions: SELECT, on: "silver.*", rows: "a <> 2"}
  - {to: role:analyst, permissions: SELECT, on: [gold.*]}
  - {to: role:clerk, permissions: SELECT, on: [silver.*, gold.*]}
policies:
  no_words: {on: silver.t, columns: [w], mask: last4, to: role:clerk}
"""
FILES = {
    "lake.yml": "name: inlined\nenvironments:\n  dev: {storage: .lake, threads: 1}\n",
    "models/silver/t.sql": (
        "select * from (values (1, 10, 'one'), (2, 20, 'hidden'), (3, null, 'three!'), "
        "(null, 40, null), (1, 50, 'oneself')) as t(a, b, w)"
    ),
    "models/silver/u.sql": (
        "select * from (values (1, 'x'), (2, 'y'), (3, 'z'), (1, 'x')) as u(a, k)"
    ),
    "policies/roles.yml": POLICIES,
}
NUMBERS = ("a", "b", "a + 1", "coalesce(b, 0)", "a * b", "length(w)", "1 / (a - 3)", "b // a")
TEXTS = ("w", "upper(w)", "w || '-'", "coalesce(w, 'none')", "left(w, 2)")
TESTS = (
    "a = 1", "a <> 1", "b > 15", "b is null", "w like 'o%'", "w is not null", "a in (1, 3)",
    "cast(w as int) = 1", "1 / (a - 2) < 1", "true",
)  # fmt: skip


@dataclass(frozen=True)
class Stacked:
    """Texts of views, each over the one before, and a query over the last."""

    texts: tuple[str, ...]
    query: str

    def inlined(self) -> str:
        found = "silver.t"
        for text in self.texts:
            found = f"({text.format(source=found)})"
        return self.query.format(source=found)


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Return a SELECT of a, b and w from `{source}`."""
    shown = ", ".join((
        f"{draw(st.sampled_from(NUMBERS))} as a",
        f"{draw(st.sampled_from(NUMBERS))} as b",
        f"{draw(st.sampled_from(TEXTS))} as w",
    ))  # fmt: skip
    where = draw(st.sampled_from(TESTS))
    kind = draw(st.sampled_from(["plain", "plain", "grouped", "joined", "union", "window"]))
    match kind:
        case "grouped":
            return (
                f"select a, sum(b) as b, max(w) as w from (select {shown} from {{source}} s "
                f"where {where}) as i group by a"
            )
        case "joined":
            return "select s.a, s.b, u.k as w from {source} s join silver.u u on s.a = u.a"
        case "union":
            return f"select {shown} from {{source}} s union select a, a, k from silver.u"
        case "window":
            return f"select a, count(*) over (partition by a) as b, w from {{source}} s where {where}"
        case _:
            return f"select {shown} from {{source}} s where {where}"


@st.composite
def stacks(draw: st.DrawFn) -> Stacked:
    where = draw(st.sampled_from(TESTS))
    shown = draw(st.sampled_from((*NUMBERS, *TEXTS)))
    query = draw(st.sampled_from([
        f"select {shown} as v from {{source}} q where {where}",
        f"select count(*) as n, max({shown}) as m from {{source}} q where {where}",
        f"select {shown} as v, count(*) as n from {{source}} q group by all",
        f"select q.w, p.k from {{source}} q left join silver.u p on p.a = q.a where {where}",
        f"with c as (select {shown} as v from {{source}} q) select * from c where v is not null",
        f"select (select max({shown}) from {{source}} q) as v",
    ]))  # fmt: skip
    return Stacked(tuple(draw(st.lists(texts(), min_size=1, max_size=3))), query)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    folder = tmp_path_factory.mktemp("inlined")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    with Lake.open(folder) as opened:
        assert opened.pipeline.run().status == "succeeded"
        yield opened


def answer(lake: Lake, sql: str, who: str) -> Counter[str] | str:
    """Return the rows, or which kind of error there was."""
    try:
        with lake.query.sql(sql, caller=who or None) as result:
            return Counter(repr(tuple(row.values())) for row in result.rows())
    except LakeError as error:
        return error.code


@pytest.mark.parametrize("who", ["", "ana", "cem"])
@settings(max_examples=int(os.environ.get("LAKEWORKS_VIEWS", "40")), deadline=None)
@given(stack=stacks())
def test_a_view_is_what_its_text_is_in_its_place(lake: Lake, who: str, stack: Stacked) -> None:
    below = "silver.t"
    for number, text in enumerate(stack.texts):
        name = f"gold.v{number}"
        lake.query.sql(f"create or replace view {name} as {text.format(source=below)}").close()
        below = name
    through = answer(lake, stack.query.format(source=below), who)
    inlined = answer(lake, stack.inlined(), who)
    assert through == inlined
