"""What was asked of the lake, for advice and for accounts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "queries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True,
                  autoincrement=True),
        sa.Column("query_id", sa.Text, nullable=False, unique=True),
        sa.Column("started_us", sa.BigInteger, nullable=False),
        sa.Column("os_user", sa.Text, nullable=False),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("workgroup", sa.Text, nullable=False),
        sa.Column("query_text", sa.Text, nullable=False),
        sa.Column("query_digest", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("row_count", sa.BigInteger, nullable=False),
        sa.Column("bytes_bound", sa.BigInteger, nullable=False),
        # Null until someone works out which columns the SQL uses, and so which files it needs.
        sa.Column("bytes_scanned", sa.BigInteger),
        sa.Column("details", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )  # fmt: skip
    op.create_index("queries_by_start", "queries", ["started_us"])
    op.create_table(
        "query_tables",
        sa.Column("query_number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("table_name", sa.Text, primary_key=True),
        sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("files", sa.BigInteger, nullable=False),
        sa.Column("bytes_bound", sa.BigInteger, nullable=False),
        sa.Column("bytes_scanned", sa.BigInteger),
        sa.Column("column_uses", sa.Text),
    )
    op.create_index("query_tables_by_table", "query_tables", ["table_name", "query_number"])
