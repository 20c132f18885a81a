"""What lake.yml says about the care of tables is read, and refused where S3 would refuse it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from lakeworks.core.names import TableName
from lakeworks.project.care import CareSettings
from lakeworks.project.loader import examine_project, load_project

if TYPE_CHECKING:
    from pathlib import Path

    from lakeworks.project.declaration import Project

ORDERS = TableName("silver", "orders")
DAILY = TableName("gold", "daily_sales")


def project(folder: Path, text: str) -> Project:
    (folder / "lake.yml").write_text(f"name: shop\n{text}")
    return load_project(folder)


def mistakes(folder: Path, text: str) -> list[str]:
    (folder / "lake.yml").write_text(f"name: shop\n{text}")
    return [str(one) for one in examine_project(folder).mistakes]


def test_without_a_word_a_week_is_kept_and_nothing_moves(tmp_path: Path) -> None:
    found = project(tmp_path, "")
    assert found.care == CareSettings()
    assert found.retention.of(ORDERS) == timedelta(days=7)
    assert found.care.landing_rule(ORDERS) is None


def test_one_age_is_the_lakes(tmp_path: Path) -> None:
    assert project(tmp_path, "retention: 2d").retention.of(ORDERS) == timedelta(days=2)


def test_a_table_before_its_layer_and_none_below_the_lake(tmp_path: Path) -> None:
    text = "retention: {lake: 7 days, gold: 30 days, silver: 1 hour, gold.daily_sales: 1y}"
    kept = project(tmp_path, text).retention
    assert kept.of(ORDERS) == timedelta(days=7)
    assert kept.of(TableName("gold", "x")) == timedelta(days=30)
    assert kept.of(DAILY) == timedelta(days=365)


def test_a_source_and_a_model_say_it_themselves(tmp_path: Path) -> None:
    (tmp_path / "sources").mkdir()
    (tmp_path / "models" / "silver").mkdir(parents=True)
    (tmp_path / "sources" / "a.yml").write_text(
        "table: bronze.a\nfrom: files\npath: in\nretention: 3 weeks\n"
    )
    (tmp_path / "models" / "silver" / "orders.sql").write_text(
        "/* retention: 60d */ select 1 as x from bronze.a"
    )
    kept = project(tmp_path, "retention: {silver.orders: 1 year}").retention
    assert kept.of(TableName("bronze", "a")) == timedelta(days=21)
    assert kept.of(ORDERS) == timedelta(days=60)


def test_rules_are_found_for_the_most_special_place(tmp_path: Path) -> None:
    care = project(
        tmp_path,
        "lifecycle:\n"
        "  landing: {standard_ia: 30d, glacier: 90d, expire: 5 years}\n"
        "  landing/bronze.clicks: {glacier: 0 days}\n"
        "  gold: {intelligent_tiering: 0d}\n"
        "  gold.daily_*: {noncurrent_expire: 9d, abort_uploads: 1d}\n",
    ).care
    rule = care.landing_rule(TableName("bronze", "orders"))
    assert rule is not None
    assert [rule.class_at(days) for days in (0, 29, 30, 89, 90, 9_999)] == [
        "STANDARD", "STANDARD", "STANDARD_IA", "STANDARD_IA", "GLACIER", "GLACIER",
    ]  # fmt: skip
    assert rule.expire_days == 1825
    clicks = care.landing_rule(TableName("bronze", "clicks"))
    assert clicks is not None
    assert clicks.class_at(0) == "GLACIER"
    daily, other = care.table_rule(DAILY), care.table_rule(TableName("gold", "x"))
    assert daily is not None
    assert other is not None
    assert (daily.noncurrent_days, daily.abort_upload_days, daily.transitions) == (9, 1, ())
    assert other.transitions == (("INTELLIGENT_TIERING", 0),)


def test_what_was_read_is_the_same_from_the_cache(tmp_path: Path) -> None:
    text = (
        "retention: {gold: 9d}\nquery_history: off\nmaintenance: {budget: 1h, zorder: advised}\n"
        "lifecycle: {landing: {glacier_ir: 3d}}\nprices: {glacier: 0.004}\n"
    )
    first = project(tmp_path, text)
    assert load_project(tmp_path).care == first.care
    assert not first.care.history.recorded
    assert (first.care.zorder, first.care.budget_s) == (True, 3600)
    assert first.care.prices == {"GLACIER": 0.004}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("retention: soon", "'soon' is no age"),
        ("retention: {goold: 3d}", "did you mean gold?"),
        ("query_history: {keeps: 3d}", "did you mean keep?"),
        ("maintenance: {zorder: always}", "is not one of off, advised"),
        ("lifecycle: {landng: {glacier: 3d}}", "did you mean landing?"),
        ("lifecycle: {landing: {glacier: 90 minutes}}", "S3 counts whole days"),
        ("lifecycle: {landing: {standard_ia: 10d}}", "S3 keeps objects 30 days"),
        ("lifecycle: {landing: {standard_ia: 30d, glacier: 40d}}", "write glacier: 60 days"),
        (
            "lifecycle: {landing: {glacier: 5d, standard_ia: 90d}}",
            "from GLACIER to STANDARD_IA",
        ),
        ("lifecycle: {landing: {glacier: 90d, expire: 30d}}", "before they reach GLACIER"),
        ("lifecycle: {landing: {expire: 0d}}", "write expire: 1 day"),
        ("lifecycle: {silver: {expire: 30d}}", "vacuum deletes what no version needs"),
        ("lifecycle: {silver.orders: {glacier: 30d}}", "whether a table still needs a file"),
        ("prices: {GLACER: 1}", "did you mean GLACIER?"),
        ("prices: {GLACIER: cheap}", "prices.GLACIER"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_a_way_out(
    tmp_path: Path, text: str, told: str
) -> None:
    (found, *others) = mistakes(tmp_path, text)
    assert others == []
    assert found.startswith("lake.yml:2")
    assert told in found
