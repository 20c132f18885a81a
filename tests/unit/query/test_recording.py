"""Every query is noted, and none waits or fails for it."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import pytest

from lakeworks.catalog import sqlite
from lakeworks.core.names import TableName
from lakeworks.engines.errors import SqlError
from lakeworks.query.service import QueryService

if TYPE_CHECKING:
    from collections.abc import Callable

    from lakeworks.catalog.query_history import QueryRecord

    Last = Callable[[], QueryRecord]


@pytest.fixture
def last(lake: Any) -> Last:
    def found() -> QueryRecord:
        assert lake.catalog.query_history.flush(30)
        newest: QueryRecord = lake.catalog.query_history.recent(1)[0]
        return newest

    return found


def test_a_query_is_noted_with_versions_files_rows_and_who_asked(lake: Any, last: Last) -> None:
    lake.query.sql("select * from silver.orders o join gold.daily d on o.id <> d.id").rows()
    found = last()
    assert found.state == "succeeded"
    assert found.rows == 6
    assert found.user
    assert [(str(one.table), one.version, one.files) for one in found.tables] == [
        ("gold.daily", 0, 1), ("silver.orders", 2, 3),
    ]  # fmt: skip
    assert found.bytes_bound == sum(
        file.size_bytes
        for name, version in (("silver.orders", 2), ("gold.daily", 0))
        for file in lake.storage.table(TableName.parse(name)).version(version).files
    )


def test_an_unpublished_version_and_an_earlier_moment_are_noted_as_what_they_are(
    lake: Any, last: Last
) -> None:
    lake.query.sql("select * from silver.orders@v3").rows()
    assert [one.version for one in last().tables] == [3]
    lake.query.sql("select * from silver.orders", at=1).rows()
    assert [one.version for one in last().tables] == [0]


def test_only_the_rows_that_were_taken_count(lake: Any, last: Last) -> None:
    lake.query.sql("select * from silver.orders", limit=2).rows()
    assert last().rows == 2


def test_what_fails_is_noted_with_its_code(lake: Any, last: Last) -> None:
    with pytest.raises(SqlError) as raised:
        lake.query.sql("select nothing_here from silver.orders").rows()
    found = last()
    assert (found.state, found.rows) == ("failed", 0)
    assert found.error.startswith(raised.value.code)


def test_what_fails_while_it_is_read_is_noted_once(lake: Any, last: Last) -> None:
    assert lake.catalog.query_history.flush(30)  # of tests before this one
    before = lake.catalog.query_history.count()
    sql = "select error('no ' || city) from silver.orders"
    with pytest.raises(SqlError):
        lake.query.sql(sql).rows()
    found = last()
    assert (found.sql, found.state) == (sql, "failed")
    assert lake.catalog.query_history.count() == before + 1


def test_recording_can_be_turned_off(lake: Any) -> None:
    quiet = QueryService(lake.catalog, lake.storage, lake.engine, recorded=False)
    lake.catalog.query_history.flush(30)
    before = lake.catalog.query_history.count()
    quiet.sql("select 1").rows()
    assert lake.catalog.query_history.flush(30)
    assert lake.catalog.query_history.count() == before


def test_a_query_does_not_wait_for_a_catalog_that_someone_else_writes(
    lake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "NOTE_BUSY_S", sqlite.BUSY_S)
    lake.query.sql("select * from silver.orders").rows()
    with lake.catalog._database.writing():
        begin = time.monotonic()
        assert len(lake.query.sql("select * from silver.orders").rows()) == 6
        assert time.monotonic() - begin < sqlite.BUSY_S / 2  # who waits does so for all of it
    assert lake.catalog.query_history.flush(60)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_after_a_fork_the_child_notes_for_itself(lake: Any, last: Last) -> None:
    lake.query.sql("select 1").rows()
    lake.catalog.query_history.flush(30)
    before = lake.catalog.query_history.count()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            from lakeworks.catalog.query_history import QueryRecord
            from lakeworks.core import clock

            lake.catalog.query_history.note(QueryRecord("child", "select 2", clock.now()))
            code = 0 if lake.catalog.query_history.flush(30) else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert lake.catalog.query_history.count() == before + 1
