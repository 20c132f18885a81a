"""`lake check` on real folders: all that is wrong, in one go, before anything is run."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from lakeworks.lake import Lake
from lakeworks.project.errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lakeworks.project.errors import Mistake


def mistakes(root: Path) -> tuple[Mistake, ...]:
    try:
        Lake.check(root)
    except ProjectError as error:
        return error.mistakes
    return ()


def places(root: Path) -> list[tuple[str, str]]:
    return [(str(mistake.at), mistake.code) for mistake in mistakes(root)]


def change(root: Path, file: str, old: str, new: str) -> None:
    path = root / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


ORDER = {"order_id": "o1", "customer_id": "c1", "amount": 1.5, "updated_at": "2026-01-01"}


def test_before_the_first_run_columns_come_from_the_files(
    orders_project: Path, arrive: Callable[..., Path]
) -> None:
    arrive("a.json", ORDER)
    assert mistakes(orders_project) == ()

    change(orders_project, "models/silver/orders.sql", "  customer_id,", "  custmer_id,")

    (found,) = mistakes(orders_project)
    assert str(found.at) == "models/silver/orders.sql:11"
    assert 'did you mean "customer_id"' in found.hint
    assert "bronze.orders has no data yet" in found.hint
    assert not (orders_project / ".lake" / "tables").exists()


def test_without_files_nothing_is_said_of_columns(orders_project: Path) -> None:
    change(orders_project, "models/silver/orders.sql", "  customer_id,", "  custmer_id,")
    assert mistakes(orders_project) == ()
    (orders_project / "landing" / "orders").rmdir()
    assert mistakes(orders_project) == ()


def test_archives_and_files_that_cannot_be_read_tell_nothing_of_columns(
    orders_project: Path, arrive: Callable[..., Path]
) -> None:
    change(orders_project, "models/silver/orders.sql", "  customer_id,", "  custmer_id,")
    with zipfile.ZipFile(arrive("a.zip"), "w") as archive:
        archive.writestr("a.json", json.dumps(ORDER))
    arrive("b.json.gz").write_bytes(gzip.compress(b"{}")[:8] + b"torn")
    arrive("c.json", "", "not JSON")
    arrive("empty.json")
    assert mistakes(orders_project) == ()


def test_a_field_that_only_the_last_of_many_files_holds_is_known(
    orders_project: Path, arrive: Callable[..., Path]
) -> None:
    for number in range(40):
        arrive(f"{number:02d}.json", ORDER)
    arrive("40.json", ORDER | {"coupon": "X"})
    change(
        orders_project, "models/silver/orders.sql", "  customer_id,", "  customer_id, coupon,"
    )
    assert mistakes(orders_project) == ()


def csv(folder: Path) -> None:
    (folder / "a.csv").write_text("order_id;customer_id;amount;updated_at\n1;c;2;2026-01-01\n")


def parquet(folder: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist([ORDER]), folder / "a.parquet")


def array(folder: Path) -> None:
    (folder / "a.json").write_text(json.dumps([ORDER], indent=1))


@pytest.mark.parametrize("write", [csv, parquet, array])
def test_every_format_tells_its_columns(
    orders_project: Path, write: Callable[[Path], None]
) -> None:
    write(orders_project / "landing" / "orders")
    change(orders_project, "sources/orders.yml", "format: json\n", "")
    assert mistakes(orders_project) == ()
    change(orders_project, "models/silver/orders.sql", "  customer_id,", "  custmer_id,")
    assert places(orders_project) == [("models/silver/orders.sql:11", "LW401")]


def test_a_log_tells_its_columns(orders_project: Path) -> None:
    line = '1.2.3.4 - - [10/Oct/2026:13:55:36 +0000] "GET / HTTP/1.1" 200 2326'
    (orders_project / "landing" / "orders" / "access.log").write_text(line + "\n")
    for path in (orders_project / "models").rglob("*.sql"):
        path.unlink()
    change(orders_project, "sources/orders.yml", "json", "log")
    model = orders_project / "models" / "silver" / "hits.sql"
    model.write_text("select host, status + 1 as next, _source_file from bronze.orders\n")
    assert mistakes(orders_project) == ()
    model.write_text("select hst from bronze.orders\n")
    assert places(orders_project) == [("models/silver/hits.sql:1", "LW401")]


def test_mistakes_of_files_rules_and_columns_are_told_together(
    orders_project: Path, arrive: Callable[..., Path]
) -> None:
    arrive("a.json", ORDER)
    change(orders_project, "lake.yml", "name: tiny\n", "name: tiny\npublsh: run\n")
    change(orders_project, "models/silver/orders.sql", "IsComplete", "IsComplet")
    change(orders_project, "models/silver/orders.sql", "latest_by", "latestby")
    change(orders_project, "models/silver/orders.sql", "  customer_id,", "  custmer_id,")
    change(orders_project, "models/silver/events.sql", "_source_file", "_sourc_file")
    change(orders_project, "models/silver/orders_history.sql", "[order_id]", "[ordr_id]")
    change(orders_project, "models/gold/customers.sql", "from silver", "from slver")
    (orders_project / "models/gold/a.sql").write_text("select * from gold.b\n")
    (orders_project / "models/gold/b.sql").write_text("select * from gold.a\n")
    (orders_project / "models/gold/torn.sql").write_text("select (1 from silver.events\n")
    (orders_project / "models/gold/of_torn.sql").write_text("select anything from gold.torn\n")

    assert places(orders_project) == [
        ("lake.yml:2", "LW111"),
        ("models/gold/a.sql:1", "LW123"),
        ("models/gold/customers.sql:3", "LW122"),
        ("models/gold/torn.sql:1", "LW120"),
        ("models/silver/events.sql:4", "LW401"),
        ("models/silver/orders.sql:4", "LW111"),
        ("models/silver/orders.sql:7", "LW501"),
        ("models/silver/orders.sql:11", "LW401"),
        ("models/silver/orders_history.sql:1", "LW710"),
    ]


def test_a_broken_header_makes_no_false_alarm_in_what_reads_its_table(
    orders_project: Path, arrive: Callable[..., Path]
) -> None:
    """A misspelt `load: scd2` leaves a table without valid_from: nobody can know yet."""
    arrive("a.json", ORDER)
    change(orders_project, "models/silver/orders_history.sql", "load: scd2", "load: scd3")
    (orders_project / "models/gold/since.sql").write_text(
        "select order_id, valid_from from silver.orders_history\n"
    )
    assert places(orders_project) == [("models/silver/orders_history.sql:2", "LW112")]


def test_without_an_environment_rules_are_examined_all_the_same(orders_project: Path) -> None:
    change(orders_project, "lake.yml", "name: tiny\n", "name: tiny\nenvironments: {dev: 1}\n")
    change(orders_project, "models/silver/orders.sql", "IsComplete", "IsComplet")
    assert [code for _, code in places(orders_project)] == ["LW112", "LW501"]


def test_a_mistake_keeps_lake_from_being_opened(orders_project: Path) -> None:
    change(orders_project, "lake.yml", "name: tiny\n", "name: tiny\npublsh: run\n")
    with pytest.raises(ProjectError, match="publish"):
        Lake.open(orders_project)


def test_python_models_are_examined_like_others(
    orders_project: Path, arrive: Callable[..., Path]
) -> None:
    arrive("a.json", ORDER)
    text = """
