"""The shop's roles: who sees what of every table, by the command line and on real rows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from lakeworks.cli.main import main
from lakeworks.core.names import TableName
from lakeworks.governance import Principal
from lakeworks.lake import Lake

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LAYERS = ("bronze", "silver", "gold")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("permissions") / "shop"
    assert main(["init", str(folder), "--template", "shop"]) == 0
    assert main(["generate", "shop", "-C", str(folder), "--orders", "300", "--seed", "1"]) == 0
    assert main(["run", "-C", str(folder)]) == 0
    return folder


@pytest.fixture
def lake(shop: Path) -> Iterator[Lake]:
    with Lake.open(shop) as opened:
        yield opened


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    capsys.readouterr()
    assert main([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def views(lake: Lake, who: str) -> dict[str, dict[str, str | None]]:
    """Return, by table, the columns that a principal sees, each with its mask."""
    authorizer = lake.governance.authorizer()
    found = {}
    for table, head in lake.catalog.heads().items():
        access = authorizer.access(Principal.parse(who), table, head.schema)
        if access is not None:
            found[str(table)] = {
                c.name: c.mask.kind if c.mask else None for c in access.columns
            }
    return found


def personal(lake: Lake) -> dict[str, set[str]]:
    """Return the columns that are tagged as personal data, by table."""
    tags = lake.lineage.tags
    return {
        t: {c for c, found in columns.items() if "pii" in found} for t, columns in tags.items()
    }


@pytest.mark.parametrize(
    "who", ["ana", "iris", "dan", "ed", "role:analyst", "role:data_scientist"]
)
def test_whoever_works_with_data_sees_every_layer_with_personal_data_masked(
    lake: Lake, who: str
) -> None:
    seen, tagged = views(lake, who), personal(lake)
    assert {name.partition(".")[0] for name in seen} >= set(LAYERS)
    for table, columns in seen.items():
        masked = {name for name, mask in columns.items() if mask is not None}
        assert masked == tagged.get(table, set()) & columns.keys(), table


def test_business_users_see_gold_only_and_no_personal_data(lake: Lake) -> None:
    seen, tagged = views(lake, "bea"), personal(lake)
    assert {name.partition(".")[0] for name in seen} == {"gold"}
    for table, columns in seen.items():
        assert not tagged.get(table, set()) & columns.keys()
        assert set(columns.values()) == {None}
    assert "customer_360" in {name.partition(".")[2] for name in seen}


def test_compliance_reads_everything_as_it_is(lake: Lake) -> None:
    seen = views(lake, "carl")
    heads = lake.catalog.heads()
    assert set(seen) == {str(name) for name in heads}
    assert all(list(seen[str(t)]) == list(h.schema.names) for t, h in heads.items())
    assert {mask for columns in seen.values() for mask in columns.values()} == {None}


def test_the_administrator_reads_nothing_and_strangers_know_of_nothing(lake: Lake) -> None:
    assert views(lake, "lena") == {}
    assert views(lake, "mallory") == {}
    assert views(lake, "role:compliance/ana") == {}


def test_only_data_engineers_write(lake: Lake) -> None:
    authorizer = lake.governance.authorizer()
    writers = {
        who
        for who in ("ana", "dan", "ed", "bea", "carl", "lena")
        for layer in LAYERS
        if authorizer.may(Principal.parse(who), "INSERT", f"{layer}.orders").allowed
    }
    assert writers == {"ed"}


def test_no_value_of_personal_data_is_in_what_an_analyst_gets(lake: Lake) -> None:
    customers = TableName("silver", "customers")
    head = lake.catalog.heads()[customers]
    access = lake.governance.authorizer().access(Principal.parse("ana"), customers, head.schema)
    assert access is not None
    rows = lake.query.sql("select * from silver.customers").to_arrow()
    connection = duckdb.connect()
    connection.register("source", rows)
    shown = connection.sql(access.select_sql("source", head.schema)).to_arrow_table()
    assert shown.num_rows == rows.num_rows
    for name in personal(lake)["silver.customers"] - {"birth_date"}:
        secret = {value for value in rows.column(name).to_pylist() if value}
        assert not secret & set(shown.column(name).to_pylist()), name
    assert {d.month for d in shown.column("birth_date").to_pylist() if d} == {1}


def test_the_commands_tell_what_decides(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ("-C", str(shop))
    told = printed(capsys, "permissions", *where)
    assert told["governed"]
    assert told["administrators"] == ["role:lake_admin"]
    assert {p["name"] for p in told["policies"]} >= {"emails", "no_pii_for_business"}
    one = printed(capsys, "permissions", "silver.customers", "--of", "ana", *where)
    assert {c["name"]: c["mask"] for c in one["columns"]}["email"] == "email_domain"
    assert any("policies/privacy.yml" in line for line in one["why"])
    assert (
        printed(capsys, "permissions", "silver.customers", "--of", "bea", *where)["rows"]
        is None
    )
    people = printed(capsys, "principals", *where)
    assert {"user:iris", "group:insights", "role:analyst"} <= {one["name"] for one in people}


def test_grants_on_the_command_line_count_and_are_audited(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ("-C", str(shop))
    words = (
        "SELECT",
        "silver.orders",
        "--columns",
        "order_id,ship_state",
        "--rows",
        "ship_state = 'CA'",
    )
    printed(capsys, "grant", *words, "--to", "bea", *where)
    one = printed(capsys, "permissions", "silver.orders", "--of", "bea", *where)
    assert [c["name"] for c in one["columns"] if c["visible"]] == ["order_id", "ship_state"]
    assert main(["grant", "SELECT", "silver.*", "--to", "bea", "--as", "ana", *where]) == 2
    printed(capsys, "revoke", *words, "--from", "bea", *where)
    assert (
        printed(capsys, "permissions", "silver.orders", "--of", "bea", *where)["rows"] is None
    )
    entries = printed(capsys, "audit", *where)
    kinds = [one["kind"] for one in entries]
    assert kinds[:3] == ["revoke", "denial", "grant"]
    (denied,) = printed(capsys, "audit", "--principal", "ana", "--kind", "denial", *where)
    assert denied["principal"] == "user:ana"
    owners = printed(capsys, "audit", "--principal", "operator", "--kind", "revoke", *where)
    assert len(owners) == 1
    assert main(["audit", "--principal", "zoë", *where]) == 2
    assert printed(capsys, "audit", "--verify", *where)["sound"]
    head = printed(capsys, "audit", "--verify", *where)["head"]
    assert printed(capsys, "audit", "--verify", "--expect", head, *where)["heads_compared"] == 2
    assert main(["audit", "--verify", "--expect", "99:" + "0" * 64, *where]) == 1
    (granted,) = printed(capsys, "audit", "--kind", "grant", *where)
    assert granted["detail"]["where"] == "ship_state = 'CA'"
    assert "rows" not in granted["detail"]["resource"]
    assert printed(capsys, "audit", "--kind", "retention", *where) == []
    assert main(["audit", "--kind", "grants", *where]) == 2
    told = capsys.readouterr().err
    assert "no kind of entry 'grants'" in told
    assert "did you mean grant? there are change, denial, erasure, export, grant," in told
    assert main(["audit", "--verify", "--expect", "nonsense", *where]) == 2


@pytest.mark.parametrize("who", ["ana", ""])
def test_an_answer_that_is_written_to_a_file_is_audited_with_its_tables(
    shop: Path, tmp_path: Path, who: str
) -> None:
    out = str(tmp_path / "orders.csv")
    as_who = ["--as", who] if who else []
    sql = "select order_id from silver.orders limit 3"
    assert main(["query", sql, "--output", out, "-C", str(shop), *as_who]) == 0
    with Lake.open(shop) as lake:
        (entry,) = lake.governance.audit_entries(kind="export", limit=1)
        (asked,) = lake.governance.audit_entries(kind="query", limit=1)
    assert entry.principal == (f"user:{who}" if who else "operator")
    told = {key: entry.body[key] for key in ("file", "tables", "rows", "query_id")}
    assert told == {"file": out, "tables": ["silver.orders"], "rows": 3,
                    "query_id": asked.body["query_id"]}  # fmt: skip


def test_grants_in_sql_are_made_in_the_callers_name(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    count = "select count(order_status) as n from silver.orders"
    ask = ("query", "-C", str(shop))
    assert main([*ask, count, "--as", "bea"]) == 2
    grant = "GRANT SELECT (order_status) ON silver.orders TO bea"
    capsys.readouterr()
    assert main([*ask, grant, "--as", "ana"]) == 2
    assert "user:ana may not grant or revoke SELECT" in capsys.readouterr().err
    assert main([*ask, grant]) == 0
    assert capsys.readouterr().out == "done\n"
    assert printed(capsys, *ask, count, "--as", "bea")[0]["n"] > 0
    assert (
        printed(capsys, *ask, grant.replace("GRANT", "REVOKE").replace(" TO ", " FROM ")) == []
    )
    assert main([*ask, count, "--as", "bea"]) == 2
    for chosen in ("csv", "jsonl", "table"):
        revoked = "revoke select on silver.orders from bea"
        assert main([*ask, revoked, "--format", chosen]) == 2
        assert "was not granted" in capsys.readouterr().err
        assert main([*ask, grant, "--format", chosen, "--output", str(shop / "out")]) == 0
        assert main([*ask, "revoke select (order_status) on silver.orders from bea"]) == 0


def test_a_named_query_is_asked_under_its_callers_permissions(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at = ("-C", str(shop))
    sql = "select count(*) as n from silver.orders where order_status = ? and order_amount > ?"
    assert main(["queries", "save", "by_status", sql, "--description", "x", *at]) == 0
    (kept,) = printed(capsys, "queries", "list", *at)
    assert (kept["name"], kept["sql"], kept["description"]) == ("by_status", sql, "x")
    asked = ("queries", "run", "by_status", "--value", "completed", "--value", "1.5", *at)
    assert printed(capsys, *asked)[0]["n"] > 0
    assert printed(capsys, *asked, "--as", "ana")[0]["n"] > 0
    for wrong, said in (
        ([*asked, "--as", "bea"], "no named query"),
        (["queries", "run", "by_status", *at], "a place for a value"),
        (["queries", "run", "by_status", "--value", "a", "--set", "b=1", *at], "either"),
        (["queries", "run", "by_statu", *at], "did you mean by_status?"),
        (["queries", "save", "wrong", "select * from silver.order", *at], "silver.orders"),
        (["queries", "save", "Wrong", "select 1", *at], "cannot name"),
        (["queries", "save", "wrong", "drop table silver.orders", *at], "silver.orders"),
    ):
        capsys.readouterr()
        assert main(wrong) == 2, wrong
        assert said in capsys.readouterr().err
    assert main(["queries", "show", "by_status", *at]) == 0
    assert capsys.readouterr().out.strip() == sql
    assert main(["queries", "drop", "by_status", *at]) == 0
    assert printed(capsys, "queries", "list", *at) == []


def test_all_personal_data_of_the_shop_is_found_and_nothing_else(
    lake: Lake, shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = printed(capsys, "classify", "-C", str(shop))
    tagged = personal(lake)
    right = [one for one in found if one["column"] in tagged.get(one["table"], ())]
    wanted = {
        (table, column)
        for table, columns in tagged.items()
        if table.partition(".")[0] in LAYERS
        for column in columns
        # The acquirer masks card numbers before they arrive; conversations hold no addresses;
        # what did not fit the schema is not looked at.
        if column not in ("card_number", "messages", "_rescued")
    }
    hit = {(one["table"], one["column"]) for one in right}
    print(
        f"precision {len(right) / len(found):.3f}, recall {len(hit & wanted) / len(wanted):.3f}"
    )
    assert len(right) == len(found)
    assert wanted <= hit


def test_suggestions_are_written_to_the_catalog_where_nothing_is_tagged(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ("-C", str(shop))
    source = shop / "sources" / "customers.yml"
    text = source.read_text()
    source.write_text(text.replace("  phone: {tags: {pii: phone}}\n", ""))
    try:
        printed(capsys, "classify", "bronze.customers", "--apply", *where)
        with Lake.open(shop) as lake:
            assert views(lake, "ana")["bronze.customers"]["phone"] == "last4"
        printed(capsys, "tag", "bronze.customers.phone", "pii=", *where)
    finally:
        source.write_text(text)
