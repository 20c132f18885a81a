"""Files become the same tables on every engine: columns, rows, quarantine and counts.

Each case lets the same batches of files arrive in two lakes, one an engine, and compares them
after every batch. Spark reads them by few tasks, and by as many as there can be.
"""

from __future__ import annotations

import gzip
import importlib.util
import io
import json
import os
import random
import shutil
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeworks.core.types import parse_type
from lakeworks.engines.duckdb import file_pieces
from lakeworks.engines.protocol import ArrivedFile, FileReading
from lakeworks.engines.registry import open_engine
from lakeworks.ingest.landing import arrived_at
from lakeworks.project.declaration import CsvOptions
from lakeworks.storage.objects import ObjectStore

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.spark

Batch = dict[str, bytes]
COMBINED = (
    '1.2.3.{n} - ann [22/Nov/2026:04:42:{n:02} +0100] "GET /{n} HTTP/1.1" 200 {n} "-" "x"\n'
)


def lines(*documents: Any) -> bytes:
    texts = [d if isinstance(d, str) else json.dumps(d, ensure_ascii=False) for d in documents]
    return "".join(text + "\n" for text in texts).encode()


def parquet(**columns: Any) -> bytes:
    target = io.BytesIO()
    pq.write_table(pa.table(columns), target)
    return target.getvalue()


def zipped(**members: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "."), content)
    return target.getvalue()


def avro(schema: str, block: bytes) -> bytes:
    """Write an Avro container of one block with one row; all lengths are below 64 or 8,192."""

    def text(data: bytes) -> bytes:
        size = len(data) << 1
        number = bytes([size]) if size < 128 else bytes([size & 0x7F | 0x80, size >> 7])
        return number + data

    meta = b"\x04" + text(b"avro.schema") + text(schema.encode())
    meta += text(b"avro.codec") + text(b"null")
    mark = b"0123456789abcdef"
    return b"Obj\x01" + meta + b"\0" + mark + b"\x02" + text(block) + mark


def orders(rng: random.Random, count: int) -> bytes:
    """JSON lines as they come, some odd, some torn, some no JSON."""
    odd: list[Any] = [
        '{"id":1,"id":2}', "nope", "", "[1]", "7", "null", '{"id":', '{"id":NaN}', "  ",
        '{"id":1e400,"amount":1}', '{"amount":123456789012345678901234567890}',
        '{"tags":["a",1,null]}', '{"at":{"city":1,"lat":1.5}}', '{"at":"home"}', '{"":1}',
        '{"ID":5,"_rescued":"x"}', '{"items":[{"n":"x"},{"extra":true}]}', '{"id":9007199254740993}',
        '{"name":"\\ud83d\\ude00 \\u0000"}', '{"name":"tab\\t"}', '{"id":1.0,"amount":"1"}',
        '{"new":{"deep":[{"er":1}]}}', '{"flag":"true"}', "{}", '{"id":-0,"amount":-0.0}',
    ]  # fmt: skip
    documents: list[Any] = []
    for number in range(count):
        documents.append({
            "id": number, "name": rng.choice(["ann", "zoë", "李", None]), "amount": number / 4,
            "flag": number % 2 == 0, "at": {"city": "Bern", "zip": "007"},
            "items": [{"n": n} for n in range(number % 3)],
        })  # fmt: skip
        if rng.random() < 0.2:
            documents.append(rng.choice(odd))
    return lines(*documents)


@dataclass(frozen=True)
class Case:
    """Batches of files, and how their source is declared."""

    batches: tuple[Batch, ...]
    declared: dict[str, Any] = field(default_factory=dict)


