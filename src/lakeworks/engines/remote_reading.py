"""How rows of another system are read by an engine that a project trusts, and no caller.

What a caller's session is given are rows alone: who reads them here knows addresses and passwords,
and runs no SQL that a caller wrote.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import pyarrow as pa

    from lakeworks.core.types import Schema


@dataclass(frozen=True, slots=True)
class RemoteServer:
    """A database server, and how it is reached.

    Attributes:
        name: An identifier, the only server of that name.
        settings: `host`, `port`, `database`, `user`, `password`, `tls` (`off`, `on`, `verify`),
            `ca`, `connect_s`; what is empty is left to the server's usual.
    """

    kind: Literal["postgres", "mysql"]
    name: str
    settings: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class RemoteRows:
    """What is asked of a server, or what another reader gives.

    Attributes:
        columns: The columns of the rows as they come, in their order, and as the lake sees them.
        server: Who is asked; None where `stream` gives the rows.
        sql: In the server's own dialect; its columns have the names of `columns`.
        stream: Gives batches of these columns; what it raises is raised.
        stop: Stops the stream, from another thread.
    """

    columns: Schema
    server: RemoteServer | None = None
    sql: str = ""
    stream: Callable[[], Iterator[pa.RecordBatch]] | None = None
    stop: Callable[[], None] | None = None


class RemoteReader(Protocol):
    """Reads rows elsewhere. Safe to use from several threads."""

    def rows(
        self,
        asked: RemoteRows,
        select: Callable[[str], str],
        *,
        timeout_s: float | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a SELECT over rows elsewhere; nothing is asked before the first.

        Args:
            select: Makes the SELECT, in the lake's dialect, of what stands for the rows.
            timeout_s: Stop with an error after so many seconds, here and there.

        Raises:
            RemoteReadError: the other system refuses, or is gone; as text, without passwords.
            MissingExtensionError: what speaks with it is not installed.
            QueryTimeoutError: it took too long.
            InterruptedQueryError: `close` was called.
        """
        ...

    def table(
        self, server: RemoteServer, sql: str, *, timeout_s: float | None = None
    ) -> list[dict[str, object]]:
        """Return the few rows of a query in a server's own dialect; raises as `rows` does."""
        ...

    def close(self) -> None:
        """Stop what runs and let go of all connections. May be called again."""
        ...


class RemoteReadError(Exception):
    """Another system refused or was gone.

    Attributes:
        kind: `connection`: it cannot be reached, or let in nobody; `query`: it refuses what was
            asked; `value`: a value does not fit its column's type.
    """

    def __init__(self, text: str, kind: Literal["connection", "query", "value"]) -> None:
        super().__init__(text, kind)
        self.text = text
        self.kind = kind

    def __str__(self) -> str:
        return self.text
