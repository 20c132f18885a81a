"""Who did what, kept so that no entry can be changed, left out or cut off unseen.

Each entry holds the SHA-256 of itself and of the entry before it, and the numbers have no gaps: an
entry that was changed, deleted or put in breaks the chain. Entries cut off the end leave a sound
chain, so the last entry's number and hash are also kept outside the database, in a *mark*: a small
file on each machine that writes (`AuditTrail.mark`). A mark is never ahead of the database, for it
is written after the commit. Whoever can change the database and every mark can still rewrite the
end; against that, keep a head (`lake audit --json` prints it) elsewhere and verify with it.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lakeworks.catalog.moments import from_microseconds, microseconds
from lakeworks.core import clock
from lakeworks.core.redaction import scrubbed_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from lakeworks.catalog.database import Database

FIRST = "0" * 64
_COLUMNS = "seq, at_us, kind, principal, body, previous, hash"
_PAGE_ROWS = 2_000
_SHOWN_BREAKS = 20


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One thing that was done or refused.

    Attributes:
        kind: `query`, `grant`, `revoke`, `tag`, `denial`, `export`, `policy`, …
        body: What there is to say of it: tables, columns, rows, policy version, statement.
    """

    seq: int
    at: datetime
    kind: str
    principal: str
    body: Mapping[str, Any]
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry's number and hash; 0 and zeros before the first."""

    seq: int = 0
    hash: str = FIRST

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"


@dataclass(frozen=True, slots=True)
class Verification:
    """What a look at every entry came to.

    Attributes:
        breaks: What is wrong, one line each.
        marks: How many heads kept elsewhere were compared with.
    """

    entries: int
    head: Head
    breaks: tuple[str, ...]
    marks: int

    @property
    def sound(self) -> bool:
        """Whether the trail is whole, its end included."""
        return not self.breaks and (self.marks > 0 or self.entries == 0)


@dataclass(slots=True)
class _Walk:
    """A walk along the chain."""

    entries: int = 0
    last: Head = field(default_factory=Head)
    breaks: list[str] = field(default_factory=list)
    hashes: dict[int, str] = field(default_factory=dict)


class AuditTrail:
    """The audit trail of a catalog. Safe to use from several threads and processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, kind: str, principal: str, body: Mapping[str, Any]) -> Head:
        """Add an entry and return the new head; writers follow each other."""
        text = _canonical(scrubbed_value(body))
        with self._database.writing() as session:
            last = session.first(
                "SELECT seq, hash FROM audit_entries ORDER BY seq DESC LIMIT 1"
            )
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
        return Head(seq, found)

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
                "(principal = :principal OR substr(principal, 1, :length) IN (:session, :tagged))"
            )
            values |= {"principal": principal, "session": f"{principal}/"}
            values |= {"tagged": f"{principal}?", "length": len(principal) + 1}
        if since is not None:
            where.append("at_us >= :since")
            values["since"] = microseconds(since)
        if kind is not None:
            where.append("kind = :kind")
            values["kind"] = kind
        with self._database.reading() as session:
            rows = session.all(
                f"SELECT {_COLUMNS} FROM audit_entries WHERE {' AND '.join(where)} "
                "ORDER BY seq DESC LIMIT :limit",
                **values,
                limit=limit,
            )
        return [_entry(row) for row in rows]

    def head(self) -> Head:
        """Return the last entry's number and hash."""
        with self._database.reading() as session:
            last = session.first(
                "SELECT seq, hash FROM audit_entries ORDER BY seq DESC LIMIT 1"
            )
        return Head(int(last[0]), str(last[1])) if last else Head()

    def verify(self, marks: Iterable[Head] = ()) -> Verification:
        """Look at every entry, and compare with heads that were kept elsewhere."""
        kept = list(marks)
        walk = _Walk()
        wanted = {mark.seq for mark in kept}
        for row in self._rows():
            _step(walk, row, wanted)
        for mark in kept:
            if mark.seq > walk.last.seq:
                walk.breaks.append(
                    f"entry {mark.seq} was written and is gone: the trail ends at {walk.last.seq}"
                )
            elif mark.seq and walk.hashes.get(mark.seq) != mark.hash:
                walk.breaks.append(f"entry {mark.seq} is not the one that was written")
        return Verification(
            walk.entries, walk.last, tuple(walk.breaks[:_SHOWN_BREAKS]), len(kept)
        )

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        """Yield every entry in order; numbers of any kind, for a changed one may be negative."""
        after: int | None = None
        while True:
            where = "" if after is None else "WHERE seq > :after "
            with self._database.reading() as session:
                page = session.all(
                    f"SELECT {_COLUMNS} FROM audit_entries {where}ORDER BY seq LIMIT :page",
                    page=_PAGE_ROWS,
                    **({} if after is None else {"after": after}),
                )
            yield from page
            if len(page) < _PAGE_ROWS:
                return
            after = page[-1][0]


def _step(walk: _Walk, row: tuple[Any, ...], wanted: set[int]) -> None:
    seq, at_us, kind, principal, body, previous, found = row
    walk.entries += 1
    if not isinstance(seq, int):
        # SQLite keeps any value in any column.
        walk.breaks.append(f"entry {seq!r} has no number")
        return
    if seq != walk.last.seq + 1:
        walk.breaks.append(f"after entry {walk.last.seq} comes entry {seq}")
    elif previous != walk.last.hash:
        walk.breaks.append(f"entry {seq} does not follow the one before it")
    if found != _hash(seq, at_us, kind, principal, body, previous):
        walk.breaks.append(f"entry {seq} was changed")
    walk.last = Head(seq, found)
    if seq in wanted:
        walk.hashes[seq] = found


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


def _canonical(body: Mapping[str, Any]) -> str:
    return json.dumps(
        body, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str
    )


def _hash(seq: Any, at_us: Any, kind: Any, principal: Any, body: Any, previous: Any) -> str:  # noqa: ANN401
    # JSON keeps the parts apart: no two entries come to one text.
    text = json.dumps([seq, at_us, kind, principal, body, previous], default=repr)
    return hashlib.sha256(text.encode()).hexdigest()


def _entry(row: tuple[Any, ...]) -> AuditEntry:
    seq, at_us, kind, principal, body, previous, found = row
    try:
        read = json.loads(body)
    except ValueError:
        read = {"unreadable": body}
    return AuditEntry(seq, from_microseconds(at_us), kind, principal, read, previous, found)
