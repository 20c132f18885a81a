"""The log itself: its lines, damage to it, features it refuses, and schemas both ways."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeworks.core.types import Array, Decimal, Field, Map, Scalar, Schema, Struct, parse_type
from lakeworks.storage import maintenance
from lakeworks.storage.errors import (
    CommitConflictError,
    CommitRefusedError,
    CorruptLogError,
    UnsupportedTableError,
)
from lakeworks.storage.files import DataFile
from lakeworks.storage.log import Commit, TableLog
from lakeworks.storage.log_actions import add_action, commit_path, file_of, remove_action
from lakeworks.storage.log_schema import schema_from_json, schema_to_json
from lakeworks.storage.objects import ObjectStore

ONE = Schema((Field("a", Scalar("bigint")),))


@pytest.fixture
def log(tmp_path: Path) -> TableLog:
    return TableLog(ObjectStore.open(str(tmp_path)), checkpoint_every=0)


def data(log: TableLog, name: str, partition: dict[str, str | None] | None = None) -> DataFile:
    log.store.put(name, b"12345")
    return DataFile(name, 5, 1, partition or {})


def log_file(log: TableLog, version: int) -> Path:
    return Path(log.root) / f"_delta_log/{version:020}.json"


def lines_of(log: TableLog, version: int) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log_file(log, version).read_text().splitlines()]


VOID = '{"fields": [{"name": "a", "type": "void"}]}'
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
TYPES = st.recursive(
    st.sampled_from(
        [Scalar(n) for n in ("boolean", "tinyint", "smallint", "int", "bigint", "string",
                             "float", "double", "binary", "date", "timestamp", "timestamp_ntz")]
        + [Decimal(38, 10), Decimal(5, 0)]
    ),
    lambda inner: st.one_of(
        inner.map(Array),
        st.tuples(inner, inner).map(lambda pair: Map(*pair)),
        st.lists(st.tuples(NAMES, inner), min_size=1, max_size=3).map(
            lambda fields: Struct(tuple(Field(n, t) for n, t in fields))
        ),
    ),
    max_leaves=8,
)  # fmt: skip


@given(st.lists(st.tuples(NAMES, TYPES, st.booleans(), st.text(max_size=5)), max_size=4))
def test_a_schema_comes_back_from_its_json(fields: list[tuple[str, Any, bool, str]]) -> None:
    schema = Schema(tuple(Field(*field) for field in fields))
    assert schema_from_json(schema_to_json(schema)) == schema


@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1),
    st.dictionaries(NAMES, st.one_of(st.none(), NAMES), max_size=2),
)
def test_a_file_comes_back_from_its_line(path: str, partition: dict[str, str | None]) -> None:
    found = DataFile(path, 7, 3, partition, {"minValues": {"a": 1}})
    line = json.loads(json.dumps(add_action(found, 1, data_change=True)))["add"]
    back = file_of(line)
    assert (back.path, back.size_bytes, back.rows) == (path, 7, 3)
    assert dict(back.partition) == partition
    assert line["path"].isascii()
    gone = remove_action(found, 1, spelled=line["path"], data_change=True)["remove"]
    assert file_of(gone).path == path


@pytest.mark.parametrize(
    "spelled", ["p=ü%253Dé/a b.parquet", "p=%C3%BC%253D%C3%A9/a%20b.parquet"]
)
def test_a_file_goes_under_the_spelling_under_which_it_came(
    log: TableLog, spelled: str
) -> None:
    """Spark compares the two as texts: spelled otherwise, the file would stay in the table."""
    log.commit(Commit(0, "create", schema=ONE))
    log.store.put("p=ü%3Dé/a b.parquet", b"12")
    add = {"path": spelled, "partitionValues": {}, "size": 2, "dataChange": True,
           "modificationTime": 1, "stats": '{"numRecords": 1}'}  # fmt: skip
    log.store.put(commit_path(1), json.dumps({"add": add}).encode())
    found = log.version().files
    assert [one.path for one in found] == ["p=ü%3Dé/a b.parquet"]
    log.commit(Commit(2, "delete", removed=found))
    (gone,) = (line["remove"] for line in lines_of(log, 2) if "remove" in line)
    assert gone["path"] == spelled
    assert log.version().files == ()
    log.commit(log.restore_commit(1))
    log.commit(Commit(4, "delete", removed=log.version().files))
    (came,) = (line["add"] for line in lines_of(log, 3) if "add" in line)
    (gone,) = (line["remove"] for line in lines_of(log, 4) if "remove" in line)
    assert gone["path"] == came["path"]


def test_an_empty_partition_value_is_null_and_numbers_that_json_lacks_are_left_out() -> None:
    stats = {"minValues": {"x": float("nan"), "y": 1}, "maxValues": {"x": float("inf")}}
    line = add_action(DataFile("f", 1, 2, {"p": ""}, stats), 1, data_change=True)["add"]
    assert line["partitionValues"] == {"p": None}
    assert json.loads(line["stats"])["minValues"] == {"y": 1}
    assert json.loads(line["stats"])["maxValues"] == {}
    assert file_of({"path": "f", "partitionValues": {"p": ""}}).partition == {"p": None}


def test_the_protocol_asks_for_wall_clock_times_only_when_a_column_needs_them(
    log: TableLog,
) -> None:
    log.commit(Commit(0, "create", schema=ONE))
    assert {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}} in lines_of(log, 0)
    wall = Schema((*ONE.fields, Field("s", parse_type("struct<t:array<timestamp_ntz>>"))))
    log.commit(Commit(1, "append", schema=wall))
    upgrade = next(line["protocol"] for line in lines_of(log, 1) if "protocol" in line)
    assert (upgrade["minReaderVersion"], upgrade["minWriterVersion"]) == (3, 7)
    assert upgrade["readerFeatures"] == ["timestampNtz"]
    assert "timestampNtz" in upgrade["writerFeatures"]
    log.commit(Commit(2, "append"))
    assert not any("protocol" in line or "metaData" in line for line in lines_of(log, 2))


def test_properties_are_set_kept_and_removed(log: TableLog) -> None:
    log.commit(Commit(0, "create", schema=ONE, properties={"a": "1", "b": "2"}))
    log.commit(Commit(1, "set", properties={"a": None, "c": "3"}, description="what it is"))
    now = log.version()
    assert {k: v for k, v in now.properties.items() if "." not in k} == {"b": "2", "c": "3"}
    assert now.properties["delta.enableExpiredLogCleanup"] == "false"
    assert now.description == "what it is"


def test_a_commit_meeting_itself_after_a_lost_answer_is_no_conflict(
    log: TableLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lakeworks.storage.errors import AlreadyExistsError

    log.commit(Commit(0, "create", schema=ONE))
    real = log.store.put_if_absent

    def answered_late(path: str, content: bytes) -> None:
        real(path, content)
        raise AlreadyExistsError.at(path)

    monkeypatch.setattr(log.store, "put_if_absent", answered_late)
    assert log.commit(Commit(1, "append")) == 1
    monkeypatch.undo()
    with pytest.raises(CommitConflictError):
        log.commit(Commit(1, "append"))


def test_partitions_of_files_must_be_those_of_the_table(log: TableLog) -> None:
    with pytest.raises(CommitRefusedError, match="has partition"):
        log.commit(Commit(0, "c", (data(log, "f"),), schema=ONE, partition_columns=("a",)))
    with pytest.raises(CommitRefusedError, match="'zip' is no column"):
        log.commit(Commit(0, "c", schema=ONE, partition_columns=("zip",)))
    two = Schema((Field("A", Scalar("int")), Field("a", Scalar("int"))))
    with pytest.raises(CommitRefusedError, match="one name"):
        log.commit(Commit(0, "c", schema=two))
    assert log.latest_version() is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (b'{"commitInfo": {"timest', "line 1 is not JSON"),
        (b'{"commitInfo": {}}\n\xff\xfe\x00', "line 2 is not JSON"),
        (b"[1]\n", "line 1 is not an object"),
        (b'{"add": {"size": 1}}\n', "path"),
        (b'{"metaData": {"schemaString": "{}"}}\n', "schema"),
        (json.dumps({"metaData": {"schemaString": VOID}}).encode(), "'void' is not known"),
    ],
)  # fmt: skip
def test_a_damaged_log_file_is_named_with_the_way_out_and_earlier_versions_still_read(
    log: TableLog, content: bytes, reason: str
) -> None:
    for version in range(4):
        log.commit(Commit(version, "x", schema=None if version else ONE))
    log_file(log, 2).write_bytes(content)
    fresh = TableLog(log.store)
    with pytest.raises(CorruptLogError) as caught:
        fresh.version()
    assert str(log_file(log, 2)) in caught.value.problem
    assert reason in caught.value.problem
    assert "backup" in caught.value.hint
    assert TableLog(log.store).version(1).version == 1
    # As the hint says: moved away, the table is as it was before.
    log_file(log, 2).unlink()
    log_file(log, 3).unlink()
    assert TableLog(log.store).version().version == 1


def test_a_missing_log_file_is_named(log: TableLog) -> None:
    for version in range(4):
        log.commit(Commit(version, "x", schema=None if version else ONE))
    log_file(log, 2).unlink()
    with pytest.raises(CorruptLogError, match="missing") as caught:
        TableLog(log.store).version()
    assert f"{2:020}.json" in caught.value.problem
    assert "as it was at version 1" in caught.value.hint


def test_a_torn_checkpoint_or_hint_does_no_harm_while_the_commits_are_there(
    log: TableLog, caplog: pytest.LogCaptureFixture
) -> None:
    for version in range(3):
        log.commit(Commit(version, "x", schema=None if version else ONE, transactions={"a": 1}))
    log.store.put("_delta_log/_last_checkpoint", b'{"vers')
    assert TableLog(log.store).version().version == 2
    checkpoint = f"_delta_log/{1:020}.checkpoint.parquet"
    log.store.put(checkpoint, b"PAR1 no")
    for hint in (b"", b'{"version":1,"size":4}'):
        log.store.put("_delta_log/_last_checkpoint", hint)
        assert TableLog(log.store).version().transactions == {"a": 1}
    assert "reading the commits instead" in caplog.text
    log_file(log, 0).unlink()
    with pytest.raises(CorruptLogError, match=r"checkpoint\.parquet"):
        TableLog(log.store).version()


def test_files_of_partitions_named_like_hidden_folders_are_data(log: TableLog) -> None:
    log.commit(Commit(0, "x", schema=ONE))
    for path in ("__rejected=true/a.parquet", "_change_data/b.parquet", "c.parquet"):
        log.store.put(path, b"x")
    found = [orphan.path for orphan in maintenance.orphans(log)]
    assert found == ["__rejected=true/a.parquet", "c.parquet"]


@pytest.mark.parametrize(
    ("line", "feature"),
    [
        ({"protocol": {"minReaderVersion": 4, "minWriterVersion": 7}}, "reader version 4"),
        ({"protocol": {"minReaderVersion": 3, "minWriterVersion": 7,
                       "readerFeatures": ["variantType"], "writerFeatures": ["variantType"]}},
         "variantType"),
        ({"add": {"path": "s3://else/where.parquet", "size": 1}}, "outside its own folder"),
        ({"add": {"path": "x.parquet", "size": 1, "deletionVector": {"storageType": "u"}}},
         "deletion vectors"),
        ({"metaData": {"schemaString": '{"type":"struct","fields":[]}',
                       "configuration": {"delta.columnMapping.mode": "name"}}},
         "column mapping"),
    ],
)  # fmt: skip
def test_what_is_not_supported_is_refused_by_name(
    log: TableLog, line: dict[str, Any], feature: str
) -> None:
    log.commit(Commit(0, "x", schema=ONE))
    log_file(log, 1).write_text(json.dumps(line) + "\n")
    with pytest.raises(UnsupportedTableError, match=feature):
        TableLog(log.store).version()


def test_a_table_that_asks_more_of_its_writers_is_read_but_not_written(log: TableLog) -> None:
    log.commit(Commit(0, "x", schema=ONE))
    needs = {"protocol": {"minReaderVersion": 1, "minWriterVersion": 4}}
    log_file(log, 1).write_text(json.dumps(needs) + "\n")
    fresh = TableLog(log.store)
    assert fresh.version().version == 1
    with pytest.raises(UnsupportedTableError, match="writer version 4"):
        fresh.commit(Commit(2, "x"))


def test_a_known_version_is_neither_listed_nor_read_again(
    log: TableLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in range(30):
        log.commit(Commit(version, "x", schema=None if version else ONE))
    fresh = TableLog(log.store)
    fresh.version(29)
    log.commit(Commit(30, "x"))
    reads: list[str] = []
    real = log.store.get
    monkeypatch.setattr(fresh.store, "get", lambda path: (reads.append(path), real(path))[1])
    monkeypatch.setattr(fresh.store, "list_after", lambda *_: pytest.fail("listed"))
    assert fresh.version().version == 30
    assert fresh.version(29).version == 29
    assert len(reads) == 1
