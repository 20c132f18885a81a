"""DB-API 2.0 (PEP 249) over a lake's SQL service.

    from lakeworks.client import dbapi
    with dbapi.connect("http://127.0.0.1:8765", token="lw_…") as connection:
        cursor = connection.cursor()
        cursor.execute("select * from gold.daily_sales where units > ?", (3,))
        cursor.fetchall()

A lake publishes its tables by runs, so there is nothing to commit: `commit` does nothing, and
`rollback` says that it cannot.
"""

from __future__ import annotations

from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any, Self

from lakeworks.client.errors import ServiceError, ServiceUnreachableError
from lakeworks.client.service import SqlService
from lakeworks.core.errors import LakeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType

    import pyarrow as pa

apilevel = "2.0"
threadsafety = 2  # threads may share the module and connections
paramstyle = "qmark"

Date, Time, Timestamp, Binary = date, time, datetime, bytes


class Warning(Exception):  # noqa: A001, N818 - PEP 249 names it
    """Something that is no error."""


class Error(Exception):
    """The root of all errors of this module."""


class InterfaceError(Error):
    """The module was used wrongly."""


class DatabaseError(Error):
    """The service could not do what it was asked."""


class DataError(DatabaseError):
    """A value could not be what the statement makes of it."""


class OperationalError(DatabaseError):
    """The service is not there, is busy, or stopped the query."""


class IntegrityError(DatabaseError):
    """Never raised: queries change nothing."""


class InternalError(DatabaseError):
    """The service failed."""


class ProgrammingError(DatabaseError):
    """The statement is wrong, or names what is not there."""


class NotSupportedError(DatabaseError):
    """What a lake does not do."""


class _Kind:
    """Equal to the type codes of its family, as PEP 249 wants."""

    def __init__(self, *codes: str) -> None:
        self._codes = codes

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and other.startswith(self._codes)

    def __hash__(self) -> int:
        return hash(self._codes)


STRING = _Kind("string", "large_string")
BINARY = _Kind("binary", "large_binary")
NUMBER = _Kind("int", "uint", "float", "double", "decimal", "halffloat")
DATETIME = _Kind("timestamp", "date", "time")
ROWID = _Kind()

_DATA = frozenset({"LW402"})
_BUSY = frozenset({"LW403", "LW404", "LW405", "LW406", "LW811", "LW812", "LW816"})


def connect(
    url: str,
    *,
    token: str = "",
    workgroup: str = "primary",
    ca: str | None = None,
    allow_http: bool = False,
    dialect: str = "",
) -> Connection:
    """Open a connection; nothing is sent yet.

    Args:
        url: Such as `http://127.0.0.1:8765`.
        token: What `lake token create` printed.
        workgroup: Where queries run.
        ca: A file of certificates (PEM) that vouch for the service, instead of the system's.
        allow_http: Whether a token may be sent to another machine as it is, without TLS.
        dialect: What queries are written in, `duckdb` or `athena`; the workgroup's when empty.

    Raises:
        InterfaceError: that is no address, or a token would cross the network unprotected.
    """
    try:
        service = SqlService(
            url,
            token=token,
            workgroup=workgroup,
            ca=ca,
            allow_http=allow_http,
            dialect=dialect,
        )
        return Connection(service)
    except LakeError as error:
        raise InterfaceError(str(error)) from None


class Connection:
    """One service as one principal."""

    def __init__(self, service: SqlService) -> None:
        self.service = service
        self._closed = False

    def cursor(self) -> Cursor:
        """Return a new cursor."""
        self._check()
        return Cursor(self)

    def commit(self) -> None:
        """Do nothing: queries change nothing."""
        self._check()

    def rollback(self) -> None:
        """Do nothing: there is nothing to take back."""
        self._check()

    def close(self) -> None:
        """Use this connection no more."""
        self._closed = True

    def _check(self) -> None:
        if self._closed:
            raise InterfaceError("the connection is closed")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Cursor:
    """One query at a time, and its rows.

    Attributes:
        description: Seven values a column, of which the name and the type (as Arrow names it)
            are known; None before a query.
        rowcount: How many rows the last query gave; -1 before one.
        execution_id: What the service calls the last query.
    """

    arraysize = 100

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.execution_id = ""
        self.rowcount = -1
        self.description: list[tuple[Any, ...]] | None = None
        self._table: pa.Table | None = None
        self._at = 0
        self._closed = False

    def execute(
        self, operation: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None
    ) -> Self:
        """Run a statement to its end.

        Raises:
            Error: the subclass of PEP 249 that fits what the service said.
        """
        self._check()
        service = self.connection.service
        self._forget()
        try:
            self.execution_id = service.start(operation, parameters)
            service.wait(self.execution_id)
            found = service.result(self.execution_id)
        except LakeError as error:
            raise _raised(error) from None
        self._table = found
        self.rowcount = found.num_rows
        # None where there are no columns, as of a GRANT: PEP 249 wants it so.
        self.description = [
            (field.name, str(field.type), None, None, None, None, field.nullable)
            for field in found.schema
        ] or None
        return self

    def executemany(self, operation: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run a statement for each row of parameters; the last result stays."""
        for row in rows:
            self.execute(operation, row)

    def fetchone(self) -> tuple[Any, ...] | None:
        """Return the next row, or None after the last one."""
        found = self.fetchmany(1)
        return found[0] if found else None

    def fetchmany(self, size: int | None = None) -> list[tuple[Any, ...]]:
        """Return the next rows, at most `size` (`arraysize`)."""
        table = self._rows()
        part = table.slice(self._at, self.arraysize if size is None else size)
        self._at += part.num_rows
        columns = [column.to_pylist() for column in part.columns]
        return list(zip(*columns, strict=True)) if columns else [()] * part.num_rows

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return all rows that are left."""
        return self.fetchmany(self._rows().num_rows - self._at)

    def fetch_arrow_table(self) -> pa.Table:
        """Return the whole result as an Arrow table."""
        return self._rows()

    def cancel(self) -> None:
        """Stop the query that another thread waits for with this cursor."""
        if self.execution_id:
            try:
                self.connection.service.cancel(self.execution_id)
            except LakeError as error:
                raise _raised(error) from None

    def setinputsizes(self, sizes: Sequence[Any]) -> None:
        """Do nothing, as PEP 249 allows."""

    def setoutputsize(self, size: int, column: int | None = None) -> None:
        """Do nothing, as PEP 249 allows."""

    def close(self) -> None:
        """Let go of the rows."""
        self._forget()
        self._closed = True

    def _rows(self) -> pa.Table:
        self._check()
        if self._table is None:
            raise ProgrammingError("no query was run with this cursor")
        return self._table

    def _forget(self) -> None:
        self._table, self.description, self._at, self.rowcount = None, None, 0, -1

    def _check(self) -> None:
        if self._closed or self.connection._closed:  # noqa: SLF001 - our own
            raise InterfaceError("the cursor or its connection is closed")

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        while (row := self.fetchone()) is not None:
            yield row

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _raised(error: LakeError) -> Error:
    """Return PEP 249's error for one of ours."""
    if isinstance(error, ServiceUnreachableError):
        return OperationalError(str(error))
    if isinstance(error, ServiceError):
        code = error.told.get("code", "")
        if code in _DATA:
            return DataError(str(error))
        if code in _BUSY:
            return OperationalError(str(error))
        if error.wrong_request or code.startswith(("LW3", "LW4", "LW80")):
            return ProgrammingError(str(error))
        return InternalError(str(error))
    return InterfaceError(str(error))
