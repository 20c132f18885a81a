"""What SQL made of a person goes with the person: views, materialised views, statements' tables."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from privacy_shop import EMAIL, SUBJECT, arrive, contents, make_project, names_of, rows, write

from lakeworks import Lake
from lakeworks.core.errors import LakeError
from lakeworks.storage.errors import VersionNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HASHED = hashlib.md5(b"c-17", usedforsecurity=False).hexdigest()
MADE = """
create view silver.v as select customer as who, amount, order_id from silver.orders
create view silver.up as select upper(customer_id) as who_up, city from silver.customers
create materialized view gold.per as select who as person, sum(amount) as s from silver.v group by who
create materialized view gold.hashed as select md5(who) as h, count(*) as n from silver.v group by 1
create materialized view gold.sums as select sum(s) as s from gold.per
create materialized view gold.towns as select city, count(*) as n from silver.customers group by city
create materialized view gold.odd as select hash(who) as h, amount from silver.v
create materialized view gold.dropped_view as select who, amount from silver.v
drop materialized view gold.dropped_view
create table gold.renamed as select who as klient, amount from silver.v
create table gold.derived as select upper(trim(customer_id)) as ku, 'c' || customer_id as pre from silver.customers
create table gold.again as select k.klient as kk, md5(k.klient) as hh from gold.renamed k
create table gold.through as select * from silver.up
create table gold.filled as select 'nobody' as x, 0 as n where false
insert into gold.filled select who, amount from silver.v
insert into gold.filled select lower(kk), 3 from gold.again
create table gold.dropped as select who, amount from silver.v
drop table gold.dropped
create table gold.lived as select city from silver.customers
create table gold.once as select sum(amount) as s from silver.v
prepare p1 from select * from silver.v where who = 'c-17'
create view silver.named as select * from silver.v where who = 'c-17'
"""  # noqa: E501
GOLD = {
    "gold.per": 4, "gold.hashed": 4, "gold.renamed": 4, "gold.derived": 4, "gold.again": 4,
    "gold.through": 4, "gold.filled": 8,
}  # fmt: skip


def ask(lake: Lake, sql: str) -> list[dict[str, Any]]:
    with lake.query.sql(sql) as result:
        return result.rows()


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a shop with one of everything that SQL makes, and two versions of what runs make."""
    root = make_project(tmp_path_factory.mktemp("made") / "shop")
    with Lake.open(root) as lake:
        lake.pipeline.run()
        for statement in MADE.strip().splitlines():
            ask(lake, statement)
        arrive(root, 2)
        assert lake.pipeline.run().status == "succeeded"
    return root


@pytest.fixture
def shop(pristine: Path, tmp_path: Path) -> Iterator[Lake]:
    shutil.copytree(pristine, tmp_path / "shop")
    with Lake.open(tmp_path / "shop") as lake:
        yield lake


def stored(root: Path, *words: str) -> list[str]:
    """Return the tables in whose files a word stands; the audit trail is beside the point."""
    with Lake.open(root) as lake:
        found = names_of(lake, *words)
    return [one for one in found if not one.startswith("catalog.db")]


def test_rows_under_other_names_and_in_other_spellings_go(shop: Lake) -> None:
    before = {table: len(rows(shop, table)) for table in GOLD}
    assert before == GOLD
    words = (SUBJECT, "c-17", "cC-17", EMAIL, HASHED)
    assert stored(shop.project.root, HASHED)
    report = shop.privacy.erase("customer=C-17")
    assert report.state == "done", report
    assert stored(shop.project.root, *words) == []
    gone = {table: before[table] - len(rows(shop, table)) for table in GOLD}
    assert gone == {**dict.fromkeys(GOLD, 1), "gold.filled": 2}
    assert {"gold.derived.ku", "gold.derived.pre", "gold.again.hh", "gold.through.who_up"} <= {
        *report.columns
    }
    left = contents(shop)
    shop.pipeline.run()
    after = contents(shop)
    assert stored(shop.project.root, *words) == []
    assert {table for table in after if after[table] != left[table]} == {
        "gold.sums", "gold.totals",
    }  # fmt: skip
    assert shop.pipeline.run().status == "nothing to do"


