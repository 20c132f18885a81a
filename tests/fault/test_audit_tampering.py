"""Whatever is changed in the audit trail behind its back is found."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakeworks.catalog import Catalog
from lakeworks.catalog.audit_trail import Head, _hash, read_mark, write_mark

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.fault

COLUMNS = ("seq", "at_us", "kind", "principal", "body", "previous", "hash")
ENTRIES = 6


@contextmanager
def tampered() -> Iterator[tuple[sqlite3.Connection, Catalog, Head]]:
    """Give an intruder's connection to a catalog of six entries, and the head kept elsewhere."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "catalog.db")
        with Catalog.open(f"sqlite:///{path}") as catalog:
            for number in range(ENTRIES):
                head = catalog.audit_trail.append("query", f"user:u{number % 2}", {"n": number})
            with closing(sqlite3.connect(path, isolation_level=None)) as raw:
                raw.execute("DROP TRIGGER audit_entries_no_update")
                raw.execute("DROP TRIGGER audit_entries_no_delete")
                yield raw, catalog, head


edits = st.tuples(
    st.integers(1, ENTRIES),
    st.sampled_from(COLUMNS),
    st.text(max_size=8) | st.integers(-9, 99) | st.sampled_from(["{}", "user:u1", "0" * 64]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(edits, max_size=2), st.sets(st.integers(1, ENTRIES), max_size=ENTRIES))
def test_every_edit_and_every_deletion_is_found(
    changes: list[tuple[int, str, Any]], deleted: set[int]
) -> None:
    with tampered() as (raw, catalog, head):
        whole = f"SELECT {', '.join(COLUMNS)} FROM audit_entries ORDER BY seq"
        before = raw.execute(whole).fetchall()
        for seq, column, value in changes:
            raw.execute(
                f"UPDATE OR IGNORE audit_entries SET {column} = ? WHERE seq = ?", (value, seq)
            )
        for seq in deleted:
            raw.execute("DELETE FROM audit_entries WHERE seq = ?", (seq,))
        changed = raw.execute(whole).fetchall() != before
        assert catalog.audit_trail.verify([head]).sound is not changed


def test_entries_put_in_or_exchanged_are_found() -> None:
    with tampered() as (raw, catalog, head):
        raw.execute("UPDATE audit_entries SET seq = -1 WHERE seq = 2")
        raw.execute("UPDATE audit_entries SET seq = 2 WHERE seq = 3")
        raw.execute("UPDATE audit_entries SET seq = 3 WHERE seq = -1")
        assert catalog.audit_trail.verify([head]).breaks
    with tampered() as (raw, catalog, head):
        raw.execute(
            "INSERT INTO audit_entries VALUES (7, 0, 'query', 'user:x', '{}', ?, ?)",
            (head.hash, _hash(7, 0, "query", "user:x", "{}", "0" * 64)),
        )
        assert catalog.audit_trail.verify([head]).breaks


def test_a_tail_that_was_cut_off_or_written_anew_is_found_by_the_head() -> None:
    with tampered() as (raw, catalog, head):
        raw.execute("DELETE FROM audit_entries WHERE seq > 3")
        assert catalog.audit_trail.verify().breaks == ()
        found = catalog.audit_trail.verify([head])
        assert found.breaks == ("entry 6 was written and is gone: the trail ends at 3",)
    with tampered() as (raw, catalog, head):
        raw.execute("DELETE FROM audit_entries WHERE seq > 3")
        for number in range(3):
            catalog.audit_trail.append("query", "user:other", {"n": number})
        found = catalog.audit_trail.verify([head])
        assert found.breaks == ("entry 6 is not the one that was written",)


def test_a_mark_keeps_the_newest_head_and_a_broken_one_keeps_none(tmp_path: Path) -> None:
    mark = tmp_path / "audit" / "host.mark"
    write_mark(mark, Head(5, "a" * 64))
    write_mark(mark, Head(4, "b" * 64))
    assert read_mark(mark) == Head(5, "a" * 64)
    write_mark(mark, Head(6, "c" * 64))
    assert read_mark(mark) == Head(6, "c" * 64)
    mark.write_text("no head")
    assert read_mark(mark) is None
    assert read_mark(tmp_path / "none") is None
