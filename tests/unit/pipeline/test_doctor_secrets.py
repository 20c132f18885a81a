"""What the doctor says of secrets and of connections in the open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lakeworks.pipeline.doctor_secrets import examine
from lakeworks.project.loader import load_project

if TYPE_CHECKING:
    from pathlib import Path


def found(root: Path, environment: str) -> set[tuple[str, str, str]]:
    """Kind, severity and subject of what is found in one environment."""
    (root / "lake.yml").write_text(f"name: shop\nenvironments:\n  dev:\n{environment}")
    return {(one.kind, one.severity, one.subject) for one in examine(load_project(root))}


@pytest.mark.parametrize(
    ("environment", "subject"),
    [
        ("    catalog: postgresql://me:${secret:env:PW}@db/lake\n", "lake.yml:4 catalog"),
        (
            "    catalog: postgresql://me:${secret:env:PW}@db/lake?sslmode=prefer\n",
            "lake.yml:4 catalog",
        ),
        ("    s3: {endpoint: http://minio:9000}\n", "lake.yml:4 s3.endpoint"),
        ("    openlineage: {url: http://marquez/}\n", "lake.yml:4 openlineage.url"),
        ("    secrets: {endpoint: http://10.0.0.1/}\n", "lake.yml:4 secrets.endpoint"),
    ],
)
def test_connections_in_clear_text_to_other_machines_are_told(
    tmp_path: Path, environment: str, subject: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PW", "a-password-of-the-catalog")
    assert found(tmp_path, environment) == {("connection without TLS", "warning", subject)}


@pytest.mark.parametrize(
    "environment",
    [
        "    catalog: postgresql://me:${secret:env:PW}@db/lake?sslmode=verify-full\n",
        "    catalog: postgresql://me:${secret:env:PW}@db/lake?sslmode=require\n",
        "    catalog: postgresql://me:${secret:env:PW}@127.0.0.1/lake\n",
        "    catalog: postgresql://lake@/lake?host=%2Frun%2Fpostgresql\n",
        "    s3: {endpoint: http://localhost:9000}\n",
        "    s3: {endpoint: https://minio:9000}\n",
        "    storage: .lake\n",
    ],
)
def test_what_stays_on_this_machine_or_is_encrypted_is_no_finding(
    tmp_path: Path, environment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PW", "a-password-of-the-catalog")
    assert found(tmp_path, environment) == set()


def test_secrets_that_cannot_be_had_or_are_short_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHORT", "abc")
    monkeypatch.delenv("ABSENT", raising=False)
    (tmp_path / "catalogs").mkdir()
    (tmp_path / "catalogs" / "crm.yml").write_text(
        "type: postgresql\nhost: db\ndatabase: crm\ndatabases: {crm: public}\nuser: me\n"
        "password: ${secret:env:ABSENT}\n"
    )
    environment = (
        "    s3:\n      access_key_id: ${secret:env:SHORT}\n"
        "      secret_access_key: ${secret:file:absent}\n"
    )
    assert found(tmp_path, environment) == {
        ("short secret", "warning", "lake.yml:5 s3.access_key_id"),
        ("secret", "error", "lake.yml:6 s3.secret_access_key"),
        ("secret", "error", "catalogs/crm.yml:6 password"),
    }
