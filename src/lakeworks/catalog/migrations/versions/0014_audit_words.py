"""What audit entries quote, apart from the chain, so that it can be erased; closer guards."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_ONLY_ADDED = "audit entries are only added"
_ONLY_ERASED = "the words of audit entries go with an erasure that is the last entry"
# Whoever deletes words has written the entry of that in the same transaction.
_LAST_ERASES = (
    "SELECT kind = 'erasure' AND body LIKE '%\"words_of\":%' "
    "FROM audit_entries ORDER BY seq DESC LIMIT 1"
)


def upgrade() -> None:
    """Make the table, and let the database refuse what can be refused."""
    op.create_table(
        "audit_words",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        # Erased together with the words: without it the chain's digest tells nothing of them.
        sa.Column("salt", sa.Text, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
    )
    # Of texts that lost a value in earlier erasures: whoever guesses it could tell by the digest.
    op.execute("UPDATE queries SET query_digest = '' WHERE query_text LIKE '%[erased]%'")
    if op.get_bind().dialect.name == "sqlite":
        _guard_sqlite()
    else:
        _guard_postgresql()


def _guard_sqlite() -> None:
    for table in ("audit_entries", "audit_words"):
        # INSERT OR REPLACE deletes what is there without asking a trigger for deletions.
        op.execute(
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} "
            f"WHEN EXISTS (SELECT 1 FROM {table} WHERE seq = NEW.seq) "
            f"BEGIN SELECT RAISE(ABORT, '{_ONLY_ADDED}'); END"
        )
    op.execute(
        "CREATE TRIGGER audit_words_no_update BEFORE UPDATE ON audit_words "
        f"BEGIN SELECT RAISE(ABORT, '{_ONLY_ADDED}'); END"
    )
    op.execute(
        "CREATE TRIGGER audit_words_only_erased BEFORE DELETE ON audit_words "
        f"WHEN ({_LAST_ERASES}) IS NOT 1 BEGIN SELECT RAISE(ABORT, '{_ONLY_ERASED}'); END"
    )


def _guard_postgresql() -> None:
    last = _LAST_ERASES.replace("'", "''")
    op.execute(
        "CREATE OR REPLACE FUNCTION audit_words_only_erased() RETURNS trigger LANGUAGE plpgsql AS "
        f"'BEGIN IF ({last}) IS NOT TRUE THEN RAISE EXCEPTION ''{_ONLY_ERASED}''; END IF; "
        "RETURN OLD; END'"
    )
    _always("audit_entries_not_emptied", "TRUNCATE", "audit_entries", "STATEMENT")
    _always("audit_words_not_emptied", "TRUNCATE", "audit_words", "STATEMENT")
    _always("audit_words_no_update", "UPDATE", "audit_words", "ROW")
    _always("audit_words_only_erased", "DELETE", "audit_words", "ROW",
            does="audit_words_only_erased")  # fmt: skip
    op.execute("ALTER TABLE audit_entries ENABLE ALWAYS TRIGGER audit_entries_only_added")


def _always(
    name: str, verb: str, table: str, each: str, *, does: str = "audit_entries_only_added"
) -> None:
    """Make a trigger that is asked in replication's sessions, too."""
    op.execute(
        f"CREATE TRIGGER {name} BEFORE {verb} ON {table} FOR EACH {each} EXECUTE FUNCTION {does}()"
    )
    op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")
