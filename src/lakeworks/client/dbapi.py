"""DB-API 2.0 (PEP 249) over a lake's SQL service.

    from lakeworks.client import dbapi
    with dbapi.connect("http://127.0.0.1:8765", token="lw_…") as connection:
        cursor = connection.cursor()
        cursor.execute("select * from gold.daily_sales where units > ?", (3,))
        cursor.fetchall()

Each statement stands as soon as it ends: there are no transactions, so `commit` and `rollback` do
nothing, the latter since SQLAlchemy and others call it whenever they let a connection go.
"""

from __future__ import annotations

from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any, Self

from lakeworks.client.errors import ServiceError, ServiceUnreachableError
from lakeworks.client.service import SqlService
from lakeworks.core.errors import LakeError
from lakeworks.core.sql_text import first_word

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    import pyarrow as pa

apilevel = "2.0"
threadsafety = 2  # threads may share the module and connections
paramstyle = "qmark"

Date, Time, Timestamp, Binary = date, time, datetime, bytes
DateFromTicks, TimestampFromTicks = date.fromtimestamp, datetime.fromtimestamp
# Whose one row says how many rows they wrote.
_WRITING = frozenset({"CREATE", "INSERT", "DELETE", "DROP", "UNLOAD"})


def TimeFromTicks(ticks: float) -> time:  # noqa: N802 - PEP 249 names it
    """Return the time of day, here, of so many seconds since 1970."""
    return datetime.fromtimestamp(ticks).time()  # noqa: DTZ006 - local, as the others are


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
    """Never raised: a lake has no constraints."""


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

_AT_ONCE = 1000
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

    # Errors are attributes too, as PEP 249 suggests for code that has a connection alone.
    Warning, Error, InterfaceError = Warning, Error, InterfaceError
    DatabaseError, DataError, OperationalError = DatabaseError, DataError, OperationalError
    IntegrityError, InternalError = IntegrityError, InternalError
    ProgrammingError, NotSupportedError = ProgrammingError, NotSupportedError

    def __init__(self, service: SqlService) -> None:
        self.service = service
        self._closed = False

    def cursor(self) -> Cursor:
        """Return a new cursor."""
        self._check()
        return Cursor(self)

    def commit(self) -> None:
        """Do nothing: what was written stands."""
        self._check()

    def rollback(self) -> None:
        """Do nothing: what was written stands."""
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
        arraysize: How many rows `fetchmany` gives when it is not told.
        rowcount: How many rows the last query gave, or the last statement wrote; -1 before one.
        execution_id: What the service calls the last query.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.arraysize = 1
        self.execution_id = ""
        self.rowcount = -1
        self.description: list[tuple[Any, ...]] | None = None
        self._table: pa.Table | None = None
        self._at = 0
        self._ahead: list[tuple[Any, ...]] = []
        self._ahead_from = 0
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
        self.rowcount = _count(operation, found)
        # None where there are no columns, as of a GRANT: PEP 249 wants it so.
        self.description = [
            (field.name, str(field.type), None, None, None, None, field.nullable)
            for field in found.schema
        ] or None
        return self

    def executemany(self, operation: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run a statement for each row of parameters; `rowcount` is of all of them."""
        total = 0
        for row in rows:
            total += self.execute(operation, row).rowcount
        self.rowcount = total

    def fetchone(self) -> tuple[Any, ...] | None:
        """Return the next row, or None after the last one."""
        table = self._rows()
        if self._at >= table.num_rows:
            return None
        at = self._at - self._ahead_from
        if not 0 <= at < len(self._ahead):
            # Row by row, most of the time would go into beginning anew.
            self._ahead, self._ahead_from, at = self._told(_AT_ONCE), self._at, 0
        self._at += 1
        return self._ahead[at]

    def fetchmany(self, size: int | None = None) -> list[tuple[Any, ...]]:
        """Return the next rows, at most `size` (`arraysize`)."""
        found = self._told(self.arraysize if size is None else size)
        self._at += len(found)
        return found

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

    def _told(self, size: int) -> list[tuple[Any, ...]]:
        part = self._rows().slice(self._at, size)
        return list(zip(*(column.to_pylist() for column in part.columns), strict=True))

    def _rows(self) -> pa.Table:
        self._check()
        if self._table is None or self.description is None:
            raise ProgrammingError("the cursor has no rows: nothing was run, or no query")
        return self._table

    def _forget(self) -> None:
        self._table, self.description, self._at, self.rowcount = None, None, 0, -1
        self._ahead, self._ahead_from = [], 0

    def _check(self) -> None:
        if self._closed or self.connection._closed:  # noqa: SLF001 - our own
            raise InterfaceError("the cursor or its connection is closed")

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> tuple[Any, ...]:
        found = self.fetchone()
        if found is None:
            raise StopIteration
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _count(operation: str, found: pa.Table) -> int:
    """Return how many rows a query gave, or a statement wrote."""
    if found.column_names == ["rows"] and first_word(operation) in _WRITING:
        return sum(found.column(0).to_pylist())
    return int(found.num_rows)


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
