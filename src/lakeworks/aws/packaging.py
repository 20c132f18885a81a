"""Pack a project, and Lakeworks itself, for another machine: the same bytes each time.

The project's archive holds only what a project declares with: lake.yml and the files below the
folders of `FOLDERS` with a declaring suffix. Data, `.lake`, hidden files (`.env`, `.git`) and
keys never get in, as nothing is shipped that is not named. Files that Python models read are added
by `include:`.

Lakeworks is packed from its own files, the same way from a checkout and from an installed package,
so no build tool is needed and no network.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from lakeworks.aws.errors import PackagingError, SubmitSettingsError
from lakeworks.core.archives import zipped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lakeworks.project.declaration import Project

FOLDERS = (
    "catalogs", "crawlers", "dashboards", "features", "functions", "ml", "models", "policies",
    "sources", "streams", "tables", "workflows",
)  # fmt: skip
SUFFIXES = frozenset({".sql", ".py", ".yml", ".yaml"})


@dataclass(frozen=True, slots=True)
class Packed:
    """A file to be shipped.

    Attributes:
        name: Its file name.
    """

    name: str
    data: bytes

    @property
    def sha256(self) -> str:
        """The digest of the content, in hex."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def place(self) -> str:
        """Where it belongs below the place for code: one folder for each content."""
        return f"{self.sha256[:16]}/{self.name}"


def project_archive(project: Project) -> Packed:
    """Pack what the project declares into `project.zip`.

    Raises:
        PackagingError: a file cannot be read.
        SubmitSettingsError: `include:` reaches out of the folder, or matches nothing.
    """
    root = project.root
    paths = {*_declaring(root), *_included(project)}
    files: dict[str, bytes] = {}
    for path in sorted(paths):
        name = path.relative_to(root).as_posix()
        try:
            files[name] = path.read_bytes()
        except OSError as error:
            raise PackagingError.unreadable(name, error.strerror or str(error)) from None
    return Packed("project.zip", zipped(files))


def wheel(version: str) -> Packed:
    """Pack Lakeworks as it runs here into a wheel.

    Args:
        version: Lakeworks' own.

    Raises:
        PackagingError: it is not known what Lakeworks depends on.
    """
    package = Path(__file__).parents[1]
    files = {
        f"lakeworks/{path.relative_to(package).as_posix()}": path.read_bytes()
        for path in sorted(package.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    }
    info = f"lakeworks-{version}.dist-info"
    files[f"{info}/METADATA"] = _metadata(package, version).encode()
    files[f"{info}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: lakeworks\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    files[f"{info}/entry_points.txt"] = b"[console_scripts]\nlake = lakeworks.cli.main:run\n"
    record = "".join(f"{name},{_digest(data)},{len(data)}\n" for name, data in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    return Packed(f"lakeworks-{version}-py3-none-any.whl", zipped(files))


def _declaring(root: Path) -> Iterator[Path]:
    yield root / "lake.yml"
    for folder in FOLDERS:
        for path in _visible(root, (root / folder).rglob("*")):
            if path.suffix in SUFFIXES:
                yield path


def _included(project: Project) -> Iterator[Path]:
    at = project.environment.at("submit.include")
    for pattern in project.environment.submit.include:
        parts = PurePosixPath(pattern).parts
        if not parts or pattern.startswith(("/", "~")) or ".." in parts:
            raise SubmitSettingsError.wrong(
                at, "include", f"{pattern!r} is not below the project's folder"
            )
        found = list(_visible(project.root, project.root.glob(pattern)))
        if not found:
            raise SubmitSettingsError.wrong(
                at,
                "include",
                f"{pattern!r} matches no file",
                "a folder is written lookups/**/*; hidden files are never shipped",
            )
        yield from found


def _visible(root: Path, paths: Iterable[Path]) -> Iterator[Path]:
    """Give the files that are not hidden, and whose links stay inside the folder."""
    inside = root.resolve()
    for path in paths:
        parts = path.relative_to(root).parts
        hidden = any(part.startswith(".") or part == "__pycache__" for part in parts)
        if not hidden and path.is_file() and path.resolve().is_relative_to(inside):
            yield path


def _digest(data: bytes) -> str:
    encoded = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=")
    return f"sha256={encoded.decode()}"


def _metadata(package: Path, version: str) -> str:
    """Return the wheel's METADATA: what pip must know to install what Lakeworks needs."""
    head = f"Metadata-Version: 2.1\nName: lakeworks\nVersion: {version}\n"
    declared = package.parents[1] / "pyproject.toml"
    if declared.is_file():
        # A checkout: its pyproject.toml is newer than what was noted when it was installed.
        return head + _from_pyproject(declared)
    try:
        found = metadata.metadata("lakeworks")
    except metadata.PackageNotFoundError:
        raise PackagingError.not_installed() from None
    lines = [
        f"{name}: {value}\n"
        for name in ("Requires-Python", "Provides-Extra", "Requires-Dist")
        for value in found.get_all(name) or ()
    ]
    return head + "".join(lines)


def _from_pyproject(path: Path) -> str:
    import tomllib

    project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
    lines = [f"Requires-Python: {project['requires-python']}\n"]
    lines += [f"Requires-Dist: {needed}\n" for needed in project["dependencies"]]
    for extra, needs in project.get("optional-dependencies", {}).items():
        lines.append(f"Provides-Extra: {extra}\n")
        lines += [f'Requires-Dist: {needed}; extra == "{extra}"\n' for needed in needs]
    return "".join(lines)
