"""What a load does to a table's columns, whichever engine carries it out.

Pure. The engines add how each column's value is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.core.types import Array, Field, Map, Scalar, Schema, Struct, evolve
from lakeworks.engines.errors import LoadError, SchemaNarrowedError, UnknownColumnError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

    from lakeworks.core.types import Type
    from lakeworks.engines.protocol import StageRequest

PROCESSED_AT, RUN_ID, RECORD_HASH = "_processed_at", "_run_id", "_record_hash"
VALID_FROM, VALID_TO, IS_CURRENT = "valid_from", "valid_to", "is_current"
AUDIT = (PROCESSED_AT, RUN_ID, RECORD_HASH)
VERSIONS = (VALID_FROM, VALID_TO, IS_CURRENT)


@dataclass(frozen=True, slots=True)
class LoadColumns:
    """The columns of one load.

    Attributes:
        given: What the SELECT gives, without what the load itself adds.
        final: The table's columns afterwards.
        rewrite_all: Whether files of the table hold a type that is now wider.
    """

    request: StageRequest
    given: Schema
    final: Schema
    rewrite_all: bool

    @classmethod
    def of(cls, request: StageRequest, selected: Schema) -> Self:
        """Return the columns of a load, when its settings and the table's types allow it.

        Raises:
            UnknownColumnError: a setting names a column that the SELECT does not give.
            LoadError: the load needs a key, or the SELECT gives a column that the load adds.
            SchemaNarrowedError: the table cannot hold the rows without loss.
        """
        given = selected
        if request.audit is not None:
            # A SELECT * from bronze brings bronze's own _run_id along: the table's own counts.
            given = Schema(tuple(f for f in selected if f.name not in AUDIT))
        _check_settings(request, given)
        added = (*_version_fields(request, given), *_audit_fields(request))
        final = Schema((*given.fields, *added))
        old = request.target.schema if request.target is not None else None
        if old is None or request.load == "replace":
            return cls(request, given, final, rewrite_all=False)
        step = evolve(old, final)
        if step.narrowed:
            raise SchemaNarrowedError.columns(request.table, step.narrowed)
        grown = any(_changes_files(before, after) for _, before, after in step.widened)
        return cls(request, given, step.schema, rewrite_all=grown)

    @property
    def dedups(self) -> bool:
        """Whether one row a key (for scd2: a key and moment) is kept."""
        return bool(self.request.key) and self.request.load in {"merge", "replace", "scd2"}

    @property
    def all_meet_target(self) -> bool:
        """Whether every new row is settled together with the table's versions of its key."""
        return self.request.load == "scd2" and self.request.target is not None

    def unique_by_key(self, unique: Iterable[str]) -> bool:
        """Whether deduplication by key makes columns unique already."""
        named = {name.casefold() for name in unique}
        key = {name.casefold() for name in self.request.key}
        return self.dedups and self.request.load != "scd2" and key <= named

    def content_names(self) -> list[str]:
        """Return the columns by which rows of one key and moment are put in order.

        They go by name, for their order may differ between a table and its SELECT.
        """
        return sorted(self._compared(VERSIONS))

    def changing_names(self) -> list[str]:
        """Return the columns in which versions of a key differ.

        The key is the same, and the moment always differs: neither counts.
        """
        latest = (self.request.latest_by,) if self.request.latest_by else ()
        return sorted(self._compared((*VERSIONS, *self.request.key, *latest)))

    def same_names(self) -> list[str]:
        """Return the columns that are equal in two rows of one key of equal content."""
        return self._compared((*VERSIONS, *self.request.key))

    def _compared(self, left_out: Iterable[str]) -> list[str]:
        out = {name.casefold() for name in (*AUDIT, *left_out)}
        return [f.name for f in self.final if f.name.casefold() not in out]


def _check_settings(request: StageRequest, given: Schema) -> None:
    if request.load in {"merge", "scd2"} and not request.key:
        raise LoadError.without_key(request.table, request.load)
    settings = [("key", name) for name in request.key]
    settings += [("latest_by", request.latest_by)] if request.latest_by else []
    for setting, name in settings:
        if name not in given:
            raise UnknownColumnError.named(
                name, setting=setting, table=request.table, known=given.names
            )
    if request.load == "scd2":
        for name in VERSIONS:
            if name in given:
                raise LoadError.reserved(request.table, name)


def _version_fields(request: StageRequest, given: Schema) -> tuple[Field, ...]:
    if request.load != "scd2":
        return ()
    latest = given.get(request.latest_by) if request.latest_by else None
    kind = latest.type if latest is not None else Scalar("timestamp")
    return (
        Field(VALID_FROM, kind),
        Field(VALID_TO, kind),
        Field(IS_CURRENT, Scalar("boolean")),
    )


def _audit_fields(request: StageRequest) -> tuple[Field, ...]:
    if request.audit is None:
        return ()
    return (
        Field(PROCESSED_AT, Scalar("timestamp")),
        Field(RUN_ID, Scalar("string")),
        Field(RECORD_HASH, Scalar("string")),
    )


def _changes_files(before: Type, after: Type) -> bool:
    """Whether files hold another physical type; a struct's new fields just read as null."""
    if isinstance(before, Struct) and isinstance(after, Struct):
        later = {f.name.casefold(): f.type for f in after.fields}
        return any(_changes_files(f.type, later[f.name.casefold()]) for f in before.fields)
    if isinstance(before, Array) and isinstance(after, Array):
        return _changes_files(before.element, after.element)
    if isinstance(before, Map) and isinstance(after, Map):
        return before.key != after.key or _changes_files(before.value, after.value)
    return before != after
