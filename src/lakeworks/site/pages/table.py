"""The page of one table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.site import code, words
from lakeworks.site.column_picture import column_picture
from lakeworks.site.markup import Markup, join, tag
from lakeworks.site.pages.columns import DEPTH, columns_section
from lakeworks.site.pages.quality_parts import quality_section, quarantine_section
from lakeworks.site.pages.shell import (
    Lake,
    chip,
    grid,
    kind_chip,
    moment,
    nothing,
    page,
    picture,
    section,
    sparkline,
)
from lakeworks.site.pictures import around, database_class, table_picture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakeworks.site.facts import StateFacts, TableFacts
    from lakeworks.site.links import Links

_ASKED_COLUMNS = 5
# Their files are others': what is known is when their entry in the catalog changed.
_ELSEWHERE = ("external", "view")


def table_page(lake: Lake, table: TableFacts) -> str:
    """Return a table's page."""
    links = lake.links(DEPTH)
    parts = list(_sections(lake, table, links))
    return page(
        lake,
        links,
        title=table.name,
        main=join([_head(table, links), *(part for _, _, part in parts)]),
        database=table.database,
        table=table.name,
        contents=[(place, title) for place, title, _ in parts],
    )


def _sections(lake: Lake, table: TableFacts, links: Links) -> Iterator[tuple[str, str, Markup]]:
    made = [
        ("columns", "Columns", columns_section(lake, table, links)),
        ("lineage", "Lineage", _lineage(lake, table, links)),
        ("quality", "Quality", quality_section(table)),
        ("quarantine", "Quarantine", quarantine_section(table, links)),
        ("definition", "Definition", _definition(table, links)),
        ("query", "How to query it", _query(table)),
        ("partitions", "Partitions", _partitions(table)),
        ("versions", "Versions", _versions(table, links)),
        ("schema-versions", "Schema versions", _schema_versions(table, links)),
        ("runs", "Runs", _runs(table, links)),
        ("facts", "Facts", _facts(table)),
    ]
    for place, title, content in made:
        if content is not None:
            yield place, title, section(place, title, content)


def _head(table: TableFacts, links: Links) -> Markup:
    crumbs = tag(
        "nav",
        tag("a", table.database, href=links.database(table.database)),
        tag("span", "/", aria_hidden="true"),
        tag("span", table.short),
        class_="crumbs",
        aria_label="Where this page lies",
    )
    chips = [kind_chip(table)]
    if table.owner:
        chips.append(chip(["owner ", tag("b", table.owner)]))
    chips += [chip([f"{name} ", tag("b", value)], "tag") for name, value in table.tags.items()]
    return tag(
        "div",
        crumbs,
        tag("h1", table.name, class_=database_class(table.name)),
        tag("div", chips, class_="chips"),
        tag("div", [tag("p", code.plain(one, links.table)) for one in _paragraphs(table)],
            class_="lead"),
        [tag("p", remark, class_="notice") for remark in table.remarks],
        _figures(table),
        class_="page-head",
    )  # fmt: skip


def _paragraphs(table: TableFacts) -> list[str]:
    return [" ".join(p.split()) for p in table.description.split("\n\n") if p.strip()]


def _figures(table: TableFacts) -> Markup | None:
    entries = [
        tag("div", tag("dt", name), tag("dd", value)) for name, value in _measured(table)
    ]
    return tag("dl", entries, class_="figures") if entries else None


def _measured(table: TableFacts) -> Iterator[tuple[str, object]]:
    yield from _stored(table.state, "Described" if table.kind in _ELSEWHERE else "Changed")
    if table.kind in _ELSEWHERE and table.partition_columns:
        yield "Partitions", words.count(table.partition_count)
    if table.freshness_s is not None:
        yield "Freshness", fresh(table)
    if table.quality is not None:
        trend = sparkline(table.quality.trend, "Scores of the last runs")
        passed = sum(rule.outcome == "Passed" for rule in table.quality.rules)
        yield "Rules passed", [f"{passed} of {len(table.quality.rules)} ", trend]
    if table.asked:
        yield "Queries in 30 days", words.count(table.asked)
    if table.quarantined_rows and table.kind != "quarantine":
        yield "In quarantine", words.plural(table.quarantined_rows, "row")


