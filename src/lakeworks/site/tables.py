"""Describe one table of the lake: what is declared of it, and what its log and results say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakeworks.core.names import QUARANTINE
from lakeworks.pipeline.redeclared import redeclared
from lakeworks.site import declared, external
from lakeworks.site.facts import (
    ColumnFacts,
    PartitionFacts,
    QualityFacts,
    RuleFacts,
    StateFacts,
    TableFacts,
    TagFact,
    VersionFacts,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lakeworks.catalog.heads import Head
    from lakeworks.catalog.lineage.graph import LineageGraph
    from lakeworks.catalog.lineage.tags import Found, Tags
    from lakeworks.core.names import TableName
    from lakeworks.pipeline.state import Services
    from lakeworks.project.declaration import ColumnNote, Model, Source
    from lakeworks.site.facts import Kind, PartFacts
    from lakeworks.storage.log_state import TableVersion

VERSIONS = 20
PARTITIONS = 60
TREND = 20
# Of a rule's figures, those that describe how many rows, and no row's values.
_SHARES = ("Completeness", "Uniqueness", "Compliance", "Distinctness", "UniqueValueRatio")
_ROWS = re.compile(r"[\d,.]+ of [\d,.]+ rows were rejected")
_INTERNAL = {
    "_source_file": "The file that the row came in.",
    "_ingested_at": "When the row was taken in.",
    "_run_id": "The run that wrote the row.",
    "_rescued": "Fields that did not fit the schema, as JSON.",
    "_processed_at": "When the row was made.",
    "_record_hash": "SHA-256 of the row's columns.",
}
_REJECTED = {
    "row": "The rejected row as JSON, or its raw text.",
    "rule": "The rule that rejected it, or parse, type, schema.",
    "error": "Why, in words.",
    "source_file": "The file that it came in.",
    "source_row": "Its number in that file, where it is known.",
    "run_id": "The run that rejected it.",
    "quarantined_at": "When.",
}


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the lake as a whole, to describe its tables with.

    Attributes:
        published: The version of every table that readers see.
        judged: Tables with results of rules.
        reasons: Rows in quarantine by rule, of the quarantine tables that were counted.
        parts: What the last runs did to each table, newest first.
    """

    services: Services
    heads: Mapping[TableName, Head]
    published: Mapping[TableName, int]
    graph: LineageGraph
    tags: Tags
    judged: frozenset[TableName]
    reasons: Mapping[TableName, tuple[tuple[str, int], ...]]
    parts: Mapping[str, Sequence[PartFacts]]


def table_facts(known: Known, name: TableName) -> TableFacts:
    """Return everything the site says of a table that is declared or has data."""
    project = known.services.project
    model, source = project.models.get(name), project.sources.get(name)
    one = model or source
    version = _version(known, name)
    rejects = _rejects(known, name)
    reasons = _reasons(known, name, rejects)
    return TableFacts(
        name=str(name),
        kind=_kind(name, model, source),
        description=one.description.strip() if one else _description(name, version),
        owner=one.owner if one else "",
        tags=dict(one.tags) if one else {},
        columns=_columns(known, name, one, version),
        state=_state(known, name, version),
        freshness_s=one.freshness_s if one else None,
        quality=_quality(known, name),
        ruleset=model.quality.text.strip("\n") if model and model.quality else "",
        on_violation=model.quality.on_violation if model and model.quality else "",
        remarks=_remarks(known, name, one),
        facts=tuple(_facts(known, name, version)),
        partition_columns=version.partition_columns if version else (),
        partitions=_partitions(known, name, version),
        partition_count=len(_groups(version)) if version else 0,
        versions=_versions(known, name) if version else (),
        schema_versions=external.schema_versions(known.services, name),
        parts=tuple(known.parts.get(str(name), ())),
        code=declared.code_of(project, model) if model else None,
        quarantined_rows=rejects,
        reasons=reasons,
    )


def _kind(name: TableName, model: Model | None, source: Source | None) -> Kind:
    if name.database == QUARANTINE:
        return "quarantine"
    return "model" if model else "source" if source else "table"


def _description(name: TableName, version: TableVersion | None) -> str:
    if name.database == QUARANTINE:
        return "Rows that were rejected on their way into a table, each with the reason."
    return version.description if version else ""


