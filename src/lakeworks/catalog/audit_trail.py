"""Who did what, kept so that no entry can be changed, left out or cut off unseen.

Each entry holds the SHA-256 of itself and of the entry before it, and the numbers have no gaps: an
entry that was changed, deleted or put in breaks the chain. Entries cut off the end leave a sound
chain, so the last entry's number and hash are also kept outside the database, in a *mark*: a small
file on each machine that writes (`write_mark`). A mark is never ahead of the database, for it is
written after the commit. Whoever can change the database and every mark can still rewrite the end;
against that, keep a head (`lake audit --json` prints it) elsewhere and verify with it.

What somebody wrote lies beside the chain (`audit_words.py`): an erasure may take it away, which is
an entry itself. Entries from before that have it in the chain, where it stays.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakeworks.catalog import audit_words
from lakeworks.catalog.audit_words import DIGEST, ERASED, ERASURE, canonical
from lakeworks.catalog.moments import from_microseconds, microseconds
from lakeworks.core import clock
from lakeworks.core.redaction import scrubbed_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from lakeworks.catalog.audit_verifying import Verification
    from lakeworks.catalog.database import Database, Session

FIRST = "0" * 64
KINDS = (
    "change", "denial", "erasure", "export", "grant", "policy", "query", "read", "refresh",
    "retention", "revoke", "tag", "view",
)  # fmt: skip
"""The kinds of entries that a lake writes by itself; whoever calls `append` may have others."""
_COLUMNS = "seq, at_us, kind, principal, body, previous, hash"
_ENTRIES = (
    "SELECT e.seq, e.at_us, e.kind, e.principal, e.body, e.previous, e.hash, w.salt, w.words "
    "FROM audit_entries e LEFT JOIN audit_words w ON w.seq = e.seq "
)
_LAST = "SELECT seq, hash FROM audit_entries ORDER BY seq DESC LIMIT 1"
_PAGE_ROWS = 2_000
_ERASED_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One thing that was done or refused.

    Attributes:
        kind: One of `KINDS`, or what whoever wrote it called it.
        body: What there is to say of it: tables, columns, rows, policy version, statement.
        words_erased: Whether an erasure took what somebody wrote, such as SQL, out of the body.
    """

    seq: int
    at: datetime
    kind: str
    principal: str
    body: Mapping[str, Any]
    previous: str
    hash: str
    words_erased: bool = False


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry's number and hash; 0 and zeros before the first."""

    seq: int = 0
    hash: str = FIRST

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"


class AuditTrail:
    """The audit trail of a catalog. Safe to use from several threads and processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, kind: str, principal: str, body: Mapping[str, Any]) -> Head:
        """Add an entry and return the new head; writers follow each other."""
        with self._database.writing() as session:
            return _appended(session, kind, principal, body)

    def erase_words(
        self, holds: Callable[[str], bool], *, principal: str, told: Mapping[str, Any]
    ) -> tuple[int, Head | None]:
        """Take away what somebody wrote in entries of which a test is true; the rest stays.

        Each time it is an entry itself, with the numbers of those entries.

        Args:
            holds: Whether a text names somebody.
            principal: Who erases.
            told: What else there is to say of it.

        Returns:
            How many entries lost their words, and the new head, if there is one.
        """
        found = self.words_that(holds)
        erased, head = 0, None
        for begin in range(0, len(found), _ERASED_AT_ONCE):
            taken = audit_words.as_ranges(found[begin : begin + _ERASED_AT_ONCE])
            count = min(_ERASED_AT_ONCE, len(found) - begin)
            body = {**told, ERASED: taken, "entries": count}
            with self._database.writing() as session:
                # The entry is first: without it the database refuses to delete words.
                head = _appended(session, ERASURE, principal, body)
                for first, last in audit_words.ranges(taken) or ():
                    erased += session.run(
                        "DELETE FROM audit_words WHERE seq BETWEEN :first AND :last",
                        first=first,
                        last=last,
                    )
        return erased, head

    def words_that(self, holds: Callable[[str], bool]) -> list[int]:
        """Return the numbers of the entries of whose words a test is true."""
        pages = self._pages("SELECT seq, words FROM audit_words", "seq")
        return [seq for seq, words in pages if audit_words.is_named(str(words), holds)]

    def facts_that(self, holds: Callable[[str], bool]) -> tuple[int, int]:
        """Return of how many entries a test is true of what the chain itself holds.

        Returns:
            How many have words there, since they are from before words were kept apart; and how
            many others there are.
        """
        undivided, others = 0, 0
        for _, body in self._pages("SELECT seq, body FROM audit_entries", "seq"):
            if audit_words.is_named(str(body), holds):
                old = audit_words.is_undivided(str(body))
                undivided, others = undivided + old, others + (not old)
        return undivided, others

    def entries(
        self,
        *,
        principal: str | None = None,
        since: datetime | None = None,
        kind: str | None = None,
        limit: int = 100,
    ) -> list[AuditEntry]:
        """Return the newest entries that match, newest first.

        Args:
            principal: Whose; with its sessions.
            since: Not older than this.
            kind: Of this kind only.
            limit: At most so many.
        """
        where, values = ["1 = 1"], dict[str, Any]()
        if principal is not None:
            where.append(
                "(e.principal = :principal OR "
                "substr(e.principal, 1, :length) IN (:session, :tagged))"
            )
            values |= {"principal": principal, "session": f"{principal}/"}
            values |= {"tagged": f"{principal}?", "length": len(principal) + 1}
        if since is not None:
            where.append("e.at_us >= :since")
            values["since"] = microseconds(since)
        if kind is not None:
            where.append("e.kind = :kind")
            values["kind"] = kind
        with self._database.reading() as session:
            rows = session.all(
                f"{_ENTRIES} WHERE {' AND '.join(where)} ORDER BY e.seq DESC LIMIT :limit",
                **values,
                limit=limit,
            )
        return [_entry(row) for row in rows]

    def head(self) -> Head:
        """Return the last entry's number and hash."""
        with self._database.reading() as session:
            last = session.first(_LAST)
        return Head(int(last[0]), str(last[1])) if last else Head()

    def verify(self, marks: Iterable[Head] = ()) -> Verification:
        """Look at every entry and its words, and compare with heads that were kept elsewhere."""
        from lakeworks.catalog.audit_verifying import Walk

        kept = list(marks)
        walk = Walk(Head(), frozenset(mark.seq for mark in kept))
        # One moment of it all: an erasure at the same time would look like tampering.
        with self._database.reading() as session:
            for row in _paged(session, _ENTRIES, "e.seq"):
                walk.step(row[:7], _hash(*row[:6]), row[7:])
            lost = session.all(
                "SELECT seq FROM audit_words w WHERE NOT EXISTS "
                "(SELECT 1 FROM audit_entries e WHERE e.seq = w.seq) LIMIT :page",
                page=_PAGE_ROWS,
            )
        walk.orphans(row[0] for row in lost)
        return walk.ended(kept)

    def _pages(self, select: str, by: str) -> Iterator[tuple[Any, ...]]:
        with self._database.reading() as session:
            yield from _paged(session, select, by)


