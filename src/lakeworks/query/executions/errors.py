"""What can go wrong with executions and workgroups. Codes LW810 to LW829."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from lakeworks.core.errors import LakeError, RequestError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable


class UnknownWorkgroupError(RequestError):
    """A workgroup that is not declared."""

    code = "LW810"

    @classmethod
    def named(cls, name: str, known: Iterable[str]) -> Self:
        """Suggest the nearest."""
        return cls(f"there is no workgroup {name!r}", did_you_mean(name, known))


class WorkgroupRefusesError(RequestError):
    """A workgroup takes no query now, or not this one."""

    code = "LW811"

    @classmethod
    def disabled(cls, name: str) -> Self:
        """Say that it is switched off."""
        return cls(
            f"the workgroup {name} is disabled", "set enabled: true in its file, or use another"
        )

    @classmethod
    def full(cls, name: str, waiting: int) -> Self:
        """Say that too many queries wait."""
        return cls(
            f"{waiting} queries of the workgroup {name} wait already, and no more may",
            "ask again later, or raise `queued` in its file",
        )

    @classmethod
    def used_up(cls, name: str, period: str, limit_bytes: int) -> Self:
        """Say that its limit of bytes for a period is reached."""
        return cls(
            f"the workgroup {name} has scanned its {limit_bytes:,} bytes of this {period}",
            f"ask again in the next {period}, or raise bytes_scanned_per in its file",
        )

    @classmethod
    def spent(cls, name: str, budget_usd: float) -> Self:
        """Say that its budget is spent."""
        return cls(
            f"the workgroup {name} has spent its {budget_usd:,.2f} US dollars of this month",
            "ask again next month, or raise its budget",
        )


class UnknownExecutionError(RequestError):
    """An execution that is not known, or is another principal's."""

    code = "LW813"

    @classmethod
    def named(cls, execution_id: str) -> Self:
        """Name it."""
        return cls(
            f"there is no query execution {execution_id!r}",
            "identifiers are those that starting a query gave; old ones are forgotten",
        )


class ResultGoneError(RequestError):
    """A result that is no longer kept."""

    code = "LW814"

    @classmethod
    def of(cls, execution_id: str) -> Self:
        """Name the execution."""
        return cls(
            f"the result of {execution_id!r} is not, or no longer, kept",
            "run the query again; the workgroup's `retention` says how long they stay",
        )


class NotSucceededError(RequestError):
    """A result was asked for of a query that has none."""

    code = "LW815"

    @classmethod
    def state(cls, execution_id: str, state: str, reason: str) -> Self:
        """Say how the query stands."""
        said = f": {reason}" if reason else ""
        return cls(f"the query {execution_id} has no result, it is {state}{said}")


class QueryProcessError(LakeError):
    """The process that ran a query ended."""

    code = "LW816"
    retryable = True

    @classmethod
    def ended(cls, reason: str) -> Self:
        """Say why."""
        return cls(
            f"the process that ran the query ended: {reason}",
            "other queries are not touched; read less at a time, or raise the limit in the "
            "workgroup's file",
        )
