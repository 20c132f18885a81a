"""`lake plan`, `lake run`, `lake rollback`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lakeworks.cli import failures, progress, render, say
from lakeworks.cli.options import AsJson, EnvironmentName, Folder, opened
from lakeworks.core.errors import EXIT_REQUEST_WRONG
from lakeworks.core.names import LAYERS

if TYPE_CHECKING:
    from lakeworks.pipeline.plan import Plan, PlannedStep
    from lakeworks.pipeline.report import RunReport, StepReport

Select = Annotated[
    str | None,
    typer.Option(
        "--select",
        metavar="TABLES",
        help="silver.orders; silver.orders+ and all that is made from it; +silver.orders and "
        "all that it is made from.",
        show_default=False,
    ),
]
FullRefresh = Annotated[
    bool,
    typer.Option(
        "--full-refresh",
        help="Read every input whole and make the tables anew; the files of a source only where "
        "--select names it.",
        show_default=False,
    ),
]
KeepRead = Annotated[
    bool,
    typer.Option(
        "--keep-read",
        help="Where a source was changed since its files were read, let their rows stay as they "
        "are.",
        show_default=False,
    ),
]
Wait = Annotated[
    float | None,
    typer.Option(
        "--wait",
        metavar="SECONDS",
        min=0,
        help="How long to wait for tables that another run holds; default: without end.",
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add this noun's commands."""
    app.command()(plan)
    app.command()(run)
    app.command()(rollback)


