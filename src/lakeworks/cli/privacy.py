"""`lake erase` and `lake subject`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lakeworks.cli import progress, render, say
from lakeworks.cli.errors import OptionsError
from lakeworks.cli.options import AsJson, AsPrincipal, EnvironmentName, Folder, opened

if TYPE_CHECKING:
    from lakeworks.privacy.report import ErasureReport

Shared = Annotated[
    bool,
    typer.Option(
        "--shared",
        help="Also rows of others that have an identifier of the person's.",
        show_default=False,
    ),
]
Subjects = Annotated[
    list[str] | None,
    typer.Option(
        "--subject",
        metavar="NAME=VALUE",
        help="Who: customer_id=C-17; several name the same person.",
        show_default=False,
    ),
]

_SHOWN_ELSEWHERE = 5
OUTSIDE, KEPT_OUT = "outside", "kept_out"


def register(app: typer.Typer) -> None:
    """Add this noun's commands."""
    erasing = typer.Typer(
        help="Erase a person everywhere, and prove it.",
        invoke_without_command=True,
        rich_markup_mode=None,
    )
    erasing.callback()(erase)
    erasing.command("list")(list_erasures)
    erasing.command("show")(show)
    erasing.command("again")(again)
    erasing.command("admit")(admit)
    app.add_typer(erasing, name="erase")
    subject = typer.Typer(help="The data of one person.", rich_markup_mode=None)
    subject.command("export")(export)
    app.add_typer(subject, name="subject")


def erase(
    context: typer.Context,
    subject: Subjects = None,
    *,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Only say what is where.", show_default=False),
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask; it cannot be undone.", show_default=False)
    ] = False,
    reason: Annotated[
        str, typer.Option(help="Why; kept with the report.", show_default=False)
    ] = "",
    mentions: Annotated[
        str,
        typer.Option(
            metavar="report|delete|keep",
            help="What happens to rows of others that name the person in a text.",
        ),
    ] = "report",
    shared: Shared = False,
    keep_out: Annotated[
        bool,
        typer.Option(
            "--keep-out",
            help="Keep a salted hash, so that lake erase again knows who is sent again.",
            show_default=False,
        ),
    ] = False,
    principal: AsPrincipal = "",
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Erase a person, and prove it with a report.

    The person is followed along the lineage into every table, quarantine and landed file. Old
    versions that held the person's rows can no longer be read. Repeat the command after a kill.
    """
    if context.invoked_subcommand is not None:
        if principal:
            raise OptionsError.behind("--as", f"lake erase {context.invoked_subcommand}")
        return
    from lakeworks.privacy.errors import NotErasedError

    _check_mentions(mentions)
    if not dry_run:
        _confirm(subject or [], yes=yes)
    with opened(folder, environment) as lake, progress.shown():
        try:
            report = lake.privacy.erase(
                subject or [],
                dry_run=dry_run,
                reason=reason,
                mentions=mentions,
                principal=principal,
                shared=shared,
            )
        except NotErasedError as error:
            report = _report_of(lake, error)
            if keep_out:
                lake.privacy.keep_out(report.erasure_id, subject or [], principal=principal)
            _show(report, as_json=as_json)
            raise
        if keep_out and not dry_run:
            lake.privacy.keep_out(report.erasure_id, subject or [], principal=principal)
    _show(report, as_json=as_json)


def again(
    *,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Only say who is back.", show_default=False),
    ] = False,
    mentions: Annotated[
        str,
        typer.Option(
            metavar="report|delete|keep",
            help="What happens to rows of others that name the person in a text.",
        ),
    ] = "report",
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Erase again who was erased with --keep-out, and was sent again.

    Meant to follow each run. They are found by the hash that was kept.
    """
    _check_mentions(mentions)
    with opened(folder, environment) as lake, progress.shown():
        done = lake.privacy.erase_again(dry_run=dry_run, mentions=mentions)
    if as_json:
        say.as_json([one.as_json() for one in done])
        return
    for report in done:
        _show(report, as_json=False)
    if not done:
        say.line("Nobody who is to stay out has come back.")
    else:
        are = "is" if len(done) == 1 else "are"
        say.line(f"{render.plural(len(done), 'person')} who {are} to stay out had come back.")


