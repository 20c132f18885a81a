"""`lake lifecycle`: what becomes of files as they age, here and on S3."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lakeworks.cli import progress, render, say
from lakeworks.cli.care import print_maintenance, seconds
from lakeworks.cli.options import AsJson, EnvironmentName, Folder, opened
from lakeworks.core import clock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lakeworks.catalog.care.lifecycle import LifecycleAction
    from lakeworks.project.care import LifecycleRule
    from lakeworks.storage.archive_manifest import Manifest


def register(app: typer.Typer) -> None:
    """Add this noun's commands."""
    noun = typer.Typer(help="What becomes of files as they age: storage classes, expiry.")
    noun.command()(show)
    noun.command()(apply)
    noun.command()(restore)
    noun.command()(export)
    app.add_typer(noun, name="lifecycle")


def show(
    *, folder: Folder = None, environment: EnvironmentName = None, as_json: AsJson = False
) -> None:
    """Show the rules, what they ask for now, and what they have archived."""
    with opened(folder, environment) as lake:
        rules = lake.project.care.lifecycle
        due = lake.care.lifecycle_due()
        archived = lake.care.archived()
    if as_json:
        say.as_json(
            {"rules": say.plain(rules), "due": say.plain(due), "archived": say.plain(archived)}
        )
        return
    if not rules:
        say.line("No rule is declared: write lifecycle: in lake.yml.")
    for rule in rules:
        say.line(f"{rule.place}: {_rule(rule)}")
    _print_due(due)
    _print_archived(archived)


def apply(
    *,
    budget: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="How long to work, such as 10m.", show_default=False),
    ] = None,
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Carry out the rules now, as lake maintain does. In a bucket, S3 does."""
    budget_s = seconds(budget)
    with opened(folder, environment) as lake, progress.shown():
        done = lake.care.apply_lifecycle(budget_s=budget_s)
    if as_json:
        say.as_json(say.plain(done))
    else:
        print_maintenance(done)
    if done.failed:
        raise typer.Exit(1)


def restore(
    table: Annotated[str, typer.Argument(metavar="TABLE", help="Such as bronze.orders.")],
    *,
    days: Annotated[int, typer.Option(min=1, help="How long the copies stay.")] = 7,
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Copy what was archived of a table's landing files back, for some days."""
    with opened(folder, environment) as lake, progress.shown():
        done = lake.care.restore(table, keep_for=timedelta(days=days))
    if as_json:
        say.as_json(say.plain(done))
        return
    files = render.plural(sum(len(one.files) for one in done), "file")
    size = render.size(sum(one.size_bytes for one in done))
    say.line(
        f"{table}: {files} ({size}) are in the landing zone for {render.plural(days, 'day')}."
    )


def export(
    output: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="Default: print it.", show_default=False),
    ] = None,
    *,
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Write the rules as aws s3api put-bucket-lifecycle-configuration takes them.

    A bucket has one such configuration: put together with rules that it has already. Files of
    tables are never expired by their age, since S3 cannot tell which of them a table needs.
    """
    del as_json  # it is JSON in any case
    with opened(folder, environment) as lake:
        found = lake.care.lifecycle_configuration()
    if output is None:
        say.as_json(found)
        return
    output.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    say.remark(f"{render.plural(len(found['Rules']), 'rule')} in {output}")


def _rule(rule: LifecycleRule) -> str:
    steps = [f"{name} after {render.plural(days, 'day')}" for name, days in rule.transitions]
    if rule.expire_days is not None:
        steps.append(f"gone after {render.plural(rule.expire_days, 'day')}")
    if rule.noncurrent_days is not None:
        steps.append(
            f"noncurrent versions gone after {render.plural(rule.noncurrent_days, 'day')}"
        )
    return ", ".join(steps) or "nothing moves"


def _print_due(due: Sequence[LifecycleAction]) -> None:
    moving = [one for one in due if not one.kept_because]
    if moving:
        say.line()
        say.table(
            ["due", "from", "to", "files", "size"],
            [
                [one.arrival.folder, one.before, one.to, one.files, render.size(one.size_bytes)]
                for one in moving
            ],
        )
    for one in due:
        if one.kept_because:
            say.line(f"stays: {one.arrival.folder}: {one.kept_because}")


def _print_archived(archived: Sequence[Manifest]) -> None:
    if not archived:
        return
    now = clock.now()
    say.line()
    say.table(
        ["archived", "class", "files", "size", "stored", ""],
        [
            [
                one.arrival.folder,
                one.storage_class,
                len(one.files),
                render.size(one.size_bytes),
                render.size(one.stored_bytes),
                f"copies until {render.moment(one.restored_until)}"
                if one.restored_until and one.restored_until > now
                else "",
            ]
            for one in archived
        ],
    )
