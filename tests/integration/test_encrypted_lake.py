"""Every object of a lake in a bucket is written encrypted as its environment asks."""

from __future__ import annotations

import gzip
import http.client
import http.server
import json
import os
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import pytest

from lakeworks.core.names import TableName
from lakeworks.lake import Lake
from lakeworks.storage.errors import StorageRequestError
from lakeworks.storage.log_checkpoint import write_checkpoint
from lakeworks.storage.objects import ObjectStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.s3

KEY = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
WAYS = {
    "SSE-S3": {"sse": "AES256"},
    "KMS with a key": {"sse": "aws:kms", "kms_key_id": KEY},
    "KMS with the account's key": {"sse": "aws:kms"},
    "KMS with a bucket key": {"sse": "aws:kms", "kms_key_id": KEY, "bucket_key": "true"},
    "KMS twice": {"sse": "aws:kms:dsse", "kms_key_id": KEY},
}


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)


@pytest.fixture(params=list(WAYS.values()), ids=list(WAYS))
def way(request: pytest.FixtureRequest) -> dict[str, str]:
    """What is asked of the store."""
    found: dict[str, str] = request.param
    return found


Writes = dict[str, dict[str, str]]


@pytest.fixture
def recorded(s3_options: dict[str, str]) -> Iterator[tuple[dict[str, str], Writes]]:
    """Options of a server that passes everything on, and what writing requests asked for.

    The test server itself forgets bucket keys of uploads in pieces, and the keys of `aws:kms:dsse`.
    """
    server = urlsplit(s3_options["endpoint"]).netloc
    asked: Writes = {}

    class Passing(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            begins = self.command == "POST" and "uploads" in self.path and "Id" not in self.path
            if begins or (self.command == "PUT" and "uploadId" not in self.path):
                path = unquote(urlsplit(self.path).path)
                told = {name.lower(): value for name, value in self.headers.items()}
                asked[path] = {
                    name.removeprefix("x-amz-server-side-"): value
                    for name, value in told.items()
                    if name.startswith("x-amz-server-side-")
                }
            there = http.client.HTTPConnection(server, timeout=60)
            there.request(self.command, self.path, body, dict(self.headers))
            answer = there.getresponse()
            content = answer.read()
            self.send_response_only(answer.status)
            headers = {name.lower(): value for name, value in answer.getheaders()}
            for name, value in headers.items():
                if name not in {"transfer-encoding", "content-length", "connection"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", headers.get("content-length", str(len(content))))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)
            there.close()

        do_PUT = do_POST = do_DELETE = do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Passing) as passing:
        passing.daemon_threads = True
        thread = threading.Thread(target=passing.serve_forever)
        thread.start()
        endpoint = f"http://127.0.0.1:{passing.server_address[1]}"
        yield {**s3_options, "endpoint": endpoint}, asked
        passing.shutdown()
        thread.join()


def heads(bucket: str, options: dict[str, str]) -> dict[str, dict[str, Any]]:
    """What the store says of each object of a bucket."""
    session = pytest.importorskip("botocore.session")
    client = session.Session().create_client(
        "s3", endpoint_url=options["endpoint"], region_name="us-east-1",
        aws_access_key_id=options["access_key_id"],
        aws_secret_access_key=options["secret_access_key"],
    )  # fmt: skip
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    keys = [one["Key"] for page in pages for one in page.get("Contents", ())]
    return {key: client.head_object(Bucket=bucket, Key=key) for key in keys}


def wanted(way: dict[str, str]) -> dict[str, str]:
    """The headers of each request that writes an object."""
    found = {"encryption": way["sse"]}
    if "kms_key_id" in way:
        found["encryption-aws-kms-key-id"] = way["kms_key_id"]
    if "bucket_key" in way:
        found["encryption-bucket-key-enabled"] = "true"
    return found


def assert_encrypted(
    bucket: str, options: dict[str, str], asked: Writes, way: dict[str, str]
) -> set[str]:
    """Hold every object and every request that wrote one to what was asked; return the keys."""
    found = heads(bucket, options)
    assert {f"/{bucket}/{key}" for key in found} <= set(asked)
    unlike = {path: told for path, told in asked.items() if told != wanted(way)}
    assert unlike == {}
    assert {head.get("ServerSideEncryption") for head in found.values()} == {way["sse"]}
    if way["sse"] == "aws:kms" and "kms_key_id" in way:
        assert {head.get("SSEKMSKeyId") for head in found.values()} == {way["kms_key_id"]}
    return set(found)


def declared(root: Path, bucket: str, options: dict[str, str], way: dict[str, str]) -> None:
    """Write an environment whose storage is in a bucket."""
    s3 = json.dumps({**options, **way})
    (root / "lake.yml").write_text(
        f"name: tiny\nenvironments:\n  dev:\n    storage: s3://{bucket}/lake\n    s3: {s3}\n"
    )


def arrived(root: Path, number: int, rows: int = 20) -> None:
    lines = [
        json.dumps({"order_id": f"o{n}", "customer_id": f"c{n % 5}", "amount": n % 7,
                    "updated_at": f"2026-0{n % 3 + 1}-0{number % 9 + 1}T00:00:00"})
        for n in range(number * 10, number * 10 + rows)
    ]  # fmt: skip
    (root / "landing" / "orders" / f"{number}.json.gz").write_bytes(
        gzip.compress("\n".join([*lines, "{torn", ""]).encode())
    )


def test_every_object_of_a_lake_is_encrypted_as_asked(
    orders_project: Path,
    bucket: str,
    recorded: tuple[dict[str, str], Writes],
    way: dict[str, str],
) -> None:
    options, asked = recorded
    declared(orders_project, bucket, options, way)
    with Lake.open(orders_project) as lake:
        for number in range(3):
            arrived(orders_project, number)
            assert lake.pipeline.run().status == "succeeded"
        for name in ("bronze.orders", "silver.orders"):
            lake.tables.optimize(TableName.parse(name))
            assert not write_checkpoint(lake.storage.table(TableName.parse(name)).store)
        keys = assert_encrypted(bucket, options, asked, way)
        rows = lake.query.sql("select count(*) as n from bronze.orders").rows()
    assert rows == [{"n": 60}]
    parts = ("lake/landing/", "/silver/orders/", "/quarantine/", "_delta_log/", ".checkpoint.")
    assert [part for part in parts if not any(part in key for key in keys)] == []


def test_large_objects_in_pieces_are_encrypted(
    bucket: str, recorded: tuple[dict[str, str], Writes], way: dict[str, str]
) -> None:
    options, asked = recorded
    store = ObjectStore.open(f"s3://{bucket}", {**options, **way})
    store.write_stream("large", (b"x" * 2**20 for _ in range(40)))
    store.put("small", b"1")
    store.put_if_absent("once", b"1")
    assert assert_encrypted(bucket, options, asked, way) == {"large", "small", "once"}


def test_without_settings_the_bucket_decides(
    orders_project: Path, bucket: str, s3_options: dict[str, str]
) -> None:
    declared(orders_project, bucket, s3_options, {})
    arrived(orders_project, 1)
    with Lake.open(orders_project) as lake:
        lake.pipeline.run()
    assert {
        head.get("ServerSideEncryption") for head in heads(bucket, s3_options).values()
    } <= {
        None,
        "AES256",
    }


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"sse": "rot13"}, "no encryption that S3 has"),
        ({"kms_key_id": KEY}, "sse is not aws:kms"),
        ({"sse": "AES256", "kms_key_id": KEY}, "sse is not aws:kms"),
        ({"bucket_key": "true"}, "sse is not aws:kms"),
        ({"sse": "aws:kms:dsse", "bucket_key": "true"}, "no bucket keys"),
    ],
)
def test_half_a_request_is_refused(options: dict[str, str], reason: str) -> None:
    with pytest.raises(StorageRequestError, match=reason):
        ObjectStore.open("s3://bucket", {"region": "us-east-1", **options})
