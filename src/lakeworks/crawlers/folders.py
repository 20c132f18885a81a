"""Which folders are tables, and which are partitions of one.

Pure. From the deepest folders upwards: a folder is part of a larger table where its files, and
the folders below it, agree in format, compression, depth and names of partition keys, and the
columns of most of them are alike (`schemas.py`). The topmost such folder is the table.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lakeworks.crawlers.classifiers.found import Found, Skipped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lakeworks.crawlers.classifiers.found import Details
    from lakeworks.crawlers.examining import Answer
    from lakeworks.crawlers.schemas import Schemas

_HIVE_PART = re.compile(r"([^=/]+)=([^/]*)")
# A folder of this name is a partition even where it has no brother yet.
_DATE_LIKE = re.compile(
    r"\d{1,8}|\d{4}[-_.]\d{1,2}(?:[-_.]\d{1,2})?|\d{1,2}[-_.]\d{1,2}[-_.]\d{4}"
)

Key = tuple[str, str, "Details"]
Level = str | None
_File = tuple[str, int, Found | None]


@dataclass(frozen=True, slots=True)
class Grouping:
    """How folders become tables.

    Attributes:
        combine: `CombineCompatibleSchemas`: one table a target wherever formats allow.
        table_depth: How many folders below the target tables lie, or None.
        apart: Folders that are no table as a whole, as there are other tables in them.
        known: Folders that are tables already. They stay one wherever formats allow, so that a
            table does not fall apart because a partition of it has other columns.
    """

    combine: bool = False
    table_depth: int | None = None
    apart: frozenset[str] = frozenset()
    known: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Stats:
    """How much there is."""

    objects: int = 0
    size_bytes: int = 0
    rows: float = 0.0
    row_bytes: int = 0

    def plus(self, other: Stats) -> Stats:
        """Return both together."""
        return Stats(
            self.objects + other.objects,
            self.size_bytes + other.size_bytes,
            self.rows + other.rows,
            self.row_bytes + other.row_bytes,
        )


@dataclass(frozen=True, slots=True)
class Leaf:
    """The files of one folder that are of one table."""

    path: str
    schema: int
    stats: Stats
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """A folder all of whose files are of one table.

    Attributes:
        levels: Names of the folders between this one and the files: a key of `key=value`, or
            None where they are plain; None for the whole where files lie at several depths.
        schemas: Number of columns to how many folders have these.
    """

    path: str
    key: Key
    levels: tuple[Level, ...] | None
    schemas: dict[int, int]
    leaves: tuple[Leaf, ...]
    classifiers: frozenset[str]


@dataclass(frozen=True, slots=True)
class FoundTable:
    """One table of a target.

    Attributes:
        path: Below the target; the target itself is empty.
        is_file: Whether it is a file that lies among files of other kinds.
    """

    path: str
    is_file: bool
    group: Group


@dataclass(slots=True)
class _Node:
    files: list[_File] = field(default_factory=list)
    children: dict[str, _Node] = field(default_factory=dict)


@dataclass(slots=True)
class Grouped:
    """What a target came to.

    Attributes:
        skipped: Path and reason of files that no table holds.
    """

    tables: list[FoundTable] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)


def grouped(
    files: Iterable[tuple[str, int, Answer | None]], grouping: Grouping, schemas: Schemas
) -> Grouped:
    """Return the tables of a target.

    Args:
        files: Path below the target, size, and what it is; None for one that the sample left
            out, which is taken to be as its neighbours.
    """
    result = Grouped()
    root = _Node()
    for path, size_bytes, answer in files:
        if isinstance(answer, Skipped):
            result.skipped.append((path, answer.reason))
            continue
        *folders, name = path.split("/")
        node = root
        for folder in folders:
            node = node.children.setdefault(folder, _Node())
        node.files.append((name, size_bytes, answer))
    _Grouper(grouping, schemas, result).run(root)
    result.tables.sort(key=lambda table: (table.path, table.is_file))
    return result


class _Grouper:
    def __init__(self, grouping: Grouping, schemas: Schemas, result: Grouped) -> None:
        self.grouping = grouping
        self.schemas = schemas
        self.result = result

    def run(self, root: _Node) -> None:
        """Group from the deepest folders upwards, without recursion: trees may be deep."""
        done: dict[str, Group | None] = {}
        for path, depth, node in reversed(list(_folders(root))):
            below = {
                name: done.pop(f"{path}/{name}" if path else name) for name in node.children
            }
            done[path] = self._group(path, depth, node, below)
        whole = done[""]
        if whole is not None:
            self._table(whole)

    def _group(
        self, path: str, depth: int, node: _Node, below: dict[str, Group | None]
    ) -> Group | None:
        """Return the folder as a whole, or None where it is several tables (told by then)."""
        groups = {name: group for name, group in below.items() if group is not None}
        table_depth = self.grouping.table_depth
        if table_depth is not None and depth < table_depth:
            self._apart(path, node.files, groups.values(), above=True)
            return None
        whole = len(groups) == len(below) and path not in self.grouping.apart
        found = self._whole(path, node, groups) if whole else None
        if found is None:
            self._apart(path, node.files, groups.values())
        return found

    def _whole(self, path: str, node: _Node, groups: dict[str, Group]) -> Group | None:
        """Return a folder as one table's, if it can be."""
        combine = self._combines(path)
        if not node.files:
            return self._united(path, None, groups, combine=combine)
        own = self._of_files(path, node)
        found = self._united(path, own, groups, combine=combine) if own else None
        if found is not None or not groups:
            return found
        # Files beside partitions: those have their own folders, and stay a table.
        found = self._united(path, None, groups, combine=combine)
        if found is None or found.levels is None or None in found.levels:
            return None
        self._apart(path, node.files, ())
        return found

    def _combines(self, path: str) -> bool:
        """Whether formats alone decide, at a folder or within a table that is known."""
        grouping = self.grouping
        if grouping.combine or grouping.table_depth is not None:
            return True
        return bool(grouping.known) and any(one in grouping.known for one in _upwards(path))

    def _of_files(self, path: str, node: _Node) -> Group | None:
        """Return the files of one folder as one table's, or None where they are not alike."""
        known = [(size, found) for _, size, found in node.files if found is not None]
        keys = {key_of(found) for _, found in known}
        if len(keys) != 1:
            return None
        counts: dict[int, int] = {}
        for _, found in known:
            number = self.schemas.number(found.columns)
            counts[number] = counts.get(number, 0) + 1
        if not self._combines(path) and not self.schemas.mostly_alike(counts):
            return None
        schema = self._merged(counts)
        rows = sum(found.rows for _, found in known)
        stats = Stats(
            len(node.files),
            sum(size for _, size, _ in node.files),
            rows * len(node.files) / len(known),
            sum(size for size, _ in known) * len(node.files) // len(known),
        )
        quoted = any(("quoted", "1") in found.details for _, found in known)
        classifiers = frozenset(found.classifier for _, found in known)
        leaf = Leaf(path, schema, stats, quoted)
        return Group(path, keys.pop(), (), {schema: 1}, (leaf,), classifiers)

    def _united(
        self, path: str, own: Group | None, below: dict[str, Group], *, combine: bool
    ) -> Group | None:
        """Return one group of all, or None where they do not fit together."""
        groups = [*([own] if own else []), *below.values()]
        if not groups or len({group.key for group in groups}) != 1:
            return None
        counts: dict[int, int] = {}
        for group in groups:
            for number, count in group.schemas.items():
                counts[number] = counts.get(number, 0) + count
        if not combine and not self.schemas.mostly_alike(counts):
            return None
        if own is not None and not below:
            return own
        levels = _levels(below)
        if own is not None or levels is None:
            # At several depths: files beside folders of files like them are one table.
            if not (combine or own is not None) or (own is not None and _is_hive(below)):
                return None
            levels = None
        return Group(
            path,
            groups[0].key,
            levels,
            counts,
            tuple(leaf for group in groups for leaf in group.leaves),
            frozenset().union(*(group.classifiers for group in groups)),
        )

    def _merged(self, counts: Iterable[int]) -> int:
        ordered = sorted(counts, key=lambda n: (-len(self.schemas.columns(n)), n))
        found = ordered[0]
        for number in ordered[1:]:
            found = self.schemas.merge(found, number)
        return found

    def _apart(
        self, path: str, files: Iterable[_File], groups: Iterable[Group], *, above: bool = False
    ) -> None:
        """Make a table of each group, and of each file that lies beside them."""
        for group in groups:
            self._table(group)
        for name, size_bytes, found in files:
            place = f"{path}/{name}" if path else name
            if above:
                self.result.skipped.append((place, "it lies above the table level"))
            elif found is None:
                why = "the sample left it out, and its folder holds several tables"
                self.result.skipped.append((place, why))
            else:
                stats = Stats(1, size_bytes, found.rows, size_bytes)
                schema = self.schemas.number(found.columns)
                leaf = Leaf(place, schema, stats, ("quoted", "1") in found.details)
                group = Group(
                    place,
                    key_of(found),
                    (),
                    {schema: 1},
                    (leaf,),
                    frozenset({found.classifier}),
                )
                self.result.tables.append(FoundTable(place, is_file=True, group=group))

    def _table(self, group: Group) -> None:
        """Note a table: as far down as only one plain folder leads to it."""
        keep = self.grouping.combine or self.grouping.table_depth is not None
        while not keep and group.levels and group.path not in self.grouping.known:
            names = {_part_below(group.path, leaf.path) for leaf in group.leaves}
            if group.levels[0] is not None or len(names) > 1:
                break
            (name,) = names
            if _DATE_LIKE.fullmatch(name):
                break
            place = f"{group.path}/{name}" if group.path else name
            group = replace(group, path=place, levels=group.levels[1:])
        self.result.tables.append(FoundTable(group.path, is_file=False, group=group))


