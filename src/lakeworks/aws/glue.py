"""Submit a Glue job: CreateJob or UpdateJob, then StartJobRun.

Facts from AWS's Glue developer guide: "Using job parameters in AWS Glue jobs" (`--extra-files` are
copied into the script's working folder, `--additional-python-modules` takes wheels on S3, several
Spark properties are joined inside `--conf`), "Jobs" (UpdateJob replaces the whole definition) and
"AWS Glue versions" (5.0 and 5.1: Python 3.11).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from lakeworks.aws.clients import client, told
from lakeworks.aws.targets import Job, JobState, Request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakeworks.aws.packaging import Packed
    from lakeworks.aws.shipment import Shipment
    from lakeworks.project.declaration import SubmitTarget

_SERVICE = "glue"
_ENDED = {"STOPPED", "SUCCEEDED", "FAILED", "TIMEOUT", "ERROR", "EXPIRED"}


class Glue:
    """A Glue job of type Spark, made or changed as the settings say, then started."""

    name: SubmitTarget = "glue"
    on_aws = True
    needs: Mapping[str, str] = MappingProxyType(
        {
            "code": "s3://bucket/prefix",
            "execution_role_arn": "arn:aws:iam::123456789012:role/lake-job",
        }
    )

    def requests(self, shipment: Shipment) -> list[Request]:
        """Return CreateJob and StartJobRun; where the job is there, UpdateJob is sent instead."""
        definition = _definition(shipment)
        create = Request(_SERVICE, "CreateJob", {"Name": shipment.name, **definition})
        start = {"JobName": shipment.name, "Arguments": definition["DefaultArguments"]}
        return [create, Request(_SERVICE, "StartJobRun", start)]

    def files(self, shipment: Shipment) -> list[Packed]:
        """Return the project, the wheel and the script."""
        return [shipment.project, shipment.wheel, shipment.script]

    def start(self, shipment: Shipment) -> Job:
        """Make or change the job, and start it."""
        glue = client(_SERVICE, shipment.environment)
        create, start = self.requests(shipment)
        with told("Glue", "GetJob"):
            is_there = _is_there(glue, shipment.name)
        if is_there:
            with told("Glue", "UpdateJob"):
                glue.update_job(JobName=shipment.name, JobUpdate=_definition(shipment))
        else:
            with told("Glue", "CreateJob"):
                glue.create_job(**create.body)
        with told("Glue", "StartJobRun"):
            run = glue.start_job_run(**start.body)["JobRunId"]
        return Job(run, f"CloudWatch: /aws-glue/jobs/output and /aws-glue/jobs/error, {run}")

    def state(self, shipment: Shipment, job: Job) -> JobState:
        """Ask GetJobRun."""
        with told("Glue", "GetJobRun"):
            found = client(_SERVICE, shipment.environment).get_job_run(
                JobName=shipment.name, RunId=job.id
            )["JobRun"]
        state = found["JobRunState"]
        return JobState(
            state, state in _ENDED, state == "SUCCEEDED", found.get("ErrorMessage") or ""
        )

    def abandon(self, job: Job) -> None:
        """Leave the job alone: it runs over there."""


def _definition(shipment: Shipment) -> dict[str, Any]:
    """Return the job without its name, as UpdateJob takes it."""
    settings = shipment.settings
    arguments = {
        "--extra-files": shipment.at(shipment.project),
        "--additional-python-modules": shipment.at(shipment.wheel),
        # Lakeworks' bookmarks are in its tables; Glue's would skip files behind its back.
        "--job-bookmark-option": "job-bookmark-disable",
        "--conf": " --conf ".join(f"{k}={v}" for k, v in shipment.conf.items()),
        **shipment.arguments(project=shipment.project.name, code=None),
    }
    definition: dict[str, Any] = {
        "Role": settings.execution_role_arn,
        "Command": {
            "Name": "glueetl",
            "ScriptLocation": shipment.at(shipment.script),
            "PythonVersion": "3",
        },
        "DefaultArguments": arguments,
        # A run takes the locks of its tables, so a second one would only wait, and cost.
        "ExecutionProperty": {"MaxConcurrentRuns": 1},
        "MaxRetries": 0,
        "GlueVersion": settings.glue_version,
        "WorkerType": settings.worker_type,
        "NumberOfWorkers": settings.number_of_workers,
    }
    if settings.timeout_minutes is not None:
        definition["Timeout"] = settings.timeout_minutes
    return definition


def _is_there(glue: Any, name: str) -> bool:  # noqa: ANN401 - untyped vendor
    try:
        glue.get_job(JobName=name)
    except glue.exceptions.EntityNotFoundException:
        return False
    return True
