"""Tables of every shape: nested, rescued, partitioned, half published, held by a run."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest
from privacy_shop import LAKE, contents, names_of, write

from lakeworks import Lake
from lakeworks.catalog.errors import TableLockedError
from lakeworks.core.names import TableName
from lakeworks.privacy.errors import NotUpToDateError, SubjectError
from lakeworks.storage.log import Commit

if TYPE_CHECKING:
    from pathlib import Path

EVENTS = TableName("bronze", "events")


def project(root: Path, rows: list[dict[str, Any]], source: str = "", **models: str) -> Path:
    write(root / "lake.yml", LAKE)
    write(
        root / "sources/events.yml",
        f"table: bronze.events\nfrom: files\npath: arrivals\nformat: json\n{source}",
    )
    for name, sql in models.items():
        write(root / f"models/silver/{name}.sql", sql)
    arrive(root, 1, rows)
    return root


def arrive(root: Path, number: int, rows: list[dict[str, Any]]) -> None:
    write(root / f"arrivals/{number}.json", "".join(json.dumps(row) + "\n" for row in rows))


def test_nested_fields_lists_and_rescued_values_are_columns_too(tmp_path: Path) -> None:
    rows = [
        {"id": 1, "who": {"user_id": "U-17", "age": 1}},
        {"id": 2, "who": {"user_id": "U-2"}, "all": [{"user_id": "U-17"}, {"user_id": "U-3"}]},
        {"id": 3, "who": {"user_id": "U-3"}, "all": []},
        {"id": 4, "who": {"user_id": "U-4"}, "names": ["U-4"]},
    ]
    model = "/*\nload: append\n*/\nselect id, who.user_id as member, who from bronze.events\n"
    with Lake.open(project(tmp_path, rows, members=model)) as lake:
        lake.pipeline.run()
        # A later value that does not fit its column's type is rescued as JSON.
        arrive(tmp_path, 2, [{"id": 5, "who": "odd", "user_id": None},
                             {"id": 6, "who": [{"user_id": "U-17"}]}])  # fmt: skip
        lake.pipeline.run()
        assert names_of(lake, "U-17")
        report = lake.privacy.erase("user_id=U-17")
        assert report.state == "done"
        assert names_of(lake, "U-17") == []
        left = contents(lake)
        assert [row["id"] for row in left["bronze.events"]] == [2, 3, 4, 5]
        assert left["bronze.events"][0]["all"] == [{"user_id": "U-3"}]  # the row is U-2's
        # What was made of rows without what named the person goes with the next run.
        assert sorted(row["id"] for row in left["silver.members"]) == [2, 3, 4, 5, 6]
        lake.pipeline.run()
        assert [row["id"] for row in contents(lake)["silver.members"]] == [2, 3, 4, 5]
        assert lake.pipeline.run().status == "nothing to do"


def test_a_table_divided_by_the_persons_column_keeps_no_value_in_its_log(
    tmp_path: Path,
) -> None:
    rows = [{"user_id": f"U-{n}", "n": n} for n in (17, 2, 17, 3)]
    with Lake.open(project(tmp_path, rows, "partition_by: [user_id]\n")) as lake:
        lake.pipeline.run()
        assert names_of(lake, "U-17")
        assert lake.privacy.erase("user_id=U-17").state == "done"
        assert names_of(lake, "U-17") == []
        assert [row["n"] for row in contents(lake)["bronze.events"]] == [2, 3]


def test_numbers_name_persons_in_columns_and_nowhere_else(tmp_path: Path) -> None:
    rows = [{"user_id": n, "count": 17, "note": "17 apples"} for n in (17, 2, 170)]
    with Lake.open(project(tmp_path, rows)) as lake:
        lake.pipeline.run()
        assert lake.privacy.erase("user_id=17").state == "done"
        assert {row["user_id"] for row in contents(lake)["bronze.events"]} == {2, 170}


def test_a_vague_name_is_refused_where_it_means_unlike_things(tmp_path: Path) -> None:
    root = project(tmp_path, [{"id": 17}])
    write(root / "sources/other.yml",
          "table: bronze.other\nfrom: files\npath: others\nformat: json\n")  # fmt: skip
    write(root / "others/1.json", '{"id": 17}\n')
    with Lake.open(root) as lake:
        lake.pipeline.run()
        with pytest.raises(SubjectError, match="need not mean the same"):
            lake.privacy.erase("id=17")
        assert lake.privacy.erase("bronze.other.id=17").state == "done"
        assert len(contents(lake)["bronze.events"]) == 1


def test_a_tag_says_whom_a_column_names(tmp_path: Path) -> None:
    root = project(tmp_path, [{"k": "U-17"}, {"k": "U-2"}],
                   "columns:\n  k: {tags: {subject: user}}\n")  # fmt: skip
    with Lake.open(root) as lake:
        lake.pipeline.run()
        assert lake.privacy.erase("user=U-17").state == "done"
        assert [row["k"] for row in contents(lake)["bronze.events"]] == ["U-2"]


def test_what_a_failed_run_left_half_done_is_done_again_by_the_next(tmp_path: Path) -> None:
    strict = (
        "/*\nload: append\nquality: |\n  Rules = [ RowCount > 3 ]\non_violation: fail\n*/\n"
        "select user_id, n from bronze.events\n"
    )
    rows = [{"user_id": f"U-{n}", "n": n} for n in (17, 2)]
    root = project(tmp_path, rows, strict=strict)
    with Lake.open(root) as lake:
        assert lake.pipeline.run().status == "failed"
        assert EVENTS not in lake.catalog.current_snapshot().tables
        assert lake.privacy.erase("user_id=U-17").state == "done"
        assert names_of(lake, "U-17") == []
        arrive(root, 2, [{"user_id": f"U-{n}", "n": n} for n in (4, 5, 6, 7)])
        # The person's own file still lies in the source's folder, and was taken back: not read.
        lake.pipeline.run()
        assert lake.pipeline.run().status in {"nothing to do", "succeeded", "failed"}


def test_an_erasure_waits_for_a_run_or_says_who_holds_what(tmp_path: Path) -> None:
    with Lake.open(project(tmp_path, [{"user_id": "U-17"}])) as lake:
        lake.pipeline.run()
        with lake.catalog.locks.hold([EVENTS], holder="a-run"):
            with pytest.raises(TableLockedError, match="a-run"):
                lake.privacy.erase("user_id=U-17", wait_s=0)
            done: list[str] = []
            waiting = threading.Thread(
                target=lambda: done.append(lake.privacy.erase("user_id=U-17").state)
            )
            waiting.start()
            waiting.join(0.5)
            assert waiting.is_alive()
        waiting.join(60)
        assert done == ["done"]


def test_a_history_that_has_not_read_everything_must_be_run_first(tmp_path: Path) -> None:
    history = "/*\nload: scd2\nkey: [user_id]\n*/\nselect user_id, n from bronze.events\n"
    with Lake.open(project(tmp_path, [{"user_id": "U-17", "n": 1}], history=history)) as lake:
        lake.pipeline.run()
        arrive(tmp_path, 2, [{"user_id": "U-2", "n": 1}])
        lake.pipeline.run("bronze.events")
        with pytest.raises(NotUpToDateError, match=r"silver\.history"):
            lake.privacy.erase("user_id=U-17")
        lake.pipeline.run()
        assert lake.privacy.erase("user_id=U-17").state == "done"


def test_files_that_no_commit_names_go_too(tmp_path: Path) -> None:
    with Lake.open(project(tmp_path, [{"user_id": "U-17"}, {"user_id": "U-2"}])) as lake:
        lake.pipeline.run()
        log = lake.storage.table(EVENTS)
        (found,) = log.version().files
        log.store.put("part-orphan.parquet", log.store.get(found.path))
        log.commit(Commit(log.version().version + 1, "BOOKMARK"))
        lake.pipeline.run()
        lake.privacy.erase("user_id=U-17")
        assert names_of(lake, "U-17") == []
        assert not log.store.exists("part-orphan.parquet")
