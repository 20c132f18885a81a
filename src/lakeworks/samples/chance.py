"""SQL expressions that look random and are the same in every run.

Pure text. Every value of the sample world is a function of a row's number, the seed and the
name of what is decided, so that any file can be written alone, in any order, on any thread.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.core.names import quote_literal

if TYPE_CHECKING:
    from collections.abc import Sequence

_OFFSET_BITS = 60


@dataclass(frozen=True, slots=True)
class Dice:
    """Makes expressions over a bigint expression `key`; equal names give equal throws."""

    seed: int

    def uniform(self, key: str, name: str) -> str:
        """A double in [0, 1)."""
        return f"((hash({key} + {self._offset(name)}) >> 11)::double / 9007199254740992e0)"

    def below(self, key: str, name: str, limit: int | str) -> str:
        """A bigint in [0, limit)."""
        return f"(hash({key} + {self._offset(name)}) % {limit})::bigint"

    def chance(self, key: str, name: str, share: float) -> str:
        """True for about `share` of the keys."""
        parts = 1_000_000
        limit = round(share * parts)
        return f"((hash({key} + {self._offset(name)}) % {parts}) < {limit})"

    def pick(self, key: str, name: str, words: Sequence[str]) -> str:
        """One of `words`, each as likely; repeat a word to make it likelier."""
        return f"{texts(words)}[1 + {self.below(key, name, len(words))}]"

    def _offset(self, name: str) -> int:
        # Adding before hashing keeps throws independent; hash(key, salt) would only flip
        # the same bits of every key's hash.
        digest = hashlib.sha256(f"{self.seed}:{name}".encode()).digest()
        return int.from_bytes(digest[:8], "big") >> (64 - _OFFSET_BITS)


def texts(words: Sequence[str]) -> str:
    """Return a SQL list of text literals."""
    return "[" + ", ".join(quote_literal(word) for word in words) + "]"


def instant(micros: str) -> str:
    """Return the text `2025-07-01T08:00:00Z` of a number of microseconds since 1970."""
    return f"strftime(make_timestamp({micros}), '%Y-%m-%dT%H:%M:%SZ')"
