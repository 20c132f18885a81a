"""Tables that statements make: what each statement wrote, and what its columns derive from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "statement_writes",
        sa.Column("run_id", sa.Text, primary_key=True),
        sa.Column("table_name", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("making", sa.Text, nullable=False),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("sql_text", sa.Text, nullable=False),
        sa.Column("written_us", sa.BigInteger, nullable=False),
        # What the columns derive from, and the tags that these had: plain JSON.
        sa.Column("lineage_json", sa.Text, nullable=False),
        sa.Column("tags_json", sa.Text, nullable=False),
    )
    op.create_index("statement_writes_by_table", "statement_writes", ["table_name"])
