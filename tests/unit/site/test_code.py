"""Coloured code is the same text, with links where tables are named."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeworks.site import code

SQL = """-- all of it: it's 'here'
select "a.b", 'it''s', 1.5e3, count(*) /* from x.y */ from silver.orders as o -- <b>
where o.price > 0 and name = 'silver.orders'"""


def _linked(name: str) -> str | None:
    return "orders.html" if name == "silver.orders" else None


def _plain(markup: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", markup))


@pytest.mark.parametrize(
    "colour", [code.sql, code.python, lambda t, _: code.dqdl(t), code.plain]
)
@given(text=st.text(alphabet=st.sampled_from("a.b'\"/*-# \n\\@[1e<>&_silver.orders")))
def test_every_character_is_given_out_once(colour: Any, text: str) -> None:
    assert _plain(colour(text, _linked)) == text


def test_sql_is_coloured_by_what_its_parts_are() -> None:
    shown = code.sql(SQL, _linked)
    assert "<span class=\"c\">-- all of it: it's 'here'</span>" in shown
    assert '<span class="k">select</span>' in shown
    assert "<span class=\"s\">'it''s'</span>" in shown
    assert '<span class="f">count</span>' in shown
    assert '<span class="n">1.5e3</span>' in shown
    assert shown.count('<a href="orders.html">silver.orders</a>') == 1


def test_python_links_the_tables_that_it_names() -> None:
    shown = code.python('@model("silver.orders")\ndef f(x):  # yes\n    return None', _linked)
    assert '<a href="orders.html" class="s">&quot;silver.orders&quot;</a>' in shown
    assert '<span class="k">def</span> <span class="f">f</span>' in shown
    assert '<span class="c"># yes</span>' in shown


def test_descriptions_link_the_tables_that_they_name() -> None:
    assert code.plain("From silver.orders, <not> x.y.", _linked) == (
        'From <a href="orders.html">silver.orders</a>, &lt;not&gt; x.y.'
    )


def test_an_endless_string_costs_no_time() -> None:
    text = "'" * 50_001 + "/*" * 20_000
    assert _plain(code.sql(text, _linked)) == text
