"""Examine one file after the other: in this process or in a worker's.

A file has so many seconds. The clock is the process's alarm, which Python's regular expressions
heed too, so that no expression runs for ever.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import threading
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from lakeworks.crawlers.classifiers.examine import examine
from lakeworks.crawlers.classifiers.found import Found, Skipped
from lakeworks.crawlers.samples import Sample

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lakeworks.crawlers.classifiers.examine import Custom
    from lakeworks.crawlers.kinds import Columns

FILE_LIMIT_S = 20.0
# Of an object in a bucket: enough for all of most, and for a verdict on the rest.
_FIRST_BYTES = 256 * 1024
_FETCHERS = 16
_MOST_HALVINGS = 8

Answer = Found | Skipped


@dataclass(frozen=True, slots=True)
class Task:
    """Where files are, and who else is asked what they are."""

    root: str
    options: Mapping[str, str]
    custom: tuple[Custom, ...] = ()
    limit_s: float = FILE_LIMIT_S


class Examiner:
    """Answers for the files of one target."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self._columns: dict[Columns, Columns] = {}
        self._store: Any = None
        self._late = 0

    def answers(self, objects: Sequence[tuple[str, int]]) -> Iterator[Answer]:
        """Give an answer for each file, in order."""
        if not self.task.root.startswith("s3://"):
            for path, _ in objects:
                yield self._shared(self._of_file(path))
            return
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(_FETCHERS) as pool:
            for sample in pool.map(self._fetched, objects):
                answer = sample if isinstance(sample, Skipped) else self._timed(sample)
                yield self._shared(answer)

    def _shared(self, answer: Answer) -> Answer:
        """Let equal columns be one object: there are few, of many files."""
        if isinstance(answer, Found):
            columns = self._columns.setdefault(answer.columns, answer.columns)
            if columns is not answer.columns:
                object.__setattr__(answer, "columns", columns)
        return answer

    def _of_file(self, path: str) -> Answer:
        place = f"{self.task.root}/{path}" if path else self.task.root
        try:
            # Not blocking, for the file may have become a pipe since it was listed.
            handle = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if error.errno in {errno.ENOENT, errno.ENOTDIR}:
                return Skipped("it vanished")
            return Skipped(f"it cannot be read: {error.strerror or type(error).__name__}")
        try:
            size_bytes = os.fstat(handle).st_size
            read = partial(_read, handle)
            return self._timed(Sample(path, size_bytes, read, local=place))
        finally:
            os.close(handle)

    def _fetched(self, listed: tuple[str, int]) -> Sample | Skipped:
        from lakeworks.core.errors import LakeError

        path, size_bytes = listed
        try:
            first = self._range(path, 0, min(size_bytes, _FIRST_BYTES)) if size_bytes else b""
        except LakeError as error:
            return Skipped(f"it cannot be read: {error.problem}")
        # Where the object grew or shrank since, its new size comes with the next listing.
        size_bytes = min(size_bytes, len(first)) if len(first) < _FIRST_BYTES else size_bytes
        return Sample(path, size_bytes, partial(self._range, path), first=first)

    def _range(self, path: str, start: int, size_bytes: int) -> bytes:
        if self._store is None:
            from lakeworks.storage.objects import ObjectStore

            self._store = ObjectStore.open(self.task.root, self.task.options)
        found: bytes = self._store.get_range(path, start, size_bytes)
        return found

    def _timed(self, sample: Sample) -> Answer:
        # Who is late again and again has less and less time: ten thousand files for which an
        # expression runs for ever are over in minutes, too.
        limit_s = self.task.limit_s / 2 ** min(self._late, _MOST_HALVINGS)
        try:
            with _alarm(limit_s):
                return examine(sample, self.task.custom)
        except _TooLongError:
            self._late += 1
            return Skipped(f"looking at it took over {limit_s:.1g} seconds")
        except Exception as error:  # noqa: BLE001 - a file never ends a crawl
            return Skipped(f"it cannot be read: {type(error).__name__}: {str(error)[:200]}")


class _TooLongError(BaseException):
    """The time for a file is over; no handler of a library may take it for its own."""


def _read(handle: int, start: int, size_bytes: int) -> bytes:
    found = os.pread(handle, size_bytes, start)
    while len(found) < size_bytes:
        more = os.pread(handle, size_bytes - len(found), start + len(found))
        if not more:
            break
        found += more
    return found


@contextlib.contextmanager
def _alarm(limit_s: float) -> Iterator[None]:
    """Raise within the block when the time is over; only a main thread has an alarm."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(_number: int, _frame: Any) -> None:  # noqa: ANN401 - Python's signature
        raise _TooLongError

    previous = signal.signal(signal.SIGALRM, ring)
    left_s, _ = signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
        if left_s:  # someone else's alarm goes on
            signal.setitimer(signal.ITIMER_REAL, left_s)


def in_main_thread() -> bool:
    """Whether this thread can limit the time for a file."""
    return threading.current_thread() is threading.main_thread()
