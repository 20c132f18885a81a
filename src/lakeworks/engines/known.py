"""What is known of data without reading its rows, as footers of files tell it. Pure data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class KnownColumn:
    """What is known of a column without reading it.

    Attributes:
        nulls: How many values are null, or None.
        bounds: Of a column of whole numbers: the least and the greatest, or None. Exact.
    """

    nulls: int | None = None
    bounds: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of bound data without reading its rows; columns by name."""

    rows: int
    columns: Mapping[str, KnownColumn] = field(default_factory=dict)
