"""Names of tables and columns, made of names of folders and fields."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeworks.core.names import TableName, is_identifier
from lakeworks.crawlers.names import column_name, suffixed, table_name


@pytest.mark.parametrize(
    ("place", "prefix", "name"),
    [
        ("/data/Orders", "", "orders"),
        ("s3://bucket/a/year=2017/", "", "year_2017"),
        ("s3://my-bucket", "", "my_bucket"),
        ("/data/a.csv", "", "a_csv"),
        ("/data/2024", "", "_2024"),
        ("/data/2024", "raw_", "raw_2024"),
        ("/data/Größe", "", "gr__e"),
    ],
)
def test_a_table_is_named_after_its_folder(place: str, prefix: str, name: str) -> None:
    assert table_name(place, prefix) == name


def test_a_name_of_nothing_but_other_letters_is_a_digest() -> None:
    assert table_name("/data/データ").startswith("table_")


def test_names_that_clash_get_a_digest_of_their_place() -> None:
    assert suffixed("orders", "/a/orders") != suffixed("orders", "/b/orders")
    assert len(suffixed("x" * 128, "/a")) == 128


@given(st.text(min_size=1))
def test_every_name_is_one_that_the_catalog_takes(text: str) -> None:
    name = table_name(f"/data/{text}")
    assert is_identifier(name)
    assert TableName.parse(f"raw.{name}").table == name


@given(st.text(min_size=1))
def test_every_columns_name_can_be_printed_and_kept(text: str) -> None:
    name = column_name(text)
    assert 0 < len(name) <= 255
    assert name.encode()
    assert "\n" not in name
    assert name == column_name(name)
