"""GRANT and REVOKE: carried out by governance in the caller's name.

What such a statement changes holds from the next query on; its own result has no rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.query.errors import NoPermissionsError
from lakeworks.query.questions import Question
from lakeworks.query.results import without_rows

if TYPE_CHECKING:
    from lakeworks.query.asking import Asking
    from lakeworks.query.reading import Reader
    from lakeworks.query.results import QueryResult


def read(text: str) -> GrantOrRevoke:
    """Return the statement that begins with GRANT or REVOKE."""
    return GrantOrRevoke(text)


@dataclass(frozen=True, slots=True)
class GrantOrRevoke:
    """One of them, as it was written."""

    text: str

    def question(self, asking: Asking, reader: Reader) -> Question:  # noqa: ARG002 - as protocol
        """Raise what is wrong with it at first sight.

        Raises:
            GovernanceError: it does not parse.
        """
        from lakeworks.governance.statements import parse_grant

        parse_grant(self.text)
        return Question(repeatable=False)

    def run(self, asking: Asking, reader: Reader) -> QueryResult:
        """Grant or revoke.

        Raises:
            GovernanceError: it does not parse, or its caller may not.
            NoPermissionsError: there is nothing that could keep grants.
        """
        governance = reader.parts.governance
        if governance is None:
            raise NoPermissionsError.none()
        viewer = asking.viewer
        governance.execute(self.text, by=None if viewer is None else viewer.principal)
        asking.recording.begun()(0, 0.0, None)
        return without_rows()
