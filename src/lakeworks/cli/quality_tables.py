"""`lake quality`: the scorecard of the lake's tables, and what there is to know of one."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lakeworks.cli import render, say
from lakeworks.cli.errors import OptionsError, UsageError
from lakeworks.cli.options import AsJson, AsPrincipal, EnvironmentName, Folder, permitted, seen
from lakeworks.core import clock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lakeworks.catalog.quality_results import QualityResult
    from lakeworks.quality.profiling.profile import ColumnProfile, Profile
    from lakeworks.query.table_quality import TableScore

TableArgument = Annotated[str, typer.Argument(metavar="TABLE", help="Such as silver.orders.")]
Limit = Annotated[int, typer.Option(min=1, help="How many runs.")]
_BARS = "▁▂▃▄▅▆▇█"
_SHOWN_VALUES = 3
_LEAST_SHARE = 0.01
_LEFT_OUT = (
    "What runs found of tables that are not seen whole is left out; the other figures are computed "
    "over what is seen."
)


def register(app: typer.Typer) -> None:
    """Add the commands to their noun."""
    app.callback(invoke_without_command=True)(scorecard)
    for command in (show, history, suggest, profile):
        app.command()(command)


def scorecard(
    context: typer.Context,
    *,
    principal: AsPrincipal = "",
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """How good the lake's tables are; commands below look at one."""
    if context.invoked_subcommand is not None:
        if principal:
            raise OptionsError.behind("--as", f"lake quality {context.invoked_subcommand}")
        return
    with seen(folder, environment, principal) as lake:
        found = lake.quality.scorecard()
    if as_json:
        say.as_json([_plain(score) for score in found])
        return
    if not found:
        say.line("Nothing is published yet: lake run makes tables.")
        return
    _tell_left_out(found)
    say.table(
        ["table", "rows", "score", "trend", "complete", "accurate", "fresh", "duplicates"],
        [_cells(score) for score in found],
    )


def show(
    table: TableArgument,
    *,
    principal: AsPrincipal = "",
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Show what every rule of a table came to in the last run, and the table's figures."""
    with seen(folder, environment, principal) as lake:
        score = lake.quality.score(table)
        results = lake.quality.history(table, limit=1)
    _tell_left_out([score])
    if as_json:
        last = say.plain(results[0]) if results else None
        say.as_json({**_plain(score), "last_result": last})
        return
    say.table(
        ["table", "rows", "score", "trend", "complete", "accurate", "fresh", "duplicates"],
        [_cells(score)],
    )
    say.line()
    if not results:
        say.line(f"{table} has no rules, or no run has judged them yet.")
        return
    say.table(
        ["rule", "outcome", "why"],
        [[o["rule"], o["outcome"], o["failure_reason"]] for o in results[0].outcomes],
    )
    if not results[0].committed:
        say.line("\nA rule kept this run from committing: readers see the version before.")


def history(
    table: TableArgument,
    *,
    metric: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="A metric instead of scores, such as Dataset.*.RowCount.",
            show_default=False,
        ),
    ] = None,
    limit: Limit = 20,
    principal: AsPrincipal = "",
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Show a table's scores, or one metric, run by run."""
    with seen(folder, environment, principal) as lake:
        found = lake.quality.history(table, limit=limit)
        view = permitted(lake)
        if view is not None and view.quality.left_out(table):
            say.remark(_LEFT_OUT)
    if metric is not None:
        _check_metric(metric, found)
    if as_json:
        say.as_json(say.plain(found))
        return
    if not found:
        say.line(f"No run has judged rules of {table} yet.")
        return
    now = clock.now()
    rows = [
        [
            one.run_id,
            render.age(one.at, now),
            _share(one.score) if metric is None else one.metrics.get(metric),
            one.rows_read,
            one.rows_quarantined,
            "" if one.committed else "not committed",
        ]
        for one in found
    ]
    say.table(["run", "when", metric or "score", "read", "quarantined", ""], rows)