def test_a_view_may_say_who_is_meant(shop: Lake) -> None:
    meant = [
        shop.privacy.erase(subject, dry_run=True)
        for subject in ("silver.orders.customer=c-17", "silver.v.who=c-17", "who=c-17")
    ]
    found = [{(p.name, p.found) for p in one.places if p.kind == "table"} for one in meant]
    assert found[0] == found[1] == found[2]
    assert ("bronze.orders", 4) in found[0]
    upper = shop.privacy.erase("silver.up.who_up=C-17", dry_run=True)
    assert "silver.customers.customer_id" in upper.columns


def test_single_rows_without_a_name_are_made_anew_at_once_and_sums_are_named(
    shop: Lake,
) -> None:
    odd = rows(shop, "gold.odd")
    report = shop.privacy.erase("customer=C-17")
    assert len(rows(shop, "gold.odd")) == len(odd) - 2
    assert {row["city"] for row in rows(shop, "gold.towns")} == {None, "Linz", "Wels1", "Wels2"}
    notes = {place.name: place.note for place in report.places if place.kind == "table"}
    for table in ("gold.odd", "gold.towns"):
        assert "made anew" in notes[table]
        with pytest.raises(VersionNotFoundError, match="was erased"):
            ask(shop, f"from {table}@v0")
    told = dict(report.unidentified)
    assert told.keys() == {"gold.sums", "gold.totals", "gold.once", "gold.lived"}
    assert "may still have values of the person" in told["gold.lived"]
    assert "may still" not in told["gold.once"]
    assert "next run" in told["gold.sums"]
    assert "no run makes it anew" in told["gold.once"]
    assert ask(shop, "from gold.totals@v0")  # of sums nobody was erased
    assert "gold.odd" in [str(s.table) for s in shop.pipeline.run().steps
                          if s.status == "up to date"]  # fmt: skip


def test_what_cannot_be_made_anew_is_named_with_its_reason(shop: Lake) -> None:
    ask(shop, "create materialized view gold.fails as select case when (select count(*) "
              "from silver.v) < 8 then cast(city as int) end as x, city "
              "from silver.customers")  # fmt: skip
    before = rows(shop, "gold.fails")
    report = shop.privacy.erase("customer=C-17")
    assert "failed just now" in dict(report.unidentified)["gold.fails"]
    assert report.state == "done"
    assert rows(shop, "gold.fails") == before


def test_dropped_tables_lose_their_past_and_nobody_costs_them_nothing(shop: Lake) -> None:
    root = shop.project.root / ".lake/tables/gold"
    files = [*root.glob("dropped*/*.parquet")]
    assert len(files) == 2
    assert shop.privacy.erase("customer=C-99").places == ()
    assert all(file.exists() for file in files)
    report = shop.privacy.erase("customer=C-17")
    assert not any(file.exists() for file in files)
    assert {"gold.dropped", "gold.dropped_view"} <= {p.name for p in report.places}


def test_versions_with_columns_that_are_gone_go_with_the_person(tmp_path: Path) -> None:
    root = make_project(tmp_path / "shop")
    model = root / "models/gold/short.sql"
    write(
        model,
        "/*\nload: append\n*/\nselect length(note) as n, customer as old from silver.orders",
    )
    with Lake.open(root) as lake:
        lake.pipeline.run()
    write(model, "/*\nload: append\n*/\nselect length(note) as n from silver.orders")
    with Lake.open(root) as lake:
        lake.pipeline.run()
        report = lake.privacy.erase("customer=C-17")
        assert (
            "by which columns"
            in {p.name: p.note for p in report.places if p.kind == "history"}["gold.short"]
        )
        with pytest.raises(VersionNotFoundError, match="was erased"):
            ask(lake, "from gold.short@v0")
        # A table whose model is gone is told of: nothing leads to it.
        model.unlink()
    with Lake.open(root) as lake:
        dry = lake.privacy.erase("customer=C-170", dry_run=True)
        assert "nothing tells what it was made from" in dict(dry.unidentified)["gold.short"]


def test_texts_that_name_the_person_lose_the_value_and_stay_what_they_are(shop: Lake) -> None:
    shop.catalog.named_queries.save("hers", "select * from silver.v where who = 'c-17'")
    report = shop.privacy.erase("customer=C-17")
    assert "'[erased]'" in shop.catalog.named_queries.get("hers").sql
    assert ask(shop, "from silver.named") == []
    assert ask(shop, "execute p1") == []
    texts = " ".join(write.sql for write in shop.catalog.statement_writes.all())
    assert "c-17" not in texts
    (audit,) = (p for p in report.places if p.kind == "audit")
    assert (audit.name, audit.found, audit.left) == ("words", audit.erased, 0)


