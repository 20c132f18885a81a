"""What can go wrong between this machine and the cluster that is to run the project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from lakeworks.core.errors import LakeError, RequestError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lakeworks.project.declaration import Location


class SubmitSettingsError(RequestError):
    """A setting that the target needs is missing, or holds what the target does not take."""

    code = "LW960"

    @classmethod
    def missing(cls, at: Location, key: str, target: str, example: str) -> Self:
        """Say which key to write, and where."""
        return cls(
            f"{at}: submitting to {target} needs the setting '{key}'",
            f"write below submit: {key}: {example}",
        )

    @classmethod
    def wrong(cls, at: Location, key: str, problem: str, hint: str = "") -> Self:
        """Say what a key holds that cannot be."""
        return cls(f"{at}: {key} {problem}", hint)


class NotReachableError(RequestError):
    """The project keeps something where the cluster cannot reach it."""

    code = "LW961"

    @classmethod
    def from_cluster(cls, at: Location, what: str, target: str, hint: str) -> Self:
        """Name the part that stays behind on this machine."""
        return cls(f"{at}: {what}, which {target} cannot reach", hint)


class NotForClustersError(RequestError):
    """The environment runs on an engine that no cluster runs."""

    code = "LW962"

    @classmethod
    def engine(cls, at: Location, name: str, environment: str) -> Self:
        """Say which engine to write."""
        return cls(
            f"{at}: the environment {environment} runs on {name}, on one machine",
            "write engine: spark, or name another environment with --env",
        )


class RequestRefusedError(RequestError):
    """A request does not fit AWS's own description of the service; it was not sent."""

    code = "LW963"

    @classmethod
    def by_model(cls, operation: str, problems: Iterable[str]) -> Self:
        """List everything that is wrong with the request."""
        told = "\n".join(f"  {problem}" for problem in problems)
        return cls(
            f"the request {operation} is not what AWS describes:\n{told}",
            "correct the settings below submit: in lake.yml",
        )


class SubmissionFailedError(LakeError):
    """The target did not take the job."""

    code = "LW964"
    retryable = True

    @classmethod
    def refused(cls, target: str, operation: str, reason: str, hint: str = "") -> Self:
        """Tell the target's own words."""
        return cls(f"{target} did not accept {operation}: {reason}", hint)

    @classmethod
    def no_program(cls, program: str) -> Self:
        """There is no spark-submit."""
        return cls(
            f"the program {program} was not found",
            "pip install 'lakeworks[spark]', set SPARK_HOME, or write spark_submit: "
            "/path/to/spark-submit below submit:",
        )


class JobFailedError(LakeError):
    """The job was started, and ended without success."""

    code = "LW965"

    @classmethod
    def ended(cls, job: str, state: str, reason: str, logs: str) -> Self:
        """Tell how it ended, why, and where its logs are."""
        why = f": {reason}" if reason else ""
        return cls(f"job {job} failed, {state}{why}", f"its logs: {logs}" if logs else "")


class PackagingError(LakeError):
    """The project or Lakeworks itself cannot be packed."""

    code = "LW966"

    @classmethod
    def unreadable(cls, path: str, reason: str) -> Self:
        """A file of the project cannot be read."""
        return cls(f"{path} cannot be packed: {reason}")

    @classmethod
    def not_installed(cls) -> Self:
        """Nothing says what Lakeworks depends on."""
        return cls(
            "Lakeworks runs here without being installed, so it cannot be packed",
            "pip install lakeworks, or run from a checkout that has its pyproject.toml",
        )
