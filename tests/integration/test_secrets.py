"""Secrets that are planted everywhere are found nowhere, whatever fails."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import quote

import pytest
from postgres_server import PASSWORD, PostgresServer, programs

from lakeworks.lake import Lake
from lakeworks.project.declaration import Location
from lakeworks.project.secret_references import SecretOptions, Secrets, SecretSettings
from lakeworks.storage.s3_settings import S3Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

S3_SECRET = "pl4nted-s3-secret/+key"
SESSION = "pl4nted-session-token"
API_KEY = "pl4nted-api-key"
SALT = "pl4nted-salt-of-masks-long-enough"
URL_PASSWORD = "pl4nted-url-password"
SECRETS = (S3_SECRET, SESSION, API_KEY, SALT, URL_PASSWORD, PASSWORD)
FORMS = {form for one in SECRETS for form in (one, quote(one, safe=""), quote(one))}

LAKE = """name: planted
environments:
  dev:
    storage: .lake
    openlineage: {{url: "http://127.0.0.1:9/", api_key: "${{secret:file:keys/api}}", timeout_s: 0.5}}
  bucket:
    storage: s3://no-such-bucket-here/lake
    s3:
      endpoint: {endpoint}
      access_key_id: AKIATESTTESTTESTTEST
      secret_access_key: ${{secret:file:keys/s3}}
      session_token: ${{secret:env:PLANTED_SESSION}}
  closed:
    storage: s3://no-such-bucket-here/lake
    s3:
      endpoint: http://127.0.0.1:9
      access_key_id: AKIATESTTESTTESTTEST
      secret_access_key: ${{secret:file:keys/s3}}
  nodb:
    storage: .lake
    catalog: postgresql://me:${{PLANTED_URL_PASSWORD}}@127.0.0.1:9/lake
  baddb:
    storage: .lake
    catalog: mysql://me:${{secret:env:PLANTED_URL_PASSWORD}}@127.0.0.1:9/lake
  missing:
    storage: .lake
    catalog: postgresql://me:${{secret:env:NOWHERE_TO_BE_FOUND}}@127.0.0.1:9/lake
    s3: {{secret_access_key: "${{secret:file:keys/absent}}", access_key_id: "${{secret:env:ABSENT}}"}}
"""


class Command:
    """Runs `lake`, and keeps all that it ever printed."""

    def __init__(self, project: Path) -> None:
        self.project = project
        self.told: list[str] = []

    def __call__(self, *words: str, fails: bool = False, rows: bool = False) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "lakeworks", *words, "-C", str(self.project)],
            capture_output=True, text=True, check=False, timeout=120,
            env={**os.environ, "TMPDIR": str(self.project / "tmp")},
        )  # fmt: skip
        # Rows that were asked for are theirs who asked.
        self.told.append(("" if rows else done.stdout) + done.stderr)
        assert (done.returncode != 0) == fails, (words, done.stdout, done.stderr)
        return done.stdout + done.stderr


@pytest.fixture
def lake(tmp_path: Path, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Command:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("PLANTED_SESSION", SESSION)
    monkeypatch.setenv("PLANTED_URL_PASSWORD", URL_PASSWORD)
    monkeypatch.setenv("LAKEWORKS_MASK_SALT", SALT)
    root = tmp_path / "planted"
    files = {
        "lake.yml": LAKE.format(endpoint=s3_endpoint),
        "sources/people.yml": "table: bronze.people\npath: landing\n",
        "models/silver/people.sql": "select id, mail from bronze.people\n",
        "policies/people.yml": (
            "roles: {analyst: [ana]}\ngrants:\n"
            "  - {to: ana, permissions: SELECT, on: bronze.people}\n"
        ),
        "landing/people.json": '{"id": 1, "mail": "a@b.c"}\n',
        "tmp/none": "",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    for name, secret in (("api", API_KEY), ("s3", S3_SECRET)):
        path = root.parent / "planted" / "keys" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{secret}\n")
        path.chmod(0o600)
    return Command(root)


def shows(text: str) -> set[str]:
    """The planted secrets that a text shows, in whatever form."""
    return {form for form in FORMS if form in text}


def assert_nowhere(command: Command) -> None:
    """Hold all output, every file but the secrets' own, and every row of the catalog to it."""
    assert shows("\n".join(command.told)) == set()
    for path in command.project.rglob("*"):
        if path.is_file() and path.parent.name != "keys":
            assert shows(path.read_bytes().decode("utf-8", "replace")) == set(), path
    catalog = sqlite3.connect(command.project / ".lake" / "catalog.db")
    try:
        tables = catalog.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        for (table,) in tables.fetchall():
            for row in catalog.execute(f'SELECT * FROM "{table}"'):
                assert shows(repr(row)) == set(), table
    finally:
        catalog.close()


