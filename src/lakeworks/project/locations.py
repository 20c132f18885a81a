"""Where data is: folders and `s3://` addresses as written, made absolute or refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
S3 = "s3://"


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a location is not accepted; never holds the location itself, which may be secret."""

    problem: str
    hint: str = ""


def resolved(root: Path, text: str) -> str | Refused:
    """Return a folder, file or glob as an absolute path, or an `s3://` address as it is.

    Args:
        root: The project's folder, from which relative paths count.
    """
    refused = _refused_characters(text)
    if refused is not None:
        return refused
    if text.startswith(S3):
        return _s3(text)
    if _SCHEME.match(text):
        hint = "write a folder, or s3://bucket/prefix"
        return Refused("is neither a folder nor an s3:// address", hint)
    if ".." in PurePosixPath(text).parts:
        return Refused("climbs out of a folder with '..'", "write the absolute path")
    path = Path(text).expanduser() if text.startswith("~/") else Path(text)
    return str(root / path)


def _refused_characters(text: str) -> Refused | None:
    if not text or text != text.strip():
        return Refused("is empty, or begins or ends with a space")
    if not text.isprintable():
        return Refused("holds a control character")
    found = next((mark for mark in "'\"`\\;" if mark in text), None)
    if found is not None:
        return Refused(f"holds the character {found}", "rename the folder or file")
    return None


def _s3(text: str) -> str | Refused:
    bucket, _, key = text.removeprefix(S3).partition("/")
    if not _BUCKET.fullmatch(bucket) or ".." in bucket:
        return Refused("does not name a bucket", "write s3://bucket/prefix")
    if ".." in key.split("/"):
        return Refused("climbs out of a folder with '..'", "write the whole prefix")
    return text.rstrip("/")
