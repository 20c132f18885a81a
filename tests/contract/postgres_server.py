"""A PostgreSQL server of a test's own, over TCP, with a password, with TLS, stopped and started."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote, urlencode

from free_ports import free_port

PASSWORD = "pl4nted-catalog-pass/word"


def programs() -> Path | None:
    """Return the folder of the server's programs, or None where there is no server."""
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / "initdb").exists():
            return folder
    found = shutil.which("initdb")
    return Path(found).parent if found else None


class PostgresServer:
    """A server on this machine that asks for the password of its user `lake`.

    Args:
        folder: Its programs.
        tls: Whether it takes connections with TLS alone; `authority` then vouches for it.
    """

    def __init__(self, folder: Path, *, tls: bool = False) -> None:
        self._programs = folder
        self._user = _unprivileged()
        self.folder = Path(tempfile.mkdtemp(prefix="lw-pg-"))
        self.authority = self.folder / "authority.pem"
        self.port = free_port()
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        self._own(self.folder, secret)
        self._run("initdb", "-D", str(self.data), "-U", "lake", "-A", "scram-sha-256", "-N",
                  "--pwfile", str(secret))  # fmt: skip
        if tls:
            self._encrypt()
        self.start()
        try:
            self._made()
        except BaseException:
            self.remove()
            raise

    def _made(self) -> None:
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "lake", "lake")

    @property
    def data(self) -> Path:
        """Its own folder."""
        return self.folder / "data"

    def url(self, *, password: str = PASSWORD, host: str = "127.0.0.1", **options: str) -> str:
        """Return where the database is."""
        query = f"?{urlencode(options)}" if options else ""
        told = quote(password, safe="")
        return f"postgresql://lake:{told}@{host}:{self.port}/lake{query}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c fsync=off -k {self.folder}"
        self._run("pg_ctl", "-D", str(self.data), "-l", str(self.folder / "log"), "-o", options,
                  "-w", "start")  # fmt: skip

    def stop(self) -> None:
        """Stop it at once, as a crash would."""
        self._run("pg_ctl", "-D", str(self.data), "-m", "immediate", "stop")

    def set_password(self, password: str) -> None:
        """Give the user another password."""
        self._run("psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "lake", "-d", "lake",
                  "-c", f"ALTER USER lake PASSWORD '{password}'")  # fmt: skip

    def remove(self) -> None:
        """Stop it and delete all of it."""
        self.stop()
        shutil.rmtree(self.folder)

    def _encrypt(self) -> None:
        key, certificate = self.data / "server.key", self.data / "server.crt"
        authority_key = self.folder / "authority.key"
        request = self.folder / "request.pem"
        names = self.folder / "names"
        names.write_text("subjectAltName=IP:127.0.0.1\n")
        for words in (
            ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(authority_key),
             "-out", str(self.authority), "-days", "2", "-subj", "/CN=Authority of the tests"],
            ["req", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(request),
             "-subj", "/CN=127.0.0.1"],
            ["x509", "-req", "-in", str(request), "-CA", str(self.authority), "-CAkey",
             str(authority_key), "-CAcreateserial", "-out", str(certificate), "-days", "2",
             "-extfile", str(names)],
        ):  # fmt: skip
            subprocess.run(["openssl", *words], check=True, capture_output=True)
        key.chmod(0o600)
        self._own(key, certificate)
        # The file of certificates is for clients: everyone may read it, and come to it.
        self.folder.chmod(0o711)
        self.authority.chmod(0o644)
        with (self.data / "postgresql.conf").open("a") as settings:
            settings.write("ssl = on\n")
        rules = self.data / "pg_hba.conf"
        rules.write_text("hostssl all all 127.0.0.1/32 scram-sha-256\n")

    def _own(self, *paths: Path) -> None:
        for path in paths:
            if self._user:
                shutil.chown(path, self._user)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._programs / program), *arguments],
            user=self._user,
            cwd=self.folder,
            env={**os.environ, "PGPASSWORD": PASSWORD, "HOME": str(self.folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


def _unprivileged() -> str | None:
    """PostgreSQL refuses to run as root; its Debian package makes a user for it."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
