"""Costs follow the classes' rules: least sizes, overheads, requests."""

from __future__ import annotations

import pytest

from lakeworks.catalog.care.prices import GB, KB, Amount, Prices

PRICES = Prices()


def test_a_gigabyte_costs_its_price_in_every_class_when_it_is_one_file() -> None:
    one = Amount.of([GB])
    assert PRICES.month("STANDARD", one) == pytest.approx(0.023)
    assert PRICES.month("GLACIER_IR", one) == pytest.approx(0.004)
    assert PRICES.month("DEEP_ARCHIVE", one) == pytest.approx(0.00099, rel=0.01)


def test_small_files_are_billed_as_128_kb_where_the_class_says_so() -> None:
    small = Amount.of([KB] * 1024)
    assert (small.small_files, small.small_bytes) == (1024, 1024 * KB)
    assert PRICES.month("STANDARD_IA", small) == pytest.approx(0.125 * 0.0125)
    assert PRICES.month("STANDARD_IA", small) > PRICES.month("STANDARD", small)


def test_each_archived_file_pays_for_its_index() -> None:
    many = Amount.of([0] * 1_000_000)
    index = 1_000_000 * (32 * KB * 0.0036 + 8 * KB * 0.023) / GB
    assert PRICES.month("GLACIER", many) == pytest.approx(index)


def test_tiering_watches_files_that_are_not_small() -> None:
    mixed = Amount.of([KB] * 1_000 + [200 * KB] * 1_000)
    watched = 1_000 * 0.0025 / 1000
    assert PRICES.month("INTELLIGENT_TIERING", mixed) == pytest.approx(
        PRICES.month("STANDARD", mixed) + watched
    )


def test_reading_and_moving_cost_by_size_and_by_request() -> None:
    files = Amount.of([GB, GB])
    assert PRICES.reading("GLACIER_IR", files) == pytest.approx(0.06 + 2 * 0.01 / 1000)
    assert PRICES.moving("DEEP_ARCHIVE", files) == pytest.approx(2 * 0.05 / 1000)
    assert PRICES.reading("STANDARD", files) == pytest.approx(2 * 0.0004 / 1000)


def test_own_prices_take_the_place_of_ours() -> None:
    assert Prices({"STANDARD": 0.03}).month("STANDARD", Amount.of([GB])) == pytest.approx(0.03)


def test_amounts_add_up() -> None:
    assert Amount.of([1, 2]) + Amount.of([GB]) == Amount.of([1, 2, GB])
