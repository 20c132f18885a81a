"""What statements, views, other systems and permissions let through where they meet.

Each test is an attack that one part alone would not let think of: a name that changes hands, rights
that outlive what they were given on, a copy of what is masked.
"""

from __future__ import annotations

import re
import sqlite3
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeworks.catalog.errors import UnknownTableError
from lakeworks.core.errors import LakeError
from lakeworks.lake import Lake
from lakeworks.project.workgroups import Workgroup
from lakeworks.query.errors import NameTakenError
from lakeworks.query.executions.limits import Limits
from lakeworks.query.executions.pool import QueryPool
from lakeworks.query.executions.records import QueryRequest
from lakeworks.query.executions.results import ResultPlaces
from lakeworks.query.executions.service import QueryExecutions
from lakeworks.query.statements.errors import UnloadLocationError
from lakeworks.query.statements.showing import like_of
from lakeworks.server.query_worker import command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MARK = "7q3z9"
PEOPLE: list[dict[str, Any]] = [
    {"id": 1, "name": "ann", "email": "ann@v.example", "ssn": f"111-{MARK}", "region": "EU",
     "salary": Decimal("100.50")},
    {"id": 2, "name": f"hidden-{MARK}", "email": f"bob-{MARK}@h.example", "ssn": f"222-{MARK}",
     "region": "US", "salary": Decimal("987654.32")},
    {"id": 3, "name": "cy", "email": "cy@v.example", "ssn": f"333-{MARK}", "region": "EU",
     "salary": Decimal("300.75")},
]  # fmt: skip
PERSON = pa.schema([
    ("id", pa.int32()), ("name", pa.string()), ("email", pa.string()), ("ssn", pa.string()),
    ("region", pa.string()), ("salary", pa.decimal128(10, 2)),
])  # fmt: skip
# mia and max make tables of what they see; cleo sees everything and makes tables of it.
POLICIES = """
roles:
  analyst: [ana]
  maker: [mia, max]
  keeper: [kit]
  compliance: [cleo]
grants:
  - to: [role:analyst, role:maker]
    permissions: SELECT
    on: [silver.customers, crm.people]
    except: [salary]
    rows: "region = 'EU'"
  - {to: [role:maker, role:compliance], permissions: CREATE_TABLE, on: [silver, gold]}
  - {to: role:compliance, permissions: SELECT, on: [bronze.*, silver.*, gold.*, crm.*]}
  - {to: role:keeper, permissions: SELECT, on: silver.kept, rows: "region = 'EU'"}
  - {to: role:keeper, permissions: [INSERT, DELETE], on: silver.kept}
  - {to: role:maker, permissions: DATA_LOCATION_ACCESS, on: "location:exports"}
data_locations: {exports: "%s"}
lf_tags: {pii: [email, ssn]}
tagged:
  crm.people.ssn: {pii: ssn}
  silver.customers.ssn: {pii: ssn}
"""
MASKS = """
policies:
  masked_ssn: {columns: {pii: ssn}, mask: "null", to: everyone, except: role:compliance}
"""
MODEL = "/*\nload: replace\n*/\nselect %s from bronze.%s\n"


def made(root: Path, *, masks: bool = True) -> Lake:
    for folder in ("sources", "models/silver", "policies", "catalogs"):
        (root / folder).mkdir(parents=True)
    (root.parent / "exports").mkdir(exist_ok=True)
    text = POLICIES % (root.parent / "exports") + (MASKS if masks else "")
    (root / "policies" / "roles.yml").write_text(text)
    (root / "lake.yml").write_text("name: attacked\nenvironments:\n  dev: {storage: .lake}\n")
    for name, rows, schema in (("people", PEOPLE, PERSON), ("vault", [{"code": MARK}], None)):
        (root / "landing" / name).mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(rows, schema), root / f"landing/{name}/0.parquet")
        source = f"table: bronze.{name}\npath: landing/{name}\nformat: parquet\n"
        (root / "sources" / f"{name}.yml").write_text(source)
    (root / "models/silver/customers.sql").write_text(MODEL % (", ".join(PEOPLE[0]), "people"))
    (root / "models/silver/vault.sql").write_text(MODEL % ("code", "vault"))
    with sqlite3.connect(root / "crm.db") as con:
        con.execute(
            "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, email TEXT, ssn TEXT, "
            "region TEXT COLLATE NOCASE, salary DECIMAL(10,2))"
        )
        texts = [tuple(str(value) for value in one.values()) for one in PEOPLE]
        con.executemany("INSERT INTO people VALUES (?, ?, ?, ?, ?, ?)", texts)
    con.close()
    catalog = f"type: sqlite\npath: {root / 'crm.db'}\ndatabases: {{crm: main}}\n"
    (root / "catalogs" / "crm.yml").write_text(catalog)
    lake = Lake.open(root)
    assert lake.pipeline.run().status == "succeeded"
    return lake


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    with made(tmp_path / "lake") as lake:
        yield lake


