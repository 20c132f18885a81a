"""Whether an earlier version is one of the table that has its name now.

A table that was dropped, and what a statement made under its name since, are not the same, and who
may see the one may not see the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.catalog.statement_writes import identity_of
from lakeworks.query.errors import HiddenFailureError
from lakeworks.query.external import NO_VERSION
from lakeworks.query.taken import taken_outside
from lakeworks.storage.errors import VersionNotFoundError

if TYPE_CHECKING:
    from lakeworks.core.names import TableName
    from lakeworks.query.reading import Parts


def check_same(parts: Parts, name: TableName, number: int) -> None:
    """Hold a principal to the versions of the table that has a name now.

    Raises:
        HiddenFailureError: it is another table's version.
    """
    shown = parts.catalog.current_snapshot().tables.get(name)
    if number in {shown, NO_VERSION}:
        return
    if shown is None:
        # A view or an external table has no versions of a table of the lake.
        if taken_outside(parts, name):
            raise HiddenFailureError.version(str(name), number)
        return
    log = parts.storage.table(name)
    try:
        makings = {
            identity_of(str(log.version(one).info.get("fingerprint", "")))
            for one in (shown, number)
        }
    except VersionNotFoundError:
        return  # whoever reads it says so
    if len(makings) > 1:
        raise HiddenFailureError.version(str(name), number)
