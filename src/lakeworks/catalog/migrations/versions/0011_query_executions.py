"""Executions of the SQL service, as they stand; what workgroups used; alarms of their budgets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "query_executions",
        sa.Column("execution_id", sa.Text, primary_key=True),
        # The process that runs it, one of query_services.
        sa.Column("service_id", sa.Text, nullable=False),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("workgroup", sa.Text, nullable=False),
        sa.Column("query_text", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("submitted_us", sa.BigInteger, nullable=False),
        sa.Column("completed_us", sa.BigInteger),
        sa.Column("queued_s", sa.Float, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("row_count", sa.BigInteger, nullable=False),
        sa.Column("scanned_bytes", sa.BigInteger, nullable=False),
        sa.Column("cost_usd", sa.Float, nullable=False),
        sa.Column("reused", sa.Integer, nullable=False),
        sa.Column("told", sa.Text, nullable=False),
        # Where the result lies, and whose: a reused one is another execution's.
        sa.Column("result_place", sa.Text, nullable=False),
        sa.Column("result_of", sa.Text, nullable=False),
        sa.Column("reuse_key", sa.Text, nullable=False),
        sa.Column("cancel_asked", sa.Integer, nullable=False),
    )
    op.create_index(
        "query_executions_by_workgroup", "query_executions", ["workgroup", "submitted_us"]
    )
    op.create_index(
        "query_executions_by_principal", "query_executions", ["principal", "submitted_us"]
    )
    op.create_index("query_executions_by_start", "query_executions", ["submitted_us"])
    op.create_index(
        "query_executions_by_key", "query_executions", ["reuse_key", "completed_us"]
    )
    op.create_index("query_executions_by_service", "query_executions", ["service_id", "state"])
    op.create_table(
        "query_services",
        sa.Column("service_id", sa.Text, primary_key=True),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("machine", sa.Text, nullable=False),
        sa.Column("pid", sa.BigInteger, nullable=False),
        sa.Column("process_started", sa.Text, nullable=False),
        sa.Column("seen_us", sa.BigInteger, nullable=False),
    )
    # Sums by the hour: what a period used is a few rows, however many queries it had.
    op.create_table(
        "query_usage",
        sa.Column("workgroup", sa.Text, primary_key=True),
        sa.Column("hour_us", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("queries", sa.BigInteger, nullable=False),
        sa.Column("failed", sa.BigInteger, nullable=False),
        sa.Column("cancelled", sa.BigInteger, nullable=False),
        sa.Column("reused", sa.BigInteger, nullable=False),
        sa.Column("scanned_bytes", sa.BigInteger, nullable=False),
        sa.Column("cost_usd", sa.Float, nullable=False),
        sa.Column("queued_s", sa.Float, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
    )
    op.create_table(
        "budget_alarms",
        sa.Column("workgroup", sa.Text, primary_key=True),
        sa.Column("month_us", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("share", sa.Float, primary_key=True),
        sa.Column("raised_us", sa.BigInteger, nullable=False),
        sa.Column("spent_usd", sa.Float, nullable=False),
        sa.Column("budget_usd", sa.Float, nullable=False),
    )
