"""`lake crawl` and `lake crawlers`."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lakeworks.cli import render, say
from lakeworks.cli.options import AsJson, EnvironmentName, Folder, opened

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lakeworks.core.events import Event
    from lakeworks.crawlers.report import CrawlReport, TableReport
    from lakeworks.crawlers.service import CrawlerState
    from lakeworks.project.declaration import Source

_SHOWN_SKIPPED = 10
_REPORTED_EVERY = 10_000
_UNNAMED = re.compile(r"partition_\d+")  # what a crawler calls a folder without a name


def register(app: typer.Typer) -> None:
    """Add this noun's commands."""
    app.command()(crawl)
    app.command()(crawlers)


def crawl(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME]...", help="Which crawlers; default: all of the project."
        ),
    ] = None,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")
    ] = False,
    due: Annotated[
        bool, typer.Option("--due", help="Only crawlers whose schedule says that it is time.")
    ] = False,
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Find tables in folders and buckets.

    Their entries are kept in the catalog. Crawlers are declared in the folder crawlers. For a
    schedule, let cron or a systemd timer run `lake crawl --due` every few minutes. Ends with 1 when
    a target could not be crawled.
    """
    with opened(folder, environment) as lake, _progress():
        chosen = list(names or lake.crawlers.declared)
        for name in chosen:
            lake.crawlers.named(name)
        if due:
            ready = set(lake.crawlers.due())
            chosen = [name for name in chosen if name in ready]
        reports = lake.crawlers.crawl_all(chosen, dry_run=dry_run)
        declared = bool(lake.crawlers.declared)
        sources = list(lake.project.sources.values())
    if as_json:
        say.as_json([report.as_json() for report in reports])
    elif not reports:
        say.line("No crawler is due." if declared else "The project declares no crawlers.")
    for report in () if as_json else reports:
        _print(report)
        _suggest(report, sources)
    if any(report.status != "succeeded" for report in reports):
        raise typer.Exit(1)


def _suggest(report: CrawlReport, sources: Iterable[Source]) -> None:
    """Tell of sources over crawled folders that are columns to the crawler, and none to them."""
    from lakeworks.ingest.discover import split_pattern

    crawled = {table.location.rstrip("/"): table.partition_keys for table in report.tables}
    for source in sources:
        keys = crawled.get(split_pattern(source.path)[0].rstrip("/"), ())
        named = [key for key in keys if not _UNNAMED.fullmatch(key)]
        if named and source.partitions is None:
            line = f"partitions: [{', '.join(named)}]"
            say.line(f"  {source.table} reads these folders, too: {line} makes columns of them")


def crawlers(
    *, folder: Folder = None, environment: EnvironmentName = None, as_json: AsJson = False
) -> None:
    """List the crawlers: when each crawled, and is due."""
    with opened(folder, environment) as lake:
        states = lake.crawlers.states()
    if as_json:
        say.as_json([_state(state) for state in states])
        return
    if not states:
        say.line("The project declares no crawlers.")
        return
    say.table(
        ["crawler", "database", "targets", "schedule", "last crawl", "status", "next due"],
        [
            [
                state.crawler.name,
                state.crawler.database,
                ", ".join(_targets(state)),
                state.crawler.schedule or "none",
                f"{state.last.started_at:%Y-%m-%d %H:%M}" if state.last else "never",
                state.last.status if state.last else "",
                "now"
                if state.due
                else f"{state.next_at:%Y-%m-%d %H:%M}"
                if state.next_at
                else "",
            ]
            for state in states
        ],
    )


def _targets(state: CrawlerState) -> list[str]:
    crawler = state.crawler
    return [target.declared_path for target in crawler.targets] + [
        str(name) for name in crawler.tables
    ]


def _state(state: CrawlerState) -> dict[str, Any]:
    last = state.last
    return {
        "crawler": state.crawler.name,
        "database": state.crawler.database,
        "targets": _targets(state),
        "schedule": state.crawler.schedule or None,
        "last_crawl": last.started_at.isoformat() if last else None,
        "last_status": last.status if last else None,
        "due": state.due,
        "next_due": state.next_at.isoformat() if state.next_at else None,
    }


def _print(report: CrawlReport) -> None:
    would = " (dry run: nothing was changed)" if report.dry_run else ""
    status = say.good(report.status) if report.status == "succeeded" else say.bad(report.status)
    files = sum(target.objects for target in report.targets)
    told = f"{render.plural(files, 'file')}, {render.duration(report.seconds)}"
    say.line(f"{say.strong(report.crawler)}: {status}, {told}{would}")
    for target in report.targets:
        if target.error:
            say.line(f"  {say.bad('not crawled')}: {render.text(target.error)}")
    if report.error:
        say.line(f"  {say.bad(report.error_code)}: {render.text(report.error)}")
    if report.tables:
        _print_tables(report.tables)
    if report.classifiers:
        counted = sorted(report.classifiers.items(), key=lambda one: (-one[1], one[0]))
        say.line("  recognised: " + ", ".join(f"{name} {count:,}" for name, count in counted))
    _print_skipped(report)


def _print_tables(tables: list[TableReport]) -> None:
    say.table(
        ["table", "what", "format", "files", "partitions", "new", "gone"],
        [_row(table) for table in tables],
    )
    for table in tables:
        for change in table.changes:
            say.line(f"  {table.name}: {render.text(change)}")
        if table.strangers:
            count = render.plural(table.strangers, "file")
            say.line(
                f"  {table.name}: {count} in its folder not recognised, but queries read it"
            )


def _row(table: TableReport) -> list[object]:
    gone = table.partitions_deprecated + table.partitions_deleted + table.partitions_missing
    return [
        table.name,
        table.action,
        table.classification,
        table.objects,
        table.partitions,
        table.partitions_added,
        gone,
    ]


def _print_skipped(report: CrawlReport) -> None:
    if not report.skipped_count:
        return
    say.line(f"  in no table: {render.plural(report.skipped_count, 'file')}")
    for place, reason in report.skipped[:_SHOWN_SKIPPED]:
        say.line(f"    {render.text(place)}: {render.text(reason)}")
    if report.skipped_count > _SHOWN_SKIPPED:
        say.line("    and more: --json names them")


@contextmanager
def _progress() -> Iterator[None]:
    """Tell on standard error how far a long crawl is."""
    from lakeworks.core import events

    told: dict[str, int] = {}

    def listen(event: Event) -> None:
        if event.name != "crawl.progress":
            return
        name, files = event.data["crawler"], event.data["files"]
        if files // _REPORTED_EVERY > told.get(name, 0):
            told[name] = files // _REPORTED_EVERY
            say.remark(f"{name}: {files:,} of {event.data['of']:,} files")

    with events.listening(listen):
        yield
