"""External files give the same rows on every engine: formats, packings, partitions, misfits."""

from __future__ import annotations

import bz2
import gzip
import io
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import orc

from lakeworks.core.errors import LakeError
from lakeworks.core.types import Field, Schema, parse_type
from lakeworks.engines.errors import ExternalDataError, LogPatternError
from lakeworks.engines.registry import open_engine
from lakeworks.storage.external import ExternalFile, ExternalSource, ReadOptions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lakeworks.engines.protocol import Engine


@pytest.fixture(scope="module")
def duck(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = open_engine("duckdb", temp_directory=str(tmp_path_factory.mktemp("duck")))
    yield engine
    engine.close()


@pytest.fixture(params=["duckdb", pytest.param("spark", marks=pytest.mark.spark)])
def engine(request: pytest.FixtureRequest) -> Engine:
    name = "duck" if request.param == "duckdb" else "spark_engine"
    found: Engine = request.getfixturevalue(name)
    return found


def schema(**columns: str) -> Schema:
    return Schema(tuple(Field(name, parse_type(text)) for name, text in columns.items()))


@dataclass
class Case:
    """Files of a table and the rows that they give.

    Attributes:
        files: Name to content; a name with a slash lies in the partition `values` says.
        rows: In any order; or the part of an error's text.
    """

    format: Any
    columns: dict[str, str]
    files: dict[str, bytes | str]
    rows: list[tuple[Any, ...]] | str
    options: dict[str, Any] = field(default_factory=dict)
    partitions: tuple[str, ...] = ()
    sql: str = "select * from raw.t"

    def source(self, folder: Path) -> ExternalSource:
        found = []
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
            values = tuple(part.partition("=")[2] for part in name.split("/")[:-1])
            told = tuple(None if v == "__HIVE_DEFAULT_PARTITION__" else v for v in values)
            found.append(ExternalFile(str(path), path.stat().st_size, told))
        return ExternalSource(
            "raw.t",
            self.format,
            schema(**self.columns),
            tuple(found),
            self.partitions,
            ReadOptions(**self.options),
            str(folder),
        )


def orc_of(**columns: Any) -> bytes:
    target = io.BytesIO()
    orc.write_table(pa.table(columns), target)
    return target.getvalue()


def parquet_of(**columns: Any) -> bytes:
    target = io.BytesIO()
    pq.write_table(pa.table(columns), target)
    return target.getvalue()


def avro_of(schema: dict[str, str], *rows: dict[str, Any]) -> bytes:
    fastavro = pytest.importorskip("fastavro")
    fields = [{"name": name, "type": ["null", kind]} for name, kind in schema.items()]
    target = io.BytesIO()
    fastavro.writer(target, {"type": "record", "name": "r", "fields": fields}, rows)
    return target.getvalue()


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text + "+00:00")


