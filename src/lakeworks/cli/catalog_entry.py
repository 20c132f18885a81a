"""One entry of the data catalog as `lake catalog show` and `lake show` print it."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from lakeworks.cli import render, say
from lakeworks.cli.errors import UsageError
from lakeworks.cli.options import owned
from lakeworks.core.names import TableName

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lakeworks.catalog.data_catalog import TableEntry
    from lakeworks.catalog.data_catalog.column_statistics import ColumnStatistics
    from lakeworks.cli.options import AnyLake

_KINDS = {
    "EXTERNAL_TABLE": "external",
    "FEDERATED": "federated",
    "MANAGED": "managed",
    "MATERIALIZED_VIEW": "materialized view",
    "VIRTUAL_VIEW": "view",
}
Tags = dict[str, dict[str, list[str]]]


def name_of(text: str) -> TableName:
    """Read `database.table`; of a name with more dots the first ends the database.

    Raises:
        UsageError: there is no dot.
    """
    database, dot, table = text.lower().partition(".")
    if not dot or not database or not table:
        raise UsageError(f"{text!r} is not a table name", "write it as database.table")
    return TableName(database, table)


def kind(entry: TableEntry) -> str:
    """Return what sort of table it is, in a word."""
    return _KINDS.get(entry.table_type, entry.table_type.lower())


def is_external(lake: AnyLake, table: str) -> bool:
    """Whether a table, or one of its versions, is known to the data catalog only."""
    from lakeworks.catalog.data_catalog.verbs import MANAGED_DATABASES

    database, dot, rest = table.partition("@")[0].lower().partition(".")
    if not dot or database in MANAGED_DATABASES:
        return False
    found = lake.catalog.data_catalog.find_table(TableName(database, rest)) is not None
    if not found:
        remark_unseen(lake, database)
    return found


def is_view(lake: AnyLake, table: str) -> bool:
    """Whether a name, or a version of it, is that of a view, which stores nothing."""
    from lakeworks.catalog.data_catalog.model import VIRTUAL_VIEW

    database, dot, rest = table.partition("@")[0].lower().partition(".")
    entry = lake.catalog.data_catalog.find_table(TableName(database, rest)) if dot else None
    return entry is not None and entry.table_type == VIRTUAL_VIEW


def show(lake: AnyLake, table: str, *, as_json: bool) -> None:
    """Print a table's entry, or with `@v3` one of its versions.

    Raises:
        EntryNotFoundError: there is no such table or version.
    """
    text, at, version = table.partition("@")
    name = name_of(text)
    data = lake.catalog.data_catalog
    if at:
        if not version.removeprefix("v").isdecimal():
            raise UsageError(f"{table!r} names no version", "write it as raw.clicks@v3")
        entry = data.version(name, int(version.removeprefix("v"))).entry
    else:
        if data.find_table(name) is None:
            remark_unseen(lake, name.database)
        entry = data.get_table(name)
    count = data.count_partitions(name) if entry.partition_keys and not entry.managed else None
    tags = tags_of(lake, entry)
    if as_json:
        say.as_json(_as_json(entry, count, tags))
        return
    _print_facts(entry, count)
    _print_columns(entry)
    _print_tags(tags)
    _print_parameters(entry)
    _print_text(entry)


def tags_of(lake: AnyLake, entry: TableEntry) -> Tags:
    """Return the tags of a table's columns: column, tag, values; those that it inherits too."""
    found: Tags = {}
    for column in entry.columns:
        for tag, value in column.tags.items():
            found.setdefault(column.name, {})[tag] = [value]
    if not entry.managed:
        return found
    for column_name, inherited in lake.lineage.tags_of(str(entry.name)).items():
        for tag, origins in inherited.items():
            values = sorted({origin.value for origin in origins})
            found.setdefault(column_name, {})[tag] = values
    return found


def remark_unseen(lake: AnyLake, database: str | None) -> None:
    """Tell the lake's owner of catalogs of other systems whose tables nobody has looked at yet."""
    mine = owned(lake)
    declared = {} if mine is None else mine.project.catalogs
    wanted = [
        name
        for name in sorted(declared)
        if database is None or database.lower() in declared[name].databases
    ]
    known = {one.database for one in lake.catalog.data_catalog.table_names()} if wanted else ()
    for name in wanted:
        if not any(one in known for one in declared[name].databases):
            say.remark(
                f"The data catalog has no table of {name} yet: lake catalogs refresh {name}"
            )