RNG = random.Random(7)
JSON = (
    {"a.json": orders(RNG, 40), "b.json.gz": gzip.compress(orders(RNG, 30)), "c.json": b""},
    {
        "d.json": lines({"id": "x", "later": 1}, {"later": "y", "at": {"lat": 2}}, {"id": 1}),
        "e.json": json.dumps([{"id": n, "amount": 1} for n in range(9)], indent=1).encode(),
        "f.json": b'{"id":1,\n "later":\n 2}\n{"id":\n 3}\n',
        "g.json": pa.compress(orders(RNG, 10), codec="zstd", asbytes=True),
    },
)
MISLEADING = {f"{n:02}.json": lines(*({"v": n} for n in range(900))) for n in range(3)} | {
    "99.json": lines(*({"v": n} for n in range(1500)), *({"v": n + 0.5} for n in range(200)))
}
CSV = (
    {
        "a.csv": b'id,name,amount\n1,"x ""y""",1.5\n2,short\n3,"two\nlines",3\n4,z,4,5\n007,w,\n',
        "b.csv": b"amount;id;extra\n1,5;8;e\n;9;\n",
        "c.csv": "id,name\n1,Zoë\n2,Übel\n3,é\n".encode("latin-1"),
        "d.csv": "id,name\n1,Zoë\n".encode("utf-16"),
        "e.csv": gzip.compress(b"id,name\r\n10,q\r\n11,r\r\n"),
        "f.csv": b'id,name\n1,"open\n2,x\n3,y\n',
        "g.csv": b"",
    },
    {"h.csv": b"id,name,amount,more\n1,a,2,m\nx,b,y,\n", "i.csv": b"id\n1\n2\xff\n"},
)
ENDLESS = (
    {"a.json": lines({"id": 0}, *({"id": n, f"k{n}": n} for n in range(400)), {"late": "x"})},
    {"b.json": lines(*({"id": n, f"m{n}": [n]} for n in range(30)), *[{"late": "y"}] * 9)},
)
WIDE = (
    b"id,name\n1,x\n\n2\n"
    + b'3,"y,z",4,5\n6,"two\nlines"\n' * 40
    + b'7,x,"a\nb"\n8,"q"r\n9,x,y\n'
)
LOG = (
    {
        "a.log": "".join(COMBINED.format(n=n) for n in range(30)).encode() + b"nonsense\n\n",
        "b.log": gzip.compress(COMBINED.format(n=7).replace(" 200 ", " - ").encode()),
        "c.log": COMBINED.format(n=8).replace("Nov", "Nix").encode() + b"\xff\xfe broken\n",
    },
)
PARQUET = (
    {
        "a.parquet": parquet(id=[1, 2, None], name=["x", "y", None], at=[{"c": 1}] * 3),
        "b.parquet": parquet(id=[1.5, 2.0, 3.25], more=[[1], None, [2, 3]]),
        "c.parquet": b"PAR1 no such thing PAR1",
    },
    {"d.parquet": parquet(id=["7", "x"], name=[1, 2]), "e.parquet": parquet(new=[True])},
)
BROKEN = (
    {
        "a.json.gz": gzip.compress(orders(RNG, 300), 1)[:-40],
        "b.json": "\ufeff".encode() + orders(RNG, 5),
        "c.json": lines({"id": 1}, {"name": "é"}).decode().encode("utf-16"),
        "d.zip": zipped(one__json=orders(RNG, 6), two__csv=b"id,name\n1,x\n2\n"),
        "e.json": b'[{"id":1},{"id":2},{"id":',
        "f.json": b"x",
        "g.json": orders(RNG, 5),
    },
    {"h.json.gz": b"\x1f\x8b" + bytes(40), "i.json": b"   \n\n"},
)
AVRO_SCHEMA = """{"type":"record","name":"r","fields":[
    {"name":"id","type":"long"},{"name":"name","type":["null","string"]}]}"""
