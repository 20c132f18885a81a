"""Pages about the lake as a whole: its lineage, the quality of all tables, all tags."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from lakeworks.site import words
from lakeworks.site.links import GRAPH, QUALITY, TAGS
from lakeworks.site.markup import Markup, join, tag
from lakeworks.site.pages.shell import (
    Lake,
    chip,
    grid,
    moment,
    nothing,
    page,
    section,
    sparkline,
)
from lakeworks.site.pages.table import fresh

if TYPE_CHECKING:
    from lakeworks.site.facts import ColumnFacts, TableFacts
    from lakeworks.site.links import Links

_LISTED = 2_000
_COLUMNS_A_TAG = 300


def graph_page(lake: Lake) -> str:
    """Return the page with the picture of the whole lake, which a script draws."""
    links = lake.links(0)
    head = tag(
        "div",
        tag("h1", "Lineage"),
        tag("p", "From what arrives, on the left, to what is read last, on the right. Choose a table "
            "to see only what it is made from and what is made from it.", class_="lead"),
        class_="page-head",
    )  # fmt: skip
    tools = tag(
        "div",
        tag("label", "Table ", tag("input", id="graph-search", type="search", list="graph-names",
            placeholder="silver.orders", autocomplete="off", spellcheck="false")),
        tag("datalist", id="graph-names"),
        tag("label", "Steps ", tag("select", [
            tag("option", told, value=value, selected=value == "0")
            for value, told in (("1", "1"), ("2", "2"), ("3", "3"), ("0", "all"))
        ], id="graph-depth")),
        tag("span", id="graph-folds", class_="folds", role="group",
            aria_label="Databases: open or folded"),
        tag("button", "Whole lake", id="graph-all", type="button"),
        class_="graph-tools", hidden=True, id="graph-tools",
    )  # fmt: skip
    canvas = tag("div", nothing("The picture is drawn by a script; below is the same in words."),
                 id="graph", class_="canvas whole", tabindex="0", role="region",
                 aria_label="Picture of the lineage: drag to move, + and - to zoom")  # fmt: skip
    listed = section("in-words", "In words", _words(lake, links))
    told = tag("p", id="graph-told", class_="hint", role="status")
    main = join([head, tools, told, canvas, listed])
    scripts = ("graph.js", "graph-data.js")
    return page(lake, links, title="Lineage", main=main, here=GRAPH, scripts=scripts)


def _words(lake: Lake, links: Links) -> Markup:
    graph = lake.facts.graph
    names = [name for name, node in graph.nodes.items() if node.kind != "files"]
    rows = []
    for name in sorted(names)[:_LISTED]:
        above, below = graph.neighbours(name, "up"), graph.neighbours(name, "down")
        rows.append([_named(name, links), _named_all(above, links), _named_all(below, links)])
    if not rows:
        return nothing("Nothing is declared yet.")
    return grid(["Table", "Reads", "Read by"], rows, label="Lineage in words")


def _named(name: str, links: Links) -> Markup:
    address = links.table(name)
    return tag("a", name, href=address) if address else tag("code", name)


def _named_all(names: tuple[str, ...], links: Links) -> Markup:
    return join([_named(name, links) for name in names], ", ")


def quality_page(lake: Lake) -> str:
    """Return the scorecard of all tables."""
    links = lake.links(0)
    tables = [t for t in lake.facts.tables.values() if t.kind != "quarantine"]
    shown = [t for t in tables if t.quality or t.freshness_s is not None or t.quarantined_rows]
    head = tag(
        "div",
        tag("h1", "Quality"),
        tag("p", "What the rules of every table came to in its last run, how the score went, what lies "
            "in quarantine, and how fresh each table is against what was promised.", class_="lead"),
        class_="page-head",
    )  # fmt: skip
    rows = [_quality_row(table, links) for table in sorted(shown, key=_worst_first)]
    heads = [
        "Table",
        "Rules passed",
        "Trend",
        "Quarantined",
        "Freshness",
        "Judged (UTC)",
        "Owner",
    ]
    body = (
        grid(heads, rows, numbers=(1, 3), label="Quality by table", sortable=True)
        if rows
        else nothing("No table has rules, a promised freshness or rejected rows yet.")
    )
    without = [t for t in tables if t.kind == "model" and not t.ruleset and t.quality is None]
    rest = None
    if without:
        rest = section("without", "Models without rules",
                       tag("p", join([_named(t.name, links) for t in without], ", ")))  # fmt: skip
    return page(lake, links, title="Quality", main=join([head, body, rest]), here=QUALITY)


def _worst_first(table: TableFacts) -> tuple[float, str]:
    return (table.quality.score if table.quality else 2.0), table.name


def _quality_row(table: TableFacts, links: Links) -> list[object]:
    found = table.quality
    place = "#quality" if found or table.ruleset else ""
    failed = [rule for rule in found.rules if rule.outcome != "Passed"] if found else []
    score: object = ""
    if found:
        passed = len(found.rules) - len(failed)
        score = chip(f"{passed} of {len(found.rules)}", "bad" if failed else "good")
    return [
        tag("a", table.name, href=f"{links.table(table.name)}{place}", class_="strong"),
        score,
        sparkline(found.trend, f"Scores of {table.name}") or "" if found else "",
        words.count(table.quarantined_rows) if table.quarantined_rows else "",
        fresh(table) if table.freshness_s is not None else "",
        moment(found.at) if found else "",
        table.owner,
    ]


def tags_page(lake: Lake) -> str:
    """Return every tag with the columns that carry it and where it came from."""
    links = lake.links(0)
    carried: dict[tuple[str, str], list[tuple[TableFacts, ColumnFacts]]] = defaultdict(list)
    dropped: list[list[object]] = []
    for table in lake.facts.tables.values():
        for column in table.columns:
            for pair in sorted({(one.tag, one.value) for one in column.tags}):
                carried[pair].append((table, column))
            dropped += [
                [_column(table.name, column.name, links), chip(name, "dropped"), reason]
                for name, reason in column.declassified.items()
            ]
    head = tag(
        "div",
        tag("h1", "Tags"),
        tag("p", "A tag on a column follows its values into every column made from them, unless a "
            "declaration takes it off with a reason.", class_="lead"),
        class_="page-head",
    )  # fmt: skip
    parts = [_tag_section(pair, found, links) for pair, found in sorted(carried.items())]
    if not parts:
        parts = [nothing("No column has a tag yet.")]
    if dropped:
        parts.append(
            section("taken-off", "Taken off",
                    grid(["Column", "Tag", "Reason"], dropped, label="Tags taken off"))
        )  # fmt: skip
    return page(lake, links, title="Tags", main=join([head, *parts]), here=TAGS)


def _tag_section(
    pair: tuple[str, str], found: list[tuple[TableFacts, ColumnFacts]], links: Links
) -> Markup:
    name, value = pair
    rows = [
        [
            _column(table.name, column.name, links),
            join([
                "declared here" if (one.table, one.column.lower()) == (table.name, column.name.lower())
                else _column(one.table, one.column, links)
                for one in column.tags if (one.tag, one.value) == pair
            ], ", "),
            table.owner,
        ]
        for table, column in sorted(found, key=_declared_first)[:_COLUMNS_A_TAG]
    ]  # fmt: skip
    hidden = len(found) - len(rows)
    told = f"{words.plural(len(found), 'column')}" + (
        f", {hidden} not listed" if hidden else ""
    )
    return tag(
        "section",
        tag("h2", chip([f"{name} ", tag("b", value)], "tag"), " ", tag("small", told)),
        grid(["Column", "From", "Owner"], rows, label=f"Columns tagged {name} {value}"),
    )


def _declared_first(found: tuple[TableFacts, ColumnFacts]) -> tuple[bool, bool]:
    """Return a sort key: where tags are declared, then where they went, quarantine last."""
    table, column = found
    own = any((one.table, one.column) == (table.name, column.name) for one in column.tags)
    return table.kind == "quarantine", not own


def _column(table: str, column: str, links: Links) -> Markup:
    named = f"{table}.{column}"
    address = links.table(table, column)
    return tag("a", named, href=address) if address else tag("code", named)