def key_of(found: Found) -> Key:
    """Return what files must share to be of one table."""
    details = tuple(one for one in found.details if one[0] != "quoted")
    return (found.classification, found.compression, details)


def partition_values(table: str, leaf: str, levels: tuple[Level, ...]) -> tuple[str, ...]:
    """Return the values of a partition, by the folders that lead to it."""
    from urllib.parse import unquote

    parts = leaf[len(table) :].strip("/").split("/")
    return tuple(
        part if level is None else unquote(part.partition("=")[2])
        for part, level in zip(parts, levels, strict=True)
    )


def _levels(below: dict[str, Group]) -> tuple[Level, ...] | None:
    """Return the names of the levels, or None where the folders differ in them."""
    keys = {_hive_key(name) for name in below}
    inner = {group.levels for group in below.values()}
    if len(keys) != 1 or len(inner) != 1:
        return None
    levels = inner.pop()
    return None if levels is None else (keys.pop(), *levels)


def _is_hive(below: dict[str, Group]) -> bool:
    return all(_hive_key(name) is not None for name in below)


def _hive_key(name: str) -> str | None:
    found = _HIVE_PART.fullmatch(name)
    return found[1].lower() if found else None


def _upwards(path: str) -> Iterator[str]:
    """Give a folder and those above it, but for the target itself where it is another."""
    yield path
    while path:
        path = path.rpartition("/")[0]
        yield path


def _part_below(folder: str, path: str) -> str:
    return path[len(folder) :].lstrip("/").split("/", 1)[0]


def _folders(root: _Node) -> Iterator[tuple[str, int, _Node]]:
    """Give every folder, each before those below it."""
    waiting = [("", 0, root)]
    while waiting:
        path, depth, node = waiting.pop()
        yield path, depth, node
        waiting += [
            (f"{path}/{name}" if path else name, depth + 1, child)
            for name, child in node.children.items()
        ]
