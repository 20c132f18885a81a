"""Look for values in Parquet files: bounds first, then the columns that may hold one.

Independent of engines, so that what an engine deleted is not judged by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lakeworks.privacy.text_search import text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import BinaryIO

    import pyarrow as pa
    import pyarrow.parquet as pq

    from lakeworks.core.types import Schema
    from lakeworks.privacy.text_search import Keys, Words
    from lakeworks.storage.files import DataFile


@dataclass(frozen=True)
class Look:
    """What is looked for in the files of one table.

    Attributes:
        columns: Lower-cased paths (`customer_id`, `payload.customer_id`) to values.
        cells: Columns of text that are judged by what stands in them.
        words: What is looked for in every text, however it came there; None for nothing.
    """

    columns: Mapping[str, frozenset[str]] = field(default_factory=dict)
    cells: Mapping[str, Keys] = field(default_factory=dict)
    words: Words | None = None


@dataclass
class Found:
    """What there is in some files.

    Attributes:
        rows: Rows of the subject.
        paths: The columns by which they are.
        cells: The whole texts by which rows are the subject's, by column.
        mentions: Rows of others that name a value, by column.
        mentioned: The whole texts in which they do.
    """

    rows: int = 0
    paths: set[str] = field(default_factory=set)
    cells: dict[str, set[str]] = field(default_factory=dict)
    mentions: dict[str, int] = field(default_factory=dict)
    mentioned: dict[str, set[str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.rows or self.mentions)

    def add(self, other: Found) -> None:
        """Count another file's in."""
        self.rows += other.rows
        self.paths |= other.paths
        for column, count in other.mentions.items():
            self.mentions[column] = self.mentions.get(column, 0) + count
        for mine, theirs in ((self.cells, other.cells), (self.mentioned, other.mentioned)):
            for column, texts in theirs.items():
                mine.setdefault(column, set()).update(texts)


def may_hold(found: DataFile, look: Look) -> bool:
    """Whether what the log says of a file admits a row of the subject."""
    if look.words is not None or look.cells:
        return True
    return any(_bounds_admit(found, name, values) for name, values in look.columns.items())


def search(file: BinaryIO, look: Look, partition: Mapping[str, str | None]) -> Found:
    """Look through one file.

    Args:
        file: The file, opened.
        look: What for.
        partition: Values of columns that only the log has.
    """
    found = Found()
    for table in matching_groups(file, look, partition):
        owned = owned_rows(table, look, partition, found)
        found.rows += owned.true_count
        if look.words is not None:
            _note_mentions(table, look.words, owned, found)
    return found


def rows_of(
    file: BinaryIO, look: Look, partition: Mapping[str, str | None]
) -> Iterator[pa.Table]:
    """Yield the subject's rows of a file, with all its columns."""
    import pyarrow.parquet as pq

    reader = pq.ParquetFile(file, arrow_extensions_enabled=False)
    for at in range(reader.num_row_groups):
        if not _group_admits(reader, at, look):
            continue
        table = reader.read_row_group(at)
        mask = owned_rows(table, look, partition, Found())
        if mask.true_count:
            yield table.filter(mask)


def matching_groups(
    file: BinaryIO, look: Look, partition: Mapping[str, str | None]
) -> Iterator[pa.Table]:
    """Yield the columns to look at of the row groups whose bounds admit the subject."""
    import pyarrow.parquet as pq

    reader = pq.ParquetFile(file, arrow_extensions_enabled=False)
    schema = reader.schema_arrow
    wanted = {name.partition(".")[0] for name in look.columns} | set(look.cells)
    names = [
        one.name
        for one in schema
        if one.name.lower() in wanted or (look.words is not None and _has_text(one.type))
    ]
    if not names and not any(name.lower() in wanted for name in partition):
        return
    for at in range(reader.num_row_groups):
        if look.words is not None or _group_admits(reader, at, look):
            yield reader.read_row_group(at, columns=names)


