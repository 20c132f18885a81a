"""Submit to an application of EMR Serverless, by StartJobRun.

Facts from AWS's EMR Serverless user guide: "Using Python libraries with EMR Serverless" (a packed
environment in `spark.archives`, its Python named for driver and executors), "Spark jobs" (Spark
unpacks archives into the working folder of driver and executors) and "Storing logs" (the folders
below the log address).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from lakeworks.aws.clients import client, told
from lakeworks.aws.shipment import CODE_FOLDER, PROJECT_FOLDER, PYTHON_FOLDER, listed
from lakeworks.aws.targets import Job, JobState, Request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakeworks.aws.packaging import Packed
    from lakeworks.aws.shipment import Shipment
    from lakeworks.project.declaration import SubmitTarget

_SERVICE = "emr-serverless"
_ENDED = {"SUCCESS", "FAILED", "CANCELLED"}


class EmrServerless:
    """An application of EMR Serverless that was created before; it starts by itself."""

    name: SubmitTarget = "emr-serverless"
    on_aws = True
    needs: Mapping[str, str] = MappingProxyType(
        {
            "code": "s3://bucket/prefix",
            "application_id": "00f1abcdexample",
            "execution_role_arn": "arn:aws:iam::123456789012:role/lake-job",
        }
    )

    def requests(self, shipment: Shipment) -> list[Request]:
        """Return the one StartJobRun."""
        settings = shipment.settings
        body: dict[str, Any] = {
            "applicationId": settings.application_id,
            "clientToken": shipment.token,
            "executionRoleArn": settings.execution_role_arn,
            "name": shipment.name,
            "jobDriver": {
                "sparkSubmit": {
                    "entryPoint": shipment.at(shipment.script),
                    "entryPointArguments": listed(
                        shipment.arguments(project=PROJECT_FOLDER, code=CODE_FOLDER)
                    ),
                    "sparkSubmitParameters": " ".join(
                        f"--conf {name}={value}" for name, value in _own_conf(shipment).items()
                    ),
                }
            },
            "configurationOverrides": {
                # As a mapping: a value with spaces would fall apart among the parameters.
                "applicationConfiguration": [
                    {"classification": "spark-defaults", "properties": dict(shipment.conf)}
                ],
                "monitoringConfiguration": {
                    "s3MonitoringConfiguration": {"logUri": _logs(shipment)}
                },
            },
        }
        if settings.timeout_minutes is not None:
            body["executionTimeoutMinutes"] = settings.timeout_minutes
        return [Request(_SERVICE, "StartJobRun", body)]

    def files(self, shipment: Shipment) -> list[Packed]:
        """Return the project, Lakeworks and the script."""
        return [shipment.project, shipment.code, shipment.script]

    def start(self, shipment: Shipment) -> Job:
        """Start the job run."""
        body = self.requests(shipment)[0].body
        with told("EMR Serverless", "StartJobRun"):
            found = client(_SERVICE, shipment.environment).start_job_run(**body)
        application, job = found["applicationId"], found["jobRunId"]
        below = f"{_logs(shipment)}applications/{application}/jobs/{job}/SPARK_DRIVER/"
        return Job(job, below)

    def state(self, shipment: Shipment, job: Job) -> JobState:
        """Ask GetJobRun."""
        with told("EMR Serverless", "GetJobRun"):
            found = client(_SERVICE, shipment.environment).get_job_run(
                applicationId=shipment.settings.application_id, jobRunId=job.id
            )["jobRun"]
        state = found["state"]
        return JobState(
            state, state in _ENDED, state == "SUCCESS", found.get("stateDetails") or ""
        )

    def abandon(self, job: Job) -> None:
        """Leave the job alone: it runs over there."""


def _own_conf(shipment: Shipment) -> dict[str, str]:
    conf = {
        "spark.archives": ",".join(shipment.archives()),
        "spark.executorEnv.PYTHONPATH": f"./{CODE_FOLDER}",
    }
    if shipment.settings.python_archive:
        python = f"./{PYTHON_FOLDER}/bin/python"
        conf["spark.emr-serverless.driverEnv.PYSPARK_DRIVER_PYTHON"] = python
        conf["spark.emr-serverless.driverEnv.PYSPARK_PYTHON"] = python
        conf["spark.executorEnv.PYSPARK_PYTHON"] = python
    return conf


def _logs(shipment: Shipment) -> str:
    return f"{shipment.place}/logs/"
