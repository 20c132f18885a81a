"""`lake maintain`, `lake health`, `lake storage`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from lakeworks.cli import progress, render, say
from lakeworks.cli.options import AsJson, EnvironmentName, Folder, opened

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lakeworks.catalog.care.chores import Chore
    from lakeworks.catalog.care.health import TableHealth
    from lakeworks.catalog.care.maintain import Maintenance
    from lakeworks.catalog.care.usage import Usage, Used
    from lakeworks.privacy.retention import RetentionReport

Tables = Annotated[
    list[str] | None,
    typer.Argument(metavar="[TABLE]...", help="Default: all tables.", show_default=False),
]
_SHOWN_COLUMNS = 12
_QUIET = {
    "statistics": "statistics of columns",
    "history": "old queries to forget",
    "runs": "old runs to forget",
}


def register(app: typer.Typer) -> None:
    """Add this noun's commands."""
    for command in (maintain, health, storage):
        app.command()(command)


def maintain(
    tables: Tables = None,
    *,
    budget: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="How long to work, such as 10m; default: maintenance: of lake.yml, 10 minutes.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what is due.", show_default=False)
    ] = False,
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Do what is due for the tables, the most gain first.

    Applies the retention rules of policies/, merges small files, sorts tables by what queries
    filter (if lake.yml allows), deletes what no kept version needs, writes checkpoints, refreshes
    statistics, forgets old queries and runs, moves old landing files. Safe beside runs and readers;
    what a run holds is left.
    """
    budget_s = seconds(budget)
    with opened(folder, environment) as lake, progress.shown():
        kept = None if tables else lake.privacy.apply_retention(dry_run=dry_run, wait_s=0)
        done = lake.care.maintain(tables or None, budget_s=budget_s, dry_run=dry_run)
    if as_json:
        told = say.plain(done)
        assert isinstance(told, dict)  # noqa: S101 - of a dataclass
        say.as_json({**told, "retention": say.plain(kept.done if kept else ())})
    else:
        if kept is not None:
            _print_retention(kept)
        print_maintenance(done)
    if done.failed:
        raise typer.Exit(1)


def health(
    tables: Tables = None,
    *,
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Show how tables are laid out, and what would help.

    The advice comes from the files and from the queries of the last 30 days.
    """
    with opened(folder, environment) as lake:
        found = lake.care.health(tables or None)
    if as_json:
        say.as_json(say.plain(found))
    elif tables:
        for one in found:
            _print_health(one)
    else:
        _print_all(found)


def storage(
    *, folder: Folder = None, environment: EnvironmentName = None, as_json: AsJson = False
) -> None:
    """Show what files take up, and what S3 asks for that.

    By layer, kind and storage class, with the costs of a month.
    """
    with opened(folder, environment) as lake:
        used = lake.care.storage()
    if as_json:
        say.as_json({**_told(used), **_prices()})
    else:
        _print_storage(used)


def seconds(text: str | None) -> float | None:
    """Read a time such as `10m`.

    Raises:
        UnreadableBudgetError: it is none.
    """
    if text is None:
        return None
    from lakeworks.catalog.care.errors import UnreadableBudgetError
    from lakeworks.project.limits import age_s

    plain = text.strip()
    if plain.endswith("s") and plain[:-1].strip().isdigit():
        return float(plain[:-1])
    found = age_s(plain)
    if found is None:
        raise UnreadableBudgetError.written(text)
    return float(found)


def print_maintenance(done: Maintenance) -> None:
    """Print what a pass did, or would do, and what it left."""
    if done.dry_run:
        _print_plan(done.planned)
    else:
        _print_done(done)
    for left in done.left:
        say.line(f"left: {left.what}: {left.why}")
    for failed in done.failed:
        say.line(f"{say.bad('failed')}: {failed.what}: {failed.why}")
    took = render.duration(done.seconds)
    if not done.planned and not done.left:
        say.line(f"Nothing is due; looked for {took}.")
    elif done.dry_run:
        say.line(f"{render.plural(len(done.planned), 'chore')} due; looked for {took}.")
    else:
        say.line(f"{render.plural(len(done.done), 'chore')} done in {took}.")


def _print_retention(kept: RetentionReport) -> None:
    shown = [one for one in kept.done if one.rows or one.left]
    if not shown:
        return
    say.table(
        ["retention", "table", "action", "rows", "older than", ""],
        [
            [
                one.rule,
                one.table,
                f"{one.action} {', '.join(one.columns)}".strip(),
                one.rows,
                one.before[:10],
                f"left: {one.left}" if one.left else "",
            ]
            for one in shown
        ],
    )


def _print_done(done: Maintenance) -> None:
    for one in done.done:
        if one.chore.kind not in _QUIET:
            say.line(f"{one.chore}: {one.what} ({render.duration(one.seconds)})")
    _print_quiet(Counter(one.chore.kind for one in done.done if one.chore.kind in _QUIET))


