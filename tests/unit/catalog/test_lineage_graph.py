"""Questions to the lineage graph: ways, impact, tags, and how they are drawn."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path

import pytest

from lakeworks.catalog.lineage import build_graph, tags_of, tags_on
from lakeworks.catalog.lineage.graph import LineageGraph
from lakeworks.catalog.lineage.layout import layered
from lakeworks.catalog.lineage.svg import svg
from lakeworks.catalog.lineage.tags import TagOrigin, declassified
from lakeworks.catalog.lineage.text import mermaid, tree
from lakeworks.catalog.lineage.view import view_of
from lakeworks.core.names import TableName
from lakeworks.core.types import Field, Scalar, Schema
from lakeworks.project.declaration import Project
from lakeworks.project.loader import load_project

PEOPLE = Schema(tuple(Field(n, Scalar("string")) for n in ("id", "email", "city", "amount")))
SOURCE = (
    "table: bronze.people\npath: landing\nformat: json\nowner: hr\n"
    "columns: {email: {tags: {pii: email}}, city: {tags: {pii: place}}}\n"
)
MODELS = {
    "silver/people": (
        "/*\nowner: core\n*/\nselect id, lower(email) as mail, city, amount from bronze.people"
    ),
    "silver/hashed": (
        "/*\ncolumns:\n  who: {declassify: {pii: salted}, tags: {kind: key}}\n"
        "  n: {declassify: {pii: nothing to take}}\n*/\n"
        "select sha256(mail) as who, mail || city as both, count(*) as n from silver.people "
        "group by mail, city"
    ),
    "gold/cities": (
        "/*\nowner: maps\n*/\nselect who, both as label, n, case when n > 1 then 1 end as big "
        "from silver.hashed where n > 0"
    ),
    "gold/counts": "select count(mail) as mails from silver.people",
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return _project(tmp_path, MODELS)


def _project(root: Path, models: dict[str, str]) -> Project:
    (root / "sources").mkdir()
    (root / "lake.yml").write_text("name: test\n")
    (root / "sources" / "people.yml").write_text(SOURCE)
    for name, text in models.items():
        path = root / "models" / f"{name}.sql"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return load_project(root)


def _graph(project: Project) -> LineageGraph:
    return build_graph(project, {TableName("bronze", "people"): PEOPLE})


def test_a_column_is_traced_up_through_every_model(project: Project) -> None:
    steps = _graph(project).column_steps(("gold.cities", "label"), "up")
    assert [(".".join(s.column), s.depth, s.kind) for s in steps] == [
        ("silver.hashed.both", 1, "identity"),
        ("silver.people.city", 2, "transformation"),
        ("silver.people.mail", 2, "transformation"),
        ("bronze.people.city", 3, "identity"),
        ("bronze.people.email", 3, "transformation"),
    ]


def test_depth_ends_the_way(project: Project) -> None:
    graph = _graph(project)
    steps = graph.column_steps(("bronze.people", "email"), "down", 2)
    assert {".".join(s.column) for s in steps} == {
        "silver.people.mail", "silver.hashed.who", "silver.hashed.both"}  # fmt: skip
    assert graph.around("gold.cities", "up", 1) == {"gold.cities": 0, "silver.hashed": 1}


def test_tables_are_traced_down_to_files(project: Project) -> None:
    graph = _graph(project)
    assert set(graph.around("gold.counts", "up")) == {
        "gold.counts", "silver.people", "bronze.people", "landing"}  # fmt: skip
    assert graph.nodes["landing"].kind == "files"


def test_impact_follows_values_influence_and_rows_to_the_last_reader(project: Project) -> None:
    affected = {one.table: one for one in _graph(project).impact("bronze.people", ["city"])}
    assert list(affected) == ["silver.people", "silver.hashed", "gold.cities"]
    assert affected["silver.people"].columns == {"city": "value"}
    assert affected["silver.people"].direct
    assert affected["silver.hashed"].columns == {"both": "value"}
    assert affected["silver.hashed"].rows
    assert affected["gold.cities"].columns == {"label": "value"}
    assert (affected["gold.cities"].owner, affected["gold.cities"].last) == ("maps", True)


def test_what_nothing_uses_has_no_impact_beyond_its_readers(project: Project) -> None:
    affected = _graph(project).impact("bronze.people", ["amount"])
    assert [(one.table, dict(one.columns), one.rows) for one in affected] == [
        ("silver.people", {"amount": "value"}, False)
    ]


def test_a_reader_that_cannot_be_followed_counts_as_affected(tmp_path: Path) -> None:
    project = _project(tmp_path, {
        "silver/wide": "select * from bronze.people",
        "gold/odd": "select min(columns(*)) from silver.wide",
    })  # fmt: skip
    affected = {one.table: one for one in _graph(project).impact("bronze.people", ["city"])}
    assert affected["gold.odd"].rows


def test_tags_follow_values_through_models_with_where_they_come_from(project: Project) -> None:
    tags = tags_of(project, {TableName("bronze", "people"): PEOPLE})
    email = TagOrigin("email", "bronze.people", "email")
    place = TagOrigin("place", "bronze.people", "city")
    assert tags["silver.people"] == {"mail": {"pii": (email,)}, "city": {"pii": (place,)}}
    assert tags["gold.cities"]["label"] == {"pii": (email, place)}


def test_what_only_influences_carries_no_tag(project: Project) -> None:
    tags = tags_on(_graph(project), project)
    assert "gold.counts" not in tags
    assert "n" not in tags["silver.hashed"]
    assert "big" not in tags["gold.cities"]


def test_declassify_takes_a_tag_off_from_there_on_and_leaves_own_tags(project: Project) -> None:
    tags = tags_on(_graph(project), project)
    own = {"kind": (TagOrigin("key", "silver.hashed", "who"),)}
    assert tags["silver.hashed"]["who"] == own
    assert tags["gold.cities"]["who"] == own


def test_a_declassify_says_what_it_removes_and_whether_it_removes_anything(
    project: Project,
) -> None:
    found = {one.column: one for one in declassified(_graph(project), project)}
    assert found["who"].removed == (TagOrigin("email", "bronze.people", "email"),)
    assert found["who"].reason == "salted"
    assert (found["n"].removed, found["n"].doubtful) == ((), False)


def test_without_columns_of_its_source_a_declassify_is_only_doubtful(tmp_path: Path) -> None:
    project = _project(tmp_path, {
        "silver/wide": "select * from bronze.people",
        "gold/some": "/*\ncolumns:\n  k: {declassify: {pii: none}}\n*/\n"
                     "select k from (select *, 1 as k from silver.wide)",
    })  # fmt: skip
    found = declassified(build_graph(project, {}), project)
    assert [one.doubtful for one in found] == [True]


def test_tags_reach_a_column_of_a_source_that_has_no_data_yet(project: Project) -> None:
    tags = tags_on(build_graph(project, {}), project)
    assert tags["silver.people"]["mail"] == {
        "pii": (TagOrigin("email", "bronze.people", "email"),)
    }


def test_rejected_rows_and_rescued_fields_have_the_tags_of_all_columns(tmp_path: Path) -> None:
    project = _project(
        tmp_path, {"silver/odd": "select id, _rescued as rest from bronze.people"}
    )
    columns = (*PEOPLE, Field("_rescued", Scalar("string")))
    tags = tags_of(project, {TableName("bronze", "people"): Schema(columns)})
    every = {
        "pii": (
            TagOrigin("email", "bronze.people", "email"),
            TagOrigin("place", "bronze.people", "city"),
        )
    }
    assert tags["quarantine.bronze_people"] == {"row": every, "error": every}
    assert tags["silver.odd"] == {"rest": every}
    assert tags["quarantine.silver_odd"]["row"] == every


def test_what_was_found_is_kept_and_found_again_equal(project: Project) -> None:
    first = _graph(project)
    kept = project.root / ".lake" / "cache" / "lineage.facts"
    before = kept.read_bytes()
    again = _graph(project)
    assert (again.values, again.row_influences) == (first.values, first.row_influences)
    assert kept.read_bytes() == before


def test_other_columns_of_a_source_are_not_answered_from_what_was_kept(tmp_path: Path) -> None:
    project = _project(tmp_path, {"silver/wide": "select * from bronze.people"})
    assert _graph(project).nodes["silver.wide"].columns == PEOPLE.names
    fewer = Schema(PEOPLE.fields[:2])
    graph = build_graph(project, {TableName("bronze", "people"): fewer})
    assert graph.nodes["silver.wide"].columns == fewer.names


def test_columns_that_a_load_and_audit_add_are_traced(tmp_path: Path) -> None:
    header = "/*\nload: scd2\nkey: [id]\nlatest_by: amount\naudit: true\n*/\n"
    project = _project(
        tmp_path, {"silver/h": f"{header}select id, email, amount from bronze.people"}
    )
    graph = _graph(project)
    assert graph.values["silver.h", "valid_from"] == {("bronze.people", "amount"): "identity"}
    assert set(graph.values["silver.h", "_record_hash"]) == {
        ("bronze.people", c) for c in ("id", "email", "amount")}  # fmt: skip
    assert graph.row_influences["silver.h"] == {
        ("bronze.people", "amount"): ("sort",), ("bronze.people", "id"): ("group",)}  # fmt: skip


def test_a_tree_opens_each_column_once(project: Project) -> None:
    view = view_of(_graph(project), "gold.cities", "label", directions=["up"])
    assert tree(view, "up") == [
        "gold.cities.label",
        "└─ silver.hashed.both",
        "   ├─ silver.people.city  (transformation)",
        "   │  └─ bronze.people.city",
        "   └─ silver.people.mail  (transformation)",
        "      └─ bronze.people.email  (transformation)",
    ]


def test_mermaid_names_every_table_once_and_escapes_what_is_special(project: Project) -> None:
    graph = _graph(project)
    chart = mermaid(view_of(graph, "gold.cities"))
    assert chart.startswith("flowchart LR\n")
    assert chart.count("gold.cities") == 1
    odd = view_of(graph, "gold.cities", 'a"<b>')
    assert "a#34;#60;b#62;" in mermaid(odd)


def test_a_picture_is_well_formed_the_same_each_time_and_shows_every_box(
    project: Project,
) -> None:
    graph = _graph(project)
    for start in (("gold.cities", ""), ("bronze.people", "email")):
        view = view_of(graph, *start)
        drawn = svg(view)
        assert svg(view_of(_graph(project), *start)) == drawn
        texts = [node.text for node in ET.fromstring(drawn).iter() if node.tag.endswith("text")]
        assert set(view.nodes) <= set(texts)


def test_names_with_markup_do_no_harm_to_a_picture(project: Project) -> None:
    drawn = svg(view_of(_graph(project), "gold.cities", "<script>alert(1)</script>"))
    ET.fromstring(drawn)
    assert "<script>" not in drawn


def test_boxes_of_a_layer_never_touch_and_edges_lead_right() -> None:
    names = [f"n{i}" for i in range(50)]
    edges = [
        (f"n{i}", f"n{j}") for i in range(50) for j in range(i + 1, 50) if (i * 7 + j) % 9 == 0
    ]
    places, routes = layered(dict.fromkeys(names, 30.0), edges, gap=20, bend_height=2)
    by_layer: dict[int, list[tuple[float, float]]] = {}
    for place in places.values():
        by_layer.setdefault(place.layer, []).append((place.y, place.y + place.height))
    for spans in by_layer.values():
        ordered = sorted(spans)
        assert all(a[1] <= b[0] for a, b in pairwise(ordered))
    for source, target in edges:
        layers = [places[name].layer for name in routes[source, target]]
        assert layers == list(range(layers[0], layers[-1] + 1))
        assert len(layers) > 1