def plan(
    *,
    select: Select = None,
    full_refresh: FullRefresh = False,
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Say what would run, why, and what it costs. Changes nothing.

    Ends with 2 when a step would fail because of a mistake in the project.
    """
    with opened(folder, environment) as lake:
        planned = lake.pipeline.plan(select, full_refresh=full_refresh)
    if as_json:
        say.as_json(planned.as_json())
    else:
        _print_plan(planned)
        failures.tell_mistakes(planned.mistakes)
    if planned.mistakes:
        raise typer.Exit(EXIT_REQUEST_WRONG)


def run(
    *,
    select: Select = None,
    full_refresh: FullRefresh = False,
    keep_read: KeepRead = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would run.", show_default=False)
    ] = False,
    wait: Wait = None,
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Bring tables up to date and publish them as one snapshot. Safe to repeat.

    Ends with 1 when a step failed, and when a table has rows of files that were read before its
    source was changed.
    """
    if dry_run:
        plan(
            select=select,
            full_refresh=full_refresh,
            folder=folder,
            environment=environment,
            as_json=as_json,
        )
        return
    with opened(folder, environment) as lake, progress.shown():
        report = lake.pipeline.run(
            select, full_refresh=full_refresh, wait_s=wait, keep_read=keep_read
        )
    if as_json:
        say.as_json(report.as_json())
    else:
        print_report(report)
    if report.status == "failed" or report.is_redeclared:
        raise typer.Exit(1)


def rollback(
    run_id: Annotated[
        str | None,
        typer.Argument(
            metavar="[RUN]",
            help="The run whose snapshot is wanted; default: the one before the current one.",
            show_default=False,
        ),
    ] = None,
    *,
    wait: Wait = None,
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Publish an earlier snapshot again. The next run goes on from there."""
    with opened(folder, environment) as lake, progress.shown():
        snapshot = lake.pipeline.rollback(run_id, wait_s=wait)
    if as_json:
        tables = {str(table): version for table, version in snapshot.tables.items()}
        say.as_json({"snapshot": snapshot.id, "run_id": snapshot.run_id, "tables": tables})
        return
    say.line(f"Readers see all tables as they were before, as snapshot {snapshot.id}.")
    say.line("The next lake run goes on from there.")


def print_report(report: RunReport) -> None:
    """Print what a run did: a line a table that it touched, then how it ended."""
    done = [step for step in report.steps if step.status == "succeeded"]
    if done:
        rows = [
            [
                step.table,
                step.rows_read,
                step.rows_written,
                step.rows_quarantined,
                step.rows_superseded,
                render.duration(step.seconds),
            ]
            for step in done
        ]
        say.table(["table", "read", "written", "quarantined", "superseded", "time"], rows)
        say.line()
    _print_end(report)


def _idle(tables: int, calm: int) -> str:
    if not tables:
        return (
            "Nothing to do: the project has no sources and no models. "
            "sources/*.yml say what comes in."
        )
    if not calm:
        return "Nothing to do."
    return f"Nothing to do: {render.plural(calm, 'table')} up to date."


def _print_end(report: RunReport) -> None:
    for step in report.steps:
        _print_trouble(step)
    for step in report.steps:
        _print_redeclared(step)
    calm = sum(step.status == "up to date" and not step.redeclared for step in report.steps)
    same = f"; {render.plural(calm, 'table')} up to date" if calm else ""
    if report.status == "nothing to do":
        say.line(_idle(len(report.steps), calm))
    elif report.status == "failed":
        say.line(
            f"{say.bad('Run failed')} after {render.duration(report.seconds)}{same}. "
            f"Readers still see snapshot {report.snapshot}."
        )
    else:
        say.line(
            f"{say.good('Run succeeded')} in {render.duration(report.seconds)}{same}. "
            f"Readers see snapshot {report.snapshot}."
        )


def _print_trouble(step: StepReport) -> None:
    if step.error:
        code, told = _code_and_text(step.error)
        named = told if told.startswith(f"{step.table}: ") else f"{step.table}: {told}"
        say.line(f"{say.bad(step.status + code)}: {named}")
    if step.status != "succeeded" or step.rows_quarantined:
        return
    for outcome in step.outcomes:
        if outcome.outcome != "Passed":
            reason = f", {outcome.failure_reason}" if outcome.failure_reason else ""
            say.line(f"{say.bad('rule not met')} in {step.table}: {outcome.rule}{reason}")


def _print_redeclared(step: StepReport | PlannedStep) -> None:
    if step.redeclared:
        from lakeworks.pipeline.errors import RedeclaredSourceError

        error = RedeclaredSourceError.since(step.table, step.redeclared)
        say.line(f"{say.bad('changed')}[{error.code}]: {error.problem}")
        say.line(f"  hint: {error.hint}")


def _code_and_text(error: str) -> tuple[str, str]:
    """Return `[LW702]` and the rest of a step's error; not every error has a code."""
    if not error.startswith("[LW"):
        return "", error
    code, _, text = error.partition(" ")
    return code, text


def print_layers(report: RunReport) -> None:
    """Print what a run did, a line a layer."""
    layers = [layer for layer in LAYERS if any(s.table.database == layer for s in report.steps)]
    rows = []
    for layer in layers:
        steps = [step for step in report.steps if step.table.database == layer]
        busy = [step for step in steps if step.status != "up to date"]
        rows.append(
            [
                layer,
                f"{len(busy)} of {len(steps)}",
                sum(step.rows_read for step in busy),
                sum(step.rows_written for step in busy),
                sum(step.rows_quarantined for step in busy),
                sum(step.rows_superseded for step in busy),
            ]
        )
    say.table(["layer", "tables", "read", "written", "quarantined", "superseded"], rows)
    say.line()
    _print_end(report)


def _print_plan(planned: Plan) -> None:
    for step in planned.steps:
        _print_redeclared(step)
    calm = sum(step.action == "none" and not step.redeclared for step in planned.steps)
    if planned.is_empty:
        say.line(_idle(len(planned.steps), calm))
        return
    for step in planned.work:
        _print_step(step)
    for table in planned.to_publish:
        say.line(f"{say.strong(str(table))}: publish what an interrupted run left")
    if calm:
        say.line(f"{render.plural(calm, 'table')} up to date.")


def _print_step(step: PlannedStep) -> None:
    say.line(f"{say.strong(str(step.table))}: {step.action}{_cost(step)}")
    for reason in step.reasons:
        say.line(f"    because {reason}")
    for change in step.schema_changes:
        say.line(f"    schema: {change}")
    for reader in step.affected:
        say.line(f"    then {reader}")


def _cost(step: PlannedStep) -> str:
    # What tables before it will give is not known yet: it counts as nothing in the plan.
    known = [
        render.plural(step.rows, "row") if step.rows else None,
        render.size(step.size_bytes) if step.size_bytes else None,
        f"about {render.duration(step.seconds)}" if step.seconds else None,
    ]
    shown = [part for part in known if part]
    return f" ({', '.join(shown)})" if shown else ""
