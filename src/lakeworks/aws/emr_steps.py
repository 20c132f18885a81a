"""Submit a step to a running EMR cluster on EC2, by AddJobFlowSteps.

Facts from AWS's Amazon EMR documentation: "Add a Spark step" (`command-runner.jar` runs
`spark-submit` with the step's words) and "View log files" (the folders below the cluster's log
address); from Spark's "Running on YARN": archives are unpacked under the name behind `#`.
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

_SERVICE = "emr"
_ENDED = {"COMPLETED", "CANCELLED", "FAILED", "INTERRUPTED"}


class EmrSteps:
    """A cluster that runs; the driver runs on it, under YARN."""

    name: SubmitTarget = "emr"
    on_aws = True
    needs: Mapping[str, str] = MappingProxyType(
        {
            "code": "s3://bucket/prefix",
            "cluster_id": "j-2AXXXXXXGAPLF",
        }
    )

    def requests(self, shipment: Shipment) -> list[Request]:
        """Return the one AddJobFlowSteps."""
        settings = shipment.settings
        conf = {**_own_conf(shipment), **shipment.conf}
        words = ["spark-submit", "--deploy-mode", "cluster", "--name", shipment.name]
        words += ["--archives", ",".join(shipment.archives())]
        for name, value in conf.items():
            words += ["--conf", f"{name}={value}"]
        words.append(shipment.at(shipment.script))
        words += listed(shipment.arguments(project=PROJECT_FOLDER, code=CODE_FOLDER))
        step = {
            "Name": shipment.name,
            "ActionOnFailure": "CONTINUE",
            "HadoopJarStep": {"Jar": "command-runner.jar", "Args": words},
        }
        body: dict[str, Any] = {"JobFlowId": settings.cluster_id, "Steps": [step]}
        if settings.execution_role_arn:
            body["ExecutionRoleArn"] = settings.execution_role_arn
        return [Request(_SERVICE, "AddJobFlowSteps", body)]

    def files(self, shipment: Shipment) -> list[Packed]:
        """Return the project, Lakeworks and the script."""
        return [shipment.project, shipment.code, shipment.script]

    def start(self, shipment: Shipment) -> Job:
        """Add the step."""
        body = self.requests(shipment)[0].body
        with told("EMR", "AddJobFlowSteps"):
            found = client(_SERVICE, shipment.environment).add_job_flow_steps(**body)
        step = found["StepIds"][0]
        cluster = shipment.settings.cluster_id
        return Job(step, f"{cluster}/steps/{step}/ below the cluster's log address")

    def state(self, shipment: Shipment, job: Job) -> JobState:
        """Ask DescribeStep."""
        with told("EMR", "DescribeStep"):
            found = client(_SERVICE, shipment.environment).describe_step(
                ClusterId=shipment.settings.cluster_id, StepId=job.id
            )
        status = found["Step"]["Status"]
        failure = status.get("FailureDetails") or {}
        reason = " ".join(
            part for part in (failure.get("Reason"), failure.get("Message")) if part
        )
        state = status["State"]
        return JobState(state, state in _ENDED, state == "COMPLETED", reason)

    def abandon(self, job: Job) -> None:
        """Leave the job alone: it runs over there."""


def _own_conf(shipment: Shipment) -> dict[str, str]:
    conf = {"spark.executorEnv.PYTHONPATH": f"./{CODE_FOLDER}"}
    if shipment.settings.python_archive:
        python = f"./{PYTHON_FOLDER}/bin/python"
        conf["spark.yarn.appMasterEnv.PYSPARK_PYTHON"] = python
        conf["spark.executorEnv.PYSPARK_PYTHON"] = python
    return conf
