"""What one file is taken for, and its columns."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import os
import random
import zipfile
from typing import Any, ClassVar

import pyarrow as pa
import pytest
from pyarrow import orc, parquet

from lakeworks.crawlers.classifiers.csv_files import CsvForm
from lakeworks.crawlers.classifiers.examine import (
    Custom,
    JsonForm,
    NamedCsvForm,
    XmlForm,
    examine,
)
from lakeworks.crawlers.classifiers.found import Found, Skipped
from lakeworks.crawlers.classifiers.grok_files import LogForm
from lakeworks.crawlers.kinds import hive_text
from lakeworks.crawlers.samples import Sample

APACHE = '10.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET /x HTTP/1.0" 200 2326'


def look(data: bytes | str, *custom: Custom, name: str = "file") -> Found | Skipped:
    content = data.encode() if isinstance(data, str) else data
    return examine(Sample(name, len(content), lambda at, n: content[at : at + n]), custom)


def found(data: bytes | str, *custom: Custom, name: str = "file") -> Found:
    answer = look(data, *custom, name=name)
    assert isinstance(answer, Found), answer
    return answer


def reason(data: bytes | str, *custom: Custom) -> str:
    answer = look(data, *custom)
    assert isinstance(answer, Skipped), answer
    return answer.reason


def columns(answer: Found) -> dict[str, str]:
    return {name: hive_text(kind) for name, kind in answer.columns}


class TestJson:
    def test_lines_give_the_columns_of_all_of_them(self) -> None:
        answer = found('{"a":1,"b":"x"}\n\n{"a":2.5,"c":[1]}\n')
        assert answer.classification == answer.classifier == "json"
        assert columns(answer) == {"a": "double", "b": "string", "c": "array<int>"}
        assert answer.rows == 2

    @pytest.mark.parametrize(
        "text",
        [
            '[{"a":1},{"a":2}]',
            ' [\n  {"a": 1},\n  {"a": 2}\n ] ',
            '{\n"a": 1\n}\n{\n"a": 2\n}',
            '{"a":1}{"a":2}',
            '{"a":1}\r\n{"a":2}\r\n',
            '\ufeff{"a":1}\n{"a":2}',
            '{"a":1}\n{"a":2}\n{"a":',
        ],
    )
    def test_however_objects_follow_each_other_they_are_rows(self, text: str) -> None:
        answer = found(text)
        assert columns(answer) == {"a": "int"}
        assert answer.rows == 2

    def test_utf_16_is_read(self) -> None:
        answer = found('{"ä":"ö"}\n'.encode("utf-16"))
        assert columns(answer) == {"ä": "string"}
        assert ("encoding", "utf-16") in answer.details

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ('{"a": 1', "breaks off"),
            ('[{"a": 1', "breaks off"),
            ("[1, 2, 3]", "array without objects"),
            ("{}\n{}", "empty"),
            ("[" * 100_000, "nested too deeply"),
            ('{"a":' * 50_000, "nested too deeply"),
        ],
    )
    def test_what_is_no_table_is_told_why(self, text: str, told: str) -> None:
        assert told in reason(text)

    def test_a_path_selects_the_rows(self) -> None:
        form = JsonForm("orders", "$.orders[*]")
        text = json.dumps({"page": 1, "orders": [{"id": 1}, {"id": 2, "x": True}]})
        answer = found(text, form)
        assert columns(answer) == {"id": "int", "x": "boolean"}
        assert answer.classifier == "orders"
        assert answer.details == (("jsonPath", "$.orders[*]"),)

    def test_a_path_that_selects_nothing_leaves_the_file_to_others(self) -> None:
        answer = found('{"a":1}', JsonForm("orders", "$.orders[*]"))
        assert answer.classifier == "json"

    def test_a_large_file_is_estimated_from_its_beginning(self) -> None:
        line = json.dumps({"a": 1, "pad": "x" * 90}) + "\n"
        answer = found(line * 50_000)
        assert answer.rows == pytest.approx(50_000, rel=0.01)

    def test_a_record_of_three_megabytes_is_read_whole(self) -> None:
        assert columns(found(json.dumps({"a": "x" * 3_000_000}))) == {"a": "string"}

    def test_a_record_over_ten_megabytes_is_told_of(self) -> None:
        assert "over 10 MiB" in reason(json.dumps({"a": "x" * 11_000_000}))


class TestCsv:
    def test_a_row_of_texts_above_numbers_is_a_header(self) -> None:
        answer = found("id,name,price,ok\n1,x,2.5,true\n2,y,3,FALSE\n")
        assert columns(answer) == {
            "id": "bigint", "name": "string", "price": "double", "ok": "boolean",
        }  # fmt: skip
        assert dict(answer.details)["header"] == "1"
        assert answer.rows == 2

    @pytest.mark.parametrize("delimiter", [",", "|", "\t", ";", "\x01"])
    def test_the_delimiter_is_found_out(self, delimiter: str) -> None:
        text = f"id{delimiter}n\n1{delimiter}a\n2{delimiter}b\n"
        assert dict(found(text).details)["delimiter"] == delimiter

    def test_without_a_header_columns_are_counted(self) -> None:
        assert columns(found("1,a\n2,b\n")) == {"col0": "bigint", "col1": "string"}

    def test_texts_only_show_no_header(self) -> None:
        answer = found("a,b\nc,d\n")
        assert columns(answer) == {"col0": "string", "col1": "string"}
        assert answer.first_row == ("a", "b")

    def test_a_header_may_end_with_a_delimiter(self) -> None:
        assert list(columns(found("id,n,\n1,a,\n"))) == ["id", "n", "col2"]

    def test_a_header_of_150_characters_is_none(self) -> None:
        assert list(columns(found(f"{'x' * 150},n\n1,a\n"))) == ["col0", "col1"]

    def test_names_that_come_twice_are_no_header(self) -> None:
        assert list(columns(found("id,id\n1,2\n"))) == ["col0", "col1"]

    def test_leading_zeros_make_a_text(self) -> None:
        assert columns(found("zip,n\n01234,1\n"))["zip"] == "string"

    def test_numbers_beyond_bigint_make_a_text(self) -> None:
        text = f"a,b\n{2**63},{2**63 - 1}\n"
        assert columns(found(text)) == {"a": "string", "b": "bigint"}

    def test_empty_values_say_nothing_of_a_type(self) -> None:
        assert columns(found("a,b\n,1\n3,\n")) == {"a": "bigint", "b": "bigint"}

    def test_quoted_values_may_hold_delimiters_and_line_ends(self) -> None:
        answer = found('id,n\n1,"a,b"\n2,"c\nd"\n')
        assert columns(answer) == {"id": "bigint", "n": "string"}
        assert ("quoted", "1") in answer.details

    def test_latin_1_and_what_windows_added_to_it_are_read(self) -> None:
        answer = found("id,straße\n1,Köln\n".encode("latin-1"))
        assert columns(answer) == {"id": "bigint", "straße": "string"}
        assert ("encoding", "iso-8859-1") in answer.details
        quoted = found("id,name\n1,“x”\n".encode("cp1252"))
        assert ("encoding", "windows-1252") in quoted.details

    @pytest.mark.parametrize(
        "text", ["just one line, with a comma", "no\ndelimiter\n", "a,b\nc\nd,e,f\ng\n", "x"]
    )
    def test_prose_is_no_csv(self, text: str) -> None:
        assert reason(text) == "no classifier knows it"

    def test_a_custom_classifier_says_how_it_is_written(self) -> None:
        form = CsvForm("~", "'", "absent", ("id", "n"), ("int", "string"))
        answer = found("1~'a~b'\n2~c\n", NamedCsvForm("tilde", form))
        assert columns(answer) == {"id": "int", "n": "string"}
        assert answer.classifier == "tilde"
        assert dict(answer.details)["header"] == "0"

    def test_a_custom_header_that_is_the_first_row_is_skipped(self) -> None:
        form = NamedCsvForm("c", CsvForm(names=("a", "b")))
        assert dict(found("A,B\nx,y\n", form).details)["header"] == "1"
        assert dict(found("w,v\nx,y\n", form).details)["header"] == "0"

    def test_a_custom_header_of_another_width_leaves_the_file_to_others(self) -> None:
        form = NamedCsvForm("c", CsvForm(names=("a", "b", "c")))
        assert found("1,2\n3,4\n", form).classifier == "csv"

    def test_values_are_trimmed_where_a_classifier_says_so(self) -> None:
        text = "id,n\n 1 ,a\n"
        assert columns(found(text, NamedCsvForm("c", CsvForm(trim=True))))["id"] == "bigint"
        assert columns(found("id,n\n 1 ,2\n"))["id"] == "string"

    def test_one_column_is_taken_where_a_classifier_says_so(self) -> None:
        form = NamedCsvForm("c", CsvForm(",", single_column=True, header="present"))
        assert columns(found("id\n1\n2\n", form)) == {"id": "bigint"}


class TestLogs:
    @pytest.mark.parametrize(
        ("line", "classification"),
        [
            (f'{APACHE} "-" "curl/8"', "combined_apache"),
            (APACHE, "apache"),
            ("Oct  3 04:05:06 host sshd[123]: Failed password for root", "syslog"),
            ("Oct  3 04:05:06 host kernel: [1.5] oops", "linux_kernel"),
            ('1339518083.107412 [0 127.0.0.1:60866] "keys" "*"', "redismonlog"),
            ("[4018] 14 Nov 07:01:22 * Background saving terminated", "redislog"),
            (
                "I, [2024-01-02T03:04:05.678 #123]  INFO -- prog: started",
                "ruby_logger",
            ),
            (
                "1286536308.779  180 10.0.0.1 TCP_MISS/200 411 GET http://a.b/ - DIRECT/- text/html",
                "squid",
            ),
        ],
    )
    def test_a_known_log_is_told_by_its_lines(self, line: str, classification: str) -> None:
        answer = found(f"{line}\n{line}\n")
        assert answer.classification == answer.classifier == classification
        assert answer.rows == 2

    def test_a_custom_grok_comes_before_what_is_built_in(self) -> None:
        form = LogForm("mine", "app", "%{IP:client} %{GREEDYDATA:rest}", "", 0.5)
        answer = found(f"{APACHE}\n", form)
        assert (answer.classification, answer.classifier) == ("app", "mine")
        assert columns(answer) == {"client": "string", "rest": "string"}

    def test_half_of_the_lines_are_enough_for_a_custom_grok(self) -> None:
        form = LogForm("mine", "app", "^%{TIMESTAMP_ISO8601:at} %{GREEDYDATA:rest}", "", 0.5)
        text = "2024-01-02T03:04:05 boom\n  at a.B(c)\n2024-01-02T03:04:06 x\n"
        assert found(text, form).rows == 2
        assert reason("  at a.B\n  at c.D\n  at e.F\n2024-01-02T03:04:05 x\n", form)

    def test_the_most_certain_custom_classifier_wins(self) -> None:
        some = LogForm("some", "some", r"^%{WORD:a}\s*$", "", 0.5)
        every = LogForm("every", "every", r"^%{GREEDYDATA:a}$", "", 0.5)
        assert found("one\ntwo words\nthree\n", some, every).classifier == "every"


class TestXml:
    TEXT = '<orders><o id="1"><p>2</p></o><o id="2"><p>3.5</p><q>t</q><q>u</q></o></orders>'

    def test_the_commonest_tag_below_the_root_is_a_row(self) -> None:
        answer = found(f"<?xml version='1.0'?>{self.TEXT}")
        assert answer.classification == "xml"
        assert answer.details == (("rowTag", "o"),)
        assert columns(answer) == {"_id": "int", "p": "double", "q": "array<string>"}
        assert answer.rows == 2

    def test_a_custom_row_tag_is_taken(self) -> None:
        text = "<a><b><row><x>1</x></row></b><b><row><x>2</x><y z='1'>t</y></row></b></a>"
        answer = found(text, XmlForm("rows", "bank", "row"))
        assert (answer.classification, answer.classifier) == ("bank", "rows")
        assert columns(answer) == {"x": "int", "y": "struct<_z:int,_VALUE:string>"}

    def test_a_document_of_different_children_is_one_row(self) -> None:
        answer = found("<order><id>1</id><name>x</name></order>")
        assert answer.details == (("rowTag", "order"),)
        assert columns(answer) == {"id": "int", "name": "string"}

    def test_rows_before_a_fault_count(self) -> None:
        assert found(self.TEXT[:-30]).rows >= 1

    def test_a_document_that_declares_entities_is_refused(self) -> None:
        bomb = '<!DOCTYPE a [<!ENTITY x "xx"><!ENTITY y "&x;&x;">]><a><b>&y;</b><b>1</b></a>'
        assert "entities" in reason(bomb)

    @pytest.mark.parametrize("text", ["<html><body>x</body></html>", "<!DOCTYPE html><p>"])
    def test_pages_are_no_tables(self, text: str) -> None:
        assert reason(text)

    def test_broken_xml_is_told_of(self) -> None:
        assert "broken" in reason("<a><b></a>")

    def test_deep_nesting_is_told_of(self) -> None:
        assert "deeply" in reason("<r>" + "<a>" * 500 + "</a>" * 500 + "</r>")


class TestColumnar:
    TABLE = pa.table({
        "Id": pa.array([1, 2], pa.int32()),
        "s": pa.array([{"x": 1.5}, None], pa.struct([("x", pa.float64())])),
        "d": pa.array([None, None], pa.decimal128(10, 2)),
        "t": pa.array([0, 1], pa.timestamp("us")),
        "m": pa.array([[("a", 1)], []], pa.map_(pa.string(), pa.int64())),
        "l": pa.array([["x"], []], pa.list_(pa.string())),
    })  # fmt: skip
    COLUMNS: ClassVar = {
        "Id": "int", "s": "struct<x:double>", "d": "decimal(10,2)", "t": "timestamp",
        "m": "map<string,bigint>", "l": "array<string>",
    }  # fmt: skip

    def test_parquet_says_its_columns_and_rows(self) -> None:
        sink = io.BytesIO()
        parquet.write_table(self.TABLE, sink)
        answer = found(sink.getvalue())
        assert answer.classification == "parquet"
        assert columns(answer) == self.COLUMNS
        assert answer.rows == 2

    def test_of_a_large_parquet_file_only_the_end_is_read(self) -> None:
        sink = io.BytesIO()
        noise = pa.table({"x": [os.urandom(1_000_000) for _ in range(4)]})
        parquet.write_table(noise, sink, compression="none")
        data = sink.getvalue()
        read: list[int] = []

        def reading(at: int, size_bytes: int) -> bytes:
            read.append(size_bytes)
            return data[at : at + size_bytes]

        answer = examine(Sample("x", len(data), reading), ())
        assert isinstance(answer, Found)
        assert sum(read) < 2_500_000

    def test_orc_says_its_columns_and_rows(self) -> None:
        sink = io.BytesIO()
        orc.write_table(self.TABLE.drop_columns(["m"]), sink)
        answer = found(sink.getvalue())
        assert answer.classification == "orc"
        assert columns(answer) == {k: v for k, v in self.COLUMNS.items() if k != "m"}

    def test_avro_says_its_columns(self, avro_file: bytes) -> None:
        answer = found(avro_file)
        assert answer.classification == "avro"
        assert columns(answer) == {
            "id": "bigint",
            "name": "string",
            "tags": "array<string>",
            "at": "timestamp",
            "price": "decimal(9,2)",
            "kind": "string",
            "inner": "struct<a:int>",
            "m": "map<string,double>",
        }
        assert answer.rows == 3

    @pytest.fixture
    def avro_file(self) -> bytes:
        fastavro = pytest.importorskip("fastavro")
        schema: dict[str, Any] = {
            "type": "record",
            "name": "r",
            "fields": [
                {"name": "id", "type": "long"},
                {"name": "name", "type": ["null", "string"]},
                {"name": "tags", "type": {"type": "array", "items": "string"}},
                {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
                {
                    "name": "price",
                    "type": {
                        "type": "bytes",
                        "logicalType": "decimal",
                        "precision": 9,
                        "scale": 2,
                    },
                },
                {"name": "kind", "type": {"type": "enum", "name": "k", "symbols": ["A"]}},
                {
                    "name": "inner",
                    "type": {
                        "type": "record",
                        "name": "i",
                        "fields": [{"name": "a", "type": "int"}],
                    },
                },
                {"name": "m", "type": {"type": "map", "values": "double"}},
            ],
        }
        from datetime import UTC, datetime
        from decimal import Decimal

        row = {
            "id": 1, "name": None, "tags": ["x"], "at": datetime(2024, 1, 1, tzinfo=UTC),
            "price": Decimal("1.25"), "kind": "A", "inner": {"a": 1}, "m": {"x": 1.0},
        }  # fmt: skip
        sink = io.BytesIO()
        fastavro.writer(sink, schema, [row] * 3)
        return sink.getvalue()

    def test_an_avro_record_that_holds_itself_ends(self) -> None:
        fastavro = pytest.importorskip("fastavro")
        schema = {
            "type": "record", "name": "node",
            "fields": [{"name": "v", "type": "int"}, {"name": "next", "type": ["null", "node"]}],
        }  # fmt: skip
        sink = io.BytesIO()
        fastavro.writer(sink, schema, [{"v": 1, "next": None}])
        assert columns(found(sink.getvalue()))["v"] == "int"

    def test_what_is_half_written_or_encrypted_is_told_of(self) -> None:
        sink = io.BytesIO()
        parquet.write_table(self.TABLE, sink)
        data = sink.getvalue()
        assert "half written" in reason(data[: len(data) // 2])
        assert "damaged" in reason(data[:-40] + b"x" * 32 + data[-8:])
        assert "encrypted" in reason(b"PARE" + data[4:-4] + b"PARE")
        assert "damaged" in reason(b"ORC" + random.Random(1).randbytes(100))
        assert "damaged" in reason(b"Obj\x01" + b"\xff" * 50)


class TestPacked:
    LINES = b'{"a":1}\n{"a":2}\n'

    @pytest.mark.parametrize(
        ("data", "compression"),
        [
            (gzip.compress(LINES, mtime=0), "gzip"),
            (gzip.compress(LINES[:8], mtime=0) + gzip.compress(LINES[8:], mtime=0), "gzip"),
            (bz2.compress(LINES), "bzip2"),
            (pa.compress(LINES, "zstd", asbytes=True), "zstd"),
        ],
    )
    def test_a_packed_file_is_looked_into(self, data: bytes, compression: str) -> None:
        answer = found(data)
        assert answer.compression == compression
        assert columns(answer) == {"a": "int"}
        assert answer.rows == 2

    def test_an_archive_of_one_file_is_looked_into(self) -> None:
        assert found(_zipped({"x.json": self.LINES})).compression == "zip"

    def test_an_archive_of_several_files_is_told_of(self) -> None:
        assert "several" in reason(_zipped({"x.json": self.LINES, "y.json": self.LINES}))

    def test_an_encrypted_archive_is_told_of(self) -> None:
        data = bytearray(_zipped({"x.json": self.LINES}))
        data[6] |= 1
        assert "encrypted" in reason(bytes(data))

    def test_snappy_as_it_is_framed_and_as_hadoop_writes_it(self) -> None:
        block = pa.compress(self.LINES, "snappy", asbytes=True)
        framed = (
            b"\xff\x06\x00\x00sNaPpY\x00"
            + (len(block) + 4).to_bytes(3, "little")
            + b"crc4"
            + block
        )
        assert found(framed).compression == "snappy"
        hadoop = len(self.LINES).to_bytes(4, "big") + len(block).to_bytes(4, "big") + block
        assert found(hadoop, name="x.json.snappy").compression == "snappy"

    def test_a_packed_parquet_file_is_told_of(self) -> None:
        assert "packed Parquet" in reason(gzip.compress(b"PAR1xxxx", mtime=0))

    def test_a_torn_packed_file_is_read_as_far_as_it_goes(self) -> None:
        lines = b"".join(
            b'{"a":%d,"b":"%s"}\n' % (n, os.urandom(8).hex().encode()) for n in range(5000)
        )
        data = gzip.compress(lines, mtime=0)
        assert columns(found(data[: len(data) // 2])) == {"a": "int", "b": "string"}
        assert "gzip" in reason(data[:12])

    def test_a_bomb_is_unpacked_no_further_than_a_window(self) -> None:
        assert reason(gzip.compress(b"\0" * 50_000_000, mtime=0))
        assert reason(bz2.compress(b" " * 50_000_000))


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "empty"),
        (b"  \n \n", "blanks"),
        (b"\x00\x01\x02", "binary"),
        (random.Random(1).randbytes(5000), "binary"),
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 20, "binary"),
        (b"-----BEGIN PGP MESSAGE-----\nabcd\n-----END PGP MESSAGE-----\n", "no classifier"),
        (b"x" * 20_000_000, "no classifier"),
    ],
)
def test_what_is_no_table_is_told_why(data: bytes, told: str) -> None:
    assert told in reason(data)


def test_a_file_that_fails_while_it_is_read_is_skipped() -> None:
    def failing(_at: int, _size: int) -> bytes:
        raise OSError(5, "Input/output error")

    answer = examine(Sample("x", 100, failing), ())
    assert answer == Skipped("it cannot be read: Input/output error")


def _zipped(files: dict[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return sink.getvalue()
