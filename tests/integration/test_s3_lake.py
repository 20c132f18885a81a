"""Whole journeys on S3: a lake in a bucket, sources in a bucket, and both."""

from __future__ import annotations

import gzip
import http.client
import http.server
import io
import json
import os
import subprocess
import sys
import threading
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeworks.cli.main import main
from lakeworks.ingest.discover import discover
from lakeworks.lake import Lake
from lakeworks.pipeline import planner
from lakeworks.query.statements.errors import UnloadLocationError
from lakeworks.storage.objects import ObjectStore

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.s3

KEY_ID = "AKIATESTTESTTESTTEST"
SECRET = "a-secret-never-to-be-shown"
RUN = "import sys; from lakeworks.lake import Lake; Lake.open(sys.argv[1]).pipeline.run()"
ENVIRONMENT = """name: tiny
environments:
  dev:
    storage: {storage}
    s3:
      endpoint: {endpoint}
      region: us-east-1
      access_key_id: ${{LAKE_KEY}}
      secret_access_key: ${{LAKE_SECRET}}
"""


@dataclass
class World:
    """A project, and a place where its source's files arrive.

    Attributes:
        storage, source: `folder` or `bucket`.
    """

    root: Path
    bucket: str
    options: dict[str, str]
    storage: str
    source: str
    arrived: ObjectStore = field(init=False)

    def __post_init__(self) -> None:
        here = self.root / "landing" / "orders"
        there = f"s3://{self.bucket}/incoming/orders"
        self.arrived = (
            ObjectStore.open(str(here))
            if self.source == "folder"
            else ObjectStore.open(there, self.options)
        )
        storage = ".lake" if self.storage == "folder" else f"s3://{self.bucket}/lakes/tiny"
        lake = ENVIRONMENT.format(storage=storage, endpoint=self.options["endpoint"])
        (self.root / "lake.yml").write_text(lake)
        self.declare()

    def declare(self, more: str = "format: json\n") -> None:
        """Write the source's file."""
        path = "landing/orders" if self.source == "folder" else self.arrived.root
        (self.root / "sources" / "orders.yml").write_text(
            f"table: bronze.orders\nfrom: files\npath: {path}\n{more}"
        )

    def put(self, name: str, *rows: dict[str, object] | str) -> None:
        """Let a file arrive: dicts become lines, text stays as it is."""
        lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        data = "".join(line + "\n" for line in lines).encode()
        self.arrived.put(name, gzip.compress(data) if name.endswith(".gz") else data)

    def open(self) -> Lake:
        return Lake.open(self.root)


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials are in the variables that lake.yml names, and nowhere else."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("LAKE_KEY", KEY_ID)
    monkeypatch.setenv("LAKE_SECRET", SECRET)


@pytest.fixture(
    params=[("bucket", "folder"), ("bucket", "bucket"), ("folder", "bucket")],
    ids=["lake on S3", "all on S3", "source on S3"],
)
def world(
    request: pytest.FixtureRequest,
    orders_project: Path,
    bucket: str,
    s3_options: dict[str, str],
) -> World:
    return World(orders_project, bucket, s3_options, *request.param)


@pytest.fixture
def on_s3(orders_project: Path, bucket: str, s3_options: dict[str, str]) -> World:
    """Storage and source in a bucket."""
    return World(orders_project, bucket, s3_options, "bucket", "bucket")


def orders(start: int, count: int = 20, **more: object) -> list[dict[str, object] | str]:
    return [
        {"order_id": f"o{n}", "customer_id": f"c{n % 5}", "amount": n % 7 + 1,
         "updated_at": f"2026-0{n % 3 + 1}-01T00:00:00", **more}
        for n in range(start, start + count)
    ]  # fmt: skip


def ask(lake: Lake, sql: str) -> list[dict[str, Any]]:
    return lake.query.sql(sql).rows()


def count(lake: Lake, table: str) -> int:
    return int(ask(lake, f"select count(*) as n from {table}")[0]["n"])


def said(lake: Lake) -> list[str]:
    return [f"{finding.kind}: {finding.what}" for finding in lake.doctor()]


# --- Journeys ---


