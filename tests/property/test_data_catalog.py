"""Laws of the data catalog: Glue's JSON survives, and pruning keeps exactly what is asked."""

from __future__ import annotations

import itertools
import operator
from datetime import date
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.session import get_session
from botocore.validate import ParamValidator
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from lakeworks.catalog import Catalog
from lakeworks.catalog.data_catalog import (
    AllOf,
    AnyOf,
    Column,
    Comparison,
    Negation,
    PartitionEntry,
    PartitionFilter,
    TableEntry,
)
from lakeworks.catalog.data_catalog.errors import GlueJsonError, PartitionFilterError
from lakeworks.catalog.data_catalog.expression import parsed
from lakeworks.catalog.data_catalog.glue_documents import read_document
from lakeworks.catalog.data_catalog.glue_json import (
    database_from_json,
    database_input,
    database_to_json,
    partition_from_json,
    partition_input,
    partition_to_json,
    table_from_json,
    table_input,
    table_to_json,
)
from lakeworks.catalog.data_catalog.key_order import sortable
from lakeworks.catalog.data_catalog.model import HIVE_NULL
from lakeworks.catalog.data_catalog.pruning import accepts
from lakeworks.core.names import TableName

if TYPE_CHECKING:
    from botocore.model import ServiceModel, Shape

    from lakeworks.catalog.data_catalog.partition_filter import Operator

# The partition keys of these laws.
KEYS = (Column("n", "int"), Column("s", "string"), Column("d", "date"), Column("x", "bigint"),
        Column("y", "string"), Column("z", "int"))  # fmt: skip
# --- Glue's JSON

LETTERS = st.characters(min_codepoint=0x20, max_codepoint=0x2FF)


@cache
def glue() -> ServiceModel:
    return get_session().get_service_model("glue")


def texts(shape: Shape) -> st.SearchStrategy[str]:
    least = int(shape.metadata.get("min", 0))
    if shape.metadata.get("enum"):
        return st.sampled_from(shape.metadata["enum"])
    most = min(int(shape.metadata.get("max", 8)), 8)
    return st.text(LETTERS, min_size=least, max_size=max(least, most))


def values(shape: Shape, depth: int) -> st.SearchStrategy[Any]:
    """Return any JSON value that Glue's own description of `shape` allows."""
    match shape.type_name:
        case "structure":
            return structures(shape, depth)
        case "list":
            least = int(shape.metadata.get("min", 0))
            member: Any = shape.member
            return st.lists(values(member, depth - 1), min_size=least, max_size=least + 2)
        case "map":
            key: Any = shape.key
            value: Any = shape.value
            return st.dictionaries(texts(key), values(value, depth - 1), max_size=2)
        case "boolean":
            return st.booleans()
        case "integer" | "long":
            least = int(shape.metadata.get("min", -1))
            return st.integers(least, int(shape.metadata.get("max", 2**31 - 1)))
        case "timestamp":
            return st.integers(0, 2**32) | st.floats(0, 2**32)
        case "double":
            return st.floats(allow_nan=False, allow_infinity=False)
        case _:
            return texts(shape)


def structures(shape: Shape, depth: int) -> st.SearchStrategy[dict[str, Any]]:
    members: dict[str, Shape] = shape.members
    needed = set(shape.required_members)
    # Shapes may hold themselves: below a depth only what must be there.
    kept = {n: m for n, m in members.items() if n in needed or depth > 0}
    drawn = {name: values(member, depth - 1) for name, member in kept.items()}
    return st.fixed_dictionaries(
        {name: drawn[name] for name in kept if name in needed},
        optional={name: drawn[name] for name in kept if name not in needed},
    )


def shaped(name: str) -> st.SearchStrategy[dict[str, Any]]:
    return structures(glue().shape_for(name), 4)


def check_valid(told: dict[str, Any], name: str) -> None:
    report = ParamValidator().validate(told, glue().shape_for(name))
    assert not report.has_errors(), report.generate_report()


@given(shaped("TableInput"))
def test_any_table_input_survives_import_and_export(told: dict[str, Any]) -> None:
    check_valid(told, "TableInput")
    assert table_input(table_from_json(told, database="raw")) == told


