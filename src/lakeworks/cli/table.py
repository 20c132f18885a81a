"""`lake tables`, `lake show`, `lake history`, `lake optimize`, `lake vacuum`."""

from __future__ import annotations

import textwrap
from contextlib import nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from lakeworks.cli import catalog_entry, progress, render, say, table_tags
from lakeworks.cli.options import (
    AsJson,
    AsPrincipal,
    EnvironmentName,
    Folder,
    instant,
    opened,
    seen,
)
from lakeworks.core import clock

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakeworks.catalog.runs import Run
    from lakeworks.catalog.snapshots import Snapshot
    from lakeworks.catalog.tables import PartitionSummary, TableDetail
    from lakeworks.cli.options import AnyLake
    from lakeworks.permitted.tables import SeenCompaction
    from lakeworks.project.declaration import ColumnNote
    from lakeworks.storage.maintenance import Compaction

TableArgument = Annotated[str, typer.Argument(metavar="TABLE", help="Such as silver.orders.")]
Limit = Annotated[int, typer.Option(min=1, help="How many entries.")]
SHOWN_PARTITIONS = 12
_PROSE_WIDTH = 90
_DEFAULT_LIMIT = 20


def register(app: typer.Typer) -> None:
    """Add this noun's commands."""
    for command in (tables, show, history, optimize, vacuum):
        app.command()(command)


def tables(
    *,
    principal: AsPrincipal = "",
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """List the tables: rows, size, version, freshness."""
    with seen(folder, environment, principal) as lake:
        found = lake.tables.list()
    if as_json:
        say.as_json(say.plain(found))
        return
    if not found:
        nobody = f"{principal} sees no table here: lake permissions --of {principal} says why."
        say.line(nobody if principal else "There are no tables yet: lake run makes them.")
        return
    if any(table.left_out for table in found):
        say.remark("Rows and sizes of tables that are not seen whole are left out.")
    now = clock.now()
    say.table(
        ["table", "rows", "size", "version", "changed", ""],
        [
            [
                table.name,
                table.rows,
                None if table.size_bytes is None else render.size(table.size_bytes),
                table.version,
                render.age(table.updated_at, now),
                "" if table.version == table.published else "not published",
            ]
            for table in found
        ],
    )


def show(
    table: Annotated[
        str, typer.Argument(metavar="TABLE", help="silver.orders, or silver.orders@v3.")
    ],
    *,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIMESTAMP",
            help="As readers saw it then; UTC without a zone.",
            show_default=False,
        ),
    ] = None,
    principal: AsPrincipal = "",
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Show one table: columns, size, versions, freshness. Of an external one, its entry."""
    moment = instant(at) if at else None
    with seen(folder, environment, principal) as lake:
        outside = catalog_entry.is_external(lake, table) or catalog_entry.is_view(lake, table)
        if moment is None and outside:
            catalog_entry.show(lake, table, as_json=as_json)
            return
        found = lake.tables.show(table, at=moment)
        notes, owner = lake.lineage.notes_of(found.name)
        tags = lake.lineage.tags_of(str(found.name))
    if as_json:
        say.as_json(table_tags.with_tags(say.plain(found), tags, notes, owner))
    else:
        _print_detail(found, notes, owner)
        table_tags.print_tags(tags, notes)


def history(
    table: Annotated[
        str | None,
        typer.Argument(
            metavar="[TABLE]", help="One table's versions instead.", show_default=False
        ),
    ] = None,
    *,
    limit: Limit = _DEFAULT_LIMIT,
    principal: AsPrincipal = "",
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """List runs and snapshots, or a table's versions."""
    with seen(folder, environment, principal) as lake:
        if table is None:
            _show_runs(lake, limit, as_json=as_json)
        else:
            _show_changes(lake, table, limit, as_json=as_json)