import narwhals as nw
from lakeworks import model

@model("gold.big", inputs={"orders": "silver.orders"}, kay=1)
def big(orders):
    return orders
"""
    path = orders_project / "models" / "gold" / "big.py"
    path.write_text(text)
    assert [code for _, code in places(orders_project)] == ["LW130"]
    path.write_text(
        text.replace("kay=1", "load='replac', quality='Rules = [ IsComplet \"a\" ]'").replace(
            "return orders", "return orders.select('nothing')"
        )
    )
    assert {code for _, code in places(orders_project)} == {"LW112", "LW501", "LW703"}


def test_every_missing_column_of_a_query_is_told(
    orders_project: Path, arrive: Callable[..., Path]
) -> None:
    arrive("a.json", ORDER)
    (orders_project / "models/gold/joined.sql").write_text(
        "with paid as (select order_id, amont from silver.orders)\n"
        "select o.order_id,\n"
        "  o.custmer_id,\n"
        "  upper(h.valid_fro) as since,\n"
        "  h.valid_fro || '' as again,\n"
        "  lower(nme) as name\n"
        "from silver.orders o join silver.orders_history h on h.ordr_id = o.order_id\n"
        "join paid on paid.order_id = o.order_id\n"
    )
    found = mistakes(orders_project)
    told = {str(m.at): m.problem for m in found}
    assert {place: problem.split('"')[-2] for place, problem in told.items()} == {
        "models/gold/joined.sql:1": "amont",
        "models/gold/joined.sql:3": "custmer_id",
        "models/gold/joined.sql:4": "valid_fro",
        "models/gold/joined.sql:6": "nme",
        "models/gold/joined.sql:7": "ordr_id",
    }


def arrive_in_part(root: Path) -> None:
    """A file so large that only parts of it are looked at; `coupon` is in none of those."""
    rows = [json.dumps(ORDER | {"note": "x" * 200})] * 6_000
    rows[2_000] = json.dumps(ORDER | {"coupon": "X", "address": {"zip": "1"}})
    rows[-1] = json.dumps(ORDER | {"address": {"street": "s"}})
    (root / "landing/orders/a.json").write_text("\n".join(rows) + "\n")


def checked(root: Path) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Return mistakes and warnings as `lake check --json` prints them."""
    done = subprocess.run(
        [sys.executable, "-m", "lakeworks", "check", "-C", str(root), "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    told = json.loads(done.stdout)
    assert done.returncode == (2 if told["mistakes"] else 0), done.stderr
    return told["mistakes"], told["warnings"]


def test_a_column_that_files_may_bring_where_nobody_looked_is_a_warning(
    orders_project: Path,
) -> None:
    arrive_in_part(orders_project)
    change(
        orders_project,
        "models/silver/events.sql",
        "select order_id,",
        "select order_id,\n  coupon,\n  address.zip,",
    )
    found, doubts = checked(orders_project)
    assert found == []
    assert [(d["file"], d["line"]) for d in doubts] == [("models/silver/events.sql", 5)]
    assert "coupon" in str(doubts[0]["problem"])
    assert "looked at only in part" in str(doubts[0]["hint"])
    with Lake.open(orders_project) as lake:
        assert not lake.pipeline.plan().mistakes
        assert lake.pipeline.run().status == "succeeded"
    assert checked(orders_project) == ([], [])


def test_a_field_of_a_struct_may_be_where_nobody_looked_too(orders_project: Path) -> None:
    arrive_in_part(orders_project)
    change(
        orders_project, "models/silver/events.sql", "order_id,", "order_id, address.zip as zip,"
    )
    found, doubts = checked(orders_project)
    assert (found, len(doubts)) == ([], 1)


def test_a_column_that_no_source_can_bring_stays_a_mistake(orders_project: Path) -> None:
    arrive_in_part(orders_project)
    (orders_project / "models/gold/typo.sql").write_text(
        "select o.order_id, e.order_di from silver.events e join bronze.orders o on true\n"
    )
    found, doubts = checked(orders_project)
    assert [d["file"] for d in found] == ["models/gold/typo.sql"]
    assert "did you mean order_id" in str(found[0]["hint"])
    assert doubts == []


def test_what_a_star_passes_on_may_be_where_nobody_looked(orders_project: Path) -> None:
    arrive_in_part(orders_project)
    (orders_project / "models/silver/all.sql").write_text("select * from bronze.orders\n")
    (orders_project / "models/gold/coupons.sql").write_text("select coupon from silver.all\n")
    found, doubts = checked(orders_project)
    assert (found, len(doubts)) == ([], 1)


def test_python_models_are_given_the_same_doubt(orders_project: Path) -> None:
    arrive_in_part(orders_project)
    (orders_project / "models/silver/coupons.py").write_text(
        "from lakeworks import model\n\n"
        '@model("silver.coupons", inputs={"orders": "bronze.orders"}, load="replace")\n'
        "def coupons(orders):\n"
        '    return orders.select("coupon")\n'
    )
    found, doubts = checked(orders_project)
    assert (found, len(doubts)) == ([], 1)


def test_with_a_source_that_takes_no_new_columns_a_missing_one_is_a_mistake(
    orders_project: Path,
) -> None:
    arrive_in_part(orders_project)
    change(orders_project, "sources/orders.yml", "format: json\n", "schema: rescue\n")
    change(orders_project, "models/silver/events.sql", "order_id,", "order_id, coupon,")
    found, doubts = checked(orders_project)
    assert (len(found), doubts) == (1, [])


def test_a_table_whose_files_were_all_set_aside_says_nothing_of_columns(
    orders_project: Path,
) -> None:
    change(orders_project, "sources/orders.yml", "format: json\n", "")
    (orders_project / "landing/orders/words").write_text("words\n")
    with Lake.open(orders_project) as lake:
        lake.pipeline.run("bronze.orders")
    assert checked(orders_project) == ([], [])
