"""What a commit writes: its lines, after checking that they leave the table right.

Pure. Takes the state before and a `Commit`; touches no storage.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from lakeworks.core.types import Schema, evolve
from lakeworks.storage.errors import (
    CommitRefusedError,
    SchemaRefusedError,
    UnsupportedTableError,
)
from lakeworks.storage.log_actions import Action, Commit, add_action, dump, remove_action
from lakeworks.storage.log_schema import mentions, schema_to_json, shape
from lakeworks.storage.log_state import UNIFORM, TableState

if TYPE_CHECKING:
    from collections.abc import Mapping

_NTZ = "timestampNtz"
_WRITABLE = {"appendOnly", "invariants", _NTZ, "vacuumProtocolCheck"}
_PLAIN_WRITER = 2
_FEATURES_READER, _FEATURES_WRITER = 3, 7
# A published snapshot may name any version, so only our own vacuum decides what may go.
_FIRST_PROPERTIES = {"delta.enableExpiredLogCleanup": "false"}


def plan(before: TableState, commit: Commit, root: str, now_ms: int) -> list[Action]:
    """Return the lines of a commit, `commitInfo` first.

    Args:
        before: The table before; version -1 for a table that is to be made.
        commit: The change.
        root: Where the table is, for messages.
        now_ms: The commit's moment, in milliseconds since 1970.

    Raises:
        CommitRefusedError: it would make the table wrong.
        SchemaRefusedError: rows that stay do not fit its schema.
        UnsupportedTableError: the table needs of its writers what is not done here.
    """
    schema = commit.schema or before.schema
    columns = _partition_columns(before, commit)
    _check_writer(before.protocol, root)
    _check_files(before, commit, root)
    _check_partitions(commit, schema, columns, root)
    stays = len(before.files) > len(commit.removed)
    if stays and commit.restores is None:
        _check_schema(before, schema, columns, root)
    metadata = _metadata(before, commit, (schema, columns), stays=stays, now_ms=now_ms)
    actions: list[Action] = [_commit_info(commit, columns, now_ms)]
    actions += _protocol(before.protocol, schema)
    if metadata is not None:
        actions.append({"metaData": metadata})
    actions += [
        {"txn": {"appId": app, "version": version, "lastUpdated": now_ms}}
        for app, version in commit.transactions.items()
    ]
    change = commit.data_change
    spelled = before.spelled
    actions += [
        remove_action(f, now_ms, spelled=spelled.get(f.path, f.path), data_change=change)
        for f in commit.removed
    ]
    actions += [add_action(f, now_ms, data_change=change) for f in commit.added]
    return actions


def _partition_columns(before: TableState, commit: Commit) -> tuple[str, ...]:
    if commit.partition_columns is not None:
        return commit.partition_columns
    return tuple(before.metadata.get("partitionColumns") or ())


def _check_writer(protocol: Mapping[str, Any], root: str) -> None:
    version = protocol.get("minWriterVersion", _PLAIN_WRITER)
    if version == _FEATURES_WRITER:
        unknown = sorted(set(protocol.get("writerFeatures") or ()) - _WRITABLE)
        if unknown:
            raise UnsupportedTableError.feature(root, f"the feature {unknown[0]}")
    elif version > _PLAIN_WRITER:
        raise UnsupportedTableError.feature(root, f"writer version {version}")


def _check_files(before: TableState, commit: Commit, root: str) -> None:
    gone = {f.path for f in commit.removed}
    strange = gone - before.files.keys()
    if strange:
        raise CommitRefusedError.because(root, f"it removes {min(strange)}, which is not in it")
    seen: set[str] = set()
    for added in commit.added:
        if added.path in seen or (added.path in before.files and added.path not in gone):
            raise CommitRefusedError.because(root, f"it adds {added.path} twice")
        if added.rows < 0:
            raise CommitRefusedError.because(root, f"the rows of {added.path} are not counted")
        seen.add(added.path)
    if seen & gone:
        raise CommitRefusedError.because(root, f"it removes and adds {min(seen & gone)}")


def _check_partitions(
    commit: Commit, schema: Schema, columns: tuple[str, ...], root: str
) -> None:
    if not schema.fields:
        raise CommitRefusedError.because(root, "it has no columns")
    folded = [name.casefold() for name in schema.names]
    if len(set(folded)) < len(folded):
        raise CommitRefusedError.because(root, "two columns have one name")
    for column in columns:
        if column not in schema.names:
            raise CommitRefusedError.because(root, f"partition column {column!r} is no column")
    wanted = set(columns)
    for added in commit.added:
        if set(added.partition) != wanted:
            raise CommitRefusedError.because(
                root, f"{added.path} has partition {dict(added.partition)}, not {list(columns)}"
            )


def _check_schema(
    before: TableState, schema: Schema, columns: tuple[str, ...], root: str
) -> None:
    if columns != tuple(before.metadata.get("partitionColumns") or ()):
        raise CommitRefusedError.because(root, "its partition columns change while files stay")
    if schema == before.schema:
        return
    for have in before.schema:
        if schema.get(have.name) is None:
            raise SchemaRefusedError.dropped(root, have.name)
    step = evolve(schema, before.schema)
    for name, new, old in (*step.narrowed, *((n, new, old) for n, new, old in step.widened)):
        raise SchemaRefusedError.narrowed(root, name, _before(old, before, name), new)


def _before(offered: Any, before: TableState, name: str) -> Any:  # noqa: ANN401 - a Type
    found = before.schema.get(name)
    return found.type if found else offered


def _metadata(
    before: TableState,
    commit: Commit,
    after: tuple[Schema, tuple[str, ...]],
    *,
    stays: bool,
    now_ms: int,
) -> dict[str, Any] | None:
    """Return the table's new metaData, or None when nothing of it changes."""
    schema, columns = after
    old = before.metadata
    properties = {**(old.get("configuration") or _FIRST_PROPERTIES), **commit.properties}
    if not stays and commit.restores is None:
        # All files are new, and new files have all columns of their own schema.
        properties[UNIFORM] = shape(schema)
    found = {
        "id": old.get("id") or str(uuid.uuid4()),
        "name": old.get("name"),
        "description": old.get("description")
        if commit.description is None
        else commit.description,
        "format": {"provider": "parquet", "options": {}},
        "schemaString": old["schemaString"]
        if old and schema == before.schema
        else schema_to_json(schema),
        "partitionColumns": list(columns),
        "createdTime": old.get("createdTime", now_ms),
        "configuration": {k: v for k, v in properties.items() if v is not None},
    }
    return None if all(old.get(key) == value for key, value in found.items()) else found


