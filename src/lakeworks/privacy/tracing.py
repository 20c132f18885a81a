"""Where a person's values stand: from the columns that were named, along the lineage, to all.

Downstream a model may write a value otherwise (`lower(trim(email))`): the same expression is
applied. Upstream the values that a model makes the known ones of are looked for. What keeps no
persons apart (a sum, a domain) is not followed, and a table that has only such is named as one in
which nobody can be identified.
"""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING

from lakeworks.core.names import QUARANTINE, TableName, quote_identifier
from lakeworks.core.types import Scalar
from lakeworks.privacy.errors import SubjectError
from lakeworks.privacy.outside import Outside
from lakeworks.privacy.parquet_search import paths_named
from lakeworks.privacy.remaking import remedy
from lakeworks.privacy.sharing import Sharing
from lakeworks.privacy.subjects import TAG, column_id, declared_subjects, is_vague, name_of_any
from lakeworks.privacy.text_search import is_telling
from lakeworks.privacy.trace import Trace
from lakeworks.privacy.ways import identical, ways_of
from lakeworks.project.catalog_declaration import lies_outside
from lakeworks.project.lineage_facts import IDENTITY, TRANSFORMATION
from lakeworks.project.sql_identifiers import GIVEN, Made

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lakeworks.catalog.lineage.graph import Node
    from lakeworks.core.types import Schema
    from lakeworks.pipeline.lineage import Lineage
    from lakeworks.pipeline.state import Services
    from lakeworks.privacy.outside import OutsideTable
    from lakeworks.privacy.subjects import ColumnId, Subject, Wanted
    from lakeworks.project.declaration import Model, Source
    from lakeworks.storage.files import DataFile

_DOTS_OF_COLUMN = 2
# What the lineage has beside tables: files are looked at on their own, views store nothing.
VIEW, _FILES = "view", "files"
_WITHOUT_ROWS = frozenset({_FILES, VIEW})
_UNTOLD = "table"
_EVERY: frozenset[str] = frozenset({"*"})


