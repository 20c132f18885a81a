"""Landed files are copied without a person's records, and else byte for byte."""

from __future__ import annotations

import gzip
import io
import json

import pyarrow as pa
import pytest

from lakeworks.ingest.unpacking import UnpackingError
from lakeworks.privacy.landed_records import Divided, Reading, copy_without, may_hold
from lakeworks.privacy.text_search import Keys, Words
from lakeworks.project.declaration import CsvOptions

KEYS = Keys(
    {"customer_id": frozenset({"C-17"}), "user": frozenset({"ana"}), "n": frozenset({"17"})},
    Words(frozenset({"C-17", "17"})),
)


def without(data: bytes, kind: str, **more: object) -> tuple[bytes, Divided]:
    target, done = io.BytesIO(), Divided(keep_text=True)
    csv = more.pop("csv", CsvOptions())
    reading = Reading(kind, KEYS, KEYS.words, csv, **more)  # type: ignore[arg-type]
    copy_without(io.BytesIO(data), target, reading, done)
    return target.getvalue(), done


LINES = (
    b'{"customer_id": "C-17", "a": 1}\n'
    b'{"customer_id":"C-170",  "a": 2}\r\n'
    b"\n"
    b'{"nested": {"customer_id": " C-17"}}\n'
    b'{"list": [{"customer_id": "C-17"}], "a": 3}\n'
    b'{"text": "{\\"customer_id\\": \\"C-17\\"}"}\n'
    b'{"n": 17}\n{"n": 170}\n'
    b'{"customer_id": "C-17", broken\n'
    b'{"customer_id": "C-18"}'
)
LEFT = b'{"customer_id":"C-170",  "a": 2}\r\n\n{"n": 170}\n{"customer_id": "C-18"}'


def test_lines_that_stay_are_the_bytes_that_came() -> None:
    made, done = without(LINES, "json")
    assert made == LEFT
    assert done.rows == 6


def test_packed_files_stay_packed() -> None:
    made, done = without(gzip.compress(LINES), "json")
    assert gzip.decompress(made) == LEFT
    assert done.rows == 6
    stream = io.BytesIO()
    stream.close = lambda: None  # type: ignore[method-assign]
    with pa.CompressedOutputStream(pa.PythonFile(stream, mode="w"), "zstd") as out:
        out.write(LINES)
    made, done = without(stream.getvalue(), "json")
    assert made.startswith(b"\x28\xb5\x2f\xfd")
    assert pa.CompressedInputStream(io.BytesIO(made), "zstd").read() == LEFT


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_wide_letters_stay_wide(encoding: str) -> None:
    data = "\ufeff" + '{"customer_id": "C-17"}\n{"customer_id": "Ž-18"}\n'
    made, done = without(data.encode(encoding), "json")
    assert made.decode(encoding) == '\ufeff{"customer_id": "Ž-18"}\n'
    assert done.rows == 1


def test_letters_written_by_their_numbers_are_read() -> None:
    made, done = without(b'{"customer_id": "\\u0043-\\u0031\\u0037"}\n{"a": 1}\n', "json")
    assert made == b'{"a": 1}\n'
    assert done.rows == 1


def test_the_same_content_gives_the_same_bytes() -> None:
    assert without(gzip.compress(LINES), "json") == without(gzip.compress(LINES), "json")


def test_a_torn_file_is_refused() -> None:
    with pytest.raises(UnpackingError):
        without(gzip.compress(LINES * 50)[:-20], "json")


@pytest.mark.parametrize("indent", [None, 1])
def test_arrays_lose_elements(indent: int | None) -> None:
    rows = [
        {"customer_id": "C-17"},
        {"customer_id": "C-2"},
        {"customer_id": "C-17"},
        {"a": 1.50},
    ]
    made, done = without(json.dumps(rows, indent=indent).encode(), "json")
    assert json.loads(made) == [{"customer_id": "C-2"}, {"a": 1.5}]
    assert done.rows == 2


def test_a_file_of_the_person_alone_becomes_an_empty_one() -> None:
    assert without(b'{"customer_id": "C-17"}\n', "json")[0] == b""
    assert json.loads(without(b'[{"customer_id": "C-17"}]', "json")[0]) == []
    assert without(b"customer_id,a\nC-17,1\n", "csv")[0] == b"customer_id,a\n"


def test_csv_goes_by_its_header_whatever_its_quotes_and_line_ends() -> None:
    data = (
        b'\xef\xbb\xbfa;Customer_Id ;b\r\n1;C-17;x\r\n2;"C-17";"two\r\nlines"\r\n'
        b'3;"C;18";"C-17 is here"\r\n4;C-170;y\r\n'
    )
    made, done = without(data, "csv")
    assert made == (b'\xef\xbb\xbfa;Customer_Id ;b\r\n3;"C;18";"C-17 is here"\r\n4;C-170;y\r\n')
    assert (done.rows, done.mentions) == (2, 1)


def test_csv_records_that_mention_the_person_go_when_asked() -> None:
    data = b"customer_id,b\nC-18,see C-17\nC-19,no\n"
    made, done = without(data, "csv", mentions_too=True)
    assert made == b"customer_id,b\nC-19,no\n"
    assert done.rows == 1


def test_csv_without_a_header_goes_by_words() -> None:
    made, done = without(b"C-17,1\nC-18,17\n", "csv", csv=CsvOptions(header=False))
    assert made == b"C-18,17\n"
    assert done.rows == 1


def test_skipped_lines_of_csv_stay() -> None:
    data = b"# made today\ncustomer_id,a\nC-17,1\nC-2,2\n"
    made, _ = without(data, "csv", csv=CsvOptions(skip_rows=1))
    assert made == b"# made today\ncustomer_id,a\nC-2,2\n"


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1", "utf-8"])
def test_csv_in_other_encodings_keeps_its_encoding(encoding: str) -> None:
    text = "customer_id,name\nC-17,Zoë\nC-2,Jörg\n"
    told = CsvOptions(encoding="latin-1") if encoding == "latin-1" else CsvOptions()
    made, done = without(text.encode(encoding), "csv", csv=told)
    assert made.decode(encoding) == "customer_id,name\nC-2,Jörg\n"
    assert done.rows == 1


def test_logs_go_by_the_groups_of_their_pattern() -> None:
    line = b'1.2.3.4 - %s [01/Jan/2026:00:00:00 +0000] "GET /ana HTTP/1.1" 200 17 "-" "x"\n'
    made, done = without(line % b"ana" + line % b"bo" + b"user C-17 broke it\n", "log")
    assert made == line % b"bo"
    assert done.rows == 2


def test_needles_are_found_across_pieces_and_in_packed_files() -> None:
    big = b"x" * (1024 * 1024 - 2) + b"customer 17 here" + b"y" * 1024
    assert may_hold(io.BytesIO(big), ("17",))
    assert may_hold(io.BytesIO(gzip.compress(big)), ("17",))
    assert not may_hold(io.BytesIO(big), ("18",))
    assert may_hold(io.BytesIO("a 17".encode("utf-16")), ("17",))
    assert may_hold(io.BytesIO(b""), ("",))
