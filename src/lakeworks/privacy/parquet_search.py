"""Look for values in Parquet files: bounds first, then the columns that may hold one.

Independent of engines, so that what an engine deleted is not judged by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lakeworks.privacy.arrow_values import marked, mask_of, none_of
from lakeworks.privacy.parquet_bounds import group_admits
from lakeworks.privacy.records import JSON_BEGINS, Records

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import BinaryIO

    import pyarrow as pa

    from lakeworks.core.types import Schema
    from lakeworks.privacy.arrow_values import Seek
    from lakeworks.privacy.text_search import Keys, Words


@dataclass(frozen=True)
class Look:
    """What is looked for in the files of one table.

    Attributes:
        columns: Lower-cased paths (`customer_id`, `payload.customer_id`) to values.
        cells: Columns of text that are judged by what stands in them.
        texts: Other columns of text: where they hold JSON that names the subject, their row is
            the subject's.
        words: What is looked for in every text, however it came there; None for nothing.
    """

    columns: Mapping[str, frozenset[str]] = field(default_factory=dict)
    cells: Mapping[str, Keys] = field(default_factory=dict)
    texts: Mapping[str, Keys] = field(default_factory=dict)
    words: Words | None = None


@dataclass
class Found:
    """What there is in some files.

    Attributes:
        rows: Rows of the subject, and rows of others with elements of lists that are.
        parts: How many of them are others'.
        changed: The whole texts of others that have such elements, and what is left of each.
        paths: The columns by which they are.
        cells: The whole texts by which rows are the subject's, by column.
        mentions: Rows of others that name a value, by column.
        mentioned: The whole texts in which they do.
    """

    rows: int = 0
    parts: int = 0
    changed: dict[str, dict[str, str]] = field(default_factory=dict)
    paths: set[str] = field(default_factory=set)
    cells: dict[str, set[str]] = field(default_factory=dict)
    mentions: dict[str, int] = field(default_factory=dict)
    mentioned: dict[str, set[str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.rows or self.mentions)

    def add(self, other: Found) -> None:
        """Count another file's in."""
        self.rows += other.rows
        self.parts += other.parts
        for column, left in other.changed.items():
            self.changed.setdefault(column, {}).update(left)
        self.paths |= other.paths
        for column, count in other.mentions.items():
            self.mentions[column] = self.mentions.get(column, 0) + count
        for mine, theirs in ((self.cells, other.cells), (self.mentioned, other.mentioned)):
            for column, texts in theirs.items():
                mine.setdefault(column, set()).update(texts)


def search(file: BinaryIO, look: Look, partition: Mapping[str, str | None]) -> Found:
    """Look through one file.

    Args:
        file: The file, opened.
        look: What for.
        partition: Values of columns that only the log has.
    """
    import pyarrow.compute as pc

    found = Found()
    for table in matching_groups(file, look, partition):
        owned, parted = divided_rows(table, look, partition, found)
        found.parts += parted.true_count
        owned = pc.or_(owned, parted)
        found.rows += owned.true_count
        if look.words is not None:
            _note_mentions(table, look.words, owned, found)
    return found


def rows_of(
    file: BinaryIO, look: Look, partition: Mapping[str, str | None]
) -> Iterator[pa.Table]:
    """Yield the subject's rows of a file, with all its columns; of others' rows, its elements."""
    import pyarrow.parquet as pq

    reader = pq.ParquetFile(file, arrow_extensions_enabled=False)
    for at in range(reader.num_row_groups):
        if not group_admits(reader, at, look):
            continue
        table = reader.read_row_group(at)
        owned, parted = divided_rows(table, look, partition, Found())
        if owned.true_count:
            yield table.filter(owned)
        if parted.true_count:
            yield elements_of(table.filter(parted), look)


