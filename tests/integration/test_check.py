"""`lake check` on real folders: all that is wrong, in one go, before anything is run."""

from __future__ import annotations

import gzip
import json
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