@pytest.fixture
def unmasked(tmp_path: Path) -> Iterator[Lake]:
    """A lake in which what is granted is seen as it is."""
    with made(tmp_path / "lake", masks=False) as lake:
        yield lake


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """One for tests that make tables of names of their own."""
    with made(tmp_path_factory.mktemp("shared") / "lake") as lake:
        yield lake


def ask(lake: Lake, sql: str, who: str | None = None, **more: Any) -> list[dict[str, Any]]:
    with lake.query.sql(sql, caller=who, timeout_s=20, **more) as result:
        return list(result.rows())


def unknown(lake: Lake, table: str, who: str) -> bool:
    """Whether a principal is told that there is no such table."""
    try:
        ask(lake, f"select * from {table}", who)
    except UnknownTableError:
        return True
    return False


def lend_and_drop(lake: Lake, table: str) -> None:
    """Let mia make a table, grant it to ana and to herself, and drop it."""
    ask(lake, f"create table {table} as select 1 as salary", "mia")
    for who in ("ana", "mia"):
        ask(lake, f"grant select on {table} to user {who} with grant option", "mia")
    ask(lake, f"drop table {table}", "mia")


NEXT = ("create materialized view silver.n as", "create view silver.n as",
        "create table silver.n as")  # fmt: skip


@pytest.mark.parametrize("statement", NEXT)
def test_what_was_granted_on_a_dropped_table_does_not_reach_what_takes_its_name(
    unmasked: Lake, statement: str
) -> None:
    lend_and_drop(unmasked, "silver.n")
    ask(unmasked, f"{statement} select id, salary from silver.customers", "cleo")
    assert unknown(unmasked, "silver.n", "ana")
    assert unknown(unmasked, "silver.n", "mia")


def test_what_was_granted_on_a_dropped_table_does_not_reach_a_model_of_its_name(
    unmasked: Lake,
) -> None:
    lend_and_drop(unmasked, "silver.n")
    root = unmasked.project.root
    (root / "models/silver/n.sql").write_text(MODEL % ("salary", "people"))
    with Lake.open(root) as lake:
        assert lake.pipeline.run().status == "succeeded"
        assert len(ask(lake, "select * from silver.n", "cleo")) == len(PEOPLE)
        assert unknown(lake, "silver.n", "ana")
        assert unknown(lake, "silver.n", "mia")
        # What is granted on the model counts.
        lake.governance.grant("user:ana", "SELECT", "silver.n")
        assert len(ask(lake, "select * from silver.n", "ana")) == len(PEOPLE)


def test_what_was_granted_on_a_dropped_table_comes_back_with_it(unmasked: Lake) -> None:
    before = unmasked.catalog.current_snapshot().id
    ask(unmasked, "create table silver.n as select 1 as salary", "mia")
    ask(unmasked, "grant select on silver.n to user ana", "mia")
    shown = unmasked.catalog.current_snapshot().id
    assert shown > before
    ask(unmasked, "drop table silver.n", "mia")
    unmasked.pipeline.rollback(unmasked.catalog.snapshot(shown).run_id)
    assert ask(unmasked, "select * from silver.n", "ana") == [{"salary": 1}]
    assert ask(unmasked, "select * from silver.n", "mia") == [{"salary": 1}]


