"""A person is erased from a whole lake: every table, version, landed file and text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from privacy_shop import EMAIL, SUBJECT, arrive, contents, decoded, make_project, names_of, rows

from lakeworks import Lake
from lakeworks.catalog.errors import UnknownTableError
from lakeworks.core.names import TableName
from lakeworks.privacy.errors import NotErasedError, SubjectError
from lakeworks.storage.errors import VersionNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Lake]:
    root = make_project(tmp_path / "shop")
    with Lake.open(root) as lake:
        assert lake.pipeline.run().status == "succeeded"
        arrive(root, 2)
        assert lake.pipeline.run().status == "succeeded"
        yield lake


def test_a_person_is_gone_from_every_file_of_the_lake(shop: Lake) -> None:
    with shop.query.sql("select * from silver.orders where note = 'hers'") as found:
        assert found.to_arrow().num_rows == 2
    shop.catalog.query_history.flush(60)
    assert names_of(shop, SUBJECT, "c-17", EMAIL, "Ana@Example.org")
    others = {
        table: [
            row for row in found if "c-17'" not in str(row).lower() and "C-17 " not in str(row)
        ]
        for table, found in contents(shop).items()
    }

    report = shop.privacy.erase("customer=C-17", reason="asked by letter")

    assert report.state == "done", report
    assert names_of(shop, SUBJECT, "c-17", EMAIL, "Ana@Example.org") == []
    now = contents(shop)
    for table in ("bronze.orders", "bronze.customers", "silver.customers", "silver.orders"):
        mine = [row for row in others[table] if "broken" not in str(row)]
        assert now[table] == [r for r in mine if EMAIL not in str(r).lower()], table
    assert len(now["silver.lines"]) == len(now["bronze.order_lines"]) == 8


def test_the_next_run_changes_nothing_but_what_is_made_of_all_rows(shop: Lake) -> None:
    shop.privacy.erase("customer=C-17")
    before = contents(shop)
    report = shop.pipeline.run()
    assert report.status == "succeeded"
    after = contents(shop)
    assert {step.table for step in report.steps if step.status == "succeeded"} == {
        TableName("gold", "per_customer"),
        TableName("gold", "totals"),
    }
    assert before.pop("gold.totals") != after["gold.totals"]
    assert after.pop("gold.totals") == [{"amount": 42, "orders": 6}]
    assert after == before
    assert shop.pipeline.run().status == "nothing to do"


def test_what_arrives_later_is_added_once_and_a_full_refresh_brings_nobody_back(
    shop: Lake,
) -> None:
    shop.privacy.erase("customer=C-17")
    shop.pipeline.run()
    before = contents(shop)
    root = shop.project.root
    lines = '{"order_id": "O-90", "customer_id": "C-5", "amount": 1, "note": ""}\n'
    (root / "arrivals/orders/9.json").write_text(lines)
    shop.pipeline.run()
    assert len(rows(shop, "silver.orders")) == len(before["silver.orders"]) + 1
    shop.pipeline.run("bronze.orders+", full_refresh=True)
    after = contents(shop)
    assert len(after["bronze.orders"]) == len(before["bronze.orders"]) + 1
    assert "C-17'" not in str(after)
    assert shop.pipeline.run().status == "nothing to do"


def test_earlier_versions_are_refused_by_name_and_never_answered_wrongly(shop: Lake) -> None:
    first = shop.catalog.snapshots()[-1]
    shop.privacy.erase("customer=C-17")
    with pytest.raises(VersionNotFoundError, match=r"version 0 .*silver/orders was erased"):
        shop.query.sql("select * from silver.orders", at=first.id).to_arrow()
    with pytest.raises(VersionNotFoundError, match="was erased"):
        shop.query.sql("select * from bronze.orders@v1").to_arrow()
    # A table that nobody was erased from can still be read as it was.
    assert shop.query.sql("select * from gold.totals", at=first.id).to_arrow().num_rows == 1
    with pytest.raises(VersionNotFoundError, match="was erased"):
        shop.pipeline.rollback(first.run_id)
    assert shop.pipeline.run().status == "succeeded"  # the rollback changed nothing


def test_maintenance_goes_on_after_an_erasure(shop: Lake) -> None:
    shop.privacy.erase("customer=C-17")
    done = shop.care.maintain()
    assert done.failed == ()
    assert shop.tables.vacuum() is not None
    assert shop.doctor() == []


def test_a_second_erasure_finds_nothing(shop: Lake) -> None:
    first = shop.privacy.erase("customer=C-17")
    snapshot = shop.catalog.current_snapshot()
    again = shop.privacy.erase("customer=C-17")
    assert again.places == ()
    assert again.erasure_id != first.erasure_id
    assert shop.catalog.current_snapshot() == snapshot


def test_a_dry_run_says_what_is_where_and_changes_nothing(shop: Lake) -> None:
    files = {path: path.read_bytes() for path, _ in decoded(shop.project.root / ".lake/tables")}
    dry = shop.privacy.erase("customer=C-17", dry_run=True)
    found = {(place.kind, place.name): place.found for place in dry.places}
    assert found["table", "bronze.orders"] == 4
    assert found["quarantine", "quarantine.silver_orders"] == 2
    assert found["landing", "bronze.orders"] == 6
    assert dry.dry_run
    assert sum(place.erased for place in dry.places) == 0
    assert {p: p.read_bytes() for p, _ in decoded(shop.project.root / ".lake/tables")} == files
    real = shop.privacy.erase("customer=C-17")
    assert {(p.kind, p.name) for p in real.places} >= set(found)


def test_files_of_the_sources_own_folder_are_named_and_left(shop: Lake) -> None:
    report = shop.privacy.erase("customer=C-17")
    arrivals = shop.project.root / "arrivals"
    assert set(report.elsewhere) == {
        str(path) for path in arrivals.rglob("*") if path.is_file()
    }
    assert b"C-17" in (arrivals / "customers/1.csv").read_bytes()
    assert dict(report.unidentified).keys() == {"gold.totals"}


def test_a_row_of_somebody_else_that_names_the_person_is_left_unless_asked(shop: Lake) -> None:
    root = shop.project.root
    line = '{"order_id": "O-99", "customer_id": "C-4", "amount": 1, "note": "gift of C-17!"}\n'
    (root / "arrivals/orders/9.json").write_text(line)
    shop.pipeline.run()
    with pytest.raises(NotErasedError, match=r"silver\.orders has 1 left .*note") as error:
        shop.privacy.erase("customer=C-17")
    assert error.value.code == "LW992"
    assert shop.privacy.erasures()[0].state == "incomplete"
    assert len(rows(shop, "silver.orders", "customer = 'c-4'")) == 1
    report = shop.privacy.erase("customer=C-17", mentions="delete")
    assert report.state == "done"
    assert rows(shop, "silver.orders", "customer = 'c-4'") == []
    assert names_of(shop, SUBJECT) == []
    assert [one.state for one in shop.privacy.erasures()] == ["done"]


def test_a_row_of_somebody_else_can_be_kept_on_purpose(shop: Lake) -> None:
    line = '{"order_id": "O-99", "customer_id": "C-4", "amount": 1, "note": "gift of C-17!"}\n'
    (shop.project.root / "arrivals/orders/9.json").write_text(line)
    shop.pipeline.run()
    report = shop.privacy.erase("customer=C-17", mentions="keep")
    assert report.state == "done"
    assert len(rows(shop, "silver.orders", "customer = 'c-4'")) == 1
    assert rows(shop, "silver.orders", "customer = 'c-17'") == []


def test_the_report_and_the_audit_trail_tell_no_value(shop: Lake) -> None:
    report = shop.privacy.erase("customer=C-17", reason="by letter")
    assert SUBJECT not in json.dumps(report.as_json())
    entry = shop.governance.audit_entries(kind="erasure")[0]
    assert entry.body["erasure"] == report.erasure_id
    assert entry.body["subject_hash"] == report.subject_hash
    assert SUBJECT not in json.dumps(dict(entry.body))
    (kept,) = shop.privacy.erasures()
    assert kept.is_of("customer=C-17")
    assert not kept.is_of("customer=C-18")
    assert kept.opened("customer=C-17") is None


def test_what_was_asked_about_the_person_goes_out_of_the_audit_trail(shop: Lake) -> None:
    hers = f"select count(*) from silver.customers where email = '{EMAIL}'"
    others = "select count(*) from silver.customers where email = 'bo@example.org'"
    for sql in (hers, others):
        shop.query.sql(sql).rows()
    with pytest.raises(UnknownTableError):
        shop.query.sql(hers.replace("silver", "sliver"))
    trail = shop.governance
    before = {one.seq: one for one in trail.audit_entries(kind="query")}
    asked = [seq for seq, one in before.items() if EMAIL in str(one.body)]
    assert len(asked) == 2
    report = shop.privacy.erase("customer=C-17", reason=f"{EMAIL} asked")
    (words,) = [one for one in report.places if str(one) == "audit words"]
    assert (words.found, words.erased, words.left) == (2, 2, 0)
    assert "audit trail" not in map(str, report.places)
    assert EMAIL not in str(trail.audit_entries(limit=1_000))
    assert shop.privacy.erasures()[0].reason == "[erased] asked"
    after = {one.seq: one for one in trail.audit_entries(kind="query")}
    for seq, one in after.items():
        facts = {key: value for key, value in before[seq].body.items() if key in one.body}
        assert (one.at, one.principal, dict(one.body)) == (
            before[seq].at, before[seq].principal, facts,
        )  # fmt: skip
        assert one.words_erased is (seq in asked) is ("sql" not in one.body)
    told = [one.body for one in trail.audit_entries(kind="erasure") if "words_of" in one.body]
    assert [one["entries"] for one in told] == [2]
    assert told[0]["erasure"] == report.erasure_id
    assert told[0]["os_user"]
    found = trail.verify_audit()
    assert (found.sound, found.words_erased) == (True, 2)


def test_a_name_that_leads_nowhere_or_to_unlike_things_is_refused(shop: Lake) -> None:
    with pytest.raises(SubjectError, match="customer_idd"):
        shop.privacy.erase("customer_idd=C-17")
    with pytest.raises(SubjectError, match="is no subject"):
        shop.privacy.erase("C-17")
    with pytest.raises(SubjectError, match=r"silver\.customers\.nothing"):
        shop.privacy.erase("silver.customers.nothing=C-17")


def test_other_tables_than_a_qualified_columns_own_are_reached_by_lineage_alone(
    shop: Lake,
) -> None:
    dry = shop.privacy.erase("silver.orders.customer=c-17", dry_run=True)
    assert {p.name for p in dry.places if p.kind == "table"} >= {
        "bronze.orders", "silver.orders", "gold.per_customer",
    }  # fmt: skip
    assert "bronze.customers.customer_id" not in dry.columns


def test_queries_that_named_the_person_lose_the_value(shop: Lake) -> None:
    shop.query.sql("select * from silver.orders where customer = 'c-17'").to_arrow()
    shop.query.sql("select 1 as one").to_arrow()
    shop.catalog.query_history.flush(60)
    shop.privacy.erase("customer=C-17")
    texts = {one.sql for one in shop.catalog.query_history.recent(limit=10)}
    assert "select * from silver.orders where customer = '[erased]'" in texts
    assert "select 1 as one" in texts


def test_kept_results_are_dropped(shop: Lake) -> None:
    folder = shop.project.root / ".lake/query-results"
    folder.mkdir()
    with pa.OSFile(str(folder / f"{'a' * 32}.arrows"), "wb") as sink:
        table = pa.table({"customer": ["c-17"], "amount": [5]})
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    assert shop.privacy.erase("customer=C-17").state == "done"
    assert list(folder.iterdir()) == []
