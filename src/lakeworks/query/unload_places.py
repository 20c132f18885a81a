"""Where UNLOAD may write, and how files get there whole or not at all.

Files are written in a folder of this machine first. A folder elsewhere on it takes them by one
rename; a bucket takes them one after the other, each whole, so a killed UNLOAD may leave some there:
the next one then says that the location is not empty.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lakeworks.governance.data_locations import S3, checked_location, reached, within
from lakeworks.governance.errors import ResourceError
from lakeworks.query.errors import NotAllowedError
from lakeworks.query.statements.errors import ExternalDdlError, UnloadLocationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lakeworks.pipeline.state import Services
    from lakeworks.query.statements.writing import Writing

_PIECE_BYTES = 8 * 1024 * 1024
_NO_SUCH_PLACE = "DATA_LOCATION_ACCESS"


@dataclass(frozen=True, slots=True)
class UnloadPlace:
    """One location that may be written to.

    Attributes:
        location: As it was written, in its one spelling.
        real: Where that was when permissions were asked, all links followed.
        options: How `s3://` is reached.
    """

    location: str
    real: str
    options: Mapping[str, str] | None
    scratch: Path

    @contextmanager
    def filling(self, run_id: str) -> Iterator[Path]:
        """Give a folder inside the block; what is in it afterwards is at the location.

        Raises:
            UnloadLocationError: the location is not empty, or files cannot be written there.
        """
        self.check_empty()
        with self._explained(), self._filling(run_id) as folder:
            yield folder

    @contextmanager
    def _filling(self, run_id: str) -> Iterator[Path]:
        if self.location.startswith(S3):
            self.scratch.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self.scratch, prefix=f"{run_id}-") as made:
                yield Path(made)
                self._upload(Path(made))
            return
        target = Path(self.real)
        part = f".{target.name}.{run_id}.part"
        with _opened(target.parent) as parent:
            os.mkdir(part, dir_fd=parent)
            try:
                with _opened(Path(part), parent) as inner:
                    yield _as_folder(inner, target.parent / part)
                    _flush(_as_folder(inner, target.parent / part))
                    found = os.stat(part, dir_fd=parent, follow_symlinks=False)
                    if not os.path.samestat(os.fstat(inner), found):
                        raise UnloadLocationError.refused(self.location, "it was moved away")
                try:
                    # An empty folder gives way, any other does not.
                    os.rename(part, target.name, src_dir_fd=parent, dst_dir_fd=parent)
                except OSError:
                    raise UnloadLocationError.not_empty(self.location) from None
            finally:
                shutil.rmtree(part, ignore_errors=True, dir_fd=parent)

    def check_empty(self) -> None:
        """Look whether there is anything at the location.

        Raises:
            UnloadLocationError: there is.
        """
        with self._explained():
            self._check_empty()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Say what the system says, without the folders on the way that it names."""
        try:
            yield
        except OSError as error:
            raise UnloadLocationError.refused(
                self.location, error.strerror or "files cannot be written there"
            ) from error

    def _check_empty(self) -> None:
        if self.location.startswith(S3):
            from lakeworks.storage.objects import ObjectStore

            store = ObjectStore.open(self.location, dict(self.options or {}))
            if next(iter(store.list()), None) is not None:
                raise UnloadLocationError.not_empty(self.location)
            return
        target = Path(self.location)
        if target.is_symlink() or (target.exists() and not target.is_dir()):
            raise UnloadLocationError.refused(self.location, "it is no folder")
        if target.is_dir() and any(target.iterdir()):
            raise UnloadLocationError.not_empty(self.location)

    def _upload(self, folder: Path) -> None:
        from lakeworks.storage.objects import ObjectStore

        store = ObjectStore.open(self.location, dict(self.options or {}))
        self.check_empty()
        done: list[str] = []
        try:
            for path in sorted(one for one in folder.rglob("*") if one.is_file()):
                name = path.relative_to(folder).as_posix()
                done.append(name)
                store.write_stream(name, _pieces(path))
        except BaseException:
            with suppress(Exception):
                store.delete(done)
            raise


