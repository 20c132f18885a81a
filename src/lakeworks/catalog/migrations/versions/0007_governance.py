"""Grants, tags and the audit trail."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "governance_state",
        sa.Column("only_row", sa.Integer, primary_key=True),
        # Counts every change of grants and tags: whoever keeps decisions compares it.
        sa.Column("revision", sa.BigInteger, nullable=False),
    )
    op.execute("INSERT INTO governance_state (only_row, revision) VALUES (1, 0)")
    op.create_table(
        "governance_grants",
        sa.Column("principal", sa.Text, primary_key=True),
        sa.Column("resource", sa.Text, primary_key=True),
        sa.Column("permission", sa.Text, primary_key=True),
        sa.Column("granted_by", sa.Text, primary_key=True),
        sa.Column("grantable", sa.Boolean, nullable=False),
        sa.Column("granted_us", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "governance_tags",
        sa.Column("resource", sa.Text, primary_key=True),
        sa.Column("tag_key", sa.Text, primary_key=True),
        sa.Column("tag_value", sa.Text, nullable=False),
        sa.Column("tagged_by", sa.Text, nullable=False),
        sa.Column("tagged_us", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "audit_entries",
        # Given without gaps by whoever holds the write lock, so a missing one shows.
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("previous", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
    )
    op.create_index("audit_entries_by_principal", "audit_entries", ["principal", "seq"])
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_entries_no_{verb.lower()} BEFORE {verb} ON audit_entries "
                "BEGIN SELECT RAISE(ABORT, 'audit entries are only added'); END"
            )
        return
    op.execute(
        "CREATE OR REPLACE FUNCTION audit_entries_only_added() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN RAISE EXCEPTION ''audit entries are only added''; END'"
    )
    op.execute(
        "CREATE TRIGGER audit_entries_only_added BEFORE UPDATE OR DELETE ON audit_entries "
        "FOR EACH ROW EXECUTE FUNCTION audit_entries_only_added()"
    )
