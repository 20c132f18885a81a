"""Read one file of `catalogs/`: a database elsewhere whose tables the lake shows as its own."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Protocol

from lakeworks.core.errors import LakeError
from lakeworks.core.hive_types import parse_hive_type
from lakeworks.core.names import is_identifier
from lakeworks.project.catalog_declaration import FederatedCatalog
from lakeworks.project.declaration import Location
from lakeworks.project.errors import (
    DECLARED_TWICE,
    INCOMPLETE,
    MISPLACED,
    NAME_REFUSED,
    NOT_IN_THIS_VERSION,
    WRONG_VALUE,
)
from lakeworks.project.external_tables import RESERVED
from lakeworks.project.locations import Refused, resolved
from lakeworks.project.yaml_lines import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from lakeworks.project.catalogs_yaml import CatalogYaml
    from lakeworks.project.declaration import Model
    from lakeworks.project.errors import Mistakes
    from lakeworks.project.external_declaration import ExternalTable
    from lakeworks.project.references import Reference
    from lakeworks.project.yaml_lines import Document


class _Read(Protocol):
    """A file that was read."""

    file: str
    facts: Any


_SERVER = {"host", "port", "user", "password", "tls", "ca"}
_KEYS: dict[str, set[str]] = {
    "postgresql": _SERVER | {"database"},
    "mysql": _SERVER,
    "sqlite": {"path"},
    "dynamodb": {"region", "endpoint_url", "profile", "access_key_id", "secret_access_key",
                 "session_token"},
    "parquet": {"location"},
}  # fmt: skip
_NEEDED = {
    "postgresql": ("host", "database"), "mysql": ("host",), "sqlite": ("path",),
    "dynamodb": ("region",), "parquet": ("location",),
}  # fmt: skip
_PLACED = ("path", "location", "tls")  # fields of their own
SECRET = frozenset({"password", "secret_access_key", "session_token"})
# What stands behind a database of which nothing is said.
_USUAL = {"postgresql": "public", "sqlite": "main", "dynamodb": "", "parquet": ""}
_SAFE_TEXT = "holds a control character"


def read_catalog(
    text: str, file: str, mistakes: Mistakes, *, root: Path, variables: Mapping[str, str]
) -> dict[str, Any] | None:
    """Return the facts of one catalog, plain JSON values; None where there are mistakes."""
    from lakeworks.project.catalogs_yaml import CatalogYaml
    from lakeworks.project.declared_yaml import validated

    before = len(mistakes.found)
    document = read_yaml(text, file, mistakes, variables=variables, secrets_at=_may_be_secret)
    if document is None:
        return None
    document.note_missing(mistakes, lambda _: False)
    declared = validated(CatalogYaml, document, mistakes, needed=frozenset({"type"}))
    if declared is None:
        return None
    facts = _Reading(declared, document, mistakes).facts(PurePosixPath(file).stem, root)
    return facts if len(mistakes.found) == before else None


def catalog_of(facts: Mapping[str, Any], file: str) -> FederatedCatalog:
    """Make a `FederatedCatalog` of what `read_catalog` found."""
    values = dict(facts)
    return FederatedCatalog(
        at=Location(file, values.pop("line")),
        include=tuple(values.pop("include")),
        exclude=tuple(values.pop("exclude")),
        **values,
    )


def catalogs_of(files: Iterable[_Read]) -> dict[str, FederatedCatalog]:
    """Return the catalogs that files declare, by name."""
    return {one.facts["name"]: catalog_of(one.facts, one.file) for one in files}


def outside(references: Iterable[Reference], files: Iterable[_Read]) -> set[str]:
    """Return the tables among those read that lie in a catalog, as far as names tell.

    What tables a catalog has is asked when they are read, and by the check.
    """
    databases = {name for one in files for name in one.facts["databases"]}
    return {one.table for one in references if one.table.partition(".")[0] in databases}


def may_be_kept(text: str, facts: Mapping[str, Any]) -> bool:
    """Whether a catalog's facts may be written to the cache: not when they may hold a secret."""
    return "${" not in text and not SECRET & set(facts["settings"])


def _may_be_secret(path: tuple[str | int, ...]) -> bool:
    return len(path) == 1 and path[0] in {*SECRET, "user", "access_key_id"}


def check_catalogs(
    catalogs: Iterable[FederatedCatalog],
    tables: Iterable[ExternalTable],
    models: Iterable[Model],
    mistakes: Mistakes,
) -> None:
    """Note databases that two declare, and models that need versions of a federated table."""
    owners: dict[str, FederatedCatalog] = {}
    for catalog in catalogs:
        for database in catalog.databases:
            first = owners.setdefault(database, catalog)
            if first is not catalog:
                problem = f"the database {database} is declared twice, first in {first.at.file}"
                at = catalog.line(f"databases.{database}")
                mistakes.add(at, problem, "name one of them otherwise", code=DECLARED_TWICE)
    for table in tables:
        owner = owners.get(table.table.database)
        if owner is not None:
            problem = f"the database {table.table.database} is that of {owner.at.file}"
            hint = "put the external table into another database"
            mistakes.add(table.at, problem, hint, code=MISPLACED)
    for model in models:
        _check_reader(model, owners, mistakes)


