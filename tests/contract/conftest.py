"""A folder and a real S3 server with conditional writes: the suites run on both."""

from __future__ import annotations

import http.server
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid
from typing import TYPE_CHECKING

import pytest

from lakeworks.storage.objects import ObjectStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_START_S = 60


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """The address of moto's S3 server, alive for the whole session."""
    if importlib.util.find_spec("moto") is None or importlib.util.find_spec("flask") is None:
        reason = "needs moto[server], an S3 server for tests"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port, server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(10)


@pytest.fixture
def s3_options(s3_endpoint: str) -> dict[str, str]:
    """Options of an `s3://` storage on the test server."""
    return {
        "endpoint": s3_endpoint,
        "region": "us-east-1",
        "access_key_id": "AKIATESTTESTTESTTEST",
        "secret_access_key": "a-secret-never-to-be-shown",
    }


@pytest.fixture
def bucket(s3_endpoint: str) -> str:
    """The name of a new, empty bucket."""
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    request = urllib.request.Request(f"{s3_endpoint}/{name}", method="PUT")
    with urllib.request.urlopen(request, timeout=10):
        pass
    return name


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, dict[str, str]]:
    """URL and options of an empty storage, of each kind in turn."""
    if request.param == "folder":
        return str(tmp_path / "lake"), {}
    bucket_name = request.getfixturevalue("bucket")
    return f"s3://{bucket_name}/some/prefix", request.getfixturevalue("s3_options")


@pytest.fixture
def store(place: tuple[str, dict[str, str]]) -> ObjectStore:
    """An empty store of each kind in turn."""
    return ObjectStore.open(*place)


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        if server.poll() is not None:
            pytest.fail("the S3 server for tests ended at once")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/moto-api/", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.05)
    pytest.fail("the S3 server for tests did not start")


@pytest.fixture
def refusing_server() -> Iterator[tuple[str, dict[str, str]]]:
    """An HTTP server that gives the status and body put into the second value."""
    answer = {"status": "403", "body": ""}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = answer["body"].encode()
            self.send_response(int(answer["status"]))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_PUT = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", answer
        server.shutdown()
        thread.join()
