"""Submit with Spark's own `spark-submit`: to a standalone master, YARN or Kubernetes.

With `deploy_mode: client` the driver runs here, and its end is the job's; with `cluster` it runs
over there, and `spark-submit` waits for it. Spark's "Submitting Applications" says which masters
take which.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from lakeworks.aws.errors import SubmissionFailedError
from lakeworks.aws.shipment import CODE_FOLDER, PROJECT_FOLDER, PYTHON_FOLDER, listed
from lakeworks.aws.targets import Job, JobState, Request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakeworks.aws.packaging import Packed
    from lakeworks.aws.shipment import Shipment
    from lakeworks.project.declaration import SubmitSettings, SubmitTarget

_STDERR = 2
_GRACE_S = 20.0


class SparkSubmit:
    """A cluster that `spark-submit` reaches."""

    name: SubmitTarget = "spark-submit"
    on_aws = False
    needs: Mapping[str, str] = MappingProxyType({"master": "spark://host:7077"})

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def requests(self, shipment: Shipment) -> list[Request]:
        """Return the command line."""
        words = [program(shipment.settings), *_words(shipment)]
        return [Request("spark-submit", "spark-submit", {"words": words})]

    def files(self, shipment: Shipment) -> list[Packed]:
        """Return the project, Lakeworks and the script."""
        return [shipment.project, shipment.code, shipment.script]

    def start(self, shipment: Shipment) -> Job:
        """Start the program; what it says goes to standard error."""
        words = self.requests(shipment)[0].body["words"]
        try:
            self._process = subprocess.Popen(words, stdout=_STDERR)  # noqa: S603 - as declared
        except OSError as error:
            raise SubmissionFailedError.refused(
                words[0], "the job", error.strerror or str(error)
            ) from None
        return Job(f"process {self._process.pid}", "above, and on the cluster's own pages")

    def state(self, shipment: Shipment, job: Job) -> JobState:  # noqa: ARG002 - the protocol's
        """Look at the program; Ctrl-C reaches it too, as it belongs to this terminal."""
        process = self._process
        code = None if process is None else process.poll()
        if code is None:
            return JobState("RUNNING", ended=False, succeeded=False)
        return JobState(f"exit code {code}", ended=True, succeeded=code == 0)

    def abandon(self, job: Job) -> None:  # noqa: ARG002 - the protocol's
        """End the program, and with it a driver that runs here."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def program(settings: SubmitSettings) -> str:
    """Return the `spark-submit` to use: the setting's, SPARK_HOME's, the PATH's, PySpark's.

    Raises:
        SubmissionFailedError: there is none.
    """
    if settings.spark_submit:
        found = shutil.which(settings.spark_submit)
        if found is None:
            raise SubmissionFailedError.no_program(settings.spark_submit)
        return found
    places = [Path(os.environ["SPARK_HOME"], "bin")] if "SPARK_HOME" in os.environ else []
    places += [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep)]
    pyspark = find_spec("pyspark")
    if pyspark is not None and pyspark.origin:
        places.append(Path(pyspark.origin).parent / "bin")
    for place in places:
        if (place / "spark-submit").is_file():
            return str(place / "spark-submit")
    raise SubmissionFailedError.no_program("spark-submit")


def _words(shipment: Shipment) -> list[str]:
    settings = shipment.settings
    here = settings.deploy_mode == "client"
    words = [
        "--master",
        str(settings.master or shipment.environment.spark.master),
        "--deploy-mode",
        settings.deploy_mode,
    ]
    words += ["--name", shipment.name, "--archives", _by_hadoop(",".join(shipment.archives()))]
    for name, value in {**_own_conf(settings), **shipment.conf}.items():
        words += ["--conf", f"{name}={value}"]
    words.append(_by_hadoop(shipment.at(shipment.script)))
    if here:
        # Spark unpacks nothing for a driver that runs here until its session is there.
        project, code = shipment.at(shipment.project), shipment.at(shipment.code)
    else:
        project, code = PROJECT_FOLDER, CODE_FOLDER
    return words + listed(shipment.arguments(project=project, code=code))


def _own_conf(settings: SubmitSettings) -> dict[str, str]:
    conf = {"spark.executorEnv.PYTHONPATH": f"./{CODE_FOLDER}"}
    if settings.deploy_mode == "client":
        conf["spark.pyspark.driver.python"] = sys.executable
    if settings.python_archive:
        conf["spark.pyspark.python"] = f"./{PYTHON_FOLDER}/bin/python"
        conf["spark.yarn.appMasterEnv.PYSPARK_PYTHON"] = f"./{PYTHON_FOLDER}/bin/python"
    return conf


def _by_hadoop(text: str) -> str:
    """Write S3 as Hadoop's own connector calls it; only EMR knows it as `s3:`."""
    return text.replace("s3://", "s3a://")
