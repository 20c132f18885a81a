"""The history of crawls and whole crawls, on SQLite and on a real PostgreSQL server alike."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lakeworks.catalog import Catalog
from lakeworks.core import clock
from lakeworks.core.names import TableName
from lakeworks.crawlers.found_tables import Surroundings
from lakeworks.crawlers.service import Crawlers
from lakeworks.project.crawler_declaration import Crawler, Target
from lakeworks.project.declaration import Location

START = datetime(2026, 1, 1, tzinfo=UTC)


def test_crawls_are_kept_newest_first(catalog: Catalog) -> None:
    for number, name in enumerate(["a", "b", "a"]):
        with clock.fixed(START + timedelta(minutes=number)):
            catalog.crawls.begin(str(number), name)
            catalog.crawls.end(str(number), "succeeded", {"number": number, "text": "é" * 3000})
    assert [one.crawl_id for one in catalog.crawls.recent()] == ["2", "1", "0"]
    assert [one.crawl_id for one in catalog.crawls.recent("a", limit=1)] == ["2"]
    newest = catalog.crawls.recent("a")[0]
    assert newest.report == {"number": 2, "text": "é" * 3000}
    assert newest.started_at == newest.ended_at == START + timedelta(minutes=2)
    assert {name: one.crawl_id for name, one in catalog.crawls.last().items()} == {
        "a": "2", "b": "1",
    }  # fmt: skip


def test_a_crawl_under_way_has_no_end_and_is_killed_by_the_next(catalog: Catalog) -> None:
    catalog.crawls.begin("0", "a")
    assert [(one.status, one.ended_at) for one in catalog.crawls.recent()] == [
        ("running", None)
    ]
    catalog.crawls.begin("1", "a")
    catalog.crawls.begin("2", "b")
    assert {one.crawl_id: one.status for one in catalog.crawls.recent()} == {
        "0": "killed", "1": "running", "2": "running",
    }  # fmt: skip


def test_of_each_crawler_a_hundred_crawls_are_kept(catalog: Catalog) -> None:
    for number in range(103):
        with clock.fixed(START + timedelta(minutes=number)):
            catalog.crawls.begin(f"{number:03}", "a")
            catalog.crawls.end(f"{number:03}", "succeeded", {})
    assert len(catalog.crawls.recent("a", limit=1000)) == 100


def test_folders_are_kept_by_crawler_and_target(catalog: Catalog) -> None:
    assert catalog.crawls.folders("a", "s3://x") is None
    many = {f"day={number}" for number in range(2_000)}
    catalog.crawls.keep_folders("a", "s3://x", many)
    catalog.crawls.keep_folders("a", "s3://x", many | {"é", ""})
    assert catalog.crawls.folders("a", "s3://x") == many | {"é", ""}
    assert catalog.crawls.folders("b", "s3://x") is None


def test_crawling_twice_changes_nothing_the_second_time(
    catalog: Catalog, tmp_path: Path
) -> None:
    for day in range(30):
        place = tmp_path / "land" / "events" / f"day={day}"
        place.mkdir(parents=True)
        (place / "x.json").write_text(json.dumps({"id": day, "what": {"x": [1.5]}}) + "\n")
    target = Target(str(tmp_path / "land"), "land")
    crawler = Crawler("c", Location("c.yml", 1), "raw", (target,))
    service = Crawlers({"c": crawler}, catalog, Surroundings({}, str(tmp_path)))
    assert service.crawl("c").changed
    assert not service.crawl("c").changed
    events = TableName("raw", "events")
    assert catalog.data_catalog.count_partitions(events) == 30
    assert catalog.data_catalog.get_table(events).version == 0