def checked_place(writing: Writing, written: str) -> UnloadPlace:
    """Return a location that the caller may write to, and that is empty now.

    What a principal may not write to is refused in the same words whatever is there.

    Raises:
        UnloadLocationError: nobody may write there, or something is there.
        NotAllowedError: the caller may not.
    """
    try:
        location = checked_location(written)
    except ResourceError as error:
        raise UnloadLocationError.refused(written, error.problem.partition(": ")[2]) from None
    real = location if location.startswith(S3) else os.path.realpath(location)
    services = writing.services
    viewer, governance = writing.asking.viewer, writing.reader.parts.governance
    if viewer is not None:
        allowed = governance is not None and reached(
            governance.authorizer(), viewer.principal, location, real=real
        )
        if not allowed or _is_ours(services, location, real, principal=True):
            raise NotAllowedError.to(f"write to {written}", _NO_SUCH_PLACE, "a data location")
    elif _is_ours(services, location, real, principal=False):
        raise UnloadLocationError.refused(written, "it is the lake's own storage")
    options = services.project.environment.options
    place = UnloadPlace(location, real, options, services.project.root / ".lake" / "unload")
    place.check_empty()
    return place


def readable_place(writing: Writing, written: str) -> str:
    """Return a location whose files the caller may have the lake read, in its one spelling.

    The lake reads them in its owner's name, so a principal needs the same right as to write there.

    Raises:
        ExternalDdlError: it is no location, or the lake's own storage.
        NotAllowedError: the caller may not.
    """
    try:
        location = checked_location(written)
    except ResourceError as error:
        raise ExternalDdlError.because(error.problem) from None
    real = location if location.startswith(S3) else os.path.realpath(location)
    viewer, governance = writing.asking.viewer, writing.reader.parts.governance
    if viewer is not None:
        allowed = governance is not None and reached(
            governance.authorizer(), viewer.principal, location, real=real
        )
        if not allowed or _is_ours(writing.services, location, real, principal=True):
            raise NotAllowedError.to(f"read {written}", _NO_SUCH_PLACE, "a data location")
    elif _is_ours(writing.services, location, real, principal=False):
        raise ExternalDdlError.because(f"{written} is the lake's own storage")
    return location


def _is_ours(services: Services, location: str, real: str, *, principal: bool) -> bool:
    """Whether a location is the lake's: what is there is written by the lake alone."""
    project = services.project
    own = [services.storage.store.root]
    if principal:
        own += [str(project.root), *(one.path for one in project.sources.values())]
        own += [one.result_location for one in project.workgroups.values()]
    return any(_touches(location, real, place.partition("*")[0]) for place in own if place)


def _touches(location: str, real: str, place: str) -> bool:
    """Whether a location is a place of the lake's, in it or around it; whatever its letters."""
    if location.startswith(S3) != place.startswith(S3):
        return False
    base = place.rstrip("/") if place.startswith(S3) else os.path.realpath(place)
    one, other = real.casefold(), base.casefold()
    return within(one, other) or within(other, one)


@contextmanager
def _opened(folder: Path, above: int | None = None) -> Iterator[int]:
    """Give a folder as what is open, which stays the same whatever its name becomes meanwhile.

    It is made where it is missing. No link is followed: who may write into a folder on the way
    could put one there after permissions were asked.
    """
    kind = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    found = os.open("/", kind) if above is None else os.dup(above)
    try:
        for name in folder.parts if above is not None else folder.parts[1:]:
            try:
                inner = os.open(name, kind, dir_fd=found)
            except FileNotFoundError:
                with suppress(FileExistsError):
                    os.mkdir(name, dir_fd=found)
                inner = os.open(name, kind, dir_fd=found)
            os.close(found)
            found = inner
        yield found
    finally:
        os.close(found)


def _as_folder(opened: int, path: Path) -> Path:
    """Return a path to what is open; its name, on systems that have none for it."""
    own = Path(f"/proc/self/fd/{opened}")
    return own if own.exists() else path


def _flush(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            yield piece