def test_files_are_read_once_kept_and_can_be_rolled_back(world: World) -> None:
    with world.open() as lake:
        assert said(lake) == []
        world.put("a.json", *orders(0))
        world.put("deep/b.json.gz", *orders(20), "{torn")
        first = lake.pipeline.run()
        assert first.status == "succeeded"
        assert first.step("bronze.orders").rows_read == 41
        assert first.step("bronze.orders").rows_quarantined == 1
        assert lake.pipeline.run().status == "nothing to do"
        assert said(lake) == []

        world.put("c.json", *orders(30))
        second = lake.pipeline.run()
        assert second.step("bronze.orders").rows_read == 20
        assert second.step("silver.orders").rows_superseded == 10
        assert count(lake, "bronze.orders") == 60
        assert count(lake, "silver.orders") == count(lake, "silver.orders_history") == 50
        assert ask(lake, "select sum(orders) as n from gold.monthly") == [{"n": 50}]
        files = ask(lake, "select distinct _source_file as f from bronze.orders order by f")
        assert [row["f"] for row in files] == ["a.json", "c.json", "deep/b.json.gz"]

        assert ask(lake, "select count(*) as n from silver.orders@v0") == [{"n": 40}]
        lake.pipeline.rollback()
        assert count(lake, "silver.orders") == 40
        assert said(lake) == []
        again = lake.pipeline.run()
        assert again.step("bronze.orders").rows_read == 20
        assert count(lake, "silver.orders") == 50
        assert said(lake) == []


def test_landing_keeps_each_file_byte_for_byte(world: World) -> None:
    world.put("deep/b.json.gz", *orders(0))
    with world.open() as lake:
        lake.pipeline.run()
        (landed,) = lake.storage.landing.list()
        assert landed.path.startswith("bronze.orders/")
        assert landed.path.endswith("/deep/b.json.gz")
        kept = lake.storage.landing.get(landed.path)
    assert kept == world.arrived.get("deep/b.json.gz")


def test_a_full_refresh_reads_the_landed_files_again(world: World) -> None:
    world.put("a.json", *orders(0))
    with world.open() as lake:
        lake.pipeline.run()
        world.arrived.delete(["a.json"])
        world.put("b.json", *orders(20))
        report = lake.pipeline.run("bronze.orders", full_refresh=True)
        assert report.step("bronze.orders").rows_read == 40
        assert count(lake, "bronze.orders") == 40


def test_folders_that_the_source_names_are_columns(world: World) -> None:
    world.declare("format: json\nschema: strict\npartitions: {day: date, region: string}\n")
    world.put("day=2026-01-01/region=%C3%A9%2Fu/a.json", *orders(0, 2))
    world.put("day=2026-01-02/region=__HIVE_DEFAULT_PARTITION__/b.json.gz", *orders(2, 2))
    world.put("day=soon/region=eu/c.json", *orders(4, 1))
    with world.open() as lake:
        for refresh in (False, True):
            step = lake.pipeline.run("bronze.orders", full_refresh=refresh).step(
                "bronze.orders"
            )
            assert (step.rows_read, step.rows_written, step.rows_quarantined) == (5, 4, 1)
            told = (
                "select day::text as day, region, count(*) as n from bronze.orders group by all"
            )
            assert Counter(tuple(row.values()) for row in ask(lake, told)) == Counter(
                [("2026-01-01", "é/u", 2), ("2026-01-02", None, 2)]
            )
            (kept,) = ask(lake, "select source_file, error from quarantine.bronze_orders")
            assert kept["source_file"] == "day=soon/region=eu/c.json"
            assert kept["error"] == "values that do not fit: day"


def test_a_file_of_the_same_size_and_other_content_is_read_anew(world: World) -> None:
    world.put("a.json", *orders(0, note="old"))
    world.put("b.json", *orders(20))
    with world.open() as lake:
        lake.pipeline.run()
        world.put("a.json", *orders(0, note="new"))
        report = lake.pipeline.run()
        assert report.step("bronze.orders").rows_read == 20
        found = ask(lake, "select note, count(*) as n from bronze.orders group by 1 order by 1")
        assert Counter({row["note"]: row["n"] for row in found}) == {"new": 20, None: 20}
        assert lake.pipeline.run().status == "nothing to do"


def test_of_a_file_that_grew_only_the_end_is_read_where_so_declared(world: World) -> None:
    world.declare("format: json\non_change: append\n")
    world.put("a.json", *orders(0))
    with world.open() as lake:
        lake.pipeline.run()
        world.put("a.json", *orders(0), *orders(20, 5), "{torn")
        report = lake.pipeline.run()
        assert report.step("bronze.orders").rows_read == 6
        assert count(lake, "bronze.orders") == 25
        (torn,) = ask(lake, "select source_row from quarantine.bronze_orders")
        assert torn["source_row"] == 26