def optimize(
    table: TableArgument,
    *,
    zorder: Annotated[
        str,
        typer.Option(
            metavar="COLUMNS", help="Also sort by these, comma-separated.", show_default=False
        ),
    ] = "",
    principal: AsPrincipal = "",
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Merge a table's small files into few. Rows stay the same.

    Safe while others read and write. With --zorder, rows with similar values of these columns
    come to lie in the same files, so that queries that filter by them read less.
    """
    columns = [column.strip() for column in zorder.split(",") if column.strip()]
    # Progress tells figures of all rows.
    told = nullcontext() if principal else progress.shown()
    with seen(folder, environment, principal) as lake, told:
        done = lake.tables.optimize(table, zorder=columns)
    if as_json:
        say.as_json(say.plain({"table": table, "done": done}))
    else:
        say.line(f"{table}: {_compacted(done)}.")


def vacuum(
    table: Annotated[
        str | None,
        typer.Argument(metavar="[TABLE]", help="Default: all tables.", show_default=False),
    ] = None,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would go.", show_default=False)
    ] = False,
    retain_hours: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="What readers saw since then stays; default: retention: of lake.yml, a week.",
            show_default=False,
        ),
    ] = None,
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Delete files that no kept snapshot needs.

    What readers saw within the retention can be queried and rolled back to afterwards.
    """
    with opened(folder, environment) as lake, progress.shown():
        done = lake.tables.vacuum(
            table,
            retention=None if retain_hours is None else timedelta(hours=retain_hours),
            dry_run=dry_run,
        )
    if as_json:
        say.as_json(say.plain(list(done)))
        return
    would = "would be deleted" if dry_run else "deleted"
    for one in done:
        if one.skipped:
            say.line(f"{one.table}: left out, {one.skipped}")
        elif one.paths:
            files = render.plural(len(one.paths), "file")
            say.line(f"{one.table}: {files} ({render.size(one.size_bytes)}) {would}")
        if one.log_paths:
            files = render.plural(len(one.log_paths), "file")
            say.line(f"{one.table}: {files} of its log {would}")
    total = render.plural(sum(len(one.paths) for one in done), "file")
    say.line(f"{total}, {render.size(sum(one.size_bytes for one in done))} {would}.")


def _print_detail(found: TableDetail, notes: Mapping[str, ColumnNote], owner: str) -> None:
    seen = "nothing yet" if found.published is None else f"version {found.published}"
    facts = [
        ("owner", owner),
        ("rows", "" if found.rows is None else render.count(found.rows)),
        ("size", _size(found)),
        ("version", f"{found.version}, newest {found.newest}; readers see {seen}"),
        ("changed", f"{render.moment(found.updated_at)}, {_ago(found)}"),
        ("rules", "" if found.score is None else f"{found.score:.0%} passed in the last run"),
        ("quarantined", _quarantined(found)),
        ("partitioned by", ", ".join(found.partition_columns)),
        ("location", found.location),
        ("read so far", ", ".join(_bookmark(*one) for one in found.bookmarks.items())),
        ("left out", ", ".join(one.replace("_", " ") for one in found.left_out)),
    ]
    say.line(say.strong(str(found.name)))
    for line in textwrap.wrap(found.description, _PROSE_WIDTH):
        say.line(f"  {render.text(line)}")
    for name, value in facts:
        if value:
            say.line(f"  {name + ':':<16}{render.text(value)}")
    say.line()
    _print_columns(found, notes)
    if found.partitions:
        say.line()
        _print_partitions(found)


def _print_columns(found: TableDetail, notes: Mapping[str, ColumnNote]) -> None:
    columns = [
        [f.name, f.type, f.comment or (notes[f.name].description if f.name in notes else "")]
        for f in found.schema
    ]
    if any(comment for *_, comment in columns):
        say.table(["column", "type", "description"], columns)
    else:
        say.table(["column", "type"], [column[:2] for column in columns])


def _print_partitions(found: TableDetail) -> None:
    shown = sorted(found.partitions, key=_by_value)[-SHOWN_PARTITIONS:]
    say.table(
        [*found.partition_columns, "rows", "size", "files"],
        [
            [
                *("null" if value is None else value for value in part.values.values()),
                part.rows,
                render.size(part.size_bytes),
                part.files,
            ]
            for part in shown
        ],
    )
    hidden = len(found.partitions) - len(shown)
    if hidden:
        say.line(f"and {render.plural(hidden, 'partition')} before these")


def _compacted(done: Compaction | SeenCompaction) -> str:
    before, after = done.files_before, done.files_after
    if done.version is None:
        files = "" if before is None else f", {render.plural(before, 'file')}"
        return f"nothing to do{files}"
    if None in (before, after, done.bytes_before, done.bytes_after):
        return f"files merged, version {done.version}"
    return (
        f"{render.plural(before or 0, 'file')} ({render.size(done.bytes_before or 0)}) are now "
        f"{after or 0:,} ({render.size(done.bytes_after or 0)}), version {done.version}"
    )


def _size(found: TableDetail) -> str:
    if found.size_bytes is None or found.files is None:
        return ""
    return f"{render.size(found.size_bytes)} in {render.plural(found.files, 'file')}"


def _quarantined(found: TableDetail) -> str:
    rows = found.quarantined_rows
    return "" if rows is None else render.plural(rows, "row")


def _bookmark(application: str, version: int) -> str:
    """Return how far an input was read: of a table a version, of files a batch."""
    name = application.removeprefix("lakeworks/")
    return f"{name} {'batch ' if name == 'files' else 'v'}{version}"


def _by_value(part: PartitionSummary) -> list[tuple[bool, bool, int, str]]:
    """Return a sort key that puts month 10 after month 9, and null first."""
    return [
        (
            value is not None,
            value is None or not value.isdecimal(),
            int(value) if value and value.isdecimal() else 0,
            value or "",
        )
        for value in part.values.values()
    ]


def _ago(found: TableDetail) -> str:
    now = clock.now()
    return render.age(now - timedelta(seconds=found.freshness_s), now)


def _show_runs(lake: AnyLake, limit: int, *, as_json: bool) -> None:
    runs = lake.catalog.runs(limit)
    snapshots = lake.catalog.snapshots(limit)
    if as_json:
        say.as_json({"runs": say.plain(runs), "snapshots": say.plain(snapshots)})
        return
    if not runs and not snapshots:
        say.line("Nothing has run yet: lake run.")
        return
    say.table(["at", "what", "status", "snapshot", "tables changed", "time"],
              _run_rows(runs, snapshots)[:limit])  # fmt: skip


def _run_rows(runs: list[Run], snapshots: list[Snapshot]) -> list[list[object]]:
    """Return a line for every run, and for every snapshot that no run published."""
    published = {snapshot.run_id: snapshot for snapshot in snapshots}
    known = {run.run_id for run in runs}
    timed = [(run.started_at, _run_row(run, published.get(run.run_id))) for run in runs]
    timed += [
        (s.created_at, [render.moment(s.created_at), s.kind, "published", s.id, None, None])
        for s in snapshots
        if s.run_id not in known
    ]
    return [row for _, row in sorted(timed, key=lambda entry: entry[0], reverse=True)]


def _run_row(run: Run, snapshot: Snapshot | None) -> list[object]:
    steps = run.report.get("steps", ())
    changed = sum(step.get("status") == "succeeded" for step in steps)
    took = run.report.get("seconds")
    return [
        render.moment(run.started_at),
        f"{'run' if snapshot is None else snapshot.kind} {run.run_id}",
        run.status,
        None if snapshot is None else snapshot.id,
        changed,
        None if took is None else render.duration(took),
    ]


def _show_changes(lake: AnyLake, table: str, limit: int, *, as_json: bool) -> None:
    changes = lake.tables.history(table, limit)
    if as_json:
        say.as_json(say.plain(changes))
        return
    say.table(
        ["version", "at", "operation", "rows added", "files", "run", "snapshot"],
        [
            [
                change.version,
                render.moment(change.at),
                change.operation,
                change.rows_added,
                None
                if change.files_added is None
                else f"+{change.files_added} -{change.files_removed}",
                change.run_id,
                change.snapshot,
            ]
            for change in changes
        ],
    )
