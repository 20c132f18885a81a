"""What becomes of values and rows of each format on their way into bronze."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import json
from decimal import Decimal as Number
from typing import TYPE_CHECKING, Any

import pytest

from lakeworks.core.types import Decimal, Scalar, parse_type
from lakeworks.engines.errors import LogPatternError
from lakeworks.project.declaration import CsvOptions

if TYPE_CHECKING:
    from collections.abc import Callable

COMBINED = (
    '1.2.3.4 - ann [22/Nov/2026:04:42:30 +0100] "GET /x HTTP/1.1" 200 512 "http://r/" "agent"\n'
)


def types(here: Any) -> dict[str, str]:
    return {f.name: str(f.type) for f in here.known if not f.name.startswith("_")}


def lines(*documents: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(document).encode() + b"\n" for document in documents)


def rescued(here: Any) -> list[Any]:
    return [json.loads(row["_rescued"]) for row in here.rows("1") if row["_rescued"]]


def test_json_values_keep_their_type(intake: Callable[..., Any]) -> None:
    here = intake()
    here.put("a.json", lines({
        "i": 1, "f": 1.5, "b": True, "s": "2026-01-01", "n": None,
        "o": {"zip": "007", "x": {"y": 1}}, "l": [1, 2], "ls": [{"sku": "a", "n": 1}],
    }))  # fmt: skip
    here.take()
    assert types(here) == {
        "i": "bigint", "f": "double", "b": "boolean", "s": "string", "n": "string",
        "o": "struct<zip:string,x:struct<y:bigint>>", "l": "array<bigint>",
        "ls": "array<struct<sku:string,n:bigint>>",
    }  # fmt: skip
    [row] = here.rows("1")
    assert row["s"] == "2026-01-01"
    assert row["o"] == {"zip": "007", "x": {"y": 1}}
    assert row["ls"] == [{"sku": "a", "n": 1}]
    assert row["_rescued"] is None


def test_files_are_unpacked_by_what_they_hold_whatever_their_names_say(
    intake: Callable[..., Any],
) -> None:
    here = intake(format="json")
    row = lines({"v": 1})
    for name, data in (
        ("a.json", row), ("b.json.gz", gzip.compress(row)), ("c.json", gzip.compress(row)),
        ("d.json.gz", row), ("e.JSON.GZ", gzip.compress(row)), ("f.zst", row),
    ):  # fmt: skip
        here.put(name, data)
    here.take()
    found = {row["_source_file"] for row in here.rows("_source_file")}
    assert len(found) == len(here.rows("v")) == 6


def test_mixed_scalars_are_kept_as_text(intake: Callable[..., Any]) -> None:
    here = intake()
    here.put("a.json", lines({"v": 1}, {"v": "x"}, {"v": True}, {"v": {"a": 1}}))
    here.take()
    assert [row["v"] for row in here.rows("v")] == ["1", "true", "x", '{"a":1}']


@pytest.mark.parametrize(
    "value", ['"7"', "true", "1.5", str(10**30), str(2**63), '{"a": 1}', "[1]", '""', "1e400"]
)
def test_what_a_bigint_cannot_hold_is_rescued(value: str, intake: Callable[..., Any]) -> None:
    here = intake()
    here.put("a.json", lines({"v": 1, "w": 1}))
    here.take()
    here.put("b.json", f'{{"v":{value},"w":2}}\n'.encode())
    here.take()
    row = here.rows("w")[1]
    assert (row["v"], row["w"]) == (None, 2)
    text = row["_rescued"].removeprefix('{"v":').removesuffix("}")
    assert text in {value, value.replace(" ", ""), '"1e400"'}


@pytest.mark.parametrize(
    ("first", "value"),
    [
        (1.5, "abc"), (1.5, "7.5"), (1.5, ""), (1.5, True), (1.5, [1]), (1.5, {"x": 1}),
        (1.5, 10**25), (True, "true"), (True, 1), (True, []), ([1], ["x"]), ([1], 1.5),
        ([{"n": 1}], [{"n": "x"}]), ([{"n": 1}], [{"n": 1.5}]), ({"n": 1}, {"n": "x"}),
    ],
)  # fmt: skip
def test_what_a_column_cannot_hold_is_rescued_beside_rows_that_fit(
    first: Any, value: Any, intake: Callable[..., Any]
) -> None:
    here = intake()
    here.put("a.json", lines({"v": first, "w": 1}))
    here.take()
    here.put("b.json", lines({"v": first, "w": 2}, {"v": value, "w": 3}))
    done = here.take()
    assert (done.written, done.quarantined) == (2, 0)
    assert [row["_rescued"] for row in here.rows("w")][:2] == [None, None]
    assert rescued(here) == [{"v": value}]


def test_exact_types_of_an_earlier_load_take_no_rounded_values(
    intake: Callable[..., Any],
) -> None:
    here = intake(types={"n": Scalar("int"), "d": Decimal(10, 2), "on": Scalar("date")})
    here.put("a.csv", b"n,d,on\n1,1.50,2026-01-01\n")
    here.take()
    here.put(
        "b.json", lines({"n": 1.5, "d": 2.505, "on": "2026-01-01 10:00"}, {"n": 2, "d": 2.5})
    )
    here.take()
    assert rescued(here) == [{"n": 1.5, "d": 2.505, "on": "2026-01-01 10:00"}]
    assert {(row["n"], row["d"]) for row in here.rows("1")} == {
        (1, Number("1.50")), (None, None), (2, Number("2.50")),
    }  # fmt: skip


def test_a_double_takes_integers_that_it_holds_exactly(intake: Callable[..., Any]) -> None:
    here = intake()
    here.put("a.json", lines({"v": 1.5}))
    here.take()
    here.put("b.json", lines({"v": 2}, {"v": 2**53 + 1}))
    here.take()
    assert sorted(row["v"] or 0 for row in here.rows("1")) == [0, 1.5, 2.0]
    assert rescued(here) == [{"v": 2**53 + 1}]


@pytest.mark.parametrize("nested", ["x", [1], 5])
def test_what_is_no_struct_is_rescued_not_read_as_an_empty_one(
    nested: object, intake: Callable[..., Any]
) -> None:
    here = intake()
    here.put("a.json", lines({"o": {"a": 1}}))
    here.take()
    here.put("b.json", lines({"o": nested}, {"o": None}, {}))
    here.take()
    assert rescued(here) == [{"o": nested}]


def test_new_fields_become_columns_where_the_schema_evolves(intake: Callable[..., Any]) -> None:
    here = intake()
    here.put("a.json", lines({"a": 1, "o": {"x": 1}}))
    here.take()
    here.put("b.json", lines({"a": 2, "new": 7, "o": {"x": 1, "y": "z"}}))
    here.take()
    assert types(here) == {"a": "bigint", "o": "struct<x:bigint,y:string>", "new": "bigint"}
    assert rescued(here) == []


def test_a_new_field_deep_inside_a_large_file_becomes_a_column(
    intake: Callable[..., Any],
) -> None:
    here = intake()
    many = [{"a": n, "pad": "x" * 50} for n in range(4_000)]
    here.put("a.json", lines(*many, {"a": -1, "late": True}))
    here.take()
    assert types(here)["late"] == "boolean"
    assert [row["late"] for row in here.rows("a")][:2] == [True, None]


def test_a_first_load_whose_sample_misled_is_read_anew(intake: Callable[..., Any]) -> None:
    here = intake()
    whole = [{"v": n, "pad": "x" * 50} for n in range(4_000)]
    here.put("a.json", lines(*whole, {"v": 0.5, "pad": ""}))
    done = here.take()
    assert types(here)["v"] == "double"
    assert done.written == 4_001
    assert rescued(here) == []


@pytest.mark.parametrize(
    ("mode", "columns", "left", "rejected"),
    [
        ("evolve", ["a", "b"], [{"a": "x"}], []),
        ("rescue", ["a"], [{"b": 1}, {"a": "x"}], []),
        ("strict", ["a"], [], ["schema", "type"]),
    ],
)
def test_modes_say_what_happens_to_new_fields_and_misfits(
    mode: str,
    columns: list[str],
    left: list[Any],
    rejected: list[str],
    intake: Callable[..., Any],
) -> None:
    here = intake(schema=mode)
    here.put("a.json", lines({"a": 1}))
    here.take()
    here.put("b.json", lines({"a": 2, "b": 1}, {"a": "x"}))
    here.take()
    assert list(types(here)) == columns
    assert sorted(rescued(here), key=str) == sorted(left, key=str)
    assert sorted(q["rule"] for q in here.quarantine()) == rejected


def test_names_that_collide_lose_nothing(intake: Callable[..., Any]) -> None:
    here = intake()
    here.put("a.json", b'{"a":1,"A":2,"a":3,"_run_id":"mine","":4,"x\\"y":5}\n')
    here.take()
    assert list(types(here)) == ["a"]
    assert rescued(here) == [{"A": 2, "a": 3, "_run_id": "mine", "": 4, 'x"y': 5}]


def test_lines_that_are_no_json_are_quarantined_with_number_text_and_reason(
    intake: Callable[..., Any],
) -> None:
    here = intake()
    here.put("a.json", b'{"a":1}\n\n{"a":\n{"a":"\xff"}\n{"a":2}\n')
    done = here.take()
    assert (done.read, done.written) == (4, 2)
    told = [(q["source_row"], q["rule"], q["row"]) for q in here.quarantine()]
    assert told == [(3, "parse", '{"a":'), (4, "parse", '{"a":"\\xff"}')]
    assert "not UTF-8" in here.quarantine()[1]["error"]


def test_arrays_and_documents_over_several_lines_are_told_from_lines(
    intake: Callable[..., Any],
) -> None:
    here = intake()
    here.put("a.json", b'[{"a":1},\n {"a":2}]')
    here.put("b.json", b'{\n "a": 3\n}\n{\n "a": 4\n}\n')
    here.put("c.json", b'{"a":5}\n')
    here.take()
    assert [row["a"] for row in here.rows("a")] == [1, 2, 3, 4, 5]


def test_csv_is_text_and_keeps_leading_zeros(intake: Callable[..., Any]) -> None:
    here = intake()
    here.put("a.csv", b'id,zip,note\n1,007,"a ""b"", c"\n2,,\n')
    here.take()
    assert set(types(here).values()) == {"string"}
    assert [(r["zip"], r["note"]) for r in here.rows("id")] == [
        ("007", 'a "b", c'),
        (None, None),
    ]


def test_csv_columns_are_matched_by_name(intake: Callable[..., Any]) -> None:
    here = intake()
    here.put("a.csv", b"a,b\n1,2\n")
    here.put("b.csv", b"b;new;a\n4;5;3\n")
    here.take()
    assert [(r["a"], r["b"], r["new"]) for r in here.rows("a")] == [
        ("1", "2", None),
        ("3", "4", "5"),
    ]


def test_broken_csv_lines_are_quarantined_and_the_rest_goes_on(
    intake: Callable[..., Any],
) -> None:
    here = intake()
    here.put("a.csv", b'a,b\n1,2\n3\n4,5,6\n"open,7\n8,9\n10,"x"y\n11,12\n')
    done = here.take()
    assert [r["a"] for r in here.rows("a")] == ["1", "11", "8"]
    assert [(q["source_row"], q["row"]) for q in here.quarantine()] == [
        (3, "3"), (4, "4,5,6"), (5, '"open,7'), (7, '10,"x"y'),
    ]  # fmt: skip
    assert done.read == 7


@pytest.mark.parametrize(
    ("content", "encoding"),
    [("é,ü\nñ,ö\nß,ä\n", "latin-1"), ("é,ü\n", "utf-16"), ("é,ü\n", "utf-8-sig")],
)
def test_csv_encodings_are_found_out(
    content: str, encoding: str, intake: Callable[..., Any]
) -> None:
    here = intake()
    here.put("a.csv", ("a,b\n" + content).encode(encoding))
    here.take()
    assert {r["a"] for r in here.rows("1")} == {line[0] for line in content.splitlines()}


def test_csv_line_ends_may_differ_within_a_file(intake: Callable[..., Any]) -> None:
    here = intake()
    here.put("a.csv", b"a,b\n1,2\r\n3,4\n5,6\r\n")
    assert here.take().read == 3
    assert sorted(r["b"] for r in here.rows("1")) == ["2", "4", "6"]


def test_csv_options_are_obeyed(intake: Callable[..., Any]) -> None:
    options = CsvOptions(delimiter="#", header=False, null_values=("NA",), skip_rows=1)
    here = intake(csv=options, format="csv")
    here.put("a.txt", b"a comment\n1#NA\n2#x\n")
    here.take()
    assert [(r["column1"], r["column2"]) for r in here.rows("1")] == [("1", None), ("2", "x")]


def test_declared_csv_types_are_exact(intake: Callable[..., Any]) -> None:
    declared = {"n": Scalar("int"), "d": Decimal(10, 2), "on": Scalar("date")}
    here = intake(types=declared)
    here.put("a.csv", b"n,d,on\n007,1.50,2026-01-01\n1.5,2.505,2026-01-01 10:00\n")
    here.take()
    rows = here.rows("n")
    assert (rows[0]["n"], rows[0]["d"], rows[0]["on"]) == (
        7,
        Number("1.50"),
        dt.date(2026, 1, 1),
    )
    assert rescued(here) == [{"n": "1.5", "d": "2.505", "on": "2026-01-01 10:00"}]


def test_inferred_csv_types_never_cost_a_leading_zero(intake: Callable[..., Any]) -> None:
    here = intake(types="infer")
    here.put("a.csv", b"id,zip,x,on\n1,007,1.5,2026-01-01\n2,123,2,2026-01-02\n")
    here.take()
    assert types(here) == {"id": "bigint", "zip": "string", "x": "double", "on": "date"}


def test_strict_csv_refuses_rows_with_what_is_new_or_misfit(intake: Callable[..., Any]) -> None:
    here = intake(schema="strict", types={"a": Scalar("int")})
    here.put("a.csv", b"a\n1\n")
    here.take()
    here.put("b.csv", b"a,b\nx,\n2,new\n3,\n")
    here.take()
    assert [r["a"] for r in here.rows("a")] == [1, 3]
    assert {q["rule"]: json.loads(q["row"])["a"] for q in here.quarantine()} == {
        "type": "x",
        "schema": "2",
    }


def test_web_logs_are_typed(intake: Callable[..., Any]) -> None:
    here = intake()
    here.put(
        "a.log",
        (COMBINED + "broken\n" + COMBINED.split(' "http', maxsplit=1)[0] + "\n").encode(),
    )
    done = here.take()
    assert (done.written, done.quarantined) == (2, 1)
    row = next(r for r in here.rows("1") if r["user_agent"])
    assert row["time"] == dt.datetime(2026, 11, 22, 3, 42, 30, tzinfo=dt.UTC)
    assert (row["status"], row["bytes"], row["identity"]) == (200, 512, None)
    assert here.quarantine()[0]["row"] == "broken"


def test_a_custom_log_pattern_names_the_columns(intake: Callable[..., Any]) -> None:
    here = intake(log_pattern=r"^(?P<level>[A-Z]+) (?P<ms>\d+)$", types={"ms": Scalar("int")})
    here.put("a.log", b"INFO 5\nWARN x\n")
    here.take()
    assert [(r["level"], r["ms"]) for r in here.rows("1")] == [("INFO", 5)]
    assert [q["row"] for q in here.quarantine()] == ["WARN x"]


@pytest.mark.parametrize("pattern", ["(", "(x)", "(?P<_run_id>x)", "x"])
def test_a_log_pattern_that_cannot_name_columns_is_refused(
    pattern: str, intake: Callable[..., Any]
) -> None:
    here = intake(log_pattern=pattern)
    here.put("a.log", b"x\n")
    with pytest.raises(LogPatternError):
        here.take()


def parquet(**columns: Any) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    target = io.BytesIO()
    pq.write_table(pa.table(columns), target)
    return target.getvalue()


def test_parquet_keeps_types_and_evolves(intake: Callable[..., Any]) -> None:
    here = intake()
    here.put("a.parquet", parquet(a=[1, 2], on=[dt.date(2026, 1, 1), None]))
    here.take()
    here.put("b.parquet", parquet(a=["x", "3"], new=[{"k": 1}, None]))
    here.take()
    assert types(here) == {"a": "bigint", "on": "date", "new": "struct<k:bigint>"}
    assert sorted(row["a"] or 0 for row in here.rows("1")) == [0, 1, 2, 3]
    assert rescued(here) == [{"a": "x"}]


def test_avro_is_read(intake: Callable[..., Any]) -> None:
    pytest.importorskip("duckdb_extension_avro")
    fields = b'[{"name":"id","type":"long"},{"name":"name","type":"string"}]'
    here = intake()
    here.put(
        "a.avro", avro(b'{"type":"record","name":"r","fields":' + fields + b"}", b"\x02\x02x")
    )
    here.take()
    assert [(r["id"], r["name"]) for r in here.rows("1")] == [(1, "x")]
    assert types(here) == {"id": "bigint", "name": "string"}


def avro(schema: bytes, block: bytes) -> bytes:
    """Write an Avro container of one block with one row."""

    def number(value: int) -> bytes:
        value <<= 1
        out = b""
        while value > 0x7F:
            out += bytes([value & 0x7F | 0x80])
            value >>= 7
        return out + bytes([value])

    def text(data: bytes) -> bytes:
        return number(len(data)) + data

    meta = number(2) + text(b"avro.schema") + text(schema) + text(b"avro.codec") + text(b"null")
    mark = b"0123456789abcdef"
    return b"Obj\x01" + meta + b"\0" + mark + number(1) + number(len(block)) + block + mark


def test_a_type_of_an_earlier_load_that_json_lacks_is_filled(
    intake: Callable[..., Any],
) -> None:
    here = intake()
    here.put("a.parquet", parquet(at=[dt.date(2026, 1, 1)]))
    here.take()
    here.put("b.json", lines({"at": "2026-01-02", "at ": 1}, {"at": "soon"}))
    here.take()
    assert types(here) == {"at": str(parse_type("date")), "at ": "bigint"}
    assert {r["at"] for r in here.rows("1")} == {dt.date(2026, 1, 1), dt.date(2026, 1, 2), None}
    assert rescued(here) == [{"at": "soon"}]
