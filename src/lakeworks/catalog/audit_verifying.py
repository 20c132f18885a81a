"""Walk along the audit trail and find what was changed, left out, put in or taken away.

Entries come in order, each with its words as far as they are there. Words that are not must have
been taken by an erasure that is a later entry itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lakeworks.catalog.audit_words import digest, digest_in, erased_by, ranges

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lakeworks.catalog.audit_trail import Head

_SHOWN_BREAKS = 20


@dataclass(frozen=True, slots=True)
class Verification:
    """What a look at every entry came to.

    Attributes:
        breaks: What is wrong, one line each.
        marks: How many heads kept elsewhere were compared with.
        words: How many entries have words, which are the ones that were written.
        words_erased: How many entries had words that erasures took.
    """

    entries: int
    head: Head
    breaks: tuple[str, ...]
    marks: int
    words: int = 0
    words_erased: int = 0

    @property
    def sound(self) -> bool:
        """Whether the trail is whole, its end included."""
        return not self.breaks and (self.marks > 0 or self.entries == 0)


@dataclass(slots=True)
class Walk:
    """A walk along the chain.

    Attributes:
        last: The entry that was looked at last.
        wanted: Numbers of the entries whose hashes marks hold.
        missing: Entries whose words are not there, and no erasure was met that took them.
    """

    last: Head
    wanted: frozenset[int]
    entries: int = 0
    words: int = 0
    breaks: list[str] = field(default_factory=list)
    hashes: dict[int, str] = field(default_factory=dict)
    missing: set[int] = field(default_factory=set)
    erased: set[int] = field(default_factory=set)

    def step(self, row: Sequence[Any], expected: str, words: Sequence[Any]) -> None:
        """Look at the next entry.

        Args:
            row: The entry as it lies in the catalog.
            expected: The hash that it must have.
            words: The salt and the text of its words; None for each where there is no such row.
        """
        from lakeworks.catalog.audit_trail import Head

        seq, _, kind, _, body, previous, found = row
        self.entries += 1
        if not isinstance(seq, int):
            # SQLite keeps any value in any column.
            self.breaks.append(f"entry {seq!r} has no number")
            return
        if seq != self.last.seq + 1:
            self.breaks.append(f"after entry {self.last.seq} comes entry {seq}")
        elif previous != self.last.hash:
            self.breaks.append(f"entry {seq} does not follow the one before it")
        if found != expected:
            self.breaks.append(f"entry {seq} was changed")
        self.last = Head(seq, found)
        if seq in self.wanted:
            self.hashes[seq] = found
        self._look_at_words(seq, digest_in(body), words)
        taken = erased_by(kind, body)
        if taken:
            self._take(seq, taken)

    def orphans(self, numbers: Iterable[Any]) -> None:
        """Take note of words that belong to no entry."""
        self.breaks += [
            f"there are words of an entry {one!r}, which is not there" for one in numbers
        ]

    def ended(self, marks: Sequence[Head]) -> Verification:
        """Return what the walk came to, compared with heads that were kept elsewhere."""
        for seq in sorted(self.missing):
            self.breaks.append(f"the words of entry {seq} are gone, and no erasure took them")
        for mark in marks:
            if mark.seq > self.last.seq:
                self.breaks.append(
                    f"entry {mark.seq} was written and is gone: the trail ends at {self.last.seq}"
                )
            elif mark.seq and self.hashes.get(mark.seq) != mark.hash:
                self.breaks.append(f"entry {mark.seq} is not the one that was written")
        return Verification(
            self.entries,
            self.last,
            tuple(self.breaks[:_SHOWN_BREAKS]),
            len(marks),
            self.words,
            len(self.erased),
        )

    def _look_at_words(self, seq: int, kept: str, words: Sequence[Any]) -> None:
        if words[0] is None and words[1] is None:
            if kept:
                self.missing.add(seq)
        elif not kept:
            self.breaks.append(f"entry {seq} was written without words and has some")
        elif digest(*words) != kept:
            self.breaks.append(f"the words of entry {seq} were changed")
        else:
            self.words += 1

    def _take(self, seq: int, taken: str) -> None:
        """Look whether the words that an erasure took are gone."""
        found = ranges(taken)
        # Whoever writes an entry of their own could name any number: it must not take hours.
        if found is None or any(not 0 < a <= b < seq for a, b in found) or _many(found, self):
            self.breaks.append(f"entry {seq} does not say whose words it took")
            return
        for first, last in found:
            for one in range(first, last + 1):
                if one in self.missing:
                    self.missing.discard(one)
                    self.erased.add(one)
                elif one not in self.erased:
                    self.breaks.append(
                        f"entry {seq} took the words of entry {one}, it says: that is not so"
                    )


def _many(found: Sequence[tuple[int, int]], walk: Walk) -> bool:
    return sum(b - a + 1 for a, b in found) > walk.entries
