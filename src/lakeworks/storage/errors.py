"""What can go wrong in storage, in words, with a way out.

    StorageError                LW200  the store failed in a way with no name of its own
      ObjectNotFoundError       LW201
      AlreadyExistsError        LW202
      AccessDeniedError         LW203
      UnreachableError          LW204  retryable
      BucketNotFoundError       LW205
      ReadOnlyStorageError      LW206
      DiskFullError             LW207
      FilesLostError            LW216
      MaintenanceRefusedError   LW218
      ArchiveDamagedError       LW219  in archive_errors.py, as is
      FilesExpiredError         LW220
    StorageRequestError         LW208  a URL, option or profile is wrong
      UnsafePathError           LW209
      TableNotFoundError        LW210
      VersionNotFoundError      LW211
      UnsupportedTableError     LW215
    CommitConflictError         LW212  retryable
    CorruptLogError             LW213
    CommitRefusedError          LW214
      SchemaRefusedError        LW217

No message holds a credential, nor a server's answer beyond its error code.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Self

from lakeworks.core.errors import LakeError, RequestError

if TYPE_CHECKING:
    from datetime import datetime

    from lakeworks.core.types import Type


class StorageError(LakeError):
    """A store could not do what was asked."""

    code = "LW200"

    @classmethod
    def failed(cls, action: str, where: str, reason: str) -> Self:
        """Say which action failed on which path, with the reason in the store's words."""
        return cls(f"cannot {action} {where}: {reason}", "check the storage, then run again")


class ObjectNotFoundError(StorageError):
    """No object lies at a path."""

    code = "LW201"

    @classmethod
    def at(cls, where: str) -> Self:
        """Name the path."""
        return cls(f"there is no file {where}", "it may have been moved or deleted meanwhile")


class AlreadyExistsError(StorageError):
    """An object lies at a path that had to be free."""

    code = "LW202"

    @classmethod
    def at(cls, where: str) -> Self:
        """Name the path."""
        return cls(f"{where} exists already", "another writer was first; run again")


class AccessDeniedError(StorageError):
    """The store knows the caller and says no, or does not know the caller."""

    code = "LW203"

    @classmethod
    def folder(cls, action: str, where: str) -> Self:
        """Name a local path that the user may not use."""
        return cls(
            f"no permission to {action} {where}",
            "give this user access to the folder, or choose another `storage:` in lake.yml",
        )

    @classmethod
    def bucket(cls, action: str, where: str, reason: str) -> Self:
        """Name an object that the credentials do not open."""
        return cls(
            f"access denied: cannot {action} {where} ({reason})",
            "check the credentials (AWS_ACCESS_KEY_ID, AWS_PROFILE) and that they allow "
            "s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket there",
        )


class UnreachableError(StorageError):
    """The store's server does not answer."""

    code = "LW204"
    retryable = True

    @classmethod
    def endpoint(cls, endpoint: str, where: str) -> Self:
        """Name the endpoint that gave no answer."""
        return cls(
            f"no answer from {endpoint} for {where}",
            "check the network, the endpoint (`endpoint:` or AWS_ENDPOINT_URL) and the region; "
            "without credentials set, the machine's own metadata service is asked",
        )


class BucketNotFoundError(StorageError):
    """The bucket of a URL does not exist."""

    code = "LW205"

    @classmethod
    def named(cls, bucket: str, endpoint: str) -> Self:
        """Name the bucket and where it was looked for."""
        return cls(
            f"bucket {bucket!r} does not exist at {endpoint}",
            f"create it (aws s3 mb s3://{bucket}), or correct `storage:` in lake.yml",
        )


class ReadOnlyStorageError(StorageError):
    """The folder lies on a file system mounted read-only."""

    code = "LW206"

    @classmethod
    def at(cls, where: str) -> Self:
        """Name the path."""
        return cls(
            f"cannot write {where}: its file system is read-only",
            "mount it for writing, or choose another `storage:` in lake.yml",
        )


class DiskFullError(StorageError):
    """No room is left where a file was to be written."""

    code = "LW207"

    @classmethod
    def at(cls, where: str) -> Self:
        """Name the path."""
        return cls(
            f"no space left to write {where}",
            "free some space (lake vacuum deletes files that no version needs), then run "
            "again; nothing was committed",
        )


class StorageRequestError(RequestError):
    """A storage URL or one of its options is wrong."""

    code = "LW208"

    @classmethod
    def url(cls, url: str) -> Self:
        """Name a URL that is neither a folder nor s3://."""
        return cls(
            f"{url!r} is not a storage URL",
            "write an absolute folder, or s3://bucket/prefix",
        )

    @classmethod
    def option(cls, name: str, hint: str) -> Self:
        """Name an option of an `s3://` storage that does not exist."""
        return cls(f"{name!r} is not an option of s3 storage", hint)

    @classmethod
    def profile(cls, name: str, hint: str) -> Self:
        """Name an AWS profile that cannot be used."""
        return cls(f"AWS profile {name!r} has no access keys", hint)

    @classmethod
    def no_credentials(cls, profile: str, kind: str) -> Self:
        """Say what kind of failure it was."""
        return cls(
            f"AWS profile {profile!r} gave no credentials: {kind}",
            f"log in again (aws sso login --profile {profile}), or try: "
            f"aws sts get-caller-identity --profile {profile}",
        )


class UnsafePathError(StorageRequestError):
    """A path inside a store that could climb out of it."""

    code = "LW209"

    @classmethod
    def refused(cls, path: str) -> Self:
        """Show the path."""
        return cls(
            f"{path!r} is not a path inside the storage",
            "use a relative path without '..', empty parts or NUL",
        )


