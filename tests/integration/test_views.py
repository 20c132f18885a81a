"""Views over a governed lake: whose permissions hold, what is told, what changes under them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lakeworks.catalog.errors import UnknownTableError
from lakeworks.core import events
from lakeworks.core.errors import RequestError
from lakeworks.core.names import TableName
from lakeworks.engines.errors import ValueConversionError
from lakeworks.governance.errors import ResourceError
from lakeworks.governance.resources import Resource
from lakeworks.lake import Lake
from lakeworks.project.errors import ProjectError
from lakeworks.query.errors import (
    BytesLimitError,
    NameTakenError,
    NotAllowedError,
    StatementSyntaxError,
    ViewDefinitionError,
    ViewUnreadableError,
)
from lakeworks.query.questions import Caller

if TYPE_CHECKING:
    from collections.abc import Iterator

PEOPLE = """id,name,email,region,salary
1,ann,ann@x.example,EU,10
2,hidden-bob,bob@y.example,US,20
3,cy,cy@x.example,EU,30
"""
POLICIES = """
roles: {analyst: [ana], reader: [rea], writer: [wim]}
grants:
  - {to: role:analyst, permissions: SELECT, on: silver.people, except: [salary], rows: "region = 'EU'"}
  - {to: role:analyst, permissions: CREATE_TABLE, on: gold}
  - {to: role:writer, permissions: [SELECT], on: silver.*}
  - {to: role:writer, permissions: [CREATE_TABLE], on: gold}
policies:
  masked: {columns: {pii: email}, mask: hash, to: everyone}