def suggest(
    table: TableArgument,
    *,
    principal: AsPrincipal = "",
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Suggest rules that a table's rows keep, each with its evidence; prints DQDL."""
    from lakeworks.quality.profiling.suggest import as_ruleset

    with seen(folder, environment, principal) as lake:
        found = lake.quality.suggest(table)
    if as_json:
        say.as_json(say.plain(found))
    elif found:
        say.line(as_ruleset(found).rstrip())
    else:
        say.line(f"{table} is empty: there is nothing to go by.")


def profile(
    table: TableArgument,
    *,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a page instead.", show_default=False),
    ] = None,
    principal: AsPrincipal = "",
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Describe every column of a table, in one scan: nulls, distinct values, quantiles, patterns."""
    from lakeworks.quality.profiling.profile_report import as_html
    from lakeworks.quality.profiling.profile_report import as_json as plain

    with seen(folder, environment, principal) as lake:
        found = lake.quality.profile(table)
        view = permitted(lake)
        if html is not None and view is not None:
            view.exported("quality profile", [table], html)
    if html is not None:
        try:
            html.write_text(as_html(found, table), encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{html} cannot be written: {error.strerror}") from None
        say.remark(f"Written to {html}.")
    if as_json:
        say.as_json(plain(found))
    elif html is None:
        _tell(found)


def _tell_left_out(scores: Sequence[TableScore]) -> None:
    if any(score.left_out for score in scores):
        say.remark(_LEFT_OUT)


def _tell(found: Profile) -> None:
    say.table(
        ["column", "type", "complete", "distinct", "least", "median", "most", "commonest"],
        [_profile_cells(column) for column in found.columns],
    )
    if not found.exact:
        say.line(
            f"\nDistinct values and medians are estimates; the commonest values are those of "
            f"{render.count(found.sampled)} rows of {render.count(found.rows)}."
        )


def _profile_cells(column: ColumnProfile) -> list[object]:
    median = column.quantiles.get(0.5)
    values = ", ".join(
        f"{value} {share:.0%}"
        for value, share in column.top_values[:_SHOWN_VALUES]
        if share >= _LEAST_SHARE
    )
    return [
        column.name,
        column.type,
        _share(column.completeness),
        column.distinct,
        _value(column.minimum),
        None if median is None else f"{median:.6g}",
        _value(column.maximum),
        values,
    ]


def _value(value: object) -> str:
    return "" if value is None else str(value)


def _cells(score: TableScore) -> list[object]:
    return [
        score.table,
        score.rows,
        _share(score.score),
        _trend(score.trend),
        _share(score.completeness),
        _share(score.accuracy),
        _fresh(score),
        _share(score.duplicates),
    ]


def _plain(score: TableScore) -> dict[str, object]:
    plain = say.plain(score)
    assert isinstance(plain, dict)  # noqa: S101 - of a dataclass
    return {**plain, "fresh": score.fresh}


def _share(share: float | None) -> str:
    if share is None:
        return ""
    # 99.996 % is not all: only what is whole is shown as 100 %.
    shown = f"{share:.1%}"
    return ">99.9%" if shown == "100.0%" and share < 1 else shown


def _trend(scores: Sequence[float]) -> str:
    return "".join(_BARS[round(score * (len(_BARS) - 1))] for score in scores)


def _fresh(score: TableScore) -> str:
    now = clock.now()
    age = render.age(now - timedelta(seconds=score.age_s), now)
    if score.fresh is None:
        return age
    return f"{age}, {'in time' if score.fresh else 'late'}"


def _check_metric(metric: str, found: Sequence[QualityResult]) -> None:
    from lakeworks.core.errors import did_you_mean

    known = sorted({name for one in found for name in one.metrics})
    if found and metric not in known:
        hint = did_you_mean(metric, known) or f"known are {', '.join(known)}"
        raise UsageError(f"no run has a metric {metric!r}", hint)
