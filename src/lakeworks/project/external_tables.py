"""Read one file of `tables/`: files outside the lake that are read as a table where they lie."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lakeworks.core.errors import LakeError
from lakeworks.core.hive_types import parse_hive_type
from lakeworks.core.names import LAYERS, QUARANTINE, TableName
from lakeworks.project.declaration import Location
from lakeworks.project.errors import (
    INCOMPLETE,
    MISPLACED,
    NAME_REFUSED,
    NOT_IN_THIS_VERSION,
    WRONG_VALUE,
)
from lakeworks.project.external_declaration import (
    SELF_DESCRIBING,
    DeclaredColumn,
    ExternalTable,
)
from lakeworks.project.headers import table_or_none
from lakeworks.project.locations import Refused, resolved
from lakeworks.project.yaml_lines import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from lakeworks.project.declaration import Model
    from lakeworks.project.errors import Mistakes
    from lakeworks.project.tables_yaml import ProjectionYaml, TableYaml
    from lakeworks.project.yaml_lines import Document

_PLACE = re.compile(r"\{(\w+)\}")
RESERVED = (*LAYERS, QUARANTINE)
_ANY = frozenset({"null_for_invalid"})
_TEXT = _ANY | {"encoding", "null_text", "skip_lines"}
OPTIONS: dict[str, frozenset[str]] = {
    "csv": _TEXT | {"delimiter", "quote", "escape", "header", "item_delimiter", "key_delimiter"},
    "json": _ANY | {"ignore_malformed", "case_sensitive", "dots_in_keys", "keys", "json_path"},
    "xml": _ANY | {"row_tag", "attribute_prefix", "value_tag"},
    "log": _TEXT | {"pattern", "grok", "grok_patterns"},
    "parquet": frozenset(), "avro": frozenset(), "orc": frozenset(),
}  # fmt: skip
_PROJECTED = {
    "enum": {"values"}, "integer": {"range", "interval", "digits"}, "injected": set(),
    "date": {"range", "format", "interval", "interval_unit"},
}  # fmt: skip
_NEEDED = {
    "enum": {"values"},
    "integer": {"range"},
    "date": {"range", "format"},
    "injected": set(),
}


def read_external_table(
    text: str, file: str, mistakes: Mistakes, *, root: Path, variables: Mapping[str, str]
) -> dict[str, Any] | None:
    """Return the facts of one table, plain JSON values; None where there are mistakes."""
    from lakeworks.project.declared_yaml import validated
    from lakeworks.project.tables_yaml import TableYaml

    before = len(mistakes.found)
    document = read_yaml(text, file, mistakes, variables=variables)
    if document is None:
        return None
    document.note_missing(mistakes, lambda _: False)
    declared = validated(TableYaml, document, mistakes)
    if declared is None:
        return None
    facts = _Reading(declared, document, mistakes).facts(root)
    return facts if len(mistakes.found) == before else None


def external_table_of(facts: Mapping[str, Any], file: str, root: Path) -> ExternalTable:
    """Make an `ExternalTable` of what `read_external_table` found."""
    values = dict(facts)
    return ExternalTable(
        table=TableName.parse(values.pop("table")),
        at=Location(file, values.pop("line")),
        location=_absolute(values.pop("location"), root),
        location_template=_absolute(values.pop("location_template"), root),
        columns=tuple(DeclaredColumn(**one) for one in values.pop("columns")),
        partitions=tuple(DeclaredColumn(**one) for one in values.pop("partitions")),
        **values,
    )


def check_readers(
    models: Iterable[Model], tables: Iterable[ExternalTable], mistakes: Mistakes
) -> None:
    """Note models that read an external table in a way that needs versions of it."""
    external = {one.table for one in tables}
    for model in models:
        read = sorted(str(table) for table in external.intersection(model.inputs))
        if read and model.load != "replace":
            problem = (
                f"{model.table} has load: {model.load} and reads {read[0]}, an external table"
            )
            hint = "its files have no versions that tell what is new: write load: replace"
            mistakes.add(model.at, problem, hint, code=NOT_IN_THIS_VERSION)
        references = model.quality.references if model.quality else {}
        for alias, table in references.items():
            if table in external:
                problem = (
                    f"rules of {model.table} look at {table}, an external table, as {alias}"
                )
                hint = "make a table of it by a model with load: replace, and refer to that"
                mistakes.add(model.at, problem, hint, code=NOT_IN_THIS_VERSION)


def _absolute(location: str, root: Path) -> str:
    return str(root / location) if location and "://" not in location else location


class _Reading:
    """One table as it was declared, and where its mistakes go."""

    def __init__(self, declared: TableYaml, document: Document, mistakes: Mistakes) -> None:
        self.declared = declared
        self.document = document
        self.mistakes = mistakes

    def facts(self, root: Path) -> dict[str, Any]:
        """Return what is declared, having noted every mistake in it."""
        declared = self.declared
        table = self._table()
        location = self._location("location", declared.location, root)
        template = self._template(root)
        self._check_columns()
        self._check_options()
        return {
            "table": str(table) if table else "",
            "line": self.document.at("table").line,
            "location": location,
            "declared_location": declared.location,
            "location_template": template,
            "format": declared.format,
            "columns": self._columns("columns"),
            "partitions": self._columns("partitions"),
            "projection": self._projection(),
            "options": self._options(),
            "description": declared.description,
            "owner": declared.owner,
            "tags": declared.tags,
            "parameters": declared.parameters,
        }

    def _table(self) -> TableName | None:
        at = self.document.at("table")
        table = table_or_none(self.declared.table, at, self.mistakes)
        if table is not None and table.database in RESERVED:
            problem = f"the database {table.database} holds the lake's own tables only"
            hint = f"choose another, such as raw.{table.table}"
            self.mistakes.add(at, problem, hint, code=MISPLACED)
        return table

    def _location(self, key: str, text: str, root: Path) -> str:
        if not text:
            if key == "location":
                self.mistakes.add(self.document.at(key), "location is empty", code=WRONG_VALUE)
            return ""
        found = resolved(root, text)
        if isinstance(found, Refused):
            self.mistakes.add(
                self.document.at(key), f"{key} {found.problem}", found.hint, code=NAME_REFUSED
            )
            return ""
        return found

    def _template(self, root: Path) -> str:
        """Return the template in Athena's spelling: `${name}` is a variable in project files."""
        written = self.declared.location_template or ""
        return _PLACE.sub(r"${\1}", self._location("location_template", written, root))

    def _check_columns(self) -> None:
        declared = self.declared
        if not declared.columns and declared.format not in SELF_DESCRIBING:
            problem = f"columns are missing: {declared.format} files do not say them"
            hint = "write columns: {name: type, …}"
            self.mistakes.add(self.document.at("columns"), problem, hint, code=INCOMPLETE)
        seen: dict[str, str] = {}
        for key, columns in (
            ("columns", declared.columns),
            ("partitions", declared.partitions),
        ):
            for name, column in columns.items():
                at = self.document.at(key, name)
                if name.casefold() in seen:
                    problem = (
                        f"the column {name} is declared twice, first in {seen[name.casefold()]}"
                    )
                    self.mistakes.add(at, problem, code=WRONG_VALUE)
                seen.setdefault(name.casefold(), key)
                try:
                    parse_hive_type(column.type)
                except LakeError as error:
                    self.mistakes.add(at, error.problem, error.hint, code=WRONG_VALUE)

    def _columns(self, key: str) -> list[dict[str, Any]]:
        columns = getattr(self.declared, key)
        return [
            {"name": name, **column.model_dump(exclude_defaults=True)}
            for name, column in columns.items()
        ]

    def _check_options(self) -> None:
        declared = self.declared
        given = declared.options.model_dump(exclude_none=True)
        allowed = OPTIONS[declared.format]
        for name in sorted(set(given) - allowed):
            problem = f"the option {name} is not for the format {declared.format}"
            hint = f"its options are {', '.join(sorted(allowed))}" if allowed else "it has none"
            self.mistakes.add(self.document.at("options", name), problem, hint, code=INCOMPLETE)
        for format_, needed in (("xml", "row_tag"), ("log", "pattern or grok")):
            if declared.format == format_ and not set(needed.split(" or ")) & set(given):
                problem = f"the option {needed} is missing"
                self.mistakes.add(self.document.at("options"), problem, code=INCOMPLETE)
        if {"pattern", "grok"} <= set(given):
            problem = "pattern and grok exclude each other"
            self.mistakes.add(self.document.at("options", "grok"), problem, code=INCOMPLETE)
        if {"header", "skip_lines"} <= set(given):
            problem = "header and skip_lines exclude each other: a header is one skipped line"
            self.mistakes.add(self.document.at("options", "header"), problem, code=INCOMPLETE)

    def _options(self) -> dict[str, Any]:
        found = self.declared.options.model_dump(exclude_none=True)
        if found.pop("header", False):
            found["skip_lines"] = 1
        return found

    def _projection(self) -> dict[str, str]:
        found: dict[str, str] = {}
        declared = self.declared
        if declared.location_template and not declared.projection:
            problem = "location_template is for partition projection, which is not declared"
            at = self.document.at("location_template")
            self.mistakes.add(at, problem, "add projection:", code=INCOMPLETE)
        if declared.projection:
            for name in declared.partitions:
                if name not in declared.projection:
                    problem = (
                        f"projection lacks the partition column {name}: it has all or none"
                    )
                    at = self.document.at("projection")
                    self.mistakes.add(at, problem, code=INCOMPLETE)
        for name, one in declared.projection.items():
            at = self.document.at("projection", name)
            if name not in declared.partitions:
                problem = f"projection names {name}, which is no partition column"
                hint = f"partitions are {', '.join(declared.partitions) or 'not declared'}"
                self.mistakes.add(at, problem, hint, code=WRONG_VALUE)
            found |= self._projected(name, one, at)
        return found

    def _projected(self, name: str, one: ProjectionYaml, at: Location) -> dict[str, str]:
        given = one.model_dump(exclude_defaults=True)
        given.pop("type")
        for key in sorted(set(given) - _PROJECTED[one.type]):
            problem = f"{key} is not for projection of the type {one.type}"
            self.mistakes.add(at, problem, code=INCOMPLETE)
        for key in sorted(_NEEDED[one.type] - set(given)):
            problem = f"projection of the type {one.type} needs {key}"
            self.mistakes.add(at, problem, code=INCOMPLETE)
        told: dict[str, str] = {f"{name}.type": one.type}
        for key, value in given.items():
            text = ",".join(value) if isinstance(value, (list, tuple)) else str(value)
            told[f"{name}.{key.replace('_', '.')}"] = text
        return told