def _paged(session: Session, select: str, by: str) -> Iterator[tuple[Any, ...]]:
    """Yield every row in order; numbers of any kind, for a changed one may be negative."""
    after: int | None = None
    while True:
        where = "" if after is None else f"WHERE {by} > :after "
        page = session.all(
            f"{select} {where}ORDER BY {by} LIMIT :page",
            page=_PAGE_ROWS,
            **({} if after is None else {"after": after}),
        )
        yield from page
        if len(page) < _PAGE_ROWS:
            return
        after = page[-1][0]


def _appended(session: Session, kind: str, principal: str, body: Mapping[str, Any]) -> Head:
    facts, words = audit_words.divided(scrubbed_value(body))
    salt, written = "", ""
    if words:
        salt, written = audit_words.new_salt(), canonical(words)
        facts[DIGEST] = audit_words.digest(salt, written)
    text = canonical(facts)
    last = session.first(_LAST)
    seq, previous = (int(last[0]) + 1, str(last[1])) if last else (1, FIRST)
    at_us = microseconds(clock.now())
    found = _hash(seq, at_us, kind, principal, text, previous)
    session.run(
        f"INSERT INTO audit_entries ({_COLUMNS}) VALUES (:seq, :at, :kind, :principal, "
        ":body, :previous, :hash)",
        seq=seq,
        at=at_us,
        kind=kind,
        principal=principal,
        body=text,
        previous=previous,
        hash=found,
    )
    if words:
        session.run(
            "INSERT INTO audit_words (seq, salt, words) VALUES (:seq, :salt, :words)",
            seq=seq,
            salt=salt,
            words=written,
        )
    return Head(seq, found)


def write_mark(path: Path, head: Head) -> None:
    """Keep a head in a file, unless a later one is there; a folder that cannot be written is left.

    Several processes of a machine share the file: what a slower one writes last may be older by a
    few entries, which makes the mark weaker, never wrong.
    """
    with suppress(OSError):
        if (read_mark(path) or Head()).seq >= head.seq:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        # In place and of one length: a torn write would need a torn sector.
        text = f"{head.seq:020d}:{head.hash}\n".encode()
        with path.open("r+b" if path.exists() else "wb") as file:
            file.write(text)


def read_mark(path: Path) -> Head | None:
    """Return the head that a file keeps; None without a file, or one that holds none."""
    try:
        return parse_head(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError):
        return None


def parse_head(text: str) -> Head:
    """Read `number:hash`.

    Raises:
        ValueError: it is not that.
    """
    number, _, found = text.partition(":")
    if len(found) != len(FIRST) or not number.isdecimal():
        raise ValueError("write number:hash, as lake audit --json prints the head")
    return Head(int(number), found)


def _hash(seq: Any, at_us: Any, kind: Any, principal: Any, body: Any, previous: Any) -> str:  # noqa: ANN401
    # JSON keeps the parts apart: no two entries come to one text.
    text = json.dumps([seq, at_us, kind, principal, body, previous], default=repr)
    return hashlib.sha256(text.encode()).hexdigest()


def _entry(row: Sequence[Any]) -> AuditEntry:
    seq, at_us, kind, principal, body, previous, found, _, words = row
    read = _read(body)
    has_words = read.pop(DIGEST, "")
    if words is not None:
        read |= _read(words)
    erased = bool(has_words) and words is None
    at = from_microseconds(at_us)
    return AuditEntry(seq, at, kind, principal, read, previous, found, erased)


def _read(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"unreadable": text}