def test_a_file_that_vanishes_after_it_was_listed_is_left_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put("a.json", *orders(0))
    world.put("gone.json", *orders(20))

    listings = []

    def found_and_gone(*asked: Any) -> Any:
        """List as ever; after the second listing, which the step reads by, a file goes."""
        listings.append(discover(*asked))
        if len(listings) == 2:
            world.arrived.delete(["gone.json"])
        return listings[-1]

    with world.open() as lake:
        with monkeypatch.context() as patched:
            patched.setattr(planner, "discover", found_and_gone)
            report = lake.pipeline.run("bronze.orders")
        assert len(listings[1]) == 2
        assert report.step("bronze.orders").rows_read == 20
        assert said(lake) == []
        assert lake.pipeline.run("bronze.orders").status == "nothing to do"
        world.put("gone.json", *orders(20))
        assert lake.pipeline.run("bronze.orders").step("bronze.orders").rows_read == 20


def test_files_may_be_read_where_they_lie(world: World) -> None:
    world.declare("format: json\nlanding: in_place\n")
    world.put("a.json", *orders(0))
    world.put("b.json.gz", *orders(20), "{torn")
    with world.open() as lake:
        report = lake.pipeline.run()
        assert report.step("bronze.orders").rows_read == 41
        assert list(lake.storage.landing.list()) == []
        again = lake.pipeline.run("bronze.orders", full_refresh=True)
        assert again.step("bronze.orders").rows_read == 41
        assert said(lake) == []


def test_upkeep_leaves_the_rows_and_a_healthy_lake(on_s3: World) -> None:
    with on_s3.open() as lake:
        for day in range(3):
            on_s3.put(f"{day}.json", *orders(day * 20))
            lake.pipeline.run()
        before = sorted(map(repr, ask(lake, "select * from silver.orders")))
        done = lake.tables.optimize("silver.events")
        assert done.version is not None
        assert lake.tables.optimize("silver.orders", zorder=["customer_id"]).version is not None
        assert any(one.paths for one in lake.tables.vacuum(retention=timedelta(0)))
        assert sorted(map(repr, ask(lake, "select * from silver.orders"))) == before
        assert count(lake, "silver.events") == 60
        assert said(lake) == []
        on_s3.put("more.json", *orders(60))
        assert lake.pipeline.run().status == "succeeded"
        assert count(lake, "silver.orders") == 80


