"""Submit a project: check, pack, put in place, start, and wait when asked.

done = Submission.of(project, version=__version__, to="glue").send(wait=True)
"""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from lakeworks.aws.errors import SubmitSettingsError
from lakeworks.aws.reachable import check, check_engine
from lakeworks.aws.shipment import packed_shipment
from lakeworks.core.errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lakeworks.aws.shipment import Shipment
    from lakeworks.aws.targets import Job, JobState, Request, Target
    from lakeworks.project.declaration import Environment, Project, SubmitTarget

TARGETS: tuple[SubmitTarget, ...] = ("emr-serverless", "emr", "glue", "spark-submit")
LOCAL_PLACE = ".lake/submit"
POLL_S = 10.0
_POLL_HERE_S = 0.2


@dataclass(frozen=True, slots=True)
class Submitted:
    """What became of a submission.

    Attributes:
        state: The job's state as last seen; None when nobody waited.
        result: What `lake run --json` printed on the cluster; None where it left nothing.
    """

    target: str
    job: Job
    uploaded: tuple[str, ...]
    state: JobState | None = None
    result: dict[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the object that `lake submit --json` prints."""
        state = self.state
        status = "submitted"
        if state is not None and state.ended:
            status = "succeeded" if state.succeeded else "failed"
        return {
            "target": self.target,
            "job": self.job.id,
            "status": status,
            "state": state.name if state else None,
            "reason": state.reason if state else "",
            "logs": self.job.logs,
            "uploaded": list(self.uploaded),
            "result": self.result,
        }


@dataclass(slots=True)
class Submission:
    """One project, packed for one target, checked and not yet sent."""

    target: Target
    shipment: Shipment

    @classmethod
    def of(
        cls,
        project: Project,
        *,
        version: str,
        to: SubmitTarget | None = None,
        run: Sequence[str] = (),
    ) -> Self:
        """Check and pack a project.

        Args:
            version: Lakeworks' own.
            to: Where to; what `submit: to:` says when left out.
            run: What `lake run` is told besides, such as `--full-refresh`.

        Raises:
            NotForClustersError: the environment's engine is not Spark.
            SubmitSettingsError: a setting is missing or wrong.
            NotReachableError: the cluster cannot reach what the project names.
            PackagingError: something cannot be packed.
            RequestRefusedError: a request does not fit AWS's description of the service.
        """
        environment = project.environment
        check_engine(environment)
        target = target_named(to or environment.submit.to, environment)
        check(project, target)
        place = environment.submit.code or str(project.root / LOCAL_PLACE)
        shipment = packed_shipment(
            project,
            version=version,
            place=place,
            token=uuid.uuid4().hex,
            on_aws=target.on_aws,
            run=run,
        )
        submission = cls(target, shipment)
        if target.on_aws:
            from lakeworks.aws.validation import validate

            for request in submission.requests():
                validate(request.service, request.operation, request.body)
        return submission

    def requests(self) -> list[Request]:
        """Return what `send` would send."""
        return self.target.requests(self.shipment)

    def upload(self) -> list[str]:
        """Put the files in place; those that are there already stay. Return all places.

        Raises:
            StorageError: the place cannot be written.
        """
        from lakeworks.storage.objects import ObjectStore

        store = ObjectStore.open(self.shipment.place, self.shipment.environment.options)
        files = self.target.files(self.shipment)
        for packed in files:
            if not store.exists(packed.place):
                store.put(packed.place, packed.data)
        return [self.shipment.at(packed) for packed in files]

    def send(
        self,
        *,
        wait: bool = False,
        told: Callable[[Job, JobState | None], None] = lambda _job, _state: None,
        poll_s: float = POLL_S,
    ) -> Submitted:
        """Upload and start; wait for the end when asked, or when the job runs here.

        Args:
            told: Called with the job when it was started, and with each new state.
            poll_s: How long to wait between two looks at the job.

        Raises:
            StorageError: the place for code cannot be written.
            SubmissionFailedError: the target refuses.
        """
        uploaded = tuple(self.upload())
        job = self.target.start(self.shipment)
        told(job, None)
        if self.target.on_aws and not wait:
            return Submitted(self.target.name, job, uploaded)
        try:
            state = self._awaited(job, told, poll_s)
        except BaseException:
            self.target.abandon(job)
            raise
        return Submitted(self.target.name, job, uploaded, state, self._result())

    def _awaited(
        self, job: Job, told: Callable[[Job, JobState | None], None], poll_s: float
    ) -> JobState:
        last = ""
        while True:
            state = self.target.state(self.shipment, job)
            if state.name != last:
                told(job, state)
                last = state.name
            if state.ended:
                return state
            time.sleep(poll_s if self.target.on_aws else min(poll_s, _POLL_HERE_S))

    def _result(self) -> dict[str, Any] | None:
        from lakeworks.storage.errors import ObjectNotFoundError
        from lakeworks.storage.objects import ObjectStore

        place, options = self.shipment.place, self.shipment.environment.options
        try:
            found = ObjectStore.open(place, options).get(self.shipment.result[len(place) + 1 :])
        except ObjectNotFoundError:
            return None
        result: dict[str, Any] = json.loads(found)
        return result


def target_named(name: str | None, environment: Environment) -> Target:
    """Return the target of that name.

    Raises:
        SubmitSettingsError: there is none, or none was named.
    """
    at = environment.at("submit.to")
    if name is None:
        raise SubmitSettingsError.missing(at, "to", "a cluster", "emr-serverless")
    if name == "emr-serverless":
        from lakeworks.aws.emr_serverless import EmrServerless

        return EmrServerless()
    if name == "emr":
        from lakeworks.aws.emr_steps import EmrSteps

        return EmrSteps()
    if name == "glue":
        from lakeworks.aws.glue import Glue

        return Glue()
    if name == "spark-submit":
        from lakeworks.aws.spark_submit import SparkSubmit

        return SparkSubmit()
    raise SubmitSettingsError(f"there is no target {name!r}", did_you_mean(name, TARGETS))
