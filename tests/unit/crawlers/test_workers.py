"""Processes that look into files: answers in order, and one that dies costs one file."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from lakeworks.crawlers import workers
from lakeworks.crawlers.classifiers.examine import examine
from lakeworks.crawlers.classifiers.found import Found, Skipped
from lakeworks.crawlers.classifiers.grok_files import LogForm
from lakeworks.crawlers.examining import Examiner, Task
from lakeworks.crawlers.samples import Sample


def task(root: Path, *custom: LogForm, limit_s: float = 20.0) -> Task:
    return Task(str(root), {}, custom, limit_s)


def write(root: Path, count: int) -> list[tuple[str, int]]:
    listed = []
    for number in range(count):
        text = f'{{"a{number % 3}": {number}}}\n' if number % 5 else "no table"
        (root / f"{number:04}.json").write_text(text)
        listed.append((f"{number:04}.json", len(text)))
    return listed


def test_processes_answer_as_this_one_does(tmp_path: Path) -> None:
    listed = write(tmp_path, 700)
    told: list[int] = []
    here = workers.examined(task(tmp_path), listed, workers=0)
    there = workers.examined(task(tmp_path), listed, workers=2, progress=told.append)
    assert there == here
    assert sum(isinstance(one, Found) for one in there) == 560
    assert sum(told) == 700


def test_files_that_vanish_are_told_of(tmp_path: Path) -> None:
    listed = write(tmp_path, 3)
    (tmp_path / listed[1][0]).unlink()
    answers = workers.examined(task(tmp_path), listed, workers=1)
    assert answers[1] == Skipped("it vanished")
    assert isinstance(answers[2], Found)


def test_a_file_that_ends_its_process_costs_that_file_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = write(tmp_path, 30)
    real = workers._Worker.answers

    def dying(self: workers._Worker, objects: object) -> object:
        if ("0007.json", listed[7][1]) in objects:  # type: ignore[operator]
            process = self.process or self._started()
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        return real(self, objects)  # type: ignore[arg-type]

    monkeypatch.setattr(workers._Worker, "answers", dying)
    answers = workers.examined(task(tmp_path), listed, workers=1)
    assert answers[7] == Skipped(
        "reading it ended the process that looked at it, or took too long"
    )
    assert [n for n, one in enumerate(answers) if isinstance(one, Skipped)] == [
        0, 5, 7, 10, 15, 20, 25,
    ]  # fmt: skip


def test_a_process_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = write(tmp_path, 2)
    monkeypatch.setattr(workers, "_BATCH_LIMIT_S", 0.5)
    started: list[subprocess.Popen[bytes]] = []
    real = workers._Worker._started

    def stopped(self: workers._Worker) -> subprocess.Popen[bytes]:
        process = real(self)
        started.append(process)
        os.kill(process.pid, signal.SIGSTOP)
        return process

    monkeypatch.setattr(workers._Worker, "_started", stopped)
    answers = workers.examined(task(tmp_path), listed, workers=1)
    assert all(isinstance(one, Skipped) for one in answers)
    assert all(process.poll() is not None for process in started)


def test_an_expression_that_would_run_for_ever_is_stopped(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("a" * 5_000 + "!\n")
    endless = LogForm("endless", "x", r"^(?P<x>(a+)+)$", "", 0.5)
    (answer,) = Examiner(task(tmp_path, endless, limit_s=0.5)).answers([("x", 5_002)])
    assert answer == Skipped("looking at it took over 0.5 seconds")


def test_many_files_that_take_too_long_take_less_and_less(tmp_path: Path) -> None:
    for number in range(40):
        (tmp_path / f"{number:02}").write_text("a" * 5_000 + "!\n")
    endless = LogForm("endless", "x", r"^(?P<x>(a+)+)$", "", 0.5)
    begin = time.monotonic()
    listed = [(f"{number:02}", 5_002) for number in range(40)]
    answers = list(Examiner(task(tmp_path, endless, limit_s=1)).answers(listed))
    assert all(isinstance(one, Skipped) for one in answers)
    assert time.monotonic() - begin < 10


def test_the_time_limit_leaves_an_alarm_of_others_running(tmp_path: Path) -> None:
    write(tmp_path, 2)
    before = signal.getsignal(signal.SIGALRM)
    signal.setitimer(signal.ITIMER_REAL, 100)
    try:
        list(Examiner(task(tmp_path)).answers([("0001.json", 8)]))
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 50
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    assert signal.getsignal(signal.SIGALRM) == before


def test_without_a_main_thread_a_process_looks_into_few_files_too(tmp_path: Path) -> None:
    listed = write(tmp_path, 3)
    found: list[object] = []
    thread = threading.Thread(
        target=lambda: found.extend(workers.examined(task(tmp_path), listed))
    )
    thread.start()
    thread.join()
    assert found == workers.examined(task(tmp_path), listed, workers=0)


def test_a_file_that_became_a_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x")
    (answer,) = Examiner(task(tmp_path)).answers([("x", 10)])
    assert isinstance(answer, Skipped)


def test_equal_columns_of_many_files_are_one_object(tmp_path: Path) -> None:
    listed = write(tmp_path, 30)
    answers = [
        one for one in Examiner(task(tmp_path)).answers(listed) if isinstance(one, Found)
    ]
    assert len({id(one.columns) for one in answers}) == 3


def test_what_is_read_of_a_file_is_bounded(tmp_path: Path) -> None:
    place = tmp_path / "x"
    with place.open("wb") as file:
        file.truncate(50 * 1024**3)
    read: list[int] = []
    handle = os.open(place, os.O_RDONLY)
    try:

        def reading(at: int, size_bytes: int) -> bytes:
            read.append(size_bytes)
            return os.pread(handle, size_bytes, at)

        answer = examine(Sample("x", 50 * 1024**3, reading), ())
    finally:
        os.close(handle)
    assert answer == Skipped("it is binary")
    assert sum(read) <= 10 * 1024 * 1024
