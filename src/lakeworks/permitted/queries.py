"""Named queries as a principal sees them: those that it could ask.

The text of a query names tables and columns. It is told to whoever sees all that it names: the gate and
the engine say so, over the principal's own view of the tables. Nothing is run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.catalog.errors import UnknownNamedQueryError
from lakeworks.core.errors import LakeError
from lakeworks.core.names import TableName
from lakeworks.query.external import NO_VERSION
from lakeworks.query.parameters import with_nulls
from lakeworks.query.reading import Parts, Reader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lakeworks.catalog.named_queries import NamedQuery
    from lakeworks.permitted.sight import Look, Sight
    from lakeworks.query.asked import Asked


class PermittedQueries:
    """Queries that are kept under a name, for one principal."""

    def __init__(self, sight: Sight) -> None:
        self._sight = sight

    def list(self) -> Sequence[NamedQuery]:
        """Return the queries that the principal could ask, by name."""
        with self._sight.look("named queries") as look:
            return self._seen(look)

    def get(self, name: str) -> NamedQuery:
        """Return one query.

        Raises:
            UnknownNamedQueryError: there is none, or the principal could not ask it.
        """
        with self._sight.look("named query") as look:
            for one in self._seen(look):
                if one.name == name:
                    return one
            raise UnknownNamedQueryError.named(name, [one.name for one in self._seen(look)])

    def _seen(self, look: Look) -> Sequence[NamedQuery]:
        kept = self._sight.services.catalog.named_queries.list()
        return [one for one in kept if may_ask(self._sight, look, one.sql)]


def may_ask(sight: Sight, look: Look, text: str) -> bool:
    """Whether all that a query names may be seen by the principal."""
    services = sight.services
    reader = Reader(
        Parts(
            services.catalog, services.storage, services.engine,
            sight.governance, lambda: services.external,
        )
    )  # fmt: skip
    try:
        asked = reader.asked(with_nulls(text), None, None)
        views = [TableName.parse(written) for written in asked.views]
        named = [*(name for name, _ in asked.tables.values()), *views]
        if not all(look.viewer.may_read(name) for name in named):
            return False
        if all(look.sees_whole(name) for name, _ in asked.tables.values()):
            return True
        return _describes(reader, look, asked)
    except LakeError:
        return False


def _describes(reader: Reader, look: Look, asked: Asked) -> bool:
    """Whether the engine finds every column over what the principal sees."""
    if asked.views or any(number == NO_VERSION for _, number in asked.tables.values()):
        return False
    engine = reader.parts.engine
    secured = {
        written: look.viewer.secured(name, reader.source(name, number, hidden=True))
        for written, (name, number) in asked.tables.items()
    }
    with engine.governed_session(secured, engine.gate(asked.sql)) as session:
        session.describe(asked.sql)
    return True
