"""Views and materialised views on both engines: equal answers, and nothing hidden in either."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lakeworks.core.errors import LakeError
from lakeworks.lake import Lake

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

POLICIES = """
roles: {analyst: [ana]}
grants:
  - {to: role:analyst, permissions: SELECT, on: silver.people, rows: "region = 'EU'"}
  - {to: role:analyst, permissions: SELECT, on: gold.*}
  - {to: role:analyst, permissions: CREATE_TABLE, on: gold}
policies:
  masked: {on: silver.people, columns: [mail], mask: email_domain, to: everyone}
"""
FILES = {
    "lake.yml": (
        "name: both\nenvironments:\n"
        "  embedded: {storage: .lake, threads: 2}\n"
        "  cluster: {storage: .lake, engine: spark, threads: 2, memory_limit: 2GB,\n"
        "    spark: {settings: {spark.sql.shuffle.partitions: 4}}}\n"
    ),
    "models/silver/people.sql": (
        "select * from (values (1, 'ann', 'a@x', 'EU', 1.50, date '2026-01-01'), "
        "(2, 'hidden', 'b@y', 'US', 2.25, date '2026-02-01'), "
        "(3, 'cy', 'c@x', 'EU', null, null)) as p(id, name, mail, region, amount, day)"
    ),
    "policies/roles.yml": POLICIES,
}
VIEWS = {
    "gold.some": "select id, name, mail, amount, day from silver.people where id > 0",
    "gold.loud": 'select upper(name) as "größe", mail, id from gold.some -- stacked',
    "gold.counted": "with c as (select region, count(*) as n, sum(amount) as s from "
    "silver.people group by region) select * from c",
    "gold.failing": "select id, 1 / (id - 2) as x, cast(name as varchar) as w from silver.people",
}
QUERIES = (
    "select * from gold.some order by id",
    "select \"größe\", split_part(mail, '@', 1) as m from gold.loud order by id",
    "select * from gold.counted order by region",
    "select count(*) as n, max(x) as x from gold.failing where id <> 2",
    "select s.id, l.mail from gold.some s join gold.loud l using (id) order by 1",
    "describe gold.counted",
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("both")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    with Lake.open(folder, environment="embedded") as lake:
        assert lake.pipeline.run().status == "succeeded"
        for name, text in VIEWS.items():
            rows(lake, f"create view {name} as {text}")
    return folder


@pytest.fixture(
    scope="module", params=["embedded", pytest.param("cluster", marks=pytest.mark.spark)]
)
def lake(request: pytest.FixtureRequest, project: Path) -> Iterator[Lake]:
    if request.param == "cluster":
        request.getfixturevalue("spark_engine")
    with Lake.open(project, environment=request.param) as opened:
        yield opened


@pytest.fixture(scope="module")
def expected(project: Path) -> dict[tuple[str, str], Any]:
    """What the embedded engine answers with the views' texts in their place."""
    with Lake.open(project, environment="embedded") as opened:
        return {(sql, who): rows(opened, inlined(sql), who) for sql in QUERIES for who in ("", "ana")
                if not sql.startswith("describe")}  # fmt: skip


def inlined(sql: str) -> str:
    for name, text in reversed(VIEWS.items()):
        sql = sql.replace(f"from {name}", f"from ({text}\n)").replace(
            f"join {name}", f"join ({text}\n)"
        )
    return sql


def rows(lake: Lake, sql: str, who: str = "") -> list[dict[str, Any]]:
    with lake.query.sql(sql, caller=who or None) as result:
        return result.rows()


@pytest.mark.parametrize("who", ["", "ana"])
def test_a_view_gives_what_its_text_gives(
    lake: Lake, expected: dict[tuple[str, str], Any], who: str
) -> None:
    for sql in QUERIES:
        found = rows(lake, sql, who)
        assert "hidden" not in str(found).lower() or not who
        if (sql, who) in expected:
            assert found == expected[sql, who], sql


def test_a_view_that_cannot_be_read_tells_nothing_of_why(lake: Lake) -> None:
    rows(lake, "create or replace view gold.away as select id, name from silver.people@v0")
    rows(lake, "create or replace view gold.away as select x.* from gold.some x")
    assert len(rows(lake, "from gold.away", "ana")) == 2
    rows(lake, "create or replace view gold.some as select id from silver.people")
    try:
        with pytest.raises(
            LakeError, match=r"the view gold\.away cannot be read$|cannot be read\n"
        ):
            rows(lake, "from gold.away", "ana")
        with pytest.raises(LakeError, match=r"gold\.away cannot be read: .*name"):
            rows(lake, "from gold.away")
    finally:
        rows(lake, f"create or replace view gold.some as {VIEWS['gold.some']}")


def test_a_materialised_view_holds_what_its_maker_may_see(lake: Lake) -> None:
    engine = lake.project.environment.name
    text = "select id, mail, 1 / (id - 2) as x, day from gold.some"
    rows(lake, f"create materialized view gold.m_{engine} as {text}", "ana")
    rows(lake, f"create materialized view gold.o_{engine} "
               f"with (partitioned_by = array['day']) as {text} where id <> 2")  # fmt: skip
    found = rows(lake, f"select id, mail, x from gold.m_{engine} order by id")
    assert found == [
        {"id": 1, "mail": "***@x", "x": -1.0},
        {"id": 3, "mail": "***@x", "x": 1.0},
    ]
    assert [row["mail"] for row in rows(lake, f"from gold.o_{engine} order by id")] == [
        "a@x",
        "c@x",
    ]
    rows(lake, f"refresh materialized view gold.m_{engine}", "ana")
    assert lake.pipeline.run().status == "nothing to do"
    for name in (f"gold.m_{engine}", f"gold.o_{engine}"):
        rows(lake, f"drop materialized view {name}")
