"""Names of tables and columns, made of the names of folders, files and fields as Glue makes them.

Pure.
"""

from __future__ import annotations

import hashlib
import re

from lakeworks.core.names import is_identifier

MAX_NAME_CHARACTERS = 128
MAX_COLUMN_CHARACTERS = 255
_OTHER = re.compile(r"[^a-z0-9_]")
_UNPRINTED = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\ud800-\udfff]")


def table_name(place: str, prefix: str = "") -> str:
    """Return the name of a table at `place`: lower case, and _ for all but letters and digits.

    Args:
        place: A folder, a file or a bucket: its last part counts.
        prefix: The crawler's `table_prefix`.
    """
    last = place.rstrip("/").rpartition("/")[2]
    name = prefix + _OTHER.sub("_", last.lower())
    if not is_identifier(name) and not prefix:
        name = f"_{name}"  # names of the lake begin with no digit
    if not name.strip("_"):
        name = f"table_{_digest(place)}"
    if len(name) > MAX_NAME_CHARACTERS:
        name = suffixed(name, place)
    return name


def suffixed(name: str, location: str) -> str:
    """Return a name that another table at another place does not have: with a digest of it."""
    digest = _digest(location)
    return f"{name[: MAX_NAME_CHARACTERS - len(digest) - 1]}_{digest}"


def column_name(name: str) -> str:
    """Return a column's name as the catalog keeps it: lower case, nothing but text in it."""
    plain = _UNPRINTED.sub("_", name).lower()
    if len(plain) > MAX_COLUMN_CHARACTERS:
        digest = _digest(plain)
        plain = f"{plain[: MAX_COLUMN_CHARACTERS - len(digest) - 1]}_{digest}"
    return plain or "_"


def _digest(text: str) -> str:
    return hashlib.md5(text.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()
