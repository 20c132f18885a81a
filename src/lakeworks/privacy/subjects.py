"""Who is meant: `customer_id=C-17`, a column of one table, or a subject that a file declares.

Pure. `subjects:` in `policies/*.yml` says what else names a person, and which rows follow from
the person's own: the lines of an order, by the order's number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakeworks.core.errors import LakeError, did_you_mean
from lakeworks.core.names import TableName
from lakeworks.privacy.errors import SubjectError, SubjectFileError
from lakeworks.project.errors import DECLARED_TWICE, Mistake

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lakeworks.core.types import Schema
    from lakeworks.project.declaration import PolicyFile, Project

ColumnId = tuple[str, str]
TAG = "subject"
_PARTS = 3
# Names that say nothing of what they identify.
_VAGUE = frozenset(
    {"id", "key", "uid", "uuid", "guid", "pk", "name", "code", "number", "email_id"}
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One `--subject`: a name and a value."""

    name: str
    value: str

    @classmethod
    def parse(cls, text: str) -> Wanted:
        """Read `customer_id=C-17`.

        Raises:
            SubjectError: it is not written so.
        """
        name, mark, value = text.partition("=")
        if not mark or not name.strip() or not value.strip():
            raise SubjectError.unreadable(text)
        return cls(name.strip().lower(), value.strip())


@dataclass(frozen=True, slots=True)
class Subject:
    """A kind of person that a project declares.

    Attributes:
        column: Names a person: table and column, or no table and a name that columns of
            several tables have.
        identifiers: Columns that name the same person otherwise: an address, a telephone.
        links: Columns whose rows follow from a person's rows: (column, the column it refers to).
    """

    name: str
    column: ColumnId
    identifiers: tuple[ColumnId, ...] = ()
    links: tuple[tuple[ColumnId, ColumnId], ...] = ()
    at: str = ""

    def columns(self) -> Iterator[ColumnId]:
        """Yield every column of a table that is named."""
        if self.column[0]:
            yield self.column
        yield from self.identifiers
        for pair in self.links:
            yield from pair


def subject_text(wanted: Iterable[Wanted]) -> str:
    """Return the one spelling of a subject: of it the hash is made."""
    return "\n".join(sorted(f"{one.name}={one.value}" for one in wanted))


def is_vague(name: str) -> bool:
    """Whether a name may mean unlike things in unlike tables."""
    return name in _VAGUE


def name_of_any(name: str, declared: Mapping[str, Subject]) -> str:
    """Return what columns and keys of any table are called, if a name says that by itself."""
    subject = declared.get(name)
    table, name = subject.column if subject is not None else ("", name)
    return "" if table or "." in name or is_vague(name) else name


def declared_subjects(project: Project) -> dict[str, Subject]:
    """Return the subjects of a project's policies, as far as they are sound."""
    return examine_subjects(project)[0]


def examine_subjects(
    project: Project, schemas: Mapping[TableName, Schema | None] | None = None
) -> tuple[dict[str, Subject], list[Mistake]]:
    """Return the declared subjects, and every mistake in them.

    Args:
        project: What is declared.
        schemas: The columns of tables as far as they are known; None: they are not looked at.
    """
    found: dict[str, Subject] = {}
    mistakes: list[Mistake] = []
    for file in project.policies:
        for name, entry in file.values.get("subjects", {}).items():
            at = file.at("subjects", name)
            if name.lower() in found:
                problem = f"subjects: {name!r} is declared in another file as well"
                mistakes.append(Mistake(at, problem, "keep one of them", DECLARED_TWICE))
                continue
            try:
                subject = _subject(file, name, entry)
            except LakeError as error:
                mistakes.append(Mistake(at, error.problem, error.hint, error.code))
                continue
            found[subject.name] = subject
            for problem, hint in _misfits(subject, schemas):
                mistakes.append(Mistake(at, problem, hint, SubjectFileError.code))
    return found, mistakes


def column_id(text: str) -> ColumnId:
    """Read `silver.customers.customer_id`.

    Raises:
        SubjectFileError: it is no column.
    """
    parts = text.strip().lower().split(".", _PARTS - 1)
    if len(parts) < _PARTS or not all(parts):
        raise SubjectFileError(
            f"{text!r} is no column",
            "write database.table.column: silver.customers.customer_id",
        )
    return str(TableName.parse(".".join(parts[:2]))), parts[2]


def _subject(file: PolicyFile, name: str, entry: Mapping[str, Any]) -> Subject:
    written = entry["column"].strip().lower()
    return Subject(
        name.lower(),
        column_id(written) if "." in written else ("", written),
        tuple(column_id(one) for one in entry.get("identifiers", ())),
        tuple((column_id(a), column_id(b)) for a, b in entry.get("links", {}).items()),
        str(file.at("subjects", name)),
    )


def _misfits(
    subject: Subject, schemas: Mapping[TableName, Schema | None] | None
) -> Iterator[tuple[str, str]]:
    if schemas is None:
        return
    known = {str(table): schema for table, schema in schemas.items()}
    for table, column in subject.columns():
        if table not in known:
            yield f"there is no table {table}", did_you_mean(table, known)
            continue
        schema = known[table]
        if schema is not None and schema.get(column.partition(".")[0]) is None:
            yield f"{table} has no column {column!r}", did_you_mean(column, schema.names)
