"""How the fields of entries and the keys of Glue's JSON correspond: one table a shape. Pure.

The law that makes the round trip loss-free: a key is left out where its field has its default,
and `extra` keeps the given value wherever writing the field would not give back the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from datetime import UTC, datetime
from typing import Any

from lakeworks.catalog.data_catalog.errors import GlueJsonError
from lakeworks.catalog.data_catalog.model import (
    EXTERNAL_TABLE,
    MANAGED,
    MATERIALIZED_VIEW,
    Column,
    DatabaseEntry,
    PartitionEntry,
    SerDe,
    SortColumn,
    StorageDescriptor,
    TableEntry,
)

_Reader = Callable[[Any, str], Any]
_Writer = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Key:
    name: str
    attribute: str
    read: _Reader
    write: _Writer
    default: Any = None
    # Whether what is read is always written again as it was.
    faithful: bool = True


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of entry: its keys, and which of them must be there."""

    keys: tuple[_Key, ...]
    needed: tuple[str, ...] = ()


def read(shape: Shape, given: Any, where: str) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return the fields that a JSON object stands for, `extra` among them.

    Raises:
        GlueJsonError: no object, a key is missing, or a value has another type.
    """
    if not isinstance(given, Mapping):
        raise GlueJsonError.expected(where or "the entry", "an object", given)
    for name in shape.needed:
        if given.get(name) is None:
            raise GlueJsonError.missing(where, name)
    found: dict[str, Any] = {}
    extra = dict(given)
    for key in shape.keys:
        if key.name not in extra:
            if key.name not in shape.needed:
                found[key.attribute] = key.default
            continue
        value = _value(key, extra[key.name], where)
        found[key.attribute] = value
        if value != key.default and (key.faithful or key.write(value) == extra[key.name]):
            del extra[key.name]
    found["extra"] = extra
    return found


def written(shape: Shape, entry: Any) -> dict[str, Any]:  # noqa: ANN401 - any entry
    """Return the JSON object of an entry."""
    told: dict[str, Any] = {}
    extra = dict(entry.extra)
    for key in shape.keys:
        value = getattr(entry, key.attribute)
        if key.name in extra and _value(key, extra[key.name], "") == value:
            told[key.name] = extra.pop(key.name)
            continue
        extra.pop(key.name, None)
        if value != key.default:
            told[key.name] = key.write(value)
    return told | extra


def plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return a value as JSON has it: boto3's moments become texts."""
    match value:
        case datetime():
            return value.isoformat()
        case Mapping():
            return {str(key): plain(inner) for key, inner in value.items()}
        case str():
            return value
        case Sequence():
            return [plain(inner) for inner in value]
        case _:
            return value


def _value(key: _Key, given: Any, where: str) -> Any:  # noqa: ANN401 - JSON
    if given is None:
        return key.default
    return key.read(given, f"{where}.{key.name}" if where else key.name)


def _text(given: Any, where: str) -> str:  # noqa: ANN401 - JSON
    if not isinstance(given, str):
        raise GlueJsonError.expected(where, "text", given)
    return given


def _whole(given: Any, where: str) -> int:  # noqa: ANN401 - JSON
    if not isinstance(given, int) or isinstance(given, bool):
        raise GlueJsonError.expected(where, "a whole number", given)
    return given


def _flag(given: Any, where: str) -> bool:  # noqa: ANN401 - JSON
    if not isinstance(given, bool):
        raise GlueJsonError.expected(where, "true or false", given)
    return given


def _parameters(given: Any, where: str) -> dict[str, str]:  # noqa: ANN401 - JSON
    if not isinstance(given, Mapping):
        raise GlueJsonError.expected(where, "an object of texts", given)
    return {str(key): _text(value, f"{where}.{key}") for key, value in given.items()}


def _texts(given: Any, where: str) -> tuple[str, ...]:  # noqa: ANN401 - JSON
    if not isinstance(given, list):
        raise GlueJsonError.expected(where, "a list of texts", given)
    return tuple(_text(one, f"{where}[{at}]") for at, one in enumerate(given))


def _moment(given: Any, where: str) -> datetime:  # noqa: ANN401 - JSON
    # Numbers on Glue's wire; texts from the AWS command line.
    try:
        if isinstance(given, (int, float)) and not isinstance(given, bool):
            return datetime.fromtimestamp(given, UTC)
        read_ = datetime.fromisoformat(_text(given, where))
    except (ValueError, OverflowError, OSError):
        raise GlueJsonError.expected(where, "a moment", given) from None
    return read_.astimezone(UTC) if read_.tzinfo else read_.replace(tzinfo=UTC)


def _version(given: Any, where: str) -> int:  # noqa: ANN401 - JSON
    text = _text(given, where)
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 18 else -1  # noqa: PLR2004


def _table_type(kind: str) -> str:
    # Glue has no word for the lake's own tables; to its readers they are external ones.
    return EXTERNAL_TABLE if kind in {MANAGED, MATERIALIZED_VIEW} else kind


def _same(value: Any) -> Any:  # noqa: ANN401 - JSON
    return value


def _key(name: str, attribute: str, kind: type, read_: _Reader, write: _Writer = _same) -> _Key:
    """Return a key whose field has the default that its class gives it."""
    one = next(one for one in fields(kind) if one.name == attribute)
    faithful = read_ not in (_moment, _version)
    default: Any = None
    if one.default is not MISSING:
        default = one.default
    elif one.default_factory is not MISSING:
        default = one.default_factory()
    return _Key(name, attribute, read_, write, default, faithful)


