"""Results in folders and buckets, kept for as long as each workgroup says; accounts and alarms."""

from __future__ import annotations

import json
import os
import re
import stat
import urllib.error
import urllib.request
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from lakeworks.cli.main import main
from lakeworks.client import SqlService
from lakeworks.client.errors import ServiceError, ServiceUrlError
from lakeworks.core import events
from lakeworks.lake import Lake
from lakeworks.query.executions.errors import (
    ResultGoneError,
    UnknownExecutionError,
    WorkgroupRefusesError,
)
from lakeworks.query.executions.records import QueryRequest
from lakeworks.server.sql.serving import opened_executions
from lakeworks.storage.objects import ObjectStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lakeworks.query.executions.records import QueryExecution
    from lakeworks.query.executions.service import QueryExecutions

COUNT = "select count(*) as n from bronze.orders"
KEY = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
POLICIES = """roles: {analyst: [ana, bob]}
grants:
  - {to: role:analyst, permissions: SELECT, on: bronze.orders}
"""


@pytest.fixture
def project(tmp_path: Path, bucket: str, s3_options: dict[str, str]) -> Path:
    """A lake whose workgroups keep results in a folder, in a bucket, and where they usually are."""
    root = tmp_path / "lake"
    s3 = json.dumps({**s3_options, "sse": "aws:kms", "kms_key_id": KEY})
    files = {
        "lake.yml": f"name: small\nenvironments:\n  dev:\n    storage: .lake\n    s3: {s3}\n",
        "sources/orders.yml": "table: bronze.orders\npath: landing\n",
        "policies/people.yml": POLICIES,
        "workgroups/primary.yml": "reuse: 1 hour\n",
        "workgroups/folder.yml": "result_location: own/results\nretention: 1 hour\n",
        "workgroups/bucket.yml": (
            f"result_location: s3://{bucket}/results/here\nretention: 2 hours\nreuse: 1 hour\n"
        ),
        "workgroups/poor.yml": "budget: {usd_per_month: 0.0002, alarm_at: [50%, 20%]}\n",
        "landing/orders.json": "".join(f'{{"id": {n}}}\n' for n in range(1000)),
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    with Lake.open(root) as lake:
        assert lake.pipeline.run().status == "succeeded"
    return root


@pytest.fixture
def lake(project: Path) -> Iterator[Lake]:
    with Lake.open(project) as opened:
        yield opened


@pytest.fixture
def executions(lake: Lake) -> Iterator[QueryExecutions]:
    with opened_executions(lake, processes=1) as opened:
        yield opened


def run(executions: QueryExecutions, sql: str = COUNT, **more: Any) -> QueryExecution:
    started = executions.start(QueryRequest(sql, **more))
    return executions.wait(started, principal=more.get("principal", ""), timeout_s=60)


def rows(executions: QueryExecutions, done: QueryExecution) -> list[dict[str, Any]]:
    read = executions.result(done.execution_id, principal=done.principal)
    found: list[dict[str, Any]] = read.read_all().to_pylist()
    return found


def kept_in(project: Path, place: str, options: dict[str, str]) -> set[str]:
    if place.startswith("s3://"):
        return {one.path for one in ObjectStore.open(place, options).list()}
    folder = project / place
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def test_results_go_where_their_workgroup_says(
    executions: QueryExecutions, project: Path, bucket: str, s3_options: dict[str, str]
) -> None:
    places = {
        "primary": ".lake/query-results",
        "folder": "own/results",
        "bucket": f"s3://{bucket}/results/here",
    }
    for workgroup, place in places.items():
        done = run(executions, workgroup=workgroup)
        assert done.state == "succeeded", done.reason
        assert rows(executions, done) == [{"n": 1000}]
        assert kept_in(project, place, s3_options) == {f"{done.execution_id}.arrows"}
    for place in (".lake/query-results", "own/results"):
        assert stat.S_IMODE((project / place).stat().st_mode) == 0o700
    head = _head(bucket, s3_options)
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", KEY)
    again = run(executions, workgroup="bucket")
    assert again.reused
    assert rows(executions, again) == [{"n": 1000}]


def _head(bucket: str, options: dict[str, str]) -> dict[str, Any]:
    client = pytest.importorskip("botocore.session").Session().create_client(
        "s3", endpoint_url=options["endpoint"], region_name="us-east-1",
        aws_access_key_id=options["access_key_id"],
        aws_secret_access_key=options["secret_access_key"],
    )  # fmt: skip
    (one,) = client.list_objects_v2(Bucket=bucket)["Contents"]
    found: dict[str, Any] = client.head_object(Bucket=bucket, Key=one["Key"])
    return found


def test_each_workgroup_keeps_results_for_its_own_time(
    executions: QueryExecutions, project: Path, bucket: str, s3_options: dict[str, str]
) -> None:
    done = {name: run(executions, workgroup=name) for name in ("primary", "folder", "bucket")}
    reused = run(executions, workgroup="bucket")
    assert executions.prune() == 0
    _age(executions, timedelta(minutes=90))
    assert executions.prune() == 1
    with pytest.raises(ResultGoneError):
        executions.result(done["folder"].execution_id)
    assert rows(executions, done["bucket"]) == [{"n": 1000}]
    assert kept_in(project, "own/results", {}) == set()
    _age(executions, timedelta(hours=1))
    assert executions.prune() == 1
    for one in (done["bucket"], reused):
        with pytest.raises(ResultGoneError):
            executions.result(one.execution_id)
    assert kept_in(project, f"s3://{bucket}/results/here", s3_options) == set()
    assert rows(executions, done["primary"]) == [{"n": 1000}]
    # The execution itself is known for longer, and asked anew it is run anew.
    assert executions.get(done["folder"].execution_id).state == "succeeded"
    assert not run(executions, workgroup="bucket").reused


def _age(executions: QueryExecutions, by: timedelta) -> None:
    """Let all that the catalog knows of have happened so much earlier."""
    us = int(by.total_seconds() * 1_000_000)
    with executions._records._database.writing() as session:
        session.run(
            "UPDATE query_executions SET submitted_us = submitted_us - :us, "
            "completed_us = completed_us - :us",
            us=us,
        )


def test_what_nobody_knows_of_is_swept_away_when_it_is_old(
    executions: QueryExecutions, project: Path
) -> None:
    run(executions)
    folder = project / ".lake" / "query-results"
    for name in ("a" * 32 + ".part", "b" * 32 + ".arrows", "of-someone-else.txt"):
        (folder / name).write_text("x")
        os.utime(folder / name, (1, 1))
    assert executions.prune() == 2
    assert "of-someone-else.txt" in kept_in(project, ".lake/query-results", {})


def test_nobody_but_who_asked_reads_a_result(executions: QueryExecutions) -> None:
    for workgroup in ("primary", "bucket"):
        done = run(executions, workgroup=workgroup, principal="user:ana")
        assert rows(executions, done) == [{"n": 1000}]
        for other in ("user:bob", ""):
            with pytest.raises(UnknownExecutionError):
                executions.result(done.execution_id, principal=other)
        # A principal's equal question is its own.
        assert not run(executions, workgroup=workgroup, principal="user:bob").reused


def test_results_and_executions_are_there_for_the_next_service(
    lake: Lake, project: Path
) -> None:
    with opened_executions(lake, processes=1) as first:
        done = run(first, workgroup="bucket", principal="user:ana")
    # A later workgroup file names another place: what is kept stays where it is.
    (project / "workgroups" / "bucket.yml").write_text(
        "result_location: elsewhere\nreuse: 1 hour\n"
    )
    with Lake.open(project) as later, opened_executions(later, processes=1) as second:
        assert second.get(done.execution_id, principal="user:ana") == done
        assert rows(second, done) == [{"n": 1000}]
        with pytest.raises(UnknownExecutionError):
            second.get(done.execution_id, principal="user:bob")
        assert [one.execution_id for one in second.recent(principal="user:ana")] == [
            done.execution_id
        ]
        assert run(second, workgroup="bucket", principal="user:ana").reused


def test_a_budgets_alarms_are_raised_once_and_listed(
    lake: Lake, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    heard: list[dict[str, Any]] = []
    ids = iter(range(100))

    def ask(service: QueryExecutions) -> None:
        sql = f"select count(*) as n from bronze.orders where id <> {next(ids)}"
        assert run(service, sql, workgroup="poor").state == "succeeded"

    with events.listening(lambda e: heard.append(e.data) if "budget" in e.name else None):
        with opened_executions(lake, processes=1) as service:
            ask(service)  # 0.00005 of 0.0002 US dollars
            ask(service)
        with opened_executions(lake, processes=1) as service:
            ask(service)
            ask(service)
            with pytest.raises(WorkgroupRefusesError, match="has spent its"):
                ask(service)
    assert [(one["alarm"], one["state"]) for one in heard] == [
        (0.2, "alarm"), (0.5, "alarm"), (1.0, "spent"),
    ]  # fmt: skip
    assert main(["workgroups", "show", "poor", "-C", str(project), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["share"] for one in found["alarms"]] == [1.0, 0.5, 0.2]
    assert found["budget"]["state"] == "spent"
    assert found["cost_usd"] == pytest.approx(0.0002)
    assert found["used"]["month"]["queries"] == 4
    assert found["used"]["month"]["seconds"] > 0
    assert main(["workgroups", "show", "poor", "-C", str(project)]) == 0
    told = capsys.readouterr().out
    assert "20 % of $0.0002" in told
    assert main(["workgroups", "list", "-C", str(project), "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [one["workgroup"] for one in listed] == ["bucket", "folder", "poor", "primary"]
    assert main(["workgroups", "list", "-C", str(project)]) == 0
    assert "100 % of $0.0002 (spent)" in capsys.readouterr().out
    assert main(["workgroups", "queries", "poor", "-C", str(project), "--json"]) == 0
    asked = json.loads(capsys.readouterr().out)
    assert len(asked) == 4
    assert {(one["state"], one["cost_usd"]) for one in asked} == {("succeeded", 0.00005)}
    assert all(one["seconds"] > 0 for one in asked)
    assert main(["workgroups", "queries", "-C", str(project)]) == 0
    assert "$0.00005" in capsys.readouterr().out
    assert main(["workgroups", "show", "por", "-C", str(project)]) == 2


@pytest.fixture
def served(project: Path) -> Iterator[tuple[Lake, str, dict[str, str]]]:
    """The application under a real server in this process, and tokens for it."""
    uvicorn = pytest.importorskip("uvicorn", reason="the extra server is not installed")
    import threading
    import time

    from lakeworks.server.sql.application import application

    with Lake.open(project) as lake, opened_executions(lake, processes=1) as executions:
        tokens = {
            name: lake.catalog.access_tokens.create(name)[1]
            for name in ("", "user:ana", "user:bob", "user:prometheus")
        }
        app = application(lake, executions, metrics_for=frozenset(["user:prometheus"]))
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            time.sleep(0.05)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield lake, f"http://127.0.0.1:{port}", tokens
        server.should_exit = True
        thread.join(60)


def scraped(url: str, token: str) -> str:
    request = urllib.request.Request(
        f"{url}/v1/metrics", headers={"authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        return str(answer.read().decode())


def test_results_of_a_bucket_stream_to_their_owner_alone(
    served: tuple[Lake, str, dict[str, str]],
) -> None:
    _, url, tokens = served
    ana = SqlService(url, token=tokens["user:ana"], workgroup="bucket")
    execution = ana.start("select id from bronze.orders order by id")
    ana.wait(execution)
    assert ana.result(execution).column("id").to_pylist() == list(range(1000))
    for name in ("user:bob", ""):
        with pytest.raises(ServiceError, match="there is no query execution"):
            SqlService(url, token=tokens[name]).result(execution)


def test_metrics_are_in_prometheus_format_and_for_whom_they_are_meant(
    served: tuple[Lake, str, dict[str, str]],
) -> None:
    _, url, tokens = served
    ana = SqlService(url, token=tokens["user:ana"])
    for _ in range(2):
        ana.query(COUNT)
    with pytest.raises(ServiceError):
        ana.query("select cast('x' as int) as n from bronze.orders")
    text = scraped(url, tokens[""])
    assert scraped(url, tokens["user:prometheus"]) == text
    sample = re.compile(
        r'lakeworks_[a-z_]+\{workgroup="[a-z]+"(,quantile="0\.\d+")?\} [-+.\de]+'
    )
    told = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert all(sample.fullmatch(f"{name} {value}") for name, value in told.items())
    described = set(re.findall(r"# TYPE (\S+) (?:counter|gauge|summary)", text))
    assert {re.sub(r"(_count|_sum)?\{.*", "", name) for name in told} <= described
    primary = '{workgroup="primary"}'
    assert float(told[f"lakeworks_queries_total{primary}"]) == 3
    assert float(told[f"lakeworks_queries_failed_total{primary}"]) == 1
    assert float(told[f"lakeworks_queries_reused_total{primary}"]) == 1
    assert float(told[f"lakeworks_cost_usd_total{primary}"]) == pytest.approx(0.00005)
    assert float(told['lakeworks_run_seconds{workgroup="primary",quantile="0.95"}']) > 0
    for token in (tokens["user:bob"], "lw_nothing", ""):
        with pytest.raises(urllib.error.HTTPError) as refused:
            scraped(url, token)
        with refused.value as answer:
            assert answer.code == (403 if token == tokens["user:bob"] else 401)


def test_the_account_of_a_workgroup_says_how_long_queries_take(
    served: tuple[Lake, str, dict[str, str]],
) -> None:
    _, url, tokens = served
    ana = SqlService(url, token=tokens["user:ana"])
    done = ana.wait(ana.start(COUNT))
    assert done["seconds"] > 0
    assert done["cost_usd"] > 0
    (primary,) = [one for one in ana.workgroups() if one["workgroup"] == "primary"]
    assert primary["lately"]["queries"] == 1
    assert primary["lately"]["seconds"]["p50"] == pytest.approx(done["seconds"])
    assert primary["used"]["hour"]["queries"] == 1


def test_a_token_is_not_sent_in_the_open() -> None:
    for url in ("http://192.0.2.1:8765", "http://lake.example.com"):
        with pytest.raises(ServiceUrlError, match="would show the token"):
            SqlService(url, token="lw_x")
        SqlService(url)  # without a token there is nothing to hide
        SqlService(url, token="lw_x", allow_http=True)
    for url in ("http://127.0.0.1:1", "http://[::1]:1", "http://localhost:1", "https://a.b"):
        SqlService(url, token="lw_x")
    with pytest.raises(ServiceUrlError, match="cannot be used"):
        SqlService("https://a.b", token="lw_x", ca="/no/such/file.pem")
