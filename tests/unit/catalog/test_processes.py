from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from lakeworks.catalog import processes
from lakeworks.catalog.processes import Process, is_alive, this_process


def test_this_process_is_alive() -> None:
    assert this_process().pid == os.getpid()
    assert is_alive(this_process()) is True


def test_an_ended_process_is_dead_even_before_its_parent_asks_for_its_end() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    here = this_process()
    started = processes._started(child.pid)
    known = Process(here.host, here.machine, child.pid, started or "")
    assert is_alive(known) is True
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # a zombie from here on
    assert is_alive(known) is False
    child.communicate()
    assert is_alive(known) is False


def test_a_number_used_again_is_another_process() -> None:
    assert is_alive(replace(this_process(), pid=os.getppid(), started="1")) is False
    assert is_alive(replace(this_process(), started="1")) is False


def test_nothing_is_known_of_processes_elsewhere() -> None:
    assert is_alive(replace(this_process(), machine="elsewhere")) is None


@pytest.mark.skipif(not os.path.exists("/bin/ps"), reason="ps is not installed")  # noqa: PTH110
def test_without_a_proc_folder_ps_tells_the_same() -> None:
    started = processes._started_by_ps(os.getpid())
    assert started
    assert started == processes._started_by_ps(os.getpid())
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert processes._started_by_ps(child.pid) is None
