"""GRANT and REVOKE among queries: carried out by governance in the caller's name, by no engine.

What such a statement changes holds from the next query on; its own result has no rows.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from lakeworks.query.errors import NoPermissionsError

if TYPE_CHECKING:
    from lakeworks.governance.service import Governance
    from lakeworks.query.recording import Recording
    from lakeworks.query.results import QueryResult
    from lakeworks.query.viewer import Viewer


def is_grant(sql: str) -> bool:
    """Whether a statement begins as GRANT or REVOKE do."""
    # No other query begins with these letters, and reading statements takes a while to load.
    if sql.lstrip()[:1] not in {"g", "G", "r", "R"}:
        return False
    from lakeworks.governance.statements import is_grant

    return is_grant(sql)


def check_grant(sql: str) -> None:
    """Raise what is wrong with a statement at first sight.

    Raises:
        GovernanceError: it does not parse.
    """
    from lakeworks.governance.statements import parse_grant

    parse_grant(sql)


def carried_out(
    sql: str, governance: Governance | None, viewer: Viewer | None, recording: Recording
) -> QueryResult:
    """Grant or revoke what a statement says, and return a result without rows and columns.

    Args:
        viewer: Whose statement it is; None for the lake's owner.

    Raises:
        GovernanceError: it does not parse, or its caller may not.
        NoPermissionsError: there is nothing that could keep grants.
    """
    import pyarrow as pa

    from lakeworks.query.results import QueryResult

    if governance is None:
        raise NoPermissionsError.none()
    governance.execute(sql, by=None if viewer is None else viewer.principal)
    recording.begun()(0, 0.0, None)
    nothing = pa.RecordBatchReader.from_batches(pa.schema([]), [])
    return QueryResult(nothing, nullcontext())
