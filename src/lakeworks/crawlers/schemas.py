"""Columns by number, so that comparing and merging those of many files costs little.

Most files of a folder have the same columns: what two numbers come to is worked out once.
"""

from __future__ import annotations

from lakeworks.crawlers.kinds import Columns, alike, merged

# Glue's partition threshold: above this share of alike columns, files are of one table.
ALIKE_SHARE = 0.7
MAX_CLUSTERS = 5


class Schemas:
    """The different columns of one crawl, numbered."""

    def __init__(self) -> None:
        self._numbers: dict[Columns, int] = {}
        self._columns: list[Columns] = []
        # By identity, and kept so that it stays theirs: comparing columns takes longer.
        self._seen: dict[int, tuple[Columns, int]] = {}
        self._merged: dict[tuple[int, int], int] = {}
        self._alike: dict[tuple[int, int], bool] = {}

    def number(self, columns: Columns) -> int:
        """Return the number of some columns."""
        seen = self._seen.get(id(columns))
        if seen is not None:
            return seen[1]
        found = self._numbers.get(columns)
        if found is None:
            found = self._numbers[columns] = len(self._columns)
            self._columns.append(columns)
        self._seen[id(columns)] = (columns, found)
        return found

    def columns(self, number: int) -> Columns:
        """Return the columns of a number."""
        return self._columns[number]

    def merge(self, one: int, other: int) -> int:
        """Return the number of what holds both."""
        if one == other:
            return one
        found = self._merged.get((one, other))
        if found is None:
            found = self.number(merged(self._columns[one], self._columns[other]))
            self._merged[one, other] = found
        return found

    def alike(self, one: int, other: int) -> bool:
        """Whether the columns of both are enough alike to be one table's.

        Twice the number of columns that they share (the same name, and types that one column
        may hold), divided by how many both have: at least 0.7.
        """
        if one == other:
            return True
        pair = (min(one, other), max(one, other))
        found = self._alike.get(pair)
        if found is None:
            found = self._alike[pair] = self._similar(*pair)
        return found

    def mostly_alike(self, counts: dict[int, int]) -> bool:
        """Whether the majority of some files or folders has columns that are alike.

        Args:
            counts: Number of columns to how many files or folders have these.
        """
        if len(counts) == 1:
            return True
        clusters: list[tuple[int, int]] = []
        # The commonest stand for their cluster, whichever order the files came in.
        for number, count in sorted(
            counts.items(), key=lambda one: (-one[1], str(self._columns[one[0]]))
        ):
            for place, (centre, size) in enumerate(clusters):
                if self.alike(centre, number):
                    clusters[place] = (centre, size + count)
                    break
            else:
                clusters.append((number, count))
                if len(clusters) > MAX_CLUSTERS:
                    return False
        return max(size for _, size in clusters) > ALIKE_SHARE * sum(counts.values())

    def _similar(self, one: int, other: int) -> bool:
        first = {name.lower(): kind for name, kind in self._columns[one]}
        second = {name.lower(): kind for name, kind in self._columns[other]}
        shared = sum(
            name in second and alike(kind, second[name]) for name, kind in first.items()
        )
        total = len(first) + len(second)
        return total == 0 or 2 * shared >= ALIKE_SHARE * total