"""
FILES = {
    "lake.yml": "name: seen\nenvironments:\n  dev: {storage: .lake}\n",
    "sources/people.yml": (
        "table: bronze.people\npath: landing/people\nformat: csv\n"
        "types: {id: int, salary: int}\n"
    ),
    "sources/vault.yml": "table: bronze.vault\npath: landing/vault\nformat: csv\n",
    "models/silver/people.sql": (
        "/*\ncolumns: {email: {tags: {pii: email}}}\n*/\n"
        "select id, name, email, region, salary from bronze.people"
    ),
    "models/silver/plain.sql": "select code from bronze.vault",
    "landing/people/1.csv": PEOPLE,
    "landing/vault/1.csv": "code\nsecret\n",
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


def rows(lake: Lake, sql: str, who: str = "", **more: Any) -> Rows:
    with lake.query.sql(sql, caller=who or None, **more) as result:
        return result.rows()


def grant(lake: Lake, who: str, permissions: str, on: str) -> None:
    lake.governance.grant(who, permissions, on)


def test_a_view_stands_for_its_query(lake: Lake) -> None:
    rows(
        lake, "create view silver.eu as select id, name from silver.people where region = 'EU'"
    )
    assert rows(lake, "select * from silver.eu order by id") == [
        {"id": 1, "name": "ann"}, {"id": 3, "name": "cy"},
    ]  # fmt: skip
    assert rows(lake, "select count(*) as n from silver.eu join silver.people using (id)") == [
        {"n": 2}
    ]
    assert [row["column_name"] for row in rows(lake, "describe silver.eu")] == ["id", "name"]
    assert len(rows(lake, "summarize silver.eu")) == 2
    assert "READ_PARQUET" in str(rows(lake, "explain select * from silver.eu")).upper()


def test_a_view_may_name_its_columns_and_stand_on_views_and_versions(lake: Lake) -> None:
    rows(lake, "create view silver.a (who, what) comment 'wording' as select name, id -- them\n"
               "from silver.people@v0;")  # fmt: skip
    rows(lake, 'create view silver.b as select what as "größe" from silver.a where what < 3')
    rows(lake, "create view gold.c as select * from silver.b, silver.a where what = größe")
    found = rows(lake, "select who, größe from gold.c order by 2")
    assert found == [{"who": "ann", "größe": 1}, {"who": "hidden-bob", "größe": 2}]
    assert lake.query.columns("silver.a") == [("who", "string"), ("what", "int")]
    assert TableName.parse("gold.c") in lake.query.visible()
    assert lake.catalog.data_catalog.search("wording")[0].table == TableName.parse("silver.a")


def test_reading_a_view_takes_select_on_it_and_on_what_it_reads(lake: Lake) -> None:
    rows(lake, "create view gold.all_people as select id, name, email from silver.people")
    with pytest.raises(UnknownTableError):
        rows(lake, "from gold.all_people", "ana")
    grant(lake, "role:analyst", "SELECT", "gold.all_people")
    assert [row["id"] for row in rows(lake, "from gold.all_people order by 1", "ana")] == [1, 3]
    grant(lake, "role:reader", "SELECT", "gold.all_people")
    with pytest.raises(ViewUnreadableError) as caught:
        rows(lake, "from gold.all_people", "rea")
    assert "silver" not in str(caught.value)
    assert "people cannot be read" in str(caught.value)


def test_a_view_over_what_is_hidden_and_one_over_what_is_not_there_fail_alike(
    lake: Lake,
) -> None:
    told = []
    for number, text in enumerate((
        "select code from bronze.vault", "select id as code, salary from silver.people",
    )):  # fmt: skip
        rows(lake, f"create view gold.v{number} as {text}")
        grant(lake, "role:analyst", "SELECT", f"gold.v{number}")
        with pytest.raises(RequestError) as caught:
            rows(lake, f"from gold.v{number}", "ana")
        told.append(str(caught.value).replace(f"v{number}", "v"))
    rows(lake, "create view gold.gone as select 1 as one")
    rows(lake, "create view gold.v2 as select one from gold.gone")
    rows(lake, "drop view gold.gone")
    grant(lake, "role:analyst", "SELECT", "gold.v2")
    with pytest.raises(RequestError) as caught:
        rows(lake, "from gold.v2", "ana")
    told.append(str(caught.value).replace("v2", "v"))
    assert len(set(told)) == 1
    with pytest.raises(ViewUnreadableError, match=r"gold\.v2 .* 'gold\.gone'"):
        rows(lake, "from gold.v2")


def test_masks_are_laid_once_and_hold_through_views(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKEWORKS_MASK_SALT", "a salt of this test")
    rows(lake, "create view gold.mails as select id, email as contact from silver.people")
    grant(lake, "role:analyst", "SELECT", "gold.mails")
    masked = rows(lake, "select email from silver.people where id = 1", "ana")[0]["email"]
    assert len(masked) > len("ann@x.example")
    assert rows(lake, "select contact from gold.mails where id = 1", "ana") == [
        {"contact": masked}
    ]
    joined = (
        "select count(*) as n from gold.mails m join silver.people p on m.contact = p.email"
    )
    assert rows(lake, joined, "ana") == [{"n": 2}]
    assert "pii" in lake.lineage.tags_of("gold.mails")["contact"]


def test_what_is_granted_and_tagged_on_a_view_holds_for_it(lake: Lake) -> None:
    rows(lake, "create view gold.narrow as select id, name, region from silver.people")
    lake.query.sql("grant select (id, region) on gold.narrow to role analyst").close()
    assert rows(lake, "from gold.narrow order by id", "ana") == [
        {"id": 1, "region": "EU"}, {"id": 3, "region": "EU"},
    ]  # fmt: skip
    with pytest.raises(RequestError):
        rows(lake, "select name from gold.narrow", "ana")
    lake.governance.tag("gold.narrow.region", {"pii": "email"})
    assert rows(lake, "select distinct region from gold.narrow", "ana") != [{"region": "EU"}]


@pytest.mark.parametrize(
    "sql",
    [
        "select cast(name as int) as x from gold.v",
        "select 1 / (id - 2) as x from gold.v where name <> 'hidden-bob'",
        "select sum(x) as x from (select cast(name as int) as x from gold.v where id = 2)",
        "select id from gold.v where cast(name as int) = 1 and id = 2",
    ],
)
def test_what_fails_on_hidden_rows_tells_nothing_through_a_view(lake: Lake, sql: str) -> None:
    rows(lake, "create view gold.v as select id, name, region from silver.people")
    grant(lake, "role:analyst", "SELECT", "gold.v")
    for text in (sql, sql.replace("gold.v", "gold.w")):
        if "gold.w" in text:
            rows(lake, "create view gold.w as select id, name, region, cast(name as int) as n "
                       "from silver.people where region = 'US'")  # fmt: skip
            grant(lake, "role:analyst", "SELECT", "gold.w")
        try:
            found = json.dumps(rows(lake, text, "ana"), default=str)
        except (ValueConversionError, RequestError) as error:
            found = str(error)
        assert "hidden" not in found.replace(sql, "").replace("name <> 'hidden-bob'", "")


def test_the_columns_of_a_view_are_fixed_when_it_is_made(lake: Lake, project: Path) -> None:
    rows(lake, "create view gold.star as select * from silver.people")
    before = lake.query.sql("from gold.star").to_arrow().column_names
    model = project / "models/silver/people.sql"
    model.write_text(
        "/*\ncolumns: {email: {tags: {pii: email}}, ssn: {tags: {pii: email}}}\n*/\n"
        "select 'x' as ssn, salary, region, email, name, id from bronze.people"
    )
    with Lake.open(project) as later:
        assert later.pipeline.run().status == "succeeded"
        found = later.query.sql("from gold.star order by id").to_arrow()
        assert found.column_names == before
        assert found.column("id").to_pylist() == [1, 2, 3]


def test_making_a_view_takes_create_table_and_select(lake: Lake) -> None:
    with pytest.raises(NotAllowedError, match="CREATE_TABLE on database silver"):
        rows(lake, "create view silver.mine as select id from silver.people", "ana")
    with pytest.raises(UnknownTableError):
        rows(lake, "create view gold.mine as select * from bronze.vault", "ana")
    rows(lake, "create view gold.mine as select * from silver.people", "ana")
    assert "salary" not in rows(lake, "from gold.mine", "ana")[0]
    rows(lake, "grant select on gold.mine to role writer", "ana")
    assert len(rows(lake, "from gold.mine", "wim")) == 3
    with pytest.raises(NotAllowedError, match="ALTER"):
        rows(lake, "create or replace view gold.mine as select 1 as x", "wim")
    with pytest.raises(NotAllowedError, match="DROP"):
        rows(lake, "drop view gold.mine", "wim")
    rows(lake, "create or replace view gold.mine as select 1 as x", "ana")
    rows(lake, "drop view gold.mine", "ana")
    rows(lake, "drop view if exists gold.mine", "ana")
    with pytest.raises(UnknownTableError):
        rows(lake, "drop view gold.mine", "ana")
    # What was granted on the first does not hold for the next of its name.
    rows(lake, "create view gold.mine as select 2 as y")
    for who in ("ana", "wim"):
        with pytest.raises(UnknownTableError):
            rows(lake, "from gold.mine", who)


def test_names_belong_to_one_thing(lake: Lake, project: Path) -> None:
    rows(lake, "create view gold.v as select 1 as one")
    for statement in (
        "create view silver.people as select 1 as one",
        "create view gold.v as select 2 as two",
        "create view quarantine.v as select 2 as two",
        "create table gold.v as select 2 as two",
        "create materialized view gold.v as select 2 as two",
    ):
        with pytest.raises(RequestError, match=r"gold\.v|silver\.people|quarantine\.v"):
            rows(lake, statement)
    with pytest.raises(NameTakenError) as caught:
        rows(lake, "create view gold.v as select 1 as one", "ana")
    assert str(caught.value).splitlines()[0] == "the name gold.v cannot be given"
    (project / "models" / "gold").mkdir()
    (project / "models/gold/v.sql").write_text("select 2 as two")
    with pytest.raises(ProjectError, match=r"gold\.v, and the data catalog has a view"):
        Lake.check(project)
    with Lake.open(project) as later:
        report = later.pipeline.run()
        assert [str(s.table) for s in report.steps if s.status == "failed"] == ["gold.v"]
        assert rows(later, "from gold.v") == [{"one": 1}]


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("create view gold.x as select 1 as a, 2 as a", "a"),
        ("create view gold.x (a, b) as select 1 as c", "names 2 columns"),
        ("create view gold.x (a, A) as select 1, 2", "called a"),
        ("create view gold.x security definer as select 1 as a", "permissions of whoever"),
        ("create protected multi dialect view gold.x as select 1 as a", "protected"),
        ("create view gold.x as explain select 1", "EXPLAIN"),
        (
            "create or replace view gold.loop as select * from gold.loop2",
            "reads the view itself",
        ),
    ],
)
def test_what_can_be_no_view_is_refused(lake: Lake, statement: str, problem: str) -> None:
    rows(lake, "create view gold.loop as select 1 as a")
    rows(lake, "create view gold.loop2 as select * from gold.loop")
    with pytest.raises(ViewDefinitionError, match=problem):
        rows(lake, statement)


@pytest.mark.parametrize(
    "statement",
    ["create view x as select 1", "create view gold.x select 1", "create view gold.x as",
     "drop view gold.x y", "create view gold.größe as select 1", "drop view"],
)  # fmt: skip
def test_what_does_not_read_as_a_statement_is_placed(lake: Lake, statement: str) -> None:
    with pytest.raises(StatementSyntaxError, match="line 1, column"):
        rows(lake, statement)


def test_views_that_read_each_other_in_a_circle_are_told(lake: Lake) -> None:
    data = lake.catalog.data_catalog
    rows(lake, "create view gold.a as select 1 as x")
    rows(lake, "create view gold.b as select x from gold.a")
    found = data.find_view(TableName.parse("gold.a"))
    assert found is not None
    # No statement makes this one: an imported entry could.
    data.put_view(replace(found, text="select x from gold.b", reads=()), replacing=True)
    with pytest.raises(ViewUnreadableError, match=r"gold\.a reads gold\.b reads gold\.a"):
        rows(lake, "from gold.a")
    assert lake.lineage.graph.nodes  # and the lineage of everything else is there


def test_views_may_not_be_stacked_without_end(lake: Lake) -> None:
    rows(lake, "create view gold.v0 as select 1 as x")
    for number in range(1, 17):
        rows(lake, f"create view gold.v{number} as select * from gold.v{number - 1}")
    with pytest.raises(ViewUnreadableError, match="more than 16"):
        rows(lake, "create view gold.v17 as select * from gold.v16")


def test_a_view_has_versions_and_reads_the_lake_as_it_was(lake: Lake, project: Path) -> None:
    rows(lake, "create view gold.n as select count(*) as n from silver.people")
    rows(lake, "create or replace view gold.n as select -count(*) as n from silver.people")
    assert rows(lake, "from gold.n@v0") == [{"n": 3}]
    assert rows(lake, "from gold.n@v1") == rows(lake, "from gold.n") == [{"n": -3}]
    with pytest.raises(ViewUnreadableError, match="no version 9"):
        rows(lake, "from gold.n@v9")
    (project / "landing/people/2.csv").write_text("id,name,email,region,salary\n4,d,d@x,EU,1\n")
    lake.pipeline.run()
    assert rows(lake, "from gold.n") == [{"n": -4}]
    assert rows(lake, "from gold.n", at=1) == [{"n": -3}]
    told = [version.reason for version in lake.catalog.data_catalog.versions(
        TableName.parse("gold.n"))]  # fmt: skip
    assert told == ["replaced by a statement", "made by a statement"]


def test_what_an_answer_rests_on_changes_with_the_view(lake: Lake) -> None:
    sql = "select * from gold.n"
    rows(lake, "create view gold.n as select 1 as n")
    first = lake.query.examine(sql)
    assert first.repeatable
    rows(lake, "create or replace view gold.n as select 2 as n")
    second = lake.query.examine(sql)
    rows(lake, "drop view gold.n")
    rows(lake, "create view gold.n as select 3 as n")
    third = lake.query.examine(sql)
    assert len({first.versions, second.versions, third.versions}) == 3
    rows(lake, "create view gold.now as select now() as n")
    assert not lake.query.examine("select * from gold.now").repeatable
    assert not lake.query.examine("create view gold.m as select 1 as n").repeatable


def test_limits_history_and_audit_know_the_tables_behind_a_view(lake: Lake) -> None:
    rows(lake, "create view gold.v as select id, name from silver.people")
    grant(lake, "role:analyst", "SELECT", "gold.v")
    with pytest.raises(BytesLimitError):
        lake.query.sql("from gold.v", caller=Caller(bytes_limit=1))
    rows(lake, "from gold.v", "ana")
    lake.catalog.query_history.flush(60)
    recorded = lake.catalog.query_history.recent(limit=1)[0]
    assert [str(one.table) for one in recorded.tables] == ["silver.people"]
    body = lake.governance.audit_entries(kind="query", limit=1)[0].body
    assert [one["table"] for one in body["tables"]] == ["silver.people"]
    assert body["views"] == [{"view": "gold.v", "version": 0}]
    rows(lake, "create view gold.w as select code from bronze.vault")
    grant(lake, "role:analyst", "SELECT", "gold.w")
    with pytest.raises(ViewUnreadableError):
        rows(lake, "from gold.w", "ana")
    denial = lake.governance.audit_entries(kind="denial", limit=1)[0].body
    assert "bronze.vault" in denial["problem"]  # the trail knows what the principal is not told


def test_plans_show_a_principal_a_view_by_its_name_alone(lake: Lake) -> None:
    rows(lake, "create view gold.v as select id, name from silver.people where region <> 'XX'")
    grant(lake, "role:analyst", "SELECT", "gold.v")
    plan = str(rows(lake, "explain select id from gold.v where id > 1", "ana"))
    assert "gold" in plan
    assert "XX" not in plan
    assert "EU" not in plan


def test_a_common_table_expression_of_a_views_name_stays_what_it_is(lake: Lake) -> None:
    rows(lake, "create view gold.v as with v as (select 1 as one) select one from v")
    assert rows(lake, "with v as (select 2 as one) select one from v") == [{"one": 2}]
    assert rows(lake, "with v as (select 2 as one) select v.one, w.one as other from v, gold.v w"
                ) == [{"one": 2, "other": 1}]  # fmt: skip
    dotted = 'with "silver.people" as (select 1 as one) select * from silver.people'
    rows(lake, f"create view gold.w as {dotted}", "ana")
    assert rows(lake, "select * from gold.w", "ana") == rows(
        lake, "select * from silver.people", "ana"
    )


def test_what_is_wrong_with_views_is_a_doubt_of_check(lake: Lake, project: Path) -> None:
    rows(lake, "create view gold.v as select code from silver.plain")
    (project / "models/silver/plain.sql").write_text("select code as kode from bronze.vault")
    seen: list[dict[str, Any]] = []
    with events.listening(lambda event: seen.append({**event.data, "kind": event.name})):
        Lake.check(project)
    doubts = [one for one in seen if one["kind"] == "check.doubt"]
    assert any("gold.v cannot be read any more" in str(one) for one in doubts)


def test_the_lineage_goes_through_views(lake: Lake) -> None:
    rows(lake, "create view silver.v as select upper(name) as loud, id from silver.people")
    rows(lake, "create view gold.w as select loud || '!' as louder from silver.v")
    steps = lake.lineage.graph.column_steps(("gold.w", "louder"), "up")
    assert [step.column for step in steps][:2] == [
        ("silver.v", "loud"),
        ("silver.people", "name"),
    ]
    affected = {one.table: one.kind for one in lake.lineage.impact("silver.people", "name")}
    assert affected == {"silver.v": "view", "gold.w": "view"}


def test_the_text_of_a_view_is_told_to_who_may_ask_it(lake: Lake) -> None:
    rows(lake, "create view gold.v (who) comment 'names' as select name from silver.people")
    rows(lake, "create view gold.w as select name from silver.people where salary > 1")
    for view in ("gold.v", "gold.w"):
        grant(lake, "role:analyst", "SELECT", view)
        (owners,) = (
            "\n".join(row["Create View"] for row in rows(lake, f"show create view {view}")),
        )
        assert "silver.people" in owners
        rows(lake, f"drop view {view}")
        rows(lake, owners)  # it is the statement that makes it
        assert len(rows(lake, f"from {view}")) == 3
        grant(lake, "role:analyst", "SELECT", view)
    assert "select name" in str(rows(lake, "show create view gold.v", "ana"))
    with pytest.raises(NotAllowedError) as caught:
        rows(lake, "show create view gold.w", "ana")
    assert "salary" not in str(caught.value)


def test_a_session_that_is_kept_shows_a_view_as_it_is_now(lake: Lake) -> None:
    rows(lake, "create view gold.a as select id, name, region from silver.people")
    rows(lake, "create view gold.b as select id, name, region from gold.a")
    grant(lake, "role:analyst", "SELECT", "gold.b")
    grant(lake, "role:analyst", "SELECT", "gold.a")
    for who in ("", "ana"):
        rows(
            lake, "create or replace view gold.a as select id, name, region from silver.people"
        )
        assert len(rows(lake, "from gold.b", who)) == (3 if not who else 2)
        rows(lake, "create or replace view gold.a as select id, upper(name) as name, "
                   "cast(id as varchar) as region from silver.people where id = 1")  # fmt: skip
        assert rows(lake, "from gold.b", who) == [{"id": 1, "name": "ANN", "region": "1"}]
    lake.governance.tag("gold.b.name", {"pii": "email"})
    assert rows(lake, "from gold.b", "ana") == [{"id": 1, "name": None, "region": "1"}]
    rows(lake, "drop view gold.b")
    with pytest.raises(UnknownTableError):
        rows(lake, "from gold.b", "ana")


def test_what_was_granted_on_a_name_before_does_not_reach_a_view_that_takes_it(
    lake: Lake,
) -> None:
    with pytest.raises(ResourceError):
        grant(lake, "role:reader", "SELECT", "gold.v")
    for kind in ("view", "materialized view"):
        # As a lake may have it from before it refused that.
        text = Resource.parse("gold.v").as_text()
        lake.catalog.grants.add("role:reader", text, ["SELECT"], by="operator (root)")
        rows(lake, f"create {kind} gold.v as select 1 as one")
        with pytest.raises(UnknownTableError):
            rows(lake, "from gold.v", "rea")
        rows(lake, f"drop {kind} gold.v")