def admit(
    erasure_id: Annotated[str, typer.Argument(metavar="ID", help="As lake erase list has it.")],
    *,
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Let a person in again who was erased with --keep-out: the hash is deleted."""
    with opened(folder, environment) as lake:
        found = lake.privacy.admit(erasure_id)
    if as_json:
        say.as_json(_told(found))
    else:
        say.line(f"Erasure {found.erasure_id}: nobody is kept out by it any more.")


def list_erasures(
    *, folder: Folder = None, environment: EnvironmentName = None, as_json: AsJson = False
) -> None:
    """List the erasures of this lake, newest first."""
    with opened(folder, environment) as lake:
        found = lake.privacy.erasures()
    if as_json:
        say.as_json([_told(one) for one in found])
    elif not found:
        say.line("Nobody was erased.")
    else:
        say.table(
            ["erasure", "state", "when", "by", "identified by", "erased", "kept out", "reason"],
            [
                [
                    one.erasure_id,
                    one.state,
                    f"{one.started_at:%Y-%m-%d %H:%M}",
                    one.principal,
                    ", ".join(one.report.get("identified_by", ())),
                    sum(p["erased"] for p in one.report.get("places", ())),
                    "yes" if one.report.get(KEPT_OUT) else "",
                    one.reason,
                ]
                for one in found
            ],
        )


def show(
    erasure_id: Annotated[str, typer.Argument(metavar="ID", help="As lake erase list has it.")],
    *,
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Show the report of one erasure: what was found, erased and left, by place."""
    from lakeworks.privacy.report import ErasureReport

    with opened(folder, environment) as lake:
        found = lake.privacy.erasure(erasure_id)
    if as_json:
        say.as_json(_told(found))
    elif not found.report:
        say.line(f"Erasure {found.erasure_id} is {found.state}: repeat its command.")
    else:
        _show(ErasureReport.from_json(dict(found.report)), as_json=False)


def export(
    subject: Subjects = None,
    *,
    out: Annotated[
        Path,
        typer.Option(metavar="DIR", help="A new folder for the files.", show_default=False),
    ],
    format_: Annotated[
        str, typer.Option("--format", metavar="json|csv|parquet", help="Of the files.")
    ] = "json",
    shared: Shared = False,
    principal: AsPrincipal = "",
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Write every row of a person to files, one a table, with a manifest.

    From every table, quarantine and landed file; under --as only what the principal may see.
    """
    with opened(folder, environment) as lake, progress.shown():
        done = lake.privacy.export(
            subject or [], out, format_=format_, principal=principal, shared=shared
        )
    if as_json:
        say.as_json(say.plain(done))
        return
    say.table(
        ["place", "rows", "file"], [[one.place, one.rows, one.file] for one in done.files]
    )
    for place in done.not_searched:
        say.line(f"not searched: {place}")
    say.line(f"{render.plural(done.rows, 'row')} written to {done.folder}.")


def _check_mentions(mentions: str) -> None:
    from lakeworks.core.errors import RequestError
    from lakeworks.privacy.service import MENTIONS

    if mentions not in MENTIONS:
        raise RequestError(f"--mentions {mentions!r} is none of {', '.join(MENTIONS)}")


def _confirm(subject: list[str], *, yes: bool) -> None:
    from lakeworks.privacy.errors import ErasureRefusedError

    if yes:
        return
    if not sys.stdin.isatty():
        raise ErasureRefusedError.unconfirmed()
    named = ", ".join(subject) or "nobody"
    if not typer.confirm(f"Erase {named} for good? It cannot be undone.", err=True):
        raise ErasureRefusedError.unconfirmed()


def _report_of(lake: object, error: Exception) -> ErasureReport:
    from lakeworks.lake import Lake
    from lakeworks.privacy.report import ErasureReport

    assert isinstance(lake, Lake)  # noqa: S101 - for the type checker
    named = str(error).partition("erasure ")[2].partition(" ")[0]
    return ErasureReport.from_json(dict(lake.privacy.erasure(named).report))


def _told(one: object) -> dict[str, object]:
    told = say.plain(one)
    assert isinstance(told, dict)  # noqa: S101 - of a dataclass
    told["kept_out"] = bool(told["report"].pop(KEPT_OUT, ()))
    return {key: value for key, value in told.items() if key not in {"sealed", "salt"}}


def _show(report: ErasureReport, *, as_json: bool) -> None:
    if as_json:
        say.as_json(report.as_json())
        return
    if report.places:
        say.table(
            ["place", "found", "erased", "left", "files", ""],
            [
                [str(one), one.found, one.erased, one.left, one.files, one.note]
                for one in report.places
                if one.kind != OUTSIDE
            ],
        )
    else:
        say.line("The subject is nowhere in this lake.")
    for table, why in report.unidentified:
        say.line(f"{table}: {why}")
    _show_beyond(report)
    if report.dry_run:
        say.line(f"Looked for {render.duration(report.seconds)}; nothing was changed.")
        return
    state = say.good("nothing is left") if report.state == "done" else say.bad("not complete")
    took = render.duration(report.seconds)
    say.line(f"Erasure {report.erasure_id}: {state}; {took}.")


def _show_beyond(report: ErasureReport) -> None:
    """Print what is not the lake's."""
    for one in report.places:
        if one.kind == OUTSIDE:
            rows = render.plural(one.found + one.left, "row")
            say.line(f"{one.name} has {rows} {one.note}")
    for copy in report.elsewhere[:_SHOWN_ELSEWHERE]:
        say.line(f"not the lake's, left to you: {copy}")
    more = len(report.elsewhere) - _SHOWN_ELSEWHERE
    if more > 0:
        say.line(f"and {render.plural(more, 'file')} more that {'is' if more == 1 else 'are'} not "
                 "the lake's: --json names all")  # fmt: skip
    for beyond in report.not_reached:
        say.line(f"not reached by any erasure: {beyond}")
