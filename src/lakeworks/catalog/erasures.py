"""Erasures of persons: which there were, how far each is, and which versions they ended.

A person is known here by a salted, slow hash alone. While an erasure is under way, what it looks
for is kept *sealed*: only who gives the same value again can read it, so that the same command
finishes what a kill interrupted.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from lakeworks.catalog.audit_words import is_named
from lakeworks.catalog.moments import from_microseconds, microseconds
from lakeworks.catalog.packing import packed, unpacked
from lakeworks.core import clock
from lakeworks.core.names import TableName

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from lakeworks.catalog.database import Database, Session

ErasureState = Literal["running", "done", "incomplete"]
ErasureKind = Literal["erasure", "retention"]
_COLUMNS = (
    "erasure_id, kind, state, salt, subject_hash, principal, reason, started_us, ended_us, "
    "sealed, report_json"
)
# What the catalog lives by, or may not change: names of files and tables, and the audit's chain.
_NEVER_REDACTED = frozenset({
    "access_tokens", "alembic_version", "audit_entries", "audit_words", "crawl_folders",
    "dc_partitions",
    "dc_words", "erased_versions", "erasures", "governance_grants", "governance_tags", "heads",
    "ledger", "ledger_batches", "locks", "registry_versions", "snapshot_tables", "snapshots",
    "sqlite_sequence",
})  # fmt: skip
# What somebody wrote there is a text like others.
_REDACTED_ALL_THE_SAME = frozenset({("access_tokens", "description"), ("erasures", "reason")})
# Names of files that arrived, and conditions of permissions in force: counted, never written anew.
_FIXED = {"governance_grants": ("resource",), "ledger": ("source_file", "landed_uri")}
# By these things are found again, or allowed: who is a principal is no text about somebody.
_KEYS = frozenset({
    "database_name", "execution_id", "principal", "query_id", "result_place", "reuse_key",
    "run_id", "table_name", "workgroup",
})  # fmt: skip
_PACKED_STARTS = ("eJ", "eN", "eF", "eA")
_DIGESTS = {
    ("queries", "query_text"): ", query_digest = '{}'",
    ("query_executions", "query_text"): ", reuse_key = ''",
}
_NO_NAME = re.compile(r"\W+")
_COST = {"n": 2**14, "r": 8, "p": 1, "dklen": 32}


@dataclass(frozen=True, slots=True)
class Erasure:
    """One erasure.

    Attributes:
        subject_hash: Of the person, with the salt; empty for a retention rule.
        state: `incomplete` where something was left.
        report: What was found, erased and left, by place.
    """

    erasure_id: str
    kind: str
    state: str
    salt: str
    subject_hash: str
    principal: str
    reason: str
    started_at: datetime
    ended_at: datetime | None = None
    report: Mapping[str, Any] = field(default_factory=dict)
    sealed: str = field(default="", repr=False)

    def is_of(self, subject: str) -> bool:
        """Whether it is the erasure of a subject, written as `subject_text` does."""
        return secrets.compare_digest(_hashed(subject, self.salt), self.subject_hash)

    def opened(self, subject: str) -> Any:  # noqa: ANN401 - what was sealed
        """Return what was sealed under a subject, or None."""
        if not self.sealed:
            return None
        data = bytes.fromhex(self.sealed)
        try:
            return json.loads(_mixed(data, subject, self.salt))
        except ValueError:
            return None


class Erasures:
    """The erasures of a lake. Safe to use from several threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, subject: str, *, kind: ErasureKind, principal: str, reason: str) -> Erasure:
        """Note that an erasure begins, or return the unfinished one of the same subject."""
        for known in self._unfinished():
            if subject and known.is_of(subject):
                return known
        salt = secrets.token_hex(16)
        made = Erasure(
            secrets.token_hex(8), kind, "running", salt,
            _hashed(subject, salt) if subject else "", principal, reason, clock.now(),
        )  # fmt: skip
        with self._database.writing() as session:
            session.run(
                f"INSERT INTO erasures ({_COLUMNS}) VALUES (:id, :kind, 'running', :salt, :hash, "
                ":principal, :reason, :started, NULL, '', '{}')",
                id=made.erasure_id,
                kind=kind,
                salt=salt,
                hash=made.subject_hash,
                principal=principal,
                reason=reason,
                started=microseconds(made.started_at),
            )
        return made

    def seal(self, erasure: Erasure, subject: str, value: object) -> None:
        """Keep what an erasure looks for, readable only under its subject."""
        sealed = _mixed(json.dumps(value).encode(), subject, erasure.salt).hex()
        with self._database.writing() as session:
            session.run(
                "UPDATE erasures SET sealed = :sealed WHERE erasure_id = :id",
                sealed=sealed,
                id=erasure.erasure_id,
            )

    def end(self, erasure: Erasure, state: ErasureState, report: Mapping[str, Any]) -> None:
        """Note how an erasure ended; what was sealed stays only where something is left."""
        with self._database.writing() as session:
            session.run(
                "UPDATE erasures SET state = :state, ended_us = :ended, report_json = :report, "
                "sealed = CASE WHEN :state = 'done' THEN '' ELSE sealed END "
                "WHERE erasure_id = :id",
                state=state,
                ended=microseconds(clock.now()),
                report=packed(dict(report)),
                id=erasure.erasure_id,
            )

    def amend(self, erasure_id: str, report: Mapping[str, Any]) -> None:
        """Replace the report of an erasure that ended."""
        with self._database.writing() as session:
            session.run(
                "UPDATE erasures SET report_json = :report WHERE erasure_id = :id",
                report=packed(dict(report)),
                id=erasure_id,
            )

    def all(self, limit: int = 100) -> list[Erasure]:
        """Return the last erasures, newest first."""
        with self._database.reading() as session:
            rows = session.all(
                f"SELECT {_COLUMNS} FROM erasures ORDER BY started_us DESC LIMIT :limit",
                limit=limit,
            )
        return [_erasure(row) for row in rows]

    def named(self, start: str) -> list[Erasure]:
        """Return the erasures whose identifier begins so."""
        return [one for one in self.all(limit=100_000) if one.erasure_id.startswith(start)]

    def end_versions(self, erasure_id: str, below: Mapping[TableName, int]) -> None:
        """Note that of some tables no version below a number can be read any more."""
        with self._database.writing() as session:
            for table, version in below.items():
                session.run(
                    "INSERT INTO erased_versions (table_name, below, erasure_id) "
                    "VALUES (:table, :below, :id) ON CONFLICT (table_name) DO UPDATE "
                    "SET below = :below, erasure_id = :id WHERE erased_versions.below < :below",
                    table=str(table),
                    below=version,
                    id=erasure_id,
                )

    def ended_versions(self) -> dict[TableName, tuple[int, str]]:
        """Return the versions below which tables were erased, and by which erasure."""
        with self._database.reading() as session:
            rows = session.all("SELECT table_name, below, erasure_id FROM erased_versions")
        return {TableName.parse(name): (below, by) for name, below, by in rows}

    def texts_that(self, holds: Callable[[str], bool]) -> dict[str, int]:
        """Return how many texts of the catalog a test is true of, by table."""
        return self._texts(holds, None)

    def redact(
        self, holds: Callable[[str], bool], without: Callable[[str], str]
    ) -> dict[str, int]:
        """Write texts of the catalog anew without a value; return how many, by table.

        Args:
            holds: Whether a text has it.
            without: The text without it.
        """
        return self._texts(holds, without)

    def fixed_texts_that(self, holds: Callable[[str], bool]) -> dict[str, int]:
        """Return the same of what is not redacted: names of files, permissions in force."""
        found: dict[str, int] = {}
        with self._database.reading() as session:
            for table, columns in _FIXED.items():
                for column in columns:
                    rows = session.all(f"SELECT {column} FROM {table}")
                    count = sum(1 for row in rows if is_named(str(row[0]), holds))
                    found[table] = max(found.get(table, 0), count)
        return {table: count for table, count in found.items() if count}

    def compact(self) -> None:
        """Free what deleted and replaced rows took in the database's own files."""
        self._database.compact()

    def _texts(
        self, holds: Callable[[str], bool], without: Callable[[str], str] | None
    ) -> dict[str, int]:
        found: dict[str, int] = {}
        with self._database.writing() if without else self._database.reading() as session:
            for table, column in session.text_columns():
                if not _is_redacted(table, column):
                    continue
                rows = session.all(
                    f'SELECT DISTINCT "{column}" FROM "{table}" WHERE "{column}" IS NOT NULL'
                )
                for text in _held((row[0] for row in rows), holds):
                    found[table] = found.get(table, 0) + 1
                    if without is not None:
                        _rewrite(session, table, column, text, _without(text, holds, without))
        return found

    def _unfinished(self) -> list[Erasure]:
        return [one for one in self.all(limit=1_000) if one.state != "done"]


