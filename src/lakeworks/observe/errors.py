"""What can go wrong when the lake's work is told to others: LW880 to LW889."""

from __future__ import annotations

from typing import Self

from lakeworks.core.errors import LakeError


class UndeliveredError(LakeError):
    """An OpenLineage event did not reach its receiver."""

    code = "LW880"
    retryable = True

    @classmethod
    def file(cls, path: str, error: OSError) -> Self:
        """The file cannot be written."""
        return cls(f"OpenLineage events cannot be written to {path}: {error.strerror or error}")

    @classmethod
    def answered(cls, receiver: str, status: int) -> Self:
        """The receiver answered that it does not take it."""
        hint = "look at the receiver's log, and at openlineage: in lake.yml"
        return cls(f"{receiver} did not take an OpenLineage event: HTTP {status}", hint)

    @classmethod
    def unreachable(cls, receiver: str, error: Exception) -> Self:
        """Nobody answered."""
        reason = getattr(error, "reason", None) or error
        return cls(f"{receiver} does not answer: {reason}", "look at openlineage: in lake.yml")

    @classmethod
    def kafka(cls, servers: str, topic: str, reason: str) -> Self:
        """No broker took it."""
        problem = f"the topic {topic} at {servers} did not take an OpenLineage event: {reason}"
        return cls(problem, "look at openlineage: kafka: in lake.yml, and at the broker's log")

    @classmethod
    def late(cls, waiting: int) -> Self:
        """The run ended, and the receiver was still being waited for."""
        return cls(f"{waiting} OpenLineage events were not delivered in time and are lost")

    @classmethod
    def untold(cls, error: Exception) -> Self:
        """An event could not be put into OpenLineage's words."""
        return cls(f"an OpenLineage event could not be made: {type(error).__name__}: {error}")
