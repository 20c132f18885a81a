"""Files are read once, changes handled as declared, and nothing of any file is lost."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from lakeworks.ingest.errors import BatchTakenError, FileChangedError
from lakeworks.ingest.pending import reread

if TYPE_CHECKING:
    from collections.abc import Callable


def put_rows(here: Any, name: str, *ids: int) -> None:
    here.put(name, b"".join(b'{"id":%d}\n' % n for n in ids))


def ids(here: Any) -> list[int]:
    return sorted(row["id"] for row in here.rows())


def test_a_file_is_read_once(intake: Callable[..., Any]) -> None:
    here = intake()
    put_rows(here, "a.json", 1, 2)
    assert here.take().written == 2
    found = here.pending()
    assert not found.new
    assert not found.changed
    put_rows(here, "b.json", 3)
    assert here.take().files == 1
    assert ids(here) == [1, 2, 3]


def test_landing_keeps_the_bytes_with_their_checksum(intake: Callable[..., Any]) -> None:
    here = intake()
    content = b'{"id":1}\r\n\r\nbroken\n'
    here.put("sub/a.json", content)
    here.take()
    landed = here.folder / "landing" / "bronze.t" / "2026-01-02" / "1" / "sub" / "a.json"
    assert landed.read_bytes() == content
    [entry] = here.entries(here.source.table, up_to=1).values()
    assert entry.sha256 == hashlib.sha256(content).hexdigest()
    assert entry.landed_uri == str(landed)


def test_landing_in_place_copies_nothing(intake: Callable[..., Any]) -> None:
    here = intake(landing="in_place")
    put_rows(here, "a.json", 1)
    here.take()
    assert not (here.folder / "landing").exists()
    assert ids(here) == [1]


def test_a_touched_file_of_the_same_content_is_not_read_again(
    intake: Callable[..., Any],
) -> None:
    here = intake()
    put_rows(here, "a.json", 1)
    here.take()
    os.utime(here.inbox / "a.json", (1, 1))
    found = here.pending()
    assert not found.changed
    [told] = found.touched
    assert (told.source_file, told.modified_ns) == ("a.json", 1_000_000_000)


def test_a_changed_file_takes_the_place_of_its_old_rows(intake: Callable[..., Any]) -> None:
    here = intake(on_change="reload")
    put_rows(here, "a.json", 1, 2)
    put_rows(here, "b.json", 3)
    here.take()
    put_rows(here, "a.json", 4, 5, 6)
    done = here.take()
    assert (done.read, done.replaced) == (3, 2)
    assert ids(here) == [3, 4, 5, 6]


def test_a_changed_file_fails_the_step_where_that_is_declared(
    intake: Callable[..., Any],
) -> None:
    here = intake(on_change="error")
    put_rows(here, "a.json", 1)
    here.take()
    put_rows(here, "a.json", 1, 2)
    with pytest.raises(FileChangedError, match=r"a\.json"):
        here.take()


def test_of_a_file_that_grew_only_the_end_is_read(intake: Callable[..., Any]) -> None:
    here = intake(on_change="append")
    here.put("a.json", b'{"id":1}\nbad\n{"id":')
    here.take()
    here.put("a.json", b'{"id":1}\nbad\n{"id":2}\n{"id":3}\nworse\n')
    assert here.take().read == 3
    assert ids(here) == [1, 2, 3]
    assert [(q["row"], q["source_row"]) for q in here.quarantine()] == [
        ("bad", 2),
        ('{"id":', 3),
        ("worse", 5),
    ]


def test_a_csv_that_grew_keeps_its_header(intake: Callable[..., Any]) -> None:
    here = intake(on_change="append")
    here.put("a.csv", b"id,n\n1,x\n")
    here.take()
    here.put("a.csv", b"id,n\n1,x\n2,y\n3\n")
    here.take()
    assert [(row["id"], row["n"]) for row in here.rows()] == [("1", "x"), ("2", "y")]
    assert here.quarantine()[0]["source_row"] == 4


def test_a_file_that_changed_at_its_beginning_did_not_grow(intake: Callable[..., Any]) -> None:
    here = intake(on_change="append")
    put_rows(here, "a.json", 1)
    here.take()
    put_rows(here, "a.json", 2, 3)
    with pytest.raises(FileChangedError, match="its beginning differs"):
        here.take()


def test_a_vanished_file_keeps_its_rows(intake: Callable[..., Any]) -> None:
    here = intake()
    put_rows(here, "a.json", 1)
    here.take()
    (here.inbox / "a.json").unlink()
    assert here.pending().vanished == ("a.json",)
    assert ids(here) == [1]


def test_a_file_that_vanishes_after_it_was_listed_is_left(intake: Callable[..., Any]) -> None:
    here = intake()
    put_rows(here, "a.json", 1)
    put_rows(here, "b.json", 2)
    found = here.pending()
    (here.inbox / "a.json").unlink()
    done = here.take(found)
    assert done.left == ("a.json",)
    assert ids(here) == [2]


def test_a_file_that_changes_after_it_was_listed_waits_for_the_next_run(
    intake: Callable[..., Any],
) -> None:
    here = intake()
    put_rows(here, "a.json", 1)
    found = here.pending()
    put_rows(here, "a.json", 1, 2)
    assert here.take(found).left == ("a.json",)
    here.take()
    assert ids(here) == [1, 2]


def test_everything_can_be_read_again_from_landing(intake: Callable[..., Any]) -> None:
    here = intake()
    put_rows(here, "a.json", 1)
    here.take()
    (here.inbox / "a.json").unlink()
    put_rows(here, "b.json", 2)
    again = reread(here.entries(here.source.table, up_to=9), here.pending())
    here.known, here.files = None, []
    here.take(again)
    assert ids(here) == [1, 2]


def test_a_batch_begun_by_someone_else_is_noticed(intake: Callable[..., Any]) -> None:
    here = intake()
    put_rows(here, "a.json", 1)
    begin = here.begin_batch
    here.begin_batch = lambda table, entries: begin(table, entries) + begin(table, [])
    with pytest.raises(BatchTakenError):
        here.take()


def test_rows_before_the_tear_of_a_gzip_go_on(intake: Callable[..., Any]) -> None:
    here = intake()
    rows = b"".join(
        b'{"id":%d,"x":"%s"}\n' % (n, os.urandom(20).hex().encode()) for n in range(500)
    )
    packed = gzip.compress(rows)
    here.put("a.json.gz", packed[: len(packed) // 2])
    done = here.take()
    assert 100 < done.written < 400
    assert ids(here) == list(range(done.written))
    [reject] = here.quarantine()
    assert "gzip breaks off" in reject["error"]
    assert reject["source_row"] == done.written + 1


def test_a_flipped_bit_that_only_the_checksum_shows_is_told(intake: Callable[..., Any]) -> None:
    here = intake()
    packed = bytearray(gzip.compress(b'{"id":1}\n{"id":2}\n'))
    packed[-8] ^= 1
    here.put("a.json.gz", bytes(packed))
    assert here.take().written == 2
    assert "gzip is damaged" in here.quarantine()[0]["error"]


def test_gzip_is_known_by_its_bytes_not_by_its_name(intake: Callable[..., Any]) -> None:
    here = intake()
    here.put("a.json", gzip.compress(b'{"id":1}\n') + gzip.compress(b'{"id":2}\n'))
    here.put("b.json.gz", b'{"id":3}\n')
    here.take()
    assert ids(here) == [1, 2, 3]


def test_members_of_a_zip_are_files_of_their_own(intake: Callable[..., Any]) -> None:
    here = intake()
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/a.json", '{"id":1}\nbad\n')
        archive.writestr("../../evil.json", '{"id":2}')
        archive.writestr("inner.zip", b"PK")
    here.put("orders.zip", content.getvalue())
    done = here.take()
    assert (done.written, done.quarantined) == (1, 3)
    assert [row["_source_file"] for row in here.rows()] == ["orders.zip!x/a.json"]
    told = {q["source_file"]: q["error"] for q in here.quarantine()}
    assert "climbs out" in told["orders.zip!../../evil.json"]
    assert "archive inside an archive" in told["orders.zip!inner.zip"]
    assert not list(here.folder.glob("**/evil.json"))


def test_an_encrypted_member_is_refused(intake: Callable[..., Any]) -> None:
    here = intake()
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("a.json", '{"id":1}')
    data = bytearray(content.getvalue())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    here.put("a.zip", bytes(data))
    here.take()
    assert "encrypted" in here.quarantine()[0]["error"]


def test_a_zip_bomb_is_refused_unread(intake: Callable[..., Any]) -> None:
    here = intake()
    content = io.BytesIO()
    with (
        zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.json", "w") as member,
    ):
        for _ in range(300):
            member.write(b" " * 1024 * 1024)
    here.put("a.zip", content.getvalue())
    here.take()
    assert "times its size" in here.quarantine()[0]["error"]


def test_a_gzip_bomb_is_given_up_within_bounds(
    monkeypatch: pytest.MonkeyPatch, intake: Callable[..., Any]
) -> None:
    from lakeworks.ingest import unpacking

    monkeypatch.setattr(unpacking, "_BOMB_BYTES", 10_000_000)
    here = intake()
    here.put("a.json.gz", gzip.compress(b'{"id":1}\n' + b"\n" * 40_000_000))
    here.take()
    assert ids(here) == [1]
    assert "bomb" in here.quarantine()[0]["error"]


def test_utf_16_and_byte_order_marks_are_read(intake: Callable[..., Any]) -> None:
    here = intake()
    here.put("a.json", '{"id":1,"n":"zoë"}\n{"id":2}\n'.encode("utf-16"))
    here.put("b.json", b'\xef\xbb\xbf{"id":3}\n')
    here.put("c.json", '[{"id":4}]'.encode("utf-16"))
    here.take()
    assert ids(here) == [1, 2, 3, 4]
    assert not here.quarantine()


def test_broken_arrays_give_their_good_elements(intake: Callable[..., Any]) -> None:
    here = intake()
    here.put("a.json", b'[{"id":1},\n{oops},\n{"id":2}, 7, {"id":3},{"id":')
    done = here.take()
    assert ids(here) == [1, 2, 3]
    assert done.quarantined == 3


def test_a_line_beyond_all_measure_is_one_reject(intake: Callable[..., Any]) -> None:
    here = intake()
    here.put("a.json", b'{"id":1}\n{"id":"' + b"x" * 40_000_000 + b'"}\n{"id":2}\nbad\n')
    here.take()
    assert ids(here) == [1, 2]
    assert [q["source_row"] for q in here.quarantine()] == [2, 4]


def test_empty_files_are_fine(intake: Callable[..., Any]) -> None:
    here = intake()
    for name in ("a.json", "b.csv", "c.log", "d.parquet", "e.json.gz"):
        here.put(name, b"")
    here.put("f.json.gz", gzip.compress(b""))
    here.put("g.json", b"\n \n")
    here.put("h.json", b"[]")
    done = here.take()
    assert (done.files, done.read) == (8, 0)
    assert not here.pending().new


def test_formats_are_told_by_name_then_by_content(intake: Callable[..., Any]) -> None:
    here = intake()
    here.put("a", b'{"id":1}\n')
    here.put("b.dat", b"id,name\n2,x\n")
    here.put("c.txt", b'1.2.3.4 - - [22/Nov/2026:04:42:30 +0000] "GET / HTTP/1.1" 200 5\n')
    done = here.take()
    assert (done.written, done.quarantined) == (3, 0)
    assert {"id", "name", "status"} <= set(done.schema.names)


def test_names_made_to_break_sql_and_globs_are_only_names(intake: Callable[..., Any]) -> None:
    here = intake()
    names = ["a'; drop table x; --.json", "b[0-9]*.json", "c?.json", "k=v/d.json", 'e"f.json']
    for number, name in enumerate(names):
        here.put(name, json.dumps({"id": number, 'x"; drop': 1, "'": 2}).encode())
    here.take()
    assert sorted(row["_source_file"] for row in here.rows("1")) == sorted(names)


def test_a_damaged_parquet_is_one_row_of_quarantine(intake: Callable[..., Any]) -> None:
    here = intake()
    here.put("a.parquet", b"PAR1 not really PAR1")
    done = here.take()
    assert (done.read, done.quarantined) == (1, 1)
    assert "cannot be read" in here.quarantine()[0]["error"]


def test_a_file_of_no_recognisable_format_is_set_aside_and_the_others_go_on(
    intake: Callable[..., Any],
) -> None:
    here = intake()
    put_rows(here, "a.json", 1)
    content = b"\x89HDF\r\n\x1a\n\x00,;|"
    here.put("notes", content)
    put_rows(here, "z.json", 2)
    done = here.take()
    assert (done.files, done.read, done.written, done.quarantined) == (3, 3, 2, 1)
    assert ids(here) == [1, 2]
    [reject] = here.quarantine()
    assert (reject["source_file"], reject["rule"], reject["row"]) == ("notes", "parse", None)
    assert "format of notes cannot be told" in reject["error"]
    assert "quarantine replay bronze.t" in reject["error"]
    entry = here.entries(here.source.table, up_to=1)["notes"]
    assert entry.sha256 == hashlib.sha256(content).hexdigest()
    landed = here.folder / "landing" / "bronze.t" / "2026-01-02" / "1" / "notes"
    assert landed.read_bytes() == content
    found = here.pending()
    assert not found.new
    assert not found.changed


@pytest.mark.parametrize("schema", ["evolve", "rescue", "strict"])
def test_files_after_a_first_batch_that_was_all_set_aside_make_the_columns(
    intake: Callable[..., Any], schema: str
) -> None:
    here = intake(schema=schema)
    here.put("notes", b"just words\n")
    done = here.take()
    assert (done.read, done.written, done.quarantined) == (1, 0, 1)
    put_rows(here, "a.json", 1)
    assert here.take().written == 1
    assert ids(here) == [1]
    assert here.rows()[0]["_rescued"] is None


def test_a_member_of_no_recognisable_format_is_set_aside_alone(
    intake: Callable[..., Any],
) -> None:
    here = intake()
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("README", "what this is")
        archive.writestr("a.json", '{"id":1}')
    here.put("orders.zip", content.getvalue())
    done = here.take()
    assert (done.written, done.quarantined) == (1, 1)
    assert here.quarantine()[0]["source_file"] == "orders.zip!README"


def test_a_file_that_was_set_aside_and_grew_is_read_from_its_beginning(
    intake: Callable[..., Any],
) -> None:
    here = intake(on_change="append")
    here.put("a", b"id")
    assert here.take().quarantined == 1
    here.put("a", b"id,n\n1,x\n")
    done = here.take()
    assert (done.read, done.written) == (1, 1)
    assert [(row["id"], row["n"]) for row in here.rows()] == [("1", "x")]


def test_a_file_set_aside_that_grows_into_no_format_is_set_aside_again(
    intake: Callable[..., Any],
) -> None:
    here = intake(on_change="append")
    here.put("a", b"some words\n")
    here.take()
    here.put("a", b"some words\nand more\n")
    assert here.take().quarantined == 1


def test_utf_16_without_a_telling_name_is_recognised(intake: Callable[..., Any]) -> None:
    here = intake()
    here.put("a", '{"id":1}\n'.encode("utf-16"))
    here.take()
    assert ids(here) == [1]
