"""What every page shares: the head, the top bar with the search, the list of databases, the foot."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lakeworks.site import words
from lakeworks.site.facts import KIND_WORDS
from lakeworks.site.graph_view import Columns
from lakeworks.site.links import GRAPH, HOME, QUALITY, RUNS, TAGS, Links, table_path
from lakeworks.site.markup import Markup, join, tag, text
from lakeworks.site.pictures import database_class

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from lakeworks.site.facts import SiteFacts, TableFacts

# No page loads or sends anything but the site's own two kinds of files; scripts in a text that
# slipped through as HTML would not run. `file:` is for browsers that know no 'self' there.
_POLICY = (
    "default-src 'none'; script-src 'self' file:; style-src 'self' file:; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)
_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect "
    "width='16' height='16' rx='4' fill='%230f766e'/%3E%3Cpath d='M3 6c2-2 3-2 5 0s3 2 5 0M3 10c2-2 "
    "3-2 5 0s3 2 5 0' stroke='white' stroke-width='1.6' fill='none' stroke-linecap='round'/%3E"
    "%3C/svg%3E"
)
_LOGO = Markup(
    '<svg class="logo" viewBox="0 0 16 16" width="22" height="22" aria-hidden="true"><rect width="16" '
    'height="16" rx="4"/><path d="M3 6c2-2 3-2 5 0s3 2 5 0M3 10c2-2 3-2 5 0s3 2 5 0"/></svg>'
)
_MENU = (
    (HOME, "Tables"),
    (GRAPH, "Lineage"),
    (QUALITY, "Quality"),
    (TAGS, "Tags"),
    (RUNS, "Runs"),
)
_LISTED = 60
_EMPTY = tag("td", "")
_WINDOW = 20


@dataclass(frozen=True, slots=True)
class Lake:
    """What pages are drawn from.

    Attributes:
        columns: What lies next to each column.
        described: Descriptions of columns, by table and folded name.
    """

    facts: SiteFacts
    columns: Columns
    described: dict[tuple[str, str], str] = field(default_factory=dict)
    _made: dict[tuple[object, ...], Markup] = field(default_factory=dict)

    @classmethod
    def of(cls, facts: SiteFacts) -> Lake:
        """Return the lake of some facts, ready to be drawn."""
        described = {
            (table.name, column.name.lower()): column.description
            for table in facts.tables.values()
            for column in table.columns
            if column.description
        }
        return cls(facts, Columns(facts.graph), described)

    def once(self, make: Callable[..., Markup], *given: object) -> Markup:
        """Return what `make` gives for these; parts that many pages share are made once."""
        key = (make, *given)
        if key not in self._made:
            self._made[key] = make(*given)
        return self._made[key]

    def links(self, depth: int) -> Links:
        """Return the links of a page that lies so many folders below the root."""
        return Links(depth, self.facts.tables)


def page(  # noqa: PLR0913 - a page's parts
    lake: Lake,
    links: Links,
    *,
    title: str,
    main: Markup,
    here: str = "",
    database: str = "",
    table: str = "",
    contents: Sequence[tuple[str, str]] = (),
    scripts: Sequence[str] = (),
) -> str:
    """Return a whole page.

    Args:
        here: The entry of the menu that is open.
        database: The database whose tables are listed at the side.
        table: The table that is marked there.
        contents: Anchors and titles of the page's sections.
        scripts: Further scripts, from the site's root.
    """
    facts = lake.facts
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{title} · {facts.lake}" if title != facts.lake else title),
        tag("link", rel="icon", href=_ICON),
        tag("link", rel="stylesheet", href=links.to("assets/site.css")),
        *(tag("script", src=links.to(f"assets/{name}")) for name in ("site.js", *scripts)),
    )
    body = tag(
        "body",
        tag("a", "Skip to content", class_="skip", href="#main"),
        lake.once(_top, facts.lake, links.root, here),
        tag(
            "div",
            _side(lake, links, database, table),
            tag("main", main, id="main", tabindex="-1"),
            _contents(contents),
            class_=f"frame{' with-contents' if contents else ''}",
        ),
        lake.once(_foot, facts.lake, facts.environment, facts.snapshot, facts.as_of),
        data_root=links.root,
    )
    return f'<!doctype html>\n<html lang="en">{head}{body}</html>\n'


def _top(lake: str, root: str, here: str) -> Markup:
    search = tag(
        "div",
        tag("input", id="search", type="search", placeholder="Search tables, columns, tags",
            aria_label="Search tables, columns and tags", role="combobox", aria_expanded="false",
            aria_controls="found", aria_autocomplete="list", autocomplete="off", spellcheck="false"),
        tag("kbd", "/", aria_hidden="true"),
        tag("div", id="found", role="listbox", aria_label="Found", hidden=True),
        tag("p", id="found-count", class_="unseen", role="status"),
        class_="search", role="search",
    )  # fmt: skip
    menu = [
        tag("a", word, href=f"{root}{path}", aria_current="page" if path == here else None)
        for path, word in _MENU
    ]
    return tag(
        "header",
        tag("a", _LOGO, tag("span", lake), class_="brand", href=f"{root}{HOME}"),
        search,
        tag("nav", menu, class_="menu", aria_label="Site"),
        tag("button", tag("span", "Theme", class_="unseen"), id="theme", type="button", hidden=True,
            title="Light or dark"),
        class_="top",
    )  # fmt: skip


def _side(lake: Lake, links: Links, database: str, table: str) -> Markup:
    entries = []
    for one in lake.facts.databases:
        chosen = one.name == database
        link = tag(
            "a",
            tag("span", class_=f"dot {database_class(one.name)}"),
            tag("span", one.name, class_="grow"),
            tag("span", words.count(len(one.tables)), class_="count"),
            href=links.database(one.name),
            aria_current="page" if chosen and not table else None,
        )
        listed = _tables(lake, links, one.tables, table) if chosen else None
        entries.append(tag("li", link, listed))
    return tag(
        "nav",
        tag("details", tag("summary", "Databases"), tag("ul", entries), open=True, id="side"),
        class_="side",
        aria_label="Databases",
    )


def _tables(lake: Lake, links: Links, names: Sequence[str], table: str) -> Markup:
    """Return the tables of a database; of a large one those around the table that is shown."""
    shown = names
    if len(names) > _LISTED:
        at = bisect_left(names, table)
        start = max(0, min(at - _WINDOW, len(names) - 2 * _WINDOW))
        shown = names[start : start + 2 * _WINDOW]
    items = [
        _item(links.to(table_path(name)), name, here=True)
        if name == table
        else lake.once(_item, links.to(table_path(name)), name)
        for name in shown
    ]
    hidden = len(names) - len(shown)
    if hidden:
        items.append(tag("li", tag("span", f"and {words.count(hidden)} more", class_="more")))
    return tag("ul", items)


def _item(address: str, name: str, *, here: bool = False) -> Markup:
    # May be broken after an underscore, where it is too long for the list.
    short = Markup(text(name.partition(".")[2]).replace("_", "_<wbr>"))
    return tag("li", tag("a", short, href=address, aria_current="page" if here else None))


def _contents(contents: Sequence[tuple[str, str]]) -> Markup | None:
    if not contents:
        return None
    items = [tag("li", tag("a", title, href=f"#{place}")) for place, title in contents]
    return tag("nav", tag("p", "On this page"), tag("ul", items), class_="contents",
               aria_label="On this page")  # fmt: skip


def _foot(lake: str, environment: str, snapshot: int, at: datetime | None) -> Markup:
    as_of = [" as of ", moment(at, zone=True)] if at else ["; nothing has run yet"]
    return tag(
        "footer",
        tag("p", f"Lake {lake}, environment {environment}, snapshot {snapshot}",
            as_of, "."),
        tag("p", "This site describes data and holds none: no row, no minimum or maximum, no message "
            "that quotes a value; only partitions go by their names. Made by ",
            tag("code", "lake docs build"), " of Lakeworks."),
    )  # fmt: skip


def moment(at: datetime, *, zone: bool = False) -> Markup:
    """Return an instant in UTC, which the page's script follows with how long ago it was.

    Args:
        zone: Whether to say so; not below a head that does.
    """
    return tag("time", words.moment(at) + (" UTC" if zone else ""), datetime=words.iso(at))


def chip(content: object, kind: str = "", **attributes: object) -> Markup:
    """Return a small label."""
    return tag("span", content, class_=f"chip {kind}".rstrip(), **attributes)


def kind_chip(table: TableFacts) -> Markup:
    """Return what kind of table it is."""
    return chip(KIND_WORDS[table.kind], f"kind-{table.kind}")


def section(place: str, title: str, *content: object) -> Markup:
    """Return a section of a page, with a heading that can be linked to."""
    link = tag("a", "#", class_="here", href=f"#{place}", aria_label=f"Link to {title}")
    return tag(
        "section", tag("h2", title, link), *content, id=place, aria_label=title
    )  # fmt: skip


def grid(
    heads: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    numbers: Sequence[int] = (),
    label: str,
    sortable: bool = False,
) -> Markup:
    """Return a table of facts, which scrolls in itself where it is wider than the page.

    Args:
        numbers: The columns that stand to the right.
        label: What the table shows.
        sortable: Whether its heads sort it.
    """
    cells = [[tag("td", cell) for cell in row] for row in rows]
    # A column in which nothing stands is left out.
    kept = [i for i in range(len(heads)) if any(row[i] != _EMPTY for row in cells)]
    right = frozenset(numbers)
    head = tag("tr", [tag("th", heads[i], scope="col", class_="n" if i in right else None)
                      for i in kept])  # fmt: skip
    body = [
        tag("tr", [_headed(row[i], heads[i], number=i in right) for i in kept]) for row in cells
    ]
    shown = tag("table", tag("thead", head), tag("tbody", body),
                class_="sortable" if sortable else None)  # fmt: skip
    return tag("div", shown, class_="scroll", tabindex="0", role="region", aria_label=label)


def _headed(cell: Markup, head: str, *, number: bool) -> Markup:
    """Return a cell that knows its head, as a narrow screen shows it beside the cell."""
    attributes = tag("td", class_="n" if number else None, data_head=head or None)
    return Markup(attributes.removesuffix("></td>") + cell.removeprefix("<td"))


def bar(share: float, label: str) -> Markup:
    """Return a share of 0 to 1 as a bar."""
    wide = max(0.0, min(1.0, share)) * 100
    return Markup(
        '<svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" role="img" aria-label="'
        f'{tag("i", label)[3:-4]}"><rect class="all" width="100" height="6" rx="3"/>'
        f'<rect class="part" width="{wide:.1f}" height="6" rx="3"/></svg>'
    )


def sparkline(values: Sequence[float], label: str) -> Markup | None:
    """Return a small line of scores of 0 to 1, the newest marked; None for fewer than two."""
    if len(values) < 2:  # noqa: PLR2004
        return None
    step = 92 / (len(values) - 1)
    points = [(4 + i * step, 22 - max(0.0, min(1.0, v)) * 18) for i, v in enumerate(values)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    x, y = points[-1]
    return Markup(
        f'<svg class="spark" viewBox="0 0 100 26" width="100" height="26" role="img" aria-label="'
        f'{tag("i", label)[3:-4]}"><polyline points="{line}"/><circle cx="{x:.1f}" cy="{y:.1f}" '
        'r="3"/></svg>'
    )


def picture(drawing: Markup, *, tall: bool = False) -> Markup:
    """Return a drawing in a frame that scrolls, and that the page's script lets pan and zoom."""
    return tag("div", drawing, class_=f"canvas{' tall' if tall else ''}", tabindex="0",
               role="region", aria_label="Picture: scroll, or drag to move")  # fmt: skip


def nothing(told: str) -> Markup:
    """Return a line that says that there is nothing."""
    return tag("p", told, class_="nothing")


def lines(description: str) -> Markup:
    """Return a description's paragraphs."""
    parts = [part.strip() for part in description.split("\n\n") if part.strip()]
    return join([tag("p", " ".join(part.split())) for part in parts])
