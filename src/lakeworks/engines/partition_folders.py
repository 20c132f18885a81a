"""The folders that other writers put a partition's files in: `day=2026-11-22/part-0.parquet`."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lakeworks.core.types import Field
    from lakeworks.storage.files import DataFile

_HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"


def value_of(partition: Mapping[str, str | None], name: str) -> str | None:
    """Return what a file's partition says of a column; its name is found in any case."""
    folded = {key.casefold(): value for key, value in partition.items()}
    return folded.get(name.casefold())


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
