"""`policies/*.yml`: what they mean, and mistakes with the file and line they stand on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lakeworks.core.names import TableName
from lakeworks.core.types import Field, Schema, parse_type
from lakeworks.governance.checking import policy_mistakes
from lakeworks.governance.declared import examine_policies, policy_set
from lakeworks.governance.principals import Directory
from lakeworks.governance.resources import Resource
from lakeworks.project.errors import ProjectError
from lakeworks.project.loader import load_project

if TYPE_CHECKING:
    from pathlib import Path

    from lakeworks.project.declaration import Project

PEOPLE = """\
administrators: role:admin
users: {ana: {tags: {country: DE}}}
groups: {bi: [ben]}
roles:
  admin: [lena]
  analyst: {description: Reads., members: [ana, group:bi]}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "sources").mkdir()
    (tmp_path / "policies").mkdir()
    (tmp_path / "lake.yml").write_text("name: shop\n")
    (tmp_path / "sources" / "orders.yml").write_text(
        "table: bronze.orders\npath: landing\ncolumns: {email: {tags: {pii: email}}}\n"
    )
    (tmp_path / "policies" / "people.yml").write_text(PEOPLE)
    return tmp_path


def loaded(project: Path, text: str) -> Project:
    (project / "policies" / "rules.yml").write_text(text)
    return load_project(project)


def mistakes(project: Path, text: str) -> list[tuple[int, str]]:
    """Return the lines and codes of the mistakes in a second file."""
    try:
        found = examine_policies(loaded(project, text))[1]
    except ProjectError as error:
        found = list(error.mistakes)
    assert all(one.at.file == "policies/rules.yml" for one in found)
    return [(one.at.line, one.code) for one in found]


def test_everything_that_can_be_declared(project: Path) -> None:
    found = policy_set(
        loaded(
            project,
            """\
lf_tags: {level: [open, secret], pii: [email]}
tagged: {bronze: {level: open}, bronze.orders.Email: {level: Secret}}
filters:
  german: {table: bronze.orders, rows: "country = 'DE'", except: [email]}
grants:
  - {to: [role:analyst, group:bi], permissions: [SELECT, describe], on: [bronze.*, silver]}
  - {to: everyone, permissions: SELECT, on: bronze.orders, columns: [id], grant_option: true}
  - {to: ana, permissions: SELECT, on: bronze.orders, filter: german}
  - {to: "tag:team=x", permissions: Super, tagged: {level: [open], pii: email}}
  - {to: account:123456789012, permissions: CREATE_TABLE, tagged: {level: open}, of: databases}
policies:
  a: {columns: {pii: "*"}, mask: "null", except: role:admin}
  b: {columns: [email], on: bronze.orders, mask: {sql: "left(value, 1)"}}
  c: {rows: country = session_tag('country'), tables: {level: open}, to: group:bi}
  d: {columns: email, hide: true}
hybrid: [{on: bronze.orders, opted_in: role:analyst}]
declassify: bronze.orders.email.pii
""".replace("silver]}", "silver.*]}"),
        )
    )
    assert found.administrators == {"role:admin"}
    assert found.directory.identities is not None
    assert [g.at for g in found.grants][:1] == ["policies/rules.yml:6"]
    assert found.grants[0].permissions == {"SELECT", "DESCRIBE"}
    assert [g.principal for g in found.grants[:4]] == [
        "role:analyst", "group:bi", "role:analyst", "group:bi",
    ]  # fmt: skip
    assert found.grants[4].grantable == {"SELECT"}
    assert found.grants[5].resource.cells == "german"
    assert found.grants[6].permissions == {"ALL"}
    assert found.grants[6].resource.tags == (("level", ("open",)), ("pii", ("email",)))
    assert found.assigned["bronze.orders.email"] == {"level": "secret"}
    assert [p.name for p in found.policies] == ["a", "b", "c", "d"]
    assert found.policies[1].mask is not None
    assert found.policies[1].mask.expression == "left(value, 1)"
    assert found.hybrid[0].opted_in == {"role:analyst"}
    assert found.filters["german"].excluded == ("email",)


def test_a_project_without_policies_governs_nothing(project: Path) -> None:
    (project / "policies" / "people.yml").unlink()
    assert not policy_set(load_project(project)).governs


