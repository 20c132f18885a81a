"""Examine many files with several processes; one that dies or hangs costs one file.

Few files are examined here, as a process takes longer to start than they take.
"""

from __future__ import annotations

import os
import queue
import select
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

from lakeworks.crawlers.classifiers.found import WINDOW_BYTES, Skipped
from lakeworks.crawlers.examining import Examiner, in_main_thread
from lakeworks.crawlers.worker import receive, send

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lakeworks.crawlers.examining import Answer, Task

FEW_FILES = 200
_FEW_BYTES = 64 * 1024 * 1024
_BATCH_FILES = 256
_BATCH_BYTES = 32 * 1024 * 1024
# A batch takes about a second; who takes a hundred hangs where no alarm is heard.
_BATCH_LIMIT_S = 100.0
_MAX_WORKERS = 8

Listed = tuple[str, int]


def examined(
    task: Task,
    objects: Sequence[Listed],
    *,
    workers: int | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> list[Answer]:
    """Return an answer for each file, in order.

    Args:
        workers: How many processes; 0 for none. By default as many as this process may use
            processors, and none for few files.
        progress: Told how many more files are done, one thread at a time.
    """
    count = _default_workers(objects) if workers is None else workers
    if count == 0:
        answers = list(Examiner(task).answers(objects))
        progress(len(answers))
        return answers
    batches: queue.SimpleQueue[tuple[int, Sequence[Listed]] | None] = queue.SimpleQueue()
    found: list[Answer | None] = [None] * len(objects)
    total = 0
    lock = threading.Lock()

    def told(count: int) -> None:
        with lock:
            progress(count)

    for start, batch in _batches(objects):
        batches.put((start, batch))
        total += 1
    threads = [
        threading.Thread(
            target=_serve, args=(task, batches, found, told), name="crawl", daemon=True
        )
        for _ in range(min(count, total))
    ]
    for _ in threads:
        batches.put(None)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lost = Skipped("it could not be examined")
    return [lost if answer is None else answer for answer in found]


def _default_workers(objects: Sequence[Listed]) -> int:
    few = (
        len(objects) <= FEW_FILES
        and sum(min(size_bytes, WINDOW_BYTES) for _, size_bytes in objects) <= _FEW_BYTES
    )
    if few and in_main_thread():
        return 0
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2
    return 1 if few else min(available, _MAX_WORKERS)


def _batches(objects: Sequence[Listed]) -> Iterator[tuple[int, Sequence[Listed]]]:
    start = size = 0
    for number, (_, size_bytes) in enumerate(objects):
        size += min(size_bytes, WINDOW_BYTES)
        if number - start + 1 >= _BATCH_FILES or size >= _BATCH_BYTES:
            yield start, objects[start : number + 1]
            start, size = number + 1, 0
    if start < len(objects):
        yield start, objects[start:]


def _serve(
    task: Task,
    batches: queue.SimpleQueue[tuple[int, Sequence[Listed]] | None],
    found: list[Answer | None],
    told: Callable[[int], None],
) -> None:
    worker = _Worker(task)
    try:
        while (batch := batches.get()) is not None:
            start, objects = batch
            answers = worker.answers(objects)
            if answers is None:  # one of them is the culprit: find it
                answers = [_alone(worker, one) for one in objects]
            found[start : start + len(objects)] = answers
            told(len(objects))
    finally:
        worker.close()


def _alone(worker: _Worker, listed: Listed) -> Answer:
    answers = worker.answers([listed])
    if answers is None:
        return Skipped("reading it ended the process that looked at it, or took too long")
    return answers[0]


class _Worker:
    """One process, started when it is first asked, and again when it died."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.process: subprocess.Popen[bytes] | None = None

    def answers(self, objects: Sequence[Listed]) -> list[Answer] | None:
        """Return the answers, or None when the process died or hung over them."""
        fresh = self.process is None
        process = self.process or self._started()
        assert process.stdin is not None  # noqa: S101 - it was opened with pipes
        assert process.stdout is not None  # noqa: S101
        try:
            send(process.stdin, (self.task if fresh else None, objects))
            # Unbuffered, so that what select sees is all there is.
            ready, _, _ = select.select([process.stdout], [], [], _BATCH_LIMIT_S)
            answers: list[Answer] = receive(process.stdout) if ready else _none()
        except (OSError, EOFError):
            self.close(kill=True)
            return None
        return answers

    def _started(self) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "lakeworks.crawlers.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,  # Ctrl-C is the crawl's to handle
        )
        return self.process

    def close(self, *, kill: bool = False) -> None:
        """End the process."""
        process, self.process = self.process, None
        if process is None:
            return
        if kill:
            process.kill()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                _closed(stream)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _none() -> list[Answer]:
    raise EOFError


def _closed(stream: Any) -> None:  # noqa: ANN401 - a pipe
    try:
        stream.close()
    except OSError:  # what was not sent yet has nobody to take it
        return