def _version(known: Known, name: TableName) -> TableVersion | None:
    number = known.published.get(name)
    if number is None and name not in known.heads:
        return None
    return known.services.storage.table(name).version(number)


def _state(known: Known, name: TableName, version: TableVersion | None) -> StateFacts:
    if version is None:
        return StateFacts()
    head = known.heads.get(name)
    return StateFacts(
        rows=version.rows,
        size_bytes=version.size_bytes,
        files=len(version.files),
        version=version.version,
        newest=head.version if head and head.version != version.version else None,
        published=name in known.published,
        updated_at=version.committed_at,
    )


def _columns(
    known: Known, name: TableName, one: Model | Source | None, version: TableVersion | None
) -> tuple[ColumnFacts, ...]:
    notes = {column.lower(): note for column, note in (one.columns if one else {}).items()}
    tags = {column.lower(): found for column, found in known.tags.get(str(name), {}).items()}
    roles = _roles(one, version)
    fields: list[tuple[str, str, str]] = (
        [(f.name, str(f.type), f.comment) for f in version.schema] if version else []
    )
    there = {column.lower() for column, _, _ in fields}
    node = known.graph.nodes.get(str(name))
    declared_only = [
        *(node.columns if node and not version else ()),
        *(one.columns if one else ()),
    ]
    for column in declared_only:
        if column.lower() not in there:
            there.add(column.lower())
            fields.append((column, "", ""))
    internal = _REJECTED if name.database == QUARANTINE else _INTERNAL
    return tuple(
        _column(column, kind, comment or internal.get(column, ""),
                notes.get(column.lower()), tags.get(column.lower(), {}),
                roles.get(column.lower(), ()))
        for column, kind, comment in fields
    )  # fmt: skip


def _column(
    name: str,
    kind: str,
    comment: str,
    note: ColumnNote | None,
    tags: Found,
    role: tuple[str, ...],
) -> ColumnFacts:
    return ColumnFacts(
        name=name,
        type=kind,
        description=(note.description if note else "") or comment,
        tags=tuple(
            TagFact(tag, origin.value, origin.table, origin.column)
            for tag, origins in tags.items()
            for origin in origins
        ),
        role=role,
        declassified=dict(note.declassify) if note else {},
    )


def _roles(
    one: Model | Source | None, version: TableVersion | None
) -> dict[str, tuple[str, ...]]:
    roles: dict[str, tuple[str, ...]] = {}

    def add(columns: Iterable[str], role: str) -> None:
        for column in columns:
            roles[column.lower()] = (*roles.get(column.lower(), ()), role)

    add(getattr(one, "key", ()), "key")
    latest = getattr(one, "latest_by", None)
    add([latest] if latest else [], "latest by")
    add(
        version.partition_columns if version else (one.partition_by if one else ()), "partition"
    )
    return roles


def _remarks(known: Known, name: TableName, one: Model | Source | None) -> tuple[str, ...]:
    remarks: list[str] = []
    head = known.heads.get(name)
    node = known.graph.nodes.get(str(name))
    fingerprint = getattr(one, "fingerprint", "")
    if one is not None and head is None:
        remarks.append("Declared, and not built yet.")
    elif head is not None and name not in known.published:
        remarks.append("Not published: readers do not see it.")
    elif head is not None and fingerprint and head.fingerprint not in {"", fingerprint}:
        remarks.append(
            "Its declaration changed since the last run: this is the table as built."
        )
    if one is None and name.database != QUARANTINE:
        remarks.append("The project declares it no longer.")
    source = known.services.project.sources.get(name)
    if source is not None and (changed := redeclared(source, head)):
        told = ", ".join(changed)
        remarks.append(
            f"It has rows of files that were read before its source changed: {told}."
        )
    remarks += [f"Lineage is incomplete: {why}" for why in (node.unresolved if node else ())]
    return tuple(remarks)


def _facts(
    known: Known, name: TableName, version: TableVersion | None
) -> Iterable[tuple[str, str]]:
    project = known.services.project
    model, source = project.models.get(name), project.sources.get(name)
    if model is not None:
        yield from declared.model_facts(model)
        yield from declared.freshness(model.freshness_s)
    elif source is not None:
        yield from declared.source_facts(source)
        yield from declared.freshness(source.freshness_s)
    if version is not None:
        root = known.services.storage.table_root(name)
        yield "Location", declared.location(known.services, root)
        yield "Format", "Delta Lake, Parquet files"


