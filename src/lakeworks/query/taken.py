"""Whether a name is free for a new table or view.

A view never stands in front of a table, nor a table in front of a view: whoever makes one asks
here. To a principal, what has a name that it may not know of is not named.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lakeworks.catalog.errors import TableLockedError
from lakeworks.catalog.statement_writes import making_of
from lakeworks.core import clock
from lakeworks.core.names import QUARANTINE
from lakeworks.project.catalog_declaration import federated
from lakeworks.query.errors import NameTakenError
from lakeworks.query.external import is_external

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakeworks.core.names import TableName
    from lakeworks.project.declaration import Project
    from lakeworks.query.reading import Parts
    from lakeworks.query.viewer import Viewer

# How long whoever makes something waits for another to be done with the name.
WAIT_S = 5.0


def taken_by(parts: Parts, name: TableName) -> str:
    """Return what has a name, in words; empty where it is free."""
    catalog = parts.catalog
    if name.database == QUARANTINE:
        return "kept for rejected rows"
    view = catalog.data_catalog.find_view(name)
    if view is not None:
        return "a materialised view" if view.materialized else "a view"
    if name in catalog.current_snapshot().tables:
        return "a table"
    if parts.services is not None and _is_declared(parts.services.project, name):
        return "declared in the project"
    if is_external(parts.external, name):
        return "an external table"
    if parts.services is not None and name.database in federated(parts.services.project):
        return "in a database of another system"
    if catalog.data_catalog.find_table(name) is not None or _was_loaded(parts, name):
        return "a table that nobody can read now"
    return ""


def check_free(parts: Parts, viewer: Viewer | None, name: TableName) -> None:
    """Refuse a name that something has.

    Raises:
        NameTakenError: something has it; a principal hears what only if it may know of that.
    """
    kind = taken_by(parts, name)
    if kind:
        known = viewer is None or viewer.may("DESCRIBE", name)
        raise NameTakenError.by(str(name), kind if known else "")


@contextmanager
def taking(parts: Parts, viewer: Viewer | None, name: TableName) -> Iterator[None]:
    """Hold a free name inside the block, in which something is given it.

    A statement that makes a table holds its name as long as it runs: a view that came in between
    would leave its maker with every permission on that table.

    Raises:
        NameTakenError: something has it, or is about to.
    """
    check_free(parts, viewer, name)
    try:
        with parts.catalog.locks.hold([name], holder=clock.new_run_id(), wait_s=WAIT_S):
            check_free(parts, viewer, name)
            yield
    except TableLockedError:
        raise NameTakenError.by(str(name), "") from None


def taken_outside(parts: Parts, name: TableName) -> bool:
    """Whether a view or an external table has a name: what was there before is not its own."""
    return parts.catalog.data_catalog.find_view(name) is not None or is_external(
        parts.external, name
    )


def _is_declared(project: Project, name: TableName) -> bool:
    return name in project.sources or name in project.models or name in project.tables


def _was_loaded(parts: Parts, name: TableName) -> bool:
    """Whether a table is there that was never published, or is not any more."""
    head = parts.catalog.heads().get(name)
    if head is None or making_of(head.fingerprint) or not (head.rows or head.fingerprint):
        return False  # a statement's, of which nothing was published, or that was dropped
    return parts.storage.table(name).exists()