def _stored(state: StateFacts, changed: str) -> Iterator[tuple[str, object]]:
    if state.rows is not None:
        yield "Rows", words.count(state.rows)
    if state.size_bytes is not None:
        files = f" in {words.plural(state.files, 'file')}" if state.files is not None else ""
        yield "Size", [words.size(state.size_bytes), tag("small", files)]
    if state.version is not None:
        newest = f" newest {state.newest}" if state.newest is not None else ""
        yield "Version", [str(state.version), tag("small", newest)]
    if state.updated_at is not None:
        yield changed, moment(state.updated_at)


def fresh(table: TableFacts) -> Markup:
    """Return until when a table counts as fresh; the page's script says whether it is now."""
    promised = words.span(table.freshness_s or 0)
    if table.state.updated_at is None:
        return tag("span", f"promised within {promised}")
    return tag(
        "span",
        f"within {promised}",
        class_="fresh",
        data_at=words.iso(table.state.updated_at),
        data_within=str(table.freshness_s),
    )


def _lineage(lake: Lake, table: TableFacts, links: Links) -> Markup | None:
    graph = lake.facts.graph
    if table.name not in graph.nodes:
        return None
    names, whole = around(graph, table.name)
    if len(names) < 2:  # noqa: PLR2004
        return nothing("Nothing that is declared reads it, and it reads nothing.")
    label = f"Lineage of {table.name}: what it is made from, and what is made from it"
    drawn = table_picture(graph, names, table.name, links, label)
    inner = column_picture(
        table.name, [column.name for column in table.columns], lake.columns, links
    )
    more = "" if whole else "Only the nearest tables are drawn. "
    return join([
        tag("p", more, tag("a", "See it in the whole lake", href=links.graph(table.name)), ".",
            class_="hint"),
        picture(drawn),
        _neighbours(lake, table, links),
        join([tag("h3", "Column by column"),
              tag("p", "Point at a column to see only its lines; follow it by its link.",
                  class_="hint"),
              picture(inner, tall=True)]) if inner else None,
    ])  # fmt: skip


def _neighbours(lake: Lake, table: TableFacts, links: Links) -> Markup:
    """Return the next tables in words: what the picture shows, for those who do not see it."""
    graph = lake.facts.graph

    def named(title: str, names: tuple[str, ...]) -> Markup:
        shown = [
            tag("a", name, href=address)
            if (address := links.table(name))
            else tag("code", name)
            for name in names
        ]
        return tag("p", tag("b", title), " ", join(shown, ", ") if shown else "nothing")

    return tag(
        "div",
        named("Reads", graph.neighbours(table.name, "up")),
        named("Read by", graph.neighbours(table.name, "down")),
        class_="neighbours",
    )


def _definition(table: TableFacts, links: Links) -> Markup | None:
    if table.code is None:
        return None
    text = table.code
    coloured = code.sql if text.language == "sql" else code.python
    told = f", written in {text.dialect}'s dialect" if text.dialect else ""
    header = (
        tag("details", tag("summary", "Header: how it is loaded, checked and described"),
            tag("pre", tag("code", text.header), tabindex="0"))
        if text.header else None
    )  # fmt: skip
    return join([
        tag("p", tag("code", text.file), told, class_="hint"),
        tag("div", tag("pre", tag("code", coloured(text.text, links.table)), tabindex="0"),
            class_="code"),
        header,
    ])  # fmt: skip


def _query(table: TableFacts) -> Markup | None:
    if table.state.updated_at is None or table.kind == "view":
        return None
    wanted = [c.name for c in table.columns if not c.name.startswith("_")][:_ASKED_COLUMNS]
    chosen = ", ".join(_quoted(name) for name in wanted) or "*"
    named = f"{_quoted(table.database)}.{_quoted(table.short)}"
    select = f"select {chosen}\nfrom {named}\nlimit 10"
    one_line = f"select {chosen} from {named} limit 10".replace("'", "'\\''")
    python = (
        "from lakeworks import Lake\n\nwith Lake.open() as lake:\n"
        f"    frame = lake.query.sql({f'select * from {named}'!r}).to_pandas()"
    )
    parts = [_example("SQL", code.sql(select, lambda _: None)),
             _example("Shell", join([f"lake query '{one_line}'"])),
             _example("Python", code.python(python, lambda _: None))]  # fmt: skip
    if table.state.version is not None:
        earlier = f"select count(*) from {table.name}@v{table.state.version}"
        parts.append(_example("One version", code.sql(earlier, lambda _: None)))
    return tag("div", parts, class_="examples")


