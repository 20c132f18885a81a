"""Whether values stand in Arrow columns: in fields, in items of lists, in values of maps. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from lakeworks.privacy.records import text_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa

Seek = Literal["any", "own", "others"]


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


def mask_of(
    column: Any,  # noqa: ANN401 - Arrow
    path: list[str],
    values: frozenset[str],
    seek: Seek = "any",
) -> Any:  # noqa: ANN401 - Arrow
    """Return for each value of a column whether what is sought is there, or at a path in it.

    Args:
        column: The column.
        path: Names of fields, through lists and the values of maps.
        values: The subject's.
        seek: `any` of them, those that are in no list (`own`), or values of `others`.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    kind = column.type
    if pa.types.is_map(kind):
        return _among_items(_values_of_map(column), path, values, seek)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return (
            none_of(len(column)) if seek == "own" else _among_items(column, path, values, seek)
        )
    if path:
        if not pa.types.is_struct(kind):
            return none_of(len(column))
        names = {kind.field(i).name.lower(): i for i in range(kind.num_fields)}
        if path[0] not in names:
            return none_of(len(column))
        inner = pc.struct_field(column, [names[path[0]]])
        return mask_of(inner, path[1:], values, seek)
    return _mask_of_plain(column, values, seek)


def _mask_of_plain(column: Any, values: frozenset[str], seek: Seek) -> Any:  # noqa: ANN401 - Arrow
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_nested(column.type):
        return none_of(len(column))
    typed = typed_values(column.type, values)
    found = pc.is_in(column, value_set=typed) if typed is not None and len(typed) else None
    found = none_of(len(column)) if found is None else found
    return found if seek != "others" else pc.and_not(column.is_valid(), found)


def _among_items(column: Any, path: list[str], values: frozenset[str], seek: Seek) -> Any:  # noqa: ANN401
    """Return for each list whether what is sought is in one of its items."""
    import pyarrow.compute as pc

    inner = mask_of(pc.list_flatten(column), path, values, seek)
    return marked(len(column), pc.list_parent_indices(column).filter(inner).to_pylist())


def _values_of_map(column: Any) -> Any:  # noqa: ANN401 - Arrow
    """Return the values of each map as a list."""
    import pyarrow as pa

    return pa.ListArray.from_arrays(column.offsets, column.items, mask=column.is_null())


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
