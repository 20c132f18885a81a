"""Stopping what Spark runs, results beyond the driver's limit, and plans."""

from __future__ import annotations

import threading
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from lakeworks.engines.errors import EngineFailedError, InterruptedQueryError, QueryTimeoutError
from lakeworks.engines.registry import open_engine
from lakeworks.project.declaration import SparkSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import NoReturn

    from lakeworks.engines.protocol import Engine

pytestmark = [pytest.mark.spark, pytest.mark.slow]

# Spark's tasks look whether they are still wanted each thousand rows of the first table.
ENDLESS = "select count(*) as n from range(10000000000) a, range(1000) b"


@pytest.fixture
def engine(tmp_path: Path, unavailable: Callable[[str], NoReturn]) -> Iterator[Engine]:
    if find_spec("pyspark") is None:
        unavailable("PySpark")
    opened = open_engine(
        "spark",
        temp_directory=str(tmp_path),
        threads=2,
        memory_limit=2 * 1024**3,
        spark=SparkSettings(settings={"spark.sql.shuffle.partitions": "4"}),
    )
    yield opened
    opened.close()


def test_a_query_ends_at_its_time_limit_and_the_session_goes_on(engine: Engine) -> None:
    with engine.session() as session:
        with pytest.raises(QueryTimeoutError, match=r"0\.5 s"):
            session.query(ENDLESS, timeout_s=0.5).read_all()
        assert session.query("select 1 as one").read_all().to_pylist() == [{"one": 1}]


def test_interrupting_stops_what_runs_and_what_is_asked_later(engine: Engine) -> None:
    with engine.session() as session:
        timer = threading.Timer(0.5, engine.interrupt)
        timer.start()
        begin = time.monotonic()
        with pytest.raises(InterruptedQueryError):
            session.query(ENDLESS).read_all()
        assert time.monotonic() - begin < 60
        timer.join()
        with pytest.raises(InterruptedQueryError):
            session.query("select 1 as one").read_all()
    with engine.session() as other:
        assert other.query("select 2 as two").read_all().to_pylist() == [{"two": 2}]


def test_no_stop_of_a_query_is_still_under_way_when_the_session_goes_on(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[int] = []
    ended: list[int] = []
    with engine.session() as session:
        cancel = session.cancel  # type: ignore[attr-defined]

        def slowly() -> None:
            begun.append(1)
            cancel()
            time.sleep(1)
            ended.append(1)

        monkeypatch.setattr(session, "cancel", slowly)
        with pytest.raises(QueryTimeoutError):
            session.query(ENDLESS, timeout_s=0.5).read_all()
        assert begun
        assert ended == begun


def test_an_interrupt_just_before_spark_is_asked_is_not_lost(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with engine.session() as session:
        spark = session.spark  # type: ignore[attr-defined]

        def interrupted(_: object) -> object:
            engine.interrupt()
            return spark

        monkeypatch.setattr(type(session), "spark", property(interrupted))
        with pytest.raises(InterruptedQueryError), session.running():  # type: ignore[attr-defined]
            pytest.fail("it ran, and nothing would stop it")


def test_explain_shows_sparks_plan_and_describe_the_lakes_types(engine: Engine) -> None:
    with engine.session() as session:
        (told,) = session.query("explain select 1 as one").read_all().to_pylist()
        assert told["explain_key"] == "physical_plan"
        assert "== Physical Plan ==" in told["explain_value"]
        (column,) = session.query("describe select 1 as one").read_all().to_pylist()
        assert (column["column_name"], column["column_type"]) == ("one", "INTEGER")


@pytest.fixture
def fits_a_mebibyte(spark_engine: Engine) -> Iterator[None]:
    """Let Spark's driver take no larger result; it looks at this setting whenever a job starts."""
    with spark_engine.session() as session:
        setting = session.spark.sparkContext._jsc.sc().conf()  # type: ignore[attr-defined]
    before = setting.get("spark.driver.maxResultSize")
    setting.set("spark.driver.maxResultSize", "1m")
    yield
    setting.set("spark.driver.maxResultSize", before)


@pytest.mark.usefixtures("fits_a_mebibyte")
def test_a_result_beyond_the_drivers_limit_comes_whole(spark_engine: Engine) -> None:
    rows = 40_000  # of some 80 bytes, in partitions of a quarter of the limit
    with spark_engine.session() as session:
        numbers = session.spark.range(0, rows, 1, 12)  # type: ignore[attr-defined]
        session.register("x.t", numbers)
        with pytest.raises(EngineFailedError, match="maxResultSize"), session.running():
            numbers.selectExpr("id", "sha2(string(id), 256)").toArrow()
        found = session.query(
            "select id, sha256(id::varchar) as h, null as n from x.t"
        ).read_all()
        columns = {field.name: str(field.type) for field in found.schema}
        assert columns == {"id": "int64", "h": "string", "n": "int32"}
        assert sorted(found["id"].to_pylist()) == list(range(rows))
        assert len(set(found["h"].to_pylist())) == rows
