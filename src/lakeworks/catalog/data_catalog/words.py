"""The words of a table's entry, and of a question. Pure.

`customer_emails`, `CustomerEmail` and `customer e-mails` come to the same words: lower case,
without accents, parted where names are, in the singular.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakeworks.catalog.data_catalog.model import Column, TableEntry

_RUN = re.compile(r"[^\W_]+")
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^A-Z\d]+|\d+|[A-Z]")
_LONGEST = 64
_SHORTEST_PLURAL = 4
# How much a word says about a table, by where it stands.
WEIGHTS = {
    "name": 12, "tag": 8, "column": 6, "database": 4, "owner": 4, "description": 3,
    "comment": 2, "parameter": 1,
}  # fmt: skip
# Parameters that people write; others speak to programs.
_TOLD = frozenset({"comment", "classification"})


@dataclass(frozen=True, slots=True)
class Place:
    """One text of an entry.

    Attributes:
        where: A key of `WEIGHTS`.
        of: The column or tag that it belongs to; empty for what is of the table.
    """

    where: str
    of: str
    text: str


# Tables repeat each other's names and comments.
@lru_cache(maxsize=16_384)
def words_of(text: str, *, wholes: bool = True) -> tuple[str, ...]:
    """Return the words of a text, in order; with `wholes` a CamelCase name also undivided."""
    found: list[str] = []
    for run in _RUN.findall(_unaccented(text)):
        parts = [_singular(part.lower()) for part in _PARTS.findall(run)]
        found += parts
        if wholes and len(parts) > 1:
            found.append(_singular(run.lower()))
    return tuple(word[:_LONGEST] for word in found)


def places(entry: TableEntry) -> Iterator[Place]:
    """Return every text of an entry that is searched."""
    yield Place("name", "", entry.name.table)
    yield Place("database", "", entry.name.database)
    yield Place("description", "", entry.description)
    yield Place("owner", "", entry.owner)
    for tag, value in entry.tags.items():
        yield Place("tag", "", f"{tag}: {value}")
    for key, value in entry.parameters.items():
        if key in _TOLD:
            yield Place("parameter", "", value)
    for column in entry.columns:
        yield from _of_column(column)


def weights(entry: TableEntry) -> dict[str, int]:
    """Return the words of an entry, each with how much it says about the table."""
    found: dict[str, int] = {}
    for place in places(entry):
        for word in set(words_of(place.text)):
            # Once in a name beats often in comments.
            weight = WEIGHTS[place.where]
            found[word] = max(found.get(word, 0), weight)
    return found


def _of_column(column: Column) -> Iterator[Place]:
    yield Place("column", column.name, column.name)
    if column.comment:
        yield Place("comment", column.name, column.comment)
    for tag, value in column.tags.items():
        yield Place("tag", column.name, f"{tag}: {value}")


def _unaccented(text: str) -> str:
    if text.isascii():
        return text
    parted = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in parted if not unicodedata.combining(letter))


def _singular(word: str) -> str:
    if len(word) < _SHORTEST_PLURAL or not word.endswith("s") or word.endswith("ss"):
        return word
    return word[:-3] + "y" if word.endswith("ies") else word[:-1]
