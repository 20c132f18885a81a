"""Tables of other systems, on real servers: one behaviour, whatever system it is.

Every system holds the same rows. What a query gives is compared with the same rows in Python, and what
was asked of the system is read from the server's own log.
"""

from __future__ import annotations

import http.server
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakeworks.catalog.errors import UnknownTableError
from lakeworks.engines.errors import QueryTimeoutError, SqlError, StatementRefusedError
from lakeworks.ingest.federation.errors import (
    CatalogUnreachableError,
    RemoteNameError,
    RemoteValueError,
)
from lakeworks.lake import Lake
from lakeworks.query.errors import BytesLimitError, ExternalVersionError, HiddenFailureError
from lakeworks.query.questions import Caller

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PEOPLE: list[dict[str, Any]] = [
    {"id": 1, "name": "Ann", "email": "ann@a.example", "region": "EU", "amount": "10.50"},
    {"id": 2, "name": "bob", "email": "bob@hidden.example", "region": "US", "amount": "20.25"},
    {"id": 3, "name": "cy ", "email": None, "region": "EU", "amount": None},
    {"id": 4, "name": "d'Arc\\", "email": "d@a.example", "region": "EU", "amount": "-1.00"},
    {"id": 5, "name": "ann", "email": "e@a.example", "region": None, "amount": "0.05"},
    {"id": 6, "name": "Ärger%_", "email": "f@a.example", "region": "EU", "amount": "99.99"},
]
POLICIES = """
roles: {analyst: [ana], nosy: [nora]}
grants:
  - {to: role:analyst, permissions: SELECT, on: crm.people, except: [amount], rows: "region = 'EU'"}
  - {to: role:nosy, permissions: SELECT, on: crm.orders}
lf_tags: {pii: [email]}
tagged: {crm.people.email: {pii: email}}
policies:
  masked_email: {columns: {pii: email}, mask: email_domain, to: everyone}
"""


@dataclass
class System:
    """One other system with the rows of `PEOPLE`, and what was asked of it."""

    name: str
    catalog: str
    asked: Callable[[], str]
    secret: str = ""
    extra: dict[str, str] = field(default_factory=dict)

    def lake(self, root: Path) -> Lake:
        """Make a lake that has this system as the catalog crm, under policies."""
        (root / "catalogs").mkdir(parents=True)
        (root / "policies").mkdir()
        (root / "lake.yml").write_text("name: federated\n")
        (root / "catalogs" / "crm.yml").write_text(self.catalog)
        (root / "policies" / "roles.yml").write_text(POLICIES)
        for name, text in self.extra.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        return Lake.open(root)


@pytest.fixture
def sqlite(tmp_path: Path) -> System:
    path = tmp_path / "people.db"
    with sqlite3.connect(path) as con:
        con.execute(
            "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, email VARCHAR(50), "
            "region TEXT COLLATE NOCASE, amount DECIMAL(10,2))"
        )
        rows = [tuple(one.values()) for one in PEOPLE]
        con.executemany("INSERT INTO people VALUES (?, ?, ?, ?, CAST(? AS NUMERIC))", rows)
    con.close()
    return System("sqlite", f"type: sqlite\npath: {path}\ndatabases: {{crm: main}}\n", str)


@pytest.fixture
def postgresql(
    request: pytest.FixtureRequest, unavailable: Callable[[str], NoReturn]
) -> System:
    server = request.getfixturevalue("server")
    for package in ("psycopg", "duckdb_extension_postgres_scanner"):
        if find_spec(package) is None:
            unavailable(package)
    if server is None:
        unavailable("PostgreSQL (apt install postgresql)")
    import psycopg

    url = server.url()
    with psycopg.connect(url, autocommit=True) as con:
        con.execute(
            "CREATE TABLE people (id int PRIMARY KEY, name text, email varchar(50), "
            "region char(4), amount numeric(10,2))"
        )
        with con.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO people VALUES (%s, %s, %s, %s, %s)",
                [tuple(one.values()) for one in PEOPLE],
            )
        [(database,)] = con.execute("SELECT current_database()").fetchall()
        con.execute(f"ALTER DATABASE {database} SET log_statement = 'all'")
    before = len((server.folder / "log").read_text())
    catalog = (
        f"type: postgresql\nhost: {server.folder}\ndatabase: {database}\nuser: lake\n"
        "password: hunter2-never-shown\ntls: off\ndatabases: {crm: public}\n"
    )
    return System(
        "postgresql",
        catalog,
        lambda: (server.folder / "log").read_text()[before:],
        "hunter2-never-shown",
    )


@pytest.fixture
def mysql(request: pytest.FixtureRequest, unavailable: Callable[[str], NoReturn]) -> System:
    if find_spec("duckdb_extension_mysql_scanner") is None:
        unavailable("duckdb_extension_mysql_scanner")
    server = request.getfixturevalue("maria_server")
    name = server.database()
    rows = ", ".join(
        "(" + ", ".join("NULL" if v is None else _literal(v) for v in one.values()) + ")"
        for one in PEOPLE
    )
    server.run(
        f"CREATE TABLE {name}.people (id int PRIMARY KEY, name varchar(50), email varchar(50), "
        f"region varchar(4), amount decimal(10,2)); INSERT INTO {name}.people VALUES {rows}"
    )
    before = len(server.log.read_bytes())
    catalog = (
        f"type: mysql\nhost: 127.0.0.1\nport: {server.port}\nuser: lake\n"
        f"password: pass word\ntls: off\ndatabases: {{crm: {name}}}\n"
    )
    return System(
        "mysql",
        catalog,
        lambda: server.log.read_bytes()[before:].decode(errors="replace"),
        "pass word",
    )


def _literal(value: object) -> str:
    text = str(value).encode().hex()
    return f"_utf8mb4 X'{text}'" if isinstance(value, str) else str(value)