AVRO = (
    {
        "a.avro": avro(AVRO_SCHEMA, b"\x02\x02\x02x"),
        "b.avro": avro(AVRO_SCHEMA.replace("name", "other", 1), b"\x04\x00"),
        "c.avro": b"Obj\x01 and no more",
    },
)
NOWHERE = "day=__HIVE_DEFAULT_PARTITION__/Region=%C3%A9%2Fu"
FOLDERS = (
    {
        "day=2026-01-01/region=eu/a.json": orders(RNG, 30),
        "day=2026-01-02/region=eu/b.json.gz": gzip.compress(orders(RNG, 20)),
        "day=soon/region=/c.json": orders(RNG, 20),
        f"{NOWHERE}/d.json": lines({"id": 1, "day": "2026-01-03", "region": 7}),
        "e.json": lines({"id": 2, "day": "2026-01-04"}, {"id": 3, "day": 4, "Region": "x"}),
        "day=2026-01-01/region=eu/f.csv": b"id,day,name\n1,2026-01-01,x\n2,2026-01-09,y\n3,,\n4\n",
        "day=2026-01-01/region=eu/g.parquet": parquet(id=[1, 2], region=["eu", "us"]),
        "day=late/h.parquet": parquet(id=[3], day=["never"], more=[True]),
        'day=2026-01-05/region=it\'s, "so"/i.csv': b"name,id,extra\nx,1,e\n",
        "day=2026-01-01/j.zip": zipped(k__json=orders(RNG, 4)),
        "day=2026-01-06/region=torn/l.json.gz": gzip.compress(orders(RNG, 300), 1)[:-40],
    },
    {
        "day=2026-02-01/region=eu/a.json": lines({"id": 5, "later": {"x": 1}}, "nothing"),
        "day=x/region=eu/b.json": lines({"id": 6, "day": "2026-02-02", "later": 1}),
        "day=2026-02-01/region=eu/c.csv": b"1,x\n2,y\n",
    },
)
LOG_FOLDERS = ({f"day=2026-01-0{n}/{n}.log": LOG[0]["a.log"] for n in range(1, 4)},)
MODES = ("evolve", "rescue", "strict")
PARTITIONS = {"day": parse_type("date"), "region": parse_type("string")}
TYPES = {"id": parse_type("bigint"), "amount": parse_type("decimal(10,2)")}
CASES = {
    **{f"json, {mode}": Case(JSON, {"schema": mode}) for mode in MODES},
    "json whose first lines mislead": Case((MISLEADING,)),
    "json, parted": Case(JSON, {"partition_by": ("name",)}),
    **{f"csv, {mode}": Case(CSV, {"schema": mode}) for mode in MODES},
    **{
        f"csv with types, {mode}": Case(CSV, {"schema": mode, "types": TYPES}) for mode in MODES
    },
    "csv of inferred types": Case(CSV, {"types": "infer"}),
    "csv by options": Case(
        ({"a.csv": b"# made by x\nid|name\n1|~N/A\n2|'b|c'\n"},),
        {"csv": CsvOptions(delimiter="|", quote="'", skip_rows=1, null_values=("~N/A",))},
    ),
    **{f"log, {mode}": Case(LOG, {"schema": mode}) for mode in MODES},
    "log by a pattern": Case(
        ({"a.log": b"INFO 12\nWARN x\nnothing\nINFO \n"},),
        {"log_pattern": r"^(?P<level>[A-Z]+) (?P<ms>\w*)$", "types": {"ms": parse_type("int")}},
    ),
    **{f"parquet, {mode}": Case(PARQUET, {"schema": mode}) for mode in MODES},
    "avro": Case(AVRO),
    **{
        f"folders, {mode}": Case(
            FOLDERS, {"schema": mode, "partitions": PARTITIONS, "partition_by": ("region",)}
        )
        for mode in ("evolve", "strict")
    },
    "folders of logs": Case(LOG_FOLDERS, {"partitions": {"day": parse_type("int")}}),
    **{f"broken files, {mode}": Case(BROKEN, {"schema": mode}) for mode in MODES},
}


@pytest.fixture(scope="session")
def spark_runs(unavailable: Callable[[str], NoReturn]) -> None:
    """Skip where Spark cannot run, except on CI."""
    java = shutil.which("java") or os.environ.get("JAVA_HOME")
    if importlib.util.find_spec("pyspark") is None or not java:
        unavailable("PySpark or Java")