def _print_plan(planned: Sequence[Chore]) -> None:
    shown = [one for one in planned if one.kind not in _QUIET]
    if shown:
        say.table(
            ["chore", "table", "saves a month", "takes", "why"],
            [
                [
                    one.kind,
                    one.table,
                    dollars(one.gain_usd_month),
                    render.duration(one.seconds),
                    one.why,
                ]
                for one in shown
            ],
        )
    _print_quiet(Counter(one.kind for one in planned if one.kind in _QUIET))


def _print_quiet(quiet: Mapping[str, int]) -> None:
    for kind, count in quiet.items():
        what = f" of {render.plural(count, 'table')}" if kind == "statistics" else ""
        say.line(f"{_QUIET[kind]}{what}")


def _print_all(found: Sequence[TableHealth]) -> None:
    if not found:
        say.line("There are no tables yet: lake run makes them.")
        return
    say.table(
        ["table", "size", "files", "small", "merged", "old versions", "orphans", "advice"],
        [
            [
                one.table,
                render.size(one.size_bytes),
                one.files,
                f"{one.small_share:.0%}",
                one.files_merged,
                render.size(one.history_bytes),
                render.size(one.orphan_bytes),
                ", ".join(advice.kind for advice in one.advice),
            ]
            for one in found
        ],
    )
    for one in found:
        for advice in one.advice:
            say.line()
            say.line(f"{one.table}: {advice.why}.")
            if advice.command:
                say.line(f"  do: {advice.command}")


def _print_health(one: TableHealth) -> None:
    say.line(say.strong(str(one.table)))
    behind = f"{one.commits_since_checkpoint} commits since the last checkpoint"
    parts = one.partitions
    facts = [
        ("size", f"{render.size(one.size_bytes)} in {render.plural(one.files, 'file')}"),
        ("files aimed at", render.size(one.target_file_bytes)),
        (
            "small files",
            f"{one.small_files:,}; merged, the table has {one.files_merged:,} files",
        ),
        ("old versions", f"{render.size(one.history_bytes)}, kept {one.retention_days:g} days"),
        ("orphans", render.size(one.orphan_bytes)),
        ("log", f"{render.plural(one.log_files, 'file')}, {behind}"),
        ("sorted by", ", ".join(one.zordered_by)),
    ]
    if parts is not None:
        skew = f"the largest {parts.skew:g} times the middle one"
        facts.append(("partitions", f"{parts.count:,}, {skew}"))
    for name, value in facts:
        if value:
            say.line(f"  {name + ':':<17}{value}")
    say.line()
    bands = [band for band in one.bands if band.files]
    say.table(
        ["files below", "files", "size"],
        [
            [
                render.size(band.below_bytes) if band.below_bytes else "any size",
                band.files,
                render.size(band.size_bytes),
            ]
            for band in bands
        ],
    )
    say.line()
    _print_columns(one)
    for advice in one.advice:
        say.line()
        say.line(f"{advice.why}.")
        say.line(f"  do: {advice.command or 'change partition_by in its declaration'}")


def _print_columns(one: TableHealth) -> None:
    columns = sorted(one.overlap, key=lambda name: (one.overlap[name], name))[:_SHOWN_COLUMNS]
    say.table(
        ["column", "scanned for one value", "bounds known"],
        [[c, f"{one.overlap[c]:.0%}", f"{one.covered.get(c, 0):.0%}"] for c in columns],
    )


def _print_storage(used: Usage) -> None:
    from lakeworks.catalog.care.prices import AS_OF, REGION

    groups: dict[tuple[str, str, str], list[Used]] = {}
    for one in used.parts:
        groups.setdefault((one.layer, one.kind, one.storage_class), []).append(one)
    say.table(
        ["layer", "what", "class", "files", "size", "a month"],
        [
            [
                *key,
                sum(one.amount.files for one in parts),
                render.size(sum(one.amount.size_bytes for one in parts)),
                dollars(sum(one.usd_month for one in parts)),
            ]
            for key, parts in sorted(groups.items())
        ],
    )
    say.line(f"{render.size(used.size_bytes)}, {dollars(used.usd_month)} a month.")
    say.line()
    say.table(
        ["all of it in", "a month", "to read it once"],
        [
            [name, dollars(month), dollars(read)]
            for name, (month, read) in used.by_class.items()
        ],
    )
    say.line(f"Prices of Amazon S3 in {REGION} as of {AS_OF}, or those of lake.yml.")


def dollars(amount: float) -> str:
    """Return an amount with as many digits as say something."""
    if amount == 0:
        return "$0"
    if amount < 0.01:  # noqa: PLR2004
        return "< $0.01"
    return f"${amount:,.2f}"


def _told(used: Usage) -> dict[str, object]:
    return {
        "size_bytes": used.size_bytes,
        "usd_month": used.usd_month,
        "parts": say.plain(used.parts),
        "by_class": {
            name: {"usd_month": month, "usd_to_read_once": read}
            for name, (month, read) in used.by_class.items()
        },
    }


def _prices() -> dict[str, str]:
    from lakeworks.catalog.care.prices import AS_OF, REGION

    return {"prices_region": REGION, "prices_as_of": AS_OF}
