"""The first page, and the pages of the databases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.site import words
from lakeworks.site.links import HOME, QUALITY, RUNS
from lakeworks.site.markup import Markup, join, tag
from lakeworks.site.pages.runs import runs_grid
from lakeworks.site.pages.shell import (
    Lake,
    chip,
    grid,
    kind_chip,
    moment,
    nothing,
    page,
    section,
)
from lakeworks.site.pages.table import fresh
from lakeworks.site.pictures import database_class

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lakeworks.site.facts import DatabaseFacts, TableFacts
    from lakeworks.site.links import Links

_CHANGED = 8
_ASKED = 5
_RUNS = 5


def home_page(lake: Lake) -> str:
    """Return the first page: figures, what needs care, databases, what changed."""
    links, facts = lake.links(0), lake.facts
    sections = [("databases", "Databases", _databases(lake, links))]
    care = _care(lake, links)
    if care is not None:
        sections.append(("care", "Needs care", care))
    asked = _asked(lake, links)
    if asked is not None:
        sections.append(("asked", "Asked most", asked))
    sections.append(("changed", "Changed last", _changed(lake, links)))
    if facts.runs:
        shown = join(
            [
                runs_grid(facts.runs[:_RUNS], links),
                tag("p", tag("a", "All runs", href=links.to(RUNS)), class_="hint"),
            ]
        )
        sections.append(("runs", "Last runs", shown))
    head = tag(
        "div",
        tag("h1", facts.lake),
        tag("p", "Everything in this lake: its tables and columns, where they come from, how good and "
            "how fresh they are, and how to ask them.", class_="lead"),
        _seen_by(facts.seen_by),
        _totals(lake),
        class_="page-head",
    )  # fmt: skip
    main = join([head, *(section(place, title, content) for place, title, content in sections)])
    return page(lake, links, title=facts.lake, main=main, here=HOME)


def _seen_by(principal: str) -> Markup | None:
    """Return whose view of the lake the site is; nothing for the whole of it."""
    if not principal:
        return None
    return tag(
        "p",
        f"What {principal} may know of it. Figures of tables that it does not see whole are left out.",
        class_="notice",
    )


def _totals(lake: Lake) -> Markup:
    tables = list(lake.facts.tables.values())
    counted = [t for t in tables if t.kind != "quarantine"]
    judged = [t for t in tables if t.quality is not None]
    passed = sum(
        r.outcome == "Passed" for t in judged for r in (t.quality.rules if t.quality else ())
    )
    rules = sum(len(t.quality.rules) for t in judged if t.quality)
    figures = [
        ("Tables", words.count(len(counted))),
        ("Columns", words.count(sum(len(t.columns) for t in counted))),
        ("Rows", words.count(sum(t.state.rows or 0 for t in counted))),
        ("Size", words.size(sum(t.state.size_bytes or 0 for t in tables))),
    ]
    if rules:
        figures.append(("Rules passed", f"{words.count(passed)} of {words.count(rules)}"))
    rejected = sum(t.quarantined_rows for t in counted)
    figures.append(("In quarantine", words.plural(rejected, "row")))
    entries = [tag("div", tag("dt", name), tag("dd", value)) for name, value in figures]
    return tag("dl", entries, class_="figures")


def _care(lake: Lake, links: Links) -> Markup | None:
    """Return what somebody should look at; what is late the page's script finds out."""
    tables = [t for t in lake.facts.tables.values() if t.kind != "quarantine"]
    items: list[Markup] = []
    for table in tables:
        found = table.quality
        failed = sum(r.outcome != "Passed" for r in found.rules) if found else 0
        if failed:
            told = [_link(table, links), f" broke {words.plural(failed, 'rule')}"]
            if table.quarantined_rows:
                told.append(f"; {words.plural(table.quarantined_rows, 'row')} in quarantine")
            items.append(tag("li", told))
    for table in tables:
        items += [tag("li", _link(table, links), " ", remark) for remark in table.remarks]
    promised = [
        t for t in tables if t.freshness_s is not None and t.state.updated_at is not None
    ]
    items += [
        tag(
            "li",
            _link(table, links),
            " is promised ",
            fresh(table),
            class_="if-late",
            hidden=True,
        )
        for table in promised
    ]
    if not items:
        return None
    most = 12
    shown = tag("ul", items[:most], class_="care")
    rest = (
        tag("details", tag("summary", f"and {len(items) - most} more"),
            tag("ul", items[most:], class_="care"))
        if len(items) > most else None
    )  # fmt: skip
    return join([shown, rest, tag("p", tag("a", "Quality of all tables", href=links.to(QUALITY)),
                                  class_="hint")])  # fmt: skip


