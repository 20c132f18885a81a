"""`lake submit`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

import typer

from lakeworks.cli import render, say
from lakeworks.cli.options import AsJson, EnvironmentName, Folder
from lakeworks.cli.runs import FullRefresh, Select

if TYPE_CHECKING:
    from pathlib import Path

    from lakeworks.aws.submission import Submission, Submitted
    from lakeworks.aws.targets import Job, JobState
    from lakeworks.project.declaration import SubmitTarget


def register(app: typer.Typer) -> None:
    """Add this noun's commands."""
    app.command()(submit)


def submit(
    *,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="TARGET",
            help="emr-serverless, emr, glue or your own cluster's; default: submit: to: of lake.yml.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Check, pack, and print what would be sent. Nothing leaves this machine.",
            show_default=False,
        ),
    ] = False,
    wait: Annotated[
        bool,
        typer.Option(
            "--wait", help="Wait for the job's end and print its result.", show_default=False
        ),
    ] = False,
    select: Select = None,
    full_refresh: FullRefresh = False,
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Run the project on a cluster: EMR, Glue or your own.

    Ships what the project declares and Lakeworks itself, never data, and starts lake run there.
    """
    submission = _prepared(folder, environment, to, select, full_refresh=full_refresh)
    if dry_run:
        _print_requests(submission, as_json=as_json)
        return
    try:
        done = submission.send(wait=wait, told=_tell)
    except KeyboardInterrupt:
        if submission.target.on_aws:
            say.remark("a job that was started goes on without being waited for")
        raise
    if as_json:
        say.as_json(done.as_json())
    else:
        _print_done(done)
    _raise_if_failed(done)


def _prepared(
    folder: Path | None,
    environment: str | None,
    to: str | None,
    select: str | None,
    *,
    full_refresh: bool,
) -> Submission:
    from pathlib import Path

    from lakeworks import __version__
    from lakeworks.aws.submission import Submission
    from lakeworks.project.loader import load_project

    run = ["--select", select] if select else []
    run += ["--full-refresh"] if full_refresh else []
    project = load_project(folder or Path(), environment=environment)
    target = cast("SubmitTarget | None", to)
    return Submission.of(project, version=__version__, to=target, run=run)


def _print_requests(submission: Submission, *, as_json: bool) -> None:
    shipment = submission.shipment
    files = submission.target.files(shipment)
    requests = [request.as_json() for request in submission.requests()]
    if as_json:
        uploads = [{"place": shipment.at(one), "bytes": len(one.data)} for one in files]
        say.as_json(
            {"target": submission.target.name, "uploads": uploads, "requests": requests}
        )
        return
    for one in files:
        say.line(f"would upload {shipment.at(one)} ({render.size(len(one.data))})")
    for request in requests:
        say.line(f"would send {request['service']} {request['operation']}")
        say.as_json(request["body"])


def _tell(job: Job, state: JobState | None) -> None:
    if state is None:
        say.remark(f"started {job.id}; logs: {job.logs}")
    else:
        say.remark(f"{job.id}: {state.name}{': ' + state.reason if state.reason else ''}")


def _print_done(done: Submitted) -> None:
    say.line(f"submitted to {done.target} as {done.job.id}")
    if done.result is None:
        return
    steps = [
        (step["table"], step["status"], step["rows_written"], step["error"] or "")
        for step in done.result["steps"]
    ]
    say.table(("table", "status", "rows written", "error"), steps)
    said = done.result
    say.line(f"{said['status']} in {said['seconds']} s, snapshot {said['snapshot']}")


def _raise_if_failed(done: Submitted) -> None:
    from lakeworks.aws.errors import JobFailedError

    state = done.state
    if state is not None and state.ended and not state.succeeded:
        raise JobFailedError.ended(done.job.id, state.name, state.reason, done.job.logs)
