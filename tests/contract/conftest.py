"""A folder and a real S3 server: the suites run on both."""

from __future__ import annotations

import http.server
import threading
from typing import TYPE_CHECKING

import pytest

from lakeworks.storage.objects import ObjectStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


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
