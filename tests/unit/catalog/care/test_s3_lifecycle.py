"""The exported rules are what S3 takes, and never expire what a table may need."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeworks.catalog.care.errors import TooManyRulesError
from lakeworks.catalog.care.s3_lifecycle import bucket_and_prefix, lifecycle_configuration
from lakeworks.core.names import TableName
from lakeworks.project.care import CLASSES, CareSettings, LifecycleRule, care_of, rule_mistakes

ORDERS, CLICKS = TableName("bronze", "orders"), TableName("bronze", "clicks")
DAILY = TableName("gold", "daily")
TABLES = (ORDERS, CLICKS, DAILY)


def settings(*rules: LifecycleRule) -> CareSettings:
    return care_of({
        "lifecycle": [
            {
                "place": one.place, "line": 1, "transitions": one.transitions,
                "expire_days": one.expire_days, "noncurrent_days": one.noncurrent_days,
                "abort_upload_days": one.abort_upload_days,
            }
            for one in rules
        ]
    })  # fmt: skip


def by_prefix(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {rule["Filter"]["Prefix"]: rule for rule in found["Rules"]}


def validated(found: dict[str, Any]) -> None:
    """Hold it to AWS's own description of the request."""
    import botocore.session
    from botocore.validate import ParamValidator

    model = botocore.session.get_session().get_service_model("s3")
    shape = model.operation_model("PutBucketLifecycleConfiguration").input_shape
    request = {"Bucket": "b", "LifecycleConfiguration": found}
    report = ParamValidator().validate(request, shape)
    assert not report.has_errors(), report.generate_report()
    classes = set(model.shape_for("TransitionStorageClass").enum)
    for rule in found["Rules"]:
        assert len(rule["ID"]) <= 255
        assert rule["Status"] in model.shape_for("ExpirationStatus").enum
        assert {step["StorageClass"] for step in rule.get("Transitions", ())} <= classes
    ids = [rule["ID"] for rule in found["Rules"]]
    assert len(set(ids)) == len(ids)


def test_landing_files_move_and_expire_by_their_age() -> None:
    rule = LifecycleRule("landing", 1, (("STANDARD_IA", 30), ("GLACIER", 90)), 400)
    found = lifecycle_configuration(settings(rule), TABLES, prefix="shop/prod")
    validated(found)
    made = by_prefix(found)["shop/prod/landing/"]
    assert made["Transitions"] == [
        {"Days": 30, "StorageClass": "STANDARD_IA"}, {"Days": 90, "StorageClass": "GLACIER"},
    ]  # fmt: skip
    assert made["Expiration"] == {"Days": 400}


def test_of_tables_only_what_is_gone_already_expires() -> None:
    rule = LifecycleRule("gold", 1, (("INTELLIGENT_TIERING", 0),), None, 30, 3)
    made = by_prefix(lifecycle_configuration(settings(rule), TABLES))["tables/gold/"]
    assert "Expiration" not in made
    assert made["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    assert made["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 3}
    assert made["Transitions"] == [{"Days": 0, "StorageClass": "INTELLIGENT_TIERING"}]


def test_an_exception_is_not_reached_by_the_wider_rule() -> None:
    wide = LifecycleRule("landing", 1, (("GLACIER", 30),), 90)
    kept = LifecycleRule("landing/bronze.orders", 2, (("GLACIER", 30),), 3_650)
    found = by_prefix(lifecycle_configuration(settings(wide, kept), TABLES))
    assert "landing/" not in found
    assert found["landing/bronze.orders/"]["Expiration"] == {"Days": 3_650}
    assert found["landing/bronze.clicks/"]["Expiration"] == {"Days": 90}


def test_a_place_with_a_star_covers_tables_that_begin_so() -> None:
    rule = LifecycleRule("gold.dai*", 1, (("INTELLIGENT_TIERING", 0),))
    assert "tables/gold/dai" in by_prefix(lifecycle_configuration(settings(rule), TABLES))


def test_without_rules_only_scratch_and_unfinished_uploads_go() -> None:
    found = lifecycle_configuration(settings(), TABLES)
    validated(found)
    assert set(by_prefix(found)) == {"staging/", ""}
    assert "Expiration" not in by_prefix(found)[""]


def test_more_rules_than_a_bucket_takes_are_refused() -> None:
    tables = [TableName("bronze", f"t{n}") for n in range(1_100)]
    wide = LifecycleRule("landing", 1, (("GLACIER", 30),))
    kept = LifecycleRule("landing/bronze.t7", 2, (("GLACIER", 60),))
    with pytest.raises(TooManyRulesError, match="1,1"):
        lifecycle_configuration(settings(wide, kept), tables)


def test_a_storage_address_is_divided() -> None:
    assert bucket_and_prefix("s3://acme/a/b/") == ("acme", "a/b")
    assert bucket_and_prefix("s3://acme") == ("acme", "")
    assert bucket_and_prefix("/home/me/.lake") == ("", "")


places = st.sampled_from([
    "landing", "landing/bronze.orders", "landing/bronze.*", "bronze", "gold", "gold.daily",
    "quarantine", "bronze.cl*",
])  # fmt: skip
steps = st.dictionaries(st.sampled_from(CLASSES), st.integers(0, 400), max_size=3)
rules = st.builds(
    LifecycleRule,
    places,
    st.just(1),
    steps.map(lambda found: tuple(sorted(found.items(), key=lambda step: step[1]))),
    st.none() | st.integers(1, 900),
    st.none() | st.integers(0, 90),
    st.integers(1, 30),
)


@given(st.lists(rules, max_size=5, unique_by=lambda rule: rule.place))
def test_whatever_is_declared_without_a_mistake_s3_takes_and_each_table_meets_one_rule(
    drawn: list[LifecycleRule],
) -> None:
    sound = [rule for rule in drawn if not list(rule_mistakes(rule))]
    care = settings(*sound)
    found = lifecycle_configuration(care, TABLES)
    validated(found)
    for table in TABLES:
        for place, rule in (
            (f"landing/{table}/2026-01-01/1/f", care.landing_rule(table)),
            (f"tables/{table.database}/{table.table}/f.parquet", care.table_rule(table)),
        ):
            met = [
                made for prefix, made in by_prefix(found).items()
                if prefix and place.startswith(prefix)
            ]  # fmt: skip
            assert len(met) == (rule is not None)
            if rule is not None:
                expires = met[0].get("Expiration", {}).get("Days")
                assert expires == rule.expire_days
                if place.startswith("tables/"):
                    assert expires is None
