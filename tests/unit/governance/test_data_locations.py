"""Data locations have one spelling; what would need interpreting is none."""

from __future__ import annotations

import pytest

from lakeworks.governance import Authorizer, Principal
from lakeworks.governance.data_locations import checked_location, reached, within
from lakeworks.governance.errors import ResourceError
from lakeworks.governance.policy_set import Grant, PolicySet
from lakeworks.governance.principals import Directory
from lakeworks.governance.resources import Resource
from lakeworks.governance.statements import parse_grant

ANA = Principal.parse("ana")


@pytest.mark.parametrize(
    ("written", "location"),
    [
        ("/exports", "/exports"),
        ("/exports/", "/exports"),
        ("/exports/a b/ü", "/exports/a b/ü"),
        ("s3://bucket", "s3://bucket"),
        ("s3://bucket/", "s3://bucket"),
        ("s3://my.bucket-1/a/b/", "s3://my.bucket-1/a/b"),
    ],
)
def test_a_location_has_one_spelling(written: str, location: str) -> None:
    assert checked_location(written) == location


@pytest.mark.parametrize(
    "written",
    [
        "", "/", "exports", "./x", "/a/../b", "/a/./b", "/a//b", "//a", "/a\\b", "/a%2e%2e/b", "/a*",
        "/a?b", "/a#b", "/a\nb", "/a\x00", " /a", "/a ", "~/a", "file:///a", "S3://bucket/a", "s3:/b/a",
        "s3a://bucket/a", "https://bucket/a", "s3://", "s3:///a", "s3://Bucket/a", "s3://b_/a",
        "s3://bucket//a", "s3://bucket/../a", "s3://bucket/a/.", "s3://user:pass@bucket/a",
    ],
)  # fmt: skip
def test_what_would_need_interpreting_is_none(written: str) -> None:
    with pytest.raises(ResourceError):
        checked_location(written)


def test_a_location_holds_what_lies_below_it_by_whole_parts() -> None:
    assert within("/exports/a", "/exports")
    assert within("/exports", "/exports")
    assert not within("/exports2", "/exports")
    assert not within("/Exports/a", "/exports")
    assert not within("/", "/exports")


def granted(*names: str) -> Authorizer:
    grants = tuple(
        Grant(
            "user:ana", frozenset({"DATA_LOCATION_ACCESS"}), Resource.parse(f"location:{name}")
        )
        for name in names
    )
    places = {"exports": "/exports", "team": "s3://bucket/team"}
    return Authorizer(PolicySet(Directory({"ana": {}}), grants=grants, locations=places))


def test_access_is_to_the_locations_that_are_granted_and_really_hold_the_place() -> None:
    authorizer = granted("exports")
    assert reached(authorizer, ANA, "/exports/a")
    assert not reached(authorizer, ANA, "s3://bucket/team/a")
    assert not reached(authorizer, ANA, "/exports/link/a", real="/etc/a")
    assert not reached(authorizer, Principal.parse("bob"), "/exports/a")
    assert not reached(granted(), ANA, "/exports/a")
    # A database of the name is another thing.
    assert not authorizer.may(ANA, "CREATE_TABLE", "exports").allowed
    assert not authorizer.may(ANA, "DESCRIBE", "exports").allowed


def test_sql_grants_on_locations() -> None:
    statement = parse_grant("GRANT DATA_LOCATION_ACCESS ON LOCATION exports TO USER ana")
    assert statement.grants == (
        (Resource("location", "exports"), frozenset({"DATA_LOCATION_ACCESS"})),
    )
    for wrong in ("SELECT ON LOCATION exports", "DATA_LOCATION_ACCESS ON silver.orders"):
        with pytest.raises(Exception, match="cannot be granted"):
            parse_grant(f"GRANT {wrong} TO USER ana")