def _is_redacted(table: str, column: str) -> bool:
    if (table, column) in _REDACTED_ALL_THE_SAME:
        return True
    return table not in _NEVER_REDACTED and column not in _KEYS


def _rewrite(session: Session, table: str, column: str, old: str, new: str) -> None:
    """Write a text anew wherever a column has it."""
    # Of a digest of the text whoever guesses the value could tell that it was right.
    more = _DIGESTS.get((table, column), "").format(hashlib.sha256(new.encode()).hexdigest())
    if column == "name":
        new = _free(session, table, new)
    session.run(
        f'UPDATE "{table}" SET "{column}" = :new{more} WHERE "{column}" = :old',
        new=new,
        old=old,
    )


def _free(session: Session, table: str, name: str) -> str:
    """Return a name that nothing in a table has: two may differ in the person alone."""
    taken = {row[0] for row in session.all(f'SELECT DISTINCT name FROM "{table}"')}
    plain = _NO_NAME.sub("_", name).strip("_")
    others = (f"{plain}_{number}" for number in range(2, len(taken) + 3))
    return plain if plain not in taken else next(one for one in others if one not in taken)


def _held(texts: Iterable[Any], holds: Callable[[str], bool]) -> list[str]:
    return [text for text in texts if isinstance(text, str) and holds(_plain(text))]


