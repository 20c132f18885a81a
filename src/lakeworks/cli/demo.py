"""`lake demo`: a shop's raw, dirty files become gold tables, told step by step."""

from __future__ import annotations

import shlex
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lakeworks.cli import progress, quarantine, render, runs, say
from lakeworks.cli.errors import FolderNotEmptyError
from lakeworks.cli.options import AsJson
from lakeworks.cli.sample import LANDING, in_words

if TYPE_CHECKING:
    from lakeworks.lake import Lake
    from lakeworks.pipeline.quarantine import Rejected
    from lakeworks.pipeline.report import RunReport

NAME = "lakeworks-demo"
SEED = 1
_ROW_PRESERVING = ("bronze", "silver")
_SALES = """
    select category, sum(units) as units, sum(revenue) as revenue from gold.daily_sales
    where sales_date > (select max(sales_date) from gold.daily_sales) - interval 7 day
    group by category order by revenue desc limit 5
"""
_CUSTOMERS = """
    select customer_id, state, transactions, lifetime_value, segment, churn_level
    from gold.customer_360 order by lifetime_value desc limit 5
"""
_LOOKS = (
    ("Revenue by category in the latest week, from gold.daily_sales:", _SALES),
    ("The most valuable customers, from gold.customer_360:", _CUSTOMERS),
)
_NEXT = (
    ("lake tables", "what there is"),
    ("lake show gold.customer_360", "columns, size, versions of one table"),
    ("lake quarantine silver.orders", "the rejected rows themselves"),
    ('lake query "from gold.monthly_cohorts"', "ask anything, in SQL"),
    ("lake rollback", "undo the second day, in all tables at once"),
    ("lake run", "and read it again, a line a table this time"),
)


def register(app: typer.Typer) -> None:
    """Add this noun's commands."""
    app.command()(demo)


def demo(
    directory: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DIR]", help=f"Where; default: {NAME}, new.", show_default=False
        ),
    ] = None,
    *,
    orders: Annotated[
        int, typer.Option(min=100, help="How many orders the shop has.")
    ] = 50_000,
    as_json: AsJson = False,
) -> None:
    """Watch raw, dirty files become gold tables.

    Makes a sample shop in a new folder, in less than a minute.
    """
    from lakeworks.lake import Lake
    from lakeworks.project.templates import write_template

    place = _new_folder(directory)
    tell = _Teller(silent=as_json)
    begin = time.monotonic()
    tell.say(
        "Lakeworks demo: an online shop, from raw files to gold tables.",
        f"Everything happens in {place}; delete the folder when you have seen enough.",
    )
    tell.command(f"lake init {shlex.quote(str(place))} --template shop")
    write_template(place, "shop")
    with Lake.open(place) as lake:
        sources, models = len(lake.project.sources), len(lake.project.models)
        tell.say(f"A project: {sources} sources and {models} models, in YAML, SQL and Python.")
        first = _first_days(lake, orders, tell)
        second = _next_day(lake, orders, first, tell)
        if as_json:
            reports = [first.as_json(), second.as_json()]
            say.as_json({"directory": str(place), "runs": reports})
        else:
            _look(lake, tell)
            _say_what_next(place, time.monotonic() - begin)
    if "failed" in {first.status, second.status}:
        raise typer.Exit(1)


class _Teller:
    """Tells the story, unless only its result is wanted."""

    def __init__(self, *, silent: bool) -> None:
        self.silent = silent

    def say(self, *lines: str) -> None:
        for line in () if self.silent else lines:
            say.line(line)

    def command(self, text: str) -> None:
        self.say("", say.strong(f"$ {text}"))

    def report(self, report: RunReport) -> None:
        if not self.silent:
            runs.print_layers(report)


def _new_folder(directory: Path | None) -> Path:
    """Return a folder that is free: an earlier demo may hold what its owner has tried out."""
    if directory is not None:
        if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
            raise FolderNotEmptyError.at(directory)
        return directory
    free = Path(NAME)
    number = 2
    while free.exists():
        free = Path(f"{NAME}-{number}")
        number += 1
    return free


def _first_days(lake: Lake, orders: int, tell: _Teller) -> RunReport:
    from lakeworks.samples import generate_shop

    tell.command(f"lake generate shop --orders {orders}")
    written = generate_shop(lake.project.root / LANDING, orders=orders, seed=SEED)
    tell.say(
        f"Half a year of files: {in_words(written)}.",
        "JSON lines and arrays, CSV, Parquet and a web server's log, some compressed, and as",
        "dirty as such files are: duplicates, corrections, nulls, text for numbers, torn lines.",
    )
    tell.command("lake run")
    report = _run(lake, tell)
    tell.say(*_accounts(report))
    return report


def _next_day(lake: Lake, orders: int, first: RunReport, tell: _Teller) -> RunReport:
    from lakeworks.samples import generate_shop

    tell.say("", "A day later more files arrive. Orders have a new field now; nobody was told.")
    tell.command(f"lake generate shop --orders {orders} --day 2")
    written = generate_shop(lake.project.root / LANDING, orders=orders, seed=SEED, day=2)
    tell.say(f"{in_words(written)}.")
    tell.command("lake run")
    report = _run(lake, tell)
    before, now = _read(first), _read(report)
    tell.say(
        f"Only what is new was read into bronze: {render.plural(now, 'row')}, not {before:,}."
    )
    return report


def _run(lake: Lake, tell: _Teller) -> RunReport:
    # Bars for who watches; a log has the story alone.
    with progress.shown(quiet=not sys.stderr.isatty()):
        report = lake.pipeline.run()
    tell.report(report)
    return report


def _read(report: RunReport) -> int:
    return sum(step.rows_read for step in report.steps if step.table.database == "bronze")


def _accounts(report: RunReport) -> list[str]:
    steps = [step for step in report.steps if step.table.database in _ROW_PRESERVING]
    read = sum(step.rows_read for step in steps)
    written = sum(step.rows_written for step in steps)
    quarantined = sum(step.rows_quarantined for step in steps)
    superseded = sum(step.rows_superseded for step in steps)
    if read != written + quarantined + superseded:
        return []  # a shop whose models were changed to aggregate in silver
    return [
        f"No row is lost on the way to silver: {read:,} read = {written:,} written",
        f"+ {quarantined:,} in quarantine + {superseded:,} superseded by a later version.",
    ]


def _look(lake: Lake, tell: _Teller) -> None:
    for title, sql in _LOOKS:
        tell.say("", say.strong(title))
        found = lake.query.sql(sql).to_arrow()
        rows = [list(row.values()) for row in found.to_pylist()]
        say.data(found.column_names, rows)
    tell.say("", say.strong("What was rejected, and why; lake quarantine has all of it:"))
    quarantine.print_summary(_worst_of_each(lake.pipeline.quarantine())[:8])


def _worst_of_each(rejected: list[Rejected]) -> list[Rejected]:
    """Return the commonest reason of each table."""
    seen: dict[str, Rejected] = {}
    for one in rejected:
        seen.setdefault(one.table, one)
    return list(seen.values())


def _say_what_next(place: Path, seconds: float) -> None:
    say.line()
    say.line(say.strong(f"That took {render.duration(seconds)}. What to type next:"))
    width = max(len(command) for command, _ in _NEXT)
    say.line(f"  cd {shlex.quote(str(place))}")
    if shutil.which("lake") is None:
        say.line(f'  export PATH="{Path(sys.executable).parent}:$PATH"')
    for command, purpose in _NEXT:
        say.line(f"  {command:<{width}}  {purpose}")
    say.line("Your own files: lake init my-lake, then docs/tutorial.md takes ten minutes.")