@given(shaped("Table"), st.text(LETTERS, min_size=1, max_size=5))
def test_any_table_survives_import_and_export(told: dict[str, Any], database: str) -> None:
    told.setdefault("DatabaseName", database)
    check_valid(told, "Table")
    assert table_to_json(table_from_json(told)) == told


@given(shaped("Table"))
def test_a_table_becomes_an_input_that_glue_takes(told: dict[str, Any]) -> None:
    entry = table_from_json(told, database="raw")
    known = glue().shape_for("TableInput").members
    assert table_input(entry) == {key: told[key] for key in told if key in known}


@given(shaped("Partition"))
def test_a_partition_becomes_an_input_that_glue_takes(told: dict[str, Any]) -> None:
    known = glue().shape_for("PartitionInput").members
    expected = {key: told[key] for key in told if key in known}
    assert partition_input(partition_from_json(told)) == expected


@given(shaped("DatabaseInput"))
def test_any_database_input_survives_import_and_export(told: dict[str, Any]) -> None:
    check_valid(told, "DatabaseInput")
    assert database_input(database_from_json(told)) == told


@given(shaped("Database"))
def test_any_database_survives_import_and_export(told: dict[str, Any]) -> None:
    check_valid(told, "Database")
    assert database_to_json(database_from_json(told)) == told


@given(shaped("PartitionInput"))
def test_any_partition_input_survives_import_and_export(told: dict[str, Any]) -> None:
    check_valid(told, "PartitionInput")
    assert partition_input(partition_from_json(told)) == told


@given(shaped("Partition"))
def test_any_partition_survives_import_and_export(told: dict[str, Any]) -> None:
    told |= {"DatabaseName": "raw", "TableName": "t"}
    check_valid(told, "Partition")
    assert partition_to_json(partition_from_json(told), TableName("raw", "t")) == told


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(LETTERS, max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@given(shaped("TableInput"), st.dictionaries(st.text(LETTERS, max_size=6), JSON, max_size=3))
def test_unknown_keys_survive_at_every_level(
    told: dict[str, Any], unknown: dict[str, Any]
) -> None:
    strange = {f"Future{key}": value for key, value in unknown.items()}
    told |= strange
    for inner in (told.get("StorageDescriptor"), *(told.get("PartitionKeys") or ())):
        if isinstance(inner, dict):
            inner.update(strange)
    serde = (told.get("StorageDescriptor") or {}).get("SerdeInfo")
    if isinstance(serde, dict):
        serde.update(strange)
    assert table_input(table_from_json(told, database="raw")) == told


KNOWN = ("Name", "DatabaseName", "TableName", "TableInput", "Table", "TableList", "Tables",
         "DatabaseInput", "Database", "Databases", "DatabaseList", "Partitions", "Values",
         "PartitionInputList", "StorageDescriptor", "Columns", "Parameters", "PartitionKeys",
         "CreateTime", "VersionId", "SerdeInfo", "SortColumns", "LocationUri")  # fmt: skip
HOSTILE: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["", "a", "\ud800"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KNOWN) | st.text(max_size=2), inner, max_size=5)
    ),
    max_leaves=12,
)


@settings(max_examples=300)
@given(HOSTILE, st.sampled_from([None, "db"]))
@example({"TableName": True, "Values": None}, "db")
@example({"DatabaseName": 1, "TableName": "t", "Values": []}, None)
@example({"TableInput": {"Name": "t"}, "PartitionInputList": 1}, "db")
def test_any_json_is_read_as_a_document_or_refused_by_name(
    given_: Any,
    database: str | None,
) -> None:
    try:
        found = read_document(given_, database=database, table="t" if database else None)
    except GlueJsonError:
        return
    for entry in found.tables:
        assert isinstance(entry.name.table, str)
        assert isinstance(entry.name.database, str)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with Catalog.open(f"sqlite:///{tmp_path_factory.mktemp('laws')}/catalog.db") as opened:
        yield opened


