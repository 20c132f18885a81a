"""A query process: takes jobs as lines of JSON, writes each result to a file, reports each end.

Started by `QueryPool`. It ends when its standard input does, or when the service's process is gone, so
that none outlives the service.
"""

from __future__ import annotations

import argparse
import errno
import os
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lakeworks.core.errors import LakeError
from lakeworks.engines.errors import DiskFullError
from lakeworks.governance.principals import Principal
from lakeworks.query.executions.jobs import Job, Report, moment_of
from lakeworks.query.executions.records import told
from lakeworks.query.executions.results import bring
from lakeworks.query.questions import Caller

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

    from lakeworks.lake import Lake
    from lakeworks.query.results import QueryResult

LOOK_S = 1.0
NICE = 5  # the service itself answers first


def command(
    project: Path, environment: str | None, *, memory_bytes: int, threads: int
) -> list[str]:
    """Return the command that starts a query process of a lake."""
    found = [
        sys.executable, "-m", "lakeworks.server.query_worker", str(project),
        "--memory-bytes", str(memory_bytes), "--threads", str(threads),
    ]  # fmt: skip
    return [*found, "--env", environment] if environment else found


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve jobs until the input ends."""
    parser = argparse.ArgumentParser(description="A query process of a lake.")
    parser.add_argument("project", type=Path)
    parser.add_argument("--env", default=None)
    parser.add_argument("--memory-bytes", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    asked = parser.parse_args(arguments)
    os.nice(NICE)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    # Whatever a library prints must not be taken for a report.
    reports = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    from lakeworks.lake import Lake

    with Lake.open(
        asked.project,
        environment=asked.env,
        memory_limit=asked.memory_bytes,
        threads=asked.threads,
    ) as lake:
        lake.query.warm()
        _say(reports, Report("ready"))
        for line in sys.stdin:
            job = Job.from_line(line)
            _say(reports, _served(lake, job))
    return 0


def _end_with(service: int) -> None:
    """End this process when the service's has gone, whatever query it runs."""
    while os.getppid() == service:
        time.sleep(LOOK_S)
    os._exit(1)


def _say(reports: TextIO, report: Report) -> None:
    reports.write(report.to_line() + "\n")
    reports.flush()


def _served(lake: Lake, job: Job) -> Report:
    begin = time.monotonic()
    try:
        found = _answered(lake, job)
    except LakeError as error:
        return Report("failed", job.execution_id, error=told(error))
    except MemoryError:
        raise  # the process is beyond help: the service replaces it
    except Exception as error:  # noqa: BLE001 - a client must hear something
        reason = {
            "code": "LW816",
            "kind": type(error).__name__,
            "problem": "the query failed inside the service",
            "hint": "lake doctor looks for what is wrong with the lake",
        }
        return Report("failed", job.execution_id, error=reason)
    return replace(found, seconds=time.monotonic() - begin)


def _agree(lake: Lake, job: Job) -> None:
    """Ask for secrets anew where this process knows other policies than the service.

    It may know the salt of hashed values from before this was replaced, and what it answers is
    kept for whoever asks the same under the service's version.
    """
    secrets = lake.project.environment.secrets
    if secrets is None or not job.principal or not job.policy_version:
        return
    who = Principal.parse(job.principal)
    if lake.governance.authorizer().policy_version(who) != job.policy_version:
        secrets.forget()


def _answered(lake: Lake, job: Job) -> Report:
    _agree(lake, job)
    caller = Caller(job.principal, job.workgroup, job.execution_id, job.bytes_limit)
    with lake.query.sql(
        job.sql,
        at=moment_of(job.at),
        limit=job.limit,
        timeout_s=job.timeout_s,
        caller=caller,
        dialect=job.dialect,
    ) as result:
        rows = _written(result, Path(job.out))
        size_bytes = Path(job.out).stat().st_size
        if job.place:
            bring(Path(job.out), job.place, lake.project.environment.options)
        columns = tuple((field.name, str(field.type)) for field in result.schema)
        return Report(
            "succeeded",
            job.execution_id,
            rows=rows,
            result_bytes=size_bytes,
            scanned_bytes=result.scanned_bytes,
            columns=columns,
        )


def _written(result: QueryResult, out: Path) -> int:
    """Write a result beside its place, and put it there whole."""
    part = out.with_suffix(".part")
    try:
        rows = result.write("arrow", part)
        part.replace(out)
    except BaseException as error:
        with suppress(OSError):
            part.unlink()
        if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise DiskFullError.met("the result of the query does not fit") from error
        raise
    return rows


if __name__ == "__main__":
    sys.exit(main())
