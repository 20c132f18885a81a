"""Ports for servers of tests that cannot be handed an open one."""

from __future__ import annotations

import random
import socket
from pathlib import Path

_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_FIRST_OF_CONNECTIONS = 32_768  # Linux's own
_SPAN = 20_000


def free_port() -> int:
    """Return a port that is free, and that no connection is given by chance.

    A server takes seconds to start. A port from the range that the system takes for connections'
    own ends may be another's by then, and the server ends at once.
    """
    end = int(_RANGE.read_text().split()[0]) if _RANGE.exists() else _FIRST_OF_CONNECTIONS
    for port in random.SystemRandom().sample(range(max(1024, end - _SPAN), end), 200):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise AssertionError("no port is free for a server")
