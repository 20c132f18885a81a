"""What a table's fingerprint notes of its source, and which changes are told by it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lakeworks.catalog.heads import Head
from lakeworks.core import clock
from lakeworks.core.names import TableName
from lakeworks.core.types import Field, Scalar, Schema, parse_type
from lakeworks.pipeline.redeclared import fingerprint_of, redeclared
from lakeworks.project.declaration import CsvOptions, Location, Source

TABLE = TableName("bronze", "t")


def source(**declared: Any) -> Source:
    return Source(TABLE, Location("sources/t.yml", 1), "/in", "in", **declared)


def head(fingerprint: str, *columns: str) -> Head:
    schema = Schema(tuple(Field(name, Scalar("string")) for name in (*columns, "_run_id")))
    return Head(TABLE, 1, {}, fingerprint, 1, 1, schema, clock.now())


def after(*read_by: Source) -> Head:
    """Return the head after batches that were read by these declarations."""
    now = head("", "a")
    for one in read_by:
        now = replace(now, fingerprint=fingerprint_of(one, now, anew=False))
    return now


def test_nothing_is_told_where_nothing_is_known() -> None:
    assert redeclared(source(format="csv"), None) == ()
    assert redeclared(source(format="csv"), head("", "a")) == ()
    assert redeclared(source(format="csv"), head("source", "a")) == ()  # of an older lake


def test_a_table_of_an_older_lake_counts_as_read_by_what_reads_its_next_files() -> None:
    before = head("source", "a")
    noted = replace(
        before, fingerprint=fingerprint_of(source(format="csv"), before, anew=False)
    )
    assert redeclared(source(format="csv"), noted) == ()
    assert redeclared(source(format="json"), noted) == ("format",)


def test_every_key_that_decides_values_is_told() -> None:
    plain = after(source())
    for declared, keys in (
        ({"format": "json"}, ("format",)),
        (
            {"format": "csv", "csv": CsvOptions(quote="'", header=False)},
            ("csv.header", "csv.quote"),
        ),
        ({"format": "log", "log_pattern": "(?P<a>.)"}, ("pattern",)),
        ({"types": "infer"}, ("types",)),
        ({"types": {"A": parse_type("int"), "b": parse_type("int")}}, ("types.A",)),
        ({"partitions": {"day": parse_type("date")}}, ("partitions.day",)),
        ({"partitions": {}, "schema": "strict", "partition_by": ("a",), "owner": "me"}, ()),
    ):
        other = source(**declared)
        assert redeclared(other, plain) == keys
        assert redeclared(source(), after(other)) == keys
        assert redeclared(other, after(other)) == ()


def test_files_read_by_two_declarations_agree_with_neither() -> None:
    first, second = (
        source(types={"a": parse_type("int")}),
        source(types={"a": parse_type("date")}),
    )
    for now in (first, second, source()):
        assert redeclared(now, after(first, second)) == ("types.a",)
    mixed = after(first, second)
    settled = replace(mixed, fingerprint=fingerprint_of(second, mixed, anew=True))
    assert redeclared(second, settled) == ()
    assert redeclared(first, settled) == ("types.a",)


def test_types_that_are_spelt_otherwise_are_the_same() -> None:
    assert (
        redeclared(
            source(types={"a": parse_type("DECIMAL(10, 2)")}),
            after(source(types={"a": parse_type("decimal(10,2)")})),
        )
        == ()
    )


def test_the_fingerprint_shows_no_setting() -> None:
    noted = after(source(format="log", log_pattern="(?P<a>hunter2)"))
    assert "hunter2" not in noted.fingerprint
