"""What the suites run on: a folder and a real S3 server; SQLite and a real PostgreSQL server."""

from __future__ import annotations

import http.server
import os
import pwd
import shutil
import subprocess
import tempfile
import threading
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from free_ports import free_port

from lakeworks.catalog import Catalog
from lakeworks.storage.objects import ObjectStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import NoReturn


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


class Server:
    """A PostgreSQL server of the tests' own, reached through a socket file."""

    def __init__(self, programs: Path) -> None:
        self.programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="lw-pg-"))
        self.user = _unprivileged()
        if self.user:
            shutil.chown(self.folder, self.user)
        self.run("initdb", "-D", str(self.folder / "data"), "-U", "lake", "-A", "trust", "-N")
        options = f"-c listen_addresses='' -c fsync=off -k {self.folder}"
        data, log = str(self.folder / "data"), str(self.folder / "log")
        self.run("pg_ctl", "-D", data, "-l", log, "-o", options, "-w", "start")
        self.databases = 0

    def run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self.programs / program), *arguments],
            user=self.user,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def url(self) -> str:
        self.databases += 1
        name = f"lake{self.databases}"
        self.run("createdb", "-h", str(self.folder), "-U", "lake", name)
        return f"postgresql://lake@/{name}?host={quote(str(self.folder), safe='')}"

    def stop(self) -> None:
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "stop")
        shutil.rmtree(self.folder)


def _unprivileged() -> str | None:
    """PostgreSQL refuses to run as root; its Debian package makes a user for it."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _programs() -> Path | None:
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / "initdb").exists():
            return folder
    found = shutil.which("initdb")
    return Path(found).parent if found else None


@pytest.fixture(scope="session")
def server() -> Iterator[Server | None]:
    programs = _programs()
    if programs is None:
        yield None
        return
    started = Server(programs)
    yield started
    started.stop()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(
    request: pytest.FixtureRequest, tmp_path: Path, unavailable: Callable[[str], NoReturn]
) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/lake/catalog.db"
    if find_spec("psycopg") is None:
        unavailable("psycopg (pip install 'lakeworks[postgres]')")
    server = request.getfixturevalue("server")
    if server is None:
        unavailable("PostgreSQL (apt install postgresql)")
    return str(server.url())


@pytest.fixture
def catalog(url: str) -> Iterator[Catalog]:
    with Catalog.open(url) as opened:
        yield opened


class MariaServer:
    """A MariaDB server of the tests' own; it writes every statement into a log."""

    def __init__(self, program: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="lw-my-"))
        user = _unprivileged_as("mysql")
        if user:
            shutil.chown(self.folder, user)
        data = f"--datadir={self.folder}/data"
        own = ["--no-defaults", *([f"--user={user}"] if user else [])]
        made = subprocess.run(
            ["mariadb-install-db", *own, data, "--auth-root-authentication-method=normal"],
            capture_output=True,
            check=False,
        )
        assert made.returncode == 0, made.stdout[-500:] + made.stderr[-500:]
        self.port = free_port()
        self.log = self.folder / "statements"
        self.process = subprocess.Popen(
            [
                program, *own, data, f"--socket={self.folder}/socket", f"--port={self.port}",
                "--bind-address=127.0.0.1", "--general-log=1", f"--general-log-file={self.log}",
                f"--pid-file={self.folder}/pid", "--innodb-buffer-pool-size=32M",
                "--innodb-flush-log-at-trx-commit=0", "--character-set-server=utf8mb4",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + 60
        while subprocess.run(
            self._client("SELECT 1"), capture_output=True, check=False
        ).returncode:
            assert self.process.poll() is None, "MariaDB ended at once"
            assert time.monotonic() < deadline, "MariaDB did not start"
            time.sleep(0.05)
        self.databases = 0

    def _client(self, sql: str) -> list[str]:
        return ["mariadb", "--no-defaults", f"--socket={self.folder}/socket", "-uroot",
                "--default-character-set=utf8mb4", "-e", sql]  # fmt: skip

    def run(self, sql: str) -> None:
        """Run statements as the server's administrator."""
        done = subprocess.run(self._client(sql), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def asked(self, sql: str) -> str:
        """Return the one value that a query gives."""
        command = [*self._client(sql), "-N", "-B"]
        return subprocess.run(
            command, capture_output=True, text=True, check=True
        ).stdout.strip()

    def database(self) -> str:
        """Make a database, and return its name."""
        self.databases += 1
        name = f"shop{self.databases}"
        self.run(
            f"CREATE DATABASE {name}; "
            "CREATE USER IF NOT EXISTS lake@'127.0.0.1' IDENTIFIED BY 'pass word'; "
            f"GRANT SELECT ON {name}.* TO lake@'127.0.0.1'"
        )
        return name

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)
        shutil.rmtree(self.folder)


def _unprivileged_as(user: str) -> str | None:
    """MariaDB refuses to run as root; its Debian package makes a user for it."""
    if os.geteuid() != 0:
        return None
    return user if user in {entry.pw_name for entry in pwd.getpwall()} else "nobody"


@pytest.fixture(scope="session")
def maria_server(unavailable: Callable[[str], NoReturn]) -> Iterator[MariaServer]:
    program = shutil.which("mariadbd") or shutil.which("mysqld")
    if program is None or shutil.which("mariadb-install-db") is None:
        unavailable("MariaDB (apt install mariadb-server)")
    started = MariaServer(program)
    yield started
    started.stop()
