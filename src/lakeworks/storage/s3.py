"""A bucket, or a prefix of one, as an object store, over `obstore`.

Loaded only when an `s3://` URL is opened. Server answers never reach a message: some quote the
key and the string that was signed. Only their error code does.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import re
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from lakeworks.storage.ahead import Ahead
from lakeworks.storage.errors import (
    AccessDeniedError,
    AlreadyExistsError,
    BucketNotFoundError,
    ObjectNotFoundError,
    StorageError,
    UnreachableError,
)
from lakeworks.storage.objects import ObjectInfo, ObjectStore, checked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

    from lakeworks.core.errors import LakeError
    from lakeworks.storage.s3_settings import S3Settings

_FIRST_READ_BYTES = 128 * 1024
_READ_AHEAD_BYTES = 8 * 1024 * 1024
_PART_BYTES = 16 * 1024 * 1024
_DELETE_BATCH = 1000
_CODE = re.compile(r"<Code>(\w+)</Code>")
_STATUS = re.compile(r"status code: (\d+)")
_DENIED_CODES = {
    "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken",
    "InvalidToken", "TokenRefreshRequired", "AccountProblem", "AllAccessDisabled",
}  # fmt: skip
_KEYS_REFUSED = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"}


class S3ObjectStore(ObjectStore):
    """A prefix of a bucket on AWS or on a server that speaks its protocol."""

    def __init__(self, settings: S3Settings) -> None:
        from obstore.store import S3Store

        self.settings = settings
        self.root = f"s3://{settings.bucket}/{settings.prefix}".rstrip("/")
        retries: Any = {"max_retries": 5, "retry_timeout": timedelta(seconds=30)}
        client: Any = {
            "allow_http": settings.allow_http,
            "connect_timeout": "5s",
            "timeout": "300s",
        }
        config: Any = settings.for_object_store(with_keys=settings.source is None)
        provider: Any = settings.source
        self._store = S3Store(
            settings.bucket,
            prefix=settings.prefix or None,
            config=config,
            client_options=client,
            retry_config=retries,
            credential_provider=provider,
        )

    def child(self, prefix: str) -> S3ObjectStore:
        """Return the store at a longer prefix."""
        below = f"{self.settings.prefix}/{checked(prefix)}".lstrip("/")
        return S3ObjectStore(dataclasses.replace(self.settings, prefix=below))

    def get(self, path: str) -> bytes:
        """Return an object's content."""
        import obstore

        with self._told("read", path):
            return bytes(obstore.get(self._store, checked(path)).bytes())

    def put(self, path: str, data: bytes) -> None:
        """Write an object, in place of any before it."""
        import obstore

        with self._told("write", path):
            obstore.put(self._store, checked(path), data, chunk_size=_PART_BYTES)

    def put_if_absent(self, path: str, data: bytes) -> None:
        """Write an object where none is, by `If-None-Match: *`."""
        import obstore

        with self._told("write", path):
            obstore.put(self._store, checked(path), data, mode="create")

    def info(self, path: str) -> ObjectInfo | None:
        """Return what a listing would say of one object, or None when there is none."""
        import obstore

        try:
            with self._told("look at", path):
                return _info(obstore.head(self._store, checked(path)))
        except ObjectNotFoundError:
            return None

    def list(self, prefix: str = "", *, unfinished: bool = False) -> Iterator[ObjectInfo]:  # noqa: ARG002 - unfinished uploads are not objects
        """Yield every object below a prefix, in order of key."""
        return self._list(prefix, None)

    def list_after(self, prefix: str, start_after: str) -> Iterator[ObjectInfo]:
        """Yield objects below a prefix whose path sorts after `start_after`."""
        return self._list(prefix, start_after)

    def folders(self, prefix: str, *, depth: int = 1) -> Iterator[str]:
        """Yield the prefixes `depth` levels below a prefix, relative to it, in order."""
        import obstore

        with self._told("list", prefix):
            found = obstore.list_with_delimiter(self._store, checked(prefix))
        for folder in found["common_prefixes"]:
            name = folder.rstrip("/").rpartition("/")[2]
            if depth == 1:
                yield name
            else:
                below = self.folders(f"{prefix}/{name}", depth=depth - 1)
                yield from (f"{name}/{inner}" for inner in below)

    def delete(self, paths: Iterable[str]) -> None:
        """Delete objects, a thousand a request."""
        import obstore

        rest = iter(paths)
        while batch := [checked(path) for path in islice(rest, _DELETE_BATCH)]:
            try:
                with self._told("delete", batch[0]):
                    obstore.delete(self._store, batch)
            except ObjectNotFoundError:
                self._delete_singly(batch)

    def delete_tree(self, prefix: str) -> None:
        """Delete every object below a prefix."""
        self.delete([found.path for found in self.list(prefix)])

    def open_read(self, path: str) -> BinaryIO:
        """Open an object for reading, in pieces that grow from 128 KiB to 8 MiB."""
        info = self.info(path)
        if info is None:
            raise ObjectNotFoundError.at(f"{self.root}/{path}")
        return io.BufferedReader(_Raw(self, info), _READ_AHEAD_BYTES)

    def get_range(self, path: str, start: int, size_bytes: int) -> bytes:
        """Return a part of an object's content."""
        import obstore

        with self._told("read", path):
            return bytes(
                obstore.get_range(self._store, checked(path), start=start, length=size_bytes)
            )

    def write_stream(self, path: str, chunks: Iterable[bytes]) -> None:
        """Write an object from pieces, as a multipart upload that is dropped on failure."""
        import obstore

        failures: list[BaseException] = []

        def given() -> Iterator[bytes]:
            try:
                yield from ahead
            except BaseException as error:
                failures.append(error)
                raise

        try:
            # The vendor's runtime calls the iterator and must not be entered again by it, as it
            # would be where the pieces come from a bucket too: hence the other thread.
            with Ahead(chunks) as ahead, self._told("write", path):
                obstore.put(self._store, checked(path), given(), chunk_size=_PART_BYTES)
        except Exception:
            if failures:
                raise failures[0] from None
            raise

    def local_path(self, path: str) -> None:
        """Return None: a bucket is on no local disk."""
        if path:
            checked(path)

    def storage_options(self) -> dict[str, str]:
        """Return what `deltalake` needs: conditional writes included."""
        http = {"aws_allow_http": "true"} if self.settings.allow_http else {}
        return {**self.settings.for_object_store(), **http}

    @property
    def credentials_expire(self) -> bool:
        """Whether `s3_settings` must be asked again from time to time."""
        return self.settings.source is not None

    def s3_settings(self) -> dict[str, str | bool]:
        """Return what an engine needs to read this bucket."""
        return self.settings.for_engine()

    def _list(self, prefix: str, start_after: str | None) -> Iterator[ObjectInfo]:
        import obstore

        with self._told("list", prefix):
            for page in obstore.list(
                self._store, checked(prefix) if prefix else None, offset=start_after
            ):
                for meta in page:
                    yield _info(meta)

    def _delete_singly(self, batch: Iterable[str]) -> None:
        import obstore

        for path in batch:
            with contextlib.suppress(ObjectNotFoundError), self._told("delete", path):
                obstore.delete(self._store, path)

    @contextlib.contextmanager
    def _told(self, action: str, path: str) -> Iterator[None]:
        """Turn the vendor's errors into ours; the cause is cut off, for it quotes requests."""
        from obstore.exceptions import AlreadyExistsError as Taken
        from obstore.exceptions import BaseError

        where = f"{self.root}/{path}".rstrip("/")
        try:
            yield
        except Taken:
            raise AlreadyExistsError.at(where) from None
        except (BaseError, OSError) as error:
            raise self._error(error, action, where) from None

    def _error(self, error: Exception, action: str, where: str) -> LakeError:
        source = self.settings.source
        if source is not None and source.failure is not None:
            # The vendor's library called it, and told only that it failed.
            return _again(source.failure)
        text = str(error)
        code, status = _first(_CODE, text), _first(_STATUS, text)
        kind = type(error).__name__
        if code == "NoSuchBucket":
            return BucketNotFoundError.named(self.settings.bucket, self.settings.place)
        if source is not None and code in _KEYS_REFUSED:
            source.refused()
        if code in _DENIED_CODES or status in {"401", "403"} or "Permission" in kind:
            return AccessDeniedError.bucket(action, where, code or f"status {status or 403}")
        if isinstance(error, FileNotFoundError) or status == "404":
            return ObjectNotFoundError.at(where)
        if code == "PermanentRedirect" or status == "301":
            return StorageError(
                f"bucket {self.settings.bucket!r} is not in region {self.settings.region}",
                "set `region:` of the environment's s3 options, or AWS_REGION",
            )
        if not status and ("HTTP error" in text or "credential" in text.lower()):
            return UnreachableError.endpoint(self.settings.place, where)
        return StorageError.failed(
            action, where, code or f"status {status}" if status else kind
        )