@pytest.mark.parametrize("grantor", ["mia", None])
def test_a_grant_that_is_made_while_its_table_is_dropped_reaches_nothing_else(
    unmasked: Lake, monkeypatch: pytest.MonkeyPatch, grantor: str | None
) -> None:
    ask(unmasked, "create table silver.n as select 1 as salary", "mia")
    add = type(unmasked.catalog.grants).add

    def meanwhile(*given: Any, **more: Any) -> None:
        monkeypatch.undo()
        ask(unmasked, "drop table silver.n", "mia")
        add(*given, **more)

    monkeypatch.setattr(type(unmasked.catalog.grants), "add", meanwhile)
    ask(unmasked, "grant select on silver.n to user ana", grantor)
    assert "silver.n" not in [str(one.resource) for one in unmasked.governance.grants()]


def test_nothing_takes_the_name_of_a_table_that_is_being_made(
    unmasked: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lakeworks.query import taken
    from lakeworks.query.statements.creating import CreateTableAs

    monkeypatch.setattr(taken, "WAIT_S", 0.1)
    files = f"(a string) location '{unmasked.project.root.parent / 'exports' / 't'}'"
    fill: Callable[..., None] = CreateTableAs._fill
    refused = []

    def meanwhile(self: CreateTableAs, *parts: Any) -> None:
        for made in ("view silver.n as select 1 as a", f"external table silver.n {files}",
                     "materialized view silver.n as select 1 as a"):  # fmt: skip
            with pytest.raises(NameTakenError) as caught:
                ask(unmasked, f"create {made}", "mia")
            refused.append(str(caught.value))
        fill(self, *parts)

    monkeypatch.setattr(CreateTableAs, "_fill", meanwhile)
    ask(unmasked, "create table silver.n as select id, salary from silver.customers", "cleo")
    assert len(refused) == 3
    assert all("table" not in one for one in refused), "that one is being made is not mia's"
    assert unknown(unmasked, "silver.n", "mia")


# However a masked value gets into a table, it is masked there.
COPIES = {
    "a view": "select id, s as x from silver.through",
    "a view over a view": "select * from silver.twice",
    "a materialised view": "select id, s as x from silver.held",
    "a table of another system": "select id, concat(ssn, '!') as x from crm.people",
    "a view of another system": "select * from silver.far",
    "a union": "select 0 as id, 'q' as x union all select id, ssn from crm.people",
    "JSON of whole rows": "select id, to_json(c)::varchar as x from silver.customers c",
    "a row as a value": "select id, c as x from silver.customers c",
    "COLUMNS": "select id, columns('s.n') as x from silver.customers",
    "a packed struct": "select struct_pack(*columns('id|ssn')) as x, 1 as id from silver.customers",
    "UNPIVOT": "select * from (unpivot (select id, ssn from silver.customers) on ssn into name k "
               "value x)",
    "a lateral join": "select c.id, l.x from silver.customers c, lateral (select c.ssn as x) l",
    "a correlated query": "select id, (select max(ssn) from silver.customers d where d.id = c.id)"
                          " as x from silver.customers c",
    "a recursion": "with recursive r(id, x) as (select id, ssn from silver.customers union all "
                   "select id + 10, x from r where id < 3) select * from r",
    "an earlier version": "select id, ssn as x from silver.customers@v0",
    "an alias with columns": "select * from (select id, ssn from silver.customers) t(id, x)",
    "VALUES": "select * from (values (1, (select max(ssn) from silver.customers))) v(id, x)",
    "a lambda": "select id, list_transform([1], lambda q: ssn) as x from silver.customers",
    "a window": "select id, lag(ssn) over (order by id) as x from silver.customers",
    "a positional join": "select a.id, b.x from (select id from silver.customers) a positional join "
                         "(select ssn as x from silver.customers) b",
    "an unnested list": "select id, unnest([ssn, name]) as x from silver.customers",
    "WITH that has a table's name": "with \"silver.customers\" as (select 0 as id, 'q' as ssn) "
                                    "select id, ssn as x from silver.customers",
    "a summary": "select \"min\" as x, 1 as id from (summarize silver.customers)",
}  # fmt: skip
VIEWS = {
    "through": "view silver.through(id, s) as select id, ssn from silver.customers",
    "twice": "view silver.twice as select id, concat(s, '!') as x from silver.through",
    "held": "materialized view silver.held as select id, ssn as s from silver.customers",
    "far": "view silver.far as select id, to_json(p)::varchar as x from crm.people p",
}


@pytest.fixture(scope="module")
def viewed(shared: Lake) -> Lake:
    for text in VIEWS.values():
        ask(shared, f"create {text}", "cleo")
    return shared


@pytest.mark.parametrize("way", COPIES)
@pytest.mark.parametrize("statement", ["create", "insert"])
def test_a_copy_of_what_is_masked_is_masked(viewed: Lake, way: str, statement: str) -> None:
    table = f"gold.copy_{statement}_{list(COPIES).index(way)}"
    query = COPIES[way]
    rows = " limit 0" if statement == "insert" else ""
    ask(viewed, f"create table {table} as {query}{rows}", "cleo")
    viewed.governance.grant("role:analyst", "SELECT", table)
    ask(viewed, f"select * from {table}", "ana")  # a session that may be kept
    if statement == "insert":
        ask(viewed, f"insert into {table} {query}", "cleo")
    assert MARK in str(ask(viewed, f"select * from {table}", "cleo"))
    seen = str(ask(viewed, f"select * from {table}", "ana"))
    assert not any(one["ssn"] in seen for one in PEOPLE), seen


# The one has a tag of its own, the other none.
BOTH = "silver.customers c join bronze.people p using (id)"


@pytest.mark.parametrize("noted", [True, False])
def test_an_edited_model_unmasks_nothing_that_it_made_before(lake: Lake, noted: bool) -> None:
    root = lake.project.root
    model, reader = root / "models/silver/t.sql", root / "models/gold/u.sql"
    text = "/*\nload: replace\n%s*/\nselect id, %s from %s\n"
    reader.parent.mkdir(exist_ok=True)
    # Of the first column the tag comes from its origin, of the second from the file's header.
    header = "columns: {y: {tags: {pii: ssn}}}\n"
    model.write_text(text % (header, "c.ssn as x, p.ssn as y", BOTH))
    reader.write_text(text % ("", "x as z, y", "silver.t"))

    def seen(opened: Lake, *sources: str) -> str:
        return str([ask(opened, f"select * from {one}", "ana") for one in sources])

    with Lake.open(root) as opened:
        assert opened.pipeline.run().status == "succeeded"
        for one in ("silver.t", "gold.u"):
            opened.governance.grant("role:analyst", "SELECT", one)
        assert MARK not in seen(opened, "silver.t", "gold.u")
        if not noted:  # as in a lake from before this was kept, or whose run was killed
            with opened.catalog.statement_writes._database.writing() as session:
                session.run("DELETE FROM statement_writes WHERE kind = 'query'")
    model.write_text(text % ("", "region as w, region as y", "silver.customers"))
    reader.write_text(text % ("", "w as z, y", "silver.t"))
    with Lake.open(root) as opened:
        assert MARK not in seen(opened, "silver.t", "gold.u")
        assert opened.pipeline.run().status == "succeeded"
        if noted:
            assert MARK not in seen(opened, "silver.t@v0", "gold.u@v0")
            assert "EU" in seen(opened, "silver.t")


@pytest.mark.parametrize("way", ["create or replace", "drop and create"])
def test_who_replaces_a_view_does_not_read_with_the_permissions_of_whoever_reads_it_in_another(
    unmasked: Lake, way: str
) -> None:
    ask(
        unmasked,
        "create view silver.base as select id, region as name from silver.customers",
        "mia",
    )
    ask(unmasked, "grant select on silver.base to role compliance", "mia")
    ask(unmasked, "create materialized view silver.held as select * from silver.base", "cleo")
    ask(unmasked, "grant select on silver.held to user mia")
    before = ask(unmasked, "select * from silver.held", "mia")
    assert len(before) == len(PEOPLE)  # what cleo gives away of hidden rows
    text = "silver.base as select id, ssn as name from silver.customers"
    if way == "create or replace":
        ask(unmasked, f"create or replace view {text}", "mia")
    else:
        ask(unmasked, "drop view silver.base", "mia")
        ask(unmasked, f"create view {text}", "mia")
        ask(unmasked, "grant select on silver.base to role compliance", "mia")
    with pytest.raises(LakeError):
        ask(unmasked, "refresh materialized view silver.held", "cleo")
    report = unmasked.pipeline.run()
    [step] = [one for one in report.steps if str(one.table) == "silver.held"]
    assert "user:mia replaced silver.base" in str(step.error)
    assert ask(unmasked, "select * from silver.held", "mia") == before
    # Who sees the new text and makes it anew has meant it.
    ask(unmasked, "drop materialized view silver.held", "cleo")
    ask(unmasked, "create materialized view silver.held as select * from silver.base", "cleo")
    assert unmasked.pipeline.run().status == "nothing to do"


@pytest.mark.parametrize("link", ["location", "partition", "file"])
def test_a_link_made_later_leads_no_external_table_into_the_lake(lake: Lake, link: str) -> None:
    """Who may write into a data location may put links there, which the lake would follow."""
    lake.governance.grant("user:mia", "CREATE_TABLE", "raw")
    place = lake.project.root.parent / "exports" / "t"
    hidden = lake.project.root / ".lake" / "tables" / "silver" / "vault"
    keys = "partitioned by (k int)" if link == "partition" else ""
    place.mkdir()
    columns = f"raw.t (code string) {keys} stored as parquet"
    ask(lake, f"create external table {columns} location '{place}'", "mia")
    if link == "location":
        place.rmdir()
        place.symlink_to(hidden)
    elif link == "partition":
        (place / "k=1").symlink_to(hidden)
        ask(lake, "msck repair table raw.t", "mia")
    else:
        (place / "a.parquet").symlink_to(next(hidden.glob("*.parquet")))
    for who in ("mia", None):  # nobody else is led astray either
        with pytest.raises(LakeError) as caught:
            ask(lake, "select * from raw.t", who)
        assert MARK not in str(caught.value)


def test_a_database_tells_who_may_drop_it_of_no_table_that_is_not_theirs_to_know(
    lake: Lake,
) -> None:
    place = lake.project.root.parent / "exports" / "t"
    place.mkdir()
    for who in ("mia", "max"):
        lake.governance.grant(f"user:{who}", "CREATE_TABLE", "raw")
    lake.governance.grant("user:mia", ["DROP", "ALTER"], "raw")
    ask(lake, f"create external table raw.t{MARK} (a string) location '{place}'", "max")
    for cascade in ("", " cascade"):
        assert MARK not in told(lake, f"drop database raw{cascade}", "mia")


@pytest.mark.parametrize("body", [b"PAR1xx", b"PAR1" + b"x" * 100 + b"PAR1", b"nothing" * 9])
def test_who_reads_a_table_is_not_told_where_its_files_are(lake: Lake, body: bytes) -> None:
    place = lake.project.root.parent / "exports" / "t"
    place.mkdir()
    (place / "x.parquet").write_bytes(body)
    lake.governance.grant("user:mia", "CREATE_TABLE", "raw")
    ask(
        lake,
        f"create external table raw.t (a string) stored as parquet location '{place}'",
        "mia",
    )
    ask(lake, "grant select on raw.t to user ana", "mia")
    for query in ("select * from raw.t", "select count(*) from raw.t", "describe raw.t"):
        assert str(place.parent) not in told(lake, query, "ana")


def test_unload_tells_of_no_folder_but_the_one_that_was_named(lake: Lake) -> None:
    place = lake.project.root.parent / "exports"
    (place / "file").write_text("x")
    for where, query in (
        ("long", "select 1 as a, repeat('x', 300) as p"),
        ("y" * 300, "select 1 as a, 2 as p"),
        ("file/below", "select 1 as a, 2 as p"),
    ):
        sql = f"unload ({query}) to '{place}/{where}' with (partitioned_by = array['p'])"
        with pytest.raises(UnloadLocationError) as caught:
            ask(lake, sql, "mia")
        assert str(caught.value).count(str(place)) == 1
    assert not list(place.glob(".*"))


@pytest.mark.parametrize("moment", ["after the check", "while files are written"])
def test_no_link_that_is_put_there_meanwhile_leads_unload_elsewhere(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Who may write into a data location may put links there while UNLOAD writes."""
    from lakeworks.query.statements import unloading

    folder = lake.project.root.parent / "exports" / "a"
    landing = lake.project.root / "landing" / "people"
    before = sorted(landing.iterdir())
    folder.mkdir()

    def led_astray(place: Path) -> None:
        place.rename(folder.parent / "moved")
        place.symlink_to(landing)

    if moment == "after the check":
        checked = unloading.checked_place

        def check(*given: Any) -> Any:
            place = checked(*given)
            led_astray(folder)
            return place

        monkeypatch.setattr(unloading, "checked_place", check)
    else:
        write = unloading.write_files

        def written(*given: Any) -> None:
            led_astray(next(folder.glob(".*.part")))
            write(*given)

        monkeypatch.setattr(unloading, "write_files", written)
    with pytest.raises(UnloadLocationError):
        ask(lake, f"unload (select 1 as id) to '{folder}/b'", "mia")
    assert sorted(landing.iterdir()) == before


@pytest.mark.parametrize("kind", ["table", "view", "materialized view"])
def test_whoever_takes_the_name_of_a_dropped_table_sees_nothing_of_it(
    unmasked: Lake, kind: str
) -> None:
    ask(unmasked, "create table silver.t as select id, salary from silver.customers", "cleo")
    then = unmasked.catalog.current_snapshot().id
    ask(unmasked, "drop table silver.t", "cleo")
    ask(unmasked, f"create {kind} silver.t as select 1 as id", "mia")
    assert ask(unmasked, "select * from silver.t", "mia") == [{"id": 1}]
    for ways in ({}, {"dialect": "athena"}):
        for sql in (
            "select * from silver.t", "select count(*) from silver.t", "describe silver.t",
            "describe formatted silver.t", "show columns in silver.t",
            "show create table silver.t", "show partitions silver.t", "summarize silver.t",
            "select nope from silver.t", "create table silver.copy as select * from silver.t",
        ):  # fmt: skip
            seen = told(unmasked, sql, "mia", at=then, **ways)
            assert "salary" not in seen, sql
            assert "987654" not in seen, sql
            assert f"[{{'count_star()': {len(PEOPLE)}}}]" != seen, sql
    for sql in ("select * from silver.t@v0", "describe silver.t@v0"):
        assert "salary" not in told(unmasked, sql, "mia")


@pytest.mark.parametrize("kind", ["table", "view", "materialized view", "table if not exists"])
def test_that_a_hidden_name_is_taken_is_all_that_is_told(shared: Lake, kind: str) -> None:
    with pytest.raises(NameTakenError) as caught:
        ask(shared, f"create {kind} silver.vault as select 1 as a", "mia")
    assert "model" not in str(caught.value)


@pytest.mark.parametrize("kind", ["external table", "external table if not exists"])
def test_of_a_hidden_external_table_no_more_is_told(lake: Lake, kind: str) -> None:
    files = f"(a string) location '{lake.project.root.parent / 'exports' / 't'}'"
    for who in ("mia", "max"):
        lake.governance.grant(f"user:{who}", "CREATE_TABLE", "raw")
    ask(lake, f"create external table raw.vault {files}", "max")
    lake.governance.grant("user:mia", "CREATE_TABLE", "bronze")
    hidden = told(lake, f"create {kind} raw.vault {files}", "mia")
    assert hidden == told(lake, f"create {kind} bronze.vault {files}", "mia").replace(
        "bronze.vault", "raw.vault"
    )


def test_no_pattern_of_names_takes_longer_than_its_length(shared: Lake) -> None:
    name = "a" * 100
    ask(shared, f"create view silver.{name} as select 1 as a", "mia")
    begun_s = time.monotonic()
    for pattern in ("a*" * 40 + "b", "%a" * 60 + "b|" + "a.*" * 60 + "b", "*" * 500 + "b"):
        assert ask(shared, f"show tables in silver like '{pattern}'", "mia") == []
    assert ask(shared, f"show tables in silver like '{'a*' * 40}'", "mia") == [
        {"tab_name": name}
    ]
    assert time.monotonic() - begun_s < 60


@given(pattern=st.text(alphabet="aB*%|.", max_size=8), name=st.text(alphabet="ab.", max_size=6))
def test_patterns_of_names_mean_what_they_are_said_to(pattern: str, name: str) -> None:
    written = "|".join(
        ".*".join(re.escape(piece) for piece in re.split(r"\.\*|[*%]", choice))
        for choice in pattern.split("|")
    )
    wanted = not pattern or re.fullmatch(written, name, re.IGNORECASE) is not None
    assert like_of(pattern)(name) == wanted


def test_mistakes_in_the_policies_are_not_told_to_whom_they_are_about(tmp_path: Path) -> None:
    root = tmp_path / "lake"
    made(root).close()
    policies = root / "policies" / "roles.yml"
    text = policies.read_text()
    policies.write_text(
        text.replace("permissions: SELECT\n", "permissions: [SELECT, INSERT]\n")
    )
    with Lake.open(root) as lake:
        for asked in (
            lambda: ask(lake, "select 1", "mia"), lambda: lake.query.visible("mia"),
            lambda: lake.query.columns("silver.customers", "mia"),
            lambda: lake.query.examine("select 1", "mia"),
        ):  # fmt: skip
            with pytest.raises(LakeError) as caught:
                asked()
            assert "salary" not in str(caught.value)
            assert "region" not in str(caught.value)


def test_an_earlier_result_that_is_given_again_is_audited_as_a_read(
    lake: Lake, tmp_path: Path
) -> None:
    memory = 256 * 2**20
    group = {"primary": Workgroup("primary", reuse_s=3_600)}
    started = command(lake.project.root, None, memory_bytes=memory, threads=1)
    pool = QueryPool(started, processes=1, memory_bytes=memory + 512 * 2**20, concurrent=dict)
    executions = QueryExecutions(
        Limits(group, usage=lake.catalog.query_usage, records=lake.catalog.query_executions,
               waiting=pool.waiting),
        examine=lambda asked: lake.query.examine(asked.sql, asked.principal),
        records=lake.catalog.query_executions,
        history=lake.catalog.query_history,
        results=ResultPlaces(tmp_path / "results", {}, None),
        pool=pool,
    )  # fmt: skip
    try:
        asked = QueryRequest("select id, ssn from silver.customers", principal="ana")
        runs = [
            executions.wait(executions.start(asked), principal="ana", timeout_s=60)
            for _ in range(3)
        ]
    finally:
        executions.close()
    assert [one.reused for one in runs] == [False, True, True]
    entries = [one for one in lake.governance.audit_entries(kind="query")
               if one.principal == "user:ana"]  # fmt: skip
    assert len(entries) == len(runs)
    for entry in entries:
        assert entry.body["rows"] == 2
        assert entry.body["tables"][0]["table"] == "silver.customers"
    assert [bool(one.body.get("reused")) for one in reversed(entries)] == [False, True, True]


@pytest.mark.parametrize("who", ["opt", "mia"])
def test_whoever_passes_on_what_they_hold_is_told_of_no_hidden_column_and_of_nobody(
    shared: Lake, who: str
) -> None:
    held = "grant select except (salary) on silver.customers to user opt with grant option"
    ask(shared, held)

    def answer(column: str, to: str = "user zed") -> str:
        words = f"grant select ({column}) on silver.customers to {to}"
        return told(shared, words, who).replace(column, "COLUMN")

    assert answer("salary") == answer("nope")
    assert "salary" not in answer("nope")
    nobody = told(shared, "grant select (name) on silver.customers to role nobody", who)
    for name in ("compliance", "keeper", "maker", "cleo"):
        assert name not in nobody


def told(lake: Lake, sql: str, who: str, **more: Any) -> str:
    """Return all that a principal is told: rows or an error."""
    try:
        return str(ask(lake, sql, who, **more))
    except LakeError as error:
        return f"{type(error).__name__}: {error}"
