"""Files of `catalogs/`: what they mean, and mistakes in them by line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lakeworks.project.errors import ProjectError
from lakeworks.project.loader import load_project

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """type: postgresql
host: db.example.com
database: shop
user: lake
password: ${CRM_PASSWORD}
databases:
  crm: public
  billing:
tables: {include: ["order_*", customers], exclude: ["*_old"]}
columns: {orders: {total: "decimal(12,2)"}}
"""


def project(root: Path, **files: str) -> Path:
    (root / "lake.yml").write_text("name: shop\n")
    (root / "catalogs").mkdir()
    for name, text in files.items():
        (root / "catalogs" / f"{name}.yml").write_text(text)
    return root


def told(root: Path) -> list[str]:
    with pytest.raises(ProjectError) as raised:
        load_project(root, variables={"CRM_PASSWORD": "hunter2-never-shown"})
    assert "hunter2" not in str(raised.value)
    return [f"{one.at} {one.code} {one.problem}" for one in raised.value.mistakes]


def test_a_catalog_says_where_tables_are_and_which(tmp_path: Path) -> None:
    loaded = load_project(
        project(tmp_path, crm=GOOD), variables={"CRM_PASSWORD": "hunter2-never-shown"}
    )
    catalog = loaded.catalogs["crm"]
    assert dict(catalog.databases) == {"crm": "public", "billing": "public"}
    assert catalog.settings["password"] == "hunter2-never-shown"
    assert catalog.tls == "on"
    assert "hunter2" not in repr(loaded)
    shown = [
        name for name in ("order_items", "order_old", "customers", "x") if catalog.shows(name)
    ]
    assert shown == ["order_items", "customers"]


@pytest.mark.parametrize("password", ["${CRM_PASSWORD}", "hunter2-never-shown"])
def test_a_password_is_not_kept(tmp_path: Path, password: str) -> None:
    root = project(tmp_path, crm=GOOD.replace("${CRM_PASSWORD}", password))
    for _ in range(2):
        load_project(root, variables={"CRM_PASSWORD": "hunter2-never-shown"})
    for path in (root / ".lake").rglob("*"):
        assert not path.is_file() or b"hunter2" not in path.read_bytes()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("type: oracle\n", "catalogs/crm.yml:1 LW112 type: 'oracle' is not one of"),
        ("type: sqlite\ndatabases: {crm: main}\n", "catalogs/crm.yml:1 LW116 a catalog of the type"),
        ("type: sqlite\npath: a.db\nhost: h\ndatabases: {crm: main}\n",
         "catalogs/crm.yml:3 LW116 host is not for a catalog of the type sqlite"),
        ("type: sqlite\npath: a.db\n", "catalogs/crm.yml:1 LW116 databases is missing"),
        ("type: sqlite\npath: a.db\ndatabases: {silver: main}\n",
         "catalogs/crm.yml:3 LW117 the database silver holds the lake's own"),
        ("type: sqlite\npath: a.db\ndatabases: {My-Crm: main}\n",
         "catalogs/crm.yml:3 LW114 'My-Crm' cannot name a database"),
        ("type: sqlite\npath: s3://bucket/a.db\ndatabases: {crm: main}\n",
         "catalogs/crm.yml:2 LW114 path is in a bucket"),
        ("type: sqlite\npath: a.db\ndatabases: {crm: main}\ncolumns: {t: {a: nothing}}\n",
         "catalogs/crm.yml:4 LW112 "),
        ("type: mysql\nhost: h\ntls: maybe\ndatabases: {crm: x}\n",
         "catalogs/crm.yml:3 LW112 tls: 'maybe' is not one of off, on, verify"),
        ("type: mysql\nhost: h\npasword: x\ndatabases: {crm: x}\n",
         "catalogs/crm.yml:3 LW111 unknown key 'pasword'"),
        ("type: mysql\nhost: ${secret:env:H}\ndatabases: {crm: x}\n", "catalogs/crm.yml:2 "),
        ("type: dynamodb\nregion: eu\naccess_key_id: a\ndatabases: {crm: ''}\n",
         "catalogs/crm.yml:1 LW116 access_key_id and secret_access_key go together"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, expected: str) -> None:
    assert any(one.startswith(expected) for one in told(project(tmp_path, crm=text)))


def test_a_database_belongs_to_one_file(tmp_path: Path) -> None:
    sqlite = "type: sqlite\npath: a.db\ndatabases: {crm: main}\n"
    root = project(tmp_path, one=sqlite, two=sqlite)
    (root / "tables").mkdir()
    (root / "tables" / "t.yml").write_text(
        "table: crm.t\nlocation: x\nformat: json\ncolumns: {a: int}\n"
    )
    assert told(root) == [
        "catalogs/two.yml:3 LW115 the database crm is declared twice, first in catalogs/one.yml",
        "tables/t.yml:1 LW117 the database crm is that of catalogs/one.yml",
    ]


def test_models_read_federated_tables_whole(tmp_path: Path) -> None:
    root = project(tmp_path, crm="type: sqlite\npath: a.db\ndatabases: {crm: main}\n")
    (root / "models" / "silver").mkdir(parents=True)
    path = root / "models" / "silver" / "t.sql"
    path.write_text("/*\nload: append\n*/\nselect id from crm.people\n")
    [mistake] = told(root)
    assert "LW124 silver.t has load: append and reads crm.people, a federated table" in mistake
    path.write_text("/*\nload: replace\n*/\nselect id from crm.people\n")
    assert load_project(root).models
