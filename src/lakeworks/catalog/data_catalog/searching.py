"""Find tables by words: in names, descriptions, columns, comments, owners and tags.

The catalog keeps an index of its own, from words to tables, since SQLite's and PostgreSQL's
differ in what they find. A word matches those that begin with it.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.catalog.data_catalog import rows
from lakeworks.catalog.data_catalog.pruning import after_prefix
from lakeworks.catalog.data_catalog.verbs import Verbs
from lakeworks.catalog.data_catalog.words import WEIGHTS, Place, places, weights, words_of
from lakeworks.core.names import TableName

if TYPE_CHECKING:
    from lakeworks.catalog.data_catalog.model import TableEntry
    from lakeworks.catalog.database import Session

_MOST_WORDS = 16
_MOST_PLACES = 5
# Above twice every weight.
_MOST_SCORE = 100


@dataclass(frozen=True, slots=True)
class Match:
    """Where a table says what was asked for.

    Attributes:
        where: `name`, `database`, `description`, `owner`, `tag`, `column`, `comment` or
            `parameter`.
        column: The column that it is said of; empty for the table.
        text: What stands there.
    """

    where: str
    column: str
    text: str


@dataclass(frozen=True, slots=True)
class SearchHit:
    """One table that was found.

    Attributes:
        score: Of use only to compare with the other hits of the same question.
        matches: Where the words stand, the most telling first.
        complete: Whether every word of the question was found.
    """

    table: TableName
    table_type: str
    description: str
    owner: str
    score: float
    complete: bool
    matches: tuple[Match, ...]


# Of columns of tables, by tag: the values that it has there.
ColumnTags = Mapping[TableName, Mapping[str, Mapping[str, Iterable[str]]]]
Seen = Callable[["TableEntry"], "TableEntry | None"]


class SearchVerbs(Verbs):
    """Search."""

    def search(
        self,
        text: str,
        *,
        limit: int = 20,
        tags: ColumnTags | None = None,
        seen: Seen | None = None,
    ) -> list[SearchHit]:
        """Return the tables that a question is about, the best first.

        Tables with all its words come before those with some.

        Args:
            text: Words; each finds those that begin with it.
            limit: How many tables at most.
            tags: Tags that columns have without an entry that says so: those that follow data.
            seen: What of an entry may be known, None for nothing; what is not known neither finds
                a table nor ranks it. It is asked of every table that has one of the words.
        """
        asked = list(dict.fromkeys(words_of(text, wholes=False)))[:_MOST_WORDS]
        self._fresh()
        if not asked:
            return []
        with self._database.reading() as session:
            tagged = _tagged(session, tags or {})
            found = _ranked(session, asked, tagged, limit if seen is None else None)
            entries = dict(rows.tables_numbered(session, [row[0] for row in found]))
        if seen is not None:
            known = {number: seen(entry) for number, entry in entries.items()}
            entries = {number: entry for number, entry in known.items() if entry is not None}
            found = _ranked_again(entries, asked, tagged)[:limit]
        return [
            _hit(
                entries[number],
                [*places(entries[number]), *tagged.get(number, ())],
                asked,
                score,
                complete=matched == len(asked),
            )
            for number, matched, score in found
        ]


def index(session: Session, entries: Mapping[int, TableEntry]) -> None:
    """Note the words of tables, by number, of which none are noted."""
    session.insert_many(
        "dc_words",
        ("word", "table_id", "weight"),
        [
            (word, number, weight)
            for number, entry in entries.items()
            for word, weight in sorted(weights(entry).items())
        ],
    )


def forget(session: Session, number: int) -> None:
    """Forget the words of a table."""
    session.run("DELETE FROM dc_words WHERE table_id = :id", id=number)


def _tagged(session: Session, tags: ColumnTags) -> dict[int, list[Place]]:
    """Return where tables have tags that no entry says, by the tables' numbers."""
    told = {
        table: [
            Place("tag", column, f"{tag}: {value}")
            for column, found in columns.items()
            for tag, values in found.items()
            for value in values
        ]
        for table, columns in tags.items()
    }
    known = rows.table_numbers(session, [table for table, found in told.items() if found])
    return {number: told[table] for table, number in known.items()}


