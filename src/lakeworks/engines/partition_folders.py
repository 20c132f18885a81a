"""The folders that other writers put a partition's files in: `day=2026-11-22/part-0.parquet`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lakeworks.core.types import Field
    from lakeworks.storage.files import DataFile

_ARCHIVE_END = re.compile(r"(?i)(\.zip)!")
_HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"


def value_of(partition: Mapping[str, str | None], name: str) -> str | None:
    """Return what a file's partition says of a column; its name is found in any case."""
    folded = {key.casefold(): value for key, value in partition.items()}
    return folded.get(name.casefold())


def told_by_path(path: str, name: str) -> tuple[bool, str | None]:
    """Return whether a folder above a file tells a column's value, and the value.

    The folder nearest to the file counts, those inside an archive too; names are compared in any
    case. A value that Hive writes for null, or none, is null.
    """
    for key, text in reversed(_pairs(path)):
        if key.casefold() == name.casefold():
            return True, _value(text)
    return False, None


def names_in(path: str) -> tuple[str, ...]:
    """Return the columns that the folders above a file tell, each once."""
    return tuple(dict.fromkeys(name for name, _ in _pairs(path) if name))


def _pairs(path: str) -> list[tuple[str, str]]:
    parts = (part.partition("=") for part in _ARCHIVE_END.sub(r"\1/", path).split("/")[:-1])
    return [(unquote(name), text) for name, mark, text in parts if mark]


def _value(text: str) -> str | None:
    if text in {"", _HIVE_NULL}:
        return None
    value = unquote(text)
    return text if "\0" in value else value  # no engine takes that character in a text


def tell_all(files: Iterable[DataFile], fields: Sequence[Field]) -> bool:
    """Whether the folders of all files name these columns with the values that the log has."""
    return all(_in_path(file.path) == _in_log(file.partition, fields) for file in files)


def _in_log(
    partition: Mapping[str, str | None], fields: Sequence[Field]
) -> list[tuple[str, str]]:
    values = ((field.name, value_of(partition, field.name)) for field in fields)
    return [(name, value or _HIVE_NULL) for name, value in values]


def _in_path(path: str) -> list[tuple[str, str]]:
    pairs = (part.partition("=") for part in path.split("/")[:-1])
    return [(unquote(name), unquote(value)) for name, _, value in pairs]