def owned_rows(
    table: pa.Table, look: Look, partition: Mapping[str, str | None], found: Found
) -> pa.BooleanArray:
    """Return for each row whether it is the subject's; note the cells that say so."""
    import pyarrow as pa
    import pyarrow.compute as pc

    owned = none_of(table.num_rows)
    have = {name.lower(): name for name in table.schema.names}
    for path, values in look.columns.items():
        first, *rest = path.split(".")
        if first in have:
            mask = mask_of(table[have[first]].combine_chunks(), rest, values)
            if mask.true_count:
                found.paths.add(path)
                owned = pc.or_(owned, mask)
        elif _of_partition(partition, first) in values:
            found.paths.add(path)
            owned = pc.invert(none_of(table.num_rows))
    for name, keys in look.cells.items():
        if name in have:
            rows = _owned_cells(table[have[name]], name, keys, found)
            if rows:
                owned = pc.or_(owned, marked(table.num_rows, rows))
    assert isinstance(owned, pa.BooleanArray)  # noqa: S101 - one chunk
    return owned


def none_of(rows: int) -> pa.BooleanArray:
    """Return as many times false."""
    import pyarrow as pa

    return pa.repeat(pa.scalar(value=False), rows)


def marked(rows: int, true: Iterable[int]) -> pa.BooleanArray:
    """Return false for rows, but true for some."""
    import pyarrow as pa

    bits = bytearray((rows + 7) // 8)
    for at in true:
        bits[at >> 3] |= 1 << (at & 7)
    return pa.BooleanArray.from_buffers(pa.bool_(), rows, [None, pa.py_buffer(bytes(bits))])


def mask_of(column: Any, path: list[str], values: frozenset[str]) -> Any:  # noqa: ANN401 - Arrow
    """Return for each value of a column whether it, or what is at a path in it, is wanted."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    kind = column.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        inner = mask_of(pc.list_flatten(column), path, values)
        return marked(len(column), pc.list_parent_indices(column).filter(inner).to_pylist())
    if path:
        if not pa.types.is_struct(kind):
            return none_of(len(column))
        names = {kind.field(i).name.lower(): i for i in range(kind.num_fields)}
        at = names.get(path[0])
        if at is None:
            return none_of(len(column))
        return mask_of(pc.struct_field(column, [at]), path[1:], values)
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
    typed = typed_values(column.type, values)
    if typed is None or not len(typed):
        return none_of(len(column))
    return pc.is_in(column, value_set=typed)


def typed_values(kind: Any, values: Iterable[str]) -> Any:  # noqa: ANN401 - Arrow
    """Return the values that a type can hold, in that type; None for types of no text."""
    import pyarrow as pa

    if pa.types.is_nested(kind):
        return None
    found = []
    for value in values:
        try:
            scalar = pa.scalar(value).cast(kind)
        except (pa.ArrowException, ValueError):
            continue
        if pa.types.is_floating(kind) or text_of(scalar.as_py()) == value:
            found.append(scalar.as_py())
    return pa.array(found, kind)


def paths_named(schema: Schema, names: Iterable[str]) -> list[str]:
    """Return the paths of columns and nested fields of these names, lower-cased."""
    from lakeworks.core.types import Array, Struct

    wanted = {name.lower() for name in names}
    found: list[str] = []

    def walk(kind: object, path: str) -> None:
        while isinstance(kind, Array):
            kind = kind.element
        if isinstance(kind, Struct):
            for one in kind.fields:
                walk(one.type, f"{path}.{one.name.lower()}")
        elif path.rpartition(".")[2] in wanted:
            found.append(path)

    for one in schema:
        walk(one.type, one.name.lower())
    return found


def file_paths(schema: Any, by_name: Any) -> dict[str, frozenset[str]]:  # noqa: ANN401 - Arrow
    """Return the paths of a file's columns that have one of some names."""
    import pyarrow as pa

    found: dict[str, frozenset[str]] = {}

    def walk(kind: Any, path: str) -> None:  # noqa: ANN401 - Arrow
        while pa.types.is_list(kind) or pa.types.is_large_list(kind):
            kind = kind.value_type
        if pa.types.is_struct(kind):
            for i in range(kind.num_fields):
                walk(kind.field(i).type, f"{path}.{kind.field(i).name.lower()}")
        elif path.rpartition(".")[2] in by_name:
            found[path] = by_name[path.rpartition(".")[2]]

    for one in schema:
        walk(one.type, one.name.lower())
    return found


def _owned_cells(column: pa.ChunkedArray, name: str, keys: Keys, found: Found) -> list[int]:
    rows = []
    for at, text in _candidates(column, keys.needles):
        if keys.owns_text(text):
            rows.append(at)
            found.cells.setdefault(name, set()).add(text)
    return rows


def _candidates(column: pa.ChunkedArray, needles: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """Yield the texts of a column in which one of some parts stands, with their rows."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not needles or not len(column):
        return
    texts = column.cast(pa.large_string()) if not pa.types.is_string(column.type) else column
    texts = texts.combine_chunks()
    if "" in needles:
        rows = range(len(texts))
    else:
        hit = pc.match_substring(texts, needles[0])
        for needle in needles[1:]:
            hit = pc.or_kleene(hit, pc.match_substring(texts, needle))
        rows = pc.indices_nonzero(hit.fill_null(pa.scalar(value=False))).to_pylist()
    for at in rows:
        text = texts[at].as_py()
        if text is not None:
            yield at, text


def _note_mentions(table: pa.Table, words: Words, owned: pa.BooleanArray, found: Found) -> None:
    if words.pattern is None:
        return
    for name in table.schema.names:
        column = table[name]
        for at, text in _texts_in(column, words):
            if not owned[at].as_py() and words.within(text):
                found.mentions[name] = found.mentions.get(name, 0) + 1
                found.mentioned.setdefault(name, set()).add(text)


def _texts_in(column: pa.ChunkedArray, words: Words) -> Iterator[tuple[int, str]]:
    import json

    import pyarrow as pa

    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        yield from _candidates(column, words.needles)
    elif _has_text(kind):
        for at, value in enumerate(column.to_pylist()):
            if value is not None:
                yield at, json.dumps(value, default=str, ensure_ascii=False)


def _has_text(kind: Any) -> bool:  # noqa: ANN401 - an Arrow type
    import pyarrow as pa

    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind):
        return True
    if not pa.types.is_nested(kind):
        return False
    return any(_has_text(kind.field(i).type) for i in range(kind.num_fields))


def _group_admits(reader: pq.ParquetFile, at: int, look: Look) -> bool:
    if look.cells:
        return True
    group = reader.metadata.row_group(at)
    leaves = {
        group.column(i).path_in_schema.lower(): group.column(i).statistics
        for i in range(group.num_columns)
    }
    for path, values in look.columns.items():
        if path not in leaves:
            return True  # nested, or a partition's: looked at
        statistics = leaves[path]
        if statistics is None or not statistics.has_min_max:
            if statistics is None or statistics.null_count != group.num_rows:
                return True
        elif _within(statistics.min, statistics.max, values):
            return True
    return False


def _bounds_admit(found: DataFile, name: str, values: frozenset[str]) -> bool:
    for column, value in found.partition.items():
        if column.lower() == name:
            return value in values
    least = {k.lower(): v for k, v in found.stats.get("minValues", {}).items()}
    most = {k.lower(): v for k, v in found.stats.get("maxValues", {}).items()}
    nulls = {k.lower(): v for k, v in found.stats.get("nullCount", {}).items()}
    if name in least and name in most:
        return _within(least[name], most[name], values)
    return not (isinstance(nulls.get(name), int) and nulls[name] == found.rows)


def _within(low: object, high: object, values: Iterable[str]) -> bool:
    for value in values:
        try:
            wanted = type(low)(value) if isinstance(low, int | str) else None
            if wanted is None or low <= wanted <= high:  # type: ignore[operator]
                return True
        except (TypeError, ValueError):
            if not isinstance(low, int):
                return True
    return False


def _of_partition(partition: Mapping[str, str | None], name: str) -> str | None:
    return next((value for key, value in partition.items() if key.lower() == name), None)
