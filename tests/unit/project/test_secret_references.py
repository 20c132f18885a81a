"""References to secrets: where they may stand, what they stand for, and what fails."""

from __future__ import annotations

import json
import os
import sys
import urllib.parse
from typing import TYPE_CHECKING, Any

import pytest

from lakeworks.core.redaction import scrubbed
from lakeworks.project.clear_text import clear_text_secrets
from lakeworks.project.declaration import Location
from lakeworks.project.errors import SecretError, SecretUnavailableError
from lakeworks.project.secret_references import SecretReference, Secrets, SecretSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lakeworks.project.declaration import Project
    from lakeworks.project.errors import Mistake

AT = Location("lake.yml", 7)
LAKE = """\
name: shop
environments:
  dev:
    storage: s3://bucket/lake
    catalog: postgresql://me:${secret:env:PG_PASSWORD}@db/lake
    s3:
      access_key_id: ${secret:env:KEY_ID}
      secret_access_key: ${secret:file:keys/s3}
"""


@pytest.mark.parametrize(
    ("written", "parts"),
    [
        ("env:NAME", ("env", "NAME", "", "")),
        ("file:/run/secrets/a b#c@d", ("file", "/run/secrets/a b#c@d", "", "")),
        ("aws:lake/catalog", ("aws", "lake/catalog", "", "")),
        ("aws:lake@home#password", ("aws", "lake@home", "password", "")),
        ("aws:lake#password@AWSPREVIOUS", ("aws", "lake", "password", "AWSPREVIOUS")),
        ("aws:lake#@AWSPREVIOUS", ("aws", "lake", "", "AWSPREVIOUS")),
        (
            "aws:arn:aws:secretsmanager:eu-west-1:123456789012:secret:lake-AbCdEf#a@b@v1",
            (
                "aws",
                "arn:aws:secretsmanager:eu-west-1:123456789012:secret:lake-AbCdEf",
                "a@b",
                "v1",
            ),
        ),
    ],
)
def test_a_reference_is_taken_apart_and_written_again(
    written: str, parts: tuple[str, str, str, str]
) -> None:
    found = SecretReference.parse(written)
    assert found == SecretReference(*parts)
    assert str(found) == f"${{secret:{written}}}"


@pytest.mark.parametrize(
    "written", ["", "vault:x", "env:", "aws:#key", "file:\u00a0", "aws:a#b@"]
)
def test_what_is_no_reference_is_refused_with_its_line(
    mistakes: Callable[..., tuple[Mistake, ...]], written: str
) -> None:
    text = LAKE.replace("env:PG_PASSWORD", written)
    (mistake,) = mistakes({"lake.yml": text})
    assert (mistake.code, mistake.at.line) == ("LW190", 5)


def test_a_secret_may_not_stand_where_values_are_shown(
    mistakes: Callable[..., tuple[Mistake, ...]],
) -> None:
    found = mistakes({"lake.yml": "name: ${secret:env:NAME}\n"})
    assert ("LW190", 1) in {(one.code, one.at.line) for one in found}
    found = mistakes({
        "lake.yml": "name: x\n",
        "sources/a.yml": "table: bronze.a\npath: in\ndescription: ${secret:env:A}\n",
    })  # fmt: skip
    assert [(one.code, one.at.file, one.at.line) for one in found] == [
        ("LW190", "sources/a.yml", 3)
    ]


def test_variables_named_secret_keep_their_meaning(load: Callable[..., Project]) -> None:
    text = (
        "name: shop\nenvironments: {dev: {storage: '${secret:-data}', engine: '${secret}'}}\n"
    )
    project = load({"lake.yml": text}, variables={"secret": "duckdb"})
    assert project.environment.engine == "duckdb"


