"""The data catalog: databases, tables with their versions, partitions, and words to search."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

KEY_COLUMNS = 5


def upgrade() -> None:
    """Make the tables."""
    _entries()
    _partitions()
    _words()


def _entries() -> None:
    op.create_table(
        "dc_databases",
        sa.Column("database_name", _ordered(), primary_key=True),
        sa.Column("entry_json", sa.Text, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("updated_us", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "dc_tables",
        sa.Column("table_id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("database_name", _ordered(), nullable=False),
        sa.Column("table_name", _ordered(), nullable=False),
        sa.Column("table_type", sa.Text, nullable=False),
        sa.Column("classification", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("location", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("updated_by", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
        sa.Column("updated_us", sa.BigInteger, nullable=False),
        # Of what the entry was made from, where a run makes it: equal means nothing to do.
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("entry_json", sa.Text, nullable=False),
        # A table's number is not given again, or another's partitions would be taken for its.
        sqlite_autoincrement=True,
    )
    op.create_index(
        "dc_tables_by_name", "dc_tables", ["database_name", "table_name"], unique=True
    )
    op.create_table(
        "dc_table_versions",
        sa.Column("table_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("changed_by", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("entry_json", sa.Text, nullable=False),
    )
    op.create_table(
        "dc_column_statistics",
        sa.Column("table_id", sa.Integer, primary_key=True, autoincrement=False),
        # The partition's values as JSON; empty for the table as a whole.
        sa.Column("partition_values", sa.Text, primary_key=True),
        sa.Column("column_name", sa.Text, primary_key=True),
        sa.Column("statistics_json", sa.Text, nullable=False),
        sa.Column("analyzed_us", sa.BigInteger, nullable=False),
    )


def _partitions() -> None:
    op.create_table(
        "dc_partition_shapes",
        sa.Column("shape_id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("table_id", sa.Integer, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("entry_json", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "dc_partition_shapes_of_table",
        "dc_partition_shapes",
        ["table_id", "fingerprint"],
        unique=True,
    )
    keys = [f"k{number}" for number in range(KEY_COLUMNS)]
    op.create_table(
        "dc_partitions",
        sa.Column("table_id", sa.Integer, primary_key=True, autoincrement=False),
        # The values as JSON: what makes a partition unique.
        sa.Column("partition_values", _ordered(), primary_key=True),
        # The first values again, in texts that sort as their keys' types do.
        *(sa.Column(key, _ordered()) for key in keys),
        sa.Column("location", sa.Text, nullable=False),
        sa.Column("parameters_json", sa.Text, nullable=False),
        # What many partitions share is stored once.
        sa.Column("shape_id", sa.Integer, nullable=False),
        sa.Column("created_us", sa.BigInteger, nullable=False),
    )
    op.create_index("dc_partitions_by_key", "dc_partitions", ["table_id", *keys])


def _words() -> None:
    op.create_table(
        "dc_words",
        sa.Column("word", _ordered(), primary_key=True),
        sa.Column("table_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("weight", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("dc_words_of_table", "dc_words", ["table_id"])


def _ordered() -> Any:  # noqa: ANN401 - SQLAlchemy's types
    # Compared byte by byte on both databases, whatever language the server speaks.
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
