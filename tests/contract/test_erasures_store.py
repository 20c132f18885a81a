"""Erasures, ended versions and redacted texts, on SQLite and on a real PostgreSQL server alike."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lakeworks.catalog.query_history import QueryRecord
from lakeworks.core import clock
from lakeworks.core.names import TableName
from lakeworks.privacy.text_search import Words

if TYPE_CHECKING:
    from lakeworks.catalog import Catalog
    from lakeworks.catalog.erasures import Erasure

ORDERS, LINES = TableName("silver", "orders"), TableName("silver", "lines")
WORDS = Words(frozenset({"C-17", "77123456"}))


def begun(catalog: Catalog, subject: str = "customer=C-17") -> Erasure:
    return catalog.erasures.begin(subject, kind="erasure", principal="operator", reason="asked")


def test_an_unfinished_erasure_is_found_by_its_subject_alone(catalog: Catalog) -> None:
    first = begun(catalog)
    assert begun(catalog).erasure_id == first.erasure_id
    assert begun(catalog, "customer=C-18").erasure_id != first.erasure_id
    catalog.erasures.end(first, "incomplete", {"places": []})
    assert begun(catalog).erasure_id == first.erasure_id
    catalog.erasures.end(first, "done", {"places": []})
    assert begun(catalog).erasure_id != first.erasure_id


def test_what_is_sealed_opens_for_its_subject_until_the_work_is_done(catalog: Catalog) -> None:
    catalog.erasures.seal(begun(catalog), "customer=C-17", {"values": ["C-17", "ž"]})
    again = begun(catalog)
    assert "C-17" not in again.sealed
    assert again.opened("customer=C-17") == {"values": ["C-17", "ž"]}
    assert again.opened("customer=C-18") is None
    catalog.erasures.end(again, "incomplete", {})
    assert begun(catalog).opened("customer=C-17") is not None
    catalog.erasures.end(again, "done", {})
    (done,) = catalog.erasures.named(again.erasure_id[:5])
    assert done.sealed == ""
    assert done.is_of("customer=C-17")


def test_a_report_is_amended_and_the_rest_stays(catalog: Catalog) -> None:
    one = begun(catalog)
    catalog.erasures.end(one, "done", {"places": []})
    (ended,) = catalog.erasures.named(one.erasure_id)
    catalog.erasures.amend(one.erasure_id, {"places": [], "kept_out": [{"name": "customer"}]})
    (amended,) = catalog.erasures.named(one.erasure_id)
    assert amended.report["kept_out"] == [{"name": "customer"}]
    assert (amended.state, amended.ended_at) == (ended.state, ended.ended_at)
    assert catalog.query_executions.places() == []


def test_versions_that_were_erased_are_needed_by_no_snapshot(catalog: Catalog) -> None:
    for version in range(4):
        run = f"run-{version}"
        catalog.begin_run(run)
        catalog.publish(run, {ORDERS: version, LINES: version})
        catalog.end_run(run, "succeeded", {})
    catalog.erasures.end_versions("e1", {ORDERS: 2})
    assert catalog.published_versions() == {ORDERS: {2, 3}, LINES: {0, 1, 2, 3}}
    catalog.erasures.end_versions("e2", {ORDERS: 3})
    catalog.erasures.end_versions("e3", {ORDERS: 1})  # never takes back what was said
    assert catalog.erasures.ended_versions() == {ORDERS: (3, "e2")}


def test_texts_lose_a_value_and_json_stays_json(catalog: Catalog) -> None:
    catalog.begin_run("r")
    report = {
        "error": "row C-17 is wrong",
        "n": 77123456,
        "m": 1,
        "C-17": [True],
        "long": "x" * 3000,
    }
    catalog.end_run("r", "failed", report)
    sql = "select * from t where a = 'C-17' and b = 'C-170'"
    catalog.query_history.record(QueryRecord("q", sql, clock.now(), principal="user:C-17"))
    assert catalog.erasures.texts_that(WORDS.within) == {"queries": 1, "runs": 1}
    assert catalog.erasures.redact(WORDS.within, WORDS.out_of) == {"queries": 1, "runs": 1}
    assert catalog.erasures.texts_that(WORDS.within) == {}
    told = dict(catalog.run("r").report)
    assert told.pop("long") == "x" * 3000
    assert told == {"error": "row [erased] is wrong", "n": None, "m": 1, "[erased]": [True]}
    (query,) = catalog.query_history.recent()
    assert query.sql == "select * from t where a = '[erased]' and b = 'C-170'"
    assert query.principal == "user:C-17"
    catalog.erasures.compact()
    assert json.dumps(told)


def test_what_is_in_force_is_counted_and_never_changed(catalog: Catalog) -> None:
    catalog.audit_trail.append("query", "user:ana", {"sql": "select 'C-17'"})
    catalog.grants.add("role:a", '{"rows":"id =\\n\'C-17\'"}', ["SELECT"], by="op")
    catalog.erasures.redact(WORDS.within, WORDS.out_of)
    assert catalog.erasures.fixed_texts_that(WORDS.within) == {"governance_grants": 1}
    assert catalog.audit_trail.words_that(WORDS.within) == [1]
    assert catalog.audit_trail.verify([]).breaks == ()
