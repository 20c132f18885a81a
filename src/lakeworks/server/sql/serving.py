"""Open a lake as a SQL service: its query processes, its workgroups, its socket."""

from __future__ import annotations

import ipaddress
import logging
import os
import resource
import socket
import ssl
import threading
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from lakeworks.core import time_zones
from lakeworks.core.errors import LakeError, MissingExtraError
from lakeworks.engines.machine import memory_share_bytes
from lakeworks.governance.principals import Principal, grantee
from lakeworks.project.workgroups import PRIMARY, Workgroup
from lakeworks.query.executions.jobs import moment_of
from lakeworks.query.executions.limits import Limits
from lakeworks.query.executions.pool import QueryPool
from lakeworks.query.executions.results import ResultPlaces
from lakeworks.query.executions.service import QueryExecutions
from lakeworks.server.errors import OpenDoorError, PortTakenError
from lakeworks.server.query_worker import command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from lakeworks.lake import Lake
    from lakeworks.query.executions.records import QueryRequest
    from lakeworks.query.questions import Question

logger = logging.getLogger(__name__)

RESULTS = ".lake/query-results"
# Beyond what its engine may take, a process holds Python and its libraries.
OWN_BYTES = 512 * 2**20
PRUNE_S = 600.0
_WAITING = 512
_FILES = 65_536


@contextmanager
def opened_executions(
    lake: Lake, *, environment: str | None = None, processes: int | None = None
) -> Iterator[QueryExecutions]:
    """Open the execution service of a lake; it ends with the block.

    Args:
        processes: How many queries run side by side; None for one a core.
    """
    groups = workgroups(lake)
    cores = os.cpu_count() or 1
    count = processes or cores
    memory = (lake.project.environment.memory_limit or memory_share_bytes()) // count
    started = command(
        lake.project.root, environment, memory_bytes=memory, threads=max(1, cores // count)
    )
    pool = QueryPool(
        started,
        processes=count,
        memory_bytes=memory + OWN_BYTES,
        concurrent=lambda: {name: group.concurrent for name, group in groups.items()},
    )

    def examine(asked: QueryRequest) -> Question:
        moment = moment_of(asked.at)
        return lake.query.examine(
            asked.sql,
            asked.principal,
            moment,
            workgroup=asked.workgroup,
            dialect=asked.dialect,
        )

    def identities(principal: str) -> frozenset[str]:
        return lake.governance.authorizer().identities(Principal.parse(principal))

    executions = QueryExecutions(
        Limits(
            groups,
            usage=lake.catalog.query_usage,
            records=lake.catalog.query_executions,
            identities=identities,
            waiting=pool.waiting,
        ),
        examine=examine,
        records=lake.catalog.query_executions,
        history=lake.catalog.query_history,
        results=result_places(lake, groups),
        pool=pool,
    )
    time_zones.settle()
    stop = threading.Event()
    pruning = threading.Thread(
        target=_prune, args=(executions, stop), name="prune-results", daemon=True
    )
    pruning.start()
    try:
        yield executions
    finally:
        stop.set()
        executions.close()


def workgroups(lake: Lake) -> Mapping[str, Workgroup]:
    """Return the workgroups of a lake, `primary` among them.

    Raises:
        PrincipalError: one names a principal that cannot be.
    """
    declared = {
        name: replace(group, principals=tuple(grantee(one) for one in group.principals))
        for name, group in lake.project.workgroups.items()
    }
    return {PRIMARY: Workgroup(PRIMARY), **declared}


def result_places(lake: Lake, groups: Mapping[str, Workgroup]) -> ResultPlaces:
    """Return where the results of a lake's workgroups go."""
    named = {name: one.result_location for name, one in groups.items() if one.result_location}
    return ResultPlaces(lake.project.root / RESULTS, named, lake.project.environment.options)


def serve(  # noqa: PLR0913 - what a server is told
    lake: Lake,
    executions: QueryExecutions,
    *,
    host: str,
    port: int,
    tls: tuple[Path, Path] | None = None,
    metrics_for: Iterable[str] = (),
    ready: Callable[[str], None] = lambda _: None,
) -> None:
    """Answer requests until the process is asked to stop.

    Args:
        port: 0 for any that is free.
        tls: The certificate's and the key's file, as PEM.
        metrics_for: Who may read metrics beside the lake's owner: principals.
        ready: Told the service's address once it listens.

    Raises:
        MissingExtraError: the extra `server` is not installed.
        OpenDoorError: others can reach `host`, and there is no TLS.
        PortTakenError: the place is taken.
    """
    try:
        import uvicorn

        from lakeworks.server.sql.application import application
        from lakeworks.server.sql.heads import HeadsInTime
    except ImportError:
        raise MissingExtraError.needed("server", "the SQL service") from None
    if tls is None and not _is_loopback(host):
        raise OpenDoorError.without_tls(host)
    with _listening(host, port) as found:
        certificate, key = (str(path) for path in tls) if tls else (None, None)
        config = uvicorn.Config(
            application(lake, executions, metrics_for=frozenset(metrics_for)),
            http=HeadsInTime,
            log_level="warning",
            access_log=False,
            ssl_certfile=certificate,
            ssl_keyfile=key,
            timeout_graceful_shutdown=5,
        )
        config.load()
        if config.ssl is not None:
            config.ssl.minimum_version = ssl.TLSVersion.TLSv1_2
        found.listen(_WAITING)
        _allow_files()
        shown = f"[{host}]" if ":" in host else host
        ready(f"{'https' if tls else 'http'}://{shown}:{found.getsockname()[1]}")
        uvicorn.Server(config).run(sockets=[found])


def _allow_files() -> None:
    """Let the process hold as many connections as the system lets it; often that is not asked for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((host, port))
        except OSError as error:
            raise PortTakenError.at(host, port, error.strerror or str(error)) from None
        yield found
    finally:
        found.close()


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _prune(executions: QueryExecutions, stop: threading.Event) -> None:
    while True:
        try:
            executions.prune()
        except LakeError:
            logger.warning("old results could not be deleted", exc_info=True)
        if stop.wait(PRUNE_S):
            return