def _link(table: TableFacts, links: Links) -> Markup:
    return tag("a", table.name, href=links.table(table.name))


def _databases(lake: Lake, links: Links) -> Markup:
    if not lake.facts.databases:
        return nothing("There are no tables yet: lake run makes them.")
    cards = []
    for one in lake.facts.databases:
        tables = [lake.facts.tables[name] for name in one.tables]
        stored = [t.state for t in tables if t.state.rows is not None]
        told = [words.plural(len(tables), "table")]
        if stored:
            told.append(words.plural(sum(one.rows or 0 for one in stored), "row"))
            told.append(words.size(sum(one.size_bytes or 0 for one in stored)))
        cards.append(
            tag("a", tag("h3", one.name), tag("p", one.description),
                tag("p", ", ".join(told), class_="count"),
                class_=f"card {database_class(one.name)}", href=links.database(one.name))
        )  # fmt: skip
    return tag("div", cards, class_="cards")


def _asked(lake: Lake, links: Links) -> Markup | None:
    """Return the tables that queries read most."""
    most = sorted(lake.facts.tables.values(), key=lambda table: (-table.asked, table.name))
    rows = [
        [_named(table, links, full=True), _about(table), words.count(table.asked)]
        for table in most[:_ASKED]
        if table.asked
    ]
    if not rows or lake.facts.asked_since is None:
        return None
    told = tag(
        "p", "Queries since ", moment(lake.facts.asked_since, zone=True), ".", class_="hint"
    )
    return join(
        [told, grid(["Table", "About", "Queries"], rows, numbers=(2,), label="Asked most")]
    )


def _changed(lake: Lake, links: Links) -> Markup:
    dated = [
        (t.state.updated_at, t.name)
        for t in lake.facts.tables.values()
        if t.state.updated_at is not None and t.kind != "quarantine"
    ]
    newest = sorted(dated, key=lambda one: (one[0], one[1]), reverse=True)[:_CHANGED]
    if not newest:
        return nothing("Nothing has run yet: lake run.")
    return tables_grid([lake.facts.tables[name] for _, name in newest], links, full=True)


def database_page(lake: Lake, database: DatabaseFacts) -> str:
    """Return a database's page: its tables, with a filter."""
    links = lake.links(1)
    tables = [lake.facts.tables[name] for name in database.tables]
    head = tag(
        "div",
        tag("h1", database.name, class_=database_class(database.name)),
        tag("p", database.description, class_="lead") if database.description else None,
        class_="page-head",
    )
    tools = tag(
        "p", words.plural(len(tables), "table"), ". ",
        tag("input", type="search", class_="filter", placeholder="Filter tables",
            aria_label="Filter tables", data_filters="tables-list"),
        class_="hint tools",
    )  # fmt: skip
    shown = tables_grid(tables, links, full=False) if tables else nothing("No tables yet.")
    main = join([head, tag("div", tools, shown, id="tables-list")])
    return page(lake, links, title=database.name, main=main, database=database.name)


def tables_grid(tables: Sequence[TableFacts], links: Links, *, full: bool) -> Markup:
    """Return a list of tables with their main figures.

    Args:
        full: Whether to write the database's name too.
    """
    rows = [
        [
            _named(table, links, full=full),
            _about(table),
            "" if table.state.rows is None else words.count(table.state.rows),
            "" if table.state.size_bytes is None else words.size(table.state.size_bytes),
            moment(table.state.updated_at) if table.state.updated_at else "",
            _passed(table),
        ]
        for table in tables
    ]
    heads = ["Table", "About", "Rows", "Size", "Changed (UTC)", "Rules passed"]
    return grid(heads, rows, numbers=(2, 3, 5), label="Tables", sortable=not full)


def _passed(table: TableFacts) -> Markup | None:
    if table.quality is None:
        return None
    rules = table.quality.rules
    passed = sum(rule.outcome == "Passed" for rule in rules)
    return chip(f"{passed} of {len(rules)}", "good" if passed == len(rules) else "bad")


def _named(table: TableFacts, links: Links, *, full: bool) -> Markup:
    named = table.name if full else table.short
    return join([tag("a", named, href=links.table(table.name), class_="strong"), " ",
                 kind_chip(table)])  # fmt: skip


def _about(table: TableFacts) -> Markup:
    owner = chip(["owner ", tag("b", table.owner)]) if table.owner else None
    return join([words.summary(table.description), " ", owner])
