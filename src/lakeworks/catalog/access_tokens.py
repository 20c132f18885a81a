"""Tokens with which clients of the SQL service say who they are.

A token is `lw_<id>_<secret>`. The catalog keeps the SHA-256 of the secret alone: 256 bits of chance
need no slower hash. Whoever holds a token is its principal, until it is revoked or expires.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.catalog.errors import UnknownTokenError
from lakeworks.catalog.moments import from_microseconds, microseconds
from lakeworks.core import clock

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from typing import Any

    from lakeworks.catalog.database import Database

_TOKEN = re.compile(r"lw_([0-9a-f]{16})_([0-9A-Za-z_-]{43})")
_COLUMNS = "token_id, principal, description, created_us, expires_us"


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What is known of a token; its secret is not.

    Attributes:
        principal: Who its holder is; empty for the lake's owner.
    """

    token_id: str
    principal: str
    description: str
    created_at: datetime
    expires_at: datetime | None

    @property
    def expired(self) -> bool:
        """Whether it opens nothing any more."""
        return self.expires_at is not None and self.expires_at <= clock.now()


class AccessTokens:
    """The tokens of a lake. Safe to use from several threads and processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self, principal: str, *, description: str = "", lasts: timedelta | None = None
    ) -> tuple[AccessToken, str]:
        """Make a token, and return it with its text, which is shown this once.

        Args:
            principal: Who its holder is to be; empty for the lake's owner.
            lasts: How long it opens; None until it is revoked.
        """
        token_id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
        now = clock.now()
        made = AccessToken(
            token_id, principal, description, now, None if lasts is None else now + lasts
        )
        with self._database.writing() as session:
            session.run(
                f"INSERT INTO access_tokens ({_COLUMNS}, secret_sha256) "
                "VALUES (:id, :principal, :description, :created, :expires, :secret)",
                id=token_id,
                principal=principal,
                description=description,
                created=microseconds(now),
                expires=None if made.expires_at is None else microseconds(made.expires_at),
                secret=_digest(secret),
            )
        return made, f"lw_{token_id}_{secret}"

    def holder(self, text: str) -> AccessToken | None:
        """Return the token that a client sent, or None where it opens nothing."""
        found = _TOKEN.fullmatch(text)
        if found is None:
            return None
        with self._database.reading() as session:
            row = session.first(
                f"SELECT {_COLUMNS}, secret_sha256 FROM access_tokens WHERE token_id = :id",
                id=found[1],
            )
        kept = str(row[5]) if row else ""
        same = hmac.compare_digest(kept, _digest(found[2]))
        if row is None or not same:
            return None
        token = _token(row)
        return None if token.expired else token

    def list(self) -> list[AccessToken]:
        """Return every token, the oldest first."""
        with self._database.reading() as session:
            rows = session.all(
                f"SELECT {_COLUMNS} FROM access_tokens ORDER BY created_us, token_id"
            )
        return [_token(row) for row in rows]

    def revoke(self, token_id: str) -> None:
        """Let a token open nothing any more.

        Raises:
            UnknownTokenError: there is none of that identifier.
        """
        with self._database.writing() as session:
            gone = session.run("DELETE FROM access_tokens WHERE token_id = :id", id=token_id)
        if not gone:
            raise UnknownTokenError.named(token_id, (one.token_id for one in self.list()))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _token(row: tuple[Any, ...]) -> AccessToken:
    expires = row[4]
    return AccessToken(
        str(row[0]),
        str(row[1]),
        str(row[2]),
        from_microseconds(row[3]),
        None if expires is None else from_microseconds(expires),
    )
