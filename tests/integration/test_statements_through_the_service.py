"""Statements that write, through query processes, HTTP and the drivers; and killed processes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from lakeworks.client import SqlService, dbapi
from lakeworks.client.errors import ServiceError
from lakeworks.lake import Lake

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

POLICIES = """
roles: {analyst: [ana]}
grants:
  - {to: role:analyst, permissions: CREATE_TABLE, on: gold}
  - {to: role:analyst, permissions: SELECT, on: gold.numbers, rows: "n < 100"}
"""
LONG = "select a.n * 7 + b.n as n, sin(a.n) as s from gold.numbers a, gold.numbers b"
WORKGROUP = "workgroup: reusing\nreuse: 1 hour\n"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("served")
    for folder in ("policies", "workgroups"):
        (root / folder).mkdir()
    (root / "lake.yml").write_text("name: served\nenvironments:\n  dev: {storage: .lake}\n")
    (root / "policies/roles.yml").write_text(POLICIES)
    (root / "workgroups/reusing.yml").write_text(WORKGROUP)
    with Lake.open(root) as lake:
        lake.query.sql("create table gold.numbers as select range as n from range(7000)")
    return root


@pytest.fixture(scope="module")
def url(project: Path) -> Iterator[str]:
    pytest.importorskip("starlette", reason="the extra server is not installed")
    process = subprocess.Popen(
        [sys.executable, "-m", "lakeworks", "serve", "sql", "-C", str(project),
         "--port", "0", "--processes", "2"],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    told = process.stderr.readline()
    found = re.search(r"https?://\S+", told)
    assert found, told
    yield found[0]
    process.terminate()
    process.wait(60)
    process.stderr.close()


def token(project: Path, *words: str) -> str:
    made = subprocess.run(
        [sys.executable, "-m", "lakeworks", "token", "create", *words, "-C", str(project),
         "--json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return str(json.loads(made.stdout)["token"])


@pytest.fixture(scope="module")
def owner_token(project: Path) -> str:
    return token(project, "--owner")


@pytest.fixture(scope="module")
def ana_token(project: Path) -> str:
    return token(project, "ana", "--lasts", "1d")


@pytest.fixture(scope="module")
def owner(url: str, owner_token: str) -> SqlService:
    return SqlService(url, token=owner_token)


def listed(service: SqlService, sql: str, **more: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = service.query(sql, **more).to_pylist()
    return found


def test_a_statement_gives_one_row_through_every_door(
    project: Path, url: str, owner: SqlService, owner_token: str, ana_token: str
) -> None:
    assert listed(owner, "create table gold.a as select 1 as a") == [{"rows": 1}]
    with dbapi.connect(url, token=owner_token) as connection:
        cursor = connection.cursor()
        cursor.execute("insert into gold.a values (?), (?)", (2, 3))
        assert cursor.fetchall() == [(2,)]
    host = url.removeprefix("http://")
    engine = sa.create_engine(f"lakeworks://:{owner_token}@{host}/")
    with engine.connect() as connected:
        assert connected.execute(sa.text("delete from gold.a where a = 3")).scalar() == 1
    engine.dispose()
    done = subprocess.run(
        [sys.executable, "-m", "lakeworks", "query", "insert into gold.a values (4)", "--json",
         "-C", str(project)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == [{"rows": 1}]
    ana = SqlService(url, token=ana_token)
    assert listed(ana, "create table gold.hers as select * from gold.numbers") == [
        {"rows": 100}
    ]
    with pytest.raises(ServiceError, match=r"LW833|no table|may not"):
        ana.query("drop table gold.a")
    assert listed(ana, "drop table gold.hers") == [{"rows": 100}]
    assert listed(owner, "select count(*) as n from gold.a") == [{"n": 3}]


def test_a_statement_is_asked_each_time_anew(owner: SqlService) -> None:
    listed(owner, "create table gold.again as select 0 as a")
    for _ in range(3):
        listed(owner, "insert into gold.again values (1)", workgroup="reusing")
    assert listed(owner, "select count(*) as n from gold.again") == [{"n": 4}]


def of_project(project: Path) -> list[int]:
    found = subprocess.run(
        ["ps", "-wweo", "pid,args", "--no-headers"], capture_output=True, text=True, check=True
    ).stdout
    return [
        int(line.split()[0])
        for line in found.splitlines()
        if "lakeworks.server.query_worker" in line and str(project) in line
    ]


def under_way(service: SqlService, sql: str) -> str:
    """Start a statement and return when it has been running for a while."""
    started = service.start(sql)
    deadline = time.monotonic() + 60
    while service.get(started)["state"] == "queued" and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(1)
    assert service.get(started)["state"] == "running"
    return started


def test_a_query_process_that_is_killed_midway_leaves_nothing_to_see(
    project: Path, owner: SqlService
) -> None:
    started = under_way(owner, f"create table gold.big as {LONG}")
    for pid in of_project(project):
        os.kill(pid, signal.SIGKILL)
    with pytest.raises(ServiceError, match="process"):
        owner.wait(started)
    with pytest.raises(ServiceError, match="no table"):
        owner.query("select * from gold.big")
    short = "create table gold.big as select n from gold.numbers where n < 5"
    assert listed(owner, short) == [{"rows": 5}]
    assert listed(owner, "insert into gold.big values (9)") == [{"rows": 1}]


def test_a_statement_that_is_cancelled_leaves_nothing_to_see(owner: SqlService) -> None:
    listed(owner, "create table gold.kept as select 1::bigint as n, 0.5::double as s")
    started = under_way(owner, f"insert into gold.kept {LONG}")
    owner.cancel(started)
    with pytest.raises(ServiceError, match="cancelled"):
        owner.wait(started)
    assert listed(owner, "select count(*) as n from gold.kept") == [{"n": 1}]
    assert listed(owner, "insert into gold.kept values (2, 0)") == [{"rows": 1}]