class TableNotFoundError(StorageRequestError):
    """No Delta table lies at a place."""

    code = "LW210"

    @classmethod
    def at(cls, where: str) -> Self:
        """Name the table's root."""
        return cls(
            f"there is no table at {where}",
            "run `lake run` to make it, or `lake tables` to see which exist",
        )


class VersionNotFoundError(StorageRequestError):
    """A table has no such version."""

    code = "LW211"

    @classmethod
    def numbered(cls, where: str, version: int, latest: int) -> Self:
        """Name the version asked for and the range that exists."""
        return cls(
            f"the table at {where} has no version {version}",
            f"its latest version is {latest}; lake history lists them",
        )

    @classmethod
    def cleaned(cls, where: str, version: int, oldest: int) -> Self:
        """Name a version whose log was deleted."""
        return cls(
            f"version {version} of the table at {where} can no longer be read",
            f"what was before was cut off the log: the oldest version left is {oldest}",
        )

    @classmethod
    def erased(cls, where: str, version: int, oldest: int) -> Self:
        """Name a version that held what was erased."""
        return cls(
            f"version {version} of the table at {where} was erased with a person's data",
            f"lake erase list names the erasure; the oldest version left is {oldest}",
        )

    @classmethod
    def before(cls, where: str, moment: datetime, first: datetime) -> Self:
        """Name a moment before the first version."""
        return cls(
            f"the table at {where} did not exist at {moment:%Y-%m-%d %H:%M:%S %Z}",
            f"its first version is of {first:%Y-%m-%d %H:%M:%S %Z}",
        )


class CommitConflictError(LakeError):
    """Another writer committed the version that a commit wanted; nothing was written."""

    code = "LW212"
    retryable = True

    @classmethod
    def lost(cls, where: str, version: int) -> Self:
        """Name the version that was taken."""
        return cls(
            f"another writer committed version {version} of the table at {where} first",
            "run again: nothing of this commit was kept",
        )


class CorruptLogError(LakeError):
    """A table's log cannot be understood."""

    code = "LW213"

    @classmethod
    def file(cls, where: str, reason: str) -> Self:
        """Name the file that is damaged."""
        return cls(
            f"the table log file {where} is damaged: {reason}",
            "restore this file from a backup; without one, move it and all later files of "
            "_delta_log elsewhere, and the table is as it was one version before",
        )

    @classmethod
    def gap(cls, where: str, version: int) -> Self:
        """Name the version whose file is missing."""
        return cls(
            f"the table log file {where} is missing, though later ones exist",
            f"restore this file from a backup; without one, move all later files of _delta_log "
            f"elsewhere, and the table is as it was at version {version - 1}",
        )


class CommitRefusedError(LakeError):
    """A commit that would make a table wrong; nothing was written."""

    code = "LW214"

    @classmethod
    def because(cls, where: str, reason: str) -> Self:
        """Say what is wrong with the commit."""
        return cls(
            f"refused to commit to the table at {where}: {reason}",
            "the table is unchanged; run again, and report this if it comes back",
        )


class UnsupportedTableError(StorageRequestError):
    """A Delta table that uses what Lakeworks does not read or write."""

    code = "LW215"

    @classmethod
    def feature(cls, where: str, feature: str) -> Self:
        """Name the feature of the Delta protocol."""
        return cls(
            f"the table at {where} uses {feature}, which Lakeworks does not support",
            "copy its rows into a plain Delta table with the engine that wrote it",
        )


class FilesLostError(StorageError):
    """Data files that a version needs are gone."""

    code = "LW216"

    @classmethod
    def version(cls, where: str, missing: str, count: int) -> Self:
        """Name one of the missing files."""
        return cls(
            f"{count} data file(s) of the table at {where} are gone, such as {missing}",
            "they were vacuumed or deleted: choose a later version, or rebuild the table with "
            "lake run --full-refresh --select TABLE",
        )


class SchemaRefusedError(CommitRefusedError):
    """A schema that the table's rows do not fit."""

    code = "LW217"

    @classmethod
    def narrowed(cls, where: str, column: str, old: Type, new: Type) -> Self:
        """Name a column whose type would lose values."""
        return cls(
            f"column {column!r} of the table at {where} is {old} and cannot become {new}",
            "cast the column to a type that holds both, or rebuild the table with "
            "lake run --full-refresh --select TABLE",
        )

    @classmethod
    def dropped(cls, where: str, column: str) -> Self:
        """Name a column that would vanish from rows that stay."""
        return cls(
            f"column {column!r} of the table at {where} is missing from the new schema",
            "keep the column, or rebuild the table with lake run --full-refresh --select TABLE",
        )


class MaintenanceRefusedError(StorageError):
    """Maintenance that cannot be done safely."""

    code = "LW218"

    @classmethod
    def because(cls, where: str, reason: str, hint: str) -> Self:
        """Say why."""
        return cls(f"maintenance of the table at {where} stopped: {reason}", hint)


_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DENIED = {errno.EACCES, errno.EPERM}
_ABSENT = {errno.ENOENT, errno.ENOTDIR}


def from_os_error(error: OSError, action: str, where: str) -> StorageError:
    """Return the error of this module that says what the operating system said."""
    if error.errno in _FULL:
        return DiskFullError.at(where)
    if error.errno == errno.EROFS:
        return ReadOnlyStorageError.at(where)
    if error.errno in _DENIED:
        return AccessDeniedError.folder(action, where)
    if error.errno in _ABSENT:
        return ObjectNotFoundError.at(where)
    if error.errno == errno.EEXIST:
        return AlreadyExistsError.at(where)
    return StorageError.failed(action, where, error.strerror or type(error).__name__)
