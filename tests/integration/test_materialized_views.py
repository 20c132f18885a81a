"""Materialised views: filled by runs and on demand, as whoever made them, and by nobody else."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from lakeworks.catalog.errors import UnknownTableError
from lakeworks.core.errors import LakeError
from lakeworks.core.names import TableName
from lakeworks.lake import Lake
from lakeworks.pipeline.errors import DefinerError, NotFilledError
from lakeworks.project.errors import ProjectError
from lakeworks.query.errors import NotAllowedError, ViewDefinitionError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lakeworks.pipeline.report import RunReport

HEAD = "id,name,email,region\n"
POLICIES = """
roles: {analyst: [ana], reader: [rea]}
grants:
  - {to: role:analyst, permissions: SELECT, on: silver.people, rows: "region = 'EU'"}
  - {to: role:analyst, permissions: CREATE_TABLE, on: [silver, gold]}
lf_tags: {pii: [email]}
policies:
  masked: {columns: {pii: email}, mask: email_domain, to: everyone}
"""
FILES = {
    "lake.yml": "name: kept\nenvironments:\n  dev: {storage: .lake}\n",
    "sources/people.yml": (
        "table: bronze.people\npath: landing/people\nformat: csv\ntypes: {id: int}\n"
    ),
    "models/silver/people.sql": (
        "/*\ncolumns: {email: {tags: {pii: email}}}\n*/\n"
        "select id, name, email, region from bronze.people"
    ),
    "landing/people/1.csv": HEAD + "1,ann,ann@x,EU\n2,hidden-bob,bob@y,US\n3,cy,cy@x,EU\n",
    "policies/roles.yml": POLICIES,
}
Rows = list[dict[str, Any]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture
def lake(project: Path) -> Iterator[Lake]:
    with Lake.open(project) as opened:
        assert opened.pipeline.run().status == "succeeded"
        yield opened


def rows(lake: Lake, sql: str, who: str = "") -> Rows:
    with lake.query.sql(sql, caller=who or None) as result:
        return result.rows()


def arrive(project: Path, name: str, line: str) -> None:
    (project / f"landing/people/{name}.csv").write_text(f"{HEAD}{line}\n")


def steps(report: RunReport) -> dict[str, str]:
    return {str(step.table): step.status for step in report.steps}


def test_it_is_filled_when_it_is_made_and_by_runs_when_what_it_reads_changed(
    lake: Lake, project: Path
) -> None:
    rows(lake, "create view silver.eu as select id, region from silver.people where id < 9")
    rows(lake, "create materialized view gold.n comment 'how many' "
               "with (partitioned_by = array['region']) "
               "as select count(*) as n, region from silver.eu group by region")  # fmt: skip
    rows(lake, "create materialized view if not exists gold.n as select 1 as one")
    found = "select n from gold.n order by region"
    assert rows(lake, found) == [{"n": 2}, {"n": 1}]
    assert lake.pipeline.run().status == "nothing to do"
    arrive(project, "2", "4,di,di@z,EU")
    report = lake.pipeline.run()
    assert steps(report)["gold.n"] == "succeeded"
    assert rows(lake, found) == [{"n": 3}, {"n": 1}]
    arrive(project, "3", "5,ed,ed@z,EU")
    assert "gold.n" in [str(step.table) for step in lake.pipeline.plan().work]
    entry = lake.catalog.data_catalog.get_table(TableName.parse("gold.n"))
    assert (entry.table_type, entry.description) == ("MATERIALIZED_VIEW", "how many")
    assert [key.name for key in entry.partition_keys] == ["region"]
    kinds = {one.table: one.kind for one in lake.lineage.impact("silver.people", "id")}
    assert kinds == {"silver.eu": "view", "gold.n": "materialized view"}


def test_another_process_and_a_changed_view_below_it_count_too(
    lake: Lake, project: Path
) -> None:
    rows(lake, "create view silver.some as select id from silver.people where id = 1")
    rows(lake, "create materialized view gold.n as select count(*) as n from silver.some")
    rows(lake, "create or replace view silver.some as select id from silver.people")
    with Lake.open(project) as other:
        assert steps(other.pipeline.run())["gold.n"] == "succeeded"
        assert rows(other, "from gold.n") == [{"n": 3}]
        assert other.pipeline.run().status == "nothing to do"


def test_models_of_a_layer_above_are_made_after_it_and_views_stand_on_it(lake: Lake) -> None:
    rows(lake, "create materialized view silver.n as select count(*) as n from silver.people")
    rows(lake, "create materialized view gold.m as select n + 1 as m from silver.n")
    rows(lake, "create view gold.v as select m + 1 as v from gold.m")
    assert rows(lake, "from gold.v") == [{"v": 5}]
    order = [str(step.table) for step in lake.pipeline.run().steps]
    assert order.index("silver.n") < order.index("gold.m")


def test_its_rows_are_what_its_maker_may_see(lake: Lake) -> None:
    rows(lake, "create materialized view gold.mine as select id, name, email from silver.people",
         "ana")  # fmt: skip
    seen = [
        {"id": 1, "name": "ann", "email": "***@x"}, {"id": 3, "name": "cy", "email": "***@x"},
    ]  # fmt: skip
    assert rows(lake, "from gold.mine order by id") == seen
    assert rows(lake, "from gold.mine order by id", "ana") == seen
    with pytest.raises(UnknownTableError):
        rows(lake, "from gold.mine", "rea")
    rows(lake, "grant select on gold.mine to role reader", "ana")
    assert rows(lake, "from gold.mine order by id", "rea") == seen
    refreshed = lake.governance.audit_entries(kind="refresh", limit=1)[0]
    assert refreshed.principal == "user:ana"
    assert [one["table"] for one in refreshed.body["tables"]] == ["silver.people"]


def test_what_fails_on_rows_hidden_from_its_maker_does_not_fail(lake: Lake) -> None:
    rows(lake, "create materialized view gold.d as select 1 / (id - 2) as x, "
               "case when name like 'hidden%' then cast(name as int) end as y "
               "from silver.people", "ana")  # fmt: skip
    assert len(rows(lake, "from gold.d")) == 2


def test_an_owners_view_has_all_rows_and_policies_follow_its_columns(lake: Lake) -> None:
    rows(lake, "create materialized view gold.all_mails as select id, email as contact "
               "from silver.people")  # fmt: skip
    assert {"contact": "bob@y", "id": 2} in rows(lake, "from gold.all_mails")
    lake.governance.grant("role:reader", "SELECT", "gold.all_mails")
    assert [row["contact"] for row in rows(lake, "from gold.all_mails order by id", "rea")] == [
        "***@x", "***@y", "***@x",
    ]  # fmt: skip


def test_when_its_maker_loses_a_right_its_step_fails_and_others_go_on(
    lake: Lake, project: Path
) -> None:
    lake.governance.grant("role:reader", "SELECT", "silver.people")
    lake.governance.grant("role:reader", "CREATE_TABLE", "gold")
    rows(lake, "create materialized view gold.r as select id from silver.people", "rea")
    rows(lake, "create materialized view gold.a as select id from silver.people", "ana")
    assert lake.pipeline.run().status == "nothing to do"
    lake.governance.revoke("role:reader", "SELECT", "silver.people")
    report = lake.pipeline.run()
    told = {str(step.table): step for step in report.steps}
    assert told["gold.r"].status == "failed"
    assert "computed as user:rea, who may not read silver.people" in str(told["gold.r"].error)
    assert told["gold.a"].status == "up to date"
    assert len(rows(lake, "from gold.r")) == 3  # what readers saw stays
    with pytest.raises(DefinerError):
        rows(lake, "refresh materialized view gold.r")
    with pytest.raises(LakeError) as caught:
        rows(lake, "refresh materialized view gold.r", "rea")
    assert "silver.people" not in str(caught.value)
    lake.governance.grant("role:reader", "SELECT", "silver.people")
    assert lake.pipeline.run().status in {"succeeded", "nothing to do"}


def test_a_refresh_reads_and_publishes_what_readers_see_and_no_more(
    lake: Lake, project: Path
) -> None:
    rows(
        lake,
        "create materialized view gold.n as select count(*) as n from silver.people",
        "ana",
    )
    (project / "models/gold").mkdir()
    (project / "models/gold/broken.sql").write_text(
        "select error('no') as x from silver.people"
    )
    arrive(project, "2", "4,di,di@z,EU")
    with Lake.open(project) as later:
        assert later.pipeline.run().status == "failed"  # committed, and not published
        before = later.catalog.current_snapshot().tables
        rows(later, "refresh materialized view gold.n", "ana")
        after = later.catalog.current_snapshot().tables
        assert {t: v for t, v in after.items() if str(t) != "gold.n"} == {
            t: v for t, v in before.items() if str(t) != "gold.n"
        }
        assert rows(later, "from gold.n") == [{"n": 2}]


def test_filling_and_dropping_take_rights_on_it(lake: Lake) -> None:
    rows(lake, "create materialized view gold.n as select count(*) as n from silver.people")
    lake.governance.grant("role:analyst", "SELECT", "gold.n")
    with pytest.raises(NotAllowedError, match="INSERT on gold"):
        rows(lake, "refresh materialized view gold.n", "ana")
    with pytest.raises(NotAllowedError, match="DROP on gold"):
        rows(lake, "drop materialized view gold.n", "ana")
    for statement in ("refresh materialized view gold.n", "drop materialized view gold.n"):
        with pytest.raises(UnknownTableError) as hidden:
            rows(lake, statement, "rea")
        with pytest.raises(UnknownTableError) as absent:
            rows(lake, statement.replace("gold.n", "gold.x"), "rea")
        assert str(hidden.value) == str(absent.value).replace("gold.x", "gold.n")
    for statement in (
        "drop view gold.n",
        "drop table gold.n",
        "insert into gold.n select 1",
        "delete from gold.n",
        "create or replace view gold.n as select 1 as x",
    ):
        with pytest.raises(LakeError):
            rows(lake, statement)
    assert rows(lake, "from gold.n") == [{"n": 3}]


def test_one_that_is_made_again_is_another_table(lake: Lake) -> None:
    rows(lake, "create materialized view gold.n as select id, name from silver.people")
    lake.governance.grant("role:reader", "SELECT", "gold.n")
    assert len(rows(lake, "from gold.n", "rea")) == 3
    rows(lake, "drop materialized view gold.n")
    with pytest.raises(UnknownTableError):
        rows(lake, "from gold.n")
    rows(lake, "create materialized view gold.n as select id from silver.people", "ana")
    assert len(rows(lake, "from gold.n", "ana")) == 2
    with pytest.raises(UnknownTableError):
        rows(lake, "from gold.n", "rea")
    with pytest.raises(LakeError, match="cannot be read"):
        rows(lake, "from gold.n@v0", "ana")
    before = lake.catalog.current_snapshot().id
    with pytest.raises(LakeError, match=r"cannot be read|no table"):
        lake.query.sql("from gold.n", at=before - 2, caller="ana").rows()


def test_a_rollback_keeps_what_fills_it(lake: Lake, project: Path) -> None:
    rows(lake, "create materialized view gold.n as select count(*) as n from silver.people")
    lake.pipeline.rollback()
    with pytest.raises(UnknownTableError):
        rows(lake, "from gold.n")
    assert steps(lake.pipeline.run())["gold.n"] == "succeeded"
    assert rows(lake, "from gold.n") == [{"n": 3}]


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("create materialized view bronze.n as select 1 as n", "fill no tables in bronze"),
        ("create materialized view gold.n with (x = 1) as select 1 as n", "no property 'x'"),
        ("create materialized view gold.n with (partitioned_by = array['m']) as select 1 as n",
         "no column 'm'"),
        ("create materialized view gold.n as select * from silver.people@v0", "as they were"),
        ("create or replace materialized view gold.n as select 1 as n", "none is replaced"),
        ("create materialized view gold.n as select 1 as a, 2 as a", "a"),
    ],
)  # fmt: skip
def test_what_can_be_no_materialised_view_is_refused(
    lake: Lake, statement: str, problem: str
) -> None:
    with pytest.raises(ViewDefinitionError, match=problem):
        rows(lake, statement)
    assert lake.catalog.data_catalog.views() == []


def test_one_that_cannot_be_filled_is_not_made(lake: Lake) -> None:
    with pytest.raises(LakeError):
        rows(
            lake,
            "create materialized view gold.n as select error(name) as n from silver.people",
        )
    assert lake.catalog.data_catalog.views() == []
    rows(lake, "create materialized view gold.n as select count(*) as n from silver.people")
    assert rows(lake, "from gold.n") == [{"n": 3}]


def test_one_over_a_table_without_data_says_so(project: Path) -> None:
    with Lake.open(project) as lake:
        lake.pipeline.run()
        rows(lake, "create materialized view gold.n as select count(*) as n from silver.people")
        lake.catalog.publish("taken away", {TableName.parse("silver.people"): None})
        with pytest.raises(NotFilledError, match=r"silver\.people, which has no data yet"):
            rows(lake, "refresh materialized view gold.n")


def test_one_that_does_not_bind_any_more_is_a_mistake_of_check(
    lake: Lake, project: Path
) -> None:
    rows(lake, "create materialized view gold.n as select name from silver.people")
    (project / "policies/roles.yml").unlink()
    (project / "models/silver/people.sql").write_text("select id from bronze.people")
    with pytest.raises(
        ProjectError, match=r"materialized view gold\.n cannot be read any more"
    ):
        Lake.check(project)
    with Lake.open(project) as later:
        report = later.pipeline.run()
        assert steps(report)["silver.people"] == "succeeded"
        assert steps(report)["gold.n"] == "failed"


def test_a_refresh_that_dies_before_it_publishes_is_made_up_for(
    lake: Lake, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows(lake, "create materialized view gold.n as select count(*) as n from silver.people")
    arrive(project, "2", "4,di,di@z,EU")
    lake.pipeline.run("silver.people,bronze.people")
    with monkeypatch.context() as broken:

        def die(*_: object) -> None:
            raise KeyboardInterrupt

        broken.setattr("lakeworks.pipeline.refreshing._publish", die)
        with pytest.raises(KeyboardInterrupt):
            rows(lake, "refresh materialized view gold.n")
    assert rows(lake, "from gold.n") == [{"n": 3}]
    rows(lake, "refresh materialized view gold.n")
    assert rows(lake, "from gold.n") == [{"n": 4}]


def test_one_of_two_at_once_makes_it(lake: Lake) -> None:
    def make(number: int) -> str:
        try:
            rows(lake, f"create materialized view gold.n as select {number} as n")
        except LakeError as error:
            return error.code
        return "made"

    with ThreadPoolExecutor(4) as pool:
        done = sorted(pool.map(make, range(4)))
    assert done.count("made") == 1
    assert len(rows(lake, "from gold.n")) == 1


def test_events_of_a_run_tell_of_it(project: Path) -> None:
    config = project / "lake.yml"
    config.write_text(
        "name: kept\nenvironments:\n  dev: {storage: .lake, openlineage: {file: events.jsonl}}\n"
    )
    with Lake.open(project) as lake:
        lake.pipeline.run()
        rows(
            lake,
            "create materialized view gold.n as select upper(name) as n from silver.people",
        )
        arrive(project, "2", "4,di,di@z,EU")
        lake.pipeline.run()
    told = [json.loads(line) for line in (project / "events.jsonl").read_text().splitlines()]
    ends = [e for e in told if e["job"]["name"] == "gold.n" and e["eventType"] == "COMPLETE"]
    assert len(ends) == 2  # when it was made, and by the run
    for ended in ends:
        assert [one["name"] for one in ended["inputs"]] == ["silver.people"]
        facet = ended["outputs"][0]["facets"]["columnLineage"]["fields"]["n"]["inputFields"]
        assert [(one["name"], one["field"]) for one in facet] == [("silver.people", "name")]


def test_who_replaces_a_view_below_it_does_not_read_with_its_makers_rights(lake: Lake) -> None:
    rows(lake, "grant select (id) on silver.people to role reader")
    rows(lake, "grant create table on database gold to role reader")
    rows(lake, "create view gold.base as select id from silver.people", "rea")
    rows(lake, "grant select on gold.base to role analyst")
    rows(lake, "create materialized view gold.mine as select * from gold.base", "ana")
    rows(lake, "grant select on gold.mine to role reader")
    # Where ana's rights filled it, rea would see whatever ana does, by a text of rea's.
    rows(
        lake,
        "create or replace view gold.base as select id + 100 as id from silver.people",
        "rea",
    )
    with pytest.raises(DefinerError, match="replaced"):
        rows(lake, "refresh materialized view gold.mine")
    step = lake.pipeline.run().step("gold.mine")
    assert step.status == "failed"
    assert "replaced" in (step.error or "")
    assert [one["id"] for one in rows(lake, "from gold.mine order by id", "rea")] == [1, 3]
    # Whoever made it looks at the new text and makes it anew.
    rows(lake, "drop materialized view gold.mine", "ana")
    rows(lake, "create materialized view gold.mine as select * from gold.base", "ana")
    assert [one["id"] for one in rows(lake, "from gold.mine order by id", "ana")] == [101, 103]