def _example(title: str, text: Markup) -> Markup:
    return tag(
        "div", tag("h3", title), tag("pre", tag("code", text), tabindex="0"), class_="code"
    )


def _quoted(name: str) -> str:
    """Return a column as SQL needs it."""
    plain = name.isascii() and name.isidentifier() and name == name.lower()
    return name if plain else '"' + name.replace('"', '""') + '"'


def _partitions(table: TableFacts) -> Markup | None:
    if not table.partition_columns:
        return None
    shown = len(table.partitions)
    told = f"{words.plural(table.partition_count, 'partition')} by {', '.join(table.partition_columns)}"
    told += f"; the last {shown} of them" if shown < table.partition_count else ""
    rows = [
        [
            tag("code", part.value),
            _number(part.rows),
            _size(part.size_bytes),
            _number(part.files),
        ]
        for part in table.partitions
    ]
    heads = ["Partition", "Rows", "Size", "Files"]
    return join([
        tag("p", told + ".", class_="hint"),
        grid(heads, rows, numbers=(1, 2, 3), label="Partitions") if rows else None,
    ])  # fmt: skip


def _number(value: int | None) -> str:
    return "" if value is None else words.count(value)


def _size(value: int | None) -> str:
    return "" if value is None else words.size(value)


def _versions(table: TableFacts, links: Links) -> Markup | None:
    if not table.versions:
        return None
    rows = [
        [
            [f"{one.version} ", chip("readers see it", "good")]
            if one.version == table.state.version and table.state.published
            else str(one.version),
            moment(one.at) if one.at else "",
            one.what,
            "" if one.rows_added is None else words.count(one.rows_added),
            one.files,
            _run_link(one.who, links),
        ]
        for one in table.versions
    ]
    heads = ["Version", "At (UTC)", "Operation", "Rows added", "Files", "By"]
    return grid(heads, rows, numbers=(3,), label="Versions")


def _schema_versions(table: TableFacts, links: Links) -> Markup | None:
    if not table.schema_versions:
        return None
    rows = [
        [
            str(one.version),
            moment(one.at) if one.at else "",
            one.what,
            _run_link(one.who, links),
        ]
        for one in table.schema_versions
    ]
    return grid(
        ["Version", "Since (UTC)", "Why", "By"], rows, label="Versions of its declaration"
    )


def _run_link(run_id: str, links: Links) -> Markup:
    if "T" in run_id and "Z-" in run_id:
        return tag("a", tag("code", run_id), href=links.to(f"runs.html#{run_id}"))
    return tag("span", run_id)


def _runs(table: TableFacts, links: Links) -> Markup | None:
    if not table.parts:
        return None
    rows = [
        [
            _run_link(one.run_id, links),
            moment(one.at),
            status(one.status),
            words.count(one.read),
            words.count(one.written),
            words.count(one.quarantined),
            words.count(one.superseded),
            words.took(one.seconds),
            one.note,
        ]
        for one in table.parts
    ]
    heads = [
        "Run",
        "At (UTC)",
        "Status",
        "Read",
        "Written",
        "Quarantined",
        "Superseded",
        "Time",
        "",
    ]
    return grid(heads, rows, numbers=(3, 4, 5, 6, 7), label="Runs that changed it")


def status(told: str) -> Markup:
    """Return how something ended, coloured."""
    kinds = {"succeeded": "good", "failed": "bad", "killed": "bad", "blocked": "warn"}
    return chip(told, kinds.get(told, ""))


def _facts(table: TableFacts) -> Markup | None:
    if not table.facts:
        return None
    return tag(
        "dl",
        [tag("div", tag("dt", name), tag("dd", value)) for name, value in table.facts],
        class_="facts",
    )
