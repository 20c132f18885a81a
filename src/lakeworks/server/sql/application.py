"""The SQL service as a Starlette application.

    POST   /v1/queries                 ask; answers with the execution
    GET    /v1/queries                 the caller's last executions
    GET    /v1/queries/{id}?wait_s=30  how one stands, after waiting for its end so long
    GET    /v1/queries/{id}/result     its rows, an Arrow IPC stream
    DELETE /v1/queries/{id}            stop it
    GET    /v1/tables                  the tables that the caller may read
    GET    /v1/tables/{database.table} the columns that it may see
    GET    /v1/workgroups              those that it may use, and their accounts
    GET    /v1/metrics                 what all workgroups did, for Prometheus
    GET    /v1/health                  whether the service is up; needs no token

Errors are JSON: `{"error": {"code", "kind", "problem", "hint"}}`.
"""

from __future__ import annotations

import functools
import json
from collections import defaultdict
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from lakeworks.core.errors import LakeError
from lakeworks.query.errors import HiddenFailureError
from lakeworks.query.executions.errors import (
    NotSucceededError,
    ResultGoneError,
    UnknownExecutionError,
    UnknownWorkgroupError,
    WorkgroupRefusesError,
)
from lakeworks.query.executions.metrics import CONTENT_TYPE
from lakeworks.query.executions.records import told
from lakeworks.server.errors import (
    BadRequestError,
    NotAuthenticatedError,
    NotForThisTokenError,
)
from lakeworks.server.sql.requests import MOST_BYTES, query_request, seconds

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from typing import BinaryIO

    from starlette.requests import Request

    from lakeworks.lake import Lake
    from lakeworks.query.executions.records import QueryExecution
    from lakeworks.query.executions.service import QueryExecutions

ARROW = "application/vnd.apache.arrow.stream"
_BEARER = "bearer "
_PIECE_BYTES = 1024 * 1024
# Threads of one principal: whoever waits for a hundred queries, or asks what takes long to read, keeps
# nobody else's request from being answered.
_ASKING, _LOOKING = 4, 256
_STATUS: dict[type[LakeError], int] = {
    NotAuthenticatedError: 401,
    NotForThisTokenError: 403,
    UnknownExecutionError: 404,
    UnknownWorkgroupError: 404,
    ResultGoneError: 410,
    NotSucceededError: 409,
    WorkgroupRefusesError: 429,
    HiddenFailureError: 500,
}


def application(
    lake: Lake, executions: QueryExecutions, *, metrics_for: frozenset[str] = frozenset()
) -> Starlette:
    """Return the service of a lake.

    Args:
        lake: Whose tables, permissions and tokens hold.
        executions: Runs what is asked.
        metrics_for: The principals that may read metrics, beside the lake's owner.
    """
    service = _Service(lake, executions, metrics_for)
    return Starlette(
        routes=[
            Route("/v1/health", service.health),
            Route("/v1/queries", _guarded(service, service.start), methods=["POST"]),
            Route("/v1/queries", _guarded(service, service.recent), methods=["GET"]),
            Route("/v1/queries/{id}", _guarded(service, service.get), methods=["GET"]),
            Route("/v1/queries/{id}", _guarded(service, service.cancel), methods=["DELETE"]),
            Route("/v1/queries/{id}/result", _guarded(service, service.result)),
            Route("/v1/tables", _guarded(service, service.tables)),
            Route("/v1/tables/{name}", _guarded(service, service.table)),
            Route("/v1/workgroups", _guarded(service, service.workgroups)),
            Route("/v1/metrics", _guarded(service, service.metrics)),
        ],
        exception_handlers={HTTPException: _http, Exception: _broken},
    )


