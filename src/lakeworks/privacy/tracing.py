"""Where a person's values stand: from the columns that were named, along the lineage, to all.

Downstream a model may write a value otherwise (`lower(trim(email))`): the same expression is
applied. Upstream the values that a model makes the known ones of are looked for. What keeps no
persons apart (a sum, a domain) is not followed, and a table that has only such is named as one in
which nobody can be identified.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lakeworks.core.names import QUARANTINE, TableName, quote_identifier
from lakeworks.core.types import Scalar
from lakeworks.privacy.errors import SubjectError
from lakeworks.privacy.parquet_search import Look, paths_named
from lakeworks.privacy.subjects import TAG, column_id, declared_subjects, is_vague
from lakeworks.privacy.text_search import Keys, Words, is_telling
from lakeworks.project.lineage_facts import IDENTITY, TRANSFORMATION
from lakeworks.project.sql_identifiers import GIVEN, Made, identifiers_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lakeworks.core.types import Schema
    from lakeworks.pipeline.lineage import Lineage
    from lakeworks.pipeline.state import Services
    from lakeworks.privacy.subjects import ColumnId, Subject, Wanted
    from lakeworks.project.declaration import Model, Source
    from lakeworks.storage.files import DataFile

RESCUED, ROW = "_rescued", "row"
_DOTS_OF_COLUMN = 2
# What the lineage has beside tables: files are looked at on their own, views store nothing.
_WITHOUT_ROWS = frozenset({"files", "view"})


@dataclass
class Trace:
    """What a person is known by, wherever that is.

    Attributes:
        columns: Of each table the columns with values of the person, as texts.
        primary: Values that name the person, and not merely something of theirs.
        carried: Of a column of each table, the tables that carry its values on.
        unidentified: Tables made of the person's rows in which nobody can be told apart.
    """

    columns: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    primary: set[str] = field(default_factory=set)
    carried: dict[str, set[str]] = field(default_factory=dict)
    unidentified: dict[str, str] = field(default_factory=dict)

    def values(self, column: ColumnId) -> set[str]:
        """Return the values known of a column."""
        return self.columns.get(column[0], {}).get(column[1], set())

    @property
    def words(self) -> Words:
        """What is looked for in free text."""
        return Words(frozenset(self.primary))

    def keys(self, table: str, inputs: Iterable[str] = ()) -> Keys:
        """Return what tells that a record of a table, in JSON, is the person's."""
        by_name: dict[str, set[str]] = {}
        for one in (table, *inputs):
            for path, values in self.columns.get(one, {}).items():
                by_name.setdefault(path.rpartition(".")[2], set()).update(values)
        frozen = {name: frozenset(values) for name, values in by_name.items()}
        return Keys(frozen, self.words if by_name else Words(frozenset()))

    def look(self, table: TableName, schema: Schema, inputs: Mapping[str, TableName]) -> Look:
        """Return what to look for in a table's files.

        Args:
            table: The table.
            schema: Its columns.
            inputs: Of quarantine tables: whose rows these are.
        """
        if table.database == QUARANTINE:
            target = inputs.get(str(table))
            named = (str(target),) if target else ()
            keys = self.keys(*named) if named else Keys({}, self.words)
            return Look(cells={ROW: keys}) if keys.by_name or keys.words.values else Look()
        columns = {
            path: frozenset(values) for path, values in self.columns.get(str(table), {}).items()
        }
        rescued = schema.get(RESCUED) is not None and bool(columns)
        keys = Keys(self.keys(str(table)).by_name, Words(frozenset()))
        return Look(columns, {RESCUED: keys} if rescued else {})

    def as_json(self) -> dict[str, object]:
        """Return plain values."""
        return {
            "columns": {
                table: {path: sorted(values) for path, values in paths.items()}
                for table, paths in self.columns.items()
            },
            "primary": sorted(self.primary),
            "carried": {column: sorted(tables) for column, tables in self.carried.items()},
        }

    def join(self, told: object) -> None:
        """Add what an earlier trace, as `as_json` wrote it, knew."""
        if not isinstance(told, dict):
            return
        for table, paths in told["columns"].items():
            for path, values in paths.items():
                self.columns.setdefault(table, {}).setdefault(path, set()).update(values)
        self.primary.update(told["primary"])
        for column, tables in told["carried"].items():
            self.carried.setdefault(column, set()).update(tables)

    def carries(self, table: str, source: str, path: str) -> bool:
        """Whether a table has what names the person in a column of a table that it reads."""
        return table in self.carried.get(f"{source}.{path}", ())


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
        self._lineage = lineage
        self._schemas = {str(table): schema for table, schema in schemas.items()}
        self._graph = lineage.graph
        self._values = _folded(self._graph.values)
        self._users = _folded(self._graph.users)
        self._made: dict[ColumnId, list[tuple[ColumnId, Made]]] = {}
        self._subjects = declared_subjects(services.project) if by_rows else {}
        self._todo: deque[tuple[ColumnId, frozenset[str], bool]] = deque()
        self.trace = Trace()
        for model in services.project.models.values():
            for name, ways in identifiers_of(model.sql or "").items():
                for way in ways:
                    target = str(model.table), name
                    self._made.setdefault((way.table, way.column), []).append((target, way))

    def follow(self, wanted: Iterable[Wanted]) -> Trace:
        """Return everything that the given names and values lead to.

        Raises:
            SubjectError: a name leads nowhere, or to unlike things.
        """
        for one in wanted:
            if is_telling(one.value):
                self.trace.primary.add(one.value)
            for seed in self._seeds(one.name):
                self._add(seed, {one.value}, primary=True)
        self._spread()
        while self._more():
            self._spread()
        self._note_unidentified()
        return self.trace

    def _seeds(self, name: str) -> list[ColumnId]:
        subject = self._subjects.get(name)
        if subject is not None:
            return self._columns_of(subject)
        if name.count(".") >= _DOTS_OF_COLUMN:
            column = column_id(name)
            if column not in self._known_columns([column[1]]):
                known = [".".join(one) for one in self._known_columns(None)]
                raise SubjectError.unknown(name, known)
            return [column]
        found = self._known_columns([name]) + self._tagged(name)
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
        """Yield the columns of nodes that have no table yet, or lie outside the lake."""
        for name, node in self._graph.nodes.items() if self._by_rows else ():
            if name not in self._schemas and node.kind not in _WITHOUT_ROWS:
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
        for user, kind in self._users.get(column, {}).items():
            if kind == IDENTITY:
                self._carry(column, user)
                self._add(user, new, primary=primary)
        for user, way in self._made.get(column, ()):
            if self._is_made(user, column, way):
                self._carry(column, user)
                self._add(user, self._mapped(column, way, new), primary=primary)

    def _carry(self, column: ColumnId, user: ColumnId) -> None:
        self.trace.carried.setdefault(".".join(column), set()).add(user[0])

    def _go_up(self, column: ColumnId, new: frozenset[str], *, primary: bool) -> None:
        for origin, kind in self._values.get(column, {}).items():
            if kind == IDENTITY:
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
        kind = self._values.get(user, {}).get(column)
        return kind in {IDENTITY, TRANSFORMATION} and way.expression.lower() != GIVEN

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

        table = TableName.parse(origin[0])
        if origin[0] not in self._schemas or not self._by_rows:
            return set()
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

    def _type_of(self, column: ColumnId) -> str:
        schema = self._schemas.get(column[0])
        found = schema.get(column[1]) if schema else None
        return str(found.type) if found else ""

    def _more(self) -> bool:
        """Look up what declared subjects say of the rows known now; whether that told anything."""
        if not self._by_rows:
            return False
        for subject in self._subjects.values():
            if not any(self.trace.values(one) for one in self._columns_of(subject)):
                continue
            for column in subject.identifiers:
                self._add(column, self._looked_up(column), primary=True)
            for column, refers_to in subject.links:
                self._add(column, self._looked_up(refers_to), primary=False)
        return bool(self._todo)

    def _looked_up(self, column: ColumnId) -> set[str]:
        """Return the values of a column in the person's rows of its table."""
        from lakeworks.privacy.parquet_search import may_hold, rows_of
        from lakeworks.privacy.text_search import text_of

        name, path = column
        schema = self._schemas.get(name)
        if schema is None:
            return set()
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
                kind = self._graph.nodes[reader].kind
                if reader not in traced and kind not in _WITHOUT_ROWS:
                    self.trace.unidentified.setdefault(
                        reader, f"made from {table}, and no column of it names a person"
                    )


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
