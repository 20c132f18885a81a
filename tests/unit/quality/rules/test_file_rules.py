"""Rules on files: age, size, content and repeats, in folders, in buckets and behind the data."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from lakeworks.quality import evaluate
from lakeworks.storage.objects import ObjectStore

if TYPE_CHECKING:
    from pathlib import Path

    from lakeworks.quality import RuleOutcome

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CONTENT = {
    "a.json": b'{"id": 1}\n',
    "b.json": b'{"id": 2}\n',
    "copy.json": b'{"id": 1}\n',
    "deep/c.txt": b"x" * 3000,
}
AGES_HOURS = {"a.json": 1, "b.json": 30, "copy.json": 2, "deep/c.txt": 300}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "in"
    for name, content in CONTENT.items():
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        written = (NOW - timedelta(hours=AGES_HOURS[name])).timestamp()
        os.utime(place, (written, written))
    return root


def judged(rule: str, folder: Path, data: object = None, **more: Any) -> RuleOutcome:
    import pyarrow as pa

    text = rule.replace("IN", str(folder))
    given = pa.table({"id": [1]}) if data is None else data
    (outcome,) = evaluate(given, f"Rules = [ {text} ]", now=NOW, **more).outcomes
    return outcome


@pytest.mark.parametrize(
    ("rule", "outcome", "share", "count"),
    [
        ('FileFreshness "IN/a.json" > (now() - 24 hours)', "Passed", 1, 1),
        ('FileFreshness "IN/" > (now() - 24 hours)', "Failed", 0.5, 4),
        ('FileFreshness "IN" >= (now() -13 days)', "Passed", 1, 4),
        ('FileFreshness "IN/" > (now() - 24 hours) with threshold > 0.1', "Passed", 0.5, 4),
        ('FileFreshness "IN/" > "2020-01-01"', "Passed", 1, 4),
        ('FileFreshness "IN/" between "2026-11-01" and "2026-11-22"', "Failed", 0.5, 4),
        ('FileFreshness "IN/a.json" between now() and (now() - 90 minutes)', "Passed", 1, 1),
        ('FileFreshness "IN/a.json" between "9:30 AM" and "9:30 PM"', "Passed", 1, 1),
        ('FileFreshness "IN/a.json" > "21:45"', "Failed", 0, 1),
        ('FileFreshness "IN/a.json" > "10:59"', "Passed", 1, 1),
        ('FileFreshness "IN/a.json" > "10:59" with timeZone = "America/New_York"',
         "Failed", 0, 1),
        ('FileFreshness "IN/" > (now() - 24 hours) with recentFiles = 2', "Passed", 1, 2),
        (r'FileFreshness "IN/" > (now() - 2 days) with uriRegex = "json$"', "Passed", 1, 3),
        ('FileFreshness "IN/" > now() with failFast = "true"', "Failed", 0, 4),
    ],
)  # fmt: skip
def test_freshness_is_that_of_the_last_writing(
    folder: Path, rule: str, outcome: str, share: float, count: int
) -> None:
    found = judged(rule, folder)
    assert found.outcome == outcome, found.failure_reason
    assert found.evaluated_metrics == {
        "Dataset.*.FileFreshness.Compliance": share,
        "Dataset.*.FileCount": count,
    }


@pytest.mark.parametrize(
    ("rule", "outcome", "share"),
    [
        ('FileSize "IN/deep/c.txt" > 2 KB', "Passed", 1),
        ('FileSize "IN/deep/c.txt" > 3 KB', "Failed", 0),
        ('FileSize "IN/" > 5 B', "Passed", 1),
        ('FileSize "IN/" < 1 KB', "Failed", 0.75),
        ('FileSize "IN/" between 2 B and 1 KB with threshold > 0.7', "Passed", 0.75),
        ('FileSize "IN/a.json" = 10 B', "Passed", 1),
        ('FileSize "IN/a.json" in [10 B, 1 TB]', "Passed", 1),
    ],
)
def test_sizes_are_counted_in_bytes(
    folder: Path, rule: str, outcome: str, share: float
) -> None:
    found = judged(rule, folder)
    assert found.outcome == outcome, found.failure_reason
    assert found.evaluated_metrics["Dataset.*.FileSize.Compliance"] == share
    whole = 'IN/"' in rule
    assert found.evaluated_metrics["Dataset.*.FileCount"] == (4 if whole else 1)
    if whole:
        assert found.evaluated_metrics["Dataset.*.MaximumFileSize"] == 3000
        assert found.evaluated_metrics["Dataset.*.MinimumFileSize"] == 10


def test_a_reason_names_the_files_that_are_at_fault(folder: Path) -> None:
    found = judged('FileSize "IN/" < 1 KB', folder)
    assert "1 of 4 files have a size that is not < 1 KB" in found.failure_reason
    assert "deep/c.txt (3000 B)" in found.failure_reason


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("sha256", ""),
        ("sha256", ' with hashAlgorithm = "SHA-256"'),
        ("sha1", ' with hashAlgorithm = "SHA-1"'),
        ("md5", ' with hashAlgorithm = "MD5"'),
    ],
)
def test_files_match_checksums(folder: Path, name: str, option: str) -> None:
    digest = hashlib.new(name, CONTENT["a.json"]).hexdigest()
    assert judged(f'FileMatch "IN/a.json" in ["{digest}"]{option}', folder).outcome == "Passed"
    assert judged(f'FileMatch "IN/b.json" in ["{digest}"]{option}', folder).outcome == "Failed"
    every = ", ".join(
        f'"{hashlib.new(name, content).hexdigest().upper()}"' for content in CONTENT.values()
    )
    found = judged(f'FileMatch "IN/" in [{every}]{option}', folder)
    assert found.outcome == "Passed"
    assert found.evaluated_metrics == {"Dataset.*.FileCount": 4}


def test_folders_and_files_match_by_content(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    (other / "deep").mkdir(parents=True)
    for name, content in CONTENT.items():
        (other / name).write_bytes(content)
    assert judged(f'FileMatch "IN/" "{other}/"', folder).outcome == "Passed"
    (other / "a.json").rename(other / "renamed.json")
    assert judged(f'FileMatch "IN/" "{other}/"', folder).outcome == "Passed"
    named = judged(f'FileMatch "IN/" "{other}/" with matchFileName = "true"', folder)
    assert named.outcome == "Failed"
    assert "renamed.json" in named.failure_reason
    (other / "b.json").write_bytes(b"changed")
    found = judged(f'FileMatch "IN/" "{other}/"', folder)
    assert found.outcome == "Failed"
    assert "1 of 4 files are not at" in found.failure_reason
    assert judged('FileMatch "IN/a.json" "IN/copy.json"', folder).outcome == "Passed"
    assert judged('FileMatch "IN/a.json" "IN/b.json"', folder).outcome == "Failed"


@pytest.mark.parametrize(
    ("rule", "outcome", "share"),
    [
        ('FileUniqueness "IN/" >= 0.5', "Passed", 0.5),
        ('FileUniqueness "IN/" = 1', "Failed", 0.5),
        ('FileUniqueness "IN/" = 1 with uriRegex = "b.json|deep"', "Passed", 1),
        ('FileUniqueness "IN/" = 1 with matchFileName = "true"', "Failed", 0.5),
        ('FileUniqueness "IN/" = 1 with recentFiles = 1', "Passed", 1),
    ],
)
def test_files_whose_content_repeats_are_not_unique(
    folder: Path, rule: str, outcome: str, share: float
) -> None:
    found = judged(rule, folder)
    assert found.outcome == outcome, found.failure_reason
    assert found.evaluated_metrics["Dataset.*.FileUniquenessRatio"] == share


def test_filters_are_applied_in_the_order_asked_for(folder: Path) -> None:
    tags = 'with recentFiles = 1 with uriRegex = "b.json"'
    first = judged(f'FileSize "IN/" > 0 B {tags}', folder)
    assert first.outcome == "Failed"
    assert first.evaluated_metrics == {"Dataset.*.FileCount": 0}
    other = judged(
        f'FileSize "IN/" > 0 B {tags} with filterOrder = ["uriRegex", "recentFiles"]', folder
    )
    assert other.outcome == "Passed"
    assert other.evaluated_metrics["Dataset.*.FileCount"] == 1


def test_without_a_path_the_files_of_the_data_are_looked_at(folder: Path) -> None:
    data = str(folder / "*.json")
    found = judged("FileUniqueness > 0.3", folder, data)
    assert found.evaluated_metrics["Dataset.*.FileCount"] == 3
    assert judged("FileSize < 10 MB with threshold > 0.7", folder, data).outcome == "Passed"
    assert judged("FileFreshness > (now() - 2 days)", folder, data).outcome == "Passed"


def test_data_that_came_from_no_file_has_none(folder: Path) -> None:
    found = judged("FileSize < 10 MB", folder)
    assert found.outcome == "Failed"
    assert found.failure_reason == "there are no files behind the data"


def test_a_path_without_files_fails_and_is_named(folder: Path) -> None:
    found = judged('FileSize "IN/nothing/" > 0 B', folder)
    assert found.outcome == "Failed"
    assert f"there are no files at {folder}/nothing/" in found.failure_reason


def test_files_in_a_bucket_are_judged_too(
    bucket: str, s3_options: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in (
        ("AWS_ENDPOINT_URL", s3_options["endpoint"]),
        ("AWS_ACCESS_KEY_ID", s3_options["access_key_id"]),
        ("AWS_SECRET_ACCESS_KEY", s3_options["secret_access_key"]),
        ("AWS_REGION", s3_options.get("region", "us-east-1")),
    ):
        monkeypatch.setenv(name, value)
    store = ObjectStore.open(f"s3://{bucket}", s3_options)
    for name, content in CONTENT.items():
        store.put(f"in/{name}", content)
    place = f"s3://{bucket}/in/"
    found = judged(f'FileSize "{place}" > 5 B', tmp_path)
    assert found.evaluated_metrics["Dataset.*.FileCount"] == 4
    assert judged(f'FileSize "{place}deep/c.txt" > 2 KB', tmp_path).outcome == "Passed"
    assert judged(f'FileUniqueness "{place}" >= 0.5', tmp_path).outcome == "Passed"
    digest = hashlib.sha256(CONTENT["a.json"]).hexdigest()
    assert judged(f'FileMatch "{place}a.json" in ["{digest}"]', tmp_path).outcome == "Passed"
