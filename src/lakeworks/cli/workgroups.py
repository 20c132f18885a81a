"""`lake workgroups`: what groups of queries may, and what they used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lakeworks.cli import render, say
from lakeworks.cli.options import AsJson, AsPrincipal, EnvironmentName, Folder, opened

if TYPE_CHECKING:
    from lakeworks.lake import Lake
    from lakeworks.query.executions.limits import Limits


def register(app: typer.Typer) -> None:
    """Add this noun's commands."""
    groups = typer.Typer(no_args_is_help=True, help="Who shares which limits on queries.")
    groups.command("list")(list_)
    groups.command("show")(show)
    groups.command("queries")(queries)
    app.add_typer(groups, name="workgroups")


def list_(
    *, folder: Folder = None, environment: EnvironmentName = None, as_json: AsJson = False
) -> None:
    """List the workgroups, with what their queries of this month scanned and cost."""
    with opened(folder, environment) as lake:
        found = _limits(lake).accounts()
    if as_json:
        say.as_json(say.plain(found))
        return
    rows = [
        (
            one["workgroup"],
            "open" if one["enabled"] else "disabled",
            one["used"]["month"]["queries"],
            one["used"]["month"]["failed"],
            render.size(one["scanned_bytes"]["month"]),
            f"{one['used']['month']['seconds']:,.1f}",
            _usd(one["cost_usd"]),
            _budget(one["budget"]),
        )
        for one in found
    ]
    say.table(
        ("workgroup", "state", "queries", "failed", "scanned", "seconds", "cost", "budget"),
        rows,
    )


def show(
    name: Annotated[str, typer.Argument(help="The workgroup.")] = "primary",
    *,
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Show what a workgroup used, how long its queries took, and its budget's alarms."""
    with opened(folder, environment) as lake:
        found = _limits(lake).account(name)
    if as_json:
        say.as_json(say.plain(found))
        return
    say.line(f"{found['workgroup']}  {found['description']}".rstrip())
    rows = [
        (
            period, used["queries"], used["failed"], used["cancelled"], used["reused"],
            render.size(used["scanned_bytes"]), _limit(found["limits_bytes"].get(period)),
            f"{used['seconds']:,.1f}", _usd(used["cost_usd"]),
        )
        for period, used in found["used"].items()
    ]  # fmt: skip
    say.table(
        (
            "this",
            "queries",
            "failed",
            "cancelled",
            "reused",
            "scanned",
            "of",
            "seconds",
            "cost",
        ),
        rows,
    )
    lately = found["lately"]
    say.line()
    times = [
        (said, *(f"{lately[key][share]:.3f}" for share in ("p50", "p95", "max")))
        for key, said in (("queued_s", "waited, s"), ("seconds", "ran, s"))
    ]
    say.table(("last 24 hours", "half within", "95 % within", "longest"), times)
    say.line()
    say.line(f"budget: {_budget(found['budget']) or 'none'}")
    for alarm in found["alarms"]:
        say.line(
            f"{alarm['raised_at']:%Y-%m-%d %H:%M} UTC: {100 * alarm['share']:g} % of "
            f"{_usd(alarm['budget_usd'])} for {alarm['month']:%B %Y} was spent"
        )


def queries(
    name: Annotated[
        str, typer.Argument(help="The workgroup; all when left out.", show_default=False)
    ] = "",
    *,
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 20,
    principal: AsPrincipal = "",
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """List the last queries of the SQL service: whose, how long they took, what they cost.

    With --as: this principal's own; lake administrators see everybody's.
    """
    from lakeworks.query.executions.records import seen_of

    with opened(folder, environment) as lake:
        if name:
            _limits(lake).group(name, principal or None)
        view = lake.as_principal(principal) if principal else lake
        records = view.catalog.query_executions
        found = [seen_of(one) for one in records.recent(workgroup=name or None, limit=limit)]
    if as_json:
        say.as_json(say.plain(found))
        return
    rows = [
        (
            f"{one.submitted_at:%Y-%m-%d %H:%M:%S}", one.workgroup, one.principal or "the owner",
            "reused" if one.reused else one.state, f"{one.queued_s:.2f}", f"{one.seconds:.2f}",
            render.size(one.scanned_bytes), _usd(one.cost_usd), " ".join(one.sql.split())[:60],
        )
        for one in found
    ]  # fmt: skip
    say.table(
        (
            "asked",
            "workgroup",
            "by",
            "state",
            "waited, s",
            "ran, s",
            "scanned",
            "cost",
            "query",
        ),
        rows,
    )


def _limits(lake: Lake) -> Limits:
    from lakeworks.query.executions.limits import Limits
    from lakeworks.server.sql.serving import workgroups

    return Limits(
        workgroups(lake),
        usage=lake.catalog.query_usage,
        records=lake.catalog.query_executions,
    )


def _usd(amount: float) -> str:
    return f"${amount:,.6f}".rstrip("0").rstrip(".") if amount else "$0"


def _limit(limit_bytes: int | None) -> str:
    return "" if limit_bytes is None else render.size(limit_bytes)


def _budget(budget: dict[str, Any]) -> str:
    if budget["usd"] is None:
        return ""
    return f"{100 * budget['share']:.0f} % of {_usd(budget['usd'])} ({budget['state']})"