class _Raw(io.RawIOBase):
    """An object as Python's own kind of raw file.

    Who reads only the beginning, or looks for what is at the end, does not fetch much more.
    """

    def __init__(self, store: S3ObjectStore, info: ObjectInfo) -> None:
        self._store = store
        self._info = info
        self._at = 0
        self._ahead_bytes = _FIRST_READ_BYTES

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any writable buffer
        size_bytes = min(len(buffer), self._ahead_bytes, self._info.size_bytes - self._at)
        if size_bytes <= 0:
            return 0
        data = self._store.get_range(self._info.path, self._at, size_bytes)
        buffer[: len(data)] = data
        self._at += len(data)
        self._ahead_bytes = min(4 * self._ahead_bytes, _READ_AHEAD_BYTES)
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origins = {
            io.SEEK_SET: 0,
            io.SEEK_CUR: self._at,
            io.SEEK_END: self._info.size_bytes,
        }
        self._at = max(0, origins[whence] + offset)
        return self._at

    def tell(self) -> int:
        return self._at


def _again(failure: LakeError) -> LakeError:
    """Return an exception of its own for each time that a failure is told."""
    return type(failure)(failure.problem, failure.hint)


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found.group(1) if found else ""


def _info(meta: Any) -> ObjectInfo:  # noqa: ANN401 - the vendor's mapping
    return ObjectInfo(meta["path"], meta["size"], meta["last_modified"], meta["e_tag"] or "")