class _Service:
    """The work behind each path; all of it in threads, since catalogs and files block."""

    def __init__(
        self, lake: Lake, executions: QueryExecutions, metrics_for: frozenset[str]
    ) -> None:
        self._lake = lake
        self._metrics_for = metrics_for
        self._executions = executions
        self._asking = defaultdict[str, CapacityLimiter](lambda: CapacityLimiter(_ASKING))
        self._looking = defaultdict[str, CapacityLimiter](lambda: CapacityLimiter(_LOOKING))

    def threads(self, request: Request, principal: str) -> CapacityLimiter:
        """Return which threads a principal's request is worked on in."""
        return (self._asking if request.method == "POST" else self._looking)[principal]

    def caller(self, request: Request) -> str:
        """Return the principal that a request's token stands for.

        Raises:
            NotAuthenticatedError: it has no valid one.
        """
        header: str = request.headers.get("authorization", "")
        if not header[: len(_BEARER)].lower() == _BEARER:
            raise NotAuthenticatedError.token()
        token = self._lake.catalog.access_tokens.holder(header[len(_BEARER) :].strip())
        if token is None:
            raise NotAuthenticatedError.token()
        return token.principal

    async def health(self, _request: Request) -> Response:
        """Say that the service is up."""
        return JSONResponse({"status": "up"})

    def start(self, _request: Request, principal: str, body: bytes) -> Response:
        """Ask a query."""
        execution = self._executions.start(query_request(body, principal))
        return JSONResponse(_shown(self._executions.get(execution)), status_code=201)

    def recent(self, _request: Request, principal: str, _body: bytes) -> Response:
        """List the caller's executions."""
        found = self._executions.recent(principal=principal)
        return JSONResponse({"queries": [_shown(one) for one in found]})

    def get(self, request: Request, principal: str, _body: bytes) -> Response:
        """Say how an execution stands."""
        found = self._executions.wait(
            request.path_params["id"],
            principal=principal,
            timeout_s=seconds(request.query_params.get("wait_s")),
        )
        return JSONResponse(_shown(found))

    def cancel(self, request: Request, principal: str, _body: bytes) -> Response:
        """Stop an execution."""
        found = self._executions.cancel(request.path_params["id"], principal=principal)
        return JSONResponse(_shown(found))

    def result(self, request: Request, principal: str, _body: bytes) -> Response:
        """Send a result's rows."""
        stream, size_bytes = self._executions.open_result(
            request.path_params["id"], principal=principal
        )
        headers = {"content-length": str(size_bytes)}
        return StreamingResponse(_read(stream), media_type=ARROW, headers=headers)

    def tables(self, _request: Request, principal: str, _body: bytes) -> Response:
        """List the tables that the caller may read."""
        found = self._lake.query.visible(principal)
        return JSONResponse({"tables": [str(name) for name in found]})

    def table(self, request: Request, principal: str, _body: bytes) -> Response:
        """Describe a table as the caller sees it."""
        name = request.path_params["name"]
        columns = self._lake.query.columns(name, principal)
        shown = [{"name": column, "type": kind} for column, kind in columns]
        return JSONResponse({"table": name, "columns": shown})

    def workgroups(self, _request: Request, principal: str, _body: bytes) -> Response:
        """List the workgroups that the caller may use."""
        found = self._executions.limits.accounts(principal)
        return _json({"workgroups": found})

    def metrics(self, _request: Request, principal: str, _body: bytes) -> Response:
        """Tell what all workgroups did: to the owner, and whoever was named for it."""
        if principal and principal not in self._metrics_for:
            raise NotForThisTokenError.metrics()
        text = self._executions.limits.metrics()
        return Response(text, headers={"content-type": CONTENT_TYPE})


def _json(value: Any) -> Response:  # noqa: ANN401 - plain values and moments
    text = json.dumps(value, default=lambda moment: moment.isoformat())
    return Response(text, media_type="application/json")


def _read(stream: BinaryIO) -> Iterator[bytes]:
    with stream:
        while piece := stream.read(_PIECE_BYTES):
            yield piece


def _guarded(
    service: _Service, work: Callable[[Request, str, bytes], Response]
) -> Callable[[Request], Awaitable[Response]]:
    """Return an endpoint that knows its caller, and tells errors as JSON."""

    @functools.wraps(work)
    async def endpoint(request: Request) -> Response:
        try:
            # Nobody without a token has the service read a body.
            principal = await run_in_threadpool(service.caller, request)
            body = await _body(request) if request.method == "POST" else b""
            threads = service.threads(request, principal)
            return await run_sync(work, request, principal, body, limiter=threads)
        except LakeError as error:
            return _failed(error)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is left to read it

    return endpoint


async def _body(request: Request) -> bytes:
    """Return what was sent, of which no more is taken in than a request may have."""
    found = bytearray()
    async for piece in request.stream():
        found += piece
        if len(found) > MOST_BYTES:
            raise BadRequestError.body(f"it has more than {MOST_BYTES:,} bytes")
    return bytes(found)


def _failed(error: LakeError) -> Response:
    status = next(
        (code for kind, code in _STATUS.items() if isinstance(error, kind)),
        400 if error.exit_code == 2 else 500,  # noqa: PLR2004 - the request was wrong
    )
    headers = {"www-authenticate": "Bearer"} if status == 401 else None  # noqa: PLR2004
    return JSONResponse({"error": told(error)}, status_code=status, headers=headers)


async def _http(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 404)
    found = BadRequestError.nowhere(f"{request.method} {request.url.path}")
    return JSONResponse({"error": told(found)}, status_code=status)


async def _broken(_request: Request, _error: Exception) -> Response:
    problem = {
        "code": "LW816",
        "kind": "ServiceError",
        "problem": "the service failed to answer",
        "hint": "its log has the reason",
    }
    return JSONResponse({"error": problem}, status_code=500)


def _shown(found: QueryExecution) -> dict[str, Any]:
    shown = asdict(found)
    shown["submitted_at"] = found.submitted_at.isoformat()
    shown["completed_at"] = found.completed_at.isoformat() if found.completed_at else None
    shown["columns"] = [{"name": name, "type": kind} for name, kind in found.columns]
    shown["error"] = dict(found.error) or None
    return shown
