"""The schema registry: registries, schemas, their versions and the versions' metadata."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "registries",
        sa.Column("registry_name", sa.Text, primary_key=True),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("updated_us", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "registry_schemas",
        sa.Column("registry_name", sa.Text, primary_key=True),
        sa.Column("schema_name", sa.Text, primary_key=True),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("data_format", sa.Text, nullable=False),
        sa.Column("compatibility", sa.Text, nullable=False),
        sa.Column("checkpoint", sa.Integer, nullable=False),
        # Numbers of deleted versions are not given again.
        sa.Column("last_number", sa.Integer, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("updated_us", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "registry_versions",
        # What Confluent's header carries: never given twice.
        sa.Column("serial", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("version_id", sa.Text, nullable=False, unique=True),
        sa.Column("registry_name", sa.Text, nullable=False),
        sa.Column("schema_name", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("definition", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "registry_versions_by_number",
        "registry_versions",
        ["registry_name", "schema_name", "number"],
        unique=True,
    )
    op.create_table(
        "registry_metadata",
        sa.Column("version_id", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, primary_key=True),
        sa.Column("created_us", sa.BigInteger, nullable=False),
    )
