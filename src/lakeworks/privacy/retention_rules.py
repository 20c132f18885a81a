"""Retention rules of `policies/*.yml`: how long which tables keep what, by tags and a date.

Pure. A table is meant by name, by its own tags, or by tags of its columns, which follow lineage.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakeworks.core.errors import LakeError, did_you_mean
from lakeworks.core.names import QUARANTINE, TableName
from lakeworks.core.types import Scalar
from lakeworks.governance.resources import Resource
from lakeworks.privacy.errors import RetentionRuleError
from lakeworks.project.errors import DECLARED_TWICE, Mistake
from lakeworks.project.limits import age_s

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lakeworks.core.types import Schema
    from lakeworks.project.declaration import Location, Project

MOMENTS = ("date", "timestamp", "timestamp_ntz")
TableTags = dict[str, dict[str, frozenset[str]]]
"""By table, and by tag in lower case: its values."""
ColumnTags = dict[str, dict[str, dict[str, frozenset[str]]]]
"""By table, by column and by tag."""


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """One entry of `retention:`.

    Attributes:
        on: Tables by name; empty for all that the tags mean.
        tables, columns: Tags with the values of which one is enough.
        by: The column that says how old a row is.
        action: `delete` the row, or `null` the tagged columns.
    """

    name: str
    at: Location
    on: tuple[Resource, ...]
    tables: tuple[tuple[str, tuple[str, ...]], ...]
    columns: tuple[tuple[str, tuple[str, ...]], ...]
    by: str
    keep_s: int
    action: str

    def covers(self, table: TableName, tags: TableTags, columns: ColumnTags) -> bool:
        """Whether the rule is about a table."""
        if table.database == QUARANTINE:
            return False
        if self.on and not any(_means(one, table) for one in self.on):
            return False
        if self.tables and not has_tags(tags.get(str(table), {}), self.tables):
            return False
        return not self.columns or bool(self.columns_of(table, columns))

    def columns_of(self, table: TableName, tags: ColumnTags) -> list[str]:
        """Return the columns of a table that have the rule's tags."""
        return sorted(
            name
            for name, own in tags.get(str(table), {}).items()
            if self.columns and has_tags(own, self.columns)
        )


def _means(resource: Resource, table: TableName) -> bool:
    whole = resource.kind == "database" and resource.database == table.database
    return whole or resource.names(table)


def has_tags(
    own: Mapping[str, frozenset[str]], wanted: Iterable[tuple[str, tuple[str, ...]]]
) -> bool:
    """Whether something has, of each wanted tag, one of the values."""
    return all(
        ("*" in values and key in own) or not own.get(key, frozenset()).isdisjoint(values)
        for key, values in wanted
    )


def examine_rules(project: Project) -> tuple[list[RetentionRule], list[Mistake]]:
    """Return the rules of a project, and every mistake in them."""
    found: dict[str, RetentionRule] = {}
    mistakes: list[Mistake] = []
    for file in project.policies:
        for name, entry in file.values.get("retention", {}).items():
            at = file.at("retention", name)
            if name in found:
                problem = f"retention: {name!r} is declared in another file as well"
                mistakes.append(Mistake(at, problem, "keep one of them", DECLARED_TWICE))
                continue
            try:
                found[name] = _rule(name, entry, at)
            except LakeError as error:
                mistakes.append(Mistake(at, error.problem, error.hint, error.code))
    return list(found.values()), mistakes


def rule_misfits(
    rules: Iterable[RetentionRule],
    schemas: Mapping[TableName, Schema | None],
    tags: TableTags,
    columns: ColumnTags,
) -> Iterator[Mistake]:
    """Yield where rules do not fit the tables: unknown tags and columns, columns of no date."""
    known = {key for own in tags.values() for key in own}
    known |= {key for table in columns.values() for own in table.values() for key in own}
    for rule in rules:
        for key, _ in (*rule.tables, *rule.columns):
            if key not in known:
                hint = did_you_mean(key, known)
                yield _mistake(rule, f"nothing has the tag {key!r}", hint)
        covered = [t for t in schemas if rule.covers(t, tags, columns)]
        yield from _unnamed(rule, schemas)
        if covered:
            yield from _column_misfits(rule, {t: schemas[t] for t in covered})


def _unnamed(
    rule: RetentionRule, schemas: Mapping[TableName, Schema | None]
) -> Iterator[Mistake]:
    for one in rule.on:
        if one.table not in ("", "*") and not any(one.names(table) for table in schemas):
            name = f"{one.database}.{one.table}"
            yield _mistake(
                rule, f"there is no table {name}", did_you_mean(name, map(str, schemas))
            )


def _column_misfits(
    rule: RetentionRule, covered: Mapping[TableName, Schema | None]
) -> Iterator[Mistake]:
    known = {table: schema for table, schema in covered.items() if schema is not None}
    having = {t: s.get(rule.by) for t, s in known.items() if s.get(rule.by) is not None}
    if known and not having:
        names = [name for schema in known.values() for name in schema.names]
        tables = ", ".join(map(str, sorted(known)))
        yield _mistake(
            rule, f"by: no column {rule.by!r} in {tables}", did_you_mean(rule.by, names)
        )
    for table, column in having.items():
        if column is not None and not is_moment(column.type):
            yield _mistake(
                rule,
                f"by: {table}.{rule.by} is {column.type}, not a date",
                "name a column that is a date or a timestamp, such as _ingested_at",
            )


def is_moment(kind: object) -> bool:
    """Whether a type says when something was."""
    return isinstance(kind, Scalar) and kind.name in MOMENTS


def _rule(name: str, entry: Mapping[str, Any], at: Location) -> RetentionRule:
    keep_s = age_s(entry["keep"])
    if keep_s is None:
        raise RetentionRuleError(
            f"keep: {entry['keep']!r} is no age", "write days, weeks or years: 365 days"
        )
    if not (entry.get("on") or entry.get("tables") or entry.get("columns")):
        raise RetentionRuleError(
            f"retention: {name!r} names no tables", "write on:, tables: or columns:"
        )
    action = entry.get("action", "delete")
    if action == "null" and not entry.get("columns"):
        raise RetentionRuleError(
            "action: null empties tagged columns, and none are named",
            "write columns: {pii: [email]}",
        )
    return RetentionRule(
        name,
        at,
        tuple(Resource.parse(one) for one in entry.get("on", ())),
        _tags(entry.get("tables", {})),
        _tags(entry.get("columns", {})),
        entry["by"],
        keep_s,
        action,
    )


def _tags(told: Mapping[str, Iterable[str]]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple(
        (key.lower(), tuple(value.lower() for value in values)) for key, values in told.items()
    )


def _mistake(rule: RetentionRule, problem: str, hint: str = "") -> Mistake:
    return Mistake(rule.at, f"retention {rule.name}: {problem}", hint, RetentionRuleError.code)
