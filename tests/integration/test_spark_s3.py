"""A lake in a bucket, computed by Spark: what the command line gives is what DuckDB reads there.

Spark runs in processes of its own: the JVM that other tests share was started without the jars
that reach S3.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from lakeworks.lake import Lake

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.spark, pytest.mark.s3, pytest.mark.slow, pytest.mark.timeout(900)]

WAIT_S = 600
NO_JARS = "Spark found no repository that has org.apache.hadoop"
ENVIRONMENTS = """name: tiny
environments:
  cluster:
    storage: {storage}
    engine: spark
    threads: 2
    memory_limit: 1GB
    spark: {{settings: {{spark.sql.shuffle.partitions: 4}}}}
    s3: &s3
      endpoint: {endpoint}
      region: us-east-1
      access_key_id: ${{LAKE_KEY}}
      secret_access_key: ${{LAKE_SECRET}}
  embedded:
    storage: {storage}
    s3: *s3
"""
FIRST = [
    {"order_id": "o1", "customer_id": "c1", "amount": 10.5, "updated_at": "2026-01-01T10:00:00"},
    {"order_id": "o2", "customer_id": "c2", "amount": 3, "updated_at": "2026-02-01T10:00:00"},
    {"order_id": "o3", "customer_id": "c1", "amount": -4, "updated_at": "2026-02-02T10:00:00"},
    {"order_id": None, "customer_id": "c3", "amount": 1, "updated_at": "2026-02-03T10:00:00"},
    '{"order_id": "torn',
]  # fmt: skip
SECOND = [
    {"order_id": "o1", "customer_id": "c1", "amount": 11, "updated_at": "2026-03-05T10:00:00"},
    {"order_id": "o4", "customer_id": "c2", "amount": 2.25, "updated_at": "2026-03-01T10:00:00"},
]  # fmt: skip
ORDERS = "select order_id, amount::varchar as amount, month from silver.orders order by 1"
# One process for all commands, for each would take a JVM; a file arrives between two of them.
COMMANDS = """
import json, os, sys
from lakeworks.cli.main import main
for words in json.loads(sys.argv[1]):
    if words[0] == "arrive":
        os.rename(*words[1:])
    elif main(words):
        sys.exit(1)
