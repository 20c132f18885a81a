"""Why rows are rejected, and the table that takes them: the same words from every engine. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.core.types import Field, Scalar, Schema

if TYPE_CHECKING:
    from lakeworks.engines.loads import LoadColumns
    from lakeworks.engines.protocol import RowCheck

QUARANTINE_SCHEMA = Schema((
    Field("row", Scalar("string")),
    Field("rule", Scalar("string")),
    Field("error", Scalar("string")),
    Field("source_file", Scalar("string")),
    Field("source_row", Scalar("bigint")),
    Field("run_id", Scalar("string")),
    Field("quarantined_at", Scalar("timestamp")),
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reason:
    """Why rows are rejected: the first rule that they fail, and what is said of it."""

    rule: str
    error: str


def failed(check: RowCheck) -> Reason:
    """Return the reason of rows where a check's condition is not true."""
    return Reason(check.rule, f"fails {check.rule}")


def repeated(check: RowCheck) -> Reason:
    """Return the reason of rows that share a value which must be unique."""
    return Reason(check.rule, f"fails {check.rule}: {', '.join(check.unique)} occurs again")


def keyless(columns: LoadColumns) -> Reason | None:
    """Return the reason of rows without a whole key, where the load needs one."""
    if not columns.dedups:
        return None
    return Reason("key", f"a part of the key ({', '.join(columns.request.key)}) is null")


def momentless(columns: LoadColumns) -> Reason | None:
    """Return the reason of versions without a moment, where the load needs one."""
    latest = columns.request.latest_by
    if columns.request.load != "scd2" or not latest:
        return None
    return Reason("latest_by", f"{latest} is null, so the version has no beginning")
