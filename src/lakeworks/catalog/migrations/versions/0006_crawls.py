"""What crawlers found, and when; which folders they know."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "crawls",
        sa.Column("crawl_id", sa.Text, primary_key=True),
        sa.Column("crawler", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("started_us", sa.BigInteger, nullable=False),
        sa.Column("ended_us", sa.BigInteger),
        sa.Column("report_json", sa.Text, nullable=False),
    )
    op.create_index("crawls_by_crawler", "crawls", ["crawler", "started_us"])
    op.create_table(
        # For crawlers that look into new folders only: one row a target, as folders are many.
        "crawl_folders",
        sa.Column("crawler", sa.Text, primary_key=True),
        sa.Column("target", sa.Text, primary_key=True),
        sa.Column("folders_json", sa.Text, nullable=False),
    )
