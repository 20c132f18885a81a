"""`lake lineage TABLE --run RUN`: what one run read for a table, and what it wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakeworks.cli import render, say
from lakeworks.cli.errors import NotInRunError

if TYPE_CHECKING:
    from lakeworks.catalog.runs import Run
    from lakeworks.cli.options import AnyLake


def show_run(lake: AnyLake, place: str, run_id: str, *, as_json: bool) -> None:
    """Print what a run read and wrote of a table.

    Raises:
        UnknownRunError: there is no such run.
        NotInRunError: the run did nothing with the table.
    """
    table, _ = lake.lineage.find(place)
    run = _run(lake, table, run_id)
    step = _step(run, table)
    if step is None:
        raise NotInRunError.named(table, run.run_id)
    if as_json:
        say.as_json({
            "run_id": run.run_id,
            "table": table,
            "status": step["status"],
            "reads": step.get("reads", []),
            "writes": {key: step.get(key) for key in ("version", "rows_written")},
        })  # fmt: skip
        return
    say.line(f"{say.strong(table)} in run {run.run_id}: {step['status']}")
    for read in step.get("reads", []):
        say.line(f"  read   {read_text(read)}")
    if step["status"] == "succeeded":
        written = step["rows_written"]
        rows = "" if written is None else f" ({render.plural(written, 'row')})"
        say.line(f"  wrote  {table} v{step['version']}{rows}")


def read_text(read: dict[str, Any]) -> str:
    """Return one input of a step in words."""
    if read.get("batch") is not None:
        files = render.plural(read["files"], "file")
        return (
            f"{read['name']} batch {read['batch']} ({files}, {render.size(read['size_bytes'])})"
        )
    since = read.get("since")
    told = f"{read['name']} v{read['version']}"
    return told if since is None else f"{told}, only what is new since v{since}"


def _run(lake: AnyLake, table: str, run_id: str) -> Run:
    if run_id != "last":
        return lake.catalog.run(run_id)
    for run in lake.catalog.runs(1000):
        step = _step(run, table)
        if step is not None and step["status"] != "up to date":
            return run
    raise NotInRunError.named(table, "last")


def _step(run: Run, table: str) -> dict[str, Any] | None:
    steps: list[dict[str, Any]] = [dict(step) for step in run.report.get("steps", ())]
    return next((step for step in steps if step.get("table") == table), None)
