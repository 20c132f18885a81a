"""What crawls make of the catalog: tables, partitions, policies, and what stays."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lakeworks.catalog.data_catalog.model import Column, StorageDescriptor, TableEntry
from lakeworks.core import clock
from lakeworks.core.names import TableName
from lakeworks.crawlers.errors import CrawlerBusyError, UnknownCrawlerError
from lakeworks.crawlers.report import CrawlReport, TableReport
from lakeworks.crawlers.service import lock_name
from lakeworks.project.crawler_declaration import GrokClassifier, Target

Happened = Callable[[CrawlReport], dict[str, str]]
Only = Callable[[CrawlReport], TableReport]
Place = Any


def days(place: Place, *numbers: int, **columns: Any) -> None:
    for number in numbers:
        place.write(f"events/day={number}/x.json", {"id": number, "what": "x", **columns})


class TestEntries:
    def test_a_table_has_glues_parameters_and_classes(self, place: Place) -> None:
        place.write("orders/a.csv", "id,name\n1,x\n2,y\n")
        place.write("orders/b.csv", "id,name\n3,z\n")
        place.crawl()
        table = place.table("orders")
        assert table.table_type == "EXTERNAL_TABLE"
        assert table.storage.location == f"{place.root}/orders/"
        assert table.storage.input_format == "org.apache.hadoop.mapred.TextInputFormat"
        assert table.storage.serde.library.endswith("LazySimpleSerDe")
        assert table.storage.serde.parameters["field.delim"] == ","
        assert dict(table.parameters) == {
            "CrawlerSchemaSerializerVersion": "1.0",
            "CrawlerSchemaDeserializerVersion": "1.0",
            "UPDATED_BY_CRAWLER": "c",
            "areColumnsQuoted": "false",
            "averageRecordSize": "9",
            "classification": "csv",
            "columnsOrdered": "true",
            "compressionType": "none",
            "delimiter": ",",
            "objectCount": "2",
            "recordCount": "3",
            "sizeKey": "28",
            "skip.header.line.count": "1",
            "typeOfData": "file",
        }
        assert table.updated_by == "crawler c"

    def test_partitions_have_places_columns_and_counts_of_their_own(self, place: Place) -> None:
        days(place, 1)
        days(place, 2, more=True)
        place.crawl()
        table, partitions = place.table("events"), place.partitions("events")
        assert [(key.name, key.type) for key in table.partition_keys] == [("day", "string")]
        assert place.columns("events") == {"id": "int", "what": "string", "more": "boolean"}
        assert set(partitions) == {("1",), ("2",)}
        assert partitions["1",].storage.location == f"{place.root}/events/day=1/"
        assert [c.name for c in partitions["1",].storage.columns] == ["id", "what"]
        assert partitions["1",].parameters["objectCount"] == "1"

    def test_partitions_inherit_from_the_table_where_the_crawler_says_so(
        self, place: Place
    ) -> None:
        days(place, 1)
        days(place, 2, more=True)
        place.declare(inherit_from_table=True)
        place.crawl()
        one = place.partitions("events")["1",]
        assert [c.name for c in one.storage.columns] == ["id", "what", "more"]
        assert not place.crawl().changed

    def test_a_partition_key_is_no_column_besides(self, place: Place) -> None:
        days(place, 1, 2, day=7)
        place.crawl()
        assert place.columns("events") == {"id": "int", "what": "string"}

    def test_quoted_values_are_read_by_the_serde_for_quotes(self, place: Place) -> None:
        place.write("q/a.csv", 'id,n\n1,"a,b"\n')
        place.crawl()
        assert place.table("q").storage.serde.library.endswith("OpenCSVSerde")

    def test_a_custom_grok_is_kept_with_the_table(self, place: Place) -> None:
        place.write("app/x.log", "2024-01-02T03:04:05 INFO hello\n")
        pattern = "%{TIMESTAMP_ISO8601:at} %{MINE:level} %{GREEDYDATA:message}"
        classifier = GrokClassifier("app", "app", pattern, "MINE [A-Z]+")
        place.declare(classifiers=(classifier,))
        report = place.crawl()
        table = place.table("app")
        assert table.classification == "app"
        assert table.storage.serde.library == "com.amazonaws.glue.serde.GrokSerDe"
        assert table.storage.serde.parameters["input.format"] == pattern
        assert table.storage.serde.parameters["input.grokCustomPatterns"] == "MINE [A-Z]+"
        assert report.classifiers == {"app": 1}

    def test_a_delta_table_is_known_by_its_log(self, place: Place) -> None:
        import pyarrow as pa
        from deltalake import write_deltalake

        data = pa.table({"id": [1, 2], "day": ["a", "b"]})
        write_deltalake(str(place.root / "d"), data, partition_by=["day"])
        place.write("j/x.json")
        place.crawl()
        table = place.table("d")
        assert table.classification == "delta"
        assert table.parameters["spark.sql.sources.provider"] == "delta"
        assert place.columns("d") == {"id": "bigint"}
        assert [key.name for key in table.partition_keys] == ["day"]
        assert not place.crawl().changed

    def test_names_that_clash_get_a_digest(self, place: Place, happened: Happened) -> None:
        place.write("a/orders/x.json", {"a": 1})
        place.write("b/orders/x.csv", "x,y,z\n1,2,3\n2,3,4\n")
        names = sorted(happened(place.crawl()))
        assert names[0] == "orders"
        assert names[1].startswith("orders_")
        assert sorted(happened(place.crawl())) == names

    def test_a_file_among_others_is_a_table_at_its_own_place(self, place: Place) -> None:
        place.write("mix/a.csv", "id,name\n1,x\n2,y\n")
        place.write("mix/b.json", {"z": 1})
        place.crawl()
        assert place.table("a_csv").storage.location == f"{place.root}/mix/a.csv"
        assert place.table("b_json").storage.location == f"{place.root}/mix/b.json"

    def test_prefix_and_sample_are_heeded(self, place: Place) -> None:
        for number in range(10):
            place.write(f"t/{number}.json", {"a": number})
        place.declare("c", place.target(sample_size=2), table_prefix="web_")
        report = place.crawl()
        assert place.tables() == ["web_t"]
        assert report.targets[0].examined == 2
        assert place.table("web_t").parameters["objectCount"] == "10"
        assert place.table("web_t").parameters["recordCount"] == "10"

    def test_excluded_files_are_left_out(self, place: Place) -> None:
        place.write("t/a.json")
        place.write("t/b.csv", "x,y\n1,2\n")
        place.declare("c", place.target(exclusions=("**.csv",)))
        report = place.crawl()
        assert place.tables() == ["t"]
        assert report.targets[0].excluded == 1

    def test_what_was_left_out_is_kept_with_the_table(self, place: Place) -> None:
        place.write("t/a.json")
        place.declare("c", place.target(exclusions=("**.csv", "old/**")))
        place.crawl()
        kept = json.loads(place.table("t").parameters["exclusions"])
        assert kept == [f"{place.root}/**.csv", f"{place.root}/old/**"]
        place.declare("c")
        place.crawl()
        assert "exclusions" not in place.table("t").parameters

    def test_files_that_queries_will_meet_are_counted(self, place: Place, only: Only) -> None:
        days(place, 1)
        place.write("events/day=1/y.json", b"\0\1\2")
        place.write("events/day=1/empty.json", b"")
        place.write("elsewhere/z.json", b"\0\1\2")
        assert only(place.crawl()).strangers == 1

    def test_the_table_level_counts_from_the_projects_folder(self, place: Place) -> None:
        for year in (1, 2):
            place.write(f"a/y={year}/x.json", {"a": 1})
            place.write(f"b/y={year}/x.json", {"a": 1})
        place.declare(table_level=2)
        place.crawl()
        assert place.tables() == ["a", "b"]


class TestChanges:
    def test_a_second_crawl_changes_nothing(self, place: Place) -> None:
        days(place, 1, 2, 3)
        place.write("orders/a.csv", "id,name\n1,x\n")
        assert place.crawl().changed
        again = place.crawl()
        assert not again.changed
        assert {table.action for table in again.tables} == {"unchanged"}
        assert place.table("events").version == 0

    def test_a_dry_run_says_the_same_and_changes_nothing(self, place: Place) -> None:
        days(place, 1)
        dry = place.crawl(dry_run=True)
        assert dry.changed
        assert place.tables() == []
        assert place.service.history() == []
        wet = place.crawl()
        assert [t.as_json() for t in wet.tables] == [t.as_json() for t in dry.tables]

    def test_new_partitions_are_added(self, place: Place, only: Only) -> None:
        days(place, 1)
        place.crawl()
        days(place, 2)
        table = only(place.crawl())
        assert (table.action, table.partitions, table.partitions_added) == ("unchanged", 2, 1)

    def test_a_changed_schema_is_taken_over_as_a_version(
        self, place: Place, only: Only
    ) -> None:
        days(place, 1)
        place.crawl()
        days(place, 2, price=1.5)
        table = only(place.crawl())
        assert table.action == "updated"
        assert table.changes == ["column price double added"]
        assert place.table("events").version == 1
        assert "price" in place.columns("events")

    def test_a_changed_schema_is_only_logged_where_the_policy_says_so(
        self, place: Place, only: Only
    ) -> None:
        days(place, 1)
        place.declare(update="log")
        place.crawl()
        days(place, 2, price=1.5)
        table = only(place.crawl())
        assert table.action == "unchanged"
        assert table.changes == ["not taken over: column price double added"]
        assert table.partitions_added == 1
        assert "price" not in place.columns("events")

    def test_of_a_changed_schema_only_new_columns_may_be_merged(
        self, place: Place, only: Only
    ) -> None:
        place.write("t/x.json", {"a": 1, "b": "x"})
        place.declare(merge_new_columns=True)
        place.crawl()
        place.write("t/x.json", {"a": 1.5, "c": True})
        only(place.crawl())
        assert place.columns("t") == {"a": "int", "b": "string", "c": "boolean"}
        assert not place.crawl().changed

    def test_what_people_wrote_into_an_entry_stays(self, place: Place) -> None:
        place.write("t/x.json", {"a": 1, "b": "x"})
        place.crawl()
        entry = place.table("t")
        described = tuple(replace(c, comment=f"the {c.name}") for c in entry.storage.columns)
        place.catalog.data_catalog.put_table(
            replace(
                entry,
                description="Ours.",
                owner="ann",
                parameters={**entry.parameters, "lakeworks.tag.team": "web"},
                storage=replace(entry.storage, columns=described),
            )
        )
        assert not place.crawl().changed
        place.write("t/y.json", {"a": 1, "b": "x", "c": 1})
        place.crawl()
        after = place.table("t")
        assert (after.description, after.owner, after.tags) == ("Ours.", "ann", {"team": "web"})
        assert after.storage.columns[0].comment == "the a"
        assert "c" in place.columns("t")

    def test_names_and_types_that_people_gave_to_partition_keys_stay(
        self, place: Place
    ) -> None:
        place.write("t/2024/x.json")
        place.crawl()
        entry = place.table("t")
        assert [key.name for key in entry.partition_keys] == ["partition_0"]
        renamed = replace(entry, partition_keys=(Column("year", "int"),))
        place.catalog.data_catalog.put_table(renamed)
        place.write("t/2025/x.json")
        place.crawl()
        assert place.table("t").partition_keys == (Column("year", "int"),)
        assert set(place.partitions("t")) == {("2024",), ("2025",)}

    def test_keys_that_changed_places_are_taken_as_they_are(self, place: Place) -> None:
        place.write("year=1/a/x.json")
        place.write("year=1/b/x.json")
        place.crawl()
        place.remove("year=1")
        place.write("a/year=1/x.json")
        place.write("b/year=1/x.json")
        place.crawl()
        keys = [key.name for key in place.table("land").partition_keys]
        assert keys == ["partition_0", "year"]
        assert not place.crawl().changed

    def test_a_table_that_someone_else_made_is_left_alone(
        self, place: Place, happened: Happened
    ) -> None:
        place.write("t/x.json", {"a": 1})
        storage = StorageDescriptor((Column("mine", "string"),), f"{place.root}/t")
        own = TableEntry(TableName("raw", "own"), storage=storage)
        place.catalog.data_catalog.put_table(own)
        assert happened(place.crawl()) == {"own": "left alone"}
        assert place.columns("own") == {"mine": "string"}

    def test_a_table_does_not_fall_apart_for_a_partition_of_other_columns(
        self, place: Place, happened: Happened
    ) -> None:
        days(place, 1)
        place.crawl()
        place.write("events/day=2/x.json", {"p": 1, "q": 2, "r": 3})
        assert happened(place.crawl()) == {"events": "updated"}

    def test_a_table_is_not_swallowed_by_a_brother_like_it(
        self, place: Place, happened: Happened
    ) -> None:
        place.write("a/x.json", {"a": 1})
        place.crawl()
        place.write("b/x.json", {"a": 1})
        assert happened(place.crawl()) == {"a": "unchanged", "b": "created"}


class TestGone:
    @pytest.mark.parametrize(
        ("delete", "action", "left"),
        [
            ("deprecate_in_database", "deprecated", True),
            ("delete_from_database", "deleted", False),
            ("log", "missing", True),
        ],
    )
    def test_a_table_that_is_gone(
        self, place: Place, happened: Happened, delete: str, action: str, left: bool
    ) -> None:
        place.write("t/x.json")
        place.write("u/x.csv", "x,y\n1,2\n")
        place.declare(delete=delete)
        place.crawl()
        place.remove("t")
        assert happened(place.crawl()) == {"t": action, "u": "unchanged"}
        assert ("t" in place.tables()) is left
        assert not place.crawl().changed

    @pytest.mark.parametrize(
        ("delete", "left"),
        [("deprecate_in_database", 2), ("delete_from_database", 1), ("log", 2)],
    )
    def test_a_partition_that_is_gone(
        self, place: Place, only: Only, delete: str, left: int
    ) -> None:
        days(place, 1, 2)
        place.declare(delete=delete)
        place.crawl()
        place.remove("events/day=2")
        table = only(place.crawl())
        assert len(place.partitions("events")) == left
        counted = (
            table.partitions_deprecated,
            table.partitions_deleted,
            table.partitions_missing,
        )
        assert sum(counted) == 1
        assert not place.crawl().changed

    def test_what_comes_back_is_no_longer_deprecated(
        self, place: Place, happened: Happened
    ) -> None:
        place.write("t/x.json")
        place.crawl()
        place.remove("t/x.json")
        place.crawl()
        assert "DEPRECATED_BY_CRAWLER" in place.table("t").parameters
        place.write("t/x.json")
        assert happened(place.crawl()) == {"t": "updated"}
        assert "DEPRECATED_BY_CRAWLER" not in place.table("t").parameters

    def test_a_partition_that_comes_back_is_no_longer_deprecated(self, place: Place) -> None:
        days(place, 1, 2)
        place.crawl()
        place.remove("events/day=2")
        place.crawl()
        assert "DEPRECATED_BY_CRAWLER" in place.partitions("events")["2",].parameters
        days(place, 2)
        place.crawl()
        assert "DEPRECATED_BY_CRAWLER" not in place.partitions("events")["2",].parameters

    def test_files_that_cannot_be_read_are_not_gone(
        self, place: Place, happened: Happened
    ) -> None:
        days(place, 1, 2)
        place.write("t/x.csv", "x,y\n1,2\n")
        place.declare(delete="delete_from_database")
        place.crawl()
        place.write("t/x.csv", b"\0\1\2")
        place.write("events/day=2/x.json", b"\0\1\2")
        report = place.crawl()
        assert happened(report) == {"events": "unchanged"}
        assert set(place.tables()) == {"events", "t"}
        assert len(place.partitions("events")) == 2
        assert report.skipped_count == 2

    def test_a_target_that_is_not_there_fails_and_deletes_nothing(self, place: Place) -> None:
        place.write("a/t/x.json")
        place.write("b/u/x.csv", "x,y\n1,2\n")
        targets = (place.target("a"), place.target("b"))
        place.declare("c", *targets, delete="delete_from_database")
        place.crawl()
        place.remove("a")
        report = place.crawl()
        assert report.status == "failed"
        assert "is not there" in report.targets[0].error
        assert set(place.tables()) == {"t", "u"}

    def test_tables_of_other_crawlers_stay(self, place: Place) -> None:
        place.write("a/x.json")
        place.write("b/x.json")
        place.declare("one", place.target("a"), delete="delete_from_database")
        place.declare("two", place.target("b"), delete="delete_from_database")
        place.crawl("one")
        place.crawl("two")
        place.remove("b/x.json")
        place.crawl("one")
        assert set(place.tables()) == {"a", "b"}

    def test_more_tables_than_the_threshold_write_nothing(self, place: Place) -> None:
        place.write("a/x.json")
        place.write("b/x.csv", "x,y\n1,2\n")
        place.declare(table_threshold=1)
        report = place.crawl()
        assert (report.status, report.error_code) == ("failed", "LW612")
        assert place.tables() == []


class TestNewFoldersOnly:
    def declare(self, place: Place) -> None:
        place.declare(recrawl="crawl_new_folders_only", update="log", delete="log")

    def test_only_new_folders_are_looked_into(self, place: Place, only: Only) -> None:
        days(place, 1, 2)
        self.declare(place)
        assert place.crawl().targets[0].examined == 2
        days(place, 3)
        report = place.crawl()
        assert report.targets[0].examined == 1
        assert only(report).partitions_added == 1
        assert set(place.partitions("events")) == {("1",), ("2",), ("3",)}
        again = place.crawl()
        assert (again.changed, again.targets[0].examined) == (False, 0)

    def test_changes_in_known_folders_are_not_seen(self, place: Place) -> None:
        days(place, 1)
        self.declare(place)
        place.crawl()
        days(place, 1, price=2.5)
        place.remove("events/day=1/x.json")
        place.write("events/day=1/y.json", {"q": 1})
        assert not place.crawl().changed
        assert place.columns("events") == {"id": "int", "what": "string"}

    def test_a_new_folder_of_another_format_is_told_of(self, place: Place) -> None:
        days(place, 1)
        self.declare(place)
        place.crawl()
        place.write("events/day=2/x.csv", "x,y\n1,2\n2,3\n")
        report = place.crawl()
        assert not report.changed
        assert "its classification is csv" in report.skipped[0][1]

    def test_a_new_folder_beside_known_tables_is_a_table(
        self, place: Place, happened: Happened
    ) -> None:
        days(place, 1)
        self.declare(place)
        place.crawl()
        place.write("others/x.csv", "x,y\n1,2\n2,3\n")
        place.write("others2/x.csv", "x,y\n1,2\n2,3\n")
        assert happened(place.crawl()) == {"others": "created", "others2": "created"}
        assert set(place.tables()) == {"events", "others", "others2"}

    def test_a_folder_that_could_not_be_read_is_looked_at_again(self, place: Place) -> None:
        days(place, 1)
        self.declare(place)
        place.crawl()
        place.write("events/day=2/x.json", b"\0\1\2")
        assert not place.crawl().changed
        days(place, 2)
        assert place.crawl().changed


class TestCatalogTargets:
    def test_a_table_that_people_made_gets_its_partitions(
        self, place: Place, only: Only
    ) -> None:
        days(place, 1, 2)
        place.crawl()
        made = replace(
            place.table("events"),
            name=TableName("hand", "made"),
            parameters={"classification": "json"},
        )
        place.catalog.data_catalog.put_table(made)
        place.declare(
            "k", database="", targets=(), tables=(made.name,), combine=True, delete="log"
        )
        table = only(place.crawl("k"))
        assert (str(table.name), table.partitions_added) == ("hand.made", 2)
        days(place, 3)
        assert only(place.crawl("k")).partitions_added == 1
        place.remove("events/day=1")
        assert only(place.crawl("k")).partitions_missing == 1

    def test_files_of_another_format_are_told_of(self, place: Place) -> None:
        place.write("t/x.json")
        entry = TableEntry(
            TableName("hand", "made"),
            storage=StorageDescriptor((Column("x", "string"),), f"{place.root}/t/"),
            parameters={"classification": "csv"},
        )
        place.catalog.data_catalog.put_table(entry)
        place.declare(
            "k", database="", targets=(), tables=(entry.name,), combine=True, delete="log"
        )
        report = place.crawl("k")
        assert not report.changed
        assert report.skipped == [(f"{place.root}/t", "it is json, and hand.made is not")]

    def test_a_table_that_is_not_there_fails(self, place: Place) -> None:
        place.declare("k", database="", targets=(), tables=(TableName("hand", "made"),))
        assert place.crawl("k").error_code == "LW611"


class TestService:
    def test_an_unknown_crawler_suggests_the_nearest(self, place: Place) -> None:
        place.declare("clicks")
        with pytest.raises(UnknownCrawlerError, match="did you mean clicks"):
            place.service.crawl("click")

    def test_crawls_are_kept_with_their_reports(self, place: Place) -> None:
        place.write("t/x.json")
        report = place.crawl()
        (kept,) = place.service.history("c")
        assert (kept.crawl_id, kept.status) == (report.crawl_id, "succeeded")
        assert kept.report == report.as_json()

    def test_two_crawls_of_one_crawler_do_not_run_at_once(self, place: Place) -> None:
        place.declare("my crawler")
        held = place.catalog.locks.hold([lock_name("my crawler")], holder="other", wait_s=0)
        with held, pytest.raises(CrawlerBusyError, match="is being crawled already"):
            place.service.crawl("my crawler")
        assert place.service.crawl("my crawler").status == "succeeded"

    def test_a_crawl_that_never_ended_was_killed(self, place: Place) -> None:
        place.catalog.crawls.begin("20200101T000000Z-00000000", "c")
        place.crawl()
        assert [one.status for one in place.service.history()] == ["succeeded", "killed"]

    def test_of_each_crawler_a_hundred_crawls_are_kept(self, place: Place) -> None:
        crawls = place.catalog.crawls
        start = datetime(2024, 1, 1, tzinfo=UTC)
        for number in range(105):
            with clock.fixed(start + timedelta(minutes=number)):
                crawls.begin(f"{number:03}", "c")
                crawls.end(f"{number:03}", "succeeded", {})
        with clock.fixed(start):
            crawls.begin("other", "d")
        kept = [one.crawl_id for one in crawls.recent("c", limit=1000)]
        assert (len(kept), kept[0], kept[-1]) == (100, "104", "005")
        assert len(crawls.recent("d")) == 1

    def test_a_crawler_is_due_by_its_schedule(self, place: Place) -> None:
        place.declare("daily", schedule="cron(0 2 * * ? *)")
        place.declare("often", schedule="rate(5 minutes)")
        place.declare("never")
        noon = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
        with clock.fixed(noon):
            assert place.service.due() == ["daily", "often"]
            place.service.crawl_all(["daily", "often"])
            assert place.service.due() == []
            states = {s.crawler.name: s for s in place.service.states()}
        assert states["daily"].next_at == datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
        assert states["often"].next_at == noon + timedelta(minutes=5)
        assert states["never"].next_at is None
        with clock.fixed(noon + timedelta(minutes=5)):
            assert place.service.due() == ["often"]

    def test_the_lakes_own_storage_is_not_crawled(self, place: Place, tmp_path: Path) -> None:
        place.write("store/tables/x.json")
        place.write("t/x.json")
        place.declare()
        service = place.service
        service.around = replace(service.around, own_root=str(place.root / "store"))
        report = service.crawl("c")
        assert [t.name.table for t in report.tables] == ["t"]
        assert report.skipped == [(str(place.root / "store"), "it is the lake's own storage")]


def test_a_target_may_be_a_single_folder_of_files(place: Place) -> None:
    place.write("x.json")
    place.declare("c", Target(f"{place.root}/", "."))
    place.crawl()
    assert place.tables() == ["land"]