def test_whatever_fails_no_secret_is_told_or_kept(lake: Command, s3_endpoint: str) -> None:
    lake("check")
    lake("run")
    # A bucket that is not there, one that nobody answers for, keys that are wrong.
    told = lake("run", "--env", "bucket", fails=True)
    assert "no-such-bucket-here" in told
    lake("run", "--env", "closed", fails=True)
    told = lake("run", "--env", "nodb", fails=True)
    assert "127.0.0.1" in told
    lake("run", "--env", "baddb", fails=True)
    # Queries that hold them: in history, in errors, in the audit trail.
    for secret in (S3_SECRET, SESSION, API_KEY, SALT):
        text = secret.replace("'", "''")
        lake("query", f"select cast('{text}' as int)", fails=True)
        lake(
            "query",
            f"select '{text}' as s, * from bronze.people where mail = '{text}'",
            rows=True,
        )
        lake("query", f'select "{text}" from bronze.people', fails=True)
        lake("query", f'select 1 from bronze."{text}"', fails=True)
        lake("query", f"select '{text}' as s", "--as", "ana", rows=True)
        lake("query", f"select '{text}' from silver.people", "--as", "ana", fails=True)
    lake("doctor", "--json")
    lake("history", "--json")
    lake("audit", "--json")
    with Lake.open(lake.project) as opened:
        opened.catalog.query_history.flush(60)
    assert_nowhere(lake)


def test_check_works_where_secrets_cannot_be_had_and_what_needs_them_names_the_place(
    lake: Command,
) -> None:
    told = lake("check", "--env", "missing")
    assert "lake.yml:" in told
    assert "${secret:env:NOWHERE_TO_BE_FOUND} is not set" in told
    for words in (("run",), ("query", "select 1"), ("history",), ("doctor",)):
        told = lake(*words, "--env", "missing", fails=True)
        line = next(n for n, one in enumerate(LAKE.splitlines()) if "NOWHERE" in one)
        assert f"lake.yml:{line + 1}: the secret ${{secret:env:NOWHERE_TO_BE_FOUND}}" in told
        assert "LW191" in told


def test_doctor_names_what_cannot_be_resolved_and_what_stands_in_the_open(
    lake: Command, tmp_path: Path
) -> None:
    (lake.project / "lake.yml").write_text("""name: planted
environments:
  dev:
    storage: .lake
    s3:
      endpoint: http://minio.example.com
      access_key_id: ${secret:env:NO_SUCH_KEY}
      secret_access_key: ${secret:file:keys/s3}
      session_token: pl4nted-session-token
""")
    found: list[dict[str, Any]] = json.loads(lake("doctor", "--json", fails=True))
    kinds = {(one["kind"], one["severity"], one["subject"]) for one in found}
    assert ("secret", "error", "lake.yml:7 s3.access_key_id") in kinds
    assert ("secret in clear text", "warning", "lake.yml:9") in kinds
    assert ("connection without TLS", "warning", "lake.yml:6 s3.endpoint") in kinds
    assert shows(json.dumps(found)) == set()