def test_two_runs_at_once_read_each_file_once(on_s3: World) -> None:
    for number in range(6):
        on_s3.put(f"{number}.json", *orders(number * 20))
    both = [
        subprocess.Popen([sys.executable, "-c", RUN, str(on_s3.root)], stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    told = [process.communicate(timeout=120)[1].decode() for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    with on_s3.open() as lake:
        assert count(lake, "bronze.orders") == count(lake, "silver.events") == 120
        assert count(lake, "silver.orders") == 120
        assert len(lake.catalog.runs()) == 2
        assert lake.pipeline.run().status == "nothing to do"
        assert said(lake) == []


# --- What is in the files ---


@pytest.mark.parametrize("source", ["folder", "bucket"])
def test_what_a_lake_on_s3_makes_of_files_is_what_a_local_one_does(
    tmp_path: Path, bucket: str, s3_options: dict[str, str], source: str
) -> None:
    found = {}
    for storage, place in (("folder", "folder"), ("bucket", source)):
        root = tmp_path / storage
        (root / "sources").mkdir(parents=True)
        (root / "landing").mkdir()
        world = World(root, bucket, s3_options, storage, place)
        world.declare("")
        for name, data in EVERY_KIND.items():
            world.arrived.put(name, data)
        with world.open() as lake:
            report = lake.pipeline.run()
            assert report.status == "succeeded", [s.error for s in report.steps]
            found[storage] = (
                report.step("bronze.orders").rows_read,
                rows_of(lake, "bronze.orders", {"_run_id", "_ingested_at"}),
                rows_of(lake, "quarantine.bronze_orders", {"run_id", "quarantined_at"}),
            )
    for there, here in zip(found["bucket"], found["folder"], strict=True):
        assert there == here


ROWS = [{"id": n, "name": f"n{n}", "tags": ["a", None], "at": {"x": n / 2}} for n in range(50)]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()


def zipped(**members: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name.replace("_", "."), data)
    return made.getvalue()


def as_parquet() -> bytes:
    made = io.BytesIO()
    pq.write_table(pa.table({"id": [1, 2], "name": ["one", None]}), made)
    return made.getvalue()


MISFIT = b'{"id": "seven", "name": 5, "tags": "none"}\n'
EVERY_KIND = {
    "lines.json": LINES,
    "lines.json.gz": gzip.compress(LINES),
    "misnamed.json": gzip.compress(LINES),
    "torn.json": LINES + b'{"id": 1, "name": "cut\n' + LINES + b"[1, 2\n\nnot json\n",
    "torn.json.gz": gzip.compress(LINES + b'{"id": 1, "na\n' + LINES),
    "truncated.json.gz": gzip.compress(LINES * 20)[:-30],
    "misfit.json": LINES + MISFIT,
    "not-utf-8.json": LINES + b'{"name": "caf\xe9"}\n',
    "array.json": json.dumps(ROWS).encode(),
    "array-over-lines.json.gz": gzip.compress(json.dumps(ROWS, indent=2).encode()),
    "document.json": json.dumps(ROWS[0], indent=2).encode(),
    "documents.json": "\n".join(json.dumps(row, indent=2) for row in ROWS).encode(),
    "bom.json": b"\xef\xbb\xbf" + LINES,
    "utf-16.json": LINES.decode().encode("utf-16"),
    "long-array.json": json.dumps(ROWS * 30, indent=2).encode(),
    "no-end.json": LINES.rstrip(),
    "blank.json": b" \n\n",
    "empty.json": b"",
    "byte.json": b"7",
    "commas.csv": b"id,name\n1,one\n2,two, too many\n3,three\n",
    "semicolons.csv": 'id;name\n1;ä\n2;"quo;ted"\n'.encode(),
    "latin-1.csv": "id,name\n1,caf\xe9\n".encode("latin-1"),
    "bom.csv": b"\xef\xbb\xbfid,name\n1,one\n",
    "packed.csv.gz": gzip.compress(b"id,name\n1,one\n"),
    "members.zip": zipped(a_json=LINES, b_csv=b"id,name\n1,one\n"),
    "broken.zip": zipped(a_json=LINES)[:-40],
    "table.parquet": as_parquet(),
    "broken.parquet": as_parquet()[:-20],
    "access.log": b'1.2.3.4 - - [10/Oct/2026:13:55:36 +0000] "GET / HTTP/1.1" 200 23\nno log line\n',
}


def rows_of(lake: Lake, table: str, leave_out: set[str]) -> Counter[str]:
    """Return how often each row occurs; where the lake lies does not matter."""
    return Counter(
        repr(sorted((k, v) for k, v in row.items() if k not in leave_out)).replace(
            lake.storage.store.root, "<lake>"
        )
        for row in ask(lake, f"select * from {table}")
    )


def test_a_torn_line_is_in_quarantine_as_it_came_with_its_number(world: World) -> None:
    world.put("a.json", *orders(0), '{"order_id": "o9', *orders(20), "no json")
    world.put("b.json.gz", *orders(40), "[1,")
    with world.open() as lake:
        lake.pipeline.run()
        found = ask(
            lake, "select row, rule, source_file, source_row from quarantine.bronze_orders"
        )
    assert sorted((r["source_file"], r["source_row"], r["row"], r["rule"]) for r in found) == [
        ("a.json", 21, '{"order_id": "o9', "parse"),
        ("a.json", 42, "no json", "parse"),
        ("b.json.gz", 21, "[1,", "parse"),
    ]


# --- Credentials ---


@pytest.fixture
def guarded(s3_endpoint: str) -> Iterator[tuple[str, Counter[str]]]:
    """The address of a server that passes on what is signed with the right key, and counts."""
    server = urlsplit(s3_endpoint).netloc
    seen: Counter[str] = Counter()

    class Guard(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            signed = f"Credential={KEY_ID}/" in self.headers.get("Authorization", "")
            seen["signed" if signed else f"unsigned {self.command} {self.path}"] += 1
            if not signed:
                self._answer(403, [], b"<Error><Code>AccessDenied</Code></Error>")
                return
            there = http.client.HTTPConnection(server, timeout=60)
            there.request(self.command, self.path, body, dict(self.headers))
            answer = there.getresponse()
            self._answer(answer.status, answer.getheaders(), answer.read())
            there.close()

        do_PUT = do_POST = do_DELETE = do_HEAD = do_GET  # noqa: N815

        def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            self.send_response_only(status)
            for name, value in headers:
                if name.lower() not in {"transfer-encoding", "content-length", "connection"}:
                    self.send_header(name, value)
            length = {n.lower(): v for n, v in headers}.get("content-length", len(body))
            self.send_header("Content-Length", str(length))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Guard) as passing:
        passing.daemon_threads = True
        thread = threading.Thread(target=passing.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{passing.server_address[1]}", seen
        passing.shutdown()
        thread.join()


def test_every_request_is_signed_with_the_keys_of_lake_yml(
    orders_project: Path,
    bucket: str,
    guarded: tuple[str, Counter[str]],
    s3_options: dict[str, str],
) -> None:
    address, seen = guarded
    world = World(
        orders_project, bucket, {**s3_options, "endpoint": address}, "bucket", "bucket"
    )
    journey(world)
    assert set(seen) == {"signed"}


def test_every_request_is_signed_with_the_keys_of_the_environment(
    orders_project: Path,
    bucket: str,
    guarded: tuple[str, Counter[str]],
    s3_options: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address, seen = guarded
    world = World(
        orders_project, bucket, {**s3_options, "endpoint": address}, "bucket", "bucket"
    )
    (orders_project / "lake.yml").write_text(
        f"name: tiny\nenvironments:\n  dev:\n    storage: s3://{bucket}/lakes/tiny\n"
    )
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    journey(world)
    assert set(seen) == {"signed"}


def journey(world: World) -> None:
    """Do everything once."""
    world.put("a.json", *orders(0), "{torn")
    with world.open() as lake:
        assert lake.pipeline.run().status == "succeeded"
        world.put("b.json", *orders(10))
        assert lake.pipeline.run().status == "succeeded"
        assert count(lake, "silver.orders") == 30
        lake.pipeline.rollback()
        assert lake.pipeline.run().status == "succeeded"
        lake.tables.optimize("silver.events")
        lake.tables.vacuum(retention=timedelta(0))
        assert said(lake) == []


def test_no_secret_is_printed_or_written(
    on_s3: World, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    on_s3.put("a.json", *orders(0), "{torn")
    for command in (
        ["check"], ["plan"], ["run"], ["tables"], ["show", "silver.orders"], ["doctor"],
        ["history"], ["query", "select * from silver.orders"], ["quarantine"],
        ["query", "select * from read_parquet('s3://elsewhere/x.parquet')"],
        ["query", "select * from duckdb_secrets()"],
        ["query", "select current_setting('s3_secret_access_key')"],
    ):  # fmt: skip
        for more in ([], ["--json"]):
            main([*command, "-C", str(on_s3.root), *more])
    told = capfd.readouterr()
    assert "o19" in told.out
    monkeypatch.setenv("LAKE_KEY", "AKIAOTHEROTHEROTHERO")
    lake_yml = on_s3.root / "lake.yml"
    lake_yml.write_text(lake_yml.read_text().replace(on_s3.bucket, "no-such-bucket"))
    assert main(["run", "-C", str(on_s3.root)]) != 0
    assert main(["doctor", "-C", str(on_s3.root)]) != 0
    failed = capfd.readouterr()
    assert "no-such-bucket" in failed.err + failed.out
    for text in (*told, *failed):
        assert SECRET not in text
    for path in on_s3.root.rglob("*"):
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes(), path
    lake = ObjectStore.open(f"s3://{on_s3.bucket}", on_s3.options)
    assert not [one.path for one in lake.list() if SECRET.encode() in lake.get(one.path)]


def test_statements_write_tables_and_files_in_a_bucket(on_s3: World) -> None:
    on_s3.put("a.json", *orders(0, 20))
    with on_s3.open() as lake:
        assert lake.pipeline.run().status == "succeeded"
        statement = "create table gold.ids as select order_id from bronze.orders"
        assert lake.query.sql(statement).rows() == [{"rows": 20}]
        assert lake.query.sql("delete from gold.ids where order_id is null").rows() == [
            {"rows": 0}
        ]
        first = "(select min(order_id) from gold.ids)"
        assert lake.query.sql(f"delete from gold.ids where order_id = {first}").rows() == [
            {"rows": 1}
        ]
        place = f"s3://{on_s3.bucket}/exports/ids"
        unload = f"unload (select * from gold.ids) to '{place}/' with (format = 'JSON')"
        assert lake.query.sql(unload).rows() == [{"rows": 19}]
        for wrong in (place, f"{lake.storage.store.root}/x", lake.storage.store.root):
            with pytest.raises(UnloadLocationError):
                lake.query.sql(f"unload (select 1 as a) to '{wrong}'")
    store = ObjectStore.open(place, on_s3.options)
    (file,) = store.list()
    assert len(gzip.decompress(store.get(file.path)).splitlines()) == 19
