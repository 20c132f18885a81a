"""What the rules of every run came to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "quality_results",
        sa.Column("table_name", sa.Text, primary_key=True),
        sa.Column("judged_us", sa.BigInteger, primary_key=True),
        sa.Column("run_id", sa.Text, primary_key=True),
        sa.Column("committed", sa.Integer, nullable=False),
        sa.Column("version", sa.BigInteger),
        sa.Column("score", sa.Float(53), nullable=False),
        sa.Column("rows_read", sa.BigInteger, nullable=False),
        sa.Column("rows_quarantined", sa.BigInteger, nullable=False),
        sa.Column("outcomes", sa.Text, nullable=False),
        sa.Column("metrics", sa.Text, nullable=False),
    )
