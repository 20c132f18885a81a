"""The SQL service over real HTTP: clients by Arrow, DB-API and SQLAlchemy, each under its policy."""

from __future__ import annotations

import json
import re
import resource
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
import sqlalchemy as sa

from lakeworks.client import SqlService, dbapi
from lakeworks.client.errors import ServiceError, ServiceUnreachableError, ServiceUrlError
from lakeworks.lake import Lake

if TYPE_CHECKING:
    from collections.abc import Iterator

POLICIES = """
roles: {analyst: [ana], nobody: [nora], lead: [lea]}
grants:
  - {to: lea, permissions: SELECT, on: silver.sales, columns: [region, day], grant_option: true}
  - to: role:analyst
    permissions: SELECT
    on: silver.sales
    except: [margin]
    rows: "region = 'EU'"
"""
MODEL = """/*
load: replace
*/
select region, day::date as day, amount::decimal(10, 2) as amount, margin from bronze.sales
order by day
"""
WORKGROUP = (
    "workgroup: small\nbytes_scanned_per_query: 100B\nprincipals: [ana]\nreuse: 1 hour\n"
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("served")
    files = {
        "lake.yml": "name: served\nenvironments:\n  dev: {storage: .lake}\n",
        "sources/sales.yml": "table: bronze.sales\npath: landing\n",
        "models/silver/sales.sql": MODEL,
        "policies/roles.yml": POLICIES,
        "workgroups/small.yml": WORKGROUP,
        "workgroups/trino.yml": "dialect: athena\nreuse: 1 hour\n",
        "landing/sales.json": "".join(
            json.dumps({
                "region": ("EU", "US")[n % 2], "day": f"2026-01-{n + 1:02}",
                "amount": f"{n}.50", "margin": n,
            }) + "\n"
            for n in range(20)
        ),
    }  # fmt: skip
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    with Lake.open(root) as lake:
        assert lake.pipeline.run().status == "succeeded"
    return root


FILES = 200


class Running:
    """A service in a process of its own that begins with few open files, and tokens for it."""

    def __init__(self, project: Path, *options: str) -> None:
        self.project = project
        self.process = subprocess.Popen(
            ["sh", "-c", f'ulimit -Sn {FILES}; exec "$@"', "sh",
             sys.executable, "-m", "lakeworks", "serve", "sql", "-C", str(project),
             "--port", "0", "--processes", "2", *options],
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stderr is not None
        told = self.process.stderr.readline()
        found = re.search(r"https?://\S+", told)
        assert found, told + self.process.stderr.read()
        self.url = found[0]

    def token(self, *words: str) -> str:
        made = subprocess.run(
            [sys.executable, "-m", "lakeworks", "token", "create", *words, "-C",
             str(self.project), "--json"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return str(json.loads(made.stdout)["token"])

    def stop(self) -> int:
        self.process.terminate()
        code = self.process.wait(60)
        assert self.process.stderr is not None
        self.process.stderr.close()
        return code


@pytest.fixture(scope="module")
def running(project: Path) -> Iterator[Running]:
    pytest.importorskip("starlette", reason="the extra server is not installed")
    found = Running(project)
    yield found
    found.stop()


@pytest.fixture(scope="module")
def owner(running: Running) -> SqlService:
    return SqlService(running.url, token=running.token("--owner"))


@pytest.fixture(scope="module")
def ana_token(running: Running) -> str:
    return running.token("ana", "--lasts", "1d")


@pytest.fixture(scope="module")
def ana(running: Running, ana_token: str) -> SqlService:
    return SqlService(running.url, token=ana_token)


def test_each_client_sees_what_its_principal_may(owner: SqlService, ana: SqlService) -> None:
    count = "select count(*) as n from silver.sales"
    assert owner.query(count).to_pylist() == [{"n": 20}]
    assert ana.query(count).to_pylist() == [{"n": 10}]
    assert owner.tables() == ["bronze.sales", "silver.sales"]
    assert ana.tables() == ["silver.sales"]
    assert ana.columns("silver.sales") == [
        ("region", "string"), ("day", "date"), ("amount", "decimal(10,2)"),
    ]  # fmt: skip
    with pytest.raises(ServiceError, match=r"bronze\.sales") as hidden:
        ana.query("select * from bronze.sales")
    with pytest.raises(ServiceError) as absent:
        ana.query("select * from bronze.salez")
    said, other = str(hidden.value), str(absent.value)
    assert said == other.replace("salez", "sales")
    with pytest.raises(ServiceError, match="margin"):
        ana.query("select margin from silver.sales")


def test_a_query_is_somebodys_and_nobody_elses(owner: SqlService, ana: SqlService) -> None:
    execution = owner.start("select 1 as one")
    owner.wait(execution)
    for call in (ana.get, ana.cancel, ana.result):
        with pytest.raises(ServiceError, match="there is no query execution"):
            call(execution)
    assert execution not in [one["execution_id"] for one in ana.recent()]


def test_workgroups_bind_clients(ana: SqlService, ana_token: str, running: Running) -> None:
    small = SqlService(running.url, token=ana_token, workgroup="small")
    with pytest.raises(ServiceError, match="may scan 100"):
        small.query("select max(amount) from silver.sales")
    assert [one["workgroup"] for one in ana.workgroups()] == [
        "primary", "small", "trino",
    ]  # fmt: skip
    nora = SqlService(running.url, token=running.token("nora"), workgroup="small")
    with pytest.raises(ServiceError, match="no workgroup 'small'"):
        nora.query("select 1")


def test_the_dialect_is_the_clients_or_the_workgroups(
    ana: SqlService, ana_token: str, running: Running
) -> None:
    half = "select 7 / 2 as half"
    assert ana.query(half).to_pylist() == [{"half": 3.5}]
    assert ana.query(half, dialect="athena").to_pylist() == [{"half": 3}]
    trino = SqlService(running.url, token=ana_token, workgroup="trino")
    assert trino.query(half).to_pylist() == [{"half": 3}]
    # The same text is another question in another dialect: no result is reused for it.
    assert trino.query(half, dialect="duckdb").to_pylist() == [{"half": 3.5}]
    assert trino.get(trino.start(half))["reused"]
    with pytest.raises(ServiceError, match="soundex does not work here"):
        trino.query("select soundex(region) from silver.sales")
    with pytest.raises(ServiceError, match="is not a dialect"):
        trino.query("select 1", dialect="oracle")
    with dbapi.connect(running.url, token=ana_token, dialect="athena") as connection:
        cursor = connection.cursor()
        cursor.execute("select element_at(split(region, 'U'), ?) from silver.sales", [-1])
        assert cursor.fetchone() == ("",)
    host = running.url.removeprefix("http://")
    engine = sa.create_engine(f"lakeworks://:{ana_token}@{host}/primary?dialect=athena")
    with engine.connect() as connected:
        assert connected.execute(sa.text(half)).scalar() == 3
    engine.dispose()


def test_prepared_statements_belong_to_a_workgroup(
    owner: SqlService, ana: SqlService, ana_token: str, running: Running
) -> None:
    owner.query("prepare total from select sum(amount) as s from silver.sales where day > ?")
    whole = owner.query("execute total using date '2026-01-01'").to_pylist()
    assert ana.query("execute total using date '2026-01-01'").to_pylist() != whole
    small = SqlService(running.url, token=ana_token, workgroup="small")
    with pytest.raises(ServiceError, match="no prepared statement"):
        small.query("execute total using date '2026-01-01'")
    with pytest.raises(ServiceError, match="another principal's"):
        ana.query("deallocate prepare total")
    owner.query("deallocate prepare total")


def test_what_another_prepared_is_judged_in_a_query_process(
    owner: SqlService, ana: SqlService, running: Running
) -> None:
    lea = SqlService(running.url, token=running.token("lea"))
    # To bind it makes a gigabyte: in the service's own process it would be everybody's.
    ana.query(
        "prepare large from select * from range(length(repeat('x', 1000000000))) where 1 = 2"
    )
    ana.query("prepare hidden from select amount from silver.sales")
    for statement in ("execute large", "execute hidden", "execute nothing"):
        # All are taken alike: what is known of a name is not told by when it is refused.
        lea.cancel(lea.start(statement))
        lea.cancel(lea.start(statement.replace("execute", "deallocate prepare")))
    with pytest.raises(ServiceError, match="no prepared statement 'hidden'"):
        lea.query("execute hidden")
    status = (Path("/proc") / str(running.process.pid) / "status").read_text()
    assert int(status.split("VmHWM:")[1].split()[0]) < 1_000_000  # KiB, at most so far
    assert ana.query("execute hidden").num_rows == 10
    for name in ("large", "hidden"):
        owner.query(f"deallocate prepare {name}")


def test_names_are_told_as_far_as_they_may_be_known(owner: SqlService, ana: SqlService) -> None:
    assert owner.query("show tables in bronze").to_pylist() == [{"tab_name": "sales"}]
    assert ana.query("show tables in bronze").num_rows == 0
    assert ana.query("show columns in silver.sales")["column"].to_pylist() == [
        "region", "day", "amount",
    ]  # fmt: skip


def test_without_a_valid_token_nothing_is_said(running: Running, project: Path) -> None:
    revoked = running.token("ana", "--description", "soon gone")
    with Lake.open(project) as lake:
        lake.catalog.access_tokens.revoke(revoked.split("_")[1])
    bad = ["", "lw_x", revoked, revoked[:-1] + ("A" if revoked[-1] != "A" else "B")]
    for token in bad:
        with pytest.raises(ServiceError, match="valid token"):
            SqlService(running.url, token=token).query("select 1")
    with urllib.request.urlopen(f"{running.url}/v1/health") as answer:
        assert json.loads(answer.read()) == {"status": "up"}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "said"),
    [
        ("GET", "/nowhere", None, 404, "has no GET /nowhere"),
        ("PUT", "/v1/queries", b"{}", 405, "has no PUT"),
        ("POST", "/v1/queries", b"{", 400, "not JSON"),
        ("POST", "/v1/queries", b"[]", 400, '"sql"'),
        ("POST", "/v1/queries", b'{"sql": 1}', 400, '"sql"'),
        ("POST", "/v1/queries", b'{"sql": "select 1", "limit": true}', 400, "wrong type"),
        ("POST", "/v1/queries", b'{"sql": "select 1", "as": "x"}', 400, "not known"),
        ("POST", "/v1/queries", b'{"sql": "selec"}', 400, "syntax error"),
        ("POST", "/v1/queries", b'{"sql": "drop table x"}', 400, "with its database"),
        ("POST", "/v1/queries", b'{"sql": "select 1", "at": "yesterday"}', 400, "moment"),
        ("POST", "/v1/queries", b'{"sql": "select 1", "limit": -1}', 400, "out of range"),
        ("POST", "/v1/queries", b'{"sql": "select 1", "timeout_s": NaN}', 400, "not JSON"),
        (
            "POST",
            "/v1/queries",
            b'{"sql": "select 1", "timeout_s": 1e999}',
            400,
            "out of range",
        ),
        ("POST", "/v1/queries", b'{"sql": "\\ud800"}', 400, "surrogate"),
        (
            "POST",
            "/v1/queries",
            b'{"sql": "select ?", "parameters": %s}' % (b"[" * 900 + b"]" * 900),
            400,
            "nested too deep",
        ),
        ("POST", "/v1/queries", b'{"sql": "select %s"}' % (b"1," * 600_000), 400, "characters"),
        ("POST", "/v1/queries", b" " * 5_000_000, 400, "bytes"),
        ("GET", "/v1/queries/x?wait_s=nan", None, 400, "seconds"),
        ("GET", "/v1/queries/..%2f..%2fetc", None, 404, ""),
        ("GET", "/v1/queries/x?wait_s=soon", None, 400, "seconds"),
        ("GET", "/v1/tables/no", None, 400, "database.table"),
    ],
)
def test_wrong_requests_are_told(
    running: Running, owner: SqlService, method: str, path: str, body: bytes | None,
    status: int, said: str,
) -> None:  # fmt: skip
    request = urllib.request.Request(running.url + path, data=body, method=method)
    request.add_header("authorization", f"Bearer {owner._token}")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    with caught.value as answer:
        assert answer.code == status
        assert said in json.loads(answer.read())["error"]["problem"]


def test_the_db_api_follows_pep_249(running: Running, ana_token: str) -> None:
    with dbapi.connect(running.url, token=ana_token) as connection:
        cursor = connection.cursor()
        cursor.execute("select day, amount from silver.sales where amount > ? order by 1", (9,))
        assert cursor.description is not None
        assert [one[0] for one in cursor.description] == ["day", "amount"]
        assert cursor.description[0][1] == dbapi.DATETIME
        assert cursor.description[1][1] == dbapi.NUMBER
        assert cursor.rowcount == 5
        assert cursor.fetchone() == (date(2026, 1, 11), Decimal("10.50"))
        assert len(cursor.fetchmany(2)) == 2
        assert len(list(cursor)) == 2
        assert cursor.fetchone() is None
        for sql, kind in (
            ("selec", dbapi.ProgrammingError),
            ("select * from silver.salez", dbapi.ProgrammingError),
            ("select cast(region as int) from silver.sales", dbapi.DataError),
        ):
            with pytest.raises(kind):
                cursor.execute(sql)
        injected = "x' or '1'='1"
        cursor.execute("select count(*) from silver.sales where region = ?", (injected,))
        assert cursor.fetchall() == [(0,)]
        typed = (
            date(2026, 1, 2), dbapi.Timestamp(2026, 1, 2, 3, 4, 5, 6),
            dbapi.Time(1, 2, 3), Decimal("1.50"),
            dbapi.Binary(b"\x00\xff'"), None, [1, 2], {"x": date(2026, 1, 2)},
        )  # fmt: skip
        cursor.execute(f"select {', '.join('?' for _ in typed)}", typed)
        assert cursor.fetchall() == [typed]
        with pytest.raises(dbapi.InterfaceError, match="type object"):
            cursor.execute("select ?", (object(),))
        with pytest.raises(dbapi.ProgrammingError, match="no value of ::date"):
            cursor.execute("select ?", ({"::date": "tomorrow"},))
        cursor.execute("select * from range(2500)")
        assert (cursor.fetchmany(), next(cursor), cursor.fetchone()) == ([(0,)], (1,), (2,))
        assert [row[0] for row in cursor] == list(range(3, 2500))
    with pytest.raises(dbapi.InterfaceError):
        cursor.fetchall()


def test_the_db_api_has_all_that_pep_249_asks_for() -> None:
    assert (dbapi.apilevel, dbapi.threadsafety, dbapi.paramstyle) == ("2.0", 2, "qmark")
    base = {"Warning": Exception, "Error": Exception, "InterfaceError": dbapi.Error,
            "DatabaseError": dbapi.Error} | dict.fromkeys(
        ("DataError", "OperationalError", "IntegrityError", "InternalError", "ProgrammingError",
         "NotSupportedError"), dbapi.DatabaseError)  # fmt: skip
    for name, parent in base.items():
        assert issubclass(getattr(dbapi, name), parent)
        assert getattr(dbapi.Connection, name) is getattr(dbapi, name)
    assert {type(dbapi.DateFromTicks(0)), type(dbapi.TimestampFromTicks(0))} == {date, datetime}
    assert type(dbapi.TimeFromTicks(0)) is dbapi.Time
    cursor = dbapi.connect("http://127.0.0.1:1").cursor()
    assert (cursor.arraysize, cursor.rowcount, cursor.description) == (1, -1, None)
    with pytest.raises(dbapi.ProgrammingError):
        cursor.fetchone()


def test_the_db_api_counts_what_statements_write(running: Running, owner: SqlService) -> None:
    with dbapi.connect(running.url, token=owner._token) as connection:
        cursor = connection.cursor()
        cursor.execute("create table gold.counted as select 1 as a, 'x' as b")
        cursor.executemany("insert into gold.counted values (?, ?)", [(2, "y"), (3, "it's")])
        assert cursor.rowcount == 2
        cursor.execute("/* some */ delete from gold.counted where a < ?", (3,))
        assert cursor.rowcount == 2
        cursor.execute("select a, b from gold.counted")
        assert (cursor.rowcount, cursor.fetchall()) == (1, [(3, "it's")])
        cursor.execute("drop table gold.counted")
        cursor.execute("GRANT SELECT ON silver.sales TO USER someone")
        with pytest.raises(dbapi.ProgrammingError):
            cursor.fetchall()
        cursor.execute("REVOKE SELECT ON silver.sales FROM USER someone")


def test_sqlalchemy_reads_and_reflects(running: Running, ana_token: str) -> None:
    host = running.url.removeprefix("http://")
    engine = sa.create_engine(f"lakeworks://:{ana_token}@{host}/primary")
    with engine.connect() as connection:
        inspector = sa.inspect(connection)
        assert inspector.get_schema_names() == ["silver"]
        assert inspector.get_table_names(schema="silver") == ["sales"]
        sales = sa.Table("sales", sa.MetaData(), schema="silver", autoload_with=connection)
        assert [column.name for column in sales.columns] == ["region", "day", "amount"]
        asked = (
            sa.select(sales.c.region, sa.func.sum(sales.c.amount).label("total"))
            .where(sales.c.amount > Decimal("2.5"))
            .group_by(sales.c.region)
        )
        assert connection.execute(asked).all() == [("EU", Decimal("92.00"))]
        assert len(pd.read_sql_table("sales", connection, schema="silver")) == 10
        limited = sa.select(sales.c.day).order_by(sales.c.day).limit(2)
        assert len(connection.execute(limited).all()) == 2
    engine.dispose()


def test_sqlalchemy_tells_views_from_tables_and_leaves_nested_values_alone(
    running: Running, owner: SqlService
) -> None:
    host = running.url.removeprefix("http://")
    engine = sa.create_engine(f"lakeworks://:{owner._token}@{host}/primary")
    with engine.connect() as connection:
        nested = "select {'a': 1} as s, [1, 2] as l, date '2026-01-02' as d"
        connection.exec_driver_sql(f"create table gold.nested as {nested}")
        connection.exec_driver_sql("create view gold.seen as select d from gold.nested")
        inspector = sa.inspect(connection)
        assert inspector.get_table_names(schema="gold") == ["nested"]
        assert inspector.get_view_names(schema="gold") == ["seen"]
        assert "select d from gold.nested" in inspector.get_view_definition(
            "seen", schema="gold"
        )
        assert inspector.has_table("seen", schema="gold")
        assert not inspector.has_table("unseen", schema="gold")
        table = sa.Table("nested", sa.MetaData(), schema="gold", autoload_with=connection)
        day = sa.select(table).where(table.c.d == date(2026, 1, 2))
        assert connection.execute(day).all() == [({"a": 1}, [1, 2], date(2026, 1, 2))]
        assert pd.read_sql_table("nested", connection, schema="gold").shape == (1, 3)
        connection.exec_driver_sql("drop view gold.seen")
        connection.exec_driver_sql("drop table gold.nested")
    engine.dispose()


def test_a_long_query_can_be_cancelled_by_its_client(ana: SqlService) -> None:
    execution = ana.start("select count(*) as n from range(100000000000) t(a)")
    assert ana.cancel(execution)["state"] == "cancelled"
    with pytest.raises(ServiceError, match="cancelled"):
        ana.wait(execution)


def test_who_waits_for_many_queries_keeps_nobody_else_from_an_answer(
    ana: SqlService, ana_token: str, owner: SqlService, running: Running
) -> None:
    execution = ana.start("select count(*) as n from range(100000000000) t(a)")
    awaited = f"GET /v1/queries/{execution}?wait_s=60 HTTP/1.1\r\nHost: lake\r\n"
    host, port = running.url.removeprefix("http://").split(":")
    waiting = [socket.create_connection((host, int(port))) for _ in range(60)]
    for one in waiting:
        one.sendall(f"{awaited}Authorization: Bearer {ana_token}\r\n\r\n".encode())
    for _ in range(5):
        assert owner.tables() == ["bronze.sales", "silver.sales"]
    assert ana.get(execution)["state"] != "succeeded"
    assert ana.cancel(execution)["state"] == "cancelled"
    for one in waiting:
        assert one.recv(12) == b"HTTP/1.1 200"
        one.close()


def test_nobody_without_a_token_has_a_body_read(running: Running) -> None:
    host, port = running.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as client:
        client.sendall(
            b"POST /v1/queries HTTP/1.1\r\nHost: lake\r\nContent-Length: 9999999\r\n\r\n"
        )
        assert client.recv(12) == b"HTTP/1.1 401"


def test_the_service_holds_as_many_connections_as_the_system_lets_it(running: Running) -> None:
    files, most = resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE)
    assert files == min(65_536, most) > FILES


def test_two_hundred_clients_at_once_are_all_answered(
    ana: SqlService, owner: SqlService
) -> None:
    wrong: list[Any] = []

    def client(number: int) -> None:
        service, rows = ((ana, 10), (owner, 20))[number % 2]
        sql = f"select count(*) as n from silver.sales where amount > -{number + 1}"
        found = service.query(sql).to_pylist()
        if found != [{"n": rows}]:
            wrong.append(found)

    threads = [threading.Thread(target=client, args=(n,)) for n in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(240)
    assert not wrong


def test_grants_count_for_the_very_next_query(
    ana: SqlService, project: Path, owner: SqlService
) -> None:
    with pytest.raises(ServiceError):
        ana.query("select count(*) as n from bronze.sales")
    with Lake.open(project) as lake:
        lake.governance.grant("role:analyst", "SELECT", "bronze.sales")
        assert ana.query("select count(*) as n from bronze.sales").to_pylist() == [{"n": 20}]
        lake.governance.revoke("role:analyst", "SELECT", "bronze.sales")
    with pytest.raises(ServiceError):
        ana.query("select count(*) as n from bronze.sales")
    assert owner.query("select count(*) as n from bronze.sales").to_pylist() == [{"n": 20}]


def test_grants_are_given_in_sql_by_those_who_may_and_audited(
    running: Running, project: Path, ana: SqlService
) -> None:
    lea = SqlService(running.url, token=running.token("lea"))
    nora = SqlService(running.url, token=running.token("nora"))
    with pytest.raises(ServiceError, match=r"silver\.sales"):
        nora.query("select region from silver.sales")
    done = lea.query("GRANT SELECT (region) ON silver.sales TO ROLE nobody")
    assert (done.num_rows, done.num_columns) == (0, 0)
    assert nora.query("select count(region) as n from silver.sales").to_pylist() == [{"n": 20}]
    for sql in (
        "GRANT SELECT (margin) ON silver.sales TO ROLE nobody",
        "GRANT SELECT (no_such) ON silver.sales TO ROLE nobody",
        "GRANT SELECT ON bronze.sales TO ana",
        "GRANT SELECT ON bronze.no_such TO ana",
        "revoke select on silver.sales from role analyst",
    ):
        with pytest.raises(ServiceError, match="lea may not grant") as caught:
            lea.query(sql)
        assert caught.value.told["code"] == "LW556"
    with pytest.raises(ServiceError, match="ana may not grant") as unknown:
        ana.query("GRANT SELECT (no_such) ON silver.sales TO ROLE no_such")
    assert "did you mean" not in str(unknown.value)
    with pytest.raises(ServiceError, match="at character 14"):
        lea.query("GRANT SELECT silver.sales")
    lea.query("REVOKE SELECT (region) ON silver.sales FROM ROLE nobody")
    with pytest.raises(ServiceError):
        nora.query("select region from silver.sales")
    with Lake.open(project) as lake:
        mine = lake.governance.audit_entries(principal="user:lea")
        assert {"grant", "revoke", "denial"} <= {one.kind for one in mine}
        assert lake.governance.verify_audit().sound
    with dbapi.connect(running.url, token=lea._token) as connection:
        cursor = connection.cursor()
        cursor.execute("GRANT SELECT (day) ON silver.sales TO ROLE nobody")
        assert cursor.description is None
        cursor.execute("REVOKE SELECT (day) ON silver.sales FROM ROLE nobody")


def test_what_is_refused_at_first_sight_is_in_history_and_audit(
    ana: SqlService, project: Path
) -> None:
    asked = "select 4711 from bronze.sales"
    with pytest.raises(ServiceError):
        ana.query(asked)
    with Lake.open(project) as lake:
        denials = lake.governance.audit_entries(principal="user:ana", kind="denial")
        assert asked in [one.body.get("sql") for one in denials]
        until = time.monotonic() + 20
        found: list[str] = []
        while not found and time.monotonic() < until:  # the history is written beside the work
            recent = lake.catalog.query_history.recent(20)
            found = [one.principal for one in recent if one.sql == asked]
        assert found == ["user:ana"]


def test_the_service_ends_cleanly_and_says_where_it_is_not(project: Path) -> None:
    found = Running(project)
    pids = subprocess.run(
        ["pgrep", "-P", str(found.process.pid)], capture_output=True, text=True, check=False
    ).stdout.split()
    assert found.stop() in {0, 130}
    assert pids
    for pid in pids:
        alive = subprocess.run(["kill", "-0", pid], capture_output=True, check=False)
        assert alive.returncode != 0
    with pytest.raises(ServiceUnreachableError):
        SqlService(found.url).query("select 1")
    with pytest.raises(ServiceUrlError):
        SqlService("file:///etc/passwd")


def test_beyond_this_machine_it_takes_tls(project: Path) -> None:
    refused = subprocess.run(
        [sys.executable, "-m", "lakeworks", "serve", "sql", "-C", str(project), "--host",
         "0.0.0.0"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert refused.returncode == 2
    assert "without TLS" in refused.stderr


@pytest.fixture
def certified(tmp_path: Path) -> tuple[Path, Path, Path]:
    """An authority of the tests' own, and a certificate and key that it made for 127.0.0.1."""
    authority, authority_key = tmp_path / "authority.pem", tmp_path / "authority.key"
    certificate, key, request = (tmp_path / f"service.{kind}" for kind in ("pem", "key", "csr"))
    names = tmp_path / "names"
    names.write_text("subjectAltName=IP:127.0.0.1\n")
    for words in (
        ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(authority_key),
         "-out", str(authority), "-days", "2", "-subj", "/CN=Authority of the tests"],
        ["req", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(request),
         "-subj", "/CN=service"],
        ["x509", "-req", "-in", str(request), "-CA", str(authority), "-CAkey",
         str(authority_key), "-CAcreateserial", "-out", str(certificate), "-days", "2",
         "-extfile", str(names)],
    ):  # fmt: skip
        subprocess.run(["openssl", *words], check=True, capture_output=True)
    return authority, certificate, key


def test_clients_check_who_the_service_is(
    project: Path, certified: tuple[Path, Path, Path]
) -> None:
    authority, certificate, key = certified
    found = Running(project, "--tls-certificate", str(certificate), "--tls-key", str(key))
    try:
        token = found.token("ana")
        asked = "select count(*) as n from silver.sales"
        trusting = SqlService(found.url, token=token, ca=str(authority))
        assert trusting.query(asked).to_pylist() == [{"n": 10}]
        host = found.url.removeprefix("https://")
        with dbapi.connect(found.url, token=token, ca=str(authority)) as connection:
            assert connection.cursor().execute(asked).fetchall() == [(10,)]
        engine = sa.create_engine(f"lakeworks://:{token}@{host}/?tls=true&ca={authority}")
        with engine.connect() as connected:
            assert connected.execute(sa.text(asked)).scalar() == 10
        engine.dispose()
        # Nobody vouches for it; another name; another protocol; a version of TLS that is broken.
        elsewhere = found.url.replace("127.0.0.1", "localhost")
        for url, ca in ((found.url, None), (elsewhere, str(authority))):
            with pytest.raises(ServiceUnreachableError, match="CERTIFICATE_VERIFY_FAILED"):
                SqlService(url, token=token, ca=ca).query(asked)
        with pytest.raises(ServiceUnreachableError):
            SqlService(found.url.replace("https", "http"), token=token).query(asked)
        assert _handshake(found.url, authority, ssl.TLSVersion.TLSv1_2) == "TLSv1.2"
        with (
            pytest.warns(DeprecationWarning, match="TLSv1_1"),
            # An alert, or the end of the connection before the alert was read.
            pytest.raises((ssl.SSLError, ConnectionError)),
        ):
            _handshake(found.url, authority, ssl.TLSVersion.TLSv1_1)
    finally:
        found.stop()


def _handshake(url: str, authority: Path, version: ssl.TLSVersion) -> str | None:
    """Return the version of TLS that is agreed on, where no other is offered."""
    context = ssl.create_default_context(cafile=str(authority))
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    host, _, port = url.removeprefix("https://").partition(":")
    with (
        socket.create_connection((host, int(port)), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=host) as secured,
    ):
        return secured.version()
