"""The names of the data catalog's views: asked for by every run, so nothing else is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.core.names import TableName

if TYPE_CHECKING:
    from lakeworks.catalog.database import Database

# As `data_catalog.model` has them, which takes longer to load than the question to answer.
_VIEW, _MATERIALIZED = "VIRTUAL_VIEW", "MATERIALIZED_VIEW"


def view_names(database: Database) -> dict[TableName, bool]:
    """Return the names of all views, each with whether it is materialised; reads no text."""
    with database.reading() as session:
        found = session.all(
            "SELECT database_name, table_name, table_type FROM dc_tables "
            "WHERE table_type IN (:view, :kept)",
            view=_VIEW,
            kept=_MATERIALIZED,
        )
    return {TableName(row[0], row[1]): row[2] == _MATERIALIZED for row in found}
