"""Which statements there are beside queries, told by their first word; each kind has a module.

A module of this package has `read(text)`, which returns its statement, or None where the text
begins as one and is none: it is then left to the engine's gate, which takes queries only.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from lakeworks.core.sql_text import first_word

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakeworks.query.asking import Asking
    from lakeworks.query.questions import Question
    from lakeworks.query.reading import Reader
    from lakeworks.query.results import QueryResult


class Statement(Protocol):
    """One statement, read but not carried out."""

    def question(self, asking: Asking, reader: Reader) -> Question:
        """Say what its answer rests on; raise what is wrong with it at first sight.

        Carries nothing out. Only an answer that asking again must give is `repeatable`.
        """
        ...

    def run(self, asking: Asking, reader: Reader) -> QueryResult:
        """Carry it out, after everything that `question` would refuse was refused."""
        ...


# By first word, the modules that may know it, in the order in which they are asked.
_MODULES: Mapping[str, tuple[str, ...]] = {
    "ALTER": ("external_ddl",),
    "CREATE": ("external_ddl", "views", "materialized", "creating"),
    "DEALLOCATE": ("prepared",),
    "DELETE": ("deleting",),
    "DESC": ("showing",),
    "DESCRIBE": ("showing",),
    "DROP": ("views", "materialized", "external_ddl", "dropping"),
    "EXECUTE": ("prepared",),
    "GRANT": ("grants",),
    "INSERT": ("inserting",),
    "MSCK": ("external_ddl",),
    "PREPARE": ("prepared",),
    "REFRESH": ("materialized",),
    "REVOKE": ("grants",),
    "SHOW": ("showing",),
    "UNLOAD": ("unloading",),
}
# What begins otherwise is a query.
FIRST_WORDS = frozenset(_MODULES)


def statement_of(text: str) -> Statement | None:
    """Return the statement that a text is; None for a query, and for what is nothing known.

    Raises:
        LakeError: it begins as a statement and does not parse.
    """
    for name in _MODULES.get(first_word(text), ()):
        module = import_module(f"lakeworks.query.statements.{name}")
        found: Statement | None = module.read(text)
        if found is not None:
            return found
    return None
