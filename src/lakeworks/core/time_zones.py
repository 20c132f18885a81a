"""Time zones by their names, whichever thread asks first.

Where Python looks for them is settled when `zoneinfo` is first imported, by what `sysconfig` says. A
thread that imports it while another is the first to ask `sysconfig` gets half an answer from some
Pythons (before 3.12, python/cpython#92452): the list of folders is then empty for good, and not even
UTC is a time zone.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_TRIES = 500
_BETWEEN_S = 0.01


def settle() -> None:
    """Have Python know where time zones are, before threads are started or when it lost that."""
    import sysconfig
    import zoneinfo

    for _ in range(_TRIES):
        if zoneinfo.TZPATH or "PYTHONTZPATH" in os.environ:
            return
        whole = "TZPATH" in sysconfig.get_config_vars()
        zoneinfo.reset_tzpath()
        if whole:  # nothing better is to be had: some Pythons are built without such folders
            return
        time.sleep(_BETWEEN_S)


def time_zone(name: str) -> ZoneInfo | None:
    """Return a time zone such as `Europe/Paris`, or None where there is none of that name."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    settle()
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
