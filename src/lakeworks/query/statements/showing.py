"""SHOW and DESCRIBE: names, columns and texts, as far as the caller may know of them.

Rows are never read but by SHOW PARTITIONS of a table of the lake, which asks for them as a query
of the caller's.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.core.errors import RequestError
from lakeworks.core.names import TableName
from lakeworks.query.known import known_names, known_schema
from lakeworks.query.questions import Question
from lakeworks.query.results import of_table
from lakeworks.query.statements.words import Words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lakeworks.governance.policy_set import Grant
    from lakeworks.governance.resources import Resource
    from lakeworks.query.asking import Asking
    from lakeworks.query.reading import Reader
    from lakeworks.query.results import QueryResult
    from lakeworks.query.statements.kinds import Statement

Rows = list[tuple[str, ...]]
_WILD = re.compile(r"\.\*|[*%|]")


def read(text: str) -> Statement | None:
    """Return the statement that begins with SHOW, DESCRIBE or DESC; None for others.

    Raises:
        StatementSyntaxError: it begins as one of them and does not read as one.
    """
    words = Words(text)
    if words.take("SHOW"):
        return _show(words)
    if not (words.take("DESCRIBE") or words.take("DESC")):
        return None
    told = words.take("EXTENDED") or words.take("FORMATTED")
    try:
        table = words.table()
        column = words.identifier() if words.next_kind() else ""
        words.end()
    except RequestError:
        if told:
            raise
        return None  # of a query, or of one version: the engine's
    return Describe(text, table, column, whole=told)


@dataclass(frozen=True, slots=True)
class Show:
    """SHOW of names.

    Attributes:
        what: `DATABASES`, `TABLES`, `VIEWS` or `FUNCTIONS`.
        database: Of this one only.
        pattern: Of names that are like this: `*` and `%` stand for anything, `|` for a choice.
    """

    what: str
    database: str = ""
    pattern: str = ""

    def question(self, asking: Asking, reader: Reader) -> Question:  # noqa: ARG002 - as protocol
        """Say that names come and go without a version."""
        return Question(repeatable=False)

    def run(self, asking: Asking, reader: Reader) -> QueryResult:
        """List the names."""
        begun_s = time.monotonic()
        found, headers = self._names(asking, reader)
        like = like_of(self.pattern)
        rows: Rows = [(one,) for one in found if like(one)]
        return answered(headers, rows, asking, begun_s)

    def _names(self, asking: Asking, reader: Reader) -> tuple[list[str], tuple[str, ...]]:
        if self.what == "FUNCTIONS":
            return _functions(asking.dialect), ("function",)
        if self.what == "DATABASES":
            return _databases(asking, reader), ("database_name",)
        names = known_names(reader, asking.viewer)
        if self.what == "VIEWS":
            views = {view.name for view in reader.parts.catalog.data_catalog.views()}
            names = [name for name in names if name in views]
        if self.database:
            return [n.table for n in names if n.database == self.database], ("tab_name",)
        return [str(name) for name in names], ("tab_name",)


@dataclass(frozen=True, slots=True)
class ShowColumns:
    """SHOW COLUMNS."""

    table: TableName

    def question(self, asking: Asking, reader: Reader) -> Question:
        """Raise UnknownTableError where there is nothing to know of it."""
        known_schema(reader, self.table, reader.snapshot(asking.at), asking.viewer)
        return Question(repeatable=False)

    def run(self, asking: Asking, reader: Reader) -> QueryResult:
        """List the columns."""
        begun_s = time.monotonic()
        schema = known_schema(reader, self.table, reader.snapshot(asking.at), asking.viewer)
        rows: Rows = [(field.name, str(field.type), field.comment) for field in schema]
        return answered(("column", "type", "comment"), rows, asking, begun_s)


@dataclass(frozen=True, slots=True)
class ShowGrants:
    """SHOW GRANTS: what the caller holds; to the owner and to administrators, what everybody does.

    Attributes:
        on: On this table only.
    """

    on: str = ""

    @property
    def whole(self) -> str:
        """How a grant on all tables of the database is spelled."""
        return f"{self.on.partition('.')[0]}.*"

    def question(self, asking: Asking, reader: Reader) -> Question:  # noqa: ARG002 - as protocol
        """Say that grants come and go without a version."""
        return Question(repeatable=False)

    def run(self, asking: Asking, reader: Reader) -> QueryResult:
        """List them."""
        begun_s = time.monotonic()
        governance, viewer = reader.parts.governance, asking.viewer
        found: Sequence[Grant] = ()
        if governance is not None:
            whole = viewer is None or viewer.administers
            authorizer = governance.authorizer()
            found = governance.grants() if whole or viewer is None else (
                authorizer.grants_of(viewer.principal)
            )  # fmt: skip
        rows: Rows = [
            (one.principal, _on(one.resource), permission, _yes(permission in one.grantable))
            for one in found
            for permission in sorted(one.permissions)
            if not self.on or _on(one.resource) in {self.on, self.whole}
        ]
        headers = ("grantee", "resource", "privilege", "grantable")
        return answered(headers, sorted(rows), asking, begun_s)


@dataclass(frozen=True, slots=True)
class Describe:
    """DESCRIBE of a table.

    Attributes:
        column: Of this one only.
        whole: Whether what is known beside the columns is told, too.
    """

    text: str
    table: TableName
    column: str = ""
    whole: bool = False

    def question(self, asking: Asking, reader: Reader) -> Question:
        """Raise UnknownTableError where there is nothing to know of it."""
        known_schema(reader, self.table, reader.snapshot(asking.at), asking.viewer)
        return Question(repeatable=False)

    def run(self, asking: Asking, reader: Reader) -> QueryResult:
        """List the columns, in the shape that the dialect gives them."""
        begun_s = time.monotonic()
        schema = known_schema(reader, self.table, reader.snapshot(asking.at), asking.viewer)
        fields = [one for one in schema if self.column.lower() in {"", one.name.lower()}]
        viewer = asking.viewer
        plain = asking.dialect == "duckdb" and not self.whole and not self.column
        if plain and (viewer is None or viewer.may_read(self.table)):
            return reader.run(reader.asked(self.text, asking.at, viewer), asking)
        rows: Rows = [(field.name, str(field.type), field.comment) for field in fields]
        if self.whole:
            from lakeworks.query.statements.showing_tables import told_of

            rows += [("", "", ""), *told_of(self.table, asking, reader)]
        return answered(("col_name", "data_type", "comment"), rows, asking, begun_s)


def answered(headers: Sequence[str], rows: Rows, asking: Asking, begun_s: float) -> QueryResult:
    """Return rows of texts as a result; the history and the audit trail are told of them."""
    import pyarrow as pa

    if asking.limit is not None:
        rows = rows[: asking.limit]
    columns = [pa.array([row[n] for row in rows], pa.string()) for n in range(len(headers))]
    ended = asking.audit.after(asking.recording.begun())
    ended(len(rows), time.monotonic() - begun_s, None)
    return of_table(pa.table(columns, names=list(headers)))


def _on(resource: Resource) -> str:
    """Name what a grant is on, without the columns and rows that it leaves out."""
    if resource.table:
        return f"{resource.database}.{resource.table}"
    if resource.kind == "tags":
        return f"tagged {resource.of}"
    return f"location:{resource.database}" if resource.kind == "location" else (
        resource.database or resource.kind
    )  # fmt: skip


def _yes(told: object) -> str:
    return "YES" if told else "NO"


def like_of(pattern: str) -> Callable[[str], bool]:
    """Return what Athena's patterns of names mean: `sales*`, `.*_raw`, `a|b`; and SQL's `%`.

    Names are compared piece by piece, each found once: what a caller writes costs no more time
    than its length.
    """
    choices: list[list[str]] = [[""]]
    at = 0
    folded = pattern.lower()
    for found in _WILD.finditer(folded):
        choices[-1][-1] += folded[at : found.start()]
        if found[0] == "|":
            choices.append([""])
        else:
            choices[-1].append("")
        at = found.end()
    choices[-1][-1] += folded[at:]
    return lambda name: not folded or any(_is_like(name.lower(), one) for one in choices)


def _is_like(name: str, pieces: list[str]) -> bool:
    """Whether a name consists of pieces, in their order, with anything between two of them."""
    first, *others = pieces
    if not others:
        return name == first
    *between, last = others
    if not name.startswith(first) or len(name) < len(first) + len(last):
        return False
    at, end = len(first), len(name) - len(last)
    for piece in between:
        at = name.find(piece, at, end)
        if at < 0:
            return False
        at += len(piece)
    return name.endswith(last)


def _show(words: Words) -> Statement | None:
    if words.take("DATABASES") or words.take("SCHEMAS"):
        found: Statement = Show("DATABASES", "", _pattern(words))
    elif words.peek() in {"TABLES", "VIEWS"}:
        what = words.peek()
        words.take(what)
        database = words.identifier().lower() if _in(words) else ""
        found = Show(what, database, _pattern(words))
    elif words.take("FUNCTIONS"):
        found = Show("FUNCTIONS", "", _pattern(words))
    elif words.take("GRANTS"):
        found = ShowGrants(str(words.table()) if words.take("ON") else "")
    elif words.take("COLUMNS"):
        if not _in(words):
            raise words.wrong("IN is expected")
        found = ShowColumns(_table(words))
    else:
        found = _show_table(words)
    words.end()
    return found


def _show_table(words: Words) -> Statement:
    from lakeworks.query.statements import showing_tables as tables

    if words.take("PARTITIONS"):
        return tables.ShowPartitions(words.table())
    if words.take("TBLPROPERTIES"):
        table, key = words.table(), ""
        if words.take("("):
            key = str(words.literal())
            words.expect(")")
        return tables.ShowProperties(table, key)
    if not words.take("CREATE"):
        raise words.wrong(
            "DATABASES, TABLES, VIEWS, COLUMNS, PARTITIONS, TBLPROPERTIES, FUNCTIONS, GRANTS or "
            "CREATE is expected"
        )
    view = words.take("VIEW")
    if not view:
        words.expect("TABLE")
    return tables.ShowCreate(words.table(), view=view)


def _in(words: Words) -> bool:
    return words.take("IN") or words.take("FROM")


def _table(words: Words) -> TableName:
    """Go past `database.table`, or `table IN database`."""
    first = words.identifier()
    if words.take("."):
        return TableName.parse(f"{first}.{words.identifier()}".lower())
    if not _in(words):
        raise words.wrong(f"write {first!r} with its database: database.{first}")
    return TableName.parse(f"{words.identifier()}.{first}".lower())


def _pattern(words: Words) -> str:
    if words.take("LIKE") or words.next_kind() == "text":
        return str(words.literal())
    return ""


def _databases(asking: Asking, reader: Reader) -> list[str]:
    viewer = asking.viewer
    names = {name.database for name in known_names(reader, viewer)}
    for entry in reader.parts.catalog.data_catalog.list_databases():
        if viewer is None or _may_know_database(entry.name, asking):
            names.add(entry.name)
    return sorted(names)


def _may_know_database(name: str, asking: Asking) -> bool:
    from lakeworks.core.names import is_identifier

    viewer = asking.viewer
    return viewer is None or (is_identifier(name) and viewer.may("DESCRIBE", name))


def _functions(dialect: str) -> list[str]:
    if dialect == "athena":
        from lakeworks.project.athena.functions import rules

        return sorted(rules())
    from lakeworks.engines.registry import callable_functions

    return sorted(name for name in callable_functions() if name.isidentifier())
