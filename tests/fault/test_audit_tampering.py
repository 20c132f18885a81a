"""Whatever is changed in the audit trail behind its back is found; what erasures take is not."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing, contextmanager
from functools import cache
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

WORDS = ("seq", "salt", "words")
COLUMNS = ("seq", "at_us", "kind", "principal", "body", "previous", "hash")
ENTRIES = 6
GUARDS = (
    "audit_entries_no_update", "audit_entries_no_delete", "audit_words_no_update",
    "audit_words_no_replace", "audit_words_only_erased",
)  # fmt: skip


@cache
def made() -> tuple[bytes, Head]:
    """Return the file of a catalog of six entries, without its guards, and the head."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "catalog.db")
        with Catalog.open(f"sqlite:///{path}") as catalog:
            for number in range(ENTRIES):
                words = {"sql": f"select {number}"} if number % 3 else {}
                head = catalog.audit_trail.append(
                    "query", f"user:u{number % 2}", {"n": number, **words}
                )
        with closing(sqlite3.connect(path, isolation_level=None)) as raw:
            for name in GUARDS:
                raw.execute(f"DROP TRIGGER {name}")
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return path.read_bytes(), head


@contextmanager
def tampered() -> Iterator[tuple[sqlite3.Connection, Catalog, Head]]:
    """Give an intruder's connection to a catalog of six entries, and the head kept elsewhere."""
    data, head = made()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "catalog.db")
        path.write_bytes(data)
        with (
            Catalog.open(f"sqlite:///{path}") as catalog,
            closing(sqlite3.connect(path, isolation_level=None)) as raw,
        ):
            raw.execute("PRAGMA synchronous = OFF")
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


words_edits = st.tuples(
    st.integers(1, ENTRIES),
    st.sampled_from(WORDS),
    st.text(max_size=8) | st.integers(-9, 99) | st.sampled_from(["{}", "0" * 32]),
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sets(st.integers(0, ENTRIES - 1), max_size=ENTRIES), max_size=2),
    st.lists(words_edits, max_size=2),
    st.sets(st.integers(1, ENTRIES), max_size=ENTRIES),
    st.sets(st.integers(1, ENTRIES), max_size=2),
)
def test_any_words_can_be_erased_and_any_other_change_of_words_is_found(
    erasures: list[set[int]],
    changes: list[tuple[int, str, Any]],
    deleted: set[int],
    put_back: set[int],
) -> None:
    with tampered() as (raw, catalog, head):
        trail = catalog.audit_trail
        texts = dict(raw.execute("SELECT seq, words FROM audit_words"))
        for one in erasures:
            named = {f"select {number}" for number in one}
            trail.erase_words(named.__contains__, principal="operator", told={})
        heads = [head, trail.head()]
        whole = "SELECT seq, salt, words FROM audit_words ORDER BY seq"
        before = raw.execute(whole).fetchall()
        found = trail.verify(heads)
        assert found.sound
        assert found.words == len(before)
        assert found.words + found.words_erased == len(texts)
        assert [seq for seq, *_ in before] == [
            seq for seq in texts if seq - 1 not in set().union(*erasures)
        ]

        for seq, column, value in changes:
            raw.execute(
                f"UPDATE OR IGNORE audit_words SET {column} = ? WHERE seq = ?", (value, seq)
            )
        for seq in deleted:
            raw.execute("DELETE FROM audit_words WHERE seq = ?", (seq,))
        for seq in put_back:
            raw.execute(
                "INSERT OR IGNORE INTO audit_words VALUES (?, ?, ?)",
                (seq, "0" * 32, texts.get(seq, "{}")),
            )
        changed = raw.execute(whole).fetchall() != before
        assert trail.verify(heads).sound is not changed


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
        assert len(catalog.audit_trail.verify().breaks) == 2  # of words that were left there
        raw.execute("DELETE FROM audit_words WHERE seq > 3")
        assert catalog.audit_trail.verify().breaks == ()
        found = catalog.audit_trail.verify([head])
        assert found.breaks == ("entry 6 was written and is gone: the trail ends at 3",)
    with tampered() as (raw, catalog, head):
        raw.execute("DELETE FROM audit_entries WHERE seq > 3")
        raw.execute("DELETE FROM audit_words WHERE seq > 3")
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
