"""Parquet, ORC and Avro: their schema is in the file, and is taken as it is.

Of Parquet and ORC only the footer is read, of Avro the header.
"""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

from lakeworks.core.types import Array, Decimal, Field, Map, Scalar, Struct
from lakeworks.crawlers.classifiers.found import Found, NotReadableError
from lakeworks.crawlers.kinds import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    INT,
    MAX_DEPTH,
    STRING,
    VOID,
    combined,
)

if TYPE_CHECKING:
    import pyarrow as pa

    from lakeworks.core.types import Type
    from lakeworks.crawlers.kinds import Columns
    from lakeworks.crawlers.samples import Sample

MAX_DIGITS = 38
MAX_FOOTER_BYTES = 64 * 1024 * 1024
_TAIL_BYTES = 8
_AVRO_MAGIC = b"Obj\x01"
_SYNC_BYTES = 16


def parquet(sample: Sample) -> Found:
    """Read a Parquet file's footer.

    Raises:
        NotReadableError: it has none, or it is encrypted or damaged.
    """
    import pyarrow as pa
    from pyarrow import parquet as pq

    tail = sample.tail(_TAIL_BYTES)
    if tail[4:] == b"PARE":
        raise NotReadableError("the Parquet file is encrypted")
    size_bytes = int.from_bytes(tail[:4], "little")
    if tail[4:] != b"PAR1" or size_bytes + 12 > sample.size_bytes:
        raise NotReadableError("the Parquet file has no end: it is half written or damaged")
    if size_bytes > MAX_FOOTER_BYTES:
        raise NotReadableError("the Parquet file's footer is over 64 MiB")
    try:
        footer = pq.read_metadata(sample.seekable())
        columns = _columns(footer.schema.to_arrow_schema())
    except (pa.ArrowException, OSError, ValueError) as error:
        raise NotReadableError(f"the Parquet file is damaged: {_first(error)}") from None
    return Found("parquet", columns, "parquet", rows=footer.num_rows)


def orc(sample: Sample) -> Found:
    """Read an ORC file's footer.

    Raises:
        NotReadableError: it has none, or it is damaged.
    """
    import pyarrow as pa
    from pyarrow import orc as orc_files

    try:
        footer = orc_files.ORCFile(sample.seekable())
        columns, rows = _columns(footer.schema), footer.nrows
    except (pa.ArrowException, OSError, ValueError) as error:
        raise NotReadableError(f"the ORC file is damaged: {_first(error)}") from None
    return Found("orc", columns, "orc", rows=rows)


def avro(data: bytes, size_bytes: int) -> Found:
    """Read an Avro file's header.

    Args:
        data: The file's beginning.
        size_bytes: Of the whole file: how many records it has is estimated by its first block.

    Raises:
        NotReadableError: the header is damaged or not there as a whole.
    """
    reader = _AvroHeader(data)
    try:
        schema = json.loads(reader.metadata()["avro.schema"])
        if not isinstance(schema, dict) or schema.get("type") != "record":
            raise NotReadableError("the Avro file holds no records")
        names: dict[str, Any] = {}
        columns = tuple(
            (str(field["name"]), _of_avro(field["type"], names, 0))
            for field in schema["fields"]
        )
    except (KeyError, TypeError, ValueError, IndexError, RecursionError) as error:
        raise NotReadableError(f"the Avro file's header is damaged: {_first(error)}") from None
    return Found("avro", columns, "avro", rows=reader.estimated_rows(size_bytes))


def _first(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0][:200] if lines else type(error).__name__


def _columns(schema: pa.Schema) -> Columns:
    return tuple((field.name, _of_arrow(field.type)) for field in schema)


_ARROW = {
    "bool": "boolean", "int8": "tinyint", "int16": "smallint", "int32": "int",
    "int64": "bigint", "uint8": "smallint", "uint16": "int", "uint32": "bigint",
    "halffloat": "float", "float": "float", "double": "double", "string": "string",
    "large_string": "string", "string_view": "string", "binary": "binary",
    "large_binary": "binary", "binary_view": "binary", "date32[day]": "date",
    "date64[ms]": "date", "null": "void",
}  # fmt: skip


def _of_arrow(kind: pa.DataType) -> Type:
    from pyarrow import types

    name = _ARROW.get(str(kind))
    if name is not None:
        return VOID if name == "void" else Scalar(name)
    if types.is_timestamp(kind):
        return Scalar("timestamp")
    if types.is_decimal(kind):
        return _decimal(kind.precision, kind.scale)
    if types.is_uint64(kind):
        return Decimal(20, 0)
    if types.is_fixed_size_binary(kind):
        return Scalar("binary")
    return _of_nested(kind)