def _protocol(protocol: Mapping[str, Any], schema: Schema) -> list[Action]:
    """Return the protocol line that the schema needs and the table does not have yet."""
    needs_ntz = mentions(schema, "timestamp_ntz")
    if not protocol and not needs_ntz:
        return [{"protocol": {"minReaderVersion": 1, "minWriterVersion": _PLAIN_WRITER}}]
    readers = set(protocol.get("readerFeatures") or ())
    if not needs_ntz or _NTZ in readers:
        return []
    writers = set(protocol.get("writerFeatures") or ())
    if protocol and not writers:
        writers = {"appendOnly", "invariants"}  # what writer version 2 meant without names
    found = {
        "minReaderVersion": _FEATURES_READER,
        "minWriterVersion": _FEATURES_WRITER,
        "readerFeatures": sorted({*readers, _NTZ}),
        "writerFeatures": sorted({*writers, _NTZ}),
    }
    return [{"protocol": found}]


def _commit_info(commit: Commit, columns: tuple[str, ...], now_ms: int) -> Action:
    return {
        "commitInfo": {
            "timestamp": now_ms,
            "operation": commit.operation,
            "operationParameters": {"partitionBy": dump(list(columns))},
            "operationMetrics": {
                "numAddedFiles": str(len(commit.added)),
                "numRemovedFiles": str(len(commit.removed)),
                "numOutputRows": str(sum(f.rows for f in commit.added)),
            },
            "isBlindAppend": not commit.removed and commit.data_change,
            "engineInfo": "lakeworks",
            "txnId": str(uuid.uuid4()),
            "lakeworks": dict(commit.info),
        }
    }
