"""What runs on the cluster: any place unpacked, variables set, lake run's own exit code."""

from __future__ import annotations

import ast
import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest

import lakeworks
from lakeworks.aws import cluster_job
from lakeworks.aws.packaging import project_archive, wheel
from lakeworks.project.loader import load_project

if TYPE_CHECKING:
    from collections.abc import Callable

SCRIPT = Path(cluster_job.__file__)


@pytest.fixture
def shipped(orders_project: Path, tmp_path: Path, arrive: Callable[..., Path]) -> Path:
    """Return a folder with a project's archive, whose lake is elsewhere, and the wheel."""
    arrive(
        "a.json", {"order_id": "1", "customer_id": "c", "amount": 5, "updated_at": "2026-01-01"}
    )
    (orders_project / "lake.yml").write_text(
        "name: tiny\nenvironments:\n  prod: {storage: '${WHERE}'}\n  other: {}\n"
    )
    source = orders_project / "sources/orders.yml"
    landing = orders_project / "landing/orders"
    source.write_text(source.read_text().replace("landing/orders", str(landing)))
    project = load_project(orders_project, variables={"WHERE": "/elsewhere"})
    (tmp_path / "project.zip").write_bytes(project_archive(project).data)
    (tmp_path / "code.zip").write_bytes(wheel(lakeworks.__version__).data)
    return tmp_path


def run(*words: str, at: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return subprocess.run(
        [sys.executable, str(SCRIPT), *words],
        cwd=at,
        env=clean | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_job_runs_the_shipped_lakeworks_on_the_shipped_project(shipped: Path) -> None:
    done = run(
        "--code", "code.zip", "--project", "project.zip", "--env", "prod",
        "--variables", json.dumps({"WHERE": str(shipped / "lake")}),
        "--result", str(shipped / "results" / "one.json"),
        "--JOB_NAME", "as-glue-adds", at=shipped,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["status"] == "succeeded"
    assert {step["table"] for step in result["steps"]} >= {"bronze.orders", "silver.orders"}
    assert json.loads((shipped / "results" / "one.json").read_text()) == result
    assert (shipped / "lake" / "tables" / "silver" / "orders" / "_delta_log").is_dir()


def test_folders_that_spark_unpacked_are_used_and_left_as_they_are(shipped: Path) -> None:
    for name in ("project", "code"):
        zipfile.ZipFile(shipped / f"{name}.zip").extractall(shipped / name)
    before = sorted(path.name for path in (shipped / "project").rglob("*"))
    done = run(
        "--code", "code", "--project", "project", "--run", '["--select", "bronze.orders"]',
        at=shipped, WHERE=str(shipped / "lake"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [step["table"] for step in json.loads(done.stdout)["steps"]] == ["bronze.orders"]
    assert sorted(path.name for path in (shipped / "project").rglob("*")) == before


def test_the_exit_code_is_that_of_lake_run(shipped: Path) -> None:
    words = ("--code", "code.zip", "--project", "project.zip")
    unset = run(*words, at=shipped)
    assert unset.returncode == 2
    assert "the variable WHERE is not set" in unset.stderr
    unknown = run(*words, "--run", '["--select", "gold.nothing"]', at=shipped, WHERE="/x")
    assert unknown.returncode == 2
    assert "gold.nothing" in unknown.stderr


def test_a_python_without_the_dependencies_is_told_what_to_ship(shipped: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-S", str(SCRIPT), "--code", "code.zip", "--project", "project.zip"],
        cwd=shipped,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "python_archive" in done.stderr


def test_the_script_is_understood_by_pythons_that_are_too_old_to_run_it() -> None:
    tree = ast.parse(SCRIPT.read_text(), feature_version=(3, 7))
    at_the_top = {
        alias.name.split(".")[0]
        for node in tree.body
        if isinstance(node, ast.Import)
        for alias in node.names
    } | {
        str(node.module).split(".")[0] for node in tree.body if isinstance(node, ast.ImportFrom)
    }
    assert at_the_top <= sys.stdlib_module_names


def test_secrets_are_fetched_and_projects_read_from_s3(
    shipped: Path, s3_endpoint: str, bucket: str
) -> None:
    aws = {
        "AWS_ENDPOINT_URL": s3_endpoint,
        "AWS_ACCESS_KEY_ID": "AKIATESTTESTTESTTEST",
        "AWS_SECRET_ACCESS_KEY": "a-secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    options = {
        "endpoint_url": s3_endpoint, "region_name": "us-east-1",
        "aws_access_key_id": "AKIATESTTESTTESTTEST", "aws_secret_access_key": "a-secret",
    }  # fmt: skip
    secret = str(shipped / "lake")
    boto3.client("secretsmanager", **options).create_secret(Name=bucket, SecretString=secret)
    held = io.BytesIO((shipped / "project.zip").read_bytes())
    boto3.client("s3", **options).upload_fileobj(held, bucket, "code/project.zip")
    done = run(
        "--code", "code.zip", "--project", f"s3://{bucket}/code/project.zip",
        "--secrets", json.dumps({"WHERE": bucket}),
        "--result", f"s3://{bucket}/code/results/x.json", at=shipped, **aws,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    kept = boto3.client("s3", **options).get_object(Bucket=bucket, Key="code/results/x.json")
    assert json.loads(kept["Body"].read()) == json.loads(done.stdout)
    assert secret not in done.stdout
