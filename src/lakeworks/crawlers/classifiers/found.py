"""What a classifier says of one file. Pure data; it travels between processes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lakeworks.crawlers.kinds import Columns

# As Glue: the first thousand records, or the first megabyte; where that holds no whole record,
# up to ten.
MAX_RECORDS = 1_000
WINDOW_BYTES = 1024 * 1024
LARGEST_WINDOW_BYTES = 10 * 1024 * 1024

EMPTY = "it is empty"

Details = tuple[tuple[str, str], ...]


class NeedMoreError(Exception):
    """There is no whole record yet in what was read of the file."""


class NotReadableError(Exception):
    """The file is no table, or not whole; says why."""


@dataclass(frozen=True, slots=True)
class Found:
    """The format and columns of one file.

    Attributes:
        classification: Glue's word for the format.
        classifier: Which classifier said so: a custom one's name, or the classification.
        details: What a reader needs besides (delimiter, row tag); files of one table agree.
        rows: How many records the file has; an estimate where not `exact`.
        compression: Glue's `compressionType`.
        first_row: Of a CSV file whose header is in doubt: its first row.
    """

    classification: str
    columns: Columns
    classifier: str = ""
    details: Details = ()
    rows: float = 0
    compression: str = "none"
    first_row: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Skipped:
    """Why a file is in no table."""

    reason: str


@dataclass(frozen=True, slots=True)
class Text:
    """The beginning of a file's content, as text.

    Attributes:
        text: Without a byte order mark.
        whole: Whether this is all of the file.
        last: Whether no more of it will be read, whole or not.
        encoding: `utf-8`, `utf-16` or `windows-1252`.
    """

    text: str
    whole: bool
    last: bool = False
    encoding: str = "utf-8"

    def lines(self, limit: int = MAX_RECORDS + 1) -> list[str]:
        """Return the first lines that are whole, without their ends.

        Raises:
            NeedMoreError: there is none.
        """
        found = self.text.split("\n", limit)
        # The last piece: more lines, half a line, or nothing after the last end.
        if len(found) > limit or not self.whole or not found[-1]:
            found.pop()
        if not found and not self.whole:
            raise NeedMoreError
        return [line.removesuffix("\r") for line in found]

    def taken_by(self, lines: list[str]) -> int:
        """Return how many characters its first lines take."""
        read = sum(map(len, lines)) + len(lines)
        all_of_it = self.whole and len(lines) >= self.text.count("\n")
        return len(self.text) if all_of_it else read

    def estimated(self, rows: int, read_characters: int) -> float:
        """Return how many rows the text has, by the share of it that `rows` took."""
        return rows if read_characters <= 0 else rows * max(len(self.text) / read_characters, 1)
