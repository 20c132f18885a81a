"""Laws of the execution order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lakeworks.core.names import TableName
from lakeworks.pipeline.graph import downstream, execution_order, upstream


@st.composite
def acyclic_graphs(draw: st.DrawFn) -> dict[TableName, set[TableName]]:
    tables = [TableName("silver", f"t{number}") for number in range(draw(st.integers(1, 12)))]
    return {
        table: set(draw(st.lists(st.sampled_from(tables[:place]), max_size=4)))
        if place
        else set()
        for place, table in enumerate(tables)
    }


@given(acyclic_graphs())
def test_every_table_is_made_after_all_it_reads(graph: dict[TableName, set[TableName]]) -> None:
    place = {table: number for number, table in enumerate(execution_order(graph))}
    assert all(place[read] < place[table] for table in graph for read in graph[table])


@given(acyclic_graphs(), st.randoms())
def test_the_order_does_not_depend_on_how_the_graph_was_written(
    graph: dict[TableName, set[TableName]], chance: object
) -> None:
    tables = list(graph)
    chance.shuffle(tables)  # type: ignore[attr-defined]
    assert execution_order({table: graph[table] for table in tables}) == execution_order(graph)


@given(acyclic_graphs())
def test_upstream_and_downstream_mirror_each_other(
    graph: dict[TableName, set[TableName]],
) -> None:
    for table in graph:
        for other in graph:
            assert (other in upstream(graph, [table])) == (table in downstream(graph, [other]))
