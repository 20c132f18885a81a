"""A crawl of a folder made to do harm ends with a report: in bounded time and memory, no crash."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import os
import random
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import orc, parquet

from lakeworks.lake import Lake

pytestmark = pytest.mark.fault

MOST_MEMORY_KIB = 900 * 1024
LINES = b"".join(b'{"id": %d, "name": "x%d"}\n' % (n, n) for n in range(50))


def project(root: Path, **crawler: Any) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    (root / "crawlers").mkdir(exist_ok=True)
    (root / "lake.yml").write_text("name: hostile\n")
    said = {"database": "raw", "targets": ["land"], **crawler}
    (root / "crawlers" / "all.yml").write_text(json.dumps(said))
    (root / "land").mkdir(exist_ok=True)
    return root


# A process inherits the peak of the one that starts it, so a small one stands between.
MEASURED = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""


def crawl(root: Path, *words: str) -> tuple[dict[str, Any], int, float]:
    """Crawl in a process of its own; return the report, its memory (KiB) and its seconds."""
    begin = time.monotonic()
    command = [sys.executable, "-m", "lakeworks", "crawl", "-C", str(root), "--json", *words]
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *command],
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    (report,) = json.loads(done.stdout)
    memory_kib = int(done.stderr.splitlines()[-1])
    return report, memory_kib, time.monotonic() - begin


def a_table(kind: Any) -> bytes:
    sink = io.BytesIO()
    kind.write_table(pa.table({"id": list(range(1_000)), "name": ["x"] * 1_000}), sink)
    return sink.getvalue()


def hostile_files() -> dict[str, bytes]:
    """Return what is written, by path."""
    chance = random.Random(7)
    parquet_file, orc_file = a_table(parquet), a_table(orc)
    locked = io.BytesIO()
    with zipfile.ZipFile(locked, "w") as archive:
        archive.writestr("x.json", LINES)
    encrypted = bytearray(locked.getvalue())
    encrypted[6] |= 1
    files = {
        "noise/a.json": chance.randbytes(100_000),
        "noise/b.csv": chance.randbytes(100_000),
        "noise/c.parquet": chance.randbytes(10_000),
        "locked/x.zip": bytes(encrypted),
        "locked/y.parquet": b"PARE" + parquet_file[4:-4] + b"PARE",
        "locked/z.gpg": b"\x85\x01\x0c\x03" + chance.randbytes(500),
        "torn/a.parquet": parquet_file[:-20],
        "torn/b.orc": orc_file[: len(orc_file) // 2],
        "torn/c.json.gz": gzip.compress(LINES * 100)[:40],
        "torn/d.json": LINES[:-20] + b'{"id": 1, "na',
        "torn/e.avro": b"Obj\x01\x04\x16avro.schema",
        "torn/f.parquet": b"PAR1" + b"\xff\xff\xff\x7f" + b"PAR1",
        "torn/g.bz2": bz2.compress(LINES)[:30],
        "bombs/a.json.gz": gzip.compress(b"\0" * 200_000_000),
        "bombs/b.json.gz": gzip.compress(b'{"a":"' + b"x" * 200_000_000),
        "bombs/c.bz2": bz2.compress(b" " * 50_000_000),
        "bombs/d.xml": b'<!DOCTYPE a [<!ENTITY a "aa"><!ENTITY b "&a;&a;&a;">]><a>&b;</a>',
        "bombs/e.json": b"[" * 3_000_000,
        "bombs/f.json": b'{"a":' * 1_000_000,
        "bombs/g.xml": b"<a>" * 1_000_000,
        "long/a.json": b'{"a": "' + b"x" * 30_000_000 + b'"}',
        "long/b.csv": b"a," * 5_000_000,
        "long/c.txt": b"x" * 30_000_000,
        "wide/a.json": json.dumps({f"k{n}": n for n in range(20_000)}).encode(),
        "wide/b.csv": (",".join(f"c{n}" for n in range(30_000)) + "\n").encode() * 2,
        "empty/a.json": b"",
        "empty/b.csv": b"\n\n\n",
        "mixed/a.json": LINES,
        "mixed/b.csv": b"id,name\n1,x\n2,y\n",
        "mixed/c.parquet": parquet_file,
        "mixed/d.txt": b"Dear Sir,\nI write to you.\n",
        "good/year=1/a.json": LINES,
        "good/year=2/a.json": LINES,
    }
    names = [
        "a'; drop table x; --",
        'b".json',
        "c\u202eevil",
        "日本",
        "{curly} $1 ?",
        "%2F%00",
        " ",
        "select",
    ]
    return files | {f"names/{name}/{name}.json": LINES for name in names}


def test_a_hostile_folder_ends_with_a_report(tmp_path: Path) -> None:
    root = project(tmp_path / "p")
    land = root / "land"
    files = hostile_files()
    for path, content in files.items():
        (land / path).parent.mkdir(parents=True, exist_ok=True)
        (land / path).write_bytes(content)
    for number in range(300):  # enough for processes to be started
        place = land / "many" / f"day={number % 10}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}.json").write_bytes(LINES)
    with (land / "sparse.bin").open("wb") as sparse:
        sparse.truncate(100 * 1024**3)
    os.mkfifo(land / "pipe")
    (land / "loop").symlink_to(land)
    (land / "nowhere").symlink_to("gone")
    Path(os.fsdecode(os.fsencode(land) + b"/\xff\xfe.json")).write_bytes(LINES)
    (land / "names" / "line\nbreak.json").write_bytes(LINES)
    deep = land / "deep"
    for _ in range(6):  # pathlib climbs a stack of its own for what is deeper
        deep = deep / "/".join(["d"] * 100)
        deep.mkdir(parents=True)
    (deep / "x.json").write_bytes(LINES)

    report, memory_kib, seconds = crawl(root)

    assert report["status"] == "succeeded"
    tables = {table["table"]: table for table in report["tables"]}
    assert tables["raw.good"]["partitions"] == 2
    assert tables["raw.many"]["objects"] == 300
    skipped = {one["file"].removeprefix(f"{land}/"): one["reason"] for one in report["skipped"]}
    for path in files:
        if path.startswith(("noise/", "locked/", "bombs/", "empty/", "long/c")):
            assert path in skipped, path
    assert {path for path in skipped if path.startswith("torn/")} >= {
        "torn/a.parquet", "torn/b.orc", "torn/c.json.gz", "torn/e.avro", "torn/f.parquet",
    }  # fmt: skip
    assert {"pipe", "loop", "nowhere", "\\xff\\xfe.json", "names/line\\nbreak.json"} <= set(
        skipped
    )
    assert "sparse.bin" in skipped
    assert memory_kib < MOST_MEMORY_KIB
    assert seconds < 120
    # What was written can be read back, and a second crawl finds nothing new.
    with Lake.open(root) as lake:
        assert len(lake.catalog.data_catalog.list_tables("raw")) == len(tables)
    again, _, _ = crawl(root)
    assert not again["changed"]


def test_files_that_vanish_and_appear_during_a_crawl_do_no_harm(tmp_path: Path) -> None:
    root = project(tmp_path / "p")
    for number in range(600):
        place = root / "land" / f"day={number % 20}"
        place.mkdir(exist_ok=True)
        (place / f"{number}.json").write_bytes(LINES)
    ended = threading.Event()

    def stir() -> None:
        chance = random.Random(1)
        while not ended.is_set():
            day, number = chance.randrange(20), chance.randrange(600)
            place = root / "land" / f"day={day}" / f"{number}.json"
            if chance.random() < 0.5:
                place.unlink(missing_ok=True)
            else:
                place.write_bytes(LINES[: chance.randrange(len(LINES))])

    thread = threading.Thread(target=stir)
    thread.start()
    try:
        for _ in range(3):
            report, _, _ = crawl(root)
            assert report["status"] == "succeeded"
    finally:
        ended.set()
        thread.join()


def test_a_crawl_that_is_killed_is_repeated_whole(tmp_path: Path) -> None:
    root = project(tmp_path / "p")
    for number in range(400):
        place = root / "land" / f"t{number % 4}" / f"day={number}"
        place.mkdir(parents=True)
        (place / "x.json").write_bytes(
            json.dumps({f"k{number % 4}{n}": n for n in range(3)}).encode()
        )
    chance = random.Random(3)
    for _ in range(6):
        process = subprocess.Popen(
            [sys.executable, "-m", "lakeworks", "crawl", "-C", str(root)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(chance.uniform(0.2, 1.2))
        process.kill()
        process.wait()
    report, _, _ = crawl(root)
    assert report["status"] == "succeeded"
    with Lake.open(root) as lake:
        catalog = lake.catalog.data_catalog
        counts = {
            entry.name.table: catalog.count_partitions(entry.name)
            for entry in catalog.list_tables("raw")
        }
    assert counts == {f"t{number}": 100 for number in range(4)}
    assert not crawl(root)[0]["changed"]


def test_two_crawls_at_once_are_one_crawl_and_one_refusal(tmp_path: Path) -> None:
    root = project(tmp_path / "p")
    for number in range(3_000):
        place = root / "land" / f"day={number % 50}"
        place.mkdir(exist_ok=True)
        (place / f"{number}.json").write_bytes(LINES)
    command = [sys.executable, "-m", "lakeworks", "crawl", "-C", str(root), "--json"]
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    ended = [process.communicate(timeout=120) for process in both]
    refused = [err for process, (_, err) in zip(both, ended, strict=True) if process.returncode]
    assert len(refused) <= 1
    assert all("LW613" in err for err in refused)
    with Lake.open(root) as lake:
        (entry,) = lake.catalog.data_catalog.list_tables("raw")
        assert lake.catalog.data_catalog.count_partitions(entry.name) == 50
