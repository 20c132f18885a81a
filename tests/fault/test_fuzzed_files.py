"""Broken files of every kind: no crash, and every row accounted for.

A row is, of lines (JSON lines, logs), a line that is not blank; of a JSON array, an element; of
a container that cannot be opened (Parquet, zip), the file. What a fuzzed file's rows are cannot be
said from outside in general, so the law is checked in two ways: for every file, the counts add
up to what is in table and quarantine and no file with content vanishes without a row; and for JSON
lines, where rows are lines, the number of rows is the number of lines.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import zipfile
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.fault

FILES = int(os.environ.get("LAKEWORKS_FUZZ_FILES", "300"))
SEED = int(os.environ.get("LAKEWORKS_FUZZ_SEED", "20261122"))
PER_BATCH = 100
KINDS = ("lines", "array", "csv", "log", "gzip", "zip", "zstd", "parquet")


def row(rng: random.Random, number: int) -> dict:
    return {
        "id": number,
        "name": rng.choice(["ann", "zoë", "李", 'q"x', "a,b", ""]),
        "amount": rng.choice([1.5, 2, None, "x", 1e300, 10**25]),
        "at": {"city": rng.choice(["Bern", None]), "zip": rng.choice(["007", 7])},
        "items": [{"sku": "a", "n": rng.randrange(9)} for _ in range(rng.randrange(3))],
    }


def lines(rng: random.Random) -> bytes:
    texts = [json.dumps(row(rng, n), ensure_ascii=rng.random() < 0.5) for n in range(20)]
    return "\n".join(texts).encode() + b"\n"


def array(rng: random.Random) -> bytes:
    return json.dumps([row(rng, n) for n in range(12)], indent=rng.choice([None, 1])).encode()


def csv_text(rng: random.Random) -> bytes:
    head = "id,name,amount\n"
    return (head + "".join(f'{n},"n ""{n}""",{n}.5\n' for n in range(20))).encode()


def log_text(rng: random.Random) -> bytes:
    line = '10.0.0.{n} - - [22/Nov/2026:04:42:3{d} +0000] "GET /{n} HTTP/1.1" 200 {n}\n'
    return "".join(line.format(n=n, d=n % 10) for n in range(20)).encode()


def zip_text(rng: random.Random) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        # Without a date it would hold the clock's, and be another file each time.
        for name, text in (("a.json", lines(rng)), ("b.csv", csv_text(rng))):
            archive.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED)
    return target.getvalue()


def zstd_text(rng: random.Random) -> bytes:
    import pyarrow as pa

    return pa.compress(lines(rng), codec="zstd", asbytes=True)


def parquet_file(rng: random.Random) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    target = io.BytesIO()
    pq.write_table(pa.table({"id": range(20), "name": ["x"] * 20}), target)
    return target.getvalue()


MAKERS: dict[str, tuple[str, Callable[[random.Random], bytes]]] = {
    "lines": ("json", lines),
    "array": ("json", array),
    "csv": ("csv", csv_text),
    "log": ("log", log_text),
    "gzip": ("json.gz", lambda rng: gzip.compress(lines(rng), mtime=0)),
    "zip": ("zip", zip_text),
    "zstd": ("json.zst", zstd_text),
    "parquet": ("parquet", parquet_file),
}


def flipped(rng: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice([1, 3, 30])):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def truncated(rng: random.Random, data: bytes) -> bytes:
    return data[: rng.randrange(len(data))]


def mixed_encodings(rng: random.Random, data: bytes) -> bytes:
    cut = rng.randrange(len(data))
    other = rng.choice(["utf-16", "latin-1", "utf-8-sig"])
    return data[:cut] + data[cut:].decode("utf-8", "replace").encode(other, "replace")


def huge_line(rng: random.Random, data: bytes) -> bytes:
    cut = rng.randrange(len(data))
    return data[:cut] + b'{"id":"' + b"x" * rng.choice([70_000, 3_000_000]) + b'"}' + data[cut:]


def deep_nesting(rng: random.Random, data: bytes) -> bytes:
    depth = rng.choice([50, 2_000, 60_000])
    return data + b'{"id":' + b"[" * depth + b"]" * rng.choice([depth, depth - 1]) + b"}\n"


def spliced(rng: random.Random, data: bytes) -> bytes:
    cut, other = rng.randrange(len(data)), rng.randrange(len(data))
    joint = rng.choice([b"", b"\n", b"\r", b"\0", b"\r\n", b'"', b"\x1f\x8b"])
    return data[:cut] + joint + data[other:]


def unharmed(rng: random.Random, data: bytes) -> bytes:
    return data


HARMS = (flipped, truncated, mixed_encodings, huge_line, deep_nesting, spliced, unharmed)


def fuzzed(rng: random.Random, kind: str) -> tuple[str, bytes]:
    suffix, make = MAKERS[kind]
    return suffix, rng.choice(HARMS)(rng, make(rng))


@pytest.mark.parametrize("kind", KINDS)
def test_fuzzed_files_neither_crash_nor_lose_a_row(kind: str, intake: Callable) -> None:
    rng = random.Random(f"{SEED}-{kind}")
    left = max(1, FILES // len(KINDS))
    while left > 0:
        count = min(left, PER_BATCH)
        left -= count
        here = intake()
        filled = set()
        for number in range(count):
            suffix, data = fuzzed(rng, kind)
            name = f"f{number:03}.{suffix}"
            here.put(name, data)
            if data.strip():
                filled.add(name)
        done = here.take()
        rows, rejects = here.rows("1"), here.quarantine()
        assert (len(rows), len(rejects)) == (done.written, done.quarantined)
        told = {r["_source_file"].split("!")[0] for r in rows}
        told |= {r["source_file"].split("!")[0] for r in rejects}
        silent = filled - told
        assert all(is_header_only(here.inbox / name) for name in silent), silent
        assert all(reject["error"] for reject in rejects)


def is_header_only(path: object) -> bool:
    """Whether a file has nothing that is a row: a CSV header alone, or blanks once unpacked."""
    data = path.read_bytes()  # type: ignore[attr-defined]
    if str(path).endswith(".csv"):
        return len([line for line in data.splitlines() if line.strip()]) <= 1
    if str(path).endswith(".json"):
        return not data.strip(b"[] \n\xef\xbb\xbf\xff\xfe\x00")
    return False


def test_every_line_of_fuzzed_json_lines_is_a_row(intake: Callable) -> None:
    rng = random.Random(SEED)
    here = intake()
    expected: dict[str, int] = {}
    for number in range(max(10, FILES // 6)):
        data = rng.choice([flipped, truncated, deep_nesting, huge_line])(rng, lines(rng))
        data = b'{"id":1}\n' + data  # surely lines, not a document that spans them
        here.put(f"f{number:03}.json", data)
        expected[f"f{number:03}.json"] = sum(
            1 for line in data.split(b"\n") if line.strip(b" \t\r\n")
        )
    here.take()
    counted = dict.fromkeys(expected, 0)
    for one in here.rows("1"):
        counted[one["_source_file"]] += 1
    for one in here.quarantine():
        counted[one["source_file"]] += 1
    assert counted == expected