def test_a_project_is_loaded_where_its_secrets_are_not(
    load: Callable[..., Project], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PG_PASSWORD", raising=False)
    environment = load({"lake.yml": LAKE}).environment
    assert set(environment.options) == {"access_key_id", "secret_access_key"}
    with pytest.raises(
        SecretError, match=r"lake.yml:5: the secret .*env:PG_PASSWORD} is not set"
    ):
        environment.revealed(environment.catalog, "catalog")
    with pytest.raises(SecretError, match=r"lake.yml:8: the secret .*keys/s3} is not there"):
        environment.options["secret_access_key"]
    # Nothing of it is kept.
    for path in (tmp_path / ".lake").rglob("*"):
        assert path.is_dir() or "secret:" not in path.read_text()


def test_values_are_found_when_they_are_used_and_hidden(
    load: Callable[..., Project], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = load({"lake.yml": LAKE}).environment
    monkeypatch.setenv("PG_PASSWORD", "pg-pass-w0rd")
    monkeypatch.setenv("KEY_ID", "AKIA-FROM-A-VARIABLE")
    keys = tmp_path / "keys" / "s3"
    keys.parent.mkdir()
    keys.write_text("s3-s3cret-value\n")
    keys.chmod(0o600)
    shown = environment.revealed(environment.catalog, "catalog")
    assert shown == "postgresql://me:pg-pass-w0rd@db/lake"
    assert environment.options["secret_access_key"] == "s3-s3cret-value"
    assert "s3cret" not in repr(environment) + repr(environment.options)
    assert scrubbed("pg-pass-w0rd s3-s3cret-value") == "*** ***"


def test_a_part_of_a_url_is_encoded_for_it(
    load: Callable[..., Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PG_PASSWORD", "p@ss/w:rd#1")
    environment = load({"lake.yml": LAKE}).environment
    shown = environment.revealed(environment.catalog, "catalog")
    assert shown == "postgresql://me:p%40ss%2Fw%3Ard%231@db/lake"
    monkeypatch.setenv("PG_PASSWORD", "postgresql://me:p%40ss@db/lake")
    whole = LAKE.replace("postgresql://me:${secret:env:PG_PASSWORD}@db/lake",
                         "${secret:env:PG_PASSWORD}")  # fmt: skip
    environment = load({"lake.yml": whole}).environment
    shown = environment.revealed(environment.catalog, "catalog")
    assert shown == "postgresql://me:p%40ss@db/lake"


def _file(tmp_path: Path, content: bytes, mode: int) -> Path:
    path = tmp_path / "secret"
    path.write_bytes(content)
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    ("content", "mode", "reason"),
    [
        (b"value-of-it", 0o644, "may be read by every user"),
        (b"", 0o600, "is empty"),
        (b"\n", 0o600, "is empty"),
        (b"\xff\xfe\x00", 0o600, "no text in UTF-8"),
        (b"x" * 70_000, 0o600, "more than"),
    ],
)
def test_files_that_are_no_secrets_are_refused(
    tmp_path: Path, content: bytes, mode: int, reason: str
) -> None:
    path = _file(tmp_path, content, mode)
    with pytest.raises(SecretError, match=reason) as failed:
        Secrets(tmp_path).resolved("${secret:file:secret}", AT)
    assert "value-of-it" not in str(failed.value)
    assert str(failed.value).startswith("lake.yml:7:")
    with pytest.raises(SecretError, match="is not a file"):
        Secrets(tmp_path).resolved(f"${{secret:file:{path.parent}}}", AT)


def test_a_secret_is_kept_for_a_while_and_asked_for_again(tmp_path: Path) -> None:
    path = _file(tmp_path, b"first-value\n", 0o600)
    kept = Secrets(tmp_path)
    passing = Secrets(tmp_path, SecretSettings(keep_s=0))
    for one in (kept, passing):
        assert one.resolved("${secret:file:secret}", AT) == "first-value"
    path.write_text("second-value")
    assert kept.resolved("${secret:file:secret}", AT) == "first-value"
    assert passing.resolved("${secret:file:secret}", AT) == "second-value"
    kept.forget()
    assert kept.resolved("<${secret:file:secret}>", AT) == "<second-value>"


@pytest.fixture
def manager(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of moto's Secrets Manager."""
    session = pytest.importorskip("botocore.session")
    for name in [one for one in os.environ if one.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-secrets-manager")
    return session.Session().create_client(
        "secretsmanager", region_name="eu-west-1", endpoint_url=s3_endpoint
    )


@pytest.fixture
def asked(manager: Any, s3_endpoint: str, tmp_path: Path) -> Callable[[str], str]:
    """Return what resolves a text against that server."""
    settings = SecretSettings(region="eu-west-1", endpoint=s3_endpoint, keep_s=0)
    secrets = Secrets(tmp_path, settings)
    return lambda text: secrets.resolved(text, AT)


def test_secrets_manager_gives_texts_keys_and_versions(
    manager: Any, asked: Callable[[str], str]
) -> None:
    name = f"lake/{os.urandom(4).hex()}"
    first = json.dumps({"user": "me", "password": "first-pässword", "port": 5432, "none": None})
    made = manager.create_secret(Name=name, SecretString=first)
    assert asked(f"${{secret:aws:{name}}}") == first
    assert asked(f"${{secret:aws:{name}#password}}") == "first-pässword"
    assert asked(f"${{secret:aws:{made['ARN']}#port}}") == "5432"
    manager.put_secret_value(SecretId=name, SecretString='{"password": "second-password"}')
    assert asked(f"${{secret:aws:{name}#password}}") == "second-password"
    assert asked(f"${{secret:aws:{name}#password@AWSPREVIOUS}}") == "first-pässword"
    assert asked(f"${{secret:aws:{name}#password@{made['VersionId']}}}") == "first-pässword"
    quoted = urllib.parse.quote("first-pässword")
    assert scrubbed(f"first-pässword {quoted}") == "*** ***"
    for key, reason in (("none", "no value under"), ("absent", "no value under")):
        with pytest.raises(SecretError, match=reason):
            asked(f"${{secret:aws:{name}#{key}@AWSPREVIOUS}}")


def test_secrets_manager_that_refuses_is_told_without_its_words(
    manager: Any, asked: Callable[[str], str], s3_endpoint: str, tmp_path: Path
) -> None:
    with pytest.raises(SecretError, match=r"lake.yml:7: .*aws:absent} is not in AWS Secrets"):
        asked("${secret:aws:absent}")
    name = f"plain-{os.urandom(4).hex()}"
    manager.create_secret(Name=name, SecretString="no json at all")
    with pytest.raises(SecretError, match="is not JSON") as failed:
        asked(f"${{secret:aws:{name}#key}}")
    assert "no json at all" not in str(failed.value)
    manager.create_secret(Name=f"{name}-b", SecretBinary=b"\x00\x01")
    with pytest.raises(SecretError, match="is binary"):
        asked(f"${{secret:aws:{name}-b}}")
    nowhere = Secrets(tmp_path, SecretSettings("eu-west-1", "http://127.0.0.1:9"))
    with pytest.raises(SecretUnavailableError, match="cannot be had: EndpointConnectionError"):
        nowhere.resolved("${secret:aws:x}", AT)
    unknown = Secrets(tmp_path, SecretSettings("eu-west-1", s3_endpoint, "no-such-profile"))
    with pytest.raises(SecretUnavailableError, match="ProfileNotFound"):
        unknown.resolved("${secret:aws:x}", AT)


def test_denied_access_says_what_to_allow(
    s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    exceptions = pytest.importorskip("botocore.exceptions")
    from lakeworks.project.secrets_manager import _refused

    answer = {
        "Error": {"Code": "AccessDeniedException", "Message": "user arn:aws:iam::1:user/x"}
    }
    refused = _refused(
        SecretReference("aws", "x"), AT, exceptions.ClientError(answer, "GetSecretValue")
    )
    assert isinstance(refused, SecretUnavailableError)
    assert "access is denied" in refused.problem
    assert "secretsmanager:GetSecretValue" in refused.hint
    assert "arn:aws:iam" not in str(refused)


def test_without_the_extra_the_error_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "botocore.exceptions", None)
    monkeypatch.setitem(sys.modules, "botocore", None)
    with pytest.raises(SecretUnavailableError, match=r"pip install 'lakeworks\[aws\]'"):
        Secrets(tmp_path).resolved("${secret:aws:x}", AT)


def test_secrets_in_clear_text_are_named_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / "lake.yml").write_text("""\
name: shop
environments:
  dev:
    catalog: postgresql://me:${PG}@db/lake
    s3: {access_key_id: AKIA, secret_access_key: "${KEY}", session_token: in-clear-text}
    openlineage: {url: "https://x", api_key: in-clear-text-too}
  prod:
    catalog: postgresql://me:in-clear-text@db/lake
    submit: {secrets: {PASSWORD: "arn:of:it"}, variables: {DB_PASSWORD: "in-clear-text"}}
    spark: {settings: {spark.ssl.keyPassword: in-clear-text, spark.ui.enabled: "false"}}
    secrets: {region: eu-west-1}
""")
    (tmp_path / "catalogs").mkdir()
    (tmp_path / "catalogs" / "crm.yml").write_text(
        "type: postgresql\nhost: db\nuser: me\npassword: in-clear-text\n"
    )
    (tmp_path / "catalogs" / "erp.yml").write_text("type: mysql\npassword: ${secret:env:ERP}\n")
    found = {key: str(at) for at, key in clear_text_secrets(tmp_path)}
    assert found == {
        "environments.dev.s3.session_token": "lake.yml:5",
        "environments.dev.openlineage.api_key": "lake.yml:6",
        "environments.prod.catalog": "lake.yml:8",
        "environments.prod.submit.variables.DB_PASSWORD": "lake.yml:9",
        "environments.prod.spark.settings.spark.ssl.keyPassword": "lake.yml:10",
        "password": "catalogs/crm.yml:4",
    }
