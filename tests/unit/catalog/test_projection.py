"""Partition projection computes what Athena documents."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeworks.catalog.data_catalog.errors import ProjectionError
from lakeworks.catalog.data_catalog.model import Column, StorageDescriptor, TableEntry
from lakeworks.catalog.data_catalog.partition_filter import Comparison
from lakeworks.catalog.data_catalog.projected_dates import DateFormat, stepped, steps_between
from lakeworks.catalog.data_catalog.projection import Projection, projection_of
from lakeworks.core.names import TableName

NOW = datetime(2026, 11, 22, 15, 37, 12, tzinfo=UTC)


def projection(
    keys: dict[str, str], properties: dict[str, str], *, location: str = "s3://b/t/"
) -> Projection:
    entry = TableEntry(
        TableName("raw", "t"),
        storage=StorageDescriptor(location=location),
        partition_keys=tuple(Column(name, kind) for name, kind in keys.items()),
        parameters={
            "projection.enabled": "true",
            **{
                k if k.startswith("storage") else f"projection.{k}": v
                for k, v in properties.items()
            },
        },
    )
    found = projection_of(entry, NOW)
    assert found is not None
    return found


def values(
    keys: dict[str, str], properties: dict[str, str], *tests: Comparison
) -> list[str | tuple[str, ...]]:
    found = [v for v, _ in projection(keys, properties).partitions(tests)]
    return [v[0] if len(v) == 1 else v for v in found]


def test_enum_values_keep_their_white_space() -> None:
    assert values({"r": "string"}, {"r.type": " Enum ", "r.values": "A,B, C"}) == [
        "A",
        "B",
        " C",
    ]


@pytest.mark.parametrize(
    ("properties", "wanted"),
    [
        ({"range": "1,3"}, ["1", "2", "3"]),
        ({"range": " -1 , 1 "}, ["-1", "0", "1"]),
        ({"range": "1,3", "interval": "2"}, ["1", "3"]),
        ({"range": "1,4", "interval": "2"}, ["1", "3"]),
        ({"range": "1,3", "digits": "2"}, ["01", "02", "03"]),
        ({"range": "0008,0011"}, ["8", "9", "10", "11"]),
    ],
)
def test_integers(properties: dict[str, str], wanted: list[str]) -> None:
    told = {"n.type": "integer"} | {f"n.{key}": text for key, text in properties.items()}
    assert values({"n": "int"}, told) == wanted


@pytest.mark.parametrize(
    ("properties", "wanted"),
    [
        ({"format": "yyyy-MM-dd", "range": "NOW-2DAYS,NOW"},
         ["2026-11-20", "2026-11-21", "2026-11-22"]),
        ({"format": "yyyy-MM", "range": "2026-09,NOW"}, ["2026-09", "2026-10", "2026-11"]),
        ({"format": "yyyy/MM/dd/HH", "range": "NOW-2HOURS,NOW", "interval": "1",
          "interval.unit": "HOURS"}, ["2026/11/22/13", "2026/11/22/14", "2026/11/22/15"]),
        ({"format": "yyyy", "range": "NOW-1YEAR, NOW", "interval": "1", "interval.unit": "YEARS"},
         ["2025", "2026"]),
        ({"format": "yyyyMMdd", "range": "20260130,20260401", "interval": "1",
          "interval.unit": "months"}, ["20260130", "20260228", "20260330"]),
        ({"format": "yyyy-'W'MM-dd", "range": "2026-W01-01,2026-W01-15", "interval": "1",
          "interval.unit": "WEEKS"}, ["2026-W01-01", "2026-W01-08", "2026-W01-15"]),
        ({"format": "dd-MMM-yyyy", "range": "30-Dec-2025,01-Jan-2026"},
         ["30-Dec-2025", "31-Dec-2025", "01-Jan-2026"]),
    ],
)  # fmt: skip
def test_dates(properties: dict[str, str], wanted: list[str]) -> None:
    told = {"d.type": "date"} | {f"d.{key}": text for key, text in properties.items()}
    assert values({"d": "string"}, told) == wanted


def test_an_injected_column_takes_the_values_that_a_query_says() -> None:
    told = {"device.type": "injected"}
    found = values({"device": "string"}, told, Comparison.of("device", "in", "a", "b"))
    assert found == ["a", "b"]


def test_an_injected_column_without_a_value_is_refused_with_what_to_write() -> None:
    with pytest.raises(ProjectionError, match="injected") as error:
        values({"device": "string"}, {"device.type": "injected"})
    assert "WHERE device = '…'" in error.value.hint


def test_partitions_are_named_by_a_template_or_as_hive_does() -> None:
    keys = {"year": "int", "region": "string"}
    told = {"year.type": "integer", "year.range": "2026,2026", "region.type": "enum",
            "region.values": "eu"}  # fmt: skip
    assert list(projection(keys, told).partitions(())) == [
        (("2026", "eu"), "s3://b/t/year=2026/region=eu")
    ]
    template = {"storage.location.template": "s3://b/x/${region}/${year}/"}
    assert next(projection(keys, told | template).partitions(()))[1] == "s3://b/x/eu/2026"


@pytest.mark.parametrize(
    ("properties", "told"),
    [
        ({"d.type": "date", "d.range": "NOW,NOW"}, "d.format of raw.t is missing"),
        ({"d.type": "dates"}, "is 'dates'"),
        ({"d.type": "date", "d.format": "yyyy-QQ", "d.range": "NOW,NOW"}, "'QQ' is not known"),
        ({"d.type": "date", "d.format": "yyyy-MM-dd", "d.range": "2026,NOW"}, "'2026' is neither"),
        ({"d.type": "date", "d.format": "yyyy-MM-dd HH", "d.range": "NOW-1DAYS,NOW"},
         "interval of raw.t is missing"),
        ({"d.type": "integer", "d.range": "1-3"}, "not two values with a comma"),
        ({"d.type": "integer", "d.range": "2020,NOW"}, "no range of whole numbers"),
        ({"d.type": "integer", "d.range": "1,3", "d.interval": "0"}, "no positive whole number"),
        ({"d.type": "enum", "d.values": "a", "storage.location.template": "s3://b/x/"},
         "lacks \\$\\{d\\}"),
        ({}, "d.type of raw.t is missing"),
    ],
)  # fmt: skip
def test_a_wrong_property_is_named(properties: dict[str, str], told: str) -> None:
    with pytest.raises(ProjectionError, match=told):
        values({"d": "string"}, properties)


def test_too_many_partitions_are_refused_with_the_columns_to_narrow() -> None:
    keys = {"a": "int", "b": "int"}
    told = {
        "a.type": "integer",
        "a.range": "1,100000",
        "b.type": "integer",
        "b.range": "1,100000",
    }
    with pytest.raises(ProjectionError, match="10,000,000,000 partitions") as error:
        next(projection(keys, told).partitions(()))
    assert "WHERE on a, b" in error.value.hint


def test_a_wide_range_with_a_condition_is_never_written_out() -> None:
    told = {"n.type": "integer", "n.range": "0,9223372036854775807"}
    tests = (Comparison.of("n", ">=", 10**17), Comparison.of("n", "<", 10**17 + 3))
    assert values({"n": "bigint"}, told, *tests) == [str(10**17 + n) for n in range(3)]
    seconds = {"t.type": "date", "t.format": "yyyy-MM-dd HH:mm:ss", "t.interval": "1",
               "t.interval.unit": "SECONDS", "t.range": "1990-01-01 00:00:00,NOW"}  # fmt: skip
    equal = Comparison.of("t", "=", "2001-02-03 04:05:06")
    assert values({"t": "string"}, seconds, equal) == ["2001-02-03 04:05:06"]
    after = Comparison.of("t", ">=", "2026-11-22 15:37:10")
    assert len(values({"t": "string"}, seconds, after)) == 3


KINDS = st.sampled_from(["int", "string"])
OPERATORS = st.sampled_from(["=", "<", "<=", ">", ">=", "in"])


@given(KINDS, OPERATORS, st.integers(-4, 30), st.integers(1, 4), st.integers(0, 2))
def test_conditions_narrow_projected_integers_to_exactly_those_that_match(
    kind: str, operator: str, value: int, interval: int, digits: int
) -> None:
    told = {"n.type": "integer", "n.range": "-3,25", "n.interval": str(interval)}
    told |= {"n.digits": str(digits)} if digits else {}
    said = value if kind == "int" else str(value)
    test = Comparison(key="n", operator=operator, values=(said,))  # type: ignore[arg-type]
    everything = values({"n": kind}, told)
    compare = {"=": "__eq__", "in": "__eq__", "<": "__lt__", "<=": "__le__", ">": "__gt__",
               ">=": "__ge__"}[operator]  # fmt: skip
    wanted = [
        text
        for text in everything
        if getattr(int(text) if kind == "int" else text, compare)(said)  # type: ignore[arg-type]
    ]
    assert values({"n": kind}, told, test) == wanted


@given(
    st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001
    st.sampled_from(
        ["yyyy-MM-dd", "yyyy/MM/dd/HH", "yyyyMM", "dd.MM.yyyy HH:mm:ss.SSS", "yyyy-DDD"]
    ),
)
def test_a_written_date_is_read_as_it_was(moment: datetime, pattern: str) -> None:
    written = DateFormat.of(pattern)
    text = written.text(moment.replace(tzinfo=UTC))
    read = written.moment(text)
    assert read is not None
    assert written.text(read) == text


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2040, 1, 1)),  # noqa: DTZ001
    st.integers(0, 400),
    st.sampled_from(["YEARS", "MONTHS", "WEEKS", "DAYS", "HOURS", "MINUTES", "SECONDS"]),
)
def test_as_many_steps_fit_as_were_gone(start: datetime, steps: int, unit: str) -> None:
    low = start.replace(tzinfo=UTC, day=1)
    assert steps_between(low, stepped(low, steps, unit), unit) == steps


def test_projection_that_is_switched_off_is_none() -> None:
    entry = TableEntry(
        TableName("raw", "t"),
        partition_keys=(Column("d", "string"),),
        parameters={"projection.enabled": "false", "projection.d.type": "enum"},
    )
    assert projection_of(entry, NOW) is None


def test_partitions_are_given_as_they_are_asked_for() -> None:
    told = {"n.type": "integer", "n.range": "1,900000"}
    assert len(list(islice(projection({"n": "int"}, told).partitions(()), 5))) == 5
