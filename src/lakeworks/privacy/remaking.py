"""Tables with something of single rows in which nobody can be told apart, made anew without them.

The next run would make them anew as well, as it does those that have sums only. Here they change
in the erasure's own snapshot, and their past goes with that of the others: it held what was the
person's, be it a hash of a kind that is not followed, or a town.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.core import events
from lakeworks.core.errors import LakeError
from lakeworks.pipeline.model_step import ModelStep

if TYPE_CHECKING:
    from lakeworks.core.names import TableName
    from lakeworks.pipeline.state import State
    from lakeworks.project.declaration import Model

NEXT_RUN = "the next run makes it anew"
BY_HAND = "a statement made it, and no run makes it anew: drop it, or make it again"


def ready_to_make(table: TableName, state: State) -> Model | None:
    """Return the model that makes a table whole from its inputs as it did before; else None."""
    model = state.services.project.models.get(table)
    head = state.heads.get(table)
    if model is None or head is None or head.fingerprint != model.fingerprint:
        return None  # the next run makes it by other code: that is not for an erasure to bring
    rejects = model.quality is not None or table.quarantine in state.heads
    return None if model.load != "replace" or rejects else model


def make_anew(model: Model, state: State, run_id: str) -> str:
    """Make a table anew; return why that failed, or an empty text."""
    try:
        ModelStep(model, state, run_id).run()
    except LakeError as error:
        events.emit("erasure.not_remade", table=str(model.table), error=error.code)
        return error.problem
    return ""


def remedy(kind: str, *, single_rows: bool) -> str:
    """Return what becomes of a table in which nobody can be told apart, by its kind of node."""
    if kind != "statement":
        return NEXT_RUN
    return f"it may still have values of the person: {BY_HAND}" if single_rows else BY_HAND
