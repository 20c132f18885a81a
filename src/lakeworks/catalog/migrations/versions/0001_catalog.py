"""The catalog's first tables: heads, snapshots, runs, the ledger and locks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make every table."""
    _heads()
    _snapshots()
    _runs()
    _ledger()
    _locks()


def _heads() -> None:
    op.create_table(
        "heads",
        sa.Column("table_name", sa.Text, primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("transactions", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("row_total", sa.BigInteger, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("schema_json", sa.Text, nullable=False),
        sa.Column("updated_us", sa.BigInteger, nullable=False),
    )


def _snapshots() -> None:
    op.create_table(
        "snapshots",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("parent", sa.Integer),
        # Without it SQLite would give the number of a forgotten snapshot to a new one.
        sqlite_autoincrement=True,
    )
    op.create_index("snapshots_by_run", "snapshots", ["run_id"])
    op.create_index("snapshots_by_time", "snapshots", ["created_us"])
    # A row says from which snapshot on a table was at a version, and until which: one row a
    # change, not one a table and snapshot, and the current mapping is one short range.
    op.create_table(
        "snapshot_tables",
        sa.Column("table_name", sa.Text, primary_key=True),
        sa.Column("from_id", sa.Integer, primary_key=True),
        sa.Column("until_id", sa.Integer),
        sa.Column("version", sa.BigInteger, nullable=False),
    )
    op.create_index("snapshot_tables_by_end", "snapshot_tables", ["until_id", "from_id"])


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("run_id", sa.Text, primary_key=True),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("started_us", sa.BigInteger, nullable=False),
        sa.Column("ended_us", sa.BigInteger),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("machine", sa.Text, nullable=False),
        sa.Column("pid", sa.BigInteger, nullable=False),
        sa.Column("process_started", sa.Text, nullable=False),
        sa.Column("report", sa.Text, nullable=False),
    )
    op.create_index("runs_by_time", "runs", ["started_us"])
    op.create_index("runs_by_status", "runs", ["status"])


def _ledger() -> None:
    op.create_table(
        "ledger",
        sa.Column("table_name", sa.Text, primary_key=True),
        sa.Column("batch", sa.BigInteger, primary_key=True),
        sa.Column("source_file", sa.Text, primary_key=True),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("modified_ns", sa.BigInteger, nullable=False),
        sa.Column("etag", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("landed_uri", sa.Text, nullable=False),
    )
    op.create_table(
        "ledger_batches",
        sa.Column("table_name", sa.Text, primary_key=True),
        sa.Column("last_batch", sa.BigInteger, nullable=False),
    )


def _locks() -> None:
    op.create_table(
        "locks",
        sa.Column("table_name", sa.Text, primary_key=True),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("machine", sa.Text, nullable=False),
        sa.Column("pid", sa.BigInteger, nullable=False),
        sa.Column("process_started", sa.Text, nullable=False),
        sa.Column("token", sa.Text, nullable=False),
        sa.Column("since_us", sa.BigInteger, nullable=False),
        sa.Column("beat_us", sa.BigInteger, nullable=False),
    )
    op.create_index("locks_by_token", "locks", ["token"])
