"""Order and selection."""

from __future__ import annotations

import pytest

from lakeworks.core.names import TableName
from lakeworks.pipeline.errors import SelectionError
from lakeworks.pipeline.graph import downstream, execution_order, select, upstream

T = TableName.parse
ORDERS, SILVER, GOLD, OTHER = map(
    T, ("bronze.orders", "silver.orders", "gold.daily", "bronze.logs")
)
GRAPH = {
    ORDERS: frozenset(),
    SILVER: frozenset({ORDERS}),
    GOLD: frozenset({SILVER}),
    OTHER: frozenset(),
}


def test_no_pattern_means_every_table() -> None:
    assert select(GRAPH, None) == set(GRAPH)


def test_a_trailing_plus_adds_what_is_made_from_a_table() -> None:
    assert select(GRAPH, "silver.orders+") == {SILVER, GOLD}


def test_a_leading_plus_adds_what_a_table_is_made_from() -> None:
    assert select(GRAPH, "+silver.orders") == {SILVER, ORDERS}


def test_patterns_are_united_and_may_hold_a_star() -> None:
    assert select(GRAPH, "bronze.*,gold.daily") == {ORDERS, OTHER, GOLD}


def test_a_pattern_that_names_nothing_suggests_the_nearest_table() -> None:
    with pytest.raises(SelectionError, match=r"did you mean silver\.orders\?"):
        select(GRAPH, "silver.ordres+")


def test_an_empty_selection_is_refused() -> None:
    with pytest.raises(SelectionError):
        select(GRAPH, " ")


def test_upstream_and_downstream_hold_the_tables_themselves() -> None:
    assert upstream(GRAPH, [GOLD]) == {GOLD, SILVER, ORDERS}
    assert downstream(GRAPH, [ORDERS]) == {ORDERS, SILVER, GOLD}


def test_inputs_outside_the_graph_do_not_order_anything() -> None:
    assert execution_order({GOLD: {SILVER}}) == [GOLD]
