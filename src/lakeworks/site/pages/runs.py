"""The page of the runs: what each did, table by table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.site import words
from lakeworks.site.links import RUNS
from lakeworks.site.markup import Markup, join, tag
from lakeworks.site.pages.shell import Lake, chip, grid, moment, nothing, page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lakeworks.site.facts import RunFacts
    from lakeworks.site.links import Links

_KINDS = {"succeeded": "good", "failed": "bad", "killed": "bad", "blocked": "warn"}
_STEPS = 400


def runs_page(lake: Lake) -> str:
    """Return the page of the last runs."""
    links = lake.links(0)
    runs = lake.facts.runs
    head = tag(
        "div",
        tag("h1", "Runs"),
        tag("p", f"The last {words.plural(len(runs), 'run')}, newest first. " if len(runs) > 1 else "",
            tag("code", "lake history"), " tells more of each, messages of errors too.", class_="lead"),
        class_="page-head",
    )  # fmt: skip
    body = join([_run(run, links) for run in runs]) if runs else nothing("Nothing has run yet.")
    return page(lake, links, title="Runs", main=join([head, body]), here=RUNS)


def runs_grid(runs: Sequence[RunFacts], links: Links) -> Markup:
    """Return runs in short, a line each."""
    rows = [
        [
            tag("a", tag("code", run.run_id), href=f"{links.to(RUNS)}#{run.run_id}"),
            moment(run.at),
            _status(run.status),
            words.plural(sum(part.status == "succeeded" for part in run.parts), "table"),
            words.count(sum(part.written for part in run.parts)),
            words.count(sum(part.quarantined for part in run.parts)),
            "" if run.seconds is None else words.took(run.seconds),
        ]
        for run in runs
    ]
    heads = ["Run", "At (UTC)", "Status", "Changed", "Written", "Quarantined", "Time"]
    return grid(heads, rows, numbers=(4, 5, 6), label="Runs")


def _status(told: str) -> Markup:
    return chip(told, _KINDS.get(told, ""))


def _run(run: RunFacts, links: Links) -> Markup:
    changed = [part for part in run.parts if part.status != "up to date"]
    same = len(run.parts) - len(changed)
    told: list[object] = [moment(run.at, zone=True)]
    told += [f", {words.took(run.seconds)}"] if run.seconds is not None else []
    told += [f", snapshot {run.snapshot}"] if run.snapshot is not None else []
    rows = [
        [
            tag("a", part.table, href=address)
            if (address := links.table(part.table))
            else part.table,
            _status(part.status),
            words.count(part.read),
            words.count(part.written),
            words.count(part.quarantined),
            words.count(part.superseded),
            words.took(part.seconds),
            part.note,
        ]
        for part in changed[:_STEPS]
    ]
    heads = ["Table", "Status", "Read", "Written", "Quarantined", "Superseded", "Time", ""]
    shown = (
        tag("details", tag("summary", words.plural(len(changed), "table"), " worked on"),
            grid(heads, rows, numbers=(2, 3, 4, 5, 6), label=f"Steps of {run.run_id}"),
            open=len(changed) <= 40)  # noqa: PLR2004
        if rows else None
    )  # fmt: skip
    return tag(
        "section",
        tag("h2", tag("code", run.run_id), " ", _status(run.status)),
        tag("p", told, f"; {words.plural(same, 'table')} up to date" if same else "", class_="hint"),
        shown,
        id=run.run_id,
        aria_label=f"Run {run.run_id}",
    )  # fmt: skip
