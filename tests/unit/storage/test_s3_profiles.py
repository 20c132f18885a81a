"""Profiles that hold no keys give those that SSO, a role or a process obtains, and renew them."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from lakeworks.engines.duckdb.engine import DuckEngine
from lakeworks.storage import s3_settings
from lakeworks.storage.errors import StorageRequestError
from lakeworks.storage.objects import ObjectStore
from lakeworks.storage.s3_settings import S3Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytest.importorskip("botocore")


@pytest.fixture
def aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty ~/.aws of its own, and an environment that says nothing."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    folder = tmp_path / ".aws"
    folder.mkdir()
    return folder


@pytest.fixture
def process(aws: Path) -> Callable[[timedelta | None], None]:
    """Return what makes `profile p` a process whose keys last so long; each call counts up."""
    script = aws / "keys.py"
    (aws / "config").write_text(
        f"[profile p]\nregion = eu-west-1\ncredential_process = {sys.executable} {script}\n"
    )

    def _process(lasts: timedelta | None) -> None:
        expiry = (datetime.now(UTC) + lasts).isoformat() if lasts else None
        script.write_text(
            "import json, pathlib\n"
            f"count = pathlib.Path({str(aws / 'count')!r})\n"
            "n = int(count.read_text()) + 1 if count.exists() else 1\n"
            "count.write_text(str(n))\n"
            "told = {'Version': 1, 'AccessKeyId': f'KEY{n}', 'SecretAccessKey': f'SECRET{n}', "
            "'SessionToken': f'TOKEN{n}'}\n"
            f"expiry = {expiry!r}\n"
            "if expiry: told['Expiration'] = expiry\n"
            "print(json.dumps(told))\n"
        )

    return _process


def test_a_process_gives_the_keys_once_for_all_stores(
    process: Callable[[timedelta | None], None],
) -> None:
    process(None)
    found = S3Settings.resolve("s3://b", {"profile": "p"})
    assert found.keys == ("KEY1", "SECRET1", "TOKEN1")
    assert found.for_object_store()["aws_session_token"] == "TOKEN1"
    assert found.for_engine()["key_id"] == "KEY1"
    assert S3Settings.resolve("s3://other", {"profile": "p"}).keys[0] == "KEY1"
    assert found.source is not None
    assert found.source()["expires_at"] is None
    assert "SECRET" not in repr(found)


def test_keys_are_renewed_before_they_expire(
    process: Callable[[timedelta | None], None],
) -> None:
    process(timedelta(hours=1))
    found = S3Settings.resolve("s3://b", {"profile": "p"})
    assert found.source is not None
    told = found.source()
    assert told["access_key_id"] == "KEY1"
    assert timedelta(minutes=29) < told["expires_at"] - datetime.now(UTC) < timedelta(hours=1)
    assert found.keys[0] == "KEY1"


def test_keys_that_hardly_last_are_asked_for_each_time(
    process: Callable[[timedelta | None], None],
) -> None:
    process(timedelta(minutes=7))
    found = S3Settings.resolve("s3://b", {"profile": "p"})
    first, second = found.keys[0], found.keys[0]
    assert first != second
    assert found.source is not None
    assert found.source()["expires_at"] - datetime.now(UTC) < timedelta(minutes=6)


def test_the_engine_gets_new_keys_with_a_session(tmp_path: Path) -> None:
    if not os.environ.get("CI"):
        pytest.importorskip("duckdb_extension_httpfs")
    given = {"key_id": "K1", "secret": "S", "region": "r"}
    engine = DuckEngine(
        temp_directory=str(tmp_path / "t"), threads=1, s3=given, fresh_s3=lambda: dict(given)
    )
    secrets = "select secret_string from duckdb_secrets()"
    with engine.session():
        pass
    given["key_id"] = "K2"
    with engine.session(), engine.session():
        [(told,)] = engine._root.cursor().execute(secrets).fetchall()
    assert "key_id=K2" in told
    engine.close()


def test_an_assumed_role_reads_and_writes_a_bucket(
    aws: Path, s3_endpoint: str, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (aws / "credentials").write_text(
        "[source]\naws_access_key_id = AKIATESTTESTTESTTEST\naws_secret_access_key = secret\n"
    )
    (aws / "config").write_text(
        "[profile role]\nregion = us-east-1\nsource_profile = source\n"
        "role_arn = arn:aws:iam::123456789012:role/lake\n"
        f"endpoint_url = {s3_endpoint}\n[profile source]\nregion = us-east-1\n"
        f"endpoint_url = {s3_endpoint}\n"
    )
    monkeypatch.setenv("AWS_PROFILE", "role")
    store = ObjectStore.open(f"s3://{bucket}/x")
    store.put_if_absent("a", b"1")
    assert store.get("a") == b"1"
    assert store.child("y").credentials_expire
    settings = store.s3_settings()
    assert str(settings["key_id"]).startswith("ASIA")
    assert settings["session_token"]
    options = store.storage_options()
    assert options["aws_access_key_id"] == settings["key_id"]


def test_what_a_failing_process_says_is_not_repeated(aws: Path) -> None:
    script = aws / "fails.py"
    script.write_text("import sys\nsys.exit('token hunter2 expired')\n")
    (aws / "config").write_text(
        f"[profile p]\ncredential_process = {sys.executable} {script}\n"
    )
    with pytest.raises(StorageRequestError, match="profile 'p' gave no credentials") as told:
        S3Settings.resolve("s3://b", {"profile": "p"})
    assert "hunter2" not in str(told.value)
    assert "aws sso login --profile p" in told.value.hint


def test_a_login_that_has_expired_says_how_to_renew_it(aws: Path) -> None:
    (aws / "config").write_text(
        "[profile p]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = r\n"
        "[sso-session corp]\nsso_region = us-east-1\nsso_start_url = https://x.awsapps.com/start\n"
    )
    with pytest.raises(StorageRequestError, match="gave no credentials") as told:
        S3Settings.resolve("s3://b", {"profile": "p"}).for_object_store()
    assert "aws sso login --profile p" in told.value.hint


def test_keys_of_options_and_environment_need_no_profile_of_such_a_kind(
    process: Callable[[timedelta | None], None], monkeypatch: pytest.MonkeyPatch, aws: Path
) -> None:
    process(None)
    own = {"access_key_id": "own", "secret_access_key": "s", "profile": "p"}
    assert S3Settings.resolve("s3://b", own).keys[0] == "own"
    monkeypatch.setenv("AWS_PROFILE", "p")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "env")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    assert S3Settings.resolve("s3://b", {}).keys[0] == "env"
    assert not (aws / "count").exists()


def test_without_the_extra_the_way_out_is_told(
    process: Callable[[timedelta | None], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    process(None)
    monkeypatch.setattr(s3_settings, "credentials_of", lambda _: None)
    with pytest.raises(StorageRequestError, match=r"lakeworks\[aws\]") as told:
        S3Settings.resolve("s3://b", {"profile": "p"})
    assert "export-credentials --profile p" in told.value.hint