@pytest.fixture
def dynamodb(s3_endpoint: str) -> Iterator[System]:
    boto3 = pytest.importorskip("boto3")
    heard: list[str] = []

    class Ears(http.server.BaseHTTPRequestHandler):
        """Notes each request, and passes it on to the server."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.append(f"{self.headers['X-Amz-Target']} {body.decode()}")
            told = dict(self.headers.items())
            request = urllib.request.Request(s3_endpoint, body, told, method="POST")
            with urllib.request.urlopen(request, timeout=30) as answer:
                data = answer.read()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    client = boto3.client(
        "dynamodb", endpoint_url=s3_endpoint, region_name="eu-west-1",
        aws_access_key_id="AKIATEST", aws_secret_access_key="never-shown-either",
    )  # fmt: skip
    client.create_table(
        TableName="app-people", BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "N"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )  # fmt: skip
    for one in PEOPLE:
        item: dict[str, Any] = {"id": {"N": str(one["id"])}, "name": {"S": one["name"]}}
        for key in ("email", "region"):
            if one[key] is not None:
                item[key] = {"S": one[key]}
        if one["amount"] is not None:
            item["amount"] = {"N": one["amount"]}
        client.put_item(TableName="app-people", Item=item)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Ears) as ears:
        thread = threading.Thread(target=ears.serve_forever)
        thread.start()
        yield System(
            "dynamodb",
            f"type: dynamodb\nregion: eu-west-1\nendpoint_url: http://127.0.0.1:"
            f"{ears.server_address[1]}\naccess_key_id: AKIATEST\n"
            "secret_access_key: never-shown-either\ndatabases: {crm: app-}\n"
            "columns:\n  people: {id: int, name: string, email: string, region: string, "
            "amount: 'decimal(10,2)'}\n",
            lambda: "\n".join(heard),
            "never-shown-either",
        )
        ears.shutdown()
        thread.join()
    client.delete_table(TableName="app-people")


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgresql", marks=pytest.mark.postgres),
        "mysql",
        "dynamodb",
    ]
)
def system(request: pytest.FixtureRequest) -> System:
    """Each system in turn."""
    found: System = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def lake(system: System, tmp_path: Path) -> Iterator[Lake]:
    with system.lake(tmp_path / "project") as opened:
        yield opened


def rows(lake: Lake, sql: str, **more: Any) -> list[dict[str, Any]]:
    with lake.query.sql(sql, **more) as result:
        found: list[dict[str, Any]] = result.to_arrow().to_pylist()
        return found


def person(number: int) -> dict[str, Any]:
    one = PEOPLE[number - 1]
    return {**one, "amount": None if one["amount"] is None else Decimal(one["amount"])}


def ids(lake: Lake, condition: str, **more: Any) -> list[int]:
    found = rows(lake, f"SELECT id FROM crm.people WHERE {condition} ORDER BY id", **more)
    return [row["id"] for row in found]


def test_a_table_is_there_like_any_other(lake: Lake) -> None:
    found = rows(lake, "SELECT id, name, email, region, amount FROM crm.people ORDER BY id")
    assert found == [person(number) for number in range(1, 7)]
    described = {r["column_name"]: r["column_type"] for r in rows(lake, "DESCRIBE crm.people")}
    assert described["amount"] == "DECIMAL(10,2)"
    assert described["name"] == "VARCHAR"


def test_an_erasure_counts_a_persons_rows_there_and_leaves_them(
    system: System, tmp_path: Path
) -> None:
    model = "/*\nload: replace\n*/\nselect id as who, upper(email) as mail from crm.people\n"
    system.extra = {**system.extra, "models/silver/people.sql": model}
    with system.lake(tmp_path / "project") as lake:
        lake.pipeline.run()
        report = lake.privacy.erase("silver.people.mail=E@A.EXAMPLE")
        (there,) = (place for place in report.places if place.kind == "outside")
        assert (there.name, there.left, there.kept) == ("crm.people", 1, True)
        assert "by email; not the lake's" in there.note
        assert "brings the person back into silver.people" in there.note
        assert "logs of other systems: crm" in report.not_reached
        assert report.state == "done"
        left = rows(lake, "SELECT who FROM silver.people ORDER BY who")
        assert [row["who"] for row in left] == [1, 2, 3, 4, 6]
        assert ids(lake, "true") == [1, 2, 3, 4, 5, 6]
        # A key that is a number is asked for as one; the name may be the other system's own.
        dry = lake.privacy.erase("crm.people.id=2", dry_run=True)
        assert {p.name: p.found for p in dry.places if p.kind != "history"} == {
            "crm.people": 1, "silver.people": 1,
        }  # fmt: skip
        done = lake.privacy.export("crm.people.id=5", tmp_path / "hers")
        assert {one.place: one.rows for one in done.files} == {"crm.people": 1}
        assert "e@a.example" in (tmp_path / "hers/crm.people.json").read_text()
    if system.name == "postgresql":
        asked = system.asked()
        assert '"id" IN (2)' in asked or '"id" = 2' in asked


WANTED = {
    "models/silver/wanted.sql": "/*\nload: replace\n*/\nselect id::int as id, name::varchar as name, "
    "mail::varchar as mail from (values (1, 'Ann', 'f@a.example'), (4, 'd''Arc\\', null), "
    "(777777777, 'hid', 'told@x.example')) v(id, name, mail)\n",
    "policies/wanted.yml": "grants:\n"
    "  - {to: role:analyst, permissions: SELECT, on: silver.wanted, rows: id < 700}\n"
    "policies:\n  mails: {on: silver.wanted, columns: [mail], mask: email_domain, to: everyone}\n",
}


def test_a_join_asks_for_the_keys_that_its_caller_may_see(
    system: System, tmp_path: Path
) -> None:
    system.extra = {**system.extra, **WANTED}
    with system.lake(tmp_path / "project") as lake:
        lake.pipeline.run()

        def joined(on: str, caller: str | None = None, kind: str = "JOIN") -> tuple[Any, str]:
            before = len(system.asked())
            sql = f"SELECT p.id FROM silver.wanted w {kind} crm.people p ON {on} ORDER BY 1"
            found = rows(lake, sql, caller=caller)
            return [one["id"] for one in found], system.asked()[before:]

        found, by_id = joined("p.id = w.id")
        assert found == [1, 4]
        found, by_name = joined("w.name = p.name AND w.id < 9", kind="LEFT JOIN")
        assert found == [1, 4, None]
        whole = joined("w.id = p.id", kind="RIGHT JOIN")
        assert whole[0] == [1, 2, 3, 4, 5, 6]
        assert joined("p.id = w.id + 700")[0] == []
        found, as_ana = joined("p.id = w.id", "ana")
        assert found == [1, 4]
        found, as_ana_masked = joined("p.email = w.mail", "ana")
        assert found == [1, 4, 6]  # all of them ***@a.example
        found, masked = joined("p.name = w.mail", "ana")
        assert found == []
    for text in ("told@x.example", "f@a.example", "***@a.example"):
        for told in (as_ana, as_ana_masked, masked):
            assert text not in told
            assert text.encode().hex() not in told
    assert "777777777" not in as_ana  # long: a log has times and numbers of processes, too
    if system.name in {"postgresql", "mysql"}:
        assert " IN (1, 4, 777777777)" in by_id
        assert " IN (1, 4)" in as_ana
        assert b"hid".hex() in by_name or "'hid'" in by_name
        assert " IN (" not in whole[1]
    if system.name == "dynamodb":
        assert '{"N": "777777777"}' in by_id


CONDITIONS = [
    ("id = 4", [4]),
    ("id IN (1, 3, 99)", [1, 3]),
    ("id BETWEEN 2 AND 3", [2, 3]),
    ("name = 'Ann'", [1]),  # a collation there takes ann for equal: the lake does not
    ("name = 'cy'", []),  # nor is a space at the end nothing
    ("name = 'cy '", [3]),
    ("name = 'd''Arc\\'", [4]),
    ("name LIKE 'a%'", [5]),
    ("name LIKE 'Ärger\\%%' ESCAPE '\\'", [6]),
    ("name LIKE 'Ä%'", [6]),
    ("starts_with(name, 'd''')", [4]),
    ("name >= 'b'", [2, 3, 4, 6]),  # by bytes: Ä comes behind all letters of ASCII
    ("name < 'B'", [1]),
    ("region = 'EU' AND amount > 5.5", [1, 6]),
    ("amount IS NULL", [3]),
    ("amount = 0.05 OR id = 2", [2, 5]),
    ("region IS NULL OR name = 'bob'", [2, 5]),
    ("NOT (region = 'EU')", [2]),
    ("amount * 2 > 100", [6]),
    ("id = 1 OR lower(name) = 'ann'", [1, 5]),
    ("email IS NOT NULL AND id > 4", [5, 6]),
    ("region <> 'EU'", [2]),
]


def test_conditions_give_the_same_rows_wherever_they_are_judged(lake: Lake) -> None:
    found = {condition: ids(lake, condition) for condition, _ in CONDITIONS}
    assert found == dict(CONDITIONS)


ASKED = {
    "postgresql": ('FROM "public"."people" WHERE', ['"id" IN (2, 4)', "\"name\" LIKE 'd%'"]),
    "mysql": ("people` WHERE", ["`id` IN (2, 4)", "LIKE _utf8mb4 X'6425'"]),
    "dynamodb": ("DynamoDB_20120810.Query", ['":v0": {"N": "4"}', "begins_with"]),
}


def test_the_server_is_asked_for_the_rows_and_columns_that_a_query_needs(
    lake: Lake, system: System
) -> None:
    found = rows(lake, "SELECT name FROM crm.people WHERE id IN (2, 4) AND name LIKE 'd%'")
    assert found == [{"name": PEOPLE[3]["name"]}]
    if system.name == "sqlite":
        pytest.skip("a file has no log; see test_a_file_is_asked_for_the_rows_that_count")
    place, texts = ASKED[system.name]
    asked = [line for line in system.asked().splitlines() if place in line]
    assert asked
    for text in texts:
        assert text in "\n".join(asked)
    assert not any("email" in line or "region" in line for line in asked)


def test_a_principal_sees_what_the_policies_let_through(lake: Lake) -> None:
    found = rows(lake, "SELECT * FROM crm.people ORDER BY id", caller="ana")
    assert [one["id"] for one in found] == [1, 3, 4, 6]
    assert [one["email"] for one in found] == [
        "***@a.example", None, "***@a.example", "***@a.example",
    ]  # fmt: skip
    assert "amount" not in found[0]
    with pytest.raises(SqlError, match="amount"):
        rows(lake, "SELECT amount FROM crm.people", caller="ana")
    with pytest.raises(UnknownTableError):
        rows(lake, "SELECT * FROM crm.people", caller="nora")
    with pytest.raises(UnknownTableError):
        rows(lake, "SELECT * FROM crm.orders", caller="nora")


def test_a_condition_on_what_is_masked_is_not_asked_there(lake: Lake, system: System) -> None:
    assert ids(lake, "email = 'ann@a.example'", caller="ana") == []
    assert ids(lake, "email = '***@a.example'", caller="ana") == [1, 4, 6]
    asked = [line for line in system.asked().splitlines() if "people" in line]
    hidden = b"ann@a.example".hex()
    assert not any("ann@a" in line or hidden in line for line in asked)


def test_the_row_filter_is_asked_there_too(lake: Lake, system: System) -> None:
    assert ids(lake, "id > 1", caller="ana") == [3, 4, 6]
    if system.name != "sqlite":
        asked = system.asked()
        assert "'EU'" in asked or '"S": "EU"' in asked or "X'4555'" in asked


def test_the_bytes_that_a_principal_is_told_hang_on_nothing_hidden(lake: Lake) -> None:
    def scanned(condition: str) -> int:
        sql = f"SELECT id FROM crm.people WHERE {condition}"
        with lake.query.sql(sql, caller="ana") as result:
            result.to_arrow()
            return result.scanned_bytes

    # Bob is there, but not to be seen; nobody is called zoe.
    assert scanned("name = 'bob'") == scanned("name = 'zoe'")


def test_tables_of_other_systems_and_of_the_lake_are_joined(lake: Lake) -> None:
    joined = rows(
        lake,
        "SELECT p.name, o.total FROM crm.people p JOIN (VALUES (1, 5), (6, 7)) o(id, total) "
        "USING (id) ORDER BY o.total",
    )
    assert joined == [{"name": "Ann", "total": 5}, {"name": "Ärger%_", "total": 7}]
    twice = "SELECT count(*) n FROM crm.people a JOIN crm.people b ON a.region = b.region"
    assert rows(lake, twice) == [{"n": 17}]
    left = (
        "SELECT o.id, p.region FROM (VALUES (1), (2)) o(id) LEFT JOIN crm.people p "
        "ON p.id = o.id AND p.region = 'EU' ORDER BY 1"
    )
    assert rows(lake, left) == [{"id": 1, "region": "EU"}, {"id": 2, "region": None}]
    missing = (
        "SELECT o.id FROM (VALUES (1), (3)) o(id) LEFT JOIN crm.people p ON p.id = o.id "
        "WHERE p.amount IS NULL"
    )
    assert rows(lake, missing) == [{"id": 3}]


def test_whole_rows_are_read_where_a_query_may_need_them(lake: Lake) -> None:
    assert rows(lake, "SELECT p FROM crm.people p WHERE id = 1")[0]["p"]["name"] == "Ann"
    assert rows(lake, "FROM crm.people SELECT count(*) AS n") == [{"n": 6}]
    assert len(rows(lake, "SELECT * FROM crm.people LIMIT 2")) == 2
    assert len(rows(lake, "SELECT * FROM crm.people LIMIT 2", caller="ana")) == 2
    counted = rows(lake, "SUMMARIZE crm.people")
    assert {one["column_name"] for one in counted} == set(PEOPLE[0])


def test_nothing_is_asked_for_what_reads_no_rows(lake: Lake, system: System) -> None:
    rows(lake, "EXPLAIN SELECT * FROM crm.people")
    rows(lake, "DESCRIBE SELECT name FROM crm.people")
    place = ASKED.get(system.name, ("",))[0].partition(" WHERE")[0]
    assert system.name == "sqlite" or place not in system.asked()


def test_a_limit_on_bytes_counts_what_is_fetched(lake: Lake) -> None:
    caller = Caller(bytes_limit=10)
    with pytest.raises(BytesLimitError):
        rows(lake, "SELECT * FROM crm.people", caller=caller)
    with lake.query.sql("SELECT * FROM crm.people") as result:
        result.to_arrow()
        assert result.scanned_bytes > 100
    assert not lake.query.examine("SELECT * FROM crm.people").repeatable


def test_there_are_no_earlier_versions(lake: Lake) -> None:
    with pytest.raises(ExternalVersionError, match="lies in another system"):
        rows(lake, "SELECT * FROM crm.people@v1")


def test_a_caller_reaches_nothing_but_the_rows(lake: Lake) -> None:
    for sql in (
        "SELECT * FROM postgres_query('crm', 'SELECT 1')",
        "SELECT * FROM mysql_query('crm', 'SELECT 1')",
        "SELECT * FROM sqlite_scan('people.db', 'people')",
        "SELECT * FROM duckdb_secrets()",
        "ATTACH 'people.db' AS other (TYPE sqlite)",
    ):
        for caller in (None, "ana"):
            with pytest.raises((StatementRefusedError, SqlError)):
                rows(lake, sql, caller=caller)


def test_visible_tables_and_their_columns_are_listed(lake: Lake) -> None:
    assert "crm.people" in [str(name) for name in lake.query.visible()]
    assert [str(name) for name in lake.query.visible("ana")] == ["crm.people"]
    assert lake.query.visible("nora") == []
    assert dict(lake.query.columns("crm.people"))["amount"] == "decimal(10,2)"
    assert "amount" not in dict(lake.query.columns("crm.people", "ana"))
    with pytest.raises(UnknownTableError):
        lake.query.columns("crm.people", "nora")


def test_what_is_read_is_audited_with_its_masks(lake: Lake) -> None:
    rows(lake, "SELECT * FROM crm.people", caller="ana")
    [entry] = lake.governance.audit_entries(kind="query", limit=1)
    [table] = dict(entry.body)["tables"]
    assert table["table"] == "crm.people"
    assert table["masked"] == ["email"]
    assert table["filtered"] is True


def test_a_system_that_is_gone_is_named_to_the_owner_alone(
    system: System, tmp_path: Path
) -> None:
    gone = {
        "sqlite": ("people.db", "absent.db"), "postgresql": ("host: ", "port: 1\nhost: 127.0.0.1 #"),
        "mysql": ("host: 127.0.0.1", "host: 127.0.0.2 #"),
        "dynamodb": ("http://127.0.0.1", "http://127.0.0.1:1/ #"),
    }  # fmt: skip
    catalog = system.catalog.replace(*gone[system.name])
    if system.name == "mysql":
        lines = catalog.splitlines(keepends=True)
        catalog = "".join("port: 1\n" if one.startswith("port:") else one for one in lines)
    lost = System(system.name, catalog + "connect_timeout: 2\n", system.asked)
    with lost.lake(tmp_path / "lost") as lake:
        with pytest.raises(
            CatalogUnreachableError, match=r"crm \(catalogs/crm\.yml:\d"
        ) as told:
            rows(lake, "SELECT * FROM crm.people")
        assert not system.secret or system.secret not in str(told.value)
        with pytest.raises(HiddenFailureError) as hidden:
            rows(lake, "SELECT * FROM crm.people", caller="ana")
        assert "127.0" not in str(hidden.value)
        assert "crm.yml" not in str(hidden.value)
        assert lake.query.visible("ana") == []  # nobody can list what cannot be asked


def test_a_secret_stands_nowhere(system: System, tmp_path: Path) -> None:
    with system.lake(tmp_path / "project") as lake:
        rows(lake, "SELECT * FROM crm.people")
        assert not system.secret or system.secret not in repr(lake.project)
    if system.secret:
        for path in (tmp_path / "project" / ".lake").rglob("*"):
            assert not path.is_file() or system.secret.encode() not in path.read_bytes()


SLOW = {
    "postgresql": "CREATE VIEW slow AS SELECT i AS id, pg_sleep(0.5)::text AS slept "
    "FROM generate_series(1, 60) i",
    "mysql": "CREATE VIEW slow AS SELECT id, sleep(5) AS slept FROM people",
}
RUNNING = {
    "postgresql": "SELECT count(*) AS n FROM pg_stat_activity "
    "WHERE state = 'active' AND query LIKE '%\"sl' || 'ow\"%'",
    "mysql": "SELECT count(*) AS n FROM information_schema.processlist "
    "WHERE info LIKE concat('%`sl', 'ow`%')",
}


@pytest.fixture(params=[pytest.param("postgresql", marks=pytest.mark.postgres), "mysql"])
def slow(request: pytest.FixtureRequest) -> tuple[System, Callable[[], int]]:
    """A server with a view that takes half a minute, and what counts the queries of it."""
    system: System = request.getfixturevalue(request.param)
    if system.name == "mysql":
        maria = request.getfixturevalue("maria_server")
        database = f"shop{maria.databases}"
        maria.run(f"USE {database}; {SLOW['mysql']}")
        return system, lambda: int(maria.asked(RUNNING["mysql"]))
    import psycopg

    server = request.getfixturevalue("server")
    url = f"host={server.folder} user=lake dbname=lake{server.databases}"
    with psycopg.connect(url, autocommit=True) as con:
        con.execute(SLOW["postgresql"])

    def running() -> int:
        with psycopg.connect(url, autocommit=True) as con:
            [(count,)] = con.execute(RUNNING["postgresql"]).fetchall()
            return int(count)

    return system, running


def until(condition: Callable[[], bool], *, within_s: float = 15.0) -> bool:
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def test_a_time_limit_stops_a_query_there_too(
    slow: tuple[System, Callable[[], int]], tmp_path: Path
) -> None:
    system, running = slow
    with system.lake(tmp_path / "project") as lake:
        with pytest.raises(QueryTimeoutError):
            rows(lake, "SELECT * FROM crm.slow", timeout_s=1.5)
        assert until(lambda: running() == 0)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_query_whose_process_ends_ends_there_too(
    slow: tuple[System, Callable[[], int]], tmp_path: Path, how: signal.Signals
) -> None:
    system, running = slow
    if how == signal.SIGKILL and system.name == "mysql":
        pytest.skip("MySQL finds out that a client is gone when it next sends it a row")
    root = tmp_path / "project"
    system.lake(root).close()
    command = [sys.executable, "-m", "lakeworks", "-C", str(root), "query", "from crm.slow"]
    asking = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert until(lambda: running() > 0, within_s=60)
        asking.send_signal(how)
        asking.wait(30)
        assert until(lambda: running() == 0)
    finally:
        asking.kill()
        asking.wait(10)


def test_a_file_is_asked_for_the_rows_that_count(sqlite: System, tmp_path: Path) -> None:
    with sqlite.lake(tmp_path / "project") as lake:
        # A value that fits no decimal is in a row that the query does not need.
        with sqlite3.connect(tmp_path / "people.db") as con:
            con.execute("INSERT INTO people VALUES (7, 'odd', NULL, 'EU', 'many')")
        con.close()
        assert ids(lake, "id < 3") == [1, 2]
        with pytest.raises(Exception, match=r"(?s)amount of crm\.people .*: \{people:"):
            rows(lake, "SELECT amount FROM crm.people")


def test_bytes_in_a_column_of_texts_are_an_error_that_says_how_to_read_them(
    sqlite: System, tmp_path: Path
) -> None:
    with sqlite3.connect(tmp_path / "people.db") as con:
        con.execute("INSERT INTO people (id, name) VALUES (7, CAST('Ann' AS BLOB))")
    con.close()
    told = r"(?s)name of crm\.people .*: \{people:"
    with (
        sqlite.lake(tmp_path / "project") as lake,
        pytest.raises(RemoteValueError, match=told),
    ):
        ids(lake, "lower(name) = 'ann'")
    sqlite.catalog += "columns: {people: {name: string}}\n"
    with sqlite.lake(tmp_path / "declared") as lake:
        assert ids(lake, "name = 'Ann'") == [1, 7]


def test_attributes_that_nobody_declares_are_read_as_items_show_them(
    dynamodb: System, s3_endpoint: str, tmp_path: Path
) -> None:
    import boto3

    client = boto3.client(
        "dynamodb", endpoint_url=s3_endpoint, region_name="eu-west-1",
        aws_access_key_id="AKIATEST", aws_secret_access_key="never-shown-either",
    )  # fmt: skip
    client.create_table(
        TableName="app-odd", BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "user", "AttributeType": "S"},
                              {"AttributeName": "at", "AttributeType": "N"}],
        KeySchema=[{"AttributeName": "user", "KeyType": "HASH"},
                   {"AttributeName": "at", "KeyType": "RANGE"}],
    )  # fmt: skip
    for number in range(1, 4):
        client.put_item(TableName="app-odd", Item={
            "user": {"S": "ann"}, "at": {"N": str(number)}, "whole": {"N": "9007199254740993"},
            "part": {"N": "0.5"}, "map": {"M": {"a": {"L": [{"N": "1.10"}, {"NULL": True}]}}},
            "set": {"SS": ["y", "x"]}, "any": {"S": "text"} if number > 1 else {"N": "5"},
            "ok": {"BOOL": True}, "raw": {"B": b"\x00\xff"}, "none": {"NULL": True},
        })  # fmt: skip
    undeclared = dynamodb.catalog.partition("columns:")[0]
    declared = undeclared + (
        "columns:\n  odd: {map: 'struct<a:array<decimal(4,2)>>', whole: bigint}\n"
    )
    try:
        with System("dynamodb", undeclared, dynamodb.asked).lake(tmp_path / "project") as lake:
            [found] = rows(lake, 'SELECT * FROM crm.odd WHERE "user" = \'ann\' AND "at" = 1')
            assert found == {
                "user": "ann", "at": 1, "whole": 9007199254740993,
                "part": Decimal("0.5"), "map": '{"a": [1.10, null]}', "set": ["x", "y"],
                "any": "5", "ok": True, "raw": b"\x00\xff", "none": None,
            }  # fmt: skip
            assert '"KeyConditionExpression": "#n0 = :v0 AND #n' in dynamodb.asked()
            after = (
                'SELECT count(*) AS n FROM crm.odd WHERE "at" > 1 AND any = \'"text"\' AND ok'
            )
            assert rows(lake, after.replace("any", '"any"')) == [{"n": 2}]
        with System("dynamodb", declared, dynamodb.asked).lake(tmp_path / "other") as lake:
            [found] = rows(lake, "SELECT * FROM crm.odd LIMIT 1")
            assert found["map"] == {"a": [Decimal("1.10"), None]}
            assert found["whole"] == 9007199254740993
            assert set(found) == {"user", "at", "map", "whole"}
    finally:
        client.delete_table(TableName="app-odd")


# Conditions of which a system may be asked some, all or none.
TEXTS = st.sampled_from(
    ["Ann", "ann", "cy", "cy ", "d'Arc\\", "Ärger%_", "", "EU", "eu", "b", "Ä"]
)
NUMBERS = st.sampled_from([-1, 0, 1, 3, 6, 99, 10**12])
AMOUNTS = st.sampled_from(["0.05", "10.5", "10.50", "-1", "99.995", "20"])
COMPARED = st.sampled_from(["=", "<>", "<", "<=", ">", ">="])


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


TESTED = st.one_of(
    st.builds(
        "{} {} {}".format, st.sampled_from(["name", "region"]), COMPARED, TEXTS.map(_quoted)
    ),
    st.builds("id {} {}".format, COMPARED, NUMBERS),
    st.builds("{1} {0} id".format, COMPARED, NUMBERS),
    st.builds("amount {} {}".format, COMPARED, AMOUNTS),
    st.builds("id IN ({}, {})".format, NUMBERS, NUMBERS),
    st.builds("name IN ({}, {})".format, TEXTS.map(_quoted), TEXTS.map(_quoted)),
    st.builds("id BETWEEN {} AND {}".format, NUMBERS, NUMBERS),
    st.builds("name LIKE {}".format, TEXTS.map(lambda text: _quoted(f"{text}%"))),
    st.builds("starts_with(name, {})".format, TEXTS.map(_quoted)),
    st.builds(
        "{} IS {}NULL".format,
        st.sampled_from(["name", "region", "amount", "email"]),
        st.sampled_from(["", "NOT "]),
    ),
    st.just("lower(name) = 'ann'"),
)
JOINED = st.recursive(
    TESTED,
    lambda inner: st.one_of(
        st.builds("({} AND {})".format, inner, inner),
        st.builds("({} OR {})".format, inner, inner),
        st.builds("(NOT {})".format, inner),
    ),
    max_leaves=5,
)


def _as_values() -> str:
    lines = ", ".join(
        "("
        + ", ".join(
            "NULL"
            if value is None
            else str(value)
            if isinstance(value, int)
            else _quoted(value)
            for value in one.values()
        )
        + ")"
        for one in PEOPLE
    )
    named = "id, name, email, region, CAST(amount AS DECIMAL(10,2)) AS amount"
    return f"(SELECT {named} FROM (VALUES {lines}) v(id, name, email, region, amount)) p"


@settings(
    max_examples=int(os.environ.get("LAKEWORKS_FEDERATED_CONDITIONS", "25")),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    conditions=st.lists(JOINED, min_size=4, max_size=4), kind=st.sampled_from(["LEFT", "INNER"])
)
def test_no_condition_that_is_asked_elsewhere_changes_an_answer(
    lake: Lake, conditions: list[str], kind: str
) -> None:
    """Compare with the same rows in the lake: where, in the ON of a join, and above one."""
    where, either = conditions[:2]
    on, above = (
        re.sub(r"\b(id|name|region|amount|email)\b", r"p.\1", one) for one in conditions[2:]
    )
    for relation, text in (
        ("{} WHERE " + where, "id"),
        ("{} WHERE (" + where + ") OR (" + either + ")", "id"),
        ("(VALUES (1), (2), (5), (7)) o(n) " + kind + " JOIN {} ON p.id = o.n AND (" + on + ") "
         "WHERE " + above, "n, p.id"),
    ):  # fmt: skip
        told = f"SELECT {text} FROM {relation} ORDER BY ALL"
        expected = rows(lake, told.format(_as_values()))
        assert rows(lake, told.format("crm.people p")) == expected, told


def test_a_connection_without_tls_has_to_be_asked_for(mysql: System, tmp_path: Path) -> None:
    secure = System("mysql", mysql.catalog.replace("tls: off\n", ""), mysql.asked)
    with (
        secure.lake(tmp_path / "project") as lake,
        pytest.raises(CatalogUnreachableError, match=r"(?i)ssl|tls"),
    ):
        rows(lake, "SELECT * FROM crm.people")


@pytest.mark.postgres
def test_types_of_postgresql_are_types_of_the_lake(
    request: pytest.FixtureRequest, postgresql: System, tmp_path: Path
) -> None:
    import psycopg

    server = request.getfixturevalue("server")
    url = f"host={server.folder} user=lake dbname=lake{server.databases}"
    with psycopg.connect(url, autocommit=True) as con:
        con.execute("CREATE TYPE mood AS ENUM ('sad', 'glad')")
        con.execute("CREATE DOMAIN price AS numeric(8,3)")
        con.execute(
            "CREATE TABLE odd (n numeric, p price, u uuid, j jsonb, a int[], m int[][], e mood, "
            'r int4range, c char(5), d date, ts timestamp, tz timestamptz, b bytea, "Big x" text, '
            "f real, t time, wide numeric(60,2))"
        )
        con.execute(
            "INSERT INTO odd VALUES ('12345678901234567890.5', 1.25, "
            "'550e8400-e29b-41d4-a716-446655440000', '{\"k\": 1}', '{1,2}', '{{1},{2}}', 'glad', "
            "'[1,5)', 'ab', '2026-01-02', '2026-01-02 03:04:05.6', '2026-01-02 03:04:05+05', "
            "'\\x00ff', 'x', 0.5, '10:11', 1.5)"
        )
    with postgresql.lake(tmp_path / "project") as lake:
        [found] = rows(lake, "SELECT * FROM crm.odd")
        assert found == {
            "n": Decimal("12345678901234567890.5"), "p": Decimal("1.25"),
            "u": "550e8400-e29b-41d4-a716-446655440000", "j": '{"k": 1}', "a": [1, 2],
            "m": "[[1],[2]]", "e": "glad", "r": "[1,5)", "c": "ab", "d": date(2026, 1, 2),
            "ts": datetime(2026, 1, 2, 3, 4, 5, 600_000),  # noqa: DTZ001 - it has none
            "tz": datetime(2026, 1, 1, 22, 4, 5, tzinfo=UTC), "b": b"\x00\xff", "Big x": "x",
            "f": 0.5, "t": "10:11:00", "wide": Decimal("1.5"),
        }  # fmt: skip
        for condition in (
            "u = '550e8400-e29b-41d4-a716-446655440000'", "e = 'glad'", "c = 'ab'", "c < 'ac'",
            "p = 1.25", "d = '2026-01-02'", "ts > '2026-01-02'", "f = 0.5", "n > 1", "a[1] = 1",
            "tz = TIMESTAMPTZ '2026-01-01 22:04:05+00'", "tz = '2026-01-01 22:04:05'",
            "\"Big x\" LIKE 'x%'", "j IS NOT NULL", "u > '55'",
        ):  # fmt: skip
            assert len(rows(lake, f"SELECT c FROM crm.odd WHERE {condition}")) == 1, condition
        with psycopg.connect(url, autocommit=True) as con:
            con.execute("UPDATE odd SET ts = 'infinity', n = 'NaN'")
        assert rows(lake, "SELECT d FROM crm.odd") == [{"d": date(2026, 1, 2)}]
        for column in ("ts", "n"):
            with pytest.raises(RemoteValueError, match=r"columns: \{odd: "):
                rows(lake, f"SELECT {column} FROM crm.odd")
    told = postgresql.catalog + "columns: {odd: {ts: string, n: double}}\n"
    with System("told", told, str).lake(tmp_path / "other") as lake:
        [found] = rows(lake, "SELECT ts, isnan(n) AS n FROM crm.odd")
        assert found == {"ts": "infinity", "n": True}


def test_types_of_mysql_are_types_of_the_lake(
    request: pytest.FixtureRequest, mysql: System, tmp_path: Path
) -> None:
    server = request.getfixturevalue("maria_server")
    server.run(
        f"USE shop{server.databases}; CREATE TABLE odd (u bigint unsigned, t tinyint(1), j json, "
        "b bit(9), e enum('x','y'), s set('p','q'), y year, w time, bl blob, wide decimal(60,2), "
        "f float, d double, g point, at timestamp(6) NULL); INSERT INTO odd VALUES "
        "(18446744073709551615, 2, '{\"k\": 1}', b'100000001', 'y', 'p,q', 2026, '-10:11:12', "
        "X'00ff', 1.5, 0.5, 2.5, POINT(1, 2), '2026-01-02 03:04:05.678901')"
    )
    with mysql.lake(tmp_path / "project") as lake:
        [found] = rows(lake, 'SELECT * EXCLUDE (g, "at") FROM crm.odd')
        assert found == {
            "u": Decimal(18446744073709551615), "t": 2, "j": '{"k": 1}', "b": Decimal(257),
            "e": "y", "s": "p,q", "y": 2026, "w": "-10:11:12", "bl": b"\x00\xff", "wide": "1.50",
            "f": 0.5, "d": 2.5,
        }  # fmt: skip
        for condition in (
            "u = 18446744073709551615",
            "t = 2",
            "e = 'y'",
            "y > 2025",
            "d = 2.5",
        ):
            assert len(rows(lake, f"SELECT e FROM crm.odd WHERE {condition}")) == 1, condition


@pytest.mark.postgres
def test_columns_that_differ_by_case_alone_are_named(
    request: pytest.FixtureRequest,
    postgresql: System,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    import psycopg

    server = request.getfixturevalue("server")
    url = f"host={server.folder} user=lake dbname=lake{server.databases}"
    with psycopg.connect(url, autocommit=True) as con:
        con.execute('CREATE TABLE alike (id int, "Id" int, "Größe" text)')
        con.execute("INSERT INTO alike VALUES (1, 2, 'L')")
    with postgresql.lake(tmp_path / "project") as lake:
        assert rows(lake, 'SELECT "Größe" FROM crm.alike') == [{"Größe": "L"}]
        for query in ("SELECT * FROM crm.alike", "SELECT id FROM crm.alike"):
            with pytest.raises(RemoteNameError, match="differ by case alone: Id, id"):
                rows(lake, query)
        lake.federation.refresh()
    [told] = [one for one in caplog.records if "crm.alike" in one.getMessage()]
    assert "comes twice" in told.getMessage()
    assert told.exc_info is None


@pytest.mark.postgres
def test_another_encoding_changes_no_answer_of_postgresql(
    request: pytest.FixtureRequest, postgresql: System, tmp_path: Path
) -> None:
    import psycopg

    server = request.getfixturevalue("server")
    server.run(
        "createdb", "-h", str(server.folder), "-U", "lake", "-E", "LATIN1", "-T", "template0",
        "--locale=C", "latin",
    )  # fmt: skip
    with psycopg.connect(
        f"host={server.folder} user=lake dbname=latin", autocommit=True
    ) as con:
        con.execute("SET client_encoding = 'UTF8'")
        con.execute("CREATE TABLE people (id int, name text)")
        con.execute("INSERT INTO people VALUES (1, 'Ärger'), (2, 'Ann'), (3, 'ann')")
    lines = postgresql.catalog.splitlines()
    other = "\n".join("database: latin" if "database: " in line else line for line in lines)
    with System("latin", f"{other}\n", str).lake(tmp_path / "project") as lake:
        for condition, expected in (
            ("name = 'Ärger'", [1]), ("name > 'a'", [1, 3]), ("name = '日本'", []),
            ("name IN ('ann', '日本')", [3]), ("name LIKE 'Är%'", [1]), ("name < 'Z'", [2]),
        ):  # fmt: skip
            assert ids(lake, condition) == expected, condition


def test_another_character_set_changes_no_answer_of_mysql(
    request: pytest.FixtureRequest, mysql: System, tmp_path: Path
) -> None:
    server = request.getfixturevalue("maria_server")
    database = f"shop{server.databases}"
    server.run(
        f"USE {database}; DROP TABLE people; CREATE TABLE people (id int, "
        "name varchar(20) CHARACTER SET latin1, bin varchar(20) COLLATE utf8mb4_bin, "
        "zero date, at timestamp(3) NULL) DEFAULT CHARSET=utf8mb4; "
        "SET sql_mode=''; SET time_zone='+05:00'; INSERT INTO people VALUES "
        "(1, 'Ärger', 'a', '0000-00-00', '2026-01-02 03:04:05.5'), "
        "(2, 'Ann', 'Ä', '2026-01-01', NULL), (3, 'ann', '日本', NULL, NULL)"
    )
    with mysql.lake(tmp_path / "project") as lake:
        for condition, expected in (
            ("name = 'Ärger'", [1]), ("name > 'a'", [1, 3]), ("name = '日本'", []),
            ("name IN ('ann', '日本')", [3]), ("bin = '日本'", [3]), ("bin LIKE 'Ä%'", [2]),
            ("zero IS NULL", [1, 3]), ("zero < '2027-01-01'", [2]),
            ("\"at\" = '2026-01-01 22:04:05.5'", [1]), ("\"at\" IS NOT NULL", [1]),
        ):  # fmt: skip
            assert ids(lake, condition) == expected, condition
        assert rows(lake, "SELECT bin FROM crm.people WHERE id = 3") == [{"bin": "日本"}]


def test_many_rows_are_kept_by_the_engine(
    sqlite: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More rows than are held as they came go through the engine's own table, errors too."""
    monkeypatch.setattr("lakeworks.engines.duckdb.given._HELD_BYTES", 1)
    with sqlite.lake(tmp_path / "project") as lake:
        assert ids(lake, "region = 'EU'") == [1, 3, 4, 6]
        assert rows(lake, "SELECT count(*) AS n FROM crm.people") == [{"n": 6}]
        assert ids(lake, "id > 1", caller="ana") == [3, 4, 6]
        with sqlite3.connect(tmp_path / "people.db") as con:
            con.executemany(
                "INSERT INTO people VALUES (?, 'x', NULL, 'EU', ?)",
                [(number, "many" if number == 50_000 else 1) for number in range(10, 60_000)],
            )
        con.close()
        assert rows(lake, "SELECT max(id) AS m FROM crm.people") == [{"m": 59_999}]
        with pytest.raises(RemoteValueError, match="amount"):
            rows(lake, "SELECT sum(amount) FROM crm.people")
        with pytest.raises(BytesLimitError):
            rows(lake, "SELECT id FROM crm.people", caller=Caller(bytes_limit=100_000))


def test_many_ask_at_once(lake: Lake) -> None:
    def ask(number: int) -> list[int]:
        return ids(lake, f"id >= {number % 6 + 1}", caller=("ana" if number % 2 else None))

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, range(32)))
    assert found == [ask(number) for number in range(32)]
    assert found[0] == [1, 2, 3, 4, 5, 6]
    assert found[1] == [3, 4, 6]
