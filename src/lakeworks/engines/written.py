"""What writing files gives, and the names and columns that every engine's writer needs.

Pure: shared by the engines' writers, so that their files are alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.core.types import Decimal, Scalar
from lakeworks.engines.errors import UnknownColumnError, UnsupportedTypeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lakeworks.core.types import Schema
    from lakeworks.storage.files import DataFile

FILE_BYTES = 128 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Written:
    """One file that a write made.

    Attributes:
        divided: The value, as text, of the column by which the rows were divided, or None.
    """

    file: DataFile
    divided: str | None = None


def free_name(taken: Iterable[str], wish: str) -> str:
    """Return `wish`, or `wish` with underscores added until no column is called so."""
    folded = {name.casefold() for name in taken}
    while wish.casefold() in folded:
        wish += "_"
    return wish


def partition_columns(schema: Schema, partition_by: Sequence[str], table: str) -> list[str]:
    """Return the names as the schema spells them.

    Raises:
        UnknownColumnError: there is no such column.
        UnsupportedTypeError: a column's type has no text that every reader understands.
    """
    names = []
    for name in partition_by:
        field = schema.get(name)
        if field is None:
            raise UnknownColumnError.named(
                name, setting="partition_by", table=table, known=schema.names
            )
        if not isinstance(field.type, (Scalar, Decimal)) or field.type == Scalar("binary"):
            raise UnsupportedTypeError(
                f"{table} cannot be partitioned by {name}, which is {field.type}",
                "partition by text, numbers, dates or timestamps",
            )
        names.append(field.name)
    return names
