"""Crawlers by the command line: folders, a bucket, schedules; and what they find is queried."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from lakeworks.cli.main import main
from lakeworks.storage.objects import ObjectStore

ROWS = [{"id": number, "name": f"n{number}", "price": number * 1.5} for number in range(6)]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
Run = Callable[..., Any]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "lake.yml").write_text("name: crawled\n")
    (tmp_path / "crawlers").mkdir()
    (tmp_path / "land").mkdir()
    declare(tmp_path)
    return tmp_path


@pytest.fixture
def lake(root: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*words: str, code: int = 0, text: bool = False) -> Any:
        capsys.readouterr()
        said = [*words, "-C", str(root), *([] if text else ["--json"])]
        assert main(said) == code, capsys.readouterr().err
        out = capsys.readouterr().out
        return out if text else json.loads(out)

    return run


def declare(root: Path, name: str = "all", **said: Any) -> None:
    values = {"database": "raw", "targets": ["land"], **said}
    (root / "crawlers" / f"{name}.yml").write_text(json.dumps(values))


def write(root: Path, path: str, content: bytes = LINES) -> None:
    place = root / "land" / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)


def test_a_crawl_is_told_in_words(root: Path, lake: Run) -> None:
    write(root, "orders/day=1/x.json")
    write(root, "orders/day=2/x.json")
    write(root, "noise/x.bin", b"\0\1\2")
    told = lake("crawl", text=True)
    assert "raw.orders" in told
    assert "created" in told
    assert "recognised: json 2" in told
    assert "noise/x.bin: it is binary" in told
    assert "dry run" in lake("crawl", "--dry-run", text=True)


def test_a_source_over_crawled_folders_is_told_that_they_can_be_columns(
    root: Path, lake: Run
) -> None:
    source = root / "sources" / "orders.yml"
    source.parent.mkdir()
    declared = "table: bronze.orders\npath: land/orders/**/*.json\n"
    source.write_text(declared)
    write(root, "orders/day=1/region=eu/x.json")
    write(root, "orders/day=2/region=us/x.json")
    line = "bronze.orders reads these folders, too: partitions: [day, region]"
    assert line in lake("crawl", text=True)
    source.write_text(f"{declared}partitions: [day]\n")
    assert line not in lake("crawl", text=True)


def test_a_crawl_is_told_as_json(root: Path, lake: Run) -> None:
    write(root, "orders/day=1/x.json")
    (dry,) = lake("crawl", "--dry-run")
    assert dry["dry_run"]
    assert dry["changed"]
    (report,) = lake("crawl", "all")
    assert report["crawler"] == "all"
    assert report["tables"] == dry["tables"]
    (table,) = report["tables"]
    assert table["table"] == "raw.orders"
    assert (table["action"], table["partitions_added"], table["objects"]) == ("created", 1, 1)
    (again,) = lake("crawl")
    assert not again["changed"]


def test_crawlers_are_listed_with_their_last_and_next_crawl(root: Path, lake: Run) -> None:
    declare(root, "daily", schedule="cron(0 2 * * ? *)")
    before = {one["crawler"]: one for one in lake("crawlers")}
    assert before["daily"]["due"]
    assert before["daily"]["last_crawl"] is None
    assert before["all"]["next_due"] is None
    (report,) = lake("crawl", "--due")
    assert report["crawler"] == "daily"
    after = {one["crawler"]: one for one in lake("crawlers")}
    assert not after["daily"]["due"]
    assert after["daily"]["last_status"] == "succeeded"
    assert lake("crawl", "--due") == []
    assert "No crawler is due" in lake("crawl", "--due", text=True)
    assert "daily" in lake("crawlers", text=True)


def test_a_target_that_is_not_there_ends_with_1(root: Path, lake: Run) -> None:
    declare(root, "lost", targets=["nowhere", "land"])
    write(root, "t/x.json")
    (report,) = lake("crawl", "lost", code=1)
    assert report["status"] == "failed"
    assert "is not there" in report["targets"][0]["error"]
    assert [table["table"] for table in report["tables"]] == ["raw.t"]


def test_an_unknown_crawler_ends_with_2(
    root: Path, lake: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["crawl", "al", "-C", str(root)]) == 2
    assert "did you mean all?" in capsys.readouterr().err


def test_without_crawlers_there_is_nothing_to_do(root: Path, lake: Run) -> None:
    (root / "crawlers" / "all.yml").unlink()
    assert lake("crawl") == []
    assert lake("crawlers") == []
    assert "declares no crawlers" in lake("crawl", text=True)


def test_mistakes_in_a_crawler_stop_every_command_with_their_lines(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "crawlers" / "bad.yml").write_text("database: gold\ntargets: [x]\n")
    assert main(["check", "-C", str(root)]) == 2
    assert "crawlers/bad.yml:1" in capsys.readouterr().err


def test_the_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from lakeworks.cli.main import main; main(['crawl', '--help']); "
        "print([m for m in ('pyarrow', 'duckdb', 'lakeworks.crawlers.crawl') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.s3
def test_a_bucket_is_crawled_as_a_folder_is(
    root: Path, lake: Run, bucket: str, s3_options: dict[str, str]
) -> None:
    store = ObjectStore.open(f"s3://{bucket}", s3_options)
    sink = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(ROWS), sink)
    for day in (1, 2):
        store.put(f"land/orders/day={day}/x.json.gz", gzip.compress(LINES))
        store.put(f"land/prices/{day}.parquet", sink.getvalue())
    store.put("land/prices/_SUCCESS", b"")
    store.put("land/noise/x", b"\0\1")
    store.put("land/tmp/x.json", LINES)
    settings = "".join(f"      {key}: '{value}'\n" for key, value in s3_options.items())
    (root / "lake.yml").write_text(
        f"name: crawled\nenvironments:\n  dev:\n    storage: .lake\n    s3:\n{settings}"
    )
    declare(root, targets=[{"path": f"s3://{bucket}/land", "exclusions": ["tmp/**"]}])
    (report,) = lake("crawl")
    assert report["status"] == "succeeded", report
    told = {table["table"]: table for table in report["tables"]}
    assert set(told) == {"raw.orders", "raw.prices"}
    assert told["raw.orders"]["location"] == f"s3://{bucket}/land/orders/"
    assert told["raw.orders"]["partitions"] == 2
    assert told["raw.prices"]["columns"] == 3
    assert report["targets"][0]["excluded"] == 1
    assert report["skipped"] == [
        {"file": f"s3://{bucket}/land/noise/x", "reason": "it is binary"}
    ]
    assert not lake("crawl")[0]["changed"]


@pytest.mark.s3
def test_keys_of_odd_names_do_no_harm_and_one_that_is_no_path_loses_nothing(
    root: Path, lake: Run, bucket: str, s3_endpoint: str, s3_options: dict[str, str]
) -> None:
    import boto3

    client = boto3.client(
        "s3",
        endpoint_url=s3_endpoint,
        region_name="us-east-1",
        aws_access_key_id=s3_options["access_key_id"],
        aws_secret_access_key=s3_options["secret_access_key"],
    )
    keys = (
        "t/",
        "t/x.json",
        "t/é ü.json",
        "t/%2F.json",
    )
    for key in keys:
        client.put_object(Bucket=bucket, Key=f"land/{key}", Body=LINES)
    settings = "".join(f"      {key}: '{value}'\n" for key, value in s3_options.items())
    (root / "lake.yml").write_text(
        f"name: crawled\nenvironments:\n  dev:\n    storage: .lake\n    s3:\n{settings}"
    )
    declare(root, targets=[f"s3://{bucket}/land"])
    (report,) = lake("crawl")
    assert report["status"] == "succeeded", report
    (table,) = report["tables"]
    assert (table["table"], table["objects"]) == ("raw.t", 3)
    assert not lake("crawl")[0]["changed"]
    # The vendor's listing ends at such a key: the target is told of, its table stays.
    client.put_object(Bucket=bucket, Key="land/t//y.json", Body=LINES)
    (report,) = lake("crawl", code=1)
    assert "cannot list" in report["targets"][0]["error"]
    assert report["tables"] == []


@pytest.mark.s3
def test_a_bucket_that_is_not_there_is_told_of(
    root: Path, lake: Run, s3_options: dict[str, str]
) -> None:
    settings = "".join(f"      {key}: '{value}'\n" for key, value in s3_options.items())
    (root / "lake.yml").write_text(
        f"name: crawled\nenvironments:\n  dev:\n    storage: .lake\n    s3:\n{settings}"
    )
    declare(root, targets=["s3://no-such-bucket-here/x"])
    (report,) = lake("crawl", code=1)
    assert "no-such-bucket-here" in report["targets"][0]["error"]