def _ranked(
    session: Session,
    asked: Sequence[str],
    tagged: Mapping[int, Sequence[Place]],
    limit: int | None,
) -> list[tuple[int, int, int]]:
    """Return the best tables, or all: number, how many of the words it has, score."""
    words: dict[int, int] = {}
    scores: dict[int, int] = {}
    more = {number: _words(found) for number, found in tagged.items()}
    # Databases take several times as long for the same, as they sort.
    for word in asked:
        best = _scores(session, word)
        for number, found in more.items():
            score = _score_of_tag(word, found)
            if score > best.get(number, 0):
                best[number] = score
        for number, score in best.items():
            words[number] = words.get(number, 0) + 1
            scores[number] = scores.get(number, 0) + score
    most = len(words) if limit is None else limit
    ranked = heapq.nsmallest(
        most, ((-words[number], -scores[number], number) for number in words)
    )
    return [(number, -matched, -score) for matched, score, number in ranked]


def _ranked_again(
    entries: Mapping[int, TableEntry],
    asked: Sequence[str],
    tagged: Mapping[int, Sequence[Place]],
) -> list[tuple[int, int, int]]:
    """Return tables as `_ranked` does, by what these entries say and nothing else."""
    found = []
    for number, entry in entries.items():
        told = weights(entry)
        more = _words(tagged.get(number, ()))
        scores = [
            max(
                (
                    (2 if known == word else 1) * weight
                    for known, weight in told.items()
                    if known.startswith(word)
                ),
                default=0,
            )
            for word in asked
        ]
        scores = [max(score, _score_of_tag(word, more))
                  for word, score in zip(asked, scores, strict=True)]  # fmt: skip
        matched = sum(score > 0 for score in scores)
        if matched:
            found.append((-matched, -sum(scores), str(entry.name), number))
    return [(number, -matched, -score) for matched, score, _, number in sorted(found)]


def _scores(session: Session, word: str) -> dict[int, int]:
    """Return how much a word says about the tables that have it, by number."""
    best: dict[int, int] = {}
    # Both in one number, as a common word brings thousands.
    found = session.numbers(
        # A word that is meant as it stands counts twice one that only begins so.
        f"SELECT CAST(table_id AS BIGINT) * {_MOST_SCORE} + "
        "CASE WHEN word = :word THEN 2 * weight ELSE weight END "
        "FROM dc_words WHERE word >= :word AND word < :after",
        word=word,
        after=after_prefix(word),
    )
    for both in found:
        number, score = divmod(both, _MOST_SCORE)
        if best.get(number, 0) < score:
            best[number] = score
    return best


def _words(found: Iterable[Place]) -> set[str]:
    return {word for place in found for word in words_of(place.text)}


def _score_of_tag(word: str, found: Collection[str]) -> int:
    if word in found:
        return 2 * WEIGHTS["tag"]
    return WEIGHTS["tag"] if any(one.startswith(word) for one in found) else 0


def _hit(
    entry: TableEntry,
    said: Iterable[Place],
    asked: Sequence[str],
    score: float,
    *,
    complete: bool,
) -> SearchHit:
    found = []
    for place in dict.fromkeys(said):
        told = words_of(place.text)
        hits = sum(any(word.startswith(one) for word in told) for one in asked)
        if hits:
            found.append((-hits, -WEIGHTS[place.where], place))
    found.sort(key=lambda one: one[:2])
    return SearchHit(
        entry.name,
        entry.table_type,
        entry.description,
        entry.owner,
        score,
        complete,
        tuple(Match(p.where, p.of, p.text) for *_, p in found[:_MOST_PLACES]),
    )
