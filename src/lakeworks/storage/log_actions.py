"""The lines of a Delta commit, and how `DataFile`s become some of them and come back.

Pure. Paths in the log are URL-encoded once more than on disk (Delta protocol, "Add File"): a
folder that is called `p=a%20b` on disk is `p=a%2520b` in the log.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from lakeworks.storage.files import DataFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lakeworks.core.types import Schema

LOG_FOLDER = "_delta_log"
Action = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Commit:
    """One change to a table, made whole or not at all.

    Attributes:
        expected: The version that it is to become; it fails when that one exists.
        schema: The table's whole schema afterwards, or None: as it was. With rows that stay,
            it must hold every column of before, in the same or a wider type.
        partition_columns: None: as they were. They change only when no old file stays.
        transactions: Application to version; below 0 reads as absent.
        info: Kept in the commit for `TableVersion.info`; plain JSON values.
        data_change: False for commits that only rearrange rows between files.
        properties: Table properties to set; None as a value removes one.
        restores: The version whose state this commit brings back; its schema is then taken
            as it is.
    """

    expected: int
    operation: str
    added: tuple[DataFile, ...] = ()
    removed: tuple[DataFile, ...] = ()
    schema: Schema | None = None
    partition_columns: tuple[str, ...] | None = None
    transactions: Mapping[str, int] = field(default_factory=dict)
    info: Mapping[str, Any] = field(default_factory=dict)
    data_change: bool = True
    properties: Mapping[str, str | None] = field(default_factory=dict)
    description: str | None = None
    restores: int | None = None


def commit_path(version: int) -> str:
    """Return where the log file of a version lies, below the table's root."""
    return f"{LOG_FOLDER}/{version:020}.json"


def add_action(found: DataFile, modified_ms: int, *, data_change: bool) -> Action:
    """Return the line that makes a file part of the table."""
    return {
        "add": {
            "path": encode_path(found.path),
            "partitionValues": {k: v or None for k, v in found.partition.items()},
            "size": found.size_bytes,
            "modificationTime": modified_ms,
            "dataChange": data_change,
            "stats": dump({**found.stats, "numRecords": found.rows}),
        }
    }


def remove_action(
    found: DataFile, deleted_ms: int, *, spelled: str, data_change: bool
) -> Action:
    """Return the line that takes a file out of the table; the file itself stays.

    Args:
        spelled: The path as the file's `add` wrote it. Writers encode unlike letters, and Spark
            would keep a file whose two lines differ.
    """
    return {
        "remove": {
            "path": spelled,
            "deletionTimestamp": deleted_ms,
            "dataChange": data_change,
            "extendedFileMetadata": True,
            "partitionValues": {k: v or None for k, v in found.partition.items()},
            "size": found.size_bytes,
        }
    }


def file_of(add: Mapping[str, Any]) -> DataFile:
    """Read an `add` (or a `remove`); rows are -1 where its statistics do not say."""
    stats = add.get("stats")
    known = json.loads(stats) if stats else {}
    values = add.get("partitionValues") or {}
    return DataFile(
        path=unquote(add["path"]),
        size_bytes=add.get("size") or 0,
        rows=known.get("numRecords", -1),
        partition={k: v or None for k, v in values.items()},
        stats=known,
    )


def encode_path(path: str) -> str:
    """Return a path as the log writes it."""
    return quote(path, safe="/=")


def dump(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return compact JSON; numbers that JSON lacks (NaN, infinity) are left out."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value), ensure_ascii=False, separators=(",", ":"))


def lines(actions: Iterable[Action]) -> bytes:
    """Return the content of a log file."""
    text = "".join(f"{dump(action)}\n" for action in actions)
    return text.encode()


def parse_lines(data: bytes) -> Iterator[Action]:
    """Read a log file.

    Raises:
        ValueError: it is empty, or a line is not a JSON object; says which.
    """
    count = 0
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip():
            continue
        count += 1
        try:
            action = json.loads(line)
        except ValueError as error:
            message = f"line {number} is not JSON"
            raise ValueError(message) from error
        if not isinstance(action, dict):
            message = f"line {number} is not an object"
            raise ValueError(message)  # noqa: TRY004 - the content is wrong, not a caller's type
        yield action
    if not count:
        message = "it is empty"
        raise ValueError(message)


def _finite(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items() if _is_finite(v)}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value if _is_finite(v)]
    return value


def _is_finite(value: Any) -> bool:  # noqa: ANN401
    return not isinstance(value, float) or math.isfinite(value)