def _plain(text: str) -> str:
    """Return a text as it reads: a long report is packed."""
    if not text.startswith(_PACKED_STARTS):
        return text
    try:
        return json.dumps(unpacked(text), ensure_ascii=False)
    except (ValueError, zlib.error):  # no packed text after all
        return text


def _without(text: str, holds: Callable[[str], bool], without: Callable[[str], str]) -> str:
    """Return a text without a value; JSON stays JSON, and what was packed is packed again."""
    plain = _plain(text)
    try:
        value = json.loads(plain)
    except ValueError:
        return without(text)
    if not isinstance(value, dict | list):
        return without(text)
    kept = _emptied(value, holds, without)
    return packed(kept) if plain != text else json.dumps(kept, ensure_ascii=False)


def _emptied(value: Any, holds: Callable[[str], bool], without: Callable[[str], str]) -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        return {without(key): _emptied(one, holds, without) for key, one in value.items()}
    if isinstance(value, list):
        return [_emptied(one, holds, without) for one in value]
    if isinstance(value, str):
        return without(value)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return None if number and holds(str(value)) else value


def _hashed(subject: str, salt: str) -> str:
    # Slow on purpose: who has the catalog must not find a person by trying all numbers.
    return hashlib.scrypt(subject.encode(), salt=bytes.fromhex(salt), **_COST).hex()


def _mixed(data: bytes, subject: str, salt: str) -> bytes:
    """Return data under a stream that follows from subject and salt: there and back."""
    key = hashlib.scrypt(subject.encode(), salt=b"seal" + bytes.fromhex(salt), **_COST)
    stream = hashlib.shake_256(key).digest(len(data))
    return bytes(a ^ b for a, b in zip(data, stream, strict=True))


def _erasure(row: tuple[Any, ...]) -> Erasure:
    return Erasure(
        erasure_id=row[0], kind=row[1], state=row[2], salt=row[3], subject_hash=row[4],
        principal=row[5], reason=row[6], started_at=from_microseconds(row[7]),
        ended_at=None if row[8] is None else from_microseconds(row[8]),
        sealed=row[9], report=unpacked(row[10]),
    )  # fmt: skip