def matching_groups(
    file: BinaryIO, look: Look, partition: Mapping[str, str | None]
) -> Iterator[pa.Table]:
    """Yield the columns to look at of the row groups whose bounds admit the subject."""
    import pyarrow.parquet as pq

    reader = pq.ParquetFile(file, arrow_extensions_enabled=False)
    schema = reader.schema_arrow
    wanted = {name.partition(".")[0] for name in look.columns}
    wanted |= {*look.cells, *look.texts}
    names = [
        one.name
        for one in schema
        if one.name.lower() in wanted or (look.words is not None and _has_text(one.type))
    ]
    if not names and not any(name.lower() in wanted for name in partition):
        return
    for at in range(reader.num_row_groups):
        if look.words is not None or group_admits(reader, at, look):
            yield reader.read_row_group(at, columns=names)


def divided_rows(
    table: pa.Table, look: Look, partition: Mapping[str, str | None], found: Found
) -> tuple[pa.BooleanArray, pa.BooleanArray]:
    """Return for each row whether it is the subject's, and whether only elements of it are.

    Note the paths and the cells that say so.
    """
    import pyarrow.compute as pc

    owned = hit = none_of(table.num_rows)
    for path, values in look.columns.items():
        mine = _mask_at(table, path, values, partition)
        if mine.true_count:
            found.paths.add(path)
            hit = pc.or_(hit, mine)
            own = _mask_at(table, path, values, partition, seek="own")
            owned = pc.or_(owned, own)
    if pc.and_not(hit, owned).true_count:
        others = none_of(table.num_rows)
        for path, values in look.columns.items():
            theirs = _mask_at(table, path, values, partition, seek="others")
            others = pc.or_(others, theirs)
        owned = pc.or_(owned, pc.and_not(hit, others))
    have = {name.lower(): name for name in table.schema.names}
    for name, keys in look.cells.items():
        if name in have:
            rows, parts = _judged_cells(table[have[name]], name, keys, found)
            owned = pc.or_(owned, marked(table.num_rows, rows))
            hit = pc.or_(hit, marked(table.num_rows, parts))
    owned = pc.or_(owned, marked(table.num_rows, _rows_of_texts(table, look, found)))
    return owned, pc.and_not(hit, owned)


def _mask_at(
    table: pa.Table,
    path: str,
    values: frozenset[str],
    partition: Mapping[str, str | None],
    *,
    seek: Seek = "any",
) -> Any:  # noqa: ANN401 - Arrow
    """Return for each row whether a path leads to what is sought."""
    import pyarrow.compute as pc

    first, *rest = path.split(".")
    name = next((one for one in table.schema.names if one.lower() == first), None)
    if name is not None:
        return mask_of(table[name].combine_chunks(), rest, values, seek)
    value = _of_partition(partition, first)
    told = value is not None and (value in values) is (seek != "others")
    return pc.invert(none_of(table.num_rows)) if told else none_of(table.num_rows)


def elements_of(rows: pa.Table, look: Look) -> pa.Table:
    """Return of others' rows nothing but the elements that are the subject's."""
    records = records_of(look)

    def mine(row: dict[str, Any]) -> dict[str, Any]:
        left: dict[str, Any] = records.only(row)
        for name, text in row.items():
            keys = look.cells.get(name.lower())
            if keys is not None and text is not None:
                left[name] = keys.elements_of_text(text)
        return left

    return _rewritten(rows, mine)


def without_elements(rows: pa.Table, look: Look) -> pa.Table:
    """Return others' rows without the elements that are the subject's."""
    return _rewritten(rows, records_of(look).without)


def records_of(look: Look) -> Records:
    """Return what judges rows as plain values by the columns of a look."""
    return Records(lambda path: look.columns.get(".".join(path)))


def _rewritten(rows: pa.Table, change: Any) -> pa.Table:  # noqa: ANN401 - a function
    import pyarrow as pa

    made = [change(row) for row in rows.to_pylist()]
    return pa.Table.from_pylist(made, schema=rows.schema)