def _of_nested(kind: pa.DataType) -> Type:
    from pyarrow import types

    if types.is_struct(kind):
        return Struct(tuple(Field(f.name, _of_arrow(f.type)) for f in kind))
    if types.is_map(kind):
        return Map(_of_arrow(kind.key_type), _of_arrow(kind.item_type))
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return Array(_of_arrow(kind.value_type))
    return _of_arrow(kind.value_type) if types.is_dictionary(kind) else STRING


def _decimal(precision: int, scale: int) -> Type:
    fits = 0 <= scale <= precision and 0 < precision <= MAX_DIGITS
    return Decimal(precision, scale) if fits else STRING


_AVRO = {
    "null": VOID, "boolean": BOOLEAN, "int": INT, "long": BIGINT, "float": Scalar("float"),
    "double": DOUBLE, "string": STRING, "bytes": Scalar("binary"),
}  # fmt: skip
_LOGICAL = {
    "date": Scalar("date"), "timestamp-millis": Scalar("timestamp"),
    "timestamp-micros": Scalar("timestamp"), "timestamp-nanos": Scalar("timestamp"),
    "local-timestamp-millis": Scalar("timestamp"),
    "local-timestamp-micros": Scalar("timestamp"),
}  # fmt: skip


def _of_avro(schema: Any, names: dict[str, Any], depth: int) -> Type:  # noqa: ANN401 - JSON
    if depth > MAX_DEPTH:
        return STRING
    if isinstance(schema, list):
        found: Type = VOID
        for one in schema:
            found = combined(found, _of_avro(one, names, depth + 1))
        return found
    if isinstance(schema, str):
        if schema in _AVRO:
            return _AVRO[schema]
        known = names.get(schema)
        # A record that holds itself has no Hive type.
        return _of_avro(known, names, depth + 8) if known is not None else STRING
    return _of_avro_object(schema, names, depth)


def _of_avro_object(schema: dict[str, Any], names: dict[str, Any], depth: int) -> Type:
    kind = schema["type"]
    if "name" in schema:
        names[schema["name"]] = schema
        names[f"{schema.get('namespace')}.{schema['name']}"] = schema
    if schema.get("logicalType") == "decimal":
        return _decimal(int(schema.get("precision", MAX_DIGITS)), int(schema.get("scale", 0)))
    if schema.get("logicalType") in _LOGICAL:
        return _LOGICAL[schema["logicalType"]]
    if isinstance(kind, str) and kind in {"enum", "fixed"}:
        return STRING if kind == "enum" else Scalar("binary")
    match kind:
        case "record":
            return Struct(
                tuple(
                    Field(str(f["name"]), _of_avro(f["type"], names, depth + 1))
                    for f in schema["fields"]
                )
            )
        case "array":
            return Array(_of_avro(schema["items"], names, depth + 1))
        case "map":
            return Map(STRING, _of_avro(schema["values"], names, depth + 1))
        case _:
            return _of_avro(kind, names, depth + 1)


class _AvroHeader:
    """Reads the map that an Avro file begins with, and the counts of its first block."""

    def __init__(self, data: bytes) -> None:
        self.data = io.BytesIO(data)
        self.data.seek(len(_AVRO_MAGIC))

    def metadata(self) -> dict[str, str]:
        found: dict[str, str] = {}
        while count := self._long():
            if count < 0:
                self._long()  # the block's size, for who wants to skip it
            for _ in range(min(abs(count), 10_000)):
                key = self._bytes().decode()
                found[key] = self._bytes().decode("utf-8", "replace")
        return found

    def estimated_rows(self, size_bytes: int) -> float:
        """Return about how many records the file holds."""
        try:
            self.data.seek(_SYNC_BYTES, io.SEEK_CUR)
            count, block_bytes = self._long(), self._long()
        except ValueError:
            return 0
        if count <= 0 or block_bytes <= 0:
            return 0
        return count * max((size_bytes - self.data.tell()) / (block_bytes + _SYNC_BYTES), 1)

    def _long(self) -> int:
        value = shift = 0
        while True:
            byte = self.data.read(1)
            if not byte or shift > 63:  # noqa: PLR2004 - bits of a long
                raise ValueError("it breaks off")
            value |= (byte[0] & 0x7F) << shift
            shift += 7
            if not byte[0] & 0x80:
                return (value >> 1) ^ -(value & 1)

    def _bytes(self) -> bytes:
        size = self._long()
        data = self.data.read(size) if 0 <= size <= MAX_FOOTER_BYTES else b""
        if len(data) != size:
            raise ValueError("it breaks off")
        return data
