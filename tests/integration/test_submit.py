"""`lake submit`: what it prints, what it refuses, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from lakeworks.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

SERVERLESS = """\
name: tiny
environments:
  dev: {}
  prod:
    engine: spark
    storage: s3://acme-lake/tiny
    catalog: postgresql+psycopg://lake:${DB_PASSWORD:-}@db.example.com/lake
    submit:
      to: emr-serverless
      code: s3://acme-lake/code
      application_id: 00f1abcdexample
      execution_role_arn: arn:aws:iam::123456789012:role/lake-job
      secrets: {DB_PASSWORD: prod/lake-db}
"""
LOCAL = """\
name: tiny
environments:
  cluster:
    engine: spark
    storage: {root}/lake
    catalog: sqlite:///{root}/lake/catalog.db
    submit:
      to: spark-submit
      master: spark://127.0.0.1:7077
      spark_submit: {program}
"""


@pytest.fixture
def project(orders_project: Path) -> Path:
    """A project whose source is where a cluster can read it."""
    source = orders_project / "sources/orders.yml"
    source.write_text(source.read_text().replace("landing/orders", "s3://acme-raw/orders"))
    (orders_project / "lake.yml").write_text(SERVERLESS)
    return orders_project


def with_program(project: Path, script: str) -> Path:
    """Let a program of ours stand for spark-submit."""
    program = project.parent / "spark-submit"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    (project / "lake.yml").write_text(LOCAL.format(root=project.parent, program=program))
    return program


def test_a_dry_run_shows_uploads_and_bodies_and_sends_nothing(
    project: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_PASSWORD", "never-to-be-shown")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    words = ["submit", "-C", str(project), "--env", "prod", "--dry-run"]
    assert main([*words, "--json", "--select", "silver.orders"]) == 0
    out, _ = capfd.readouterr()
    shown = json.loads(out)
    assert [one["place"].rpartition("/")[2] for one in shown["uploads"]][::2] == [
        "project.zip",
        "cluster_job.py",
    ]
    [request] = shown["requests"]
    assert request["operation"] == "StartJobRun"
    assert '["--select","silver.orders"]' in out.replace("\\", "")
    assert main(words) == 0
    text, _ = capfd.readouterr()
    assert "would upload s3://acme-lake/code/" in text
    assert "would send emr-serverless StartJobRun" in text
    assert "never-to-be-shown" not in out + text
    assert not (project / ".lake" / "submit").exists()


def test_mistakes_end_with_2_and_name_line_and_key(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["submit", "-C", str(project)]) == 2
    assert "error[LW962]: lake.yml:3:" in capfd.readouterr().err
    words = ["submit", "-C", str(project), "--env", "prod"]
    assert main([*words, "--to", "glu"]) == 2
    assert "did you mean glue?" in capfd.readouterr().err
    assert main([*words, "--to", "emr"]) == 2
    assert "error[LW960]: lake.yml:8:" in capfd.readouterr().err
    text = SERVERLESS.replace("application_id", "aplication_id")
    (project / "lake.yml").write_text(text)
    assert main(words) == 2
    assert "did you mean application_id?" in capfd.readouterr().err


def test_a_job_that_succeeds_gives_the_result_that_it_left(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    left = {
        "run_id": "r", "status": "succeeded", "snapshot": 1, "seconds": 2.5,
        "steps": [{"table": "silver.orders", "status": "succeeded", "rows_written": 7, "error": None}],
    }  # fmt: skip
    script = f"""
echo "$@" > "{project.parent}/words"
while [ $# -gt 0 ]; do [ "$1" = --result ] && result=$2; shift; done
mkdir -p "$(dirname "$result")"; echo '{json.dumps(left)}' > "$result"
echo told by spark"""
    with_program(project, script)
    words = ["submit", "-C", str(project)]
    assert main([*words, "--json"]) == 0
    out, err = capfd.readouterr()
    done = json.loads(out)
    assert (done["status"], done["result"]) == ("succeeded", left)
    assert "told by spark" in err
    assert main([*words, "--full-refresh"]) == 0
    out, _ = capfd.readouterr()
    assert "silver.orders  succeeded             7" in out
    assert "succeeded in 2.5 s, snapshot 1" in out
    assert '["--full-refresh"]' in (project.parent / "words").read_text()


def test_a_job_that_fails_ends_with_1_and_says_so(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    program = with_program(project, "exit 3")
    assert main(["submit", "-C", str(project), "--json"]) == 1
    out, err = capfd.readouterr()
    assert json.loads(out)["status"] == "failed"
    assert "error[LW965]" in err
    assert "exit code 3" in err
    program.unlink()
    assert main(["submit", "-C", str(project)]) == 1
    assert "error[LW964]" in capfd.readouterr().err


def test_a_submission_that_is_stopped_stops_the_driver_that_runs_here(project: Path) -> None:
    with_program(project, f'echo $$ > "{project.parent}/pid"\nexec sleep 120')
    words = [sys.executable, "-m", "lakeworks", "submit", "-C", str(project)]
    lake = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    noted = project.parent / "pid"
    deadline = time.monotonic() + 60
    while not (noted.exists() and noted.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    lake.send_signal(signal.SIGTERM)
    lake.communicate(timeout=60)
    assert lake.returncode == 130
    with pytest.raises(ProcessLookupError):
        os.kill(int(noted.read_text()), 0)


def test_without_the_extra_the_message_says_what_to_install(project: Path) -> None:
    hidden = "import sys; sys.modules['boto3'] = sys.modules['botocore'] = None\n"
    words = ["submit", "-C", str(project), "--env", "prod", "--dry-run"]
    program = f"{hidden}from lakeworks.cli.main import main; sys.exit(main({words!r}))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "pip install 'lakeworks[aws]'" in done.stderr