def _quality(known: Known, name: TableName) -> QualityFacts | None:
    if name not in known.judged:
        return None
    results = known.services.catalog.quality_results.of_table(name, limit=TREND)
    if not results:
        return None
    last = results[0]
    return QualityFacts(
        score=last.score,
        trend=tuple(result.score for result in reversed(results)),
        at=last.at,
        run_id=last.run_id,
        committed=last.committed,
        rules=tuple(_rule(outcome) for outcome in last.outcomes),
    )


def _rule(outcome: Mapping[str, Any]) -> RuleFacts:
    """Return an outcome with a figure about rows: a reason may quote values, and a metric be one."""
    told = str(outcome.get("failure_reason") or "")
    if not _ROWS.fullmatch(told):
        shares = [
            f"{name.rpartition('.')[2]} {float(value):.4g}"
            for name, value in (outcome.get("evaluated_metrics") or {}).items()
            if name.endswith(_SHARES) and isinstance(value, int | float)
        ]
        told = ", ".join(shares) if outcome.get("outcome") != "Passed" else ""
    return RuleFacts(str(outcome.get("rule", "")), str(outcome.get("outcome", "")), told)


def _versions(known: Known, name: TableName) -> tuple[VersionFacts, ...]:
    shown = known.services.catalog.published_changes(name)
    return tuple(
        VersionFacts(
            version=entry.version,
            at=entry.committed_at,
            what=entry.operation,
            rows_added=entry.rows_added,
            files=f"+{entry.files_added} −{entry.files_removed}",  # noqa: RUF001 - a minus
            who=str(entry.info.get("run_id", "")) or entry.writer,
            published=entry.version in shown,
        )
        for entry in known.services.storage.table(name).history(VERSIONS)
    )


def _rejects(known: Known, name: TableName) -> int:
    quarantine = name if name.database == QUARANTINE else name.quarantine
    number = known.published.get(quarantine)
    if number is None:
        return 0
    return known.services.storage.table(quarantine).version(number).rows


def _reasons(known: Known, name: TableName, rows: int) -> tuple[tuple[str, int], ...] | None:
    if not rows:
        return ()
    return known.reasons.get(name if name.database == QUARANTINE else name.quarantine)


def _groups(version: TableVersion) -> dict[tuple[str | None, ...], list[int]]:
    """Return rows, bytes and files of every partition."""
    columns = version.partition_columns
    found: dict[tuple[str | None, ...], list[int]] = {}
    for file in version.files if columns else ():
        held = found.setdefault(tuple(file.partition.get(c) for c in columns), [0, 0, 0])
        held[0] += file.rows
        held[1] += file.size_bytes
        held[2] += 1
    return found


def _partitions(
    known: Known, name: TableName, version: TableVersion | None
) -> tuple[PartitionFacts, ...]:
    """Return the last partitions; what has a tag is no value to be shown."""
    if version is None or not version.partition_columns:
        return ()
    tagged = {column.lower() for column, tags in known.tags.get(str(name), {}).items() if tags}
    # Where not all that a column derives from is known, it counts as tagged.
    tagged |= {column.lower() for table, column in known.graph.unresolved if table == str(name)}
    node = known.graph.nodes.get(str(name))
    columns = version.partition_columns
    hidden = {
        column for column in columns if column.lower() in tagged or (node and node.unresolved)
    }
    groups = _groups(version)
    newest = sorted(groups, key=_by_value, reverse=True)[:PARTITIONS]
    return tuple(
        PartitionFacts(
            ", ".join(
                f"{column}={'hidden' if column in hidden else 'null' if value is None else value}"
                for column, value in zip(columns, values, strict=True)
            ),
            *groups[values],
        )
        for values in newest
    )


def _by_value(values: tuple[str | None, ...]) -> list[tuple[bool, bool, int, str]]:
    """Return a sort key that puts month 10 after month 9, and null first."""
    return [
        (
            value is not None,
            not _is_number(value),
            int(value) if value and _is_number(value) else 0,
            value or "",
        )
        for value in values
    ]


def _is_number(value: str | None) -> bool:
    return value is not None and len(value) < 20 and value.isascii() and value.isdecimal()  # noqa: PLR2004