def paths_named(schema: Schema, names: Iterable[str]) -> list[str]:
    """Return the paths of columns and nested fields of these names, lower-cased."""
    from lakeworks.core.types import Array, Map, Struct

    wanted = {name.lower() for name in names}
    found: list[str] = []

    def walk(kind: object, path: str) -> None:
        while isinstance(kind, Array | Map):
            kind = kind.element if isinstance(kind, Array) else kind.value
        if isinstance(kind, Struct):
            for one in kind.fields:
                walk(one.type, f"{path}.{one.name.lower()}")
        elif path.rpartition(".")[2] in wanted:
            found.append(path)

    for one in schema:
        walk(one.type, one.name.lower())
    return found


def look_of(schema: Any, keys: Keys) -> Look:  # noqa: ANN401 - Arrow
    """Return what to look for in a file of some columns."""
    import pyarrow as pa

    texts = {
        one.name.lower(): keys
        for one in schema
        if pa.types.is_string(one.type) or pa.types.is_large_string(one.type)
    }
    return Look(_file_paths(schema, keys), texts=texts)


def _file_paths(schema: Any, keys: Keys) -> dict[str, frozenset[str]]:  # noqa: ANN401 - Arrow
    import pyarrow as pa

    found: dict[str, frozenset[str]] = {}

    def walk(kind: Any, path: str) -> None:  # noqa: ANN401 - Arrow
        while pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_map(kind):
            kind = kind.item_type if pa.types.is_map(kind) else kind.value_type
        if pa.types.is_struct(kind):
            for i in range(kind.num_fields):
                walk(kind.field(i).type, f"{path}.{kind.field(i).name.lower()}")
        elif values := keys.at(tuple(path.split("."))):
            found[path] = values

    for one in schema:
        walk(one.type, one.name.lower())
    return found


def _judged_cells(
    column: pa.ChunkedArray, name: str, keys: Keys, found: Found
) -> tuple[list[int], list[int]]:
    """Return the rows whose cell is the subject's, and those of which elements are."""
    rows, parts = [], []
    for at, text in _candidates(column, keys.needles):
        verdict, left = keys.judged_text(text)
        if verdict == "owned":
            rows.append(at)
            found.cells.setdefault(name, set()).add(text)
        elif verdict:
            parts.append(at)
            found.changed.setdefault(name, {})[text] = left
    return rows, parts


def _rows_of_texts(table: pa.Table, look: Look, found: Found) -> Iterator[int]:
    """Yield the rows with JSON that names the subject: what a text says, its row says."""
    for column in table.schema.names:
        keys = look.texts.get(column.lower())
        for at, text in _candidates(table[column], keys.needles, JSON_BEGINS) if keys else ():
            if keys is not None and keys.records.judged({column: text}):
                found.cells.setdefault(column.lower(), set()).add(text)
                yield at


def _candidates(
    column: pa.ChunkedArray, needles: tuple[str, ...], pattern: str = ""
) -> Iterator[tuple[int, str]]:
    """Yield the texts of a column in which one of some parts stands, with their rows.

    Args:
        column: Of texts.
        needles: The parts.
        pattern: What the texts have to match besides.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if not needles or not len(column):
        return
    texts = column.cast(pa.large_string()) if not pa.types.is_string(column.type) else column
    texts = texts.combine_chunks()
    hit = pc.match_substring_regex(texts, pattern) if pattern else texts.is_valid()
    if "" not in needles and pc.any(hit).as_py():
        parts = pc.match_substring(texts, needles[0])
        for needle in needles[1:]:
            parts = pc.or_kleene(parts, pc.match_substring(texts, needle))
        hit = pc.and_kleene(hit, parts)
    for at in pc.indices_nonzero(hit.fill_null(pa.scalar(value=False))).to_pylist():
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


def _of_partition(partition: Mapping[str, str | None], name: str) -> str | None:
    return next((value for key, value in partition.items() if key.lower() == name), None)