def test_a_view_that_lost_a_value_is_not_taken_for_one_that_was_replaced(
    tmp_path: Path,
) -> None:
    root = make_project(tmp_path / "shop")
    write(root / "policies/roles.yml",
          "users: {ana: {}, bo: {}}\ngrants:\n"
          "  - {to: [user:ana, user:bo], permissions: [SELECT], on: silver.orders}\n"
          "  - {to: [user:ana, user:bo], permissions: [CREATE_TABLE], on: gold}\n")  # fmt: skip
    with Lake.open(root) as lake:
        lake.pipeline.run()
        for who, sql in (
            ("bo", ("create view gold.base as select amount from silver.orders "
                   "where customer <> 'c-17'")),
            ("bo", "grant select on gold.base to user ana"),
            ("ana", "create materialized view gold.hers as select amount from gold.base"),
        ):  # fmt: skip
            lake.query.sql(sql, caller=who).rows()
        lake.privacy.erase("customer=C-17")
        assert lake.pipeline.run().step("gold.hers").status == "succeeded"
        assert len(rows(lake, "gold.hers")) == 3


def test_copies_that_left_the_lake_are_named(shop: Lake, tmp_path: Path) -> None:
    ask(shop, f"unload (select * from silver.v) to '{tmp_path}/there'")
    ask(shop, f"unload (select * from silver.v) to '{tmp_path}/gone'")
    ask(shop, f"unload (select 1 as one) to '{tmp_path}/other'")
    shutil.rmtree(tmp_path / "gone")
    report = shop.privacy.erase("customer=C-17")
    named = [one for one in report.elsewhere if "UNLOAD" in one]
    assert len(named) == 1
    assert named[0].startswith(f"{tmp_path}/there: UNLOAD wrote rows of silver.orders")
    assert any("backups" in one for one in report.not_reached)
    assert not any("bucket" in one for one in report.not_reached)


def test_no_statement_brings_an_erased_table_back(shop: Lake) -> None:
    before = shop.catalog.current_snapshot().id
    shop.privacy.erase("customer=C-17")
    with pytest.raises(LakeError, match="erased"):
        ask(shop, "create table gold.back as select * from gold.renamed@v0")
    with pytest.raises(VersionNotFoundError, match="erased"):
        shop.query.sql("from gold.per", at=before).to_arrow()


def test_what_is_not_the_lakes_is_counted_exported_and_named(tmp_path: Path) -> None:
    root = make_project(tmp_path / "shop")
    write(root / "catalogs/crm.yml", "type: sqlite\npath: crm.db\ndatabases: {crm: main}\n")
    write(root / "catalogs/off.yml", "type: sqlite\npath: none.db\ndatabases: {off: main}\n")
    write(root / "catalogs/logs.yml",
          f"type: parquet\nlocation: {tmp_path}/files\ndatabases: {{logs: visits}}\n")  # fmt: skip
    (tmp_path / "files/visits/pages").mkdir(parents=True)
    visits = pa.table({"customer_id": ["C-17", "C-2"], "page": [1, 2]})
    pq.write_table(visits, tmp_path / "files/visits/pages/1.parquet")
    with sqlite3.connect(root / "crm.db") as con:
        con.execute("create table tickets (id integer, customer_id text, email text)")
        con.execute("insert into tickets values (1, 'C-17', null), (2, 'C-2', null), "
                    "(17, null, 'ana@example.org')")  # fmt: skip
    con.close()
    with Lake.open(root) as lake:
        lake.pipeline.run()
        done = lake.privacy.export("customer=C-17", tmp_path / "out")
        counts = {one.place: one.rows for one in done.files if one.kind == "outside"}
        assert counts == {"crm.tickets": 2, "logs.pages": 1}
        assert done.not_searched[0].startswith("catalog off: ")
        report = lake.privacy.erase("customer=C-17")
        left = {p.name: p.left for p in report.places if p.kind == "outside"}
        assert left == counts
        assert report.elsewhere[0].startswith("catalog off was not searched: ")
        assert report.state == "done"
        assert len(rows(lake, "crm.tickets")) == 3
        # Whom nobody knows by a column of the lake is found by one of the other system.
        found = lake.privacy.erase("crm.tickets.id=17", dry_run=True).places
        assert [(one.name, one.found) for one in found] == [("crm.tickets", 1)]
