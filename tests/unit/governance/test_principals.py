"""Principals: how they are written, and under which names they act."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeworks.governance import Principal
from lakeworks.governance.errors import PrincipalError
from lakeworks.governance.principals import Directory, grantee

NONE: frozenset[str] = frozenset()
PEOPLE = Directory(
    {"ana": {"team": "eu"}},
    {"a": ("group:b", "user:ana"), "b": ("group:a", "user:ben")},
    {"r": ("group:a",)},
)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("ana", "user:ana"), ("user:ana", "user:ana"), ("a.b+c@x-y.de", "user:a.b+c@x-y.de"),
        ("role:r", "role:r"), ("role:r/ana", "role:r/ana"),
        ("role:r/ana?b=2&a=x%20y", "role:r/ana?a=x%20y&b=2"),
        ("ana?team=%3F%26", "user:ana?team=%3F%26"),
        ("account:123456789012", "account:123456789012"),
        ("account:123456789012/role:r", "account:123456789012/role:r"),
    ],
)  # fmt: skip
def test_principals_are_read_and_written_alike(text: str, written: str) -> None:
    principal = Principal.parse(text)
    assert str(principal) == written
    assert Principal.parse(written) == principal
    assert pickle.loads(pickle.dumps(principal)) == principal
    assert principal.kind != "operator"


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "a b", "group:g", "everyone", "user:everyone", "tag:a=b", "user:ana/ben", "role:",
        "role:r/", "role:r/a/b", "account:123", "account:123456789012/group:g", "ana?", "ana?x",
        "ana?x=1&x=2", "ana?x y=1", "root\n", "ana;x", "'ana'", "user:user:ana", "a" * 200,
        "ana?team%3Deu=x",
    ],
)  # fmt: skip
def test_what_names_nobody_is_refused(text: str) -> None:
    with pytest.raises(PrincipalError):
        Principal.parse(text)


@given(st.text(max_size=30))
def test_no_text_makes_the_operator(text: str) -> None:
    try:
        principal = Principal.parse(text)
    except PrincipalError:
        return
    assert principal.kind != "operator"
    assert PEOPLE.identities(principal, NONE) <= {
        str(principal), *(f"{k}:{n}" for k, n in (("role", "r"), ("group", "a"), ("group", "b"))),
        "everyone", "user:ana", "user:ben", "tag:team=eu",
    } | {f"tag:{k}={v}" for k, v in principal.tags}  # fmt: skip


def test_grants_are_made_to_lasting_principals() -> None:
    for text in ("everyone", "group:g", "tag:a=b c", "role:r", "account:123456789012/user:x"):
        assert grantee(text) == text
    assert grantee("ana") == "user:ana"
    for text in ("role:r/ana", "ana?x=1", "group:", "tag:a", "tag:=b", "nothing here"):
        with pytest.raises(PrincipalError):
            grantee(text)


def test_groups_may_be_in_each_other() -> None:
    assert PEOPLE.groups_of("ben") == {"a", "b"}
    assert PEOPLE.identities(Principal.parse("ben"), NONE) == {
        "user:ben", "group:a", "group:b", "role:r", "everyone",
    }  # fmt: skip
    assert PEOPLE.groups_of("zoe") == set()


def test_who_has_a_grant_is_known_and_nobody_else() -> None:
    zoe = Principal.parse("zoe")
    assert PEOPLE.identities(zoe, NONE) == NONE
    assert PEOPLE.identities(zoe, frozenset({"user:zoe"})) == {"user:zoe", "everyone"}
    assert PEOPLE.identities(Principal.parse("role:none"), frozenset({"role:none"})) == NONE
    assert PEOPLE.identities(Principal.operator(), NONE) == NONE


def test_tags_that_are_declared_for_a_user_cannot_be_claimed_otherwise() -> None:
    assert PEOPLE.session_tags(Principal.parse("ana?team=us&x=1")) == {"team": "eu", "x": "1"}
    assert PEOPLE.session_tags(Principal.parse("role:r/ana?team=us")) == {"team": "eu"}
    assert "tag:team=us" not in PEOPLE.identities(Principal.parse("ana?team=us"), NONE)