@settings(max_examples=50)
@given(shaped("TableInput"))
def test_a_table_input_survives_the_catalog(catalog: Catalog, told: dict[str, Any]) -> None:
    columns = [*(told.get("StorageDescriptor") or {}).get("Columns", ())]
    columns += told.get("PartitionKeys", ())
    names = [column["Name"].lower() for column in columns]
    assume(len(set(names)) == len(names))
    assume(all(key.get("Type") for key in told.get("PartitionKeys", ())))
    put = catalog.data_catalog.put_table(table_from_json(told, database="raw"))
    assert table_input(put) == told | {"Name": told["Name"].lower()}
    read = catalog.data_catalog.get_table(put.name)
    assert table_input(read) == table_input(put)


@settings(max_examples=50)
@given(
    shaped("PartitionInput"),
    st.lists(st.text(LETTERS | st.sampled_from('"\\,[]'), max_size=4), min_size=2, max_size=2),
)
def test_a_partition_input_survives_the_catalog(
    catalog: Catalog, told: dict[str, Any], values: list[str]
) -> None:
    data, name = catalog.data_catalog, TableName("laws", "parts")
    data.put_table(TableEntry(name, partition_keys=(KEYS[1], KEYS[4])))
    told["Values"] = values
    data.put_partitions(name, [partition_from_json(told)])
    assert partition_input(data.partition(name, values)) == told
    assert told in [partition_input(one) for one in data.partitions(name)]


# --- typed order

NUMBERS = st.integers() | st.decimals(allow_nan=False, allow_infinity=False, places=6)


@given(NUMBERS, NUMBERS)
def test_texts_of_numbers_sort_as_the_numbers_do(one: Decimal, two: Decimal) -> None:
    first, second = sortable("decimal(38,6)", str(one)), sortable("bigint", str(two))
    assert first is not None
    assert second is not None
    assert (first < second, first == second) == (one < two, one == two)


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(10**20), 10**20))
def test_texts_of_doubles_sort_among_whole_numbers(one: float, two: int) -> None:
    first, second = sortable("double", repr(one)), sortable("bigint", two)
    assert (str(first) < str(second)) == (Decimal(repr(one)) < two)


# --- pruning

SAMPLES: dict[str, list[str]] = {
    "int": ["-7", "0", "5", "05", "10", "101"],
    "bigint": ["3", "20", "100000000000"],
    "string": ["", "a", "ab", "B", "b%", "é", "10", "9"],
    "date": ["2026-01-01", "2026-01-31", "2025-12-31"],
}
READ: dict[str, Any] = {"int": int, "bigint": int, "string": str, "date": date.fromisoformat}
COMPARE = {"=": operator.eq, "<>": operator.ne, "<": operator.lt, "<=": operator.le,
           ">": operator.gt, ">=": operator.ge}  # fmt: skip

partitions = st.lists(
    st.tuples(*(st.sampled_from([*SAMPLES[key.type], HIVE_NULL]) for key in KEYS)),
    max_size=12,
    unique=True,
)


@st.composite
def comparisons(draw: st.DrawFn) -> Comparison:
    key = draw(st.sampled_from(KEYS))
    value = st.sampled_from(SAMPLES[key.type])
    kind = draw(st.sampled_from([*COMPARE, "in", "between", "like", "is null", "is not null"]))
    if kind == "like":
        return Comparison.of(key.name, "like", draw(st.text("ab%_9é.", max_size=3)))
    counts = {"in": draw(st.integers(0, 3)), "between": 2, "is null": 0, "is not null": 0}
    count = counts.get(kind, 1)
    return Comparison(
        key.name, cast("Operator", kind), tuple(draw(value) for _ in range(count))
    )


filters: st.SearchStrategy[PartitionFilter] = st.recursive(
    comparisons(),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda parts: AllOf(tuple(parts)))
        | st.lists(inner, max_size=3).map(lambda parts: AnyOf(tuple(parts)))
        | inner.map(Negation)
    ),
    max_leaves=6,
)


def like(pattern: str, text: str) -> bool:
    """Whether a text fits a pattern, by trying every length that `%` may stand for."""
    if not pattern:
        return not text
    if pattern[0] == "%":
        return any(like(pattern[1:], text[at:]) for at in range(len(text) + 1))
    return bool(text) and pattern[0] in {"_", text[0]} and like(pattern[1:], text[1:])


