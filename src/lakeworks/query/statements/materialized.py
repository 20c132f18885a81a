"""CREATE, REFRESH and DROP MATERIALIZED VIEW: a table that runs fill from a text in the catalog.

Its rows are those that whoever made it may read when it is filled. Who reads it needs a grant on it
alone. Making one takes CREATE_TABLE on its database and SELECT on what it reads; filling it INSERT,
dropping it DROP.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakeworks.catalog.data_catalog.views import View
from lakeworks.core.errors import did_you_mean
from lakeworks.core.names import LAYERS
from lakeworks.query.auditing import asker_of
from lakeworks.query.errors import NotAllowedError, ViewDefinitionError
from lakeworks.query.external import NO_VERSION
from lakeworks.query.questions import Question
from lakeworks.query.results import without_rows
from lakeworks.query.statements import views
from lakeworks.query.statements.words import Words
from lakeworks.query.taken import check_free, taking

if TYPE_CHECKING:
    from lakeworks.core.names import TableName
    from lakeworks.pipeline.state import Services
    from lakeworks.query.asked import Asked
    from lakeworks.query.asking import Asking
    from lakeworks.query.reading import Reader
    from lakeworks.query.results import QueryResult
    from lakeworks.query.viewer import Viewer

_DATABASES = LAYERS[1:]
_PROPERTIES = ("partitioned_by",)
# As long as a caller may want to wait for a run that holds the view.
WAIT_S = 60.0


def read(text: str) -> CreateMaterialized | RefreshView | DropMaterialized | None:
    """Return the statement; None for others.

    Raises:
        StatementSyntaxError: it begins as one and does not read as one.
    """
    words = Words(text)
    if words.take("REFRESH"):
        words.expect("MATERIALIZED", "VIEW")
        return RefreshView(_whole(words))
    if words.take("DROP", "MATERIALIZED", "VIEW"):
        quietly = words.take("IF", "EXISTS")
        return DropMaterialized(_whole(words), quietly)
    if words.take("CREATE", "MATERIALIZED", "VIEW"):
        return _create(words)
    if words.take("CREATE", "OR", "REPLACE", "MATERIALIZED"):
        hint = "drop it and make it anew: what is granted on it goes with it"
        raise ViewDefinitionError.because("a materialised view", "none is replaced", hint)
    return None


def _whole(words: Words) -> TableName:
    name = words.table()
    words.end()
    return name


def _create(words: Words) -> CreateMaterialized:
    quietly = words.take("IF", "NOT", "EXISTS")
    name = words.table()
    columns = words.names() if words.peek() == "(" else ()
    description = str(words.literal()) if words.take("COMMENT") else ""
    told = words.properties() if words.take("WITH") else {}
    for key in told:
        if key not in _PROPERTIES:
            hint = did_you_mean(key, _PROPERTIES)
            raise ViewDefinitionError.because(str(name), f"there is no property {key!r}", hint)
    parted = _names(name, told.get("partitioned_by", ()))
    words.expect("AS")
    return CreateMaterialized(name, words.rest(), columns, description, parted, quietly)


def _names(name: TableName, value: Any) -> tuple[str, ...]:  # noqa: ANN401 - any constant
    told = [value] if isinstance(value, str) else value
    if not all(isinstance(one, str) for one in told):
        raise ViewDefinitionError.because(
            str(name), "partitioned_by lists columns", "write partitioned_by = ARRAY['day']"
        )
    return tuple(told)


@dataclass(frozen=True, slots=True)
class CreateMaterialized:
    """CREATE MATERIALIZED VIEW.

    Attributes:
        query: The SELECT, as it was written.
        quietly: Nothing happens where there is one of that name.
    """

    name: TableName
    query: str
    columns: tuple[str, ...] = ()
    description: str = ""
    partitioned_by: tuple[str, ...] = ()
    quietly: bool = False

    def question(self, asking: Asking, reader: Reader) -> Question:
        """Raise what is wrong with it at first sight.

        Raises:
            LakeError: its caller may not make it, or not read what it reads.
        """
        if not self._is_there(asking, reader):
            self._check(asking, reader)
            self._read(asking, reader)
        return Question(repeatable=False)

    def run(self, asking: Asking, reader: Reader) -> QueryResult:
        """Keep its text, and fill it for the first time.

        Raises:
            LakeError: as `question` does, or it cannot be filled: then it was not made.
        """
        if not self._is_there(asking, reader):
            self._make(asking, reader)
        asking.recording.begun()(0, 0.0, None)
        return without_rows()

    def _make(self, asking: Asking, reader: Reader) -> None:
        from lakeworks.pipeline.refreshing import refresh

        services = self._check(asking, reader)
        asked = self._read(asking, reader)
        columns = views.columns_of(
            self.name, views.described(self.name, asked, reader), self.columns
        )
        known = {column.name for column in columns}
        for one in self.partitioned_by:
            if one not in known:
                hint = did_you_mean(one, known)
                raise ViewDefinitionError.because(str(self.name), f"no column {one!r}", hint)
        owner = views.owner_of(asking.viewer)
        made = View(
            self.name,
            views.text_of(self.query),
            columns,
            self.description,
            owner,
            materialized=True,
            definer=owner,
            partitioned_by=self.partitioned_by,
            reads=views.reads_of(asked),
            through=tuple(
                sorted({(one.view.name, one.view.digest) for one in asked.views.values()})
            ),
        )
        data = reader.parts.catalog.data_catalog
        with taking(reader.parts, asking.viewer, self.name):
            data.put_view(made, by=owner or None, reason="made by a statement")
        views.forget(reader, asking.viewer, made)
        try:
            refresh(services, self.name, wait_s=WAIT_S)
        except BaseException:
            data.drop_view(self.name)
            raise
        views.tell(reader, asking.viewer, made, "made")

    def _is_there(self, asking: Asking, reader: Reader) -> bool:
        if not self.quietly:
            return False
        viewer = asking.viewer
        found = reader.parts.catalog.data_catalog.find_view(self.name)
        seen = viewer is None or viewer.may("DESCRIBE", self.name)
        return found is not None and found.materialized and seen

    def _check(self, asking: Asking, reader: Reader) -> Services:
        views.check_may_create(asking.viewer, self.name)
        if self.name.database not in _DATABASES:
            raise ViewDefinitionError.because(
                str(self.name),
                f"runs fill no tables in {self.name.database}",
                f"make it in {' or '.join(_DATABASES)}",
            )
        check_free(reader.parts, asking.viewer, self.name)
        return services_of(reader)

    def _read(self, asking: Asking, reader: Reader) -> Asked:
        asked = views.read_query(self.name, self.query, asking, reader)
        if asked.marks or asking.at is not None:
            raise ViewDefinitionError.because(
                str(self.name), "it reads tables as they were", "leave out what follows the @"
            )
        declared = services_of(reader).project.tables
        for table, number in asked.tables.values():
            if number == NO_VERSION and table not in declared:
                raise ViewDefinitionError.because(
                    str(self.name),
                    f"{table} lies outside the lake, and no file of the project declares it",
                    "declare it in tables/, or read it in a view",
                )
        return asked


@dataclass(frozen=True, slots=True)
class RefreshView:
    """REFRESH MATERIALIZED VIEW."""

    name: TableName

    def question(self, asking: Asking, reader: Reader) -> Question:
        """Raise what is wrong with it at first sight.

        Raises:
            UnknownTableError: there is no such view, as far as the caller knows.
            NotAllowedError: the caller may not fill it.
        """
        self._found(asking.viewer, reader)
        return Question(repeatable=False)

    def run(self, asking: Asking, reader: Reader) -> QueryResult:
        """Fill it anew where what it reads has changed.

        Raises:
            LakeError: as `question` does, or it cannot be filled; its rows stay as they were.
        """
        from lakeworks.pipeline.refreshing import refresh

        self._found(asking.viewer, reader)
        refresh(services_of(reader), self.name, wait_s=WAIT_S)
        if reader.parts.governance is not None:
            body = {"view": str(self.name), "action": "refreshed"}
            reader.parts.governance.audit("view", asker_of(asking.viewer), body)
        asking.recording.begun()(0, 0.0, None)
        return without_rows()

    def _found(self, viewer: Viewer | None, reader: Reader) -> None:
        views.known_view(self.name, viewer, reader, materialized=True)
        if viewer is not None and not viewer.may("INSERT", self.name):
            raise NotAllowedError.to(f"refresh {self.name}", "INSERT", str(self.name))


@dataclass(frozen=True, slots=True)
class DropMaterialized:
    """DROP MATERIALIZED VIEW; with `quietly`, nothing happens where there is none."""

    name: TableName
    quietly: bool = False

    def question(self, asking: Asking, reader: Reader) -> Question:
        """Raise what is wrong with it at first sight.

        Raises:
            UnknownTableError: there is no such view, as far as the caller knows.
            NotAllowedError: the caller may not drop it.
        """
        self._found(asking.viewer, reader)
        return Question(repeatable=False)

    def run(self, asking: Asking, reader: Reader) -> QueryResult:
        """Drop it, its rows, and what was granted on it.

        Raises:
            LakeError: as `question` does.
        """
        from lakeworks.pipeline.refreshing import take_away

        found = self._found(asking.viewer, reader)
        if found is not None:
            take_away(services_of(reader), self.name, wait_s=WAIT_S)
            reader.parts.catalog.data_catalog.drop_view(self.name)
            views.tell(reader, asking.viewer, found, "dropped")
        asking.recording.begun()(0, 0.0, None)
        return without_rows()

    def _found(self, viewer: Viewer | None, reader: Reader) -> View | None:
        return views.found_view(
            self.name, viewer, reader, quietly=self.quietly, materialized=True
        )


def services_of(reader: Reader) -> Services:
    """Return what fills tables.

    Raises:
        ViewDefinitionError: this service only reads.
    """
    if reader.parts.services is None:
        raise ViewDefinitionError.because(
            "a materialised view",
            "this query service only reads",
            "open the lake: Lake.open(…)",
        )
    return reader.parts.services
