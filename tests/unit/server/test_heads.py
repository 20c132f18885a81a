"""How long a client of the SQL service may take to say what it wants."""

from __future__ import annotations

import select
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest.importorskip("uvicorn", reason="the extra server is not installed")

# A busy machine may take a second from one line of a test to the next.
HEAD_S = 3.0
WHOLE = b"GET / HTTP/1.1\r\nHost: lake\r\n\r\n"
AWAITED_S = 30.0


async def _answer(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the bytes of the body, once all of it is there."""
    assert scope["type"] == "http"
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    head = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    import uvicorn

    from lakeworks.server.sql.heads import HeadsInTime

    class Quick(HeadsInTime):
        head_s = HEAD_S

    config = uvicorn.Config(
        _answer, http=Quick, log_level="error", lifespan="off", timeout_keep_alive=600
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as found:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [found]})
        thread.start()
        yield found.getsockname()[1]
        server.should_exit = True
        thread.join(AWAITED_S)


def _connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=AWAITED_S)


def _said(client: socket.socket, end: bytes = b"\r\n\r\n") -> bytes:
    """Return what comes, up to its end."""
    found = b""
    while not found.endswith(end):
        more = client.recv(4096)
        assert more, found
        found += more
    return found


def _dripped(client: socket.socket) -> None:
    """Go on with a head for ever, until there is an answer."""
    started = time.monotonic()
    while not select.select([client], [], [], 0.1)[0]:
        client.sendall(b"a")
        assert time.monotonic() - started < AWAITED_S


def test_heads_that_never_end_are_sent_away(port: int) -> None:
    with _connected(port) as silent, _connected(port) as dripping, _connected(port) as second:
        dripping.sendall(b"GET / HTTP/1.1\r\nHost: ")
        second.sendall(WHOLE)
        assert _said(second).startswith(b"HTTP/1.1 200")
        second.sendall(b"GET / HT")
        _dripped(dripping)
        for client in (silent, dripping, second):
            assert _said(client).startswith(b"HTTP/1.1 408")
        assert silent.recv(1) == second.recv(1) == b""


def test_bodies_and_idle_connections_take_as_long_as_they_take(port: int) -> None:
    with _connected(port) as slow, _connected(port) as idle:
        slow.sendall(b"POST / HTTP/1.1\r\nHost: lake\r\nContent-Length: 4\r\n\r\nla")
        idle.sendall(WHOLE)
        assert _said(idle).startswith(b"HTTP/1.1 200")
        time.sleep(1.3 * HEAD_S)  # nothing is to happen: there is no event to wait for
        slow.sendall(b"ke")
        assert _said(slow, b"lake").startswith(b"HTTP/1.1 200")
        idle.sendall(WHOLE)
        assert _said(idle).startswith(b"HTTP/1.1 200")
