"""Tokens with which clients of the SQL service say who they are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "access_tokens",
        sa.Column("token_id", sa.Text, primary_key=True),
        # Of the secret, which is shown once and kept nowhere.
        sa.Column("secret_sha256", sa.Text, nullable=False),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("expires_us", sa.BigInteger),
    )
