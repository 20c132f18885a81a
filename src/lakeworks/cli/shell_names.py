"""What can be completed in the shell: only names that its principal sees.

Names are asked for when they are first needed and kept until the next statement, since that may
change them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.cli.shell_text import place, word_before
from lakeworks.core.errors import LakeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lakeworks.query.service import QueryService

COMMANDS = {
    r"\dt": "the tables that you may read",
    r"\d": r"the same; \d silver.orders: the columns of a table",
    r"\dialect": r"\dialect athena: read statements as Athena's SQL; \dialect duckdb: as the lake's",
    r"\timing": "tell how long queries take, or no longer",
    r"\?": "this help",
    r"\q": "leave; so do exit and Ctrl-D",
}
KEYWORDS = tuple(
    """
    all and anti any as asc between by case cast cross desc describe distinct else end except
    exclude exists explain false filter from full grant group having ilike in inner intersect
    interval is join lateral left like limit not null offset on or order outer over partition pivot
    qualify recursive replace revoke right rows select semi similar summarize then true union
    unpivot using values when where window with
    """.split()  # noqa: SIM905 - a list of words reads best as one
)


class Names:
    """The names that complete what is typed.

    Args:
        principal: Whose names they are; empty for the lake's owner.
        functions: Those that queries may call.
    """

    def __init__(
        self, queries: QueryService, principal: str, functions: Iterable[str] = ()
    ) -> None:
        self._queries = queries
        self._principal = principal
        self._functions = sorted(functions)
        self._tables: list[str] | None = None
        self._columns: dict[str, list[str]] = {}

    def forget(self) -> None:
        """Ask anew when names are needed next."""
        self._tables, self._columns = None, {}

    @property
    def tables(self) -> list[str]:
        """The tables that may be read; none where the lake cannot tell just now."""
        if self._tables is None:
            try:
                self._tables = [str(one) for one in self._queries.visible(self._principal)]
            except LakeError:
                return []
        return self._tables

    def columns(self, table: str) -> list[str]:
        """The columns of a table that may be seen; none where there is no such table."""
        if table not in self._columns:
            try:
                found = self._queries.columns(table, self._principal)
            except LakeError:
                return []
            self._columns[table] = [name for name, _ in found]
        return self._columns[table]

    def completions(self, before: str, whole: str) -> list[tuple[str, str]]:
        """Return what the word before the cursor may become, each with what it is."""
        if before.lstrip().startswith("\\") and " " not in before.strip():
            word = word_before(before)
            return [(one, told) for one, told in COMMANDS.items() if one.startswith(word)]
        found = place(before, whole)
        if "." in found.word:
            of, _, begun = found.word.rpartition(".")
            table = found.aliases.get(of, of)
            columns = [(f"{of}.{one}", "column") for one in self._starting(table, begun)]
            return columns + self._tables_starting(found.word)
        if found.wants_table:
            return self._tables_starting(found.word)
        return list(self._plain(found.word, found.tables)) if found.word else []

    def _tables_starting(self, word: str) -> list[tuple[str, str]]:
        short = (one for one in self.tables if one.partition(".")[2].startswith(word))
        full = (one for one in self.tables if one.startswith(word))
        return [(one, "table") for one in dict.fromkeys((*full, *short))]

    def _starting(self, table: str, begun: str) -> list[str]:
        if table not in self.tables:
            return []
        return [one for one in self.columns(table) if one.lower().startswith(begun)]

    def _plain(self, word: str, tables: Iterable[str]) -> Iterator[tuple[str, str]]:
        columns = (one for table in tables for one in self._starting(table, word))
        yield from ((one, "column") for one in dict.fromkeys(columns))
        yield from self._tables_starting(word)
        yield from ((one, "") for one in KEYWORDS if one.startswith(word) and one != word)
        yield from ((f"{one}(", "function") for one in self._functions if one.startswith(word))
