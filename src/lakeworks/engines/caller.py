"""What an engine finds in the SQL of a caller who may not see everything. Pure data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CallerQuery:
    """One query that passed the gate.

    Attributes:
        tables: The tables that it names, dotted and in lower case.
        explains: Whether only its plan is asked for.
        can_fail: Whether some expression in it can fail on a value that it meets.
        changes: Whether equal data can give another answer: it asks the clock or chance.
    """

    tables: frozenset[str]
    explains: bool = False
    can_fail: bool = True
    changes: bool = True