def test_an_empty_file_of_policies_governs_all_the_same(project: Path) -> None:
    (project / "policies" / "people.yml").write_text("")
    found = policy_set(load_project(project))
    assert found.governs


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("grant: []\n", [(1, "LW111")]),
        (
            "grants:\n  - to: ana\n    permissions: SELECT\n    on: bronze.*\n    oops: 1\n",
            [(5, "LW111")],
        ),
        ("grants: [{to: ana, permissions: SELCT, on: bronze.*}]\n", [(1, "LW552")]),
        ("grants:\n- {to: ana, permissions: SELECT, on: bronze}\n", [(2, "LW552")]),
        ("grants:\n- {to: ana, permissions: SELECT, on: a.b.c}\n", [(2, "LW553")]),
        ("grants:\n- {to: ana, permissions: SELECT}\n", [(2, "LW550")]),
        (
            "grants:\n- to:\n  - role:nobody\n  permissions: SELECT\n  on: bronze.*\n",
            [(3, "LW551")],
        ),
        ("grants:\n- {to: zoe, permissions: SELECT, on: bronze.*}\n", [(2, "LW551")]),
        ("grants:\n- {to: 'a b', permissions: SELECT, on: bronze.*}\n", [(2, "LW551")]),
        (
            "grants:\n- {to: ana, permissions: SELECT, on: bronze.*, rows: x = y}\n",
            [(2, "LW554")],
        ),
        (
            "grants:\n- {to: ana, permissions: INSERT, on: bronze.*, rows: x = 1}\n",
            [(2, "LW552")],
        ),
        (
            "grants:\n- {to: ana, permissions: SELECT, on: bronze.*, filter: none}\n",
            [(2, "LW553")],
        ),
        ("grants:\n- {to: ana, permissions: SELECT, tagged: {pi: x}}\n", [(2, "LW555")]),
        ("lf_tags: {pii: [email]}\ntagged:\n  bronze: {pii: mail}\n", [(3, "LW555")]),
        ("lf_tags: {pii: [email]}\ntagged:\n  bronze: {pi: email}\n", [(3, "LW555")]),
        ("tagged:\n  Bronze orders: {pii: email}\n", [(2, "LW553")]),
        ("roles: {analyst: [x]}\n", [(1, "LW115")]),
        ("roles:\n  r:\n  - group:none\n", [(3, "LW551")]),
        ("roles:\n  r:\n  - role:analyst\n", [(3, "LW551")]),
        ("policies:\n  p: {columns: {pii: email}}\n", [(2, "LW550")]),
        ("policies:\n  p: {mask: redact}\n", [(2, "LW550")]),
        ("policies:\n  p: {columns: {pii: email}, mask: redct}\n", [(2, "LW550")]),
        ("policies:\n  p: {columns: {pii: email}, mask: redact, hide: true}\n", [(2, "LW550")]),
        ("policies:\n  p: {columns: {pii: email}, mask: {sql: now()}}\n", [(2, "LW554")]),
        ("policies:\n  p: {rows: a = b}\n", [(2, "LW554")]),
        ("policies:\n  p:\n    rows: a = 1\n    except: [role:nobody]\n", [(4, "LW551")]),
        ("filters:\n  f: {table: bronze, rows: a = 1}\n", [(2, "LW002")]),
        ("hybrid:\n- {on: '*'}\n", [(2, "LW553")]),
        ("grants: {a: b}\n", [(1, "LW112")]),
    ],
)
def test_a_mistake_is_told_with_its_file_and_line(
    project: Path, text: str, expected: list[tuple[int, str]]
) -> None:
    assert mistakes(project, text) == expected


def test_who_is_declared_is_gathered_once_for_all_grants(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, known = [], Directory.known
    monkeypatch.setattr(Directory, "known", lambda self: asked.append(1) or known(self))
    grant = "  - {to: ana, permissions: SELECT, on: bronze.orders}\n"
    found = policy_set(loaded(project, "grants:\n" + grant * 50))
    assert (len(found.grants), len(asked)) == (50, 1)


def test_whom_nobody_declared_is_told_with_how_to_declare_them(project: Path) -> None:
    text = "grants:\n"
    for who in ("anna", "role:visitor", "zoë"):
        text += f"  - {{to: {who}, permissions: SELECT, on: bronze.orders}}\n"
    anna, visitor, zoe = examine_policies(loaded(project, text))[1]
    assert anna.hint == (
        "did you mean user:ana? Or declare it in policies/*.yml: users: {anna: {}}"
    )
    assert visitor.hint == "declare it in policies/*.yml: roles: {visitor: [its members]}"
    assert zoe.hint.endswith("a name is of letters A to Z, digits and _.@+=,-")


def test_names_and_filters_are_held_to_the_columns_of_their_tables(project: Path) -> None:
    declared = loaded(
        project,
        """\
grants:
  - {to: ana, permissions: SELECT, on: bronze.orders, except: [emial]}
  - {to: ana, permissions: SELECT, on: bronze.orders, rows: id = 'x'}
  - {to: ana, permissions: SELECT, on: bronze.ordres}
  - {to: ana, permissions: SELECT, on: bronze.orders, columns: [id], rows: id = 1}
policies:
  p: {columns: [mail], on: bronze.orders, hide: true}
""",
    )
    schema = Schema((Field("id", parse_type("int")), Field("email", parse_type("string"))))
    found = policy_mistakes(declared, {TableName("bronze", "orders"): schema})
    assert [(one.at.line, one.code) for one in found] == [
        (2, "LW553"), (3, "LW554"), (4, "LW553"), (7, "LW553"),
    ]  # fmt: skip
    assert "email" in found[0].hint
    assert "bronze.orders" in found[2].hint
    assert policy_mistakes(declared, {TableName("bronze", "orders"): None})[0].at.line == 4


def test_resources_are_written_and_read_alike() -> None:
    for resource in (
        Resource("catalog"),
        Resource("table", "silver", "*", excluded=("a", "b")),
        Resource("table", "silver", "x", ("a",), rows="a = 'ä'"),
        Resource("tags", tags=(("k", ("v", "w")),), of="databases"),
        Resource("table", "silver", "x", cells="f"),
    ):
        assert Resource.from_text(resource.as_text()) == resource
