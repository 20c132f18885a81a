"""CREATE VIEW and DROP VIEW: a SELECT is kept under a name, for whoever may read what it reads.

Nothing is stored of a view but its text and its columns. Making one takes CREATE_TABLE on its
database and SELECT on what it reads; putting another in its place ALTER, dropping it DROP.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.catalog.data_catalog.views import View, ViewColumn
from lakeworks.catalog.errors import UnknownTableError
from lakeworks.core.sql_text import first_word
from lakeworks.engines.errors import DuplicateColumnError
from lakeworks.query.auditing import asker_of
from lakeworks.query.errors import NotAllowedError, ViewDefinitionError
from lakeworks.query.questions import Question
from lakeworks.query.results import without_rows
from lakeworks.query.statements.words import Words
from lakeworks.query.taken import check_free, taking

if TYPE_CHECKING:
    from lakeworks.core.names import TableName
    from lakeworks.core.types import Schema
    from lakeworks.query.asked import Asked
    from lakeworks.query.asking import Asking
    from lakeworks.query.reading import Reader
    from lakeworks.query.results import QueryResult
    from lakeworks.query.viewer import Viewer


def read(text: str) -> CreateView | DropView | None:
    """Return the statement that makes or drops a view; None for others.

    Raises:
        StatementSyntaxError: it begins as one and does not read as one.
        ViewDefinitionError: it asks for a view of a kind that there is not.
    """
    words = Words(text)
    if words.take("DROP", "VIEW"):
        quietly = words.take("IF", "EXISTS")
        name = words.table()
        words.end()
        return DropView(name, quietly)
    if not words.take("CREATE"):
        return None
    replacing = words.take("OR", "REPLACE")
    if words.take("PROTECTED") or words.take("MULTI"):
        problem = "its SQL would be kept in several dialects, or be its creator's to run"
        raise ViewDefinitionError.because("a protected view", problem, _MATERIALISED)
    return _create(words, replacing=replacing) if words.take("VIEW") else None


_MATERIALISED = "CREATE MATERIALIZED VIEW makes a table that is computed as its creator"


def _create(words: Words, *, replacing: bool) -> CreateView:
    name = words.table()
    columns = words.names() if words.peek() == "(" else ()
    description = ""
    while True:
        if words.take("COMMENT"):
            description = str(words.literal())
        elif words.take("SECURITY", "DEFINER"):
            problem = "a view runs with the permissions of whoever reads it"
            raise ViewDefinitionError.because(str(name), problem, _MATERIALISED)
        elif not words.take("SECURITY", "INVOKER"):
            break
    words.expect("AS")
    return CreateView(name, words.rest(), columns, description, replacing)


@dataclass(frozen=True, slots=True)
class CreateView:
    """CREATE VIEW.

    Attributes:
        query: The SELECT, as it was written.
        columns: Names for its columns; none where they keep their own.
        replacing: Whether a view of that name may be there already.
    """

    name: TableName
    query: str
    columns: tuple[str, ...] = ()
    description: str = ""
    replacing: bool = False

    def question(self, asking: Asking, reader: Reader) -> Question:
        """Raise what is wrong with it at first sight.

        Raises:
            LakeError: its caller may not make it, or not read what it reads.
        """
        self._present(asking, reader)
        self._read(asking, reader)
        return Question(repeatable=False)

    def run(self, asking: Asking, reader: Reader) -> QueryResult:
        """Make the view, or put it in place of the one that is there.

        Raises:
            LakeError: as `question` does.
            ViewDefinitionError: its columns cannot be a view's.
        """
        present = self._present(asking, reader)
        asked = self._read(asking, reader)
        schema = described(self.name, asked, reader)
        viewer = asking.viewer
        made = View(
            self.name,
            text_of(self.query),
            columns_of(self.name, schema, self.columns),
            self.description,
            owner_of(viewer),
            reads=reads_of(asked),
            version=-1 if present is None else present.version,
        )
        if present is not None:
            self._put(made, "replaced", viewer, reader)
        else:
            with taking(reader.parts, viewer, self.name):
                self._put(made, "made", viewer, reader)
        asking.recording.begun()(0, 0.0, None)
        return without_rows()

    def _put(self, made: View, verb: str, viewer: Viewer | None, reader: Reader) -> None:
        reader.parts.catalog.data_catalog.put_view(
            made,
            replacing=verb == "replaced",
            by=owner_of(viewer) or None,
            reason=f"{verb} by a statement",
        )
        tell(reader, viewer, made, verb)

    def _present(self, asking: Asking, reader: Reader) -> View | None:
        """Return the view that is to be replaced.

        Raises:
            NotAllowedError: the caller may not do that.
            NameTakenError: the name is another thing's.
        """
        viewer = asking.viewer
        present = reader.parts.catalog.data_catalog.find_view(self.name)
        seen = viewer is None or viewer.may("DESCRIBE", self.name)
        if self.replacing and present is not None and not present.materialized and seen:
            if viewer is not None and not viewer.may("ALTER", self.name):
                raise NotAllowedError.to(f"replace {self.name}", "ALTER", str(self.name))
            return present
        check_may_create(viewer, self.name)
        check_free(reader.parts, viewer, self.name)
        return None

    def _read(self, asking: Asking, reader: Reader) -> Asked:
        if asking.at is not None:
            problem = "a view reads the lake as it is, whenever it is asked"
            raise ViewDefinitionError.because(
                str(self.name), problem, "write @v3 behind the tables that are read"
            )
        return read_query(self.name, self.query, asking, reader)


@dataclass(frozen=True, slots=True)
class DropView:
    """DROP VIEW; with `quietly`, nothing happens where there is none."""

    name: TableName
    quietly: bool = False

    def question(self, asking: Asking, reader: Reader) -> Question:
        """Raise what is wrong with it at first sight.

        Raises:
            UnknownTableError: there is no such view, as far as the caller knows.
            NotAllowedError: the caller may not drop it.
        """
        found_view(self.name, asking.viewer, reader, quietly=self.quietly, materialized=False)
        return Question(repeatable=False)

    def run(self, asking: Asking, reader: Reader) -> QueryResult:
        """Drop it, and what was granted on it.

        Raises:
            LakeError: as `question` does.
        """
        viewer = asking.viewer
        found = found_view(self.name, viewer, reader, quietly=self.quietly, materialized=False)
        if found is not None:
            reader.parts.catalog.data_catalog.drop_view(self.name)
            tell(reader, viewer, found, "dropped")
        asking.recording.begun()(0, 0.0, None)
        return without_rows()


def found_view(
    name: TableName, viewer: Viewer | None, reader: Reader, *, quietly: bool, materialized: bool
) -> View | None:
    """Return the view that is to be dropped; None where that is fine.

    Raises:
        UnknownTableError: there is none, or the caller may not know of it.
        NotAllowedError: the caller may not drop it.
    """
    try:
        found = known_view(name, viewer, reader, materialized=materialized)
    except UnknownTableError:
        if quietly:
            return None
        raise
    if viewer is not None and not viewer.may("DROP", name):
        raise NotAllowedError.to(f"drop {name}", "DROP", str(name))
    return found


def known_view(
    name: TableName, viewer: Viewer | None, reader: Reader, *, materialized: bool
) -> View:
    """Return a view that its caller may know of.

    Raises:
        UnknownTableError: there is none, as far as it knows.
    """
    found = reader.parts.catalog.data_catalog.find_view(name)
    seen = viewer is None or viewer.may("DESCRIBE", name)
    if found is not None and seen:
        if found.materialized != materialized:
            raise UnknownTableError.is_view(str(name), materialized=found.materialized)
        return found
    if viewer is not None:
        raise viewer.unknown(name)
    known = [str(one.name) for one in reader.parts.catalog.data_catalog.views()]
    raise UnknownTableError.named(str(name), known)


def text_of(query: str) -> str:
    """Return a query as a view keeps it."""
    return query.strip().rstrip(";").rstrip()


def check_may_create(viewer: Viewer | None, name: TableName) -> None:
    """Refuse who may not make tables and views in a database, whether there is one or not.

    Raises:
        NotAllowedError: it may not.
    """
    if viewer is not None and not viewer.may("CREATE_TABLE", name.database):
        what = f"make tables and views in {name.database}"
        raise NotAllowedError.to(what, "CREATE_TABLE", f"database {name.database}")


def read_query(name: TableName, query: str, asking: Asking, reader: Reader) -> Asked:
    """Return a view's query as its creator asks it.

    Raises:
        ViewDefinitionError: it only tells of a query, or reads the view itself.
        LakeError: as `Reader.asked` does.
    """
    asked = reader.asked(query, None, asking.viewer)
    if first_word(asked.sql) == "EXPLAIN":
        raise ViewDefinitionError.because(str(name), "EXPLAIN is no query", "write a SELECT")
    if any(bound.view.name == name for bound in asked.views.values()):
        raise ViewDefinitionError.because(str(name), "its query reads the view itself")
    return asked


def reads_of(asked: Asked) -> tuple[TableName, ...]:
    """Return the tables and views that a query names itself, each once."""
    own = {asked.views[name].view.name for name in asked.names if name in asked.views}
    own |= {asked.tables[name][0] for name in asked.names if name in asked.tables}
    return tuple(sorted(own))


def described(name: TableName, asked: Asked, reader: Reader) -> Schema:
    """Return the columns that a view's query gives to its creator.

    Raises:
        ViewDefinitionError: two of them have one name.
    """
    with reader.session(asked, reader.sources(asked)) as session:
        try:
            return session.describe(asked.sql)
        except DuplicateColumnError as error:
            raise ViewDefinitionError.because(str(name), error.problem, error.hint) from None


def columns_of(
    name: TableName, schema: Schema, named: tuple[str, ...]
) -> tuple[ViewColumn, ...]:
    """Return a view's columns, from those of its query and the names that it gives them.

    Raises:
        ViewDefinitionError: their numbers differ, or two have one name.
    """
    if named and len(named) != len(schema):
        raise ViewDefinitionError.because(
            str(name),
            f"it names {len(named)} columns, and its query has {len(schema)}",
            "name each column of the query, in their order",
        )
    names = named or schema.names
    for seen in (schema.names, names):
        folded = [one.lower() for one in seen]
        twice = next((one for one in seen if folded.count(one.lower()) > 1), None)
        if twice is not None:
            raise ViewDefinitionError.because(
                str(name),
                f"two columns are called {twice}",
                "give one another name: … AS other",
            )
    return tuple(
        ViewColumn(own, str(field.type), field.name)
        for own, field in zip(names, schema, strict=True)
    )


def owner_of(viewer: Viewer | None) -> str:
    """Return whose a new view is, as the data catalog says it; the lake's owner's: empty."""
    return "" if viewer is None else str(viewer.principal)


def forget(reader: Reader, viewer: Viewer | None, view: View) -> None:
    """Take back what was granted on the name: what has it next begins with nothing."""
    if reader.parts.governance is not None:
        who = None if viewer is None else viewer.principal
        reader.parts.governance.dropped(who, str(view.name))


def tell(reader: Reader, viewer: Viewer | None, view: View, verb: str) -> None:
    """Tell governance of a view that was `made`, `replaced` or `dropped`."""
    governance = reader.parts.governance
    if governance is None:
        return
    if verb != "replaced":
        forget(reader, viewer, view)
    if viewer is not None and verb == "made":
        governance.created(viewer.principal, str(view.name))
    body = {"view": str(view.name), "action": verb, "sql": view.text}
    governance.audit("view", asker_of(viewer), body)