def in_many_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each file, and each piece of one, be read by a task of its own."""
    from lakeworks.engines.spark import files

    monkeypatch.setattr(files, "_LEAST_BYTES", 2_500)
    monkeypatch.setattr(files, "_LOOKED_AT_HERE_BYTES", 0)
    monkeypatch.setattr(files, "_MOST_BYTES", dict.fromkeys(("json", "csv", "log"), 2_500))


def told(here: Any) -> list[dict[str, Any]]:
    """The quarantine; where the lake lies is left out of its errors."""
    folder = str(here.folder)
    return [row | {"error": row["error"].replace(folder, "")} for row in here.quarantine()]


def bag(rows: list[dict[str, Any]]) -> Counter[str]:
    return Counter(json.dumps(row, default=str, ensure_ascii=False) for row in rows)


@pytest.mark.parametrize("name", CASES)
def test_files_read_by_many_tasks_become_the_same_table(
    name: str,
    spark_runs: None,
    intake: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    in_many_tasks(monkeypatch)
    compare(CASES[name], intake)


@pytest.mark.parametrize("name", [n for n in CASES if not n.endswith(MODES[1:])])
def test_files_read_by_few_tasks_become_the_same_table(
    name: str, spark_runs: None, intake: Callable[..., Any]
) -> None:
    compare(CASES[name], intake)


def compare(case: Case, intake: Callable[..., Any]) -> None:
    embedded = intake(engine="duckdb", **case.declared)
    spread = intake(engine="spark", **case.declared)
    for batch in case.batches:
        done = []
        for here in (embedded, spread):
            for path, content in batch.items():
                here.put(path, content)
            done.append(here.take())
        first, second = done
        assert second.schema == first.schema
        assert (second.read, second.written, second.quarantined, second.left) == (
            first.read, first.written, first.quarantined, first.left,
        )  # fmt: skip
        assert bag(spread.rows("1")) == bag(embedded.rows("1"))
        assert bag(told(spread)) == bag(told(embedded))
    assert embedded.rows("1")
    assert sum(file.rows for file in spread.files) == len(spread.rows("1"))
    for file in spread.files:
        assert file.stats["numRecords"] == file.rows


def test_of_keys_that_differ_in_every_row_the_same_become_columns(
    spark_runs: None, intake: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lakeworks.engines.duckdb.json_rows.MOST_COLUMNS", 20)
    in_many_tasks(monkeypatch)
    compare(Case(ENDLESS), intake)


def test_lines_of_too_many_fields_are_rejected_alike(
    spark_runs: None, intake: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    files: Batch = {"a.csv": WIDE, "b.csv.gz": gzip.compress(WIDE), "c.csv": b"id,name\n1,2\n"}
    whole = intake(engine="duckdb")
    for path, content in files.items():
        whole.put(path, content)
    whole.take()
    monkeypatch.setattr("lakeworks.engines.duckdb.files_csv._MOST_ERROR_BYTES", 100_000)
    monkeypatch.setattr("lakeworks.engines.spark.files._LOOKED_AT_HERE_BYTES", 0)
    compare(Case((files,)), intake)
    divided = intake(engine="duckdb")
    for path, content in files.items():
        divided.put(path, content)
    divided.take()
    assert bag(divided.rows("1")) == bag(whole.rows("1"))
    assert bag(divided.quarantine()) == bag(whole.quarantine())
    assert len(whole.quarantine()) == 2 * 44


@pytest.mark.s3
def test_tasks_read_from_a_bucket_and_write_into_it(
    spark_runs: None, bucket: str, s3_options: dict[str, str], tmp_path: Path
) -> None:
    pytest.importorskip("duckdb_extension_httpfs")
    store = ObjectStore.open(f"s3://{bucket}/lake", s3_options)
    content = {"a.json": orders(random.Random(1), 20), "b.json": lines({"id": 1}, {"new": 2})}
    for name, data in content.items():
        store.put(f"landing/{name}", data)
    only_here = tmp_path / "salvaged.json"
    only_here.write_bytes(lines({"id": 7}, "torn"))
    files = [
        arrived_at(store.uri(f"landing/{name}"), name, len(data), store)
        for name, data in content.items()
    ]
    files.append(ArrivedFile(str(only_here), "c.json", only_here.stat().st_size))
    read = []
    for name in ("duckdb", "spark"):
        settings = store.s3_settings()
        engine = open_engine(name, temp_directory=str(tmp_path / name), threads=2, s3=settings)
        root = store.uri(name)
        reading = FileReading(
            "bronze.t", "json", files, f"{root}/t", f"{root}/r", "run-1", "2026-01-02T03:04:05Z"
        )
        with engine.session() as session:
            assert len(session.sample_schema(reading)) > 3
            read.append(session.read_files(reading))
        engine.close()
        kept = {file.path for file in (*read[-1].added, *read[-1].rejected)}
        listed = {info.path.rpartition("/")[2] for info in store.child(name).list()}
        assert listed == kept, "files that only served on the way are deleted"
    first, second = read
    assert second.schema == first.schema
    assert (second.read, second.written) == (first.read, first.written)
    assert second.quarantined == first.quarantined > 0


def test_a_large_plain_file_is_read_by_several_tasks(
    spark_runs: None, intake: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from lakeworks.engines.spark import files

    monkeypatch.setattr(files, "_LEAST_BYTES", 2_000)
    here = intake(engine="spark")
    here.put("a.json", lines(*({"id": n, "text": "x" * (n % 90)} for n in range(400)), "torn"))
    here.take()
    assert sorted(row["id"] for row in here.rows("1")) == list(range(400))
    assert len(here.files) > 3
    [reject] = here.quarantine()
    assert (reject["source_row"], reject["row"]) == (401, "torn")


def test_pieces_hold_every_line_once(tmp_path: Path) -> None:
    rng = random.Random(3)
    for number in range(60):
        content = b"".join(
            b"x" * rng.choice([0, 1, 5, 40]) + b"\n" for _ in range(rng.randrange(30))
        )
        content += rng.choice([b"", b"end"])
        path = tmp_path / f"{number}.json"
        path.write_bytes(content)
        file = ArrivedFile(str(path), "a.json", len(content))
        pieces = []
        counted = 0
        for span in file_pieces.spans(len(content), rng.randrange(1, 50)):
            piece, ends = file_pieces.cut_out(file, span, tmp_path)
            pieces.append(Path(piece.uri).read_bytes())
            counted += ends
        assert b"".join(pieces) == content
        assert counted == content.count(b"\n")
        filled = [piece for piece in pieces if piece]
        assert all(piece.endswith(b"\n") for piece in filled[:-1])


def test_json_rows_come_out_of_text_alike(
    spark_runs: None, intake: Callable[..., Any], tmp_path: Path
) -> None:
    from lakeworks.core.types import Field, Schema
    from lakeworks.storage.files import DataFile, TableSource

    kinds = {
        "i": "bigint", "d": "decimal(10,2)", "t": "timestamp", "n": "timestamp_ntz",
        "day": "date", "s": "string", "o": "struct<a:int,b:array<string>>", "f": "double",
        "ok": "boolean",
    }  # fmt: skip
    schema = Schema(tuple(Field(name, parse_type(kind)) for name, kind in kinds.items()))
    texts = [
        '{"i":1,"d":1.5,"t":"2026-01-02 03:04:05+00","n":"2026-01-02 03:04:05","ok":true}',
        '{"i":"x","d":"2.25","day":"2026-02-30","o":{"a":1,"b":["x",2]},"f":1e3}',
        '{"s":{"x":1},"o":null,"day":"2026-02-03"}', "no JSON", None, "[]", "{}",
    ]  # fmt: skip
    pq.write_table(pa.table({"row": pa.array(texts)}), tmp_path / "a.parquet")
    size = (tmp_path / "a.parquet").stat().st_size
    source = TableSource(
        str(tmp_path),
        Schema((Field("row", parse_type("string")),)),
        (DataFile("a.parquet", size, len(texts)),),
    )
    found = []
    for name in ("duckdb", "spark"):
        with intake(engine=name).engine.session() as session:
            session.bind("quarantine.t", source)
            sql = session.json_rows("quarantine.t", "row", schema)
            found.append(session.query(sql).read_all().to_pylist())
    assert bag(found[1]) == bag(found[0])
    assert len(found[0]) == len(texts)
