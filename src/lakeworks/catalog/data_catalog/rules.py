"""What Glue demands of entries, and when two entries count as equal. Pure but for `user`."""

from __future__ import annotations

import getpass
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lakeworks.catalog.data_catalog.errors import EntryExistsError, EntryRefusedError
from lakeworks.catalog.data_catalog.glue_json import table_input
from lakeworks.core.names import TableName

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lakeworks.catalog.data_catalog.model import (
        Column,
        DatabaseEntry,
        PartitionEntry,
        TableEntry,
    )

MOST_LETTERS = 255
# Glue's limits, in letters.
MOST = {
    "comment": 255, "description": 2048, "location": 2056, "location_uri": 1024, "owner": 255,
    "type": 131_072, "value": 1024,
}  # fmt: skip
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_CONTROL = re.compile("[^\t\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# What a crawler or a run counts: it changes with every look and says nothing of the schema.
STATISTICS = frozenset({
    "averageRecordSize", "CRAWL_RUN_ID", "lastAnalyzed", "last_modified_time", "numFiles",
    "numRows", "objectCount", "rawDataSize", "recordCount", "sizeKey", "totalSize",
    "transient_lastDdlTime",
})  # fmt: skip


def user() -> str:
    """Return who works here: the operating system's user."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return ""


def checked_database(entry: DatabaseEntry) -> DatabaseEntry:
    """Return a database's entry, its name in lower case.

    Raises:
        EntryRefusedError: a name or a limit of Glue's is broken.
    """
    what = f"database {entry.name}"
    name = _name("database", entry.name).lower()
    _check_length(what, "description", entry.description)
    _check_length(what, "location_uri", entry.location)
    return replace(entry, name=name)


def checked_table(entry: TableEntry) -> TableEntry:
    """Return a table's entry, its name in lower case.

    Raises:
        EntryRefusedError: a name or a limit of Glue's is broken.
    """
    database = _name("database", entry.name.database).lower()
    table = _name("table", entry.name.table).lower()
    what = str(entry.name)
    for limit, text in (
        ("description", entry.description),
        ("owner", entry.owner),
        ("location", entry.storage.location),
    ):
        _check_length(what, limit, text)
    seen: set[str] = set()
    for column in entry.columns:
        _check_column(what, column)
        if column.name.lower() in seen:
            raise EntryRefusedError.because(what, f"column {column.name} comes twice")
        seen.add(column.name.lower())
    for key in entry.partition_keys:
        if not key.type:
            raise EntryRefusedError.because(what, f"partition key {key.name} has no type")
    return replace(entry, name=TableName(database, table))


def checked_partitions(
    entry: TableEntry, given: Iterable[PartitionEntry], *, unique: bool
) -> dict[str, PartitionEntry]:
    """Return partitions by the text of their values; of equal ones the last.

    Raises:
        EntryRefusedError: one has more or fewer values than the table has keys.
        EntryExistsError: `unique`, and one comes twice.
    """
    from lakeworks.catalog.data_catalog.partition_rows import values_text

    wanted = len(entry.partition_keys)
    found: dict[str, PartitionEntry] = {}
    for one in given:
        if len(one.values) != wanted:
            raise EntryRefusedError.because(
                f"partition {list(one.values)} of {entry.name}",
                f"{len(one.values)} values where {wanted} belong",
                f"the keys are {', '.join(key.name for key in entry.partition_keys) or 'none'}",
            )
        if any(len(value) > MOST["value"] or _UNSTORABLE.search(value) for value in one.values):
            raise EntryRefusedError.because(
                f"partition {list(one.values)} of {entry.name}",
                f"a value has at most {MOST['value']} letters, none of them null",
            )
        _check_length(f"partition {list(one.values)} of {entry.name}", "location", one.location)
        text = values_text(one.values)
        if unique and text in found:
            raise EntryExistsError.named("partition", f"{entry.name} {text}")
        found[text] = one
    return found


def same(present: TableEntry, entry: TableEntry) -> bool:
    """Whether two entries say the same of a table."""
    return _content(present) == _content(entry)


def same_but_statistics(present: TableEntry, entry: TableEntry) -> bool:
    """Whether two entries differ at most in what was counted."""
    return _content(_uncounted(present)) == _content(_uncounted(entry))


def _content(entry: TableEntry) -> tuple[str, dict[str, Any]]:
    return entry.table_type, table_input(entry)


def _uncounted(entry: TableEntry) -> TableEntry:
    kept = {key: value for key, value in entry.parameters.items() if key not in STATISTICS}
    return replace(entry, parameters=kept)


def _check_column(what: str, column: Column) -> None:
    _name(f"{what}: column", column.name)
    _check_length(f"{what}.{column.name}", "comment", column.comment)
    _check_length(f"{what}.{column.name}", "type", column.type)


def _check_length(what: str, limit: str, text: str) -> None:
    if len(text) > MOST[limit]:
        raise EntryRefusedError.because(
            what, f"its {limit} has {len(text)} letters; Glue takes {MOST[limit]}"
        )
    if _UNSTORABLE.search(text):
        raise EntryRefusedError.because(what, f"its {limit} holds what is no letter")


def _name(kind: str, name: str) -> str:
    if not name or len(name) > MOST_LETTERS or _CONTROL.search(name):
        raise EntryRefusedError.because(
            f"{kind} {name!r}",
            f"a name has 1 to {MOST_LETTERS} letters, none of them a control",
        )
    return name
