"""Who was erased to stay out is known when a source sends them again, and erased again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from privacy_shop import SUBJECT, make_project, names_of, rows, write

from lakeworks import Lake
from lakeworks.cli.main import main
from lakeworks.privacy.errors import ErasureRefusedError, UnknownErasureError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Lake]:
    root = make_project(tmp_path / "shop")
    with Lake.open(root) as lake:
        lake.pipeline.run()
        yield lake


def send(lake: Lake, name: str, customer: Any, amount: Any = 5) -> None:
    line = {"order_id": f"O-{name}", "customer_id": customer, "amount": amount, "note": ""}
    write(lake.project.root / f"arrivals/orders/{name}.json", json.dumps(line) + "\n")


def test_who_comes_back_is_erased_again_and_nobody_else(shop: Lake) -> None:
    first = shop.privacy.erase("customer=C-17")
    shop.privacy.keep_out(first.erasure_id, "customer=C-17")
    second = shop.privacy.erase("customer=C-2")
    assert shop.privacy.erase_again() == []
    send(shop, "91", " C-17 ")
    send(shop, "92", "C-2")  # was erased, and need not stay out
    shop.pipeline.run()
    (dry,) = shop.privacy.erase_again(dry_run=True)
    assert dry.dry_run
    (report,) = shop.privacy.erase_again()
    assert report.state == "done"
    assert names_of(shop, SUBJECT, "c-17") == []
    assert len(rows(shop, "silver.orders", "customer = 'c-2'")) == 1
    assert shop.privacy.erasures()[0].reason == f"sent again after erasure {first.erasure_id}"
    shop.pipeline.run()
    assert shop.privacy.erase_again() == []
    # Kept is a hash, under one salt for all, and never the value.
    shop.privacy.keep_out(second.erasure_id, ["customer=C-2"])
    kept = [one.report["kept_out"] for one in shop.privacy.erasures() if one.report["kept_out"]]
    assert len({mark["salt"] for marks in kept for mark in marks}) == 1
    assert SUBJECT not in json.dumps(kept)
    assert len(shop.privacy.erase_again()) == 1


def test_rejected_rows_count_and_numbers_do(tmp_path: Path) -> None:
    root = make_project(tmp_path / "shop")
    with Lake.open(root) as lake:
        send(lake, "80", 4711)
        lake.pipeline.run()
        for number in ("4711", "C-17"):
            report = lake.privacy.erase(f"customer={number}")
            lake.privacy.keep_out(report.erasure_id, f"customer={number}")
        send(lake, "81", 4711)
        send(lake, "82", "C-17", amount=0)  # goes to the quarantine of silver.orders
        lake.pipeline.run()
        assert len(lake.privacy.erase_again()) == 2
        assert names_of(lake, SUBJECT, "4711") == []


def test_rows_that_are_no_json_count_and_elements_of_lists_do(tmp_path: Path) -> None:
    root = make_project(tmp_path / "shop")
    write(root / "sources/visits.yml",
          "table: bronze.visits\nfrom: files\npath: arrivals/visits\nformat: csv\n")  # fmt: skip
    write(root / "sources/nested.yml",
          "table: bronze.nested\nfrom: files\npath: arrivals/nested\nformat: json\n")  # fmt: skip
    write(root / "arrivals/visits/1.csv", "customer_id,page\nC-2,a\nC-17,b\n")
    write(root / "arrivals/nested/1.json", '{"n": 1, "all": [{"customer_id": 4711}]}\n')
    with Lake.open(root) as lake:
        lake.pipeline.run()
        for who in ("C-17", "4711"):
            done = lake.privacy.erase(f"customer={who}")
            lake.privacy.keep_out(done.erasure_id, f"customer={who}")
        # A line of another shape is kept as it came; so is one that is no JSON.
        write(root / "arrivals/visits/2.csv", 'customer_id,page\nC-170,a\n"C-17",b,c,d\n')
        write(root / "arrivals/orders/93.json", '{"order_id": "O-93", "customer_id": "C-17"\n')
        write(root / "arrivals/nested/2.json",
              '{"n": 2, "all": [{"customer_id": 8}, {"customer_id": 4711}]}\n')  # fmt: skip
        lake.pipeline.run()
        texts = [row["row"] for row in rows(lake, "quarantine.bronze_visits")]
        assert texts == ['"C-17",b,c,d']
        assert len(lake.privacy.erase_again()) == 2
        assert names_of(lake, SUBJECT) == []
        assert rows(lake, "quarantine.bronze_visits") == []
        (nested,) = rows(lake, "bronze.nested", "n = 2")
        assert nested["all"] == [{"customer_id": 8}]
        assert lake.privacy.erase_again() == []


def test_who_is_admitted_stays(shop: Lake) -> None:
    done = shop.privacy.erase("customer=C-17")
    with pytest.raises(UnknownErasureError, match="not of that subject"):
        shop.privacy.keep_out(done.erasure_id, "customer=C-2")
    shop.privacy.keep_out(done.erasure_id, "customer=C-17")
    send(shop, "91", "C-17")
    shop.pipeline.run()
    shop.privacy.admit(done.erasure_id)
    assert shop.privacy.erase_again() == []
    assert len(rows(shop, "bronze.orders", "customer_id = 'C-17'")) == 1
    for refused in (
        lambda: shop.privacy.erase_again(principal="ana"),
        lambda: shop.privacy.admit(done.erasure_id, principal="ana"),
        lambda: shop.privacy.keep_out(done.erasure_id, "customer=C-17", principal="ana"),
    ):
        with pytest.raises(ErasureRefusedError):
            refused()


def test_the_command_line_keeps_out_tells_and_admits(
    shop: Lake, capsys: pytest.CaptureFixture[str]
) -> None:
    root = str(shop.project.root)
    shop.close()
    command = ["erase", "--subject", "customer=C-17", "--yes", "--keep-out"]
    assert main([*command, "-C", root, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["erasure_id"]
    with Lake.open(root) as lake:
        send(lake, "91", "C-17")
        lake.pipeline.run()
    assert main(["erase", "again", "-C", root]) == 0
    assert "1 person who is to stay out had come back." in capsys.readouterr().out
    assert main(["erase", "list", "-C", root, "--json"]) == 0
    listed = capsys.readouterr().out
    assert [one["kept_out"] for one in json.loads(listed)] == [False, True]
    assert "hash" not in listed.replace("subject_hash", "")
    assert main(["erase", "admit", found, "-C", root]) == 0
    assert main(["erase", "again", "-C", root, "--json"]) == 0
    assert capsys.readouterr().out.endswith("[]\n")
