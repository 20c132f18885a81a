"""A table's state as the lines of its log add up to it, and the frozen view that callers get.

Pure. `log.py` fetches the lines; `log_checkpoint.py` gives the same lines from a checkpoint.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lakeworks.core.types import Schema
from lakeworks.storage.files import DataFile, TableSource
from lakeworks.storage.log_actions import Action, file_of
from lakeworks.storage.log_schema import schema_from_json, shape

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

UNIFORM = "lakeworks.uniform"
"""Table property: digest of the schema that every file of the table has, whole."""
ERASED_BELOW = "lakeworks.erasedBelow"
"""Table property: versions below this number were erased with a person's data."""

_NO_SCHEMA = Schema()
_READABLE = {"timestampNtz", "vacuumProtocolCheck", "typeWidening", "typeWidening-preview"}
_UNUSED_IS_FINE = {"deletionVectors", "columnMapping"}
_OLD_READER = 2
_FEATURES_READER = 3


class UnsupportedFeatureError(ValueError):
    """The log uses a feature of the Delta protocol that is not read here."""


@dataclass(frozen=True, slots=True)
class TableVersion:
    """A table as it was after one commit.

    Attributes:
        transactions: Application to version, as its commits set them.
        info: What the commit of this version kept in `Commit.info`; empty for other writers'.
        evolved: Whether files may differ in their columns or types from `schema`.
        committed_at: By the committer's clock, but never before an earlier version of ours.
        properties: Table properties.
    """

    version: int
    schema: Schema
    partition_columns: tuple[str, ...]
    files: tuple[DataFile, ...]
    transactions: Mapping[str, int]
    info: Mapping[str, Any]
    evolved: bool
    committed_at: datetime
    operation: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    description: str = ""

    @property
    def rows(self) -> int:
        """How many rows the table holds."""
        return sum(found.rows for found in self.files)

    @property
    def size_bytes(self) -> int:
        """How many bytes its files take."""
        return sum(found.size_bytes for found in self.files)

    def source(self, root: str, files: Iterable[DataFile] | None = None) -> TableSource:
        """Return what an engine needs to read it, or only `files` of it."""
        chosen = self.files if files is None else tuple(files)
        return TableSource(root, self.schema, chosen, self.partition_columns, self.evolved)


@dataclass(slots=True)
class TableState:
    """What the log says up to and with `version`; -1 before its first line.

    Attributes:
        spelled: Of files whose path the log spells otherwise than the disk: how.
    """

    version: int = -1
    protocol: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    files: dict[str, DataFile] = field(default_factory=dict)
    transactions: dict[str, int] = field(default_factory=dict)
    commit_info: dict[str, Any] = field(default_factory=dict)
    schema: Schema = _NO_SCHEMA
    spelled: dict[str, str] = field(default_factory=dict)

    def copy(self) -> TableState:
        """Return a state that can go on without changing this one."""
        return replace(
            self,
            files=dict(self.files),
            transactions=dict(self.transactions),
            spelled=dict(self.spelled),
        )

    def apply(self, version: int, actions: Iterable[Action]) -> None:
        """Go on to `version` by the lines of its commit.

        Raises:
            ValueError: a line is not understood.
        """
        self.commit_info = {}
        adds = []
        for action in actions:
            for kind, body in action.items():
                if kind == "add":
                    adds.append(body)
                else:
                    self._apply(kind, body)
        for body in adds:  # after the removes, for lines of one commit have no order
            if body.get("deletionVector"):
                message = "deletion vectors"
                raise UnsupportedFeatureError(message)
            self._add(body)
        self.version = version

    def frozen(self, modified: datetime | None = None) -> TableVersion:
        """Return the view for callers."""
        configuration = self.metadata.get("configuration") or {}
        millis = self.commit_info.get("timestamp")
        moment = datetime.fromtimestamp(millis / 1000, UTC) if millis else modified
        return TableVersion(
            version=self.version,
            schema=self.schema,
            partition_columns=tuple(self.metadata.get("partitionColumns") or ()),
            files=tuple(self.files.values()),
            transactions={app: v for app, v in self.transactions.items() if v >= 0},
            info=own_info(self.commit_info),
            evolved=bool(self.files) and configuration.get(UNIFORM) != shape(self.schema),
            committed_at=moment or datetime.fromtimestamp(0, UTC),
            operation=self.commit_info.get("operation", ""),
            properties=configuration,
            description=self.metadata.get("description") or "",
        )

    def _apply(self, kind: str, body: dict[str, Any]) -> None:
        if kind == "remove":
            path = file_of(body).path
            self.files.pop(path, None)
            self.spelled.pop(path, None)
        elif kind == "metaData":
            self.metadata = body
            self.schema = schema_from_json(body["schemaString"])
            _check_configuration(body.get("configuration") or {})
        elif kind == "txn":
            self.transactions[body["appId"]] = body["version"]
        elif kind == "protocol":
            _check_protocol(body)
            self.protocol = body
        elif kind == "commitInfo":
            self.commit_info = body
        elif kind == "sidecar":
            message = "checkpoints with sidecar files"
            raise UnsupportedFeatureError(message)

    def _add(self, body: dict[str, Any]) -> None:
        if "://" in body["path"] or body["path"].startswith("/"):
            message = "files outside its own folder"
            raise UnsupportedFeatureError(message)
        found = file_of(body)
        self.files[found.path] = found
        if found.path != body["path"]:
            self.spelled[found.path] = body["path"]


def _check_protocol(protocol: dict[str, Any]) -> None:
    reader = protocol.get("minReaderVersion", 1)
    if reader > _FEATURES_READER:
        message = f"reader version {reader}"
        raise UnsupportedFeatureError(message)
    if reader == _FEATURES_READER:
        known = _READABLE | _UNUSED_IS_FINE
        unknown = sorted(set(protocol.get("readerFeatures") or ()) - known)
        if unknown:
            message = f"the feature {unknown[0]}"
            raise UnsupportedFeatureError(message)


def _check_configuration(configuration: dict[str, str]) -> None:
    if configuration.get("delta.columnMapping.mode", "none") != "none":
        message = "column mapping"
        raise UnsupportedFeatureError(message)


def own_info(commit_info: dict[str, Any]) -> dict[str, Any]:
    """Return our part of a commitInfo; libraries that copy it may have made it a text."""
    found = commit_info.get("lakeworks")
    if isinstance(found, str):
        try:
            found = json.loads(found)
        except ValueError:
            return {}
    return found if isinstance(found, dict) else {}
