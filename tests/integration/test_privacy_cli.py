"""`lake erase` and `lake subject export`: what they print, whom they obey, how they end."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from privacy_shop import SUBJECT, arrive, make_project, names_of, write

from lakeworks import Lake
from lakeworks.cli.main import main
from lakeworks.privacy.errors import ErasureRefusedError, ExportFolderError, SubjectError

if TYPE_CHECKING:
    from pathlib import Path

ROLES = """\
administrators: [user:root, user:half]
users: {root: {}, half: {}, ana: {}, bo: {}}
grants:
  - {to: user:root, permissions: [ERASE], on: catalog}
  - {to: user:bo, permissions: [ERASE], on: catalog}
  - {to: user:ana, permissions: [SELECT], on: silver.orders}
  - {to: user:ana, permissions: [SELECT], on: bronze.orders, columns: [order_id, amount]}
  - {to: user:ana, permissions: [SELECT], on: quarantine.silver_orders}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = make_project(tmp_path / "shop")
    write(made / "policies/roles.yml", ROLES)
    with Lake.open(made) as lake:
        lake.pipeline.run()
        arrive(made, 2)
        lake.pipeline.run()
    return made


def told(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_nothing_is_erased_without_a_yes(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["erase", "--subject", "customer=C-17", "-C", str(root)]) == 2
    assert "cannot be undone" in capsys.readouterr().err
    with Lake.open(root) as lake:
        assert lake.privacy.erasures() == []
        assert names_of(lake, SUBJECT)


def test_an_erasure_is_told_listed_and_shown_again(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["erase", "--subject", "customer=C-17", "--dry-run", "-C", str(root)]) == 0
    assert "nothing was changed" in capsys.readouterr().out
    command = ["erase", "--subject", "customer=C-17", "--yes", "--reason", "by letter"]
    assert main([*command, "-C", str(root), "--json"]) == 0
    report = told(capsys)
    assert report["state"] == "done"
    assert report["identified_by"] == ["customer"]
    assert SUBJECT not in json.dumps(report)
    assert main(["erase", "list", "-C", str(root), "--json"]) == 0
    (listed,) = told(capsys)
    assert (listed["state"], listed["reason"]) == ("done", "by letter")
    assert "salt" not in listed
    assert main(["erase", "show", report["erasure_id"][:6], "-C", str(root)]) == 0
    shown = capsys.readouterr().out
    assert "nothing is left" in shown
    assert "silver.orders" in shown
    assert main(["erase", "show", "nosuch", "-C", str(root)]) == 2
    assert "LW993" in capsys.readouterr().err


def test_what_is_left_makes_the_command_fail_and_is_named(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = '{"order_id": "O-99", "customer_id": "C-4", "amount": 1, "note": "gift of C-17!"}\n'
    write(root / "arrivals/orders/9.json", line)
    assert main(["run", "-C", str(root), "--json"]) == 0
    capsys.readouterr()
    command = ["erase", "--subject", "customer=C-17", "--yes", "-C", str(root)]
    assert main([*command, "--json"]) == 1
    printed = capsys.readouterr()
    assert "LW992" in printed.err
    left = {place["name"] for place in json.loads(printed.out)["places"] if place["left"]}
    assert left == {"bronze.orders", "silver.orders"}
    assert main([*command, "--mentions", "delete"]) == 0


def test_only_an_administrator_with_the_permission_may_erase(root: Path) -> None:
    with Lake.open(root) as lake:
        for who in ("ana", "bo", "half", "nobody"):
            with pytest.raises(ErasureRefusedError, match="may not erase"):
                lake.privacy.erase("customer=C-17", principal=who)
            with pytest.raises(ErasureRefusedError):
                lake.privacy.erase("customer=C-17", principal=who, dry_run=True)
        assert len(lake.governance.audit_entries(kind="denial")) == 8
        assert lake.privacy.erase("customer=C-17", principal="root").state == "done"
        (entry,) = lake.governance.audit_entries(kind="erasure")
        assert entry.principal == "user:root"


@pytest.mark.parametrize("format_", ["json", "csv", "parquet"])
def test_an_export_has_every_row_and_says_where_each_is_from(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], format_: str
) -> None:
    out = tmp_path / "out"
    command = ["subject", "export", "--subject", "customer=C-17", "--out", str(out)]
    assert main([*command, "--format", format_, "-C", str(root), "--json"]) == 0
    counts = {one["place"]: one["rows"] for one in told(capsys)["files"]}
    assert counts == {
        "bronze.customers": 2,
        "bronze.order_lines": 4,
        "bronze.orders": 4,
        "gold.per_customer": 1,
        "quarantine.bronze_orders": 2,
        "quarantine.silver_orders": 2,
        "silver.customers": 2,
        "silver.lines": 4,
        "silver.orders": 2,
        "landing/bronze.customers": 2,
        "landing/bronze.order_lines": 4,
        "landing/bronze.orders": 6,
    }
    manifest = json.loads((out / "manifest.json").read_text())
    assert {one["file"] for one in manifest["files"]} | {"manifest.json"} == {
        path.name for path in out.iterdir()
    }
    orders = out / f"silver.orders.{format_}"
    if format_ == "parquet":
        assert pq.read_table(orders)["customer"].to_pylist() == ["c-17"] * 2
    else:
        assert orders.read_text().count("c-17") == 2
    with Lake.open(root) as lake:
        (entry,) = lake.governance.audit_entries(kind="export")
        assert entry.body["rows"] == manifest["rows"] == 35
    assert main([*command, "-C", str(root)]) == 2  # the folder is not empty


def test_an_export_under_permissions_has_what_the_principal_may_see(
    root: Path, tmp_path: Path
) -> None:
    with Lake.open(root) as lake:
        done = lake.privacy.export("customer=c-17", tmp_path / "a", principal="ana")
        counts = {one.place: one.rows for one in done.files}
        assert counts == {"silver.orders": 2, "quarantine.silver_orders": 2}
        problems = set()
        # Columns that it does not see are as unknown to it as those that are not there.
        for name in ("customer_id", "email", "nosuch", "bronze.customers.email", "id"):
            with pytest.raises(SubjectError) as error:
                lake.privacy.export(f"{name}=C-17", tmp_path / "b", principal="ana")
            problems.add(str(error.value))
        assert len(problems) == 1
        assert not (tmp_path / "b").exists()


def test_an_export_under_permissions_tells_no_pseudonym(root: Path, tmp_path: Path) -> None:
    with Lake.open(root) as lake:
        made = "create table gold.pseudo as select md5('pepper' || customer) as p from silver.orders"
        lake.query.sql(made).to_arrow()
        lake.governance.grant("user:ana", "SELECT", "gold.pseudo")
        whole = lake.privacy.export("silver.orders.customer=c-17", tmp_path / "a")
        assert "gold.pseudo" in {one.place for one in whole.files}
        hers = lake.privacy.export(
            "silver.orders.customer=c-17", tmp_path / "b", principal="ana"
        )
        assert {one.place for one in hers.files} == {
            "silver.orders",
            "quarantine.silver_orders",
        }
        assert "the lake's owner exports them" in hers.not_searched[0]


def test_an_export_goes_to_a_new_folder_in_a_known_format(root: Path, tmp_path: Path) -> None:
    write(tmp_path / "used/file", "x")
    with Lake.open(root) as lake:
        with pytest.raises(ExportFolderError, match="not empty"):
            lake.privacy.export("customer=C-17", tmp_path / "used")
        with pytest.raises(ExportFolderError, match="xml"):
            lake.privacy.export("customer=C-17", tmp_path / "new", format_="xml")
    assert not (tmp_path / "new").exists()
