"""What was erased, and for whom: by a salted hash, never by the value."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "erasures",
        sa.Column("erasure_id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("salt", sa.Text, nullable=False),
        sa.Column("subject_hash", sa.Text, nullable=False),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("started_us", sa.BigInteger, nullable=False),
        sa.Column("ended_us", sa.BigInteger),
        # What is being erased while it is: sealed under the subject's own value, then emptied.
        sa.Column("sealed", sa.Text, nullable=False),
        sa.Column("report_json", sa.Text, nullable=False),
    )
    op.create_table(
        "erased_versions",
        sa.Column("table_name", sa.Text, primary_key=True),
        sa.Column("below", sa.BigInteger, nullable=False),
        sa.Column("erasure_id", sa.Text, nullable=False),
    )
