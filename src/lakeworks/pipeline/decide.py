"""Decide how one model is brought up to date: not at all, by what is new, or whole.

Reads logs and bookmarks, writes nothing. The planner asks before a run, the runner asks again
when a model's inputs have been made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lakeworks.project.catalog_declaration import lies_outside

if TYPE_CHECKING:
    from lakeworks.core.names import TableName
    from lakeworks.pipeline.state import State
    from lakeworks.project.declaration import Model
    from lakeworks.storage.files import DataFile

Mode = Literal["none", "bookmark", "whole", "new rows", "partitions"]


@dataclass(frozen=True, slots=True)
class Decision:
    """How a model's step will read and write.

    Attributes:
        mode: `none` leaves the table; `bookmark` only notes that its inputs were rearranged;
            `whole` reads every input and replaces the table; `new rows` reads what the driving
            input gained; `partitions` recomputes the partitions that changed rows touch.
        reason: Why, for people.
        gained: Files of the driving input that are new.
        lost: Files of the driving input that are gone (only for `partitions`).
    """

    mode: Mode
    reason: str
    gained: tuple[DataFile, ...] = ()
    lost: tuple[DataFile, ...] = ()


def decide(model: Model, state: State, *, full_refresh: bool = False) -> Decision:
    """Return how `model` is brought up to date with its inputs' heads."""
    head = state.heads.get(model.table)
    if head is None:
        return Decision("whole", "first build")
    if full_refresh:
        return Decision("whole", "full refresh asked for")
    if not head.fingerprint:
        return Decision("whole", "rolled back to before its first build")
    if head.fingerprint != model.fingerprint:
        who = ", or what its definer may see," if model.definer else ""
        return Decision("whole", f"its code{who} changed")
    external = [t for t in model.inputs if lies_outside(state.services.project, t)]
    moved = [table for table in model.inputs if _moved(model, table, state)]
    if external:
        return Decision("whole", f"{_names(external)} lies outside the lake: read whole")
    return _by_moved(model, moved, state)


def _by_moved(model: Model, moved: list[TableName], state: State) -> Decision:
    if not moved:
        return Decision("none", "nothing new in its inputs")
    if model.load == "replace":
        return Decision("whole", f"{_names(moved)} changed")
    if model.driving is None or model.driving not in moved:
        return Decision("none", f"only {_names(moved)} changed, which it joins")
    return _by_changes(model, model.driving, state)


def _by_changes(model: Model, driving: TableName, state: State) -> Decision:
    since = state.bookmark(model.table, driving)
    until = state.heads[driving].version
    if since < 0 or since > until:
        return Decision("whole", f"{driving} was never read")
    changes = state.services.storage.table(driving).changes(since, until)
    if not changes.complete:
        return Decision("whole", f"{driving}'s log no longer says what is new since v{since}")
    if not changes.added and not changes.removed:
        return Decision("bookmark", f"{driving} was only rearranged")
    rows = sum(file.rows for file in changes.added)
    if model.load == "partitions":
        return Decision(
            "partitions", f"{rows:,} new rows in {driving}", changes.added, changes.removed
        )
    if changes.removed:
        return Decision("whole", f"rows of {driving} were changed or removed")
    why_whole = "" if model.incremental_on_declared else _needs_all_rows(model, driving, rows)
    if why_whole:
        return Decision("whole", why_whole)
    return Decision("new rows", f"{rows:,} new rows in {driving}", changes.added)


def _needs_all_rows(model: Model, driving: TableName, new_rows: int) -> str:
    """Return why new rows alone cannot bring the table up to date, or an empty text."""
    if not model.row_wise:
        return f"{driving} has new rows and the model is not row by row"
    # A row that changed nothing is folded away and leaves no trace in the table; a late row
    # before it would have kept it. Only all rows together tell the history.
    if model.load == "scd2" and model.latest_by:
        return f"{new_rows:,} new rows in {driving}, which may be late ones"
    return ""


def _moved(model: Model, table: TableName, state: State) -> bool:
    head = state.heads.get(table)
    return head is not None and head.version != state.bookmark(model.table, table)


def _names(tables: list[TableName]) -> str:
    return ", ".join(str(table) for table in tables)
