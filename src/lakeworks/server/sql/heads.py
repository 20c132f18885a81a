"""Give a request's head a time limit, which uvicorn has for idle connections only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

# As long as Apache's mod_reqtimeout gives at first.
HEAD_S = 20.0
# RFC 9110, 15.5.9.
_TOO_LATE = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class HeadsInTime(H11Protocol):
    """One connection: from its first byte on, a head has `head_s` seconds to be whole.

    The first head's time begins with the connection. Who sends one slowly, or never, keeps a
    file of the process open, and for no longer than that. Bodies and answers are not timed.
    """

    head_s = HEAD_S
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Read what came, and wait on while it is a part of a head."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._wait()
        else:
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        if self._late is None:
            self._late = self.loop.call_later(self.head_s, self._refuse)

    def _stop_waiting(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _refuse(self) -> None:
        self.transport.write(_TOO_LATE)
        self.transport.close()
