"""The columns of a table: type, description, tags with where they come from, and lineage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.site import code, words
from lakeworks.site.graph_view import by_neighbour
from lakeworks.site.markup import Markup, anchor, join, tag
from lakeworks.site.pages.shell import chip, nothing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lakeworks.catalog.lineage.graph import ColumnId
    from lakeworks.site.facts import ColumnFacts, TableFacts, TagFact
    from lakeworks.site.links import Links
    from lakeworks.site.pages.shell import Lake

DEPTH = 2  # of tables' pages below the site's root
_FILTERED = 12
_LONG_TYPE = 60
_SHOWN = 6
_FARTHEST = 50


def columns_section(lake: Lake, table: TableFacts, links: Links) -> Markup:
    """Return the table of columns, with a filter where there are many."""
    if not table.columns:
        return nothing("Its columns are not known yet.")
    filtered = (
        tag("input", type="search", class_="filter", placeholder="Filter columns",
            aria_label="Filter columns", data_filters="columns-list")
        if len(table.columns) > _FILTERED else None
    )  # fmt: skip
    origins = [_origin(lake, table, column, links) for column in table.columns]
    known = any(origin is not None for origin in origins)
    rows = [
        _row(lake, table, column, tag("td", origin, class_="from") if known else None)
        for column, origin in zip(table.columns, origins, strict=True)
    ]
    heads = ("Column", "About", "Lineage") if known else ("Column", "About")
    head = tag("tr", [tag("th", name, scope="col") for name in heads])
    return join([
        tag("p", words.plural(len(table.columns), "column"), ".", filtered, class_="hint tools"),
        tag("table", tag("thead", head), tag("tbody", rows, id="columns-list"), class_="columns"),
    ])  # fmt: skip


def _row(lake: Lake, table: TableFacts, column: ColumnFacts, origin: Markup | None) -> Markup:
    links = lake.links(DEPTH)
    place = anchor(column.name)
    internal = column.name.startswith("_")
    named = tag(
        "th",
        tag("a", column.name, href=f"#{place}", class_="column-name"),
        tag("div", _type(column.type), class_="type"),
        scope="row",
    )
    about = tag(
        "td",
        _described(lake, table, column, links),
        _labels(table, column, links),
    )
    return tag(
        "tr", named, about, origin,
        id=place, class_="internal" if internal else None,
    )  # fmt: skip


def _described(
    lake: Lake, table: TableFacts, column: ColumnFacts, links: Links
) -> Markup | None:
    """Return a column's description: its own, or that of the column it passes on as it is."""
    if column.description:
        return tag("p", code.plain(column.description, links.table))
    own = lake.columns.named(table.name, column.name)
    for _ in range(_FARTHEST):
        above = lake.columns.above(own)
        if len(above) != 1 or above[0][1] != "identity":
            return None
        own = above[0][0]
        told = lake.described.get((own[0], own[1].lower()))
        if told:
            return tag(
                "p", code.plain(told, links.table), " ", _via(*own, links), class_="lent"
            )
    return None


def _type(text: str) -> object:
    if len(text) <= _LONG_TYPE:
        return text
    return tag("details", tag("summary", text.partition("<")[0], "<…>"), tag("code", text))


def _labels(table: TableFacts, column: ColumnFacts, links: Links) -> Markup | None:
    labels: list[Markup] = [chip(role, "role") for role in column.role]
    origins: dict[tuple[str, str], list[TagFact]] = {}
    for one in column.tags:
        origins.setdefault((one.tag, one.value), []).append(one)
    for (name, value), found in origins.items():
        far = [
            o for o in found if (o.table, o.column.lower()) != (table.name, column.name.lower())
        ]
        via = join([_via(one.table, one.column, links) for one in far], " ")
        labels.append(
            tag("span", chip([f"{name} ", tag("b", value)], "tag"), " ", via, class_="tagged")
        )
    labels += [
        tag("span", chip(f"not {name}", "dropped"), " ", reason, class_="tagged")
        for name, reason in column.declassified.items()
    ]
    return tag("div", labels, class_="chips") if labels else None


def _via(table: str, column: str, links: Links) -> Markup:
    named = f"{table}.{column}"
    address = links.table(table, column)
    return tag("small", "from ", tag("a", named, href=address) if address else named)


def _origin(lake: Lake, table: TableFacts, column: ColumnFacts, links: Links) -> Markup | None:
    own = lake.columns.named(table.name, column.name)
    above, below = lake.columns.above(own), lake.columns.below(own)
    gaps = lake.facts.graph.unresolved.get(own, ())
    parts: list[Markup] = []
    if above:
        parts.append(tag("div", _listed(above, links)))
        near = {one for one, _ in above}
        far = [one for one in lake.columns.origins(own) if one not in near]
        if far:
            parts.append(_details("first of all", [(one, "") for one in far], links))
    if below:
        parts.append(_details("used by", below, links))
    parts += [tag("p", f"not all is known: {why}", class_="gap") for why in gaps]
    return join(parts) if parts else None


def _listed(columns: Sequence[tuple[ColumnId, str]], links: Links) -> Markup:
    shown = [_linked(column, kind, links) for column, kind in columns[:_SHOWN]]
    hidden = len(columns) - len(shown)
    rest = _details(f"and {hidden} more", columns[_SHOWN:], links) if hidden else None
    return join([join(shown, " "), rest])


def _details(title: str, columns: Sequence[tuple[ColumnId, str]], links: Links) -> Markup:
    tables = by_neighbour(columns)
    items = [
        tag("li", join([_linked((name, column), kind, links) for column, kind in found], " "))
        for name, found in sorted(tables.items())
    ]
    count = "" if title.startswith("and") else f": {words.plural(len(columns), 'column')}"
    return tag("details", tag("summary", title, count), tag("ul", items), class_="more-columns")


def _linked(column: ColumnId, kind: str, links: Links) -> Markup:
    named = ".".join(column)
    address = links.table(*column)
    how = tag("small", kind) if kind not in {"", "identity"} else None
    return tag(
        "span", tag("a", named, href=address) if address else tag("code", named), how, class_="origin"
    )  # fmt: skip
