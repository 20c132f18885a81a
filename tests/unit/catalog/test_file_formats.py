"""Glue's SerDes say how files are read, and what a project declares is said in their words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeworks.catalog.data_catalog.errors import UnreadableTableError
from lakeworks.catalog.data_catalog.file_formats import described_as, file_format
from lakeworks.catalog.data_catalog.formats import (
    FORMATS,
    GROK_SERDE,
    JSON_SERDE,
    LAZY_SIMPLE_SERDE,
    OPEN_CSV_SERDE,
    PARQUET_SERDE,
    REGEX_SERDE,
)
from lakeworks.catalog.data_catalog.model import (
    MANAGED,
    VIRTUAL_VIEW,
    SerDe,
    StorageDescriptor,
    TableEntry,
)
from lakeworks.core.hive_types import parse_hive_type
from lakeworks.core.names import TableName
from lakeworks.core.types import TypeTextError
from lakeworks.storage.external import ReadOptions

NAME = TableName("raw", "t")


def entry(
    library: str = "", parameters: dict[str, str] | None = None, **table: str
) -> TableEntry:
    kind = table.pop("table_type", "EXTERNAL_TABLE")
    storage = StorageDescriptor(serde=SerDe(library=library, parameters=parameters or {}))
    told = {key.replace("_", "."): value for key, value in table.items()}
    return TableEntry(NAME, kind, storage=storage, parameters=told)


@pytest.mark.parametrize(
    ("library", "parameters", "table", "format_", "wanted"),
    [
        (OPEN_CSV_SERDE, {"separatorChar": ";"}, {"skip_header_line_count": "2"}, "csv",
         {"delimiter": ";", "quote": '"', "escape": "\\", "skip_lines": 2, "unix_dates": True}),
        (LAZY_SIMPLE_SERDE, {"field.delim": "\\t"}, {}, "csv", {"delimiter": "\t", "quote": ""}),
        (LAZY_SIMPLE_SERDE, {}, {}, "csv", {"delimiter": "\x01", "null_text": "\\N"}),
        (LAZY_SIMPLE_SERDE, {"field.delim": "1", "colelction.delim": "|"}, {}, "csv",
         {"delimiter": "1", "item_delimiter": "|", "key_delimiter": "\x03"}),
        (LAZY_SIMPLE_SERDE, {"field.delim": "\\u0002"}, {}, "csv", {"delimiter": "\x02"}),
        (JSON_SERDE, {"ignore.malformed.json": "TRUE", "dots.in.keys": "true"}, {}, "json",
         {"ignore_malformed": True, "dots_in_keys": True, "case_sensitive": False}),
        (JSON_SERDE, {"case.insensitive": "FALSE", "mapping.userid": "userId"}, {}, "json",
         {"case_sensitive": True, "keys": {"userid": "userId"}}),
        ("org.apache.hive.hcatalog.data.JsonSerDe", {}, {}, "json", {}),
        (JSON_SERDE, {"use.null.for.invalid.data": "TRUE"}, {}, "json", {"null_for_invalid": True}),
        (REGEX_SERDE, {"input.regex": "(a)", "input.regex.case.insensitive": "true"}, {}, "log",
         {"pattern": "(?i)(a)"}),
        (GROK_SERDE, {"input.format": "%{IP:a}"}, {}, "log", {"grok": "%{IP:a}"}),
        (PARQUET_SERDE, {}, {}, "parquet", {}),
        ("", {"rowTag": "order"}, {"classification": "xml"}, "xml", {"row_tag": "order"}),
        ("", {}, {"classification": "ORC"}, "orc", {}),
        (LAZY_SIMPLE_SERDE, {}, {"classification": "parquet"}, "parquet", {}),
    ],
)  # fmt: skip
def test_what_a_serde_says(
    library: str,
    parameters: dict[str, str],
    table: dict[str, str],
    format_: str,
    wanted: dict[str, Any],
) -> None:
    found = file_format(entry(library, parameters, **table))
    assert found.format == format_
    assert {key: getattr(found.options, key) for key in wanted} == wanted


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (entry(table_type=VIRTUAL_VIEW), "virtual_view"),
        (entry(table_type=MANAGED), "managed"),
        (entry(PARQUET_SERDE, classification="delta"), "delta"),
        (entry("com.example.Odd"), "com.example.Odd"),
        (entry(), "does not say"),
    ],
)
def test_what_cannot_be_read_is_told(made: TableEntry, told: str) -> None:
    with pytest.raises(UnreadableTableError, match=told):
        file_format(made)


MARK = st.sampled_from([",", ";", "|", "\t", "\x01"])
FLAG = st.booleans()
OPTIONS: dict[str, st.SearchStrategy[ReadOptions]] = {
    "csv": st.builds(
        ReadOptions,
        delimiter=MARK,
        quote=st.just('"'),
        escape=st.sampled_from(["", "\\"]),
        skip_lines=st.integers(0, 3),
        unix_dates=st.just(True),
        null_for_invalid=FLAG,
        null_text=st.sampled_from([None, "", "NULL"]),
    ),
    "json": st.builds(
        ReadOptions,
        ignore_malformed=FLAG,
        case_sensitive=FLAG,
        dots_in_keys=FLAG,
        keys=st.dictionaries(st.sampled_from(["a", "b_c"]), st.sampled_from(["A", "bC"])),
        json_path=st.sampled_from(["", "$.records[*]"]),
        null_for_invalid=FLAG,
    ),
    "xml": st.builds(
        ReadOptions, row_tag=st.just("order"), attribute_prefix=st.sampled_from(["", "@"])
    ),
    "log": st.builds(
        ReadOptions,
        pattern=st.sampled_from(["common", r"(?P<a>\d+) (?P<b>.*)"]),
        null_text=st.sampled_from([None, "-"]),
        skip_lines=st.integers(0, 2),
    ),
    "parquet": st.just(ReadOptions()),
}
DECLARED = st.sampled_from(sorted(OPTIONS)).flatmap(lambda f: st.tuples(st.just(f), OPTIONS[f]))


@given(DECLARED)
def test_what_is_declared_is_read_back_from_glues_words(declared: Any) -> None:
    format_, options = declared
    kind, serde, table = described_as(format_, options)
    storage = StorageDescriptor(serde=SerDe(library=FORMATS[kind].library, parameters=serde))
    found = file_format(TableEntry(NAME, storage=storage, parameters=table))
    assert (found.format, found.options) == (format_, options)


def test_unquoted_csv_is_hives_own() -> None:
    options = ReadOptions(delimiter="|", quote="", null_text="\\N")
    kind, serde, _ = described_as("csv", options)
    assert (kind, serde["field.delim"]) == ("csv", "|")
    made = entry(LAZY_SIMPLE_SERDE, serde)
    assert file_format(made).options == options


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("varchar(20)", "string"),
        ("DECIMAL", "decimal(10,0)"),
        ("array<struct<decimal:char(3),b:decimal>>", "array<struct<decimal:string,b:decimal(10,0)>>"),
        ("map<string,double precision>", "map<string,double>"),
        ("timestamp with local time zone", "timestamp"),
        ("", "string"),
    ],
)  # fmt: skip
def test_hives_types(text: str, wanted: str) -> None:
    assert str(parse_hive_type(text)) == wanted


@pytest.mark.parametrize(
    "text", ["uniontype<int,string>", "array<", "decimal(99,1)", "array<" * 5000]
)
def test_what_is_no_type_is_told(text: str) -> None:
    with pytest.raises(TypeTextError):
        parse_hive_type(text)
