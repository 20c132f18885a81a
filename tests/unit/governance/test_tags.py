"""Tags and what is not known of them follow the lineage, however far."""

from __future__ import annotations

from pathlib import Path

from lakeworks.catalog.lineage.graph import LineageGraph, Node
from lakeworks.core.names import TableName
from lakeworks.governance.inherited import inherited
from lakeworks.governance.tags import TagState, tag_state
from lakeworks.project.declaration import Environment, Project
from lakeworks.project.lineage_facts import DerivedColumn, QueryLineage


def chain(*gaps: str) -> LineageGraph:
    """Three tables, each made of the one before; the first has gaps."""
    graph = LineageGraph()
    graph.add(Node("silver.a", "model", ("Mail", "id"), unresolved=gaps))
    for name, before in (("silver.b", "silver.a"), ("gold.c", "silver.b")):
        graph.add(Node(name, "model", ("mail", "id")), [before])
        graph.derive(
            name,
            QueryLineage(tuple(
                DerivedColumn(column, frozenset({(before, column.upper(), "identity")}))
                for column in ("mail", "id")
            )),
        )  # fmt: skip
    return graph


def state(graph: LineageGraph) -> TagState:
    here = Environment("dev", "/s", "sqlite:////c", "duckdb")
    project = Project(Path("/"), "p", here, (), "run", {}, {})
    return tag_state(graph, {}, project, {})


def test_a_column_of_unknown_origins_is_unknown_in_whatever_is_made_of_it() -> None:
    graph = chain()
    graph.unresolved["silver.a", "Mail"] = ("nobody knows",)
    found = state(graph)
    for table in ("silver.a", "silver.b", "gold.c"):
        name = TableName.parse(table)
        assert not found.of_column(name, "mail").resolved
        assert found.of_column(name, "id").resolved


def test_so_is_every_column_of_a_table_that_is_not_known_as_a_whole() -> None:
    found = state(chain("its frame tells no SQL"))
    assert not found.of_column(TableName("gold", "c"), "id").resolved
    assert state(chain()).of_column(TableName("gold", "c"), "id").resolved


def test_what_a_statement_copies_keeps_tags_and_gaps() -> None:
    found = state(chain("its frame tells no SQL"))
    tagged = TagState(
        {"silver.b.id": {"domain": "sales"}},
        {"silver.b": {"mail": {"pii": frozenset({"email"})}}},
        resolved={"silver.b": frozenset({"mail", "id"})},
    )
    lineage = QueryLineage((
        DerivedColumn("Copy", frozenset({("silver.b", "MAIL", "transformation")})),
        DerivedColumn("n", frozenset({("silver.b", "mail", "count")})),
        DerivedColumn("id", frozenset({("silver.b", "id", "identity")})),
    ))  # fmt: skip
    told, tags = inherited(tagged, lineage)
    assert tags == {"copy": {"pii": ("email",)}, "id": {"domain": ("sales",)}}
    assert not any(column.unresolved for column in told.columns)
    told, tags = inherited(found, lineage)
    assert tags == {}
    assert [bool(column.unresolved) for column in told.columns] == [True, False, True]
