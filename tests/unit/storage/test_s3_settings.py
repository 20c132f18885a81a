"""Credentials, endpoint and region are found in the order of the AWS tools."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lakeworks.storage.errors import StorageRequestError
from lakeworks.storage.s3_settings import S3Settings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with AWS files, and an environment that says nothing."""
    import os

    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/credentials").write_text(
        "[default]\naws_access_key_id = file-key\naws_secret_access_key = file%secret\n"
        "[work]\naws_access_key_id = work-key\naws_secret_access_key = work-secret\n"
        "aws_session_token = work-token\n"
    )
    (tmp_path / ".aws/config").write_text(
        "[default]\nregion = eu-west-1\n"
        "[profile work]\nregion = eu-north-1\nendpoint_url = https://s3.work.example\n"
        "[profile login]\nsso_session = corp\nregion = us-west-2\n"
    )
    return tmp_path


def keys(settings: S3Settings) -> tuple[str, str, str]:
    return settings.key_id, settings.secret, settings.session_token


def test_options_win_over_environment_over_files(monkeypatch: pytest.MonkeyPatch) -> None:
    assert keys(S3Settings.resolve("s3://b", {})) == ("file-key", "file%secret", "")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "env-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "env-secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "env-token")
    assert keys(S3Settings.resolve("s3://b", {})) == ("env-key", "env-secret", "env-token")
    own = {"access_key_id": "own-key", "secret_access_key": "own-secret"}
    # A token of the environment belongs to the environment's keys, not to these.
    assert keys(S3Settings.resolve("s3://b", own)) == ("own-key", "own-secret", "")
    assert keys(S3Settings.resolve("s3://b", {"profile": "work"}))[0] == "work-key"


def test_region_and_endpoint_follow_the_same_order(monkeypatch: pytest.MonkeyPatch) -> None:
    assert S3Settings.resolve("s3://b", {}).region == "eu-west-1"
    monkeypatch.setenv("AWS_PROFILE", "work")
    found = S3Settings.resolve("s3://b", {})
    assert (found.region, found.endpoint) == ("eu-north-1", "https://s3.work.example")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-south-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://any:1")
    assert S3Settings.resolve("s3://b", {}).region == "ap-south-1"
    monkeypatch.setenv("AWS_REGION", "sa-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://only-s3:2")
    found = S3Settings.resolve("s3://b", {})
    assert (found.region, found.endpoint) == ("sa-east-1", "http://only-s3:2")
    found = S3Settings.resolve("s3://b", {"region": "me-south-1", "endpoint": "host:9/"})
    assert (found.region, found.endpoint) == ("me-south-1", "https://host:9")


def test_unknown_options_and_profiles_are_refused_with_the_nearest_name() -> None:
    with pytest.raises(StorageRequestError, match="did you mean endpoint"):
        S3Settings.resolve("s3://b", {"endpont": "x"})
    with pytest.raises(StorageRequestError, match="did you mean work"):
        S3Settings.resolve("s3://b", {"profile": "wrok"})
    with pytest.raises(StorageRequestError, match="AWS profile 'login'"):
        S3Settings.resolve("s3://b", {"profile": "login"})
    with pytest.raises(StorageRequestError, match="secret_access_key is not"):
        S3Settings.resolve("s3://b", {"access_key_id": "k"})


@pytest.mark.parametrize("url", ["s3://", "s3:///x", "s3://b/a/../c", "s3://b/a//c"])
def test_a_url_without_a_bucket_or_with_odd_parts_is_refused(url: str) -> None:
    with pytest.raises(StorageRequestError, match="not a storage URL"):
        S3Settings.resolve(url, {})


def test_secrets_are_not_part_of_its_text() -> None:
    options = {"access_key_id": "KEY", "secret_access_key": "SECRET", "session_token": "TOKEN"}
    text = repr(S3Settings.resolve("s3://b/x", options))
    assert "bucket='b'" in text
    assert not any(secret in text for secret in options.values())


def test_engines_get_their_own_spelling() -> None:
    options = {"access_key_id": "K", "secret_access_key": "S", "endpoint": "http://h:9000"}
    found = S3Settings.resolve("s3://b/p", options)
    assert found.for_engine() == {
        "key_id": "K", "secret": "S", "region": "eu-west-1", "endpoint": "h:9000",
        "url_style": "path", "use_ssl": False,
    }  # fmt: skip
    assert found.allow_http
    aws = S3Settings.resolve("s3://b/p", {})
    assert aws.for_engine()["endpoint"] == "s3.eu-west-1.amazonaws.com"
    assert aws.for_engine()["url_style"] == "vhost"
    assert aws.for_object_store()["aws_conditional_put"] == "etag"
    assert S3Settings.resolve("s3://dotted.name", {}).for_engine()["url_style"] == "path"
