"""The protocol of everything that a project can be submitted to, and the words it uses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakeworks.aws.packaging import Packed
    from lakeworks.aws.shipment import Shipment
    from lakeworks.project.declaration import SubmitTarget


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it will be sent: an AWS operation, or a command line.

    Attributes:
        service: The service's name in AWS's descriptions; `spark-submit` for a command line.
    """

    service: str
    operation: str
    body: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Return plain values, as `lake submit --dry-run --json` prints them."""
        return {"service": self.service, "operation": self.operation, "body": dict(self.body)}


@dataclass(frozen=True, slots=True)
class Job:
    """A job that was started.

    Attributes:
        logs: Where its logs are found: an address, or words.
    """

    id: str
    logs: str


@dataclass(frozen=True, slots=True)
class JobState:
    """How a job fares.

    Attributes:
        name: The target's own word, such as RUNNING.
        ended: Whether that is its last state.
        reason: Why it failed, in the target's words.
    """

    name: str
    ended: bool
    succeeded: bool
    reason: str = ""


class Target(Protocol):
    """One kind of place that runs a project. Bodies are made without any connection.

    Attributes:
        needs: The settings that must be there, each with an example.
        on_aws: Whether the job runs where only `s3://` and databases can be reached, and its
            requests are AWS's.
    """

    name: SubmitTarget
    needs: Mapping[str, str]
    on_aws: bool

    def requests(self, shipment: Shipment) -> list[Request]:
        """Return what would be sent, in order. Pure."""

    def files(self, shipment: Shipment) -> list[Packed]:
        """Return what must be in place before the requests are sent. Pure."""

    def start(self, shipment: Shipment) -> Job:
        """Send the requests. The files are in place.

        Raises:
            SubmissionFailedError: the target refuses.
        """

    def state(self, shipment: Shipment, job: Job) -> JobState:
        """Return how the job fares, asked anew each time."""

    def abandon(self, job: Job) -> None:
        """Nobody waits any longer: end what lives only as long as this process does."""
