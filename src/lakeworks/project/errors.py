"""What can be wrong with a project, and how it is told: every mistake at once, with its line.

A `Mistake` is data, gathered while files are read; `ProjectError` raises all of them together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from lakeworks.core.errors import LakeError, RequestError, did_you_mean
from lakeworks.core.redaction import scrubbed

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from lakeworks.project.declaration import Location

UNREADABLE = "LW110"
UNKNOWN_KEY = "LW111"
WRONG_VALUE = "LW112"
MISSING_VARIABLE = "LW113"
NAME_REFUSED = "LW114"
DECLARED_TWICE = "LW115"
INCOMPLETE = "LW116"
MISPLACED = "LW117"
SQL_DOES_NOT_PARSE = "LW120"
NOT_ONE_SELECT = "LW121"
UNKNOWN_TABLE = "LW122"
CYCLE = "LW123"
NOT_IN_THIS_VERSION = "LW124"
PYTHON_MODEL_FAILED = "LW130"
SECRET_MISPLACED = "LW190"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong: where, what, and what to do about it.

    Attributes:
        code: Stable identifier of the kind of mistake, documented in `docs/errors.md`.
    """

    at: Location
    problem: str
    hint: str = ""
    code: str = "LW101"

    def as_json(self) -> dict[str, Any]:
        """Return plain values, as `lake check --json` prints them."""
        return {
            "file": self.at.file,
            "line": self.at.line,
            "code": self.code,
            "problem": self.problem,
            "hint": self.hint,
        }

    def __str__(self) -> str:
        told = f"{self.at}: {self.problem}"
        return f"{told}\n  hint: {self.hint}" if self.hint else told


class ProjectError(RequestError):
    """The project's files are wrong; holds every mistake found, in order of file and line."""

    code = "LW101"

    def __init__(
        self, problem: str, hint: str = "", mistakes: tuple[Mistake, ...] = ()
    ) -> None:
        super().__init__(problem, hint)
        self.mistakes = mistakes

    @classmethod
    def of(cls, mistakes: Iterable[Mistake]) -> Self:
        """Tell all `mistakes`, each once, in order of file and line."""
        ordered = sorted(
            dict.fromkeys(mistakes), key=lambda m: (m.at.file, m.at.line, m.code, m.problem)
        )
        return cls("\n".join(str(mistake) for mistake in ordered), "", tuple(ordered))


class ProjectNotFoundError(RequestError):
    """No project lies in the folder named, nor above it."""

    code = "LW102"

    @classmethod
    def above(cls, start: Path) -> Self:
        """Say where a project was looked for."""
        if not start.exists():
            return cls(f"there is no folder {start}", "name the project's folder with -C")
        misnamed = next(
            (name for name in ("lake.yaml", "lake.yml.txt") if (start / name).is_file()), None
        )
        if misnamed is not None:
            return cls(f"{start} holds {misnamed}, not lake.yml", "rename it to lake.yml")
        return cls(
            f"no lake.yml in {start} or a folder above it",
            "make a project with: lake init, or name its folder with -C",
        )


class TemplateRefusedError(RequestError):
    """A new project cannot be written as asked."""

    code = "LW103"

    @classmethod
    def occupied(cls, directory: Path) -> Self:
        """The folder holds a project already."""
        return cls(f"{directory} already holds a lake.yml", "name another folder")

    @classmethod
    def unknown(cls, template: str, known: Iterable[str]) -> Self:
        """There is no such template."""
        return cls(f"there is no template {template!r}", did_you_mean(template, known))

    @classmethod
    def misnamed(cls, name: str) -> Self:
        """The lake's name is not one."""
        hint = "use lower-case letters, digits and underscores, such as my_shop"
        return cls(f"{name!r} cannot name a lake", hint)

    @classmethod
    def unwritable(cls, directory: Path, error: OSError) -> Self:
        """The operating system refused."""
        return cls(f"{directory} cannot be written: {error.strerror or error}")

    @classmethod
    def in_the_way(cls, path: Path) -> Self:
        """A file of the template would overwrite one that is there."""
        return cls(f"{path} is already there and would be overwritten", "name another folder")


class SecretError(RequestError):
    """A reference to a secret leads nowhere; its text never holds a value."""

    code = "LW191"

    @classmethod
    def of(cls, reference: object, at: Location, reason: str, hint: str = "") -> Self:
        """Name the reference, where it stands, and what became of it."""
        return cls(f"{at}: the secret {reference} {reason}", hint)


class SecretUnavailableError(LakeError):
    """Whoever keeps a secret does not give it."""

    code = "LW192"

    @classmethod
    def of(cls, reference: object, at: Location, reason: str, hint: str = "") -> Self:
        """Name the reference, where it stands, and what its keeper said."""
        return cls(f"{at}: the secret {reference} cannot be had: {reason}", hint)


class Mistakes:
    """Gathers the mistakes of a project while its files are read."""

    def __init__(self) -> None:
        self.found: list[Mistake] = []

    def add(self, at: Location, problem: str, hint: str = "", *, code: str) -> None:
        """Note one mistake."""
        self.found.append(Mistake(at, scrubbed(problem), scrubbed(hint), code))

    def raise_if_any(self) -> None:
        """Raise what was gathered.

        Raises:
            ProjectError: at least one mistake was noted.
        """
        if self.found:
            raise ProjectError.of(self.found)
