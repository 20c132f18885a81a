"""Check what models read: that it exists, that models may read it, and that no circle closes.

Pure: works on names and lines, before any `Model` is built.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.core.errors import did_you_mean
from lakeworks.core.names import QUARANTINE
from lakeworks.project.errors import CYCLE, NOT_IN_THIS_VERSION, UNKNOWN_TABLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lakeworks.project.declaration import Location
    from lakeworks.project.errors import Mistakes


@dataclass(frozen=True, slots=True)
class Reference:
    """One table read by one model, and where it says so."""

    reader: str
    table: str
    at: Location


def check_references(
    references: Iterable[Reference], known: set[str], mistakes: Mistakes
) -> None:
    """Note tables that nothing declares.

    Args:
        known: Every declared table, those of files with other mistakes included.
    """
    hints: dict[str, str] = {}
    for reference in references:
        table = reference.table
        if table in known:
            continue
        if table.startswith(f"{QUARANTINE}."):
            problem = f"a model cannot read {table}: quarantine is not an input in this version"
            hint = "return its rows with: lake quarantine replay, then read the table itself"
            mistakes.add(reference.at, problem, hint, code=NOT_IN_THIS_VERSION)
            continue
        if table not in hints:
            hints[table] = _hint(table, known)
        problem = f"no source or model makes the table {_shown(table)}"
        mistakes.add(reference.at, problem, hints[table], code=UNKNOWN_TABLE)


def _shown(table: str) -> str:
    return table if table.isprintable() and len(table) <= 120 else repr(table[:120])  # noqa: PLR2004


def _hint(table: str, known: set[str]) -> str:
    """Prefer a table of the same name in another database to one that is spelled alike."""
    _, _, name = table.rpartition(".")
    same = sorted(other for other in known if other.rpartition(".")[2] == name)
    return f"did you mean {same[0]}?" if same else did_you_mean(table, known)


def check_cycles(references: Mapping[str, Iterable[Reference]], mistakes: Mistakes) -> None:
    """Note every circle of models that read each other, with its path.

    Args:
        references: Each model's table to what it reads.
    """
    finished: set[str] = set()
    for start in sorted(references):
        # A dict keeps the path in order and finds a table in it at once; no recursion, as a
        # chain of models may be longer than Python's stack.
        path: dict[str, None] = {}
        todo = [iter([start])]
        while todo:
            table = next(todo[-1], None)
            if table is None:
                todo.pop()
                if path:
                    finished.add(path.popitem()[0])
            elif table in path:
                _note_circle(list(path), table, references, mistakes)
            elif table not in finished and table in references:
                path[table] = None
                todo.append(iter([reference.table for reference in references[table]]))


def _note_circle(
    path: list[str],
    table: str,
    references: Mapping[str, Iterable[Reference]],
    mistakes: Mistakes,
) -> None:
    circle = path[path.index(table) :]
    first = circle.index(min(circle))
    circle = [*circle[first:], *circle[:first]]
    following = circle[1 % len(circle)]
    at = next(ref.at for ref in references[circle[0]] if ref.table == following)
    told = " reads ".join([*circle, circle[0]])
    problem = f"models read each other in a circle: {told}" if len(circle) > 1 else (
        f"the model reads its own table: {told}")  # fmt: skip
    mistakes.add(at, problem, "take one of these tables out of its reader", code=CYCLE)