@pytest.fixture
def database(unavailable: Callable[[str], NoReturn]) -> Iterator[PostgresServer]:
    folder = programs()
    if folder is None or find_spec("psycopg") is None:
        unavailable("PostgreSQL")
    server = PostgresServer(folder)
    yield server
    server.remove()


@pytest.mark.postgres
def test_a_catalogs_password_in_a_file_opens_it_and_is_kept_nowhere(
    lake: Command, database: PostgresServer
) -> None:
    secret = lake.project / "keys" / "catalog"
    secret.write_text(PASSWORD)
    secret.chmod(0o600)
    url = database.url(password="HERE").replace("HERE", "${secret:file:keys/catalog}")
    (lake.project / "lake.yml").write_text(
        f"name: planted\nenvironments:\n  dev: {{storage: .lake, catalog: '{url}'}}\n"
    )
    lake("run")
    lake("query", f"select cast('{PASSWORD}' as int)", fails=True)
    lake("history", "--json")
    secret.write_text("wr0ng-password-here")
    lake("run", fails=True)
    assert "wr0ng-password-here" not in "".join(lake.told)
    secret.write_text(PASSWORD)
    assert shows("\n".join(lake.told)) == set()
    with Lake.open(lake.project) as opened:
        opened.catalog.query_history.flush(60)
        with opened.catalog._database.reading() as session:
            for table, _ in session.text_columns():
                for row in session.all(f'SELECT * FROM "{table}"'):
                    assert shows(repr(row)) == set(), table
    for path in lake.project.rglob("*"):
        if path.is_file() and path.parent.name != "keys":
            assert shows(path.read_bytes().decode("utf-8", "replace")) == set(), path


def test_a_lake_in_a_bucket_works_with_keys_that_are_secrets(
    lake: Command, bucket: str, s3_endpoint: str
) -> None:
    (lake.project / "lake.yml").write_text(f"""name: planted
environments:
  dev:
    storage: s3://{bucket}/lake
    s3:
      endpoint: {s3_endpoint}
      region: us-east-1
      access_key_id: ${{secret:env:PLANTED_KEY_ID}}
      secret_access_key: ${{secret:file:keys/s3}}
""")
    (lake.project / "crawlers").mkdir()
    (lake.project / "crawlers" / "landed.yml").write_text(
        f"database: raw\ntargets: [s3://{bucket}/lake/landing]\n"
    )
    told = lake("run", fails=True)
    assert "lake.yml:8: the secret ${secret:env:PLANTED_KEY_ID} is not set" in told
    os.environ["PLANTED_KEY_ID"] = "AKIATESTTESTTESTTEST"
    try:
        lake("run")
        assert '"id": 1' in lake("query", "select * from silver.people", "--json")
        lake("crawl", "landed")
        lake("doctor")
        lake("maintain")
    finally:
        del os.environ["PLANTED_KEY_ID"]
    assert shows("\n".join(lake.told)) == set()


def test_keys_are_resolved_when_they_are_needed_and_again_when_they_are_refused(
    tmp_path: Path,
) -> None:
    secret = tmp_path / "key"
    written = {"access_key_id": "AKIA", "secret_access_key": "${secret:file:key}"}
    options = SecretOptions(
        written, Secrets(tmp_path, SecretSettings()), lambda _: Location("lake.yml", 1)
    )
    settings = S3Settings.resolve("s3://b", options)  # nothing is resolved yet
    assert settings.source is not None
    for text in ("f1rst-key-of-all", "sec0nd-key-of-all"):
        secret.write_text(text)
        secret.chmod(0o600)
        settings.source.refused()
        assert settings.keys == ("AKIA", text, "")
        assert settings.for_engine()["secret"] == text
    secret.write_text("th1rd-key-of-all")
    assert settings.keys[1] == "sec0nd-key-of-all"  # it is kept for a while
    assert "key-of-all" not in repr(settings) + repr(options)