def _one(shape: Shape, kind: type) -> tuple[_Reader, _Writer]:
    return (
        lambda given, where: kind(**read(shape, given, where)),
        lambda value: written(shape, value),
    )


def _many(shape: Shape, kind: type) -> tuple[_Reader, _Writer]:
    def read_all(given: Any, where: str) -> tuple[Any, ...]:  # noqa: ANN401 - JSON
        if not isinstance(given, list):
            raise GlueJsonError.expected(where, "a list", given)
        return tuple(kind(**read(shape, one, f"{where}[{at}]")) for at, one in enumerate(given))

    return read_all, lambda values: [written(shape, value) for value in values]


def _columns(given: Any, where: str) -> tuple[Column, ...]:  # noqa: ANN401 - JSON
    if not isinstance(given, list):
        raise GlueJsonError.expected(where, "a list", given)
    return tuple(
        _plain_column(one) or Column(**read(COLUMN, one, f"{where}[{at}]"))
        for at, one in enumerate(given)
    )


def _written_columns(columns: Sequence[Column]) -> list[dict[str, Any]]:
    return [written(COLUMN, one) for one in columns]


def _plain_column(given: Any) -> Column | None:  # noqa: ANN401 - JSON
    """Read a column that has a name, type and comment and nothing else: most are so."""
    if type(given) is not dict:
        return None
    name, kind, comment = given.get("Name"), given.get("Type"), given.get("Comment", "")
    # A comment that is there but empty has to be remembered.
    if len(given) != (3 if comment else 2) or not name or not kind:
        return None
    if type(name) is type(kind) is type(comment) is str:
        return Column(name, kind, comment)
    return None


COLUMN = Shape(
    (
        _key("Name", "name", Column, _text),
        _key("Type", "type", Column, _text),
        _key("Comment", "comment", Column, _text),
        _key("Parameters", "parameters", Column, _parameters, dict),
    ),
    needed=("Name",),
)
SERDE = Shape((
    _key("Name", "name", SerDe, _text),
    _key("SerializationLibrary", "library", SerDe, _text),
    _key("Parameters", "parameters", SerDe, _parameters, dict),
))  # fmt: skip
SORT_COLUMN = Shape(
    (
        _key("Column", "column", SortColumn, _text),
        # Glue wants it said, the usual order too.
        _Key("SortOrder", "sort_order", _whole, _same),
    ),
    needed=("Column", "SortOrder"),
)
STORAGE = Shape((
    _key("Columns", "columns", StorageDescriptor, _columns, _written_columns),
    _key("Location", "location", StorageDescriptor, _text),
    _key("InputFormat", "input_format", StorageDescriptor, _text),
    _key("OutputFormat", "output_format", StorageDescriptor, _text),
    _key("Compressed", "compressed", StorageDescriptor, _flag),
    _key("NumberOfBuckets", "number_of_buckets", StorageDescriptor, _whole),
    _key("SerdeInfo", "serde", StorageDescriptor, *_one(SERDE, SerDe)),
    _key("BucketColumns", "bucket_columns", StorageDescriptor, _texts, list),
    _key("SortColumns", "sort_columns", StorageDescriptor, *_many(SORT_COLUMN, SortColumn)),
    _key("Parameters", "parameters", StorageDescriptor, _parameters, dict),
    _key("StoredAsSubDirectories", "stored_as_sub_directories", StorageDescriptor, _flag),
))  # fmt: skip
DATABASE = Shape(
    (
        _key("Name", "name", DatabaseEntry, _text),
        _key("Description", "description", DatabaseEntry, _text),
        _key("LocationUri", "location", DatabaseEntry, _text),
        _key("Parameters", "parameters", DatabaseEntry, _parameters, dict),
        _key("CreateTime", "created_at", DatabaseEntry, _moment, datetime.timestamp),
    ),
    needed=("Name",),
)
TABLE = Shape(
    (
        # A name is a pair with the database's, which stands beside the table in Glue's calls.
        _key("Name", "name", TableEntry, _text, lambda name: getattr(name, "table", name)),
        # Athena reads no table without a type; one that does not say has an empty one here.
        _Key("TableType", "table_type", _text, _table_type, "", faithful=False),
        _key("Description", "description", TableEntry, _text),
        _key("Owner", "owner", TableEntry, _text),
        _key("StorageDescriptor", "storage", TableEntry, *_one(STORAGE, StorageDescriptor)),
        _key("PartitionKeys", "partition_keys", TableEntry, _columns, _written_columns),
        _key("Parameters", "parameters", TableEntry, _parameters, dict),
        _key("CreateTime", "created_at", TableEntry, _moment, datetime.timestamp),
        _key("UpdateTime", "updated_at", TableEntry, _moment, datetime.timestamp),
        _key("VersionId", "version", TableEntry, _version, str),
    ),
    needed=("Name",),
)
PARTITION = Shape((
    _Key("Values", "values", _texts, list, ()),
    _key("StorageDescriptor", "storage", PartitionEntry, *_one(STORAGE, StorageDescriptor)),
    _key("Parameters", "parameters", PartitionEntry, _parameters, dict),
    _key("CreationTime", "created_at", PartitionEntry, _moment, datetime.timestamp),
))  # fmt: skip
