"""Parts of a reading, packed as for a cluster and run one by one, come to the whole."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lakeworks.core.errors import LakeError
from lakeworks.core.types import Field, Scalar, Schema
from lakeworks.engines.duckdb.file_pieces import divided, spans
from lakeworks.engines.duckdb.file_tasks import (
    JsonPart,
    LookAtCsv,
    LookAtJson,
    PassOverJson,
    Place,
    ReadGroup,
    SettleJson,
    run_packed,
)
from lakeworks.engines.duckdb.files_csv import Group as CsvGroup
from lakeworks.engines.duckdb.files_json import Group as JsonGroup
from lakeworks.engines.errors import OutOfMemoryError
from lakeworks.engines.protocol import ArrivedFile, FileReading

if TYPE_CHECKING:
    from lakeworks.engines.protocol import FileFormat

MIB = 1024 * 1024
PLACE = Place(None, 2048 * MIB)
SCHEMA = Schema((Field("id", Scalar("bigint")),))


def ran(task: Any, place: Place = PLACE) -> Any:
    result = pickle.loads(run_packed(pickle.dumps(task), place))
    if isinstance(result, LakeError):
        raise result
    return result


def reading(folder: Path, format_: FileFormat, **files: bytes) -> FileReading:
    arrived = []
    for name, content in files.items():
        path = folder / f"{name}.{format_}"
        path.write_bytes(content)
        arrived.append(ArrivedFile(str(path), path.name, len(content)))
    root, rejects = str(folder / "rows"), str(folder / "rejects")
    moment = "2026-01-02T03:04:05Z"
    return FileReading("bronze.t", format_, tuple(arrived), root, rejects, "r", moment)


def test_csv_is_looked_at_and_read_by_tasks(tmp_path: Path) -> None:
    arrived = reading(tmp_path, "csv", a=b"id,n\n1,x\n2\n3,y,z\n", b=b"id,n\n4,w\n")
    first, second = ran(LookAtCsv(arrived))
    assert first.dialect == second.dialect
    schema = Schema((Field("id", Scalar("string")), Field("n", Scalar("string"))))
    for wide in (False, True):
        group = CsvGroup(first.dialect, first.packing, (), wide=wide)
        done = ran(ReadGroup(arrived, group, schema))
        assert (done.written, done.quarantined, done.unreadable) == (2, 2, {})


@pytest.mark.parametrize("pieces", [1, 3, 40])
def test_pieces_of_a_json_file_come_to_all_of_its_lines(tmp_path: Path, pieces: int) -> None:
    lines = [b'{"id":%d}' % number for number in range(200)]
    lines[50], lines[120] = b"torn", b'{"id":"x","new":[1]}'
    content = b"\n".join(lines) + b"\n"
    arrived = reading(tmp_path, "json", a=content)
    group = JsonGroup("lines", "none", ())
    written = quarantined = ends = misfits = 0
    for span in spans(len(content), -(-len(content) // pieces)):
        part = JsonPart(arrived, group, span)
        passed = ran(PassOverJson(part, SCHEMA, []))
        ends += passed.lines
        misfits += (
            "id" in ran(LookAtJson(arrived, passed, SCHEMA)).misfits if passed.doubtful else 0
        )
        done = ran(SettleJson(part, passed, SCHEMA))
        written += done.written
        quarantined += done.quarantined
    assert (written, quarantined, ends, misfits) == (199, 1, 200, 1)


def test_what_goes_wrong_comes_back_as_the_error_that_a_user_is_to_see(tmp_path: Path) -> None:
    part = JsonPart(
        reading(tmp_path, "json", a=b'{"id":"x"}\n'), JsonGroup("lines", "none", ())
    )
    passed = ran(PassOverJson(part, SCHEMA, []))
    with pytest.raises(OutOfMemoryError, match="64 MiB"):
        ran(SettleJson(part, passed, SCHEMA), Place(None, 64 * MIB))


def test_files_are_dealt_out_in_order_and_a_large_one_alone() -> None:
    files = [
        ArrivedFile(f"/{n}.json", f"{n}.json", size) for n, size in enumerate((5, 5, 50, 1))
    ]
    files.append(ArrivedFile("/p.json.gz", "p.json.gz", 2))
    dealt = divided(files, most_bytes=12, most_files=9)
    assert [[f.source_file for f in some] for some in dealt] == [
        ["0.json", "1.json"], ["2.json"], ["3.json"], ["p.json.gz"],
    ]  # fmt: skip
    assert len(list(divided(files, most_bytes=10**6, most_files=2))) == 3
