"""What an engine finds in a caller's SQL before it is bound. Pure data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QueryNames:
    """What one query names.

    Attributes:
        tables: The tables, dotted and in lower case.
        words: What may be names of columns, in lower case; None where it may read any column of
            its tables (`*`, a whole row as a value, NATURAL JOIN, PIVOT, …).
    """

    tables: frozenset[str]
    words: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class CallerQuery(QueryNames):
    """One query of a caller who may not see everything, which passed the gate.

    Attributes:
        explains: Whether only its plan is asked for.
        can_fail: Whether some expression in it can fail on a value that it meets.
        changes: Whether equal data can give another answer: it asks the clock or chance.
    """

    explains: bool = False
    can_fail: bool = True
    changes: bool = True
