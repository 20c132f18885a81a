"""What all statements share that change the data catalog: looked at as a whole, then carried out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lakeworks.catalog.data_catalog.errors import EntryRefusedError, UnreadableTableError
from lakeworks.query.errors import NotAllowedError
from lakeworks.query.statements.errors import ExternalDdlError
from lakeworks.query.statements.writing import Writing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lakeworks.catalog.data_catalog.service import DataCatalog
    from lakeworks.core.names import TableName
    from lakeworks.query.asking import Asking
    from lakeworks.query.questions import Question
    from lakeworks.query.reading import Reader
    from lakeworks.query.results import QueryResult

# What a principal may say of a table. Others, such as a template of locations, could lead elsewhere.
_PROPERTIES = frozenset({
    "classification", "comment", "compressiontype", "has_encrypted_data", "orc.compress",
    "parquet.compression", "skip.header.line.count", "use.null.for.invalid.data",
})  # fmt: skip


class Ddl(ABC):
    """What all of them share: they are looked at as a whole before anything changes."""

    __slots__ = ()
    kind = ""

    @abstractmethod
    def check(self, writing: Writing) -> bool:
        """Refuse what may not be; return whether there is something to do."""

    @abstractmethod
    def carry_out(self, writing: Writing) -> int:
        """Do it; return what it was about, in partitions or entries."""

    def question(self, asking: Asking, reader: Reader) -> Question:
        """Raise what is wrong with it at first sight."""
        writing = Writing(asking, reader, self.kind, self.target)
        writing.check_now()
        with _told():
            self.check(writing)
        return writing.question()

    def run(self, asking: Asking, reader: Reader) -> QueryResult:
        """Carry it out."""
        writing = Writing(asking, reader, self.kind, self.target)
        writing.check_now()
        with _told():
            done = self.carry_out(writing) if self.check(writing) else 0
        writing.told(done)
        return writing.done(done)

    @property
    @abstractmethod
    def target(self) -> str:
        """What it changes."""


def data_of(writing: Writing) -> DataCatalog:
    """Return the data catalog."""
    return writing.reader.parts.catalog.data_catalog


def forget(writing: Writing, table: TableName) -> None:
    """Take back what was granted on a table that goes."""
    governance, viewer = writing.reader.parts.governance, writing.asking.viewer
    if governance is not None:
        governance.dropped(None if viewer is None else viewer.principal, str(table))


def check_properties(writing: Writing, properties: Mapping[str, str]) -> None:
    """Refuse a principal properties that could lead the lake to read elsewhere."""
    if writing.asking.viewer is None:
        return
    for key in properties:
        if key not in _PROPERTIES:
            raise NotAllowedError.to(f"set {key}", "being the owner", "the lake")


@contextmanager
def _told() -> Iterator[None]:
    """Say what the data catalog refuses: it is about what the caller wrote."""
    try:
        yield
    except (EntryRefusedError, UnreadableTableError) as error:
        raise ExternalDdlError.because(error.problem, error.hint) from None