def _check_reader(
    model: Model, owners: Mapping[str, FederatedCatalog], mistakes: Mistakes
) -> None:
    read = sorted(str(table) for table in model.inputs if table.database in owners)
    if read and model.load != "replace":
        problem = f"{model.table} has load: {model.load} and reads {read[0]}, a federated table"
        hint = "its rows have no versions that tell what is new: write load: replace"
        mistakes.add(model.at, problem, hint, code=NOT_IN_THIS_VERSION)
    references = model.quality.references if model.quality else {}
    for alias, table in references.items():
        if table.database in owners:
            problem = f"rules of {model.table} look at {table}, a federated table, as {alias}"
            hint = "make a table of it by a model with load: replace, and refer to that"
            mistakes.add(model.at, problem, hint, code=NOT_IN_THIS_VERSION)


class _Reading:
    """One catalog as it was declared, and where its mistakes go."""

    def __init__(self, declared: CatalogYaml, document: Document, mistakes: Mistakes) -> None:
        self.declared = declared
        self.document = document
        self.mistakes = mistakes

    def facts(self, stem: str, root: Path) -> dict[str, Any]:
        """Return what is declared, having noted every mistake in it."""
        declared = self.declared
        self._check_keys()
        self._check_texts()
        return {
            "name": self._name(stem),
            "line": self.document.at("type").line,
            "type": declared.type,
            "databases": self._databases(),
            "path": self._place("path", root),
            "location": self._place("location", root),
            "tls": declared.tls or "on",
            "settings": self._settings(root),
            "include": list(declared.tables.include),
            "exclude": list(declared.tables.exclude),
            "columns": self._columns(),
            "description": declared.description,
            "connect_s": declared.connect_timeout,
            "lines": {
                ".".join(map(str, path)): line for path, line in self.document.lines.items()
            },
        }

    def _name(self, stem: str) -> str:
        name = self.declared.catalog or stem
        if not is_identifier(name):
            hint = "use lower-case letters, digits and underscores"
            at = self.document.at("catalog")
            shown = "the variable's value" if self.document.is_hidden("catalog") else repr(name)
            self.mistakes.add(at, f"{shown} cannot name a catalog", hint, code=NAME_REFUSED)
        return name

    def _check_keys(self) -> None:
        type_ = self.declared.type
        own, others = _KEYS[type_], set().union(*_KEYS.values())
        given = {name for name in others if getattr(self.declared, name) is not None}
        for key in sorted(given - own):
            problem = f"{key} is not for a catalog of the type {type_}"
            hint = f"its keys are {', '.join(sorted(own))}"
            self.mistakes.add(self.document.at(key), problem, hint, code=INCOMPLETE)
        for key in _NEEDED[type_]:
            if not getattr(self.declared, key):
                problem = f"a catalog of the type {type_} needs {key}"
                self.mistakes.add(
                    self.document.at(key), problem, f"write {key}: …", code=INCOMPLETE
                )
        if bool(self.declared.access_key_id) != bool(self.declared.secret_access_key):
            problem = "access_key_id and secret_access_key go together"
            self.mistakes.add(self.document.at(), problem, code=INCOMPLETE)

    def _check_texts(self) -> None:
        for key in sorted(set().union(*_KEYS.values())):
            value = getattr(self.declared, key)
            if isinstance(value, str) and not value.isprintable():
                at = self.document.at(key)
                self.mistakes.add(at, f"{key} {_SAFE_TEXT}", code=WRONG_VALUE)

    def _databases(self) -> dict[str, str]:
        found: dict[str, str] = {}
        if not self.declared.databases:
            problem = (
                "databases is missing: which database of the lake shows which remote schema"
            )
            hint = "write databases: {crm: public}"
            self.mistakes.add(self.document.at("databases"), problem, hint, code=INCOMPLETE)
        for name, schema in self.declared.databases.items():
            at = self.document.at("databases", name)
            if not is_identifier(name):
                hint = "use lower-case letters, digits and underscores"
                self.mistakes.add(
                    at, f"{name!r} cannot name a database", hint, code=NAME_REFUSED
                )
            elif name in RESERVED:
                problem = f"the database {name} holds the lake's own tables only"
                self.mistakes.add(at, problem, "choose another, such as crm", code=MISPLACED)
            found[name] = _USUAL.get(self.declared.type, name) if schema is None else schema
        return found

    def _place(self, key: str, root: Path) -> str:
        written = getattr(self.declared, key)
        if not written:
            return ""
        found = resolved(root, written)
        problem, hint = "", ""
        if isinstance(found, Refused):
            problem, hint = found.problem, found.hint
        elif key == "path" and found.startswith("s3://"):
            problem, hint = "is in a bucket", "SQLite reads files of this machine only"
        if problem:
            at = self.document.at(key)
            self.mistakes.add(at, f"{key} {problem}", hint, code=NAME_REFUSED)
            return ""
        return str(found)

    def _settings(self, root: Path) -> dict[str, Any]:
        names = _KEYS[self.declared.type] - set(_PLACED)
        found = {name: getattr(self.declared, name) for name in sorted(names)}
        if found.get("ca"):
            found["ca"] = str(root / found["ca"])
        return {name: value for name, value in found.items() if value is not None}

    def _columns(self) -> dict[str, dict[str, str]]:
        for table, columns in self.declared.columns.items():
            for column, written in columns.items():
                try:
                    parse_hive_type(written)
                except LakeError as error:
                    at = self.document.at("columns", table, column)
                    self.mistakes.add(at, error.problem, error.hint, code=WRONG_VALUE)
        return self.declared.columns