"""


def lake(*commands: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", COMMANDS, json.dumps(commands)],
        capture_output=True, text=True, check=False, timeout=WAIT_S,
    )  # fmt: skip


def values(text: str) -> list[Any]:
    """Return the JSON values that commands printed one after the other."""
    found, decoder = [], json.JSONDecoder()
    while text.strip():
        value, end = decoder.raw_decode(text.lstrip())
        found.append(value)
        text = text.lstrip()[end:]
    return found


def outcome(report: dict[str, Any]) -> dict[str, tuple[str, int, int]]:
    return {
        step["table"]: (step["status"], step["rows_written"], step["rows_quarantined"])
        for step in report["steps"]
    }


@pytest.fixture
def project(
    orders_project: Path,
    bucket: str,
    s3_options: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    unavailable: Callable[[str], NoReturn],
) -> Path:
    """One source and one model that merges; the lake is in a bucket."""
    if find_spec("pyspark") is None:
        unavailable("PySpark")
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        unavailable("Java")
    monkeypatch.setenv("LAKE_KEY", s3_options["access_key_id"])
    monkeypatch.setenv("LAKE_SECRET", s3_options["secret_access_key"])
    for model in orders_project.glob("models/*/*.sql"):
        if model.stem != "orders":
            model.unlink()
    place = {"storage": f"s3://{bucket}/lakes/tiny", "endpoint": s3_options["endpoint"]}
    (orders_project / "lake.yml").write_text(ENVIRONMENTS.format(**place))
    return orders_project


def write(path: Path, rows: list[Any]) -> str:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def test_spark_keeps_a_lake_in_a_bucket(
    project: Path,
    other_s3_endpoint: str,
    other_bucket: str,
    tmp_path: Path,
    unavailable: Callable[[str], NoReturn],
) -> None:
    """And in the same process another lake, in a bucket of another service, by other keys."""
    other = tmp_path / "other"
    shutil.copytree(project, other)
    place = {"storage": f"s3://{other_bucket}/lake", "endpoint": other_s3_endpoint}
    text = ENVIRONMENTS.format(**place).replace("${LAKE_KEY}", "AKIAOTHEROTHEROTHERO")
    (other / "lake.yml").write_text(text.replace("${LAKE_SECRET}", "another-secret"))
    write(other / "landing/orders/1.json", SECOND)
    write(project / "landing/orders/1.json", FIRST)
    second = write(tmp_path / "2.json", SECOND)
    on_spark = ["-C", str(project), "--env", "cluster", "--json"]
    done = lake(
        ["run", *on_spark],
        ["arrive", second, str(project / "landing/orders/2.json")],
        ["run", *on_spark],
        ["query", ORDERS, *on_spark],
        ["run", "-C", str(other), "--env", "cluster", "--json"],
        ["query", ORDERS, "-C", str(other), "--env", "cluster", "--json"],
        ["query", ORDERS, *on_spark],
    )
    if NO_JARS in done.stdout + done.stderr:
        unavailable("hadoop-aws, with which Spark reaches S3,")
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
    *runs, rows, beside, rows_beside, rows_again = values(done.stdout)
    assert outcome(beside)["silver.orders"] == ("succeeded", 2, 0)
    assert [row["order_id"] for row in rows_beside] == ["o1", "o4"]
    assert rows_again == rows
    assert [outcome(run) for run in runs] == [
        {"bronze.orders": ("succeeded", 4, 1), "silver.orders": ("succeeded", 2, 2)},
        {"bronze.orders": ("succeeded", 2, 0), "silver.orders": ("succeeded", 2, 0)},
    ]
    assert rows == [
        {"order_id": "o1", "amount": "11.00", "month": "2026-03"},
        {"order_id": "o2", "amount": "3.00", "month": "2026-02"},
        {"order_id": "o4", "amount": "2.25", "month": "2026-03"},
    ]
    with Lake.open(project, environment="embedded") as opened:
        assert opened.query.sql(ORDERS).rows() == rows
        rejected = opened.query.sql("select rule from quarantine.silver_orders order by 1")
        assert rejected.rows() == [
            {"rule": 'ColumnValues "amount" > 0'},
            {"rule": 'IsComplete "order_id"'},
        ]
        assert opened.doctor() == []
        assert len(opened.query.sql("select * from quarantine.bronze_orders").rows()) == 1


KMS_KEY = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"


def test_what_spark_writes_is_encrypted_as_asked(
    project: Path,
    bucket: str,
    s3_options: dict[str, str],
    unavailable: Callable[[str], NoReturn],
) -> None:
    text = (project / "lake.yml").read_text()
    encrypted = f"region: us-east-1\n      sse: aws:kms\n      kms_key_id: {KMS_KEY}\n"
    (project / "lake.yml").write_text(text.replace("region: us-east-1\n", encrypted))
    write(project / "landing/orders/1.json", FIRST)
    done = lake(["run", "-C", str(project), "--env", "cluster", "--json"])
    if NO_JARS in done.stdout + done.stderr:
        unavailable("hadoop-aws, with which Spark reaches S3,")
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
    client = pytest.importorskip("botocore.session").Session().create_client(
        "s3", endpoint_url=s3_options["endpoint"], region_name="us-east-1",
        aws_access_key_id=s3_options["access_key_id"],
        aws_secret_access_key=s3_options["secret_access_key"],
    )  # fmt: skip
    listed = client.list_objects_v2(Bucket=bucket)["Contents"]
    heads = {one["Key"]: client.head_object(Bucket=bucket, Key=one["Key"]) for one in listed}
    assert any("/silver/orders/spark-" in key for key in heads)
    assert {
        (head.get("ServerSideEncryption"), head.get("SSEKMSKeyId")) for head in heads.values()
    } == {("aws:kms", KMS_KEY)}