ORDERS = (
    '<?xml version="1.0"?><orders>'
    '<order id="1"><item sku="a">x</item><item sku="b"/><who><name> Ann </name></who></order>'
    '<order id="2"><Total>2.50</Total></order></orders>'
)
COMBINED = (
    '1.2.3.4 - ann [10/Oct/2000:13:55:36 -0700] "GET /a HTTP/1.0" 200 23 "http://r" "Moz"\n'
    "no such line\n"
    '1.2.3.5 - - [10/Oct/2000:13:55:36 +0000] "GET /b HTTP/1.0" 404 - "-" "-"\n'
)
CASES = {
    "csv with a header, quotes and short and long lines": Case(
        "csv",
        {"a": "int", "b": "string", "c": "date"},
        {"a.csv": 'x,y,z\n1,"p, ""q""",2024-01-02\n2,\n3,"two\nlines",2024-02-03,more,yet\n'},
        [
            (1, 'p, "q"', date(2024, 1, 2)),
            (2, "", None),
            (3, "two\nlines", date(2024, 2, 3)),
        ],
        {"skip_lines": 1},
    ),
    "csv packed, in two partitions and none": Case(
        "csv",
        {"a": "bigint", "year": "int", "region": "string"},
        {
            "year=2024/region=eu/a.csv.gz": gzip.compress(b"1\n2\n"),
            "year=2025/region=__HIVE_DEFAULT_PARTITION__/b.csv": "3\n",
        },
        [(1, 2024, "eu"), (2, 2024, "eu"), (3, 2025, None)],
        partitions=("year", "region"),
    ),
    "csv with Hive's delimiters": Case(
        "csv",
        {"a": "int", "b": "array<int>", "c": "map<string,double>", "d": "struct<x:int,y:string>"},
        {"a.txt": "1\x011\x022\x01k\x031.5\x027\x02z\n\\N\x01\x01\x01\n".replace("\x027", "\x017")},
        [(1, [1, 2], [("k", 1.5)], {"x": 7, "y": "z"}), (None, None, None, None)],
        {"delimiter": "\x01", "quote": "", "null_text": "\\N"},
    ),
    "csv with backslashes before quotes, and doubled ones": Case(
        "csv",
        {"a": "string", "b": "string"},
        {"a.csv": '"x \\"y\\"",1\n', "b.csv": '"x ""y""",2\n'},
        [('x "y"', "1"), ('x "y"', "2")],
        {"escape": "\\"},
    ),
    "csv with dates as days and moments as milliseconds": Case(
        "csv",
        {"a": "date", "b": "timestamp"},
        {"a.csv": "1,1000\n2024-05-06,2024-05-06 07:08:09\n"},
        [
            (date(1970, 1, 2), utc("1970-01-01 00:00:01")),
            (date(2024, 5, 6), utc("2024-05-06 07:08:09")),
        ],
        {"unix_dates": True},
    ),
    "csv with a value that does not fit": Case(
        "csv", {"a": "int"}, {"a.csv": "1\n1.5\n"}, "column a of raw.t is no int: 1.5"
    ),
    "csv with a value that does not fit, read as null": Case(
        "csv",
        {"a": "int", "b": "decimal(4,2)", "c": "boolean"},
        {"a.csv": "1.5,1.234,maybe\n2,1.23,true\n"},
        [(None, None, None), (2, Decimal("1.23"), True)],
        {"null_for_invalid": True},
    ),
    "csv that ends within quotes": Case(
        "csv", {"a": "string", "b": "string"}, {"a.csv": '1,x\n2,"y\n3,z\n'}, "CSV Error"
    ),
    "csv in latin-1": Case(
        "csv",
        {"a": "string"},
        {"a.csv": "Zürich\n".encode("latin-1")},
        [("Zürich",)],
        {"encoding": "iso-8859-1"},
    ),
    "csv packed by bzip2": Case(
        "csv", {"a": "int"}, {"a.csv.bz2": bz2.compress(b"1\n")}, "packed as bzip2"
    ),
    "json lines, arrays and documents, in any spelling": Case(
        "json",
        {"userid": "bigint", "n": "struct<deep:array<int>>", "m": "map<string,string>"},
        {
            "a.json": '{"userId": 1, "n": {"Deep" : [1, 2]}, "m": {"Key": "v"}}\n\n{"userid":"2"}\n',
            "b.json.gz": gzip.compress(b'[{"userid": 3},\n {"USERID": 4, "n": {"deep": [5]}}]'),
            "c.json": '{\n "userid": 5\n}\n{\n "userid": 6\n}\n',
        },
        [
            (1, {"deep": [1, 2]}, [("Key", "v")]),
            (2, None, None),
            (3, None, None),
            (4, {"deep": [5]}, None),
            (5, None, None),
            (6, None, None),
        ],
    ),
    "json by exact keys, mapped": Case(
        "json",
        {"userid": "int", "ts": "timestamp"},
        {"a.json": '{"userId": 1, "timestamp": "2024-01-02T03:04:05Z"}\n{"userid": 2}\n'},
        [(1, utc("2024-01-02 03:04:05")), (None, None)],
        {"case_sensitive": True, "keys": {"userid": "userId", "ts": "timestamp"}},
    ),
    "json with dots in its keys": Case(
        "json",
        {"a_b": "int"},
        {"a.json": '{"a.b": 1}\n{"A.B": 2}\n'},
        [(1,), (2,)],
        {"dots_in_keys": True},
    ),
    "json that is none": Case(
        "json", {"a": "int"}, {"a.json": '{"a": 1}\n{"a": \n'}, "Malformed JSON"
    ),
    "json that is none, passed over": Case(
        "json",
        {"a": "int"},
        {"a.json": '{"a": 1}\nnope\n{"a": 3}\n'},
        [(1,), (None,), (3,)],
        {"ignore_malformed": True},
    ),
    "json with a value that does not fit": Case(
        "json", {"a": "int"}, {"a.json": '{"a": "x"}\n'}, "column a of raw.t is no int: x"
    ),
    "json with a number for an object": Case(
        "json", {"a": "struct<b:int>"}, {"a.json": '{"A": 5}\n'}, "column a of raw.t is no object"
    ),
    "json with misfits as nulls": Case(
        "json",
        {"a": "int", "b": "struct<c:int>"},
        {"a.json": '{"a": "x", "b": {"c": 1.5}}\n{"a": 7, "b": 5}\n'},
        [(None, {"c": None}), (7, {"c": None})],
        {"null_for_invalid": True},
    ),
    "parquet of several schemas": Case(
        "parquet",
        {"a": "bigint", "b": "string", "c": "date", "p": "string"},
        {
            "p=x/1.parquet": parquet_of(a=pa.array([1], pa.int32()), B=["m"]),
            "p=y/2.parquet": parquet_of(b=["n"], c=[date(2024, 1, 2)]),
        },
        [(1, "m", None, "x"), (None, "n", date(2024, 1, 2), "y")],
        partitions=("p",),
    ),
    "avro": Case(
        "avro",
        {"a": "bigint", "b": "string", "c": "double"},
        {
            "a.avro": avro_of({"a": "int", "b": "string"}, {"a": 1, "b": "x"}, {"a": None}),
            "b.avro": avro_of({"B": "string", "c": "double"}, {"B": "y", "c": 1.5}),
        },
        [(1, "x", None), (None, None, None), (None, "y", 1.5)],
    ),
    "orc": Case(
        "orc",
        {"a": "bigint", "b": "string", "s": "struct<q:int>", "z": "date", "p": "int"},
        {
            "p=1/a.orc": orc_of(a=pa.array([1, 2], pa.int32()), B=["x", None], s=[{"q": 1}] * 2),
            "p=2/b.orc": orc_of(a=pa.array([3], pa.int32())),
        },
        [(1, "x", {"q": 1}, None, 1), (2, None, {"q": 1}, None, 1), (3, None, None, None, 2)],
        partitions=("p",),
    ),
    "orc that is none": Case("orc", {"a": "int"}, {"a.orc": "no such thing"}, "is no ORC"),
    "xml": Case(
        "xml",
        {
            "_id": "int",
            "item": "array<struct<_sku:string,_VALUE:string>>",
            "who": "struct<name:string>",
            "total": "decimal(6,2)",
        },
        {"a.xml.gz": gzip.compress(ORDERS.encode()), "b.xml": "<orders/>"},
        [
            (
                1,
                [{"_sku": "a", "_VALUE": "x"}, {"_sku": "b", "_VALUE": None}],
                {"name": "Ann"},
                None,
            ),
            (2, None, None, Decimal("2.50")),
        ],
        {"row_tag": "order"},
    ),
    "xml with an entity": Case(
        "xml",
        {"a": "string"},
        {"a.xml": '<!DOCTYPE r [<!ENTITY x "y">]><r><o><a>&x;</a></o></r>'},
        "declares an entity",
        {"row_tag": "o"},
    ),
    "xml with a document type elsewhere": Case(
        "xml",
        {"a": "string"},
        {"a.xml": '<!DOCTYPE r SYSTEM "file:///etc/passwd"><r/>'},
        "document type of another file",
        {"row_tag": "o"},
    ),
    "xml without a bottom": Case(
        "xml", {"a": "string"}, {"a.xml": "<o>" * 5000}, "deeper than 200", {"row_tag": "o"}
    ),
    "xml with one element too many": Case(
        "xml",
        {"a": "string"},
        {"a.xml": "<r><o><a>1</a><a>2</a></o></r>"},
        "occurs 2 times",
        {"row_tag": "o"},
    ),
    "the combined log": Case(
        "log",
        {"host": "string", "user": "string", "time": "timestamp", "bytes": "bigint"},
        {"access.log": COMBINED},
        [
            ("1.2.3.4", "ann", utc("2000-10-10 20:55:36"), 23),
            (None, None, None, None),
            ("1.2.3.5", None, utc("2000-10-10 13:55:36"), None),
        ],
        {"pattern": "combined", "null_text": "-"},
    ),
    "a log by the order of groups, without its comments": Case(
        "log",
        {"d": "date", "n": "int"},
        {"a.log": "#Fields: d n\n2024-01-01\t5\n"},
        [(date(2024, 1, 1), 5)],
        {"pattern": r"^(?!#)([^ \t]+)\s+([^\s]+)$"},
    ),
    "a log by a pattern that looks back": Case(
        "log",
        {"a": "string"},
        {"a.log.gz": gzip.compress(b"xx\r\n\nxy\n")},
        [("x",), (None,)],
        {"pattern": r"(x)\1"},
    ),
    "a log by grok": Case(
        "log",
        {"client": "string", "status": "int", "took": "double"},
        {"a.log": "10.0.0.1 GET 200 0.25\nnothing\n"},
        [("10.0.0.1", 200, 0.25), (None, None, None)],
        {"grok": "%{IP:client} %{WORD} %{INT:status} %{NUMBER:took}"},
    ),
    "a log by what is no pattern": Case(
        "log", {"a": "string"}, {"a.log": "x\n"}, "not a regular expression", {"pattern": "(x"}
    ),
    "json whose rows lie within it": Case(
        "json",
        {"id": "int"},
        {"a.json": '{"Records": [{"Id": 1}, {"id": 2}]}\n{"Records": []}\n'},
        [(1,), (2,)],
        {"json_path": "$.Records[*]"},
    ),
    "no files at all": Case("json", {"a": "int", "p": "string"}, {}, [], partitions=("p",)),
    "columns that are not asked for are not judged": Case(
        "csv", {"a": "int", "b": "int"}, {"a.csv": "x,1\n"}, [(1,)], sql="select b from raw.t"
    ),
    "many partitions": Case(
        "csv",
        {"a": "int", "p": "int"},
        {f"p={n:03}/a.csv": f"{n}\n" for n in range(30)},
        [(30, sum(range(30)), sum(range(30)))],
        partitions=("p",),
        sql="select count(*), sum(a), sum(p) from raw.t",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_files_give_their_rows(name: str, engine: Engine, tmp_path: Path) -> None:
    case = CASES[name]
    source = case.source(tmp_path)
    if isinstance(case.rows, str):
        with (
            pytest.raises((ExternalDataError, LogPatternError, LakeError), match=case.rows),
            engine.query_session({"raw.t": source}) as session,
        ):
            session.query(case.sql).read_all()
        return
    with engine.query_session({"raw.t": source}) as session:
        table = session.query(case.sql).read_all()
    found = [tuple(row.values()) for row in table.to_pylist()]
    assert sorted(found, key=repr) == sorted(case.rows, key=repr)


def test_the_same_file_is_read_for_each_mention(engine: Engine, tmp_path: Path) -> None:
    case = CASES["orc"]
    sql = "select count(*) as n from raw.t x join raw.t y on x.a = y.a"
    with engine.query_session({"raw.t": case.source(tmp_path)}) as session:
        assert session.query(sql).read_all().to_pylist() == [{"n": 3}]


@pytest.mark.parametrize("name", ["csv", "parquet"])
def test_files_in_a_bucket_give_their_rows(
    name: str, bucket: str, s3_options: dict[str, str], tmp_path: Path
) -> None:
    from lakeworks.storage.objects import ObjectStore

    contents = {"csv": gzip.compress(b"1\n2\n"), "parquet": parquet_of(a=[1, 2])}
    store = ObjectStore.open(f"s3://{bucket}", s3_options)
    store.put(f"some/p=7/a.{name}", contents[name])
    file = ExternalFile(f"s3://{bucket}/some/p=7/a.{name}", len(contents[name]), ("7",))
    source = ExternalSource(
        "raw.t", name, schema(a="int", p="int"), (file,), ("p",), location=f"s3://{bucket}/some"
    )  # type: ignore[arg-type]
    settings = store.s3_settings()  # type: ignore[attr-defined]
    engine = open_engine("duckdb", temp_directory=str(tmp_path), s3=settings)
    with engine.query_session({"raw.t": source}) as session:
        found = session.query("select * from raw.t").read_all().to_pylist()
    engine.close()
    assert found == [{"a": 1, "p": 7}, {"a": 2, "p": 7}]


def test_a_sandboxed_session_reads_no_other_file(duck: Engine, tmp_path: Path) -> None:
    case = CASES["csv in latin-1"]
    other = tmp_path / "other.csv"
    other.write_text("secret\n")
    with duck.query_session({"raw.t": case.source(tmp_path)}) as session:
        session.query("select * from raw.t").read_all()
        with pytest.raises(LakeError):
            session.query(f"select * from read_csv('{other}')").read_all()


def test_the_day_of_a_moment_is_utc(engine: Engine, tmp_path: Path) -> None:
    case = Case(
        "json",
        {"t": "timestamp"},
        {"a.json": '{"t": "2024-01-01T23:30:00-01:00"}\n'},
        [],
    )
    with engine.query_session({"raw.t": case.source(tmp_path)}) as session:
        [row] = session.query("select t from raw.t").read_all().to_pylist()
    assert row["t"] - utc("2024-01-02 00:30:00") == timedelta(0)