class Tracer:
    """Follows a person through one lake."""

    def __init__(
        self,
        services: Services,
        lineage: Lineage,
        schemas: Mapping[TableName, Schema],
        *,
        by_rows: bool = True,
    ) -> None:
        """Take what is to be followed.

        Args:
            services: Of the lake.
            lineage: Of the lake.
            schemas: The tables that are looked at, with their columns.
            by_rows: Whether values are looked up in rows, where rows lead to more. Without,
                nothing but the given tables helps, for no more may be seen.
        """
        self._by_rows = by_rows
        self._services = services
        self._outside = Outside(services)
        self._schemas = {str(table): schema for table, schema in schemas.items()}
        self._graph = lineage.graph
        self._values = _folded(self._graph.values)
        self._users = _folded(self._graph.users)
        self._made = ways_of(services, guessable=not by_rows)
        self._subjects = declared_subjects(services.project) if by_rows else {}
        self._todo: deque[tuple[ColumnId, frozenset[str], bool]] = deque()
        self.trace = Trace()

    def follow(self, wanted: Iterable[Wanted]) -> Trace:
        """Return everything that the given names and values lead to.

        Raises:
            SubjectError: a name leads nowhere, or to unlike things.
        """
        for one in wanted:
            if is_telling(one.value):
                self.trace.primary.add(one.value)
            name = name_of_any(one.name, self._subjects)
            if name:
                self.trace.named.setdefault(name, set()).add(one.value)
            for seed in self.seeds(one.name):
                self._add(seed, {one.value}, primary=True)
        self._spread()
        while self._more():
            self._spread()
        self._note_unidentified()
        self.trace.untold = {table for table in self._schemas if self._is_untold(table)}
        return self.trace

    def _is_untold(self, table: str) -> bool:
        """Whether nothing tells what a table was made from: its model, or its view, is gone."""
        node = self._graph.nodes.get(table)
        told = node is not None and node.kind != _UNTOLD
        return not told and not table.startswith(f"{QUARANTINE}.")

    def seeds(self, name: str) -> list[ColumnId]:
        """Return the columns that a name of `--subject` means.

        Raises:
            SubjectError: it means none, or unlike things.
        """
        subject = self._subjects.get(name)
        if subject is not None:
            return self._columns_of(subject)
        if name.count(".") >= _DOTS_OF_COLUMN:
            column = column_id(name)
            if column in self._columns_outside(column[1], column[0]):
                return [column]
            if column not in self._known_columns([column[1]]):
                known = [".".join(one) for one in self._known_columns(None)]
                raise SubjectError.unknown(name, known)
            return [column]
        found = self._known_columns([name]) + self._tagged(name)
        found = found or self._columns_outside(name)
        if not found:
            names = {one[1] for one in self._known_columns(None)} | set(self._subjects)
            raise SubjectError.unknown(name, names)
        sources = {str(table) for table in self._services.project.sources}
        roots = sorted({table for table, _ in found if table in sources})
        if is_vague(name) and len(roots) > 1:
            raise SubjectError.ambiguous(name, roots)
        return found

    def _columns_of(self, subject: Subject) -> list[ColumnId]:
        """Return the columns that name persons of a declared kind."""
        table, column = subject.column
        if table:
            return [subject.column]
        found = self._known_columns([column]) + self._tagged(column)
        if not found:
            raise SubjectError.unknown(column, {one[1] for one in self._known_columns(None)})
        return found

    def _known_columns(self, names: Iterable[str] | None) -> list[ColumnId]:
        """Return the columns of these last names, or of these paths; None for all."""
        found: dict[ColumnId, None] = {}
        for table, schema in self._schemas.items():
            if table.startswith(f"{QUARANTINE}."):
                continue
            last = [n.rpartition(".")[2] for n in names] if names is not None else schema.names
            for path in paths_named(schema, last):
                if names is None or any(path == n or path.endswith(f".{n}") for n in names):
                    found[table, path] = None
        for name, column in self._declared_columns():
            if names is None or column in names:
                found[name, column] = None
        return list(found)

    def _declared_columns(self) -> Iterator[ColumnId]:
        """Yield the columns of nodes that have no table yet, lie outside the lake, or are views."""
        for name, node in self._graph.nodes.items() if self._by_rows else ():
            if name not in self._schemas and node.kind != _FILES:
                yield from ((name, column.lower()) for column in node.columns)

    def _tagged(self, name: str) -> list[ColumnId]:
        """Return the columns on which a file declares the tag `subject: <name>`."""
        project = self._services.project
        declared: list[Source | Model] = [*project.sources.values(), *project.models.values()]
        return [
            (str(one.table), column.lower())
            for one in declared
            for column, note in one.columns.items()
            if note.tags.get(TAG, "").lower() == name
            and (self._by_rows or column in self._schemas.get(str(one.table), ()))
        ]

    def _add(self, column: ColumnId, values: Iterable[str], *, primary: bool) -> None:
        known = self.trace.columns.setdefault(column[0], {}).setdefault(column[1], set())
        new = frozenset(one for one in values if one) - known
        if not new:
            return
        known |= new
        if primary:
            self.trace.primary |= new
        self._todo.append((column, new, primary))

    def _spread(self) -> None:
        while self._todo:
            column, new, primary = self._todo.popleft()
            self._go_down(column, new, primary=primary)
            self._go_up(column, new, primary=primary)
            self._add(column, self._with_blanks(column, new), primary=primary)

    def _go_down(self, column: ColumnId, new: frozenset[str], *, primary: bool) -> None:
        for user in identical(self._users, column):
            self._carry(column, user)
            self._add(user, new, primary=primary)
        for user, way in self._made.get(column, ()):
            if self._is_made(user, column, way):
                self._carry(column, user)
                self._add(user, self._mapped(column, way, new), primary=primary)

    def _carry(self, column: ColumnId, user: ColumnId) -> None:
        self.trace.carried.setdefault(".".join(column), set()).add(user[0])

    def _go_up(self, column: ColumnId, new: frozenset[str], *, primary: bool) -> None:
        for origin in identical(self._values, column):
            self._add(origin, new, primary=primary)
        for origin, way in self._origins(column):
            self._add(origin, self._made_from(origin, way, new), primary=primary)

    def _with_blanks(self, column: ColumnId, values: frozenset[str]) -> set[str]:
        """Return the values of an arrived column that differ by blanks around them alone."""
        schema, table = self._schemas.get(column[0]), TableName.parse(column[0])
        found = schema.get(column[1]) if schema else None
        arrived = table not in self._services.project.models
        if not self._by_rows or found is None or found.type != Scalar("string") or not arrived:
            return set()
        return self._made_from(column, Made(column[0], column[1], f"trim({GIVEN})"), values)

    def _is_made(self, user: ColumnId, column: ColumnId, way: Made) -> bool:
        if "." in column[1]:
            return True
        return way.expression.lower() != GIVEN and self._derives(user, column)

    def _derives(self, user: ColumnId, column: ColumnId) -> bool:
        """Whether a column takes the value of another, itself or through views."""
        return column in self._taken([user], through=frozenset({VIEW}))

    def _taken(
        self, columns: Iterable[ColumnId], *, through: frozenset[str]
    ) -> Iterator[ColumnId]:
        """Yield the columns of which some take values row by row, through nodes of some kinds."""
        todo, seen = list(columns), set(columns)
        while todo:
            for origin, kind in self._values.get(todo.pop(), {}).items():
                if kind not in {IDENTITY, TRANSFORMATION} or origin in seen:
                    continue
                seen.add(origin)
                yield origin
                node = self._graph.nodes.get(origin[0])
                if node is not None and (through is _EVERY or node.kind in through):
                    todo.append(origin)

    def _origins(self, column: ColumnId) -> Iterator[tuple[ColumnId, Made]]:
        for origin, users in self._made.items():
            for user, way in users:
                if user == column and self._is_made(user, origin, way):
                    yield origin, way

    def _mapped(self, column: ColumnId, way: Made, values: frozenset[str]) -> set[str]:
        """Return what a model makes of some values."""
        import pyarrow as pa

        kind = self._type_of(column)
        given = f"try_cast(v as {kind})" if kind else "v"
        with self._services.engine.session() as session:
            session.bind_arrow("traced.known", pa.table({"v": sorted(values)}))
            found = session.query(
                f"select distinct cast({_over(way.expression, given)} as varchar) as made "
                "from traced.known"
            ).read_all()
        return {row["made"] for row in found.to_pylist() if row["made"] is not None}

    def _made_from(self, origin: ColumnId, way: Made, values: frozenset[str]) -> set[str]:
        """Return the values of an input of which a model makes known ones."""
        import pyarrow as pa

        if not self._by_rows:
            return set()
        table = TableName.parse(origin[0])
        if origin[0] not in self._schemas:
            one = self._outside_table(origin[0])
            sql = _over(way.expression, quote_identifier(origin[1]))
            return self._outside.written(one, origin[1], sql, values) if one else set()
        log = self._services.storage.table(table)
        given = ".".join(quote_identifier(part) for part in origin[1].split("."))
        with self._services.engine.session() as session:
            source = log.version().source(self._services.storage.table_root(table))
            session.bind(origin[0], source)
            session.bind_arrow("traced.known", pa.table({"v": sorted(values)}))
            found = session.query(
                f"select distinct cast({given} as varchar) as made from {origin[0]} "
                f"where cast({_over(way.expression, given)} as varchar) in "
                "(select v from traced.known)"
            ).read_all()
        return {row["made"] for row in found.to_pylist() if row["made"] is not None}

    def _outside_table(self, name: str) -> OutsideTable | None:
        node = self._graph.nodes.get(name)
        declared = node is not None and node.kind not in _WITHOUT_ROWS
        return self._outside.named(name) if declared and self._is_outside(name) else None

    def _columns_outside(self, name: str, table: str = "") -> list[ColumnId]:
        """Return the columns of a name in tables that are not the lake's: of one, or of all."""
        if not self._by_rows or (table and not self._is_outside(table)):
            return []
        one = self._outside.named(table) if table else None
        looked_at = list(self._outside.tables()) if not table else [one] if one else []
        return [
            (str(found.table), name)
            for found in looked_at
            if any(column.name.lower() == name for column in found.schema)
        ]

    def _is_outside(self, name: str) -> bool:
        return lies_outside(self._services.project, TableName.parse(name))

    def _type_of(self, column: ColumnId) -> str:
        schema = self._schemas.get(column[0])
        found = schema.get(column[1]) if schema else None
        return str(found.type) if found else ""

    def _more(self) -> bool:
        """Look up what declared subjects say of the rows known now; whether that told anything."""
        if not self._by_rows:
            return False
        sharing = Sharing(self._services, self._outside)
        for subject in self._subjects.values():
            if not any(self.trace.values(one) for one in self._columns_of(subject)):
                continue
            for column in subject.identifiers:
                found = self._looked_up(column)
                sharing.note(column, found, self.trace, self._other(column[0]))
                self._add(column, found, primary=True)
            for column, refers_to in subject.links:
                self._add(column, self._looked_up(refers_to), primary=False)
        return bool(self._todo)

    def _other(self, name: str) -> OutsideTable | None:
        return None if name in self._schemas else self._outside_table(name)

    def _looked_up(self, column: ColumnId) -> set[str]:
        """Return the values of a column in the person's rows of its table."""
        from lakeworks.privacy.parquet_bounds import may_hold
        from lakeworks.privacy.parquet_search import rows_of
        from lakeworks.privacy.records import text_of

        name, path = column
        schema = self._schemas.get(name)
        if schema is None:
            other = self._other(name)
            if other is None:
                return set()
            return self._outside.values(other, self._outside.columns(other, self.trace), path)
        log = self._services.storage.table(TableName.parse(name))
        look = self.trace.look(TableName.parse(name), schema, {})
        found: set[str] = set()

        def take(one: DataFile) -> None:
            with log.store.open_read(one.path) as file:
                for rows in rows_of(file, look, one.partition):
                    names = {have.lower(): have for have in rows.schema.names}
                    if path in names:
                        texts = map(text_of, rows[names[path]].to_pylist())
                        found.update(text for text in texts if text)

        for one in log.version().files:
            if may_hold(one, look):
                take(one)
        return found

    def _note_unidentified(self) -> None:
        traced = {table for table, paths in self.trace.columns.items() if paths}
        for table in sorted(traced):
            for reader in self._graph.around(table, "down"):
                node = self._graph.nodes.get(reader)  # none for what is dropped
                if node is None or reader in traced or node.kind in _WITHOUT_ROWS:
                    continue
                told = f"made from {table}, and no column of it names a person"
                single_rows = self._has_single_rows(node, traced)
                what = remedy(node.kind, single_rows=single_rows)
                self.trace.unidentified.setdefault(reader, f"{told}; {what}")
                if single_rows:
                    self.trace.singly.add(reader)

    def _has_single_rows(self, node: Node, traced: set[str]) -> bool:
        """Whether a table takes values of single rows from one that has the person, or may."""
        columns = [(node.name, name.lower()) for name in node.columns]
        gaps = {(table, name.lower()) for table, name in self._graph.unresolved}
        if node.unresolved or not columns or gaps.intersection(columns):
            return True
        return any(origin[0] in traced for origin in self._taken(columns, through=_EVERY))


def _over(expression: str, given: str) -> str:
    return re.sub(rf'(?<![\w"]){GIVEN}(?![\w"])', lambda _: f"({given})", expression)


def _folded(
    edges: Mapping[ColumnId, Mapping[ColumnId, str]],
) -> dict[ColumnId, dict[ColumnId, str]]:
    found: dict[ColumnId, dict[ColumnId, str]] = {}
    for (table, column), others in edges.items():
        mine = found.setdefault((table, column.lower()), {})
        mine |= {(t, c.lower()): kind for (t, c), kind in others.items()}
    return found
