"""A model's header as checked data, the same for SQL and Python models.

`Header` holds what the user declared; `model_table` and `check_header` find what pydantic
cannot see: names, and keys that need each other.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lakeworks.core.errors import NameRefusedError, did_you_mean
from lakeworks.core.names import LAYERS, TableName, is_identifier
from lakeworks.project.declaration import ColumnNote, Location, Quality
from lakeworks.project.errors import INCOMPLETE, MISPLACED, NAME_REFUSED, WRONG_VALUE
from lakeworks.project.limits import age_s, check_limits, reject_limit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lakeworks.project.declaration import Load, OnViolation
    from lakeworks.project.declared_yaml import HeaderYaml
    from lakeworks.project.errors import Mistakes

MODEL_LAYERS = LAYERS[1:]
MAX_COLUMN_CHARACTERS = 255
_RULE_TOKENS = re.compile(r'#[^\n]*|"(?:[^"\\]|\\.)*"|[\w.]+|\S', re.DOTALL)
_PRIMARY = "primary"  # DQDL's word for the model's own rows


# What a header may call the dialect that `project.athena` reads.
ATHENA = frozenset({"athena", "trino"})


@dataclass(frozen=True, slots=True)
class Header:
    """What a model's header says, with defaults filled in; plain values, so that JSON holds it.

    Attributes:
        quality_line: The line of the file on which the DQDL begins.
    """

    load: Load = "replace"
    key: tuple[str, ...] = ()
    latest_by: str | None = None
    partition_by: tuple[str, ...] = ()
    quality: str | None = None
    quality_line: int = 1
    on_violation: OnViolation = "quarantine"
    references: Mapping[str, str] = field(default_factory=dict)
    quality_options: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    dialect: str = "duckdb"
    audit: bool = False
    incremental_on: str | None = None
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    max_rejected: str | None = None
    freshness: str | None = None
    retention: str | None = None
    owner: str = ""

    @classmethod
    def of(cls, yaml: HeaderYaml, quality_line: int) -> Header:
        """Take over what pydantic has checked."""
        values = yaml.model_dump(include=_TAKEN, exclude_defaults=True)
        return cls(quality_line=quality_line, **values)

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Header:
        """Read what `facts` wrote."""
        values = dict(facts)
        for name in ("key", "partition_by"):
            if name in values:
                values[name] = tuple(values[name])
        return cls(**values)

    def facts(self) -> dict[str, Any]:
        """Return what differs from the defaults, for JSON."""
        empty = Header()
        return {
            name: getattr(self, name)
            for name in self.__slots__
            if getattr(self, name) != getattr(empty, name)
        }

    def ruleset(self, file: str) -> Quality | None:
        """Return the ruleset, or None where the header has none."""
        if self.quality is None:
            return None
        tables = {alias: TableName.parse(table) for alias, table in self.references.items()}
        at = Location(file, self.quality_line)
        return Quality(self.quality, at, self.on_violation, tables, self.quality_options)

    def limits(self) -> dict[str, Any]:
        """Return `max_rejected`, `freshness_s` and `retention_s` as a `Model` takes them."""
        return {
            "max_rejected": reject_limit(self.max_rejected) if self.max_rejected else None,
            "freshness_s": age_s(self.freshness) if self.freshness else None,
            "retention_s": age_s(self.retention) if self.retention else None,
        }

    def notes(self) -> dict[str, ColumnNote]:
        """Return what is said of columns."""
        return column_notes(self.columns)

    def fingerprint(self, body: str, driving: TableName | None) -> str:
        """Return the SHA-256 of what decides a model's rows.

        Args:
            body: What identifies the normalised SQL, or the Python source.
        """
        # Layout and comments decide nothing.
        rules = [t for t in _RULE_TOKENS.findall(self.quality or "") if not t.startswith("#")]
        decisive = [
            body,
            self.load,
            self.key,
            self.latest_by,
            self.partition_by,
            rules,
            self.on_violation if rules else "",
            self.audit,
            str(driving) if self.incremental_on else "",
        ]
        if rules and self.references:
            decisive.append(sorted(self.references.items()))
        if rules and self.quality_options:
            decisive.append(["quality_options", *sorted(self.quality_options.items())])
        return hashlib.sha256(json.dumps(decisive).encode()).hexdigest()


def column_notes(columns: Mapping[str, Mapping[str, Any]]) -> dict[str, ColumnNote]:
    """Return what `columns:` says of columns."""
    return {name: ColumnNote(**note) for name, note in columns.items()}


_TAKEN = set(Header.__slots__) - {"quality_line"}


def model_table(
    declared: str | None, layer: str, stem: str, at: Location, mistakes: Mistakes
) -> TableName | None:
    """Return the table that a model makes, or note why its name is refused.

    Args:
        declared: `table:` of the header; without it the folder and file name the table.
    """
    try:
        name = TableName.parse(declared if declared is not None else f"{layer}.{stem}")
    except NameRefusedError as error:
        hint = error.hint if declared is not None else "rename the file, or write table: in it"
        mistakes.add(at, error.problem, hint, code=NAME_REFUSED)
        return None
    if name.database != layer:
        mistakes.add(
            at,
            f"{name} is declared in the folder models/{layer}",
            f"move the file to models/{name.database}, or name the table {layer}.{name.table}",
            code=MISPLACED,
        )
        return None
    return name


def check_layer(layer: str, at: Location, mistakes: Mistakes) -> bool:
    """Note a folder of models that is no layer for models; return whether it is one."""
    if layer in MODEL_LAYERS:
        return True
    if layer == "bronze":
        problem = "models make silver and gold tables; bronze tables come from sources/"
        mistakes.add(at, problem, "move the file to models/silver", code=MISPLACED)
    else:
        problem = f"models/{layer} is not a layer" if layer else "this model is in no layer"
        hint = did_you_mean(layer, MODEL_LAYERS) if layer else ""
        mistakes.add(
            at, problem, hint or "move it to models/silver or models/gold", code=MISPLACED
        )
    return False


def check_header(header: Header, at: Callable[..., Location], mistakes: Mistakes) -> None:
    """Note keys of a header that need each other, and columns that cannot be.

    Args:
        at: Takes the path of a key and returns where it stands.
    """
    if header.load in {"merge", "scd2"} and not header.key:
        problem = f"load: {header.load} needs a key"
        hint = "write key: [column, …], the columns that identify a row"
        mistakes.add(at("load"), problem, hint, code=INCOMPLETE)
    if header.load == "partitions" and not header.partition_by:
        hint = "write partition_by: [column, …]"
        mistakes.add(at("load"), "load: partitions needs partition_by", hint, code=INCOMPLETE)
    if header.latest_by is not None and not header.key:
        hint = "write key: [column, …], of whose rows the latest is kept"
        mistakes.add(at("latest_by"), "latest_by needs a key", hint, code=INCOMPLETE)
    if header.incremental_on is not None and header.load == "replace":
        problem = "load: replace reads every input whole, so incremental_on has no effect"
        hint = "leave incremental_on out, or choose append, merge or partitions"
        mistakes.add(at("incremental_on"), problem, hint, code=INCOMPLETE)
    if header.quality is not None and not header.quality.strip():
        mistakes.add(at("quality"), "quality holds no rules", "leave it out", code=WRONG_VALUE)
    _check_references(header, at, mistakes)
    check_limits(
        header.max_rejected, header.freshness, at, mistakes, retention=header.retention
    )
    check_columns("key", header.key, at, mistakes)
    check_columns("partition_by", header.partition_by, at, mistakes)
    check_columns("latest_by", (header.latest_by,) if header.latest_by is not None else (), at,
                  mistakes)  # fmt: skip
    check_columns("columns", tuple(header.columns), at, mistakes)


def _check_references(header: Header, at: Callable[..., Location], mistakes: Mistakes) -> None:
    for alias, table in header.references.items():
        where = at("references", alias)
        if not is_identifier(alias) or alias == _PRIMARY:
            problem = f"references: {alias!r} cannot be an alias"
            hint = f"use lower-case letters, digits and underscores, and not {_PRIMARY}"
            mistakes.add(where, problem, hint, code=NAME_REFUSED)
        table_or_none(table, where, mistakes)
    if header.references and header.quality is None:
        problem = "references are for rules, and this model has none"
        mistakes.add(at("references"), problem, "leave them out", code=INCOMPLETE)


def check_columns(
    key: str, columns: tuple[str, ...], at: Callable[..., Location], mistakes: Mistakes
) -> None:
    """Note column names that are given twice or could not name a column."""
    seen: set[str] = set()
    for position, column in enumerate(columns):
        # In a mapping the name itself is the path, in a list its position is.
        where = at(key, column if key in {"columns", "partitions"} else position)
        if column.casefold() in seen:
            mistakes.add(
                where, f"{key}: the column {column!r} is named twice", code=WRONG_VALUE
            )
        seen.add(column.casefold())
        reason = _refused_column(column, in_path=key in {"partition_by", "partitions"})
        if reason:
            mistakes.add(where, f"{key}: {reason}", code=NAME_REFUSED)


def _refused_column(column: str, *, in_path: bool) -> str:
    if not column or column != column.strip():
        return f"{column!r} is not a column name: it is empty, or begins or ends with a space"
    if len(column) > MAX_COLUMN_CHARACTERS:
        return (
            f"a column name has {len(column)} characters; {MAX_COLUMN_CHARACTERS} are accepted"
        )
    if not column.isprintable():
        return f"{column!r} is not a column name: it holds a control character"
    if in_path and (any(mark in column for mark in "/\\='\"`;") or column in {".", ".."}):
        return f"{column!r} cannot name partitions: it becomes part of a path"
    return ""


def table_or_none(text: str, at: Location, mistakes: Mistakes) -> TableName | None:
    """Return the table that `text` names, or note why the name is refused."""
    try:
        return TableName.parse(text)
    except NameRefusedError as error:
        mistakes.add(at, error.problem, error.hint, code=NAME_REFUSED)
        return None
