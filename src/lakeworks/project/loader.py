"""Make a `Project` from the files of a folder, or raise all their mistakes at once.

Each file is read on its own (`environments`, `sources`, `sql_models`, `python_models`) into
facts: plain values, kept by `facts_cache` under the text they came from. Where every file is
right and they fit together, the facts are the project; where not, `examine_project` gives what
is sound beside the mistakes, so that more of them can be looked for in it.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from lakeworks.core.errors import NameRefusedError
from lakeworks.project import catalogs
from lakeworks.project.care import care_of
from lakeworks.project.crawlers import crawler_of
from lakeworks.project.declaration import Location, Model, Project, Quality
from lakeworks.project.environments import LAKE_FILE, environment_of, may_be_kept, read_lake
from lakeworks.project.errors import (
    DECLARED_TWICE,
    MISPLACED,
    Mistake,
    Mistakes,
    ProjectError,
    ProjectNotFoundError,
)
from lakeworks.project.external_tables import check_readers, external_table_of
from lakeworks.project.facts_cache import FactsCache, sha256_of
from lakeworks.project.headers import Header, check_layer
from lakeworks.project.policies import policy_file_of
from lakeworks.project.references import Reference, check_cycles, check_references
from lakeworks.project.sources import source_of
from lakeworks.project.sql_models import sql_model_of
from lakeworks.project.texts import files_below, read_declaration
from lakeworks.project.workgroups import workgroup_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from lakeworks.core.names import TableName

SOURCE_SUFFIXES = (".yml", ".yaml")
MODEL_SUFFIXES = (".sql", ".py")
_CLAIM = re.compile(r"^\s*table:\s*[\"']?([\w.]+)|\bmodel\(\s*[\"']([\w.]+)", re.MULTILINE)


def find_project(start: Path) -> Path:
    """Return the nearest folder, `start` or one above it, that holds a lake.yml.

    Raises:
        ProjectNotFoundError: there is none.
    """
    try:
        begin = start.resolve()
        if not begin.exists():
            # A folder above it may be another project, which nobody named.
            raise ProjectNotFoundError.above(begin)
        for folder in (begin, *begin.parents):
            if (folder / LAKE_FILE).is_file():
                return folder
    except (OSError, RuntimeError, ValueError):
        begin = start
    raise ProjectNotFoundError.above(begin)


def load_project(
    start: Path, *, environment: str | None = None, variables: Mapping[str, str] | None = None
) -> Project:
    """Read the project that `start` lies in.

    Args:
        start: The project's folder or one below it.
        environment: Name of the environment to use; the first one by default.
        variables: What `${NAME}` stands for; the process's environment by default.

    Raises:
        ProjectNotFoundError: neither `start` nor a folder above it holds a lake.yml.
        ProjectError: the files hold mistakes; it holds them all.
    """
    found = examine_project(start, environment=environment, variables=variables)
    if found.mistakes or found.project is None:
        raise ProjectError.of(found.mistakes)
    return found.project


@dataclass(frozen=True, slots=True)
class Examined:
    """What a reading of all files of a project came to.

    Attributes:
        project: What the files declare; with mistakes, what is sound of it, and then models may
            read tables that are not there, or each other in a circle. None without a sound
            environment.
        rulesets: Those of every model whose file could be read.
        doubtful: Tables of files with mistakes: what they declare may not be all they mean.
    """

    mistakes: tuple[Mistake, ...]
    project: Project | None
    rulesets: tuple[Quality, ...]
    doubtful: frozenset[TableName] = frozenset()


def examine_project(
    start: Path, *, environment: str | None = None, variables: Mapping[str, str] | None = None
) -> Examined:
    """Read the project that `start` lies in, whatever mistakes it holds; see `load_project`.

    Raises:
        ProjectNotFoundError: neither `start` nor a folder above it holds a lake.yml.
    """
    root = find_project(start)
    given = os.environ if variables is None else variables
    return _Loading(root, environment, given, FactsCache(root)).examined()


@dataclass(frozen=True, slots=True)
class _Kind:
    """A folder of YAML files: which function of which module reads one."""

    module: str
    reader: str
    names_places: bool = True
    keeps: Callable[[str, Any], bool] = lambda text, _: "${" not in text


_KINDS = {
    "sources": _Kind("sources", "read_source"),
    "tables": _Kind("external_tables", "read_external_table"),
    "policies": _Kind("policies", "read_policies", names_places=False),
    "crawlers": _Kind("crawlers", "read_crawler"),
    "workgroups": _Kind("workgroups", "read_workgroup"),
    "catalogs": _Kind("catalogs", "read_catalog", keeps=catalogs.may_be_kept),
}


@dataclass(slots=True)
class _File:
    """One file: its text and its facts; of a file with mistakes, those that are sound."""

    path: Path
    file: str
    text: str
    sha256: str
    facts: Any
    sound: bool


@dataclass(slots=True)
class _Loading:
    """One reading of a project's files."""

    root: Path
    environment: str | None
    variables: Mapping[str, str]
    cache: FactsCache
    mistakes: Mistakes = field(default_factory=Mistakes)
    files: dict[str, list[_File]] = field(default_factory=dict)
    models: list[_File] = field(default_factory=list)
    claimed: set[str] = field(default_factory=set)

    def examined(self) -> Examined:
        lake = self._lake()
        for folder in _KINDS:
            self.files[folder] = list(self._declarations(folder))
        for path in self._files("models", MODEL_SUFFIXES):
            self._model(path)
        for folder in ("crawlers", "workgroups", "catalogs"):
            self._check_names(folder)
        declared = self._declared_tables()
        references = list(self._references())
        known = declared | self.claimed | catalogs.outside(references, self.files["catalogs"])
        check_references(references, known, self.mistakes)
        by_reader: dict[str, list[Reference]] = {}
        for reference in references:
            by_reader.setdefault(reference.reader, []).append(reference)
        check_cycles(by_reader, self.mistakes)
        self.cache.save()
        return self._built(lake)

    def _lake(self) -> dict[str, Any]:
        def read(text: str) -> dict[str, Any] | None:
            return read_lake(
                text,
                self.mistakes,
                root=self.root,
                chosen=self.environment,
                variables=self.variables,
            )

        path = self.root / LAKE_FILE
        # Facts hold for one environment, so its name is part of what they are kept under.
        suffix = "" if self.environment is None else f"#{self.environment}"
        found = self._read(path, LAKE_FILE, read, keep=may_be_kept, suffix=suffix)
        return found.facts if found is not None else {}

    def _declarations(self, folder: str) -> Iterator[_File]:
        """Read a folder of YAML files; what reads one is loaded only when it must be."""
        kind = _KINDS[folder]
        places = {"root": self.root} if kind.names_places else {}

        for path in self._files(folder, SOURCE_SUFFIXES):
            file = self._name(path)

            def read(text: str, file: str = file) -> dict[str, Any] | None:
                function = getattr(
                    import_module(f"lakeworks.project.{kind.module}"), kind.reader
                )
                found: dict[str, Any] | None = function(
                    text, file, self.mistakes, variables=self.variables, **places
                )
                return found

            found = self._read(path, file, read, keep=kind.keeps)
            if found is not None:
                yield found

    def _check_names(self, folder: str) -> None:
        """Note declarations of one folder that have one name."""
        first: dict[str, str] = {}
        kind = folder.removesuffix("s")
        for found in self.files[folder]:
            name = found.facts["name"]
            if name in first:
                at = Location(found.file, found.facts["line"])
                problem = f"the {kind} {name} is declared twice, first in {first[name]}"
                hint = "name one of them otherwise"
                self.mistakes.add(at, problem, hint, code=DECLARED_TWICE)
            first.setdefault(name, found.file)

    def _model(self, path: Path) -> None:
        file = self._name(path)
        layer = path.parent.name if path.parent.parent == self.root / "models" else ""
        if not check_layer(layer, Location(file, 1), self.mistakes):
            return
        found = self._python(path, file, layer) if path.suffix == ".py" else (
            self._sql(path, file, layer))  # fmt: skip
        if found is not None:
            self.models.append(found)

    def _sql(self, path: Path, file: str, layer: str) -> _File | None:
        def read(text: str) -> dict[str, Any] | None:
            from lakeworks.project.sql_models import read_sql_model

            return read_sql_model(text, file, layer, path.stem, self.mistakes)

        return self._read(path, file, read, keep=lambda _text, _facts: True)

    def _python(self, path: Path, file: str, layer: str) -> _File | None:
        def read(text: str) -> list[dict[str, Any]] | None:
            from lakeworks.project.python_models import read_python_models

            return read_python_models(text, path, file, layer, self.mistakes)

        def keep(text: str, facts: Any) -> bool:  # noqa: ANN401
            from lakeworks.project.python_models import is_decided_by_text

            return is_decided_by_text(text, len(facts))

        return self._read(path, file, read, keep=keep)

    def _read(
        self,
        path: Path,
        file: str,
        read: Callable[[str], Any],
        *,
        keep: Callable[[str, Any], bool],
        suffix: str = "",
    ) -> _File | None:
        """Return a file's facts, kept ones where its text is the same; None without any."""
        text = read_declaration(path, file, self.mistakes)
        if text is None:
            return None
        sha256 = sha256_of(text)
        facts = self.cache.get(file + suffix, sha256)
        before = len(self.mistakes.found)
        if facts is None:
            facts = read(text)
            if facts is None:
                self._claim(text, path)
                return None
            if len(self.mistakes.found) == before and keep(text, facts):
                self.cache.put(file + suffix, sha256, facts)
        sound = len(self.mistakes.found) == before
        return _File(path, file, text, sha256, facts, sound)

    def _claim(self, text: str, path: Path) -> None:
        """Take a broken file's tables for known, so that its readers are not blamed for it."""
        self.claimed.add(f"{path.parent.name}.{path.stem}")
        self.claimed.update(one or other for one, other in _CLAIM.findall(text))

    def _files(self, folder: str, suffixes: tuple[str, ...]) -> Iterator[Path]:
        """Give the files of a folder in order, without those that begin with `.` or `_`."""
        for path in files_below(self.root / folder):
            if path.suffix in suffixes:
                if folder != "models" and path.parent != self.root / folder:
                    at = Location(self._name(path), 1)
                    problem = f"{folder} lie directly in the folder {folder}"
                    self.mistakes.add(at, problem, "move the file up", code=MISPLACED)
                yield path
            elif path.suffix in {*SOURCE_SUFFIXES, *MODEL_SUFFIXES}:
                at = Location(self._name(path), 1)
                problem = f"{folder} are not declared in {path.suffix} files"
                hint = f"{folder} are {' or '.join(suffixes)} files"
                self.mistakes.add(at, problem, hint, code=MISPLACED)

    def _name(self, path: Path) -> str:
        name = path.relative_to(self.root).as_posix()
        return name if name.isprintable() else repr(name)

    def _each_model(self) -> Iterator[tuple[_File, dict[str, Any]]]:
        for found in self.models:
            for facts in found.facts if isinstance(found.facts, list) else [found.facts]:
                yield found, facts

    def _declared_tables(self) -> set[str]:
        """Return every declared table; note those declared twice."""
        first: dict[str, Location] = {}
        files = (*self.files["sources"], *self.files["tables"])
        declared = [(f.facts["table"], Location(f.file, f.facts["line"])) for f in files]
        declared += [
            (facts["table"], Location(found.file, facts.get("line", 1)))
            for found, facts in self._each_model()
        ]
        for table, at in declared:
            if table in first:
                problem = f"the table {table} is declared twice, first at {first[table]}"
                self.mistakes.add(
                    at, problem, "name one of them otherwise", code=DECLARED_TWICE
                )
            first.setdefault(table, at)
        return set(first)

    def _references(self) -> Iterator[Reference]:
        for found, facts in self._each_model():
            for table in facts["header"].get("references", {}).values():
                at = Location(found.file, facts.get("line", 1))
                yield Reference(facts["table"], table, at)
            if "sql" in facts:
                for table, line in facts["sql"]["tables"]:
                    yield Reference(facts["table"], table, Location(found.file, line))
            else:
                for table in facts["inputs"].values():
                    yield Reference(facts["table"], table, Location(found.file, facts["line"]))

    def _built(self, lake: dict[str, Any]) -> Examined:
        sources = [source_of(f.facts, f.file, self.root) for f in self.files["sources"]]
        tables = [external_table_of(f.facts, f.file, self.root) for f in self.files["tables"]]
        models: list[Model] = []
        rulesets: list[Quality | None] = []
        doubtful: set[TableName] = set()
        for found, facts in self._each_model():
            try:
                rulesets.append(Header.from_facts(facts["header"]).ruleset(found.file))
                models.append(_model_of(found, facts))
            except NameRefusedError:
                if not self.mistakes.found:
                    raise
                continue  # what it reads is no table: that was noted with its place
            if not found.sound:
                doubtful.add(models[-1].table)
        check_readers(models, tables, self.mistakes)
        elsewhere = catalogs.catalogs_of(self.files["catalogs"])
        catalogs.check_catalogs(elsewhere.values(), tables, models, self.mistakes)
        project = Project(
            root=self.root,
            name=lake["name"],
            environment=environment_of(lake, self.root),
            environments=tuple(lake["environments"]),
            publish=lake["publish"],
            sources={source.table: source for source in sources},
            models={model.table: model for model in models},
            tables={one.table: one for one in tables},
            policies=tuple(policy_file_of(one.facts, one.file) for one in self.files["policies"]),
            crawlers={
                one.facts["name"]: crawler_of(one.facts, one.file, self.root)
                for one in self.files["crawlers"]
            },
            workgroups={
                one.facts["name"]: workgroup_of(one.facts) for one in self.files["workgroups"]
            },
            catalogs=elsewhere,
            care=care_of(lake.get("care", {})),
        ) if lake else None  # fmt: skip
        declared = tuple(ruleset for ruleset in rulesets if ruleset is not None)
        return Examined(tuple(self.mistakes.found), project, declared, frozenset(doubtful))


def _model_of(found: _File, facts: dict[str, Any]) -> Model:
    if "sql" in facts:
        return sql_model_of(facts, found.text, found.file)
    from lakeworks.project.python_models import python_model_of

    return python_model_of(facts, found.text, found.sha256, found.file, found.path)
