"""Read one file of `crawlers/`: what is crawled, how files are told apart, what is then done."""

from __future__ import annotations

from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from lakeworks.core.errors import LakeError, NameRefusedError
from lakeworks.core.names import LAYERS, QUARANTINE, TableName, is_identifier
from lakeworks.project.crawler_declaration import (
    Crawler,
    CsvClassifier,
    GrokClassifier,
    JsonClassifier,
    Target,
    XmlClassifier,
)
from lakeworks.project.declaration import Location
from lakeworks.project.errors import INCOMPLETE, MISPLACED, NAME_REFUSED, WRONG_VALUE
from lakeworks.project.locations import Refused, resolved
from lakeworks.project.yaml_lines import read_yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from lakeworks.project.crawler_declaration import Classifier
    from lakeworks.project.crawlers_yaml import CrawlerYaml, CsvClassifierYaml
    from lakeworks.project.errors import Mistakes
    from lakeworks.project.yaml_lines import Document

_CLASSIFIERS: dict[str, Callable[..., Classifier]] = {
    "grok": GrokClassifier, "json": JsonClassifier, "xml": XmlClassifier, "csv": CsvClassifier,
}  # fmt: skip


def read_crawler(
    text: str, file: str, mistakes: Mistakes, *, root: Path, variables: Mapping[str, str]
) -> dict[str, Any] | None:
    """Return the facts of one crawler, plain JSON values; None where there are mistakes."""
    from lakeworks.project.crawlers_yaml import CrawlerYaml
    from lakeworks.project.declared_yaml import validated

    before = len(mistakes.found)
    document = read_yaml(text, file, mistakes, variables=variables)
    if document is None:
        return None
    document.note_missing(mistakes, lambda _: False)
    declared = validated(CrawlerYaml, document, mistakes)
    if declared is None:
        return None
    reading = _Reading(declared, document, mistakes, root)
    facts = reading.facts(PurePosixPath(file).stem)
    return facts if len(mistakes.found) == before else None


def crawler_of(facts: Mapping[str, Any], file: str, root: Path) -> Crawler:
    """Make a `Crawler` of what `read_crawler` found."""
    values = dict(facts)
    targets = tuple(
        Target(
            path=one["path"] if "://" in one["path"] else str(root / one["path"]),
            declared_path=one["declared_path"],
            exclusions=tuple(one["exclusions"]),
            sample_size=one["sample_size"],
        )
        for one in values.pop("targets")
    )
    classifiers = tuple(_classifier(kind, one) for kind, one in values.pop("classifiers"))
    return Crawler(
        at=Location(file, values.pop("line")),
        targets=targets,
        tables=tuple(TableName.parse(name) for name in values.pop("tables")),
        classifiers=classifiers,
        **values,
    )


def _classifier(kind: str, facts: Mapping[str, Any]) -> Classifier:
    values = {key: tuple(v) if isinstance(v, list) else v for key, v in facts.items()}
    return _CLASSIFIERS[kind](**values)