def changes(entries: Sequence[TableEntry]) -> list[str]:
    """Return what each entry, newest first, changed of the one before it."""
    return [*(_change(new, old) for new, old in pairwise(entries)), "made" if entries else ""][
        : len(entries)
    ]


def readable(statistics: ColumnStatistics, member: str) -> object:
    """Return an end of a column's values as a person reads it."""
    value = statistics.data.get(member)
    match value:
        case None:
            return None
        case {"UnscaledValue": str(told), "Scale": int(scale)}:
            unscaled = int.from_bytes(base64.b64decode(told), "big", signed=True)
            return str(Decimal(unscaled).scaleb(-scale))
        case int() | float() if statistics.kind == "DATE":
            return datetime.fromtimestamp(value, UTC).date().isoformat()
        case _:
            return value


def _change(new: TableEntry, old: TableEntry) -> str:
    before, after = _types(old), _types(new)
    told = [
        *(f"+{name} {after[name]}" for name in after if name not in before),
        *(f"-{name}" for name in before if name not in after),
        *(
            f"{name} {before[name]} -> {after[name]}"
            for name in after
            if name in before and before[name] != after[name]
        ),
    ]
    said = {
        "description": new.description != old.description,
        "owner": new.owner != old.owner,
        "location": new.storage.location != old.storage.location,
        "parameters": dict(new.parameters) != dict(old.parameters),
    }
    told += [what for what, changed in said.items() if changed]
    return ", ".join(told) or "other"


def _types(entry: TableEntry) -> dict[str, str]:
    return {column.name: column.type for column in entry.columns}


def _as_json(entry: TableEntry, count: int | None, tags: Mapping[str, Any]) -> dict[str, Any]:
    from lakeworks.catalog.data_catalog.glue_json import table_to_json

    return {
        "table": str(entry.name),
        "kind": kind(entry),
        "version": entry.version,
        "updated_by": entry.updated_by,
        "reason": entry.reason,
        "partitions": count,
        "tags": {"table": entry.tags, "columns": tags},
        "glue": table_to_json(entry),
    }


def _print_facts(entry: TableEntry, count: int | None) -> None:
    keys = ", ".join(f"{key.name} {key.type}" for key in entry.partition_keys)
    changed = f"{render.moment(entry.updated_at)}" if entry.updated_at else ""
    facts = [
        ("kind", kind(entry)),
        ("format", entry.classification),
        ("description", entry.description),
        ("owner", entry.owner),
        ("tags", ", ".join(f"{tag}: {value}" for tag, value in entry.tags.items())),
        ("location", entry.storage.location),
        ("read by", entry.storage.serde.library),
        ("partitioned by", keys),
        ("partitions", "" if count is None else render.count(count)),
        ("version", f"{entry.version}, {changed} by {entry.updated_by or 'nobody named'}"),
        ("why", entry.reason),
    ]
    say.line(say.strong(render.text(entry.name)))
    for name, value in facts:
        if value:
            say.line(f"  {name + ':':<16}{render.text(value)}")


def _print_columns(entry: TableEntry) -> None:
    say.line()
    headers = ["column", "type", "description"]
    rows = [[one.name, one.type, one.comment] for one in entry.storage.columns]
    if entry.partition_keys:
        headers.append("")
        rows = [[*row, ""] for row in rows]
        rows += [[key.name, key.type, key.comment, "key"] for key in entry.partition_keys]
    say.table(headers, rows)


def _print_tags(tags: Tags) -> None:
    rows = [
        [column, f"{tag}: {', '.join(values)}"]
        for column, found in tags.items()
        for tag, values in found.items()
    ]
    if rows:
        say.line()
        say.table(["column", "tag"], rows)


def _print_parameters(entry: TableEntry) -> None:
    from lakeworks.catalog.data_catalog.model import TAG_PREFIX
    from lakeworks.catalog.data_catalog.views import VIEW_PREFIX

    shown = {
        **{f"serde.{key}": value for key, value in entry.storage.serde.parameters.items()},
        **entry.parameters,
    }
    told = (TAG_PREFIX, VIEW_PREFIX)
    rows = [[key, value] for key, value in shown.items() if not key.startswith(told)]
    if rows:
        say.line()
        say.table(["parameter", "value"], rows)


def _print_text(entry: TableEntry) -> None:
    """Print what makes a view."""
    from lakeworks.catalog.data_catalog.views import view_of

    view = view_of(entry)
    if view is not None:
        say.line()
        say.line(view.statement)
