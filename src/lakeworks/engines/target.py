"""Which files of a table a load replaces whole."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lakeworks.storage.files import DataFile, TableSource

_MIDNIGHT = re.compile(r"(\d{4}-\d\d-\d\d)[ T]00:00:00(?:\.0+)?")


@dataclass(frozen=True, slots=True)
class Settled:
    """New rows brought together with a table's rows.

    Attributes:
        fresh: Files with the new rows that enter, and `carried` rows of the table among them.
        rewritten: Files with rows of the table that stay as they are.
        removed: The table's files that these replace.
        superseded: New rows that do not enter: the table has the same, or later ones.
    """

    fresh: Sequence[DataFile]
    rewritten: Sequence[DataFile]
    removed: Sequence[DataFile]
    superseded: int
    carried: int = 0


def replaced_files(
    target: TableSource, partitions: Sequence[Mapping[str, str | None]]
) -> list[DataFile]:
    """Return the files that lie in one of `partitions`."""
    wanted = {_identity(partition) for partition in partitions}
    return [file for file in target.files if _identity(file.partition) in wanted]


def _identity(partition: Mapping[str, str | None]) -> frozenset[tuple[str, str | None]]:
    return frozenset((name.casefold(), _normal(value)) for name, value in partition.items())


def _normal(value: str | None) -> str | None:
    """Return one spelling of a value: writers differ in how they log timestamps."""
    if not value:
        return None
    text = re.sub(r"(?<=\d)(?:Z|\+00(?::?00)?)$", "", value)
    text = re.sub(r"^(\d{4}-\d\d-\d\d)T(?=\d\d:)", r"\1 ", text)
    text = re.sub(r"(:\d\d\.\d*?)0+$", r"\1", text).rstrip(".")
    return _MIDNIGHT.sub(r"\1 00:00:00", text)
