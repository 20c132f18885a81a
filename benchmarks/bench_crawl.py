"""Time of a crawl, first and again. Budget: 100,000 objects in a minute on two cores.

Run it as `python benchmarks/bench_crawl.py [OBJECTS] [--s3]`. The objects are JSON lines, CSV and
Parquet, a third each, in folders of a hundred by day. Beside it two references run over the same
files: DuckDB, which describes them one by one as its own sniffers read them, and
`pyarrow.dataset`, which finds the partitions and reads one schema for all files. `--s3` lists and
reads a tenth of them from a local server of S3's protocol (moto), whose own speed bounds it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from lakeworks.lake import Lake

FOLDER_FILES = 100
ROWS = 20
BUDGET_S = 60.0
SUFFIXES = {"json": ".json", "csv": ".csv", "parquet": ".parquet"}
SNIFFED = 2_000


def contents(kind: str, seed: int) -> bytes:
    """Return a small file of twenty rows."""
    rows = [
        {"id": seed * ROWS + n, "name": f"customer {n}", "price": n * 1.25, "paid": n % 2 == 0}
        for n in range(ROWS)
    ]
    if kind == "json":
        return "".join(json.dumps(row) + "\n" for row in rows).encode()
    if kind == "csv":
        lines = [",".join(map(str, row.values())) for row in rows]
        return ("id,name,price,paid\n" + "\n".join(lines) + "\n").encode()
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue().to_pybytes()


def write_objects(root: Path, objects: int) -> None:
    """Write the files of all three tables."""
    for kind, suffix in SUFFIXES.items():
        variants = [contents(kind, seed) for seed in range(50)]
        for number in range(objects // 3):
            day = number // FOLDER_FILES
            folder = root / kind / f"year={2000 + day // 360}" / f"day={day % 360:03}"
            if number % FOLDER_FILES == 0:
                folder.mkdir(parents=True)
            place = os.open(folder / f"{number}{suffix}", os.O_WRONLY | os.O_CREAT)
            os.write(place, variants[number % 50])
            os.close(place)


def write_project(root: Path, target: str, options: str = "") -> None:
    """Write a project with one crawler."""
    (root / "crawlers").mkdir(parents=True)
    (root / "lake.yml").write_text(
        f"name: bench\nenvironments:\n  dev:\n    storage: .lake\n{options}"
    )
    (root / "crawlers" / "all.yml").write_text(f"database: raw\ntargets: [{target}]\n")


def crawled(project: Path, objects: int, tables: int = 3) -> tuple[float, float]:
    """Return the seconds of a first crawl, and of a second one that changes nothing."""
    seconds = []
    for again in (False, True):
        with Lake.open(project) as lake:
            begin = time.perf_counter()
            report = lake.crawlers.crawl("all")
            seconds.append(time.perf_counter() - begin)
        assert report.status == "succeeded", report.error
        assert len(report.tables) == tables, report.tables
        assert sum(table.objects for table in report.tables) == objects
        assert report.changed != again
    return seconds[0], seconds[1]


def sniffed(root: Path) -> float:
    """Return how many files a second DuckDB describes, one by one."""
    readers = {"json": "read_json", "csv": "read_csv", "parquet": "read_parquet"}
    connection = duckdb.connect()
    done = 0
    begin = time.perf_counter()
    for kind, reader in readers.items():
        for path in sorted((root / kind).rglob("*.*"))[: SNIFFED // 3]:
            connection.execute(f"DESCRIBE SELECT * FROM {reader}('{path}')").fetchall()
            done += 1
    return done / (time.perf_counter() - begin)


def discovered(root: Path) -> float:
    """Return how many files a second pyarrow finds, with their partitions and one schema."""
    done = 0
    begin = time.perf_counter()
    for kind in SUFFIXES:
        found = ds.dataset(root / kind, format=kind, partitioning="hive")
        done += len(found.files)
        assert {"year", "day"} <= set(found.schema.names)
    return done / (time.perf_counter() - begin)


def on_s3(root: Path, objects: int) -> None:
    """Crawl a bucket on a local server and print the rate."""
    import boto3

    port = 5077
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        client = boto3.client(
            "s3", endpoint_url=url, region_name="us-east-1",
            aws_access_key_id="test", aws_secret_access_key="test",
        )  # fmt: skip
        for _ in range(50):
            try:
                client.create_bucket(Bucket="bench")
                break
            except Exception:  # noqa: BLE001 - the server is starting
                time.sleep(0.2)
        for path in sorted((root / "data").rglob("*.*"))[:objects]:
            client.put_object(
                Bucket="bench", Key=str(path.relative_to(root)), Body=path.read_bytes()
            )
        options = (
            f"    s3: {{endpoint: '{url}', region: us-east-1, access_key_id: test, "
            "secret_access_key: test, allow_http: true}\n"
        )
        write_project(root / "s3", "s3://bench/data", options)
        first, again = crawled(root / "s3", objects, tables=1)
        print(f"S3 (moto), {objects:,} objects: {first:.1f} s, again {again:.1f} s, "
              f"{objects / first:,.0f} objects/s")  # fmt: skip
    finally:
        server.terminate()
        server.wait()


def main() -> None:
    """Print the figures, and end with 1 where the budget does not hold."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("objects", type=int, nargs="?", default=100_000)
    options.add_argument("--s3", action="store_true")
    given = options.parse_args()
    objects = given.objects // 3 * 3
    root = Path(tempfile.mkdtemp(prefix="lakeworks-crawl-"))
    try:
        write_objects(root / "data", objects)
        write_project(root / "project", str(root / "data"))
        first, again = crawled(root / "project", objects)
        print(f"crawl of {objects:,} objects: {first:.1f} s, {objects / first:,.0f} objects/s")
        print(f"again, nothing changed: {again:.1f} s, {objects / again:,.0f} objects/s")
        duck, arrow = sniffed(root / "data"), discovered(root / "data")
        rate = objects / first
        print(f"DuckDB, one by one: {duck:,.0f} files/s; a crawl {rate / duck:.1f} times that")
        print(
            f"pyarrow.dataset, one schema for all: {arrow:,.0f} files/s; "
            f"a crawl {rate / arrow:.2f} times that"
        )
        if given.s3:
            on_s3(root, objects // 10)
        allowed_s = BUDGET_S * objects / 100_000
        if first > allowed_s:
            sys.exit(f"over its budget of {allowed_s:.0f} s")
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
