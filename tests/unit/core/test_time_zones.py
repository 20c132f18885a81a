"""Time zones are found though Python lost where they are."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import time
import zoneinfo
from typing import TYPE_CHECKING

import pytest

from lakeworks.core.time_zones import settle, time_zone

if TYPE_CHECKING:
    from collections.abc import Iterator

# What another thread leaves to whoever asks while it is the first to ask `sysconfig`.
HALF_TOLD = """
import sysconfig, threading
sysconfig._CONFIG_VARS = {}
import zoneinfo
before = zoneinfo.TZPATH
def told():
    sysconfig._CONFIG_VARS = None
threading.Timer(0.3, told).start()
from lakeworks.core.time_zones import time_zone
print(time_zone("UTC"), time_zone("Europe/Paris"))
"""


@pytest.fixture
def lost() -> Iterator[None]:
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath(to=())
    zoneinfo.ZoneInfo.clear_cache()
    yield
    zoneinfo.reset_tzpath(to=before)


@pytest.mark.usefixtures("lost")
def test_folders_of_time_zones_that_were_lost_are_found_again() -> None:
    settle()
    assert str(time_zone("Europe/Paris")) == "Europe/Paris"


@pytest.mark.usefixtures("lost")
def test_a_python_that_has_no_such_folders_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def waiting(_: float) -> None:
        raise AssertionError("there is nothing to wait for")

    monkeypatch.setitem(sysconfig.get_config_vars(), "TZPATH", "")
    monkeypatch.setattr(time, "sleep", waiting)
    settle()
    assert zoneinfo.TZPATH == ()


def test_a_thread_that_came_too_early_finds_them() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HALF_TOLD], capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["UTC", "Europe/Paris"], done.stderr


@pytest.mark.parametrize(
    "name", ["Mars/Olympus", "", "../../etc/passwd", "/etc/localtime", "a\0"]
)
def test_what_is_no_time_zone_is_none(name: str) -> None:
    assert time_zone(name) is None