def judged(where: PartitionFilter, values: dict[str, str]) -> bool | None:
    """Judge a filter by SQL's three values of truth: the slow, plain way."""
    match where:
        case Negation(part):
            told = judged(part, values)
            return None if told is None else not told
        case AllOf(parts) | AnyOf(parts):
            told_ = [judged(part, values) for part in parts]
            decisive = isinstance(where, AnyOf)
            if decisive in told_:
                return decisive
            return None if None in told_ else not decisive
        case Comparison(key, kind, others):
            return compared(key, kind, others, values[key])


def compared(key: str, kind: str, others: tuple[Any, ...], text: str) -> bool | None:
    if kind in {"is null", "is not null"}:
        return (text == HIVE_NULL) == (kind == "is null")
    if text == HIVE_NULL:
        return None
    if kind == "like":
        return like(others[0], text)
    read = READ[next(one.type for one in KEYS if one.name == key)]
    value, rest = read(text), [read(other) for other in others]
    match kind:
        case "in":
            return value in rest
        case "between":
            return bool(rest[0] <= value <= rest[1])
        case _:
            return bool(COMPARE[kind](value, rest[0]))


numbered = itertools.count()


@settings(max_examples=150)
@given(partitions, filters)
def test_pruning_keeps_exactly_the_partitions_that_match(
    catalog: Catalog, given_: list[tuple[str, ...]], where: PartitionFilter
) -> None:
    data = catalog.data_catalog
    name = TableName("laws", f"t{next(numbered)}")
    data.put_table(TableEntry(name, partition_keys=KEYS))
    data.put_partitions(name, [PartitionEntry(one) for one in given_])
    names = [key.name for key in KEYS]
    # A null `in ()` is false in any case, as nothing is in it.
    expected = {
        one for one in given_ if judged(where, dict(zip(names, one, strict=True))) is True
    }
    found = {one.values for one in data.partitions(name, where=where)}
    if not empty_in(where):
        assert found == expected
    assert {one for one in given_ if accepts(where, KEYS, one)} == found


def empty_in(where: PartitionFilter) -> bool:
    """Whether a filter has an `in ()`, which SQL's grammar does not."""
    match where:
        case Negation(part):
            return empty_in(part)
        case AllOf(parts) | AnyOf(parts):
            return any(empty_in(part) for part in parts)
        case Comparison(_, kind, others):
            return kind == "in" and not others


def written(where: PartitionFilter) -> str:
    """Write a filter as an expression."""
    match where:
        case Negation(part):
            return f"not ({written(part)})"
        case AllOf(parts):
            return f"({' AND '.join(map(written, parts))})"
        case AnyOf(parts):
            return f"({' or '.join(map(written, parts))})"
        case Comparison(key, kind, others):
            texts_ = ["'" + str(one).replace("'", "''") + "'" for one in others]
            match kind:
                case "is null" | "is not null":
                    return f"{key} {kind}"
                case "between":
                    return f"`{key}` between {texts_[0]} and {texts_[1]}"
                case "in":
                    return f'"{key}" IN ({", ".join(texts_)})'
                case _:
                    return f"{key} {kind} {texts_[0]}"


def plain(where: PartitionFilter) -> PartitionFilter:
    """Return a filter as its text is read: groups of one are that one."""
    match where:
        case Negation(part):
            return Negation(plain(part))
        case AllOf(parts) | AnyOf(parts):
            inner = tuple(plain(part) for part in parts)
            return inner[0] if len(inner) == 1 else type(where)(inner)
        case _:
            return where


def whole(where: PartitionFilter) -> bool:
    match where:
        case Negation(part):
            return whole(part)
        case AllOf(parts) | AnyOf(parts):
            return bool(parts) and all(whole(part) for part in parts)
        case _:
            return not empty_in(where)


@given(filters.filter(whole))
def test_a_filter_written_as_an_expression_is_read_as_the_same_filter(
    where: PartitionFilter,
) -> None:
    text = written(where)
    assume(len(text) <= 2048)
    assert parsed(text) == plain(where)


@given(st.text("ab=<>'\"`() ,1.andorint", max_size=30))
def test_any_text_is_read_or_refused_with_its_place(text: str) -> None:
    try:
        parsed(text)
    except PartitionFilterError as error:
        told = error.problem
    else:
        return
    assert "at character" in told
