"""What one submission ships and asks for, before any target's own form. Pure.

`targets` turns a `Shipment` into request bodies; `submission` puts its files in place and sends.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING

from lakeworks.aws.packaging import Packed, project_archive, wheel
from lakeworks.aws.spark_conf import spark_conf

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lakeworks.project.declaration import Environment, Project, SubmitSettings

# Where Spark unpacks archives, below the working folder of the driver and of every executor.
PROJECT_FOLDER = "lake_project"
CODE_FOLDER = "lakeworks_code"
PYTHON_FOLDER = "environment"


@dataclass(frozen=True, slots=True)
class Shipment:
    """Everything that a target needs to know about one submission.

    Attributes:
        place: The place for code that all files lie below, without a trailing slash.
        token: Names this submission; sending it twice starts one job.
        run: What `lake run` is told besides, such as `--full-refresh`.
        conf: The job's Spark properties.
    """

    name: str
    environment: Environment
    place: str
    token: str
    project: Packed
    wheel: Packed
    script: Packed
    run: tuple[str, ...] = ()
    conf: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def settings(self) -> SubmitSettings:
        """The environment's `submit:`."""
        return self.environment.submit

    @property
    def code(self) -> Packed:
        """The wheel under a name that Spark unpacks: it looks at the suffix, not inside."""
        return Packed(self.wheel.name.removesuffix(".whl") + ".zip", self.wheel.data)

    @property
    def result(self) -> str:
        """Where the job leaves what `lake run --json` printed."""
        return f"{self.place}/results/{self.token}.json"

    def at(self, packed: Packed) -> str:
        """Return where a file is put."""
        return f"{self.place}/{packed.place}"

    def archives(self) -> list[str]:
        """Return what Spark is to unpack on the driver and on every executor."""
        found = [
            f"{self.at(self.project)}#{PROJECT_FOLDER}",
            f"{self.at(self.code)}#{CODE_FOLDER}",
        ]
        if self.settings.python_archive:
            found.append(f"{self.settings.python_archive}#{PYTHON_FOLDER}")
        return found

    def arguments(self, *, project: str, code: str | None) -> dict[str, str]:
        """Return the arguments of the job's script by name."""
        given = {"--project": project, "--env": self.environment.name, "--result": self.result}
        if code is not None:
            given["--code"] = code
        settings = self.settings
        for name, value in (
            ("--variables", dict(settings.variables)),
            ("--secrets", dict(settings.secrets)),
            ("--run", list(self.run)),
        ):
            if value:
                given[name] = json.dumps(value, separators=(",", ":"))
        return given


def packed_shipment(
    project: Project,
    *,
    version: str,
    place: str,
    token: str,
    on_aws: bool,
    run: Sequence[str] = (),
) -> Shipment:
    """Pack a project and Lakeworks itself, of that version.

    Raises:
        PackagingError: something cannot be packed.
        SubmitSettingsError: `include:` is wrong.
        SparkSettingError: a property would change what results are.
    """
    settings = project.environment.submit
    return Shipment(
        name=settings.job_name or f"lakeworks-{project.name}",
        environment=project.environment,
        place=place.rstrip("/"),
        token=token,
        project=project_archive(project),
        wheel=wheel(version),
        script=_script(),
        run=tuple(run),
        conf=spark_conf(project.environment, on_aws=on_aws),
    )


def listed(arguments: Mapping[str, str]) -> list[str]:
    """Return arguments by name as the words of a command line."""
    return [word for pair in arguments.items() for word in pair]


def _script() -> Packed:
    text = files("lakeworks.aws").joinpath("cluster_job.py").read_bytes()
    return Packed("cluster_job.py", text)