class _Reading:
    """One crawler, as it was declared, and where its mistakes go."""

    def __init__(
        self, declared: CrawlerYaml, document: Document, mistakes: Mistakes, root: Path
    ) -> None:
        self.declared = declared
        self.document = document
        self.mistakes = mistakes
        self.root = root

    def facts(self, stem: str) -> dict[str, Any]:
        """Return what is declared, having noted every mistake in it."""
        declared = self.declared
        change, settings = declared.schema_change_policy, declared.configuration
        targets, tables = self._targets()
        self._check_database(needed=not tables)
        self._check_schedule()
        update, delete = self._behaviours(catalog=bool(tables))
        return {
            "name": declared.crawler or stem,
            "line": self.document.at("crawler").line,
            "database": declared.database or "",
            "description": declared.description,
            "table_prefix": self._prefix(),
            "schedule": declared.schedule or "",
            "targets": targets,
            "tables": tables,
            "classifiers": self._classifiers(),
            "update": change.update or update,
            "delete": change.delete or delete,
            "recrawl": declared.recrawl_policy,
            # Glue: always so where catalog tables are the targets.
            "combine": bool(tables) or settings.grouping is not None,
            "table_level": settings.table_level,
            "inherit_from_table": settings.partitions is not None,
            "merge_new_columns": settings.tables is not None,
            "table_threshold": settings.table_threshold,
        }

    def _note(self, path: tuple[str | int, ...], problem: str, hint: str, code: str) -> None:
        self.mistakes.add(self.document.at(*path), problem, hint, code=code)

    def _targets(self) -> tuple[list[dict[str, Any]], list[str]]:
        targets: list[dict[str, Any]] = []
        tables: list[str] = []
        for number, one in enumerate(self.declared.targets):
            at = ("targets", number)
            if (one.path is None) == (not one.catalog):
                problem = "a target is either a path or catalog tables"
                hint = "write path: landing/clicks, or catalog: [raw.clicks]"
                self._note(at, problem, hint, INCOMPLETE)
            elif one.path is not None:
                targets.append(self._target(at, one.path, one.exclusions, one.sample_size))
            else:
                tables += self._tables(at, one.catalog)
        if targets and tables:
            problem = "catalog tables and paths are not crawled by one crawler"
            self._note(("targets",), problem, "declare a second crawler", INCOMPLETE)
        return targets, tables

    def _target(
        self,
        at: tuple[str | int, ...],
        path: str,
        exclusions: tuple[str, ...],
        size: int | None,
    ) -> dict[str, Any]:
        from lakeworks.core.exclusions import pattern_regex

        found = resolved(self.root, path)
        if isinstance(found, Refused):
            self._note((*at, "path"), f"path {found.problem}", found.hint, NAME_REFUSED)
            found = ""
        for number, pattern in enumerate(exclusions):
            self._checked((*at, "exclusions", number), partial(pattern_regex, pattern))
        return {
            "path": found,
            "declared_path": path,
            "exclusions": list(exclusions),
            "sample_size": size,
        }

    def _tables(self, at: tuple[str | int, ...], names: tuple[str, ...]) -> list[str]:
        for number, name in enumerate(names):
            try:
                TableName.parse(name)
            except NameRefusedError as error:
                place = (*at, "catalog", number)
                self._note(place, error.problem, error.hint, NAME_REFUSED)
        return list(names)

    def _check_database(self, *, needed: bool) -> None:
        database = self.declared.database
        if database is None:
            if needed:
                problem = "the key 'database' is missing"
                self._note((), problem, "write database: raw", INCOMPLETE)
        elif not is_identifier(database):
            problem = f"{database!r} is not a database's name"
            hint = "write it in lower-case letters, digits and underscores"
            self._note(("database",), problem, hint, NAME_REFUSED)
        elif database in {*LAYERS, QUARANTINE}:
            problem = f"the database {database} belongs to the lake's own tables"
            self._note(("database",), problem, "name another, such as raw", MISPLACED)

    def _prefix(self) -> str:
        prefix = self.declared.table_prefix
        if prefix and not is_identifier(prefix):
            problem = f"table_prefix {prefix!r} does not begin a table's name"
            hint = "write it in lower-case letters, digits and underscores"
            self._note(("table_prefix",), problem, hint, NAME_REFUSED)
        return prefix

    def _check_schedule(self) -> None:
        from lakeworks.core.aws_schedule import parse_schedule

        written = self.declared.schedule
        if written:
            self._checked(("schedule",), lambda: parse_schedule(written))

    def _behaviours(self, *, catalog: bool) -> tuple[Any, Any]:
        """Return what update and delete are when left out; note what Glue refuses."""
        given = self.declared.schema_change_policy
        where = "schema_change_policy"
        if self.declared.recrawl_policy == "crawl_new_folders_only":
            for key, value in (("update", given.update), ("delete", given.delete)):
                if value not in {None, "log"}:
                    problem = f"crawl_new_folders_only goes with {key}: log only"
                    hint = "leave it out, or crawl_everything"
                    self._note((where, key), problem, hint, INCOMPLETE)
            return "log", "log"
        if catalog and given.delete not in {None, "log"}:
            problem = "catalog tables are never deleted by a crawler: delete: log"
            self._note((where, "delete"), problem, "leave it out", INCOMPLETE)
        return "update_in_database", "log" if catalog else "deprecate_in_database"

    def _classifiers(self) -> list[tuple[str, dict[str, Any]]]:
        found: list[tuple[str, dict[str, Any]]] = []
        for number, one in enumerate(self.declared.classifiers):
            at = ("classifiers", number)
            given = {
                kind: form
                for kind, form in (
                    ("grok", one.grok), ("json", one.json_), ("xml", one.xml), ("csv", one.csv),
                )
                if form is not None
            }  # fmt: skip
            if len(given) != 1:
                problem = "a classifier is exactly one of grok, json, xml, csv"
                self._note(at, problem, "begin it with - grok:", INCOMPLETE)
                continue
            (kind, form), = given.items()  # fmt: skip
            self._check_classifier((*at, kind), kind, form)
            found.append((kind, _classifier_facts(form.model_dump())))
        return found

    def _check_classifier(self, at: tuple[str | int, ...], kind: str, form: Any) -> None:  # noqa: ANN401
        from lakeworks.core.grok import compile_grok, custom_of
        from lakeworks.core.json_paths import parse_path

        if kind == "grok":
            before = len(self.mistakes.found)
            self._checked((*at, "custom_patterns"), lambda: custom_of(form.custom_patterns))
            if len(self.mistakes.found) == before:
                self._checked(
                    (*at, "grok_pattern"),
                    lambda: compile_grok(form.grok_pattern, form.custom_patterns),
                )
        elif kind == "json":
            self._checked((*at, "json_path"), lambda: parse_path(form.json_path))
        elif kind == "csv":
            self._check_csv(at, form)

    def _check_csv(self, at: tuple[str | int, ...], form: CsvClassifierYaml) -> None:
        from lakeworks.core.types import parse_type

        if form.delimiter is not None and form.delimiter == form.quote_symbol:
            problem = "delimiter and quote_symbol are the same character"
            self._note((*at, "quote_symbol"), problem, "", WRONG_VALUE)
        for number, kind in enumerate(form.custom_datatypes):
            place = (*at, "custom_datatypes", number)
            self._checked(place, partial(parse_type, kind.lower()))
        if form.custom_datatypes and len(form.custom_datatypes) != len(form.header):
            problem = (
                f"{len(form.custom_datatypes)} custom_datatypes for {len(form.header)} columns "
                "of the header"
            )
            self._note((*at, "custom_datatypes"), problem, "give one a column", INCOMPLETE)

    def _checked(self, at: tuple[str | int, ...], check: Callable[[], object]) -> None:
        """Note what a check objects to; texts that came from a variable are not shown."""
        try:
            check()
        except (LakeError, ValueError, RecursionError) as error:
            key = ".".join(str(part) for part in at)
            if self.document.is_hidden(*at):
                self._note(at, f"{key}: the variable's value is not right", "", WRONG_VALUE)
            elif isinstance(error, LakeError):
                self._note(at, f"{key}: {error.problem}", error.hint, WRONG_VALUE)
            else:
                self._note(at, f"{key} is not right: {error}", "", WRONG_VALUE)


def _classifier_facts(values: dict[str, Any]) -> dict[str, Any]:
    """Return a classifier's values as they are kept."""
    found = {key: list(v) if isinstance(v, tuple) else v for key, v in values.items()}
    if "custom_datatypes" in found:
        found["custom_datatypes"] = [text.lower() for text in found["custom_datatypes"]]
        found["delimiter"] = found["delimiter"] or ""
    return found
