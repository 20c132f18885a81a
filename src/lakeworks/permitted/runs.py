"""Runs and snapshots as a principal sees them: the tables that it may know of, and no others.

What a run read, rejected and failed on may tell of hidden rows; it is left out, and so is the run
where it did nothing with a table that may be known.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lakeworks.catalog.processes import Process
from lakeworks.core.errors import NameRefusedError
from lakeworks.core.names import TableName

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakeworks.catalog.runs import Run
    from lakeworks.catalog.snapshots import Snapshot
    from lakeworks.permitted.sight import Look

_NOBODY = Process("", "", 0, "")
_UNTOLD = ("rows_read", "rows_quarantined", "rows_superseded", "seconds", "score")
_ENDED = frozenset({"failed", "blocked"})


def seen_run(look: Look, run: Run) -> Run | None:
    """Return what of a run may be known; None where it touched nothing that may."""
    steps = [_step(look, step) for step in run.report.get("steps", ())]
    told = [step for step in steps if step is not None]
    if not told:
        return None
    status = run.status
    if status in {"succeeded", "failed", "nothing to do"}:
        status = _status({str(step["status"]) for step in told})
    report = {
        "run_id": run.run_id,
        "status": status,
        "snapshot": run.report.get("snapshot"),
        "seconds": None,
        "steps": told,
    }
    return replace(run, status=status, process=_NOBODY, ended_at=None, report=report)


def seen_snapshot(look: Look, snapshot: Snapshot) -> Snapshot | None:
    """Return a snapshot with the tables that may be known; None where it shows none of them."""
    tables = {name: number for name, number in snapshot.tables.items() if look.knows(name)}
    return replace(snapshot, tables=tables) if tables else None


def _status(statuses: set[str]) -> str:
    if statuses & _ENDED:
        return "failed"
    return "succeeded" if "succeeded" in statuses else "nothing to do"


def _step(look: Look, step: Mapping[str, Any]) -> dict[str, Any] | None:
    name = _name(step.get("table"))
    if name is None or not look.knows(name):
        return None
    whole = look.sees_whole(name)
    return {
        "table": str(name),
        "status": step.get("status"),
        "rows_written": step.get("rows_written") if whole else None,
        "version": step.get("version"),
        **dict.fromkeys(_UNTOLD),
        # Of an error its code: what it says may quote rows, and name tables.
        "error": _code(str(step.get("error") or "")),
        "reads": [
            {key: read.get(key) for key in ("name", "version", "since")}
            for read in step.get("reads", ())
            if (read_name := _name(read.get("name"))) is not None and look.knows(read_name)
        ],
    }


def _code(error: str) -> str | None:
    code, bracket, _ = error.removeprefix("[").partition("]")
    return f"[{code}]" if error.startswith("[LW") and bracket else None


def _name(written: object) -> TableName | None:
    try:
        return TableName.parse(str(written))
    except NameRefusedError:
        return None
