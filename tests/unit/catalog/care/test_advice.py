"""Advice is given where it pays, by what queries ask and how the files lie."""

from __future__ import annotations

from typing import Any

from lakeworks.catalog.care.advice import Demand, advise
from lakeworks.catalog.care.layout import Layout
from lakeworks.catalog.query_history import TableRead
from lakeworks.core.names import TableName
from lakeworks.core.types import Field, Scalar, Schema, Struct
from lakeworks.storage.file_layout import Partitions

ORDERS = TableName("silver", "orders")
MIB = 1024 * 1024
SCHEMA = Schema((
    Field("id", Scalar("bigint")), Field("city", Scalar("string")), Field("day", Scalar("date")),
    Field("part", Scalar("string")), Field("nested", Struct((Field("x", Scalar("int")),))),
))  # fmt: skip


def layout(**changed: Any) -> Layout:
    facts: dict[str, Any] = {
        "table": ORDERS, "version": 3, "rows": 10**7, "files": 16, "size_bytes": 512 * MIB,
        "target_file_bytes": 32 * MIB, "files_merged": 16, "small_files": 0, "small_bytes": 0,
        "overlap": {"id": 1.0, "city": 1.0, "day": 0.0625},
    }  # fmt: skip
    return Layout(**{**facts, **changed})


def asked(times: int, *filters: str, bound: int = 512 * MIB, join: tuple[str, ...] = ()) -> Any:
    uses = {"filter": filters, "join": join}
    return TableRead(ORDERS, None, 0, bound * times, bound * times, uses), times


def kinds(found: Layout, *reads: Any, partitioned: tuple[str, ...] = ()) -> dict[str, Any]:
    given = advise(found, SCHEMA, partitioned, Demand.of(reads), local=True)
    return {one.kind: one for one in given}


def test_a_table_in_good_order_needs_nothing() -> None:
    assert kinds(layout(), asked(100, "day")) == {}
    assert kinds(layout()) == {}


def test_many_small_files_are_merged_where_reads_pay_for_it() -> None:
    scattered = layout(files=200, files_merged=17, small_files=190, small_bytes=40 * MIB)
    advice = kinds(scattered, asked(1000))["compact"]
    assert advice.pays
    assert "200 files become 17" in advice.why
    assert advice.command == "lake optimize silver.orders"


def test_a_merge_that_rewrites_much_for_little_is_not_advised() -> None:
    heavy = layout(files=20, files_merged=19, small_files=2, small_bytes=40_000 * MIB)
    assert kinds(heavy) == {}


def test_columns_that_filters_name_and_files_mix_are_sorted_by() -> None:
    advice = kinds(layout(), asked(200, "id"), asked(150, "city"), asked(300, "day"))["zorder"]
    assert advice.columns == ("id", "city")
    assert advice.command == "lake optimize silver.orders --zorder id,city"
    assert advice.gain_usd_month > advice.cost_usd


def test_a_column_that_few_queries_name_is_left_out() -> None:
    assert kinds(layout(), asked(400, "id"), asked(3, "city"))["zorder"].columns == ("id",)


def test_joins_count_for_less_than_filters() -> None:
    both = kinds(layout(), asked(100, "city"), asked(100, join=("id",)))["zorder"]
    assert both.columns[0] == "city"


def test_partition_columns_and_nested_ones_cannot_be_sorted_by() -> None:
    found = kinds(layout(), asked(500, "part", "nested"), partitioned=("part",))
    assert "zorder" not in found


def test_one_file_is_never_sorted() -> None:
    small = layout(files=1, files_merged=1, size_bytes=MIB, target_file_bytes=16 * MIB)
    assert kinds(small, asked(10_000, "id", bound=MIB)) == {}


def test_a_sort_is_advised_once_its_queries_pay_for_it() -> None:
    huge = layout(size_bytes=2 * 1024 * MIB, files=64)
    assert "zorder" not in kinds(huge, asked(1, "id", bound=100 * MIB))
    assert "zorder" in kinds(huge, asked(1, "id", bound=2 * 1024 * MIB))


def test_many_tiny_partitions_are_too_many() -> None:
    tiny = layout(partitions=Partitions(400, 2 * MIB, MIB, 2.0))
    advice = kinds(tiny, partitioned=("part",))["partition"]
    assert "400 partitions" in advice.why
    assert advice.command == ""
    even = layout(partitions=Partitions(12, 90 * MIB, 40 * MIB, 2.0))
    assert "partition" not in kinds(even, partitioned=("part",))


def test_a_large_table_that_is_asked_by_date_could_be_divided_by_it() -> None:
    large = layout(size_bytes=4 * 1024 * MIB)
    advice = kinds(large, asked(10, "day", bound=4 * 1024 * MIB))["partition"]
    assert advice.columns == ("day",)
    assert "partition" not in kinds(
        large, asked(1, "day"), asked(9, "id", bound=4 * 1024 * MIB)
    )


def test_what_gains_most_comes_first() -> None:
    both = layout(files=200, files_merged=17, small_files=190, small_bytes=40 * MIB)
    given = advise(both, SCHEMA, (), Demand.of([asked(1000, "id")]), local=False)
    gains = [one.gain_usd_month for one in given]
    assert gains == sorted(gains, reverse=True)
    assert len(gains) >= 2
