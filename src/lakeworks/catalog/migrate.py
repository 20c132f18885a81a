"""Bring a catalog's tables to `revisions.CURRENT`, with Alembic.

All pending migrations happen in one transaction under the catalog's write lock, or none does.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lakeworks.catalog import revisions
from lakeworks.catalog.errors import CatalogTooNewError

if TYPE_CHECKING:
    import sqlite3

    from sqlalchemy import Connection

SCRIPTS = Path(__file__).parent / "migrations"


def upgrade_sqlite(raw: sqlite3.Connection, *, where: str) -> None:
    """Upgrade the catalog behind an idle connection, in one transaction.

    Whoever opens the same new catalog at the same time waits, then finds it made.
    """
    from sqlalchemy import create_engine
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.pool import StaticPool

    engine = create_engine("sqlite://", creator=lambda: raw, poolclass=StaticPool)
    # SQLAlchemy ends whatever transaction it meets when it first connects, so this one is begun
    # by hand after that; it is SQLAlchemy that commits it.
    try:
        with engine.connect() as connection, connection.begin():
            raw.execute("BEGIN IMMEDIATE")
            upgrade(connection, where=where)
    except DBAPIError as error:
        if isinstance(error.orig, Exception):
            raise error.orig from error
        raise


def upgrade(connection: Connection, *, where: str) -> None:
    """Run every migration that the catalog has not seen, inside the caller's transaction.

    Raises:
        CatalogTooNewError: the catalog has a revision that this version does not know.
    """
    from alembic.migration import MigrationContext
    from alembic.operations import Operations
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(str(SCRIPTS))
    context = MigrationContext.configure(connection)
    stored = context.get_current_revision()
    known = {script.revision for script in scripts.walk_revisions()}
    if stored is not None and stored not in known:
        raise CatalogTooNewError.at(where, stored, revisions.CURRENT)
    pending = list(scripts.iterate_revisions("head", stored or "base"))
    with Operations.context(context):
        for script in reversed(pending):
            script.module.upgrade()
    context.stamp(scripts, "head")
