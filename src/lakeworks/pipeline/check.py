"""Examine a whole project against itself: rules parse, columns exist, headers name real columns.

The loader has checked every file on its own. Here the engine describes each SELECT over empty
tables with the columns that its inputs would have, along the graph. Of data nothing is read but
parts of a source's files, where its table does not exist yet: a column that none of them shows
is then a doubt, unless they are all there is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lakeworks.catalog.statement_writes import making_of
from lakeworks.core import events
from lakeworks.core.errors import LakeError, did_you_mean
from lakeworks.core.types import Field, Scalar, Schema
from lakeworks.pipeline.errors import StatementTableError
from lakeworks.pipeline.federated import read_from_catalogs
from lakeworks.pipeline.folder_columns import folder_doubts
from lakeworks.pipeline.graph import execution_order, graph_of, without_circles
from lakeworks.pipeline.lineage import useless_declassify
from lakeworks.pipeline.model_sql import select_of
from lakeworks.pipeline.record_schemas import record_schema_mistakes
from lakeworks.pipeline.redeclared import redeclared_doubts
from lakeworks.pipeline.rule_check import never_pass, rule_mistakes
from lakeworks.pipeline.view_check import view_mistakes
from lakeworks.project.declaration import Location
from lakeworks.project.errors import Mistake, ProjectError
from lakeworks.storage.files import TableSource

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lakeworks.core.names import TableName
    from lakeworks.engines.protocol import Session
    from lakeworks.pipeline.state import Services
    from lakeworks.project.declaration import Model, Project, Source
    from lakeworks.project.loader import Examined

_MOST_MISSING = 50
_SYSTEM_NAMES = frozenset({"_source_file", "_ingested_at", "_run_id", "_rescued"})
_ANOTHER = Field("_lakeworks_another", Scalar("string"))
AUDIT_FIELDS = (
    Field("_processed_at", Scalar("timestamp")),
    Field("_run_id", Scalar("string")),
    Field("_record_hash", Scalar("string")),
)


def check(services: Services) -> Project:
    """Return the project when nothing is wrong with it; emit `check.doubt` for each doubt.

    Raises:
        ProjectError: with every mistake.
    """
    rulesets = [model.quality for model in services.project.models.values() if model.quality]
    mistakes = [*rule_mistakes(rulesets), *_against_itself(services, describe(services))]
    if mistakes:
        raise ProjectError.of(mistakes)
    return services.project


def check_examined(examined: Examined, services: Services | None) -> Project:
    """Return the project when nothing is wrong with it, its files included.

    Each doubt is emitted as `check.doubt`.

    Args:
        examined: What the loader found.
        services: The parts of the project as far as it is sound; None without an environment.

    Raises:
        ProjectError: with every mistake of the files, and every other that the rest shows.
    """
    mistakes = [*examined.mistakes, *rule_mistakes(examined.rulesets)]
    if services is not None:
        mistakes += _against_itself(services, describe(services, doubtful=examined.doubtful))
    if mistakes or services is None:
        raise ProjectError.of(mistakes)
    return services.project


def _against_itself(services: Services, described: Described) -> list[Mistake]:
    """Return what is wrong among what was described; tell the doubts."""
    wrong, doubts = view_mistakes(services, described.schemas)
    doubts += useless_declassify(services, described.schemas)
    doubts += redeclared_doubts(services.project, services.catalog.heads())
    _tell([*described.doubts, *doubts])
    return [
        *record_schema_mistakes(services),
        *_policy_mistakes(services, described.schemas),
        *_statement_mistakes(services),
        *wrong,
        *described.mistakes,
    ]


def _statement_mistakes(services: Services) -> list[Mistake]:
    """Return a mistake for each declared table whose name is that of a statement's table."""
    project, shown = services.project, services.catalog.current_snapshot().tables
    found = []
    for table, head in services.catalog.heads().items():
        declared = project.models.get(table) or project.sources.get(table)
        if declared is not None and table in shown and making_of(head.fingerprint):
            error = StatementTableError.named(table, str(declared.at.file))
            found.append(Mistake(declared.at, error.problem, error.hint, error.code))
    return found


def _policy_mistakes(
    services: Services, schemas: Mapping[TableName, Schema | None]
) -> list[Mistake]:
    project = services.project
    if not project.policies:
        return []
    from lakeworks.governance.checking import policy_mistakes

    known = {**_undeclared(services), **schemas}
    more = services.more_checks(project, known) if services.more_checks else []
    return [*policy_mistakes(project, known), *more]


def _undeclared(services: Services) -> dict[TableName, Schema | None]:
    """Return the columns of what statements made, which policies may name as well."""
    shown = services.catalog.current_snapshot().tables
    found: dict[TableName, Schema | None] = {
        table: head.schema
        for table, head in services.catalog.heads().items()
        if table in shown and making_of(head.fingerprint)
    }
    if services.catalog.view_names():
        found |= {view.name: view.schema for view in services.catalog.data_catalog.views()}
    return found


@dataclass
class Described:
    """The columns that every table has or would have; None where it cannot be known yet.

    Attributes:
        sampled: Tables whose columns are those that some files of their source show.
        partly: Tables to which what was not looked at of some files may add columns.
        doubts: What would be a mistake if what was seen of the files were all.
    """

    schemas: dict[TableName, Schema | None] = field(default_factory=dict)
    sampled: set[TableName] = field(default_factory=set)
    partly: set[TableName] = field(default_factory=set)
    mistakes: list[Mistake] = field(default_factory=list)
    doubts: list[Mistake] = field(default_factory=list)


def describe(
    services: Services,
    *,
    known: Mapping[TableName, Schema] | None = None,
    doubtful: frozenset[TableName] = frozenset(),
) -> Described:
    """Describe every model in order.

    Args:
        services: The project's parts.
        known: Columns to be taken as given for some tables, instead of the catalog's.
        doubtful: Models whose headers are not whole: their queries are examined, but what
            columns their tables would have is not known.
    """
    found = Described()
    project = services.project
    heads = services.catalog.heads()
    for name in project.tables:
        found.schemas[name] = _external_schema(name, services, found)
    if project.catalogs:
        read = read_from_catalogs(services)
        found.schemas.update(read.schemas)
        found.mistakes += read.mistakes
        found.doubts += read.doubts
    for table in execution_order(without_circles(graph_of(project))):
        if known and table in known:
            found.schemas[table] = known[table]
        elif table in project.sources:
            head = heads.get(table)
            found.schemas[table] = head.schema if head else None
            # A table whose files so far were all set aside has no columns of its own either.
            if head is None or all(name in _SYSTEM_NAMES for name in head.schema.names):
                _sample(project.sources[table], services, found)
        else:
            _describe_model(project.models[table], services, found, table in doubtful)
    return found


def _external_schema(name: TableName, services: Services, found: Described) -> Schema | None:
    """Return an external table's columns; note what is wrong with its declaration."""
    from lakeworks.ingest.external_check import checked_table

    schema, mistakes, doubts = checked_table(services.project.tables[name], services.external)
    found.mistakes += mistakes
    found.doubts += doubts
    return schema


def full_schema(model: Model, schema: Schema) -> Schema:
    """Return a model's table schema: its SELECT's columns and what its load and audit add."""
    fields = list(schema)
    if model.load == "scd2":
        moment = schema.get(model.latest_by) if model.latest_by else None
        when = moment.type if moment else Scalar("timestamp")
        fields += [
            Field("valid_from", when),
            Field("valid_to", when),
            Field("is_current", Scalar("boolean")),
        ]
    if model.audit:
        fields += AUDIT_FIELDS
    return Schema(tuple(fields))


def _sample(source: Source, services: Services, found: Described) -> None:
    """Take the columns of a table that does not exist yet from its source's files."""
    from lakeworks.ingest.discover import discover
    from lakeworks.ingest.sampling import sampled

    try:
        files = discover(source, services.project.environment.options)
    except LakeError:
        return  # no folder yet, no files: nothing can be said of columns
    if not files:
        return
    found.doubts += folder_doubts(source, files)
    with services.engine.session() as session:
        landing = services.storage.landing
        seen = sampled(source, files, session=session, landing=landing)
    found.schemas[source.table] = seen.schema
    found.sampled.add(source.table)
    if source.schema == "evolve" and not seen.whole:
        found.partly.add(source.table)


def _describe_model(
    model: Model,
    services: Services,
    found: Described,
    doubtful: bool,  # noqa: FBT001
) -> None:
    inputs = {table: found.schemas.get(table) for table in model.inputs}
    if any(schema is None for schema in inputs.values()):
        found.schemas[model.table] = None
        return
    with services.engine.session() as session:
        for table, schema in inputs.items():
            assert schema is not None  # noqa: S101 - seen just above
            session.bind(str(table), TableSource("", schema, ()))
        schema = _described(model, session, found)
        if schema is not None and _passes_on_more(model, session, found):
            found.partly.add(model.table)
    if schema is not None and not doubtful:
        told = never_pass(model, schema, found.schemas, services)
        doubted = model.table in found.partly
        found.doubts += [mistake for mistake, warned in told if doubted or warned]
        found.mistakes += [mistake for mistake, warned in told if not (doubted or warned)]
    if schema is not None and not doubtful:
        found.mistakes += _header_mistakes(model, schema)
        schema = full_schema(model, schema)
    found.schemas[model.table] = None if doubtful else schema


def _described(model: Model, session: Session, found: Described) -> Schema | None:
    try:
        return session.describe(select_of(model, session))
    except LakeError as error:
        for told, doubtful in _missing(model, session, found, error):
            mistake = _mistake(told, model, found, in_doubt=doubtful)
            (found.doubts if doubtful else found.mistakes).append(mistake)
        return None


def _passes_on_more(model: Model, session: Session, found: Described) -> bool:
    """Whether columns that a source may still bring would be the model's too, by its `*`."""
    unseen = found.partly.intersection(model.inputs)
    for table in unseen:
        schema = Schema((*(found.schemas[table] or Schema()), _ANOTHER))
        session.bind(str(table), TableSource("", schema, ()))
    if not unseen or model.function:
        return False
    try:
        return _ANOTHER.name in session.describe(select_of(model, session))
    except LakeError:
        return False


def _mistake(
    error: LakeError, model: Model, found: Described, *, in_doubt: bool = False
) -> Mistake:
    line = getattr(error, "line", None)
    at = Location(model.at.file, model.sql_line + line - 1) if line else model.at
    hint = error.hint
    missing = getattr(error, "missing", "")
    if missing and not hint:
        columns = {n for t in model.inputs for n in (found.schemas[t] or Schema()).names}
        hint = did_you_mean(missing, columns)
    hint = _with_origin(hint, model, found, in_doubt=in_doubt)
    return Mistake(at, _first_line(error), hint, error.code)


def _missing(
    model: Model, session: Session, found: Described, error: LakeError
) -> Iterator[tuple[LakeError, bool]]:
    """Yield the error and what columns are missing besides, for engines tell one at a time.

    With each comes whether it is only a doubt: whether a source of which not all was seen may
    still bring the column. The query is described again as if the column were there, in one input
    after the other. What else goes wrong then may come of that, and is not told.
    """
    schemas = {table: found.schemas[table] or Schema() for table in model.inputs}
    unseen_first = sorted(model.inputs, key=lambda table: table not in found.partly)
    for _ in range(_MOST_MISSING):
        missing = getattr(error, "missing", "")
        if not missing or model.function:
            yield error, _lacks_a_field(error) and not found.partly.isdisjoint(model.inputs)
            return
        following: LakeError | None = error
        home = None
        for table in unseen_first:
            grown = Schema((*schemas[table], Field(missing, Scalar("string"))))
            session.bind(str(table), TableSource("", grown, ()))
            following = _error_of(model, session)
            if following is None or getattr(following, "missing", "") != missing:
                schemas[table], home = grown, table
                break
            session.bind(str(table), TableSource("", schemas[table], ()))
        yield error, home in found.partly
        if following is None or getattr(following, "missing", "") in {"", missing}:
            return
        error = following


def _lacks_a_field(error: LakeError) -> bool:
    """Whether a struct lacks a field, or a frame of a Python model a column."""
    if getattr(error, "missing_field", "") or getattr(error, "missing", ""):
        return True
    return type(error.__cause__).__name__ == "ColumnNotFoundError"  # narwhals' own


def _error_of(model: Model, session: Session) -> LakeError | None:
    try:
        session.describe(select_of(model, session))
    except LakeError as error:
        return error
    return None


def _with_origin(hint: str, model: Model, found: Described, *, in_doubt: bool) -> str:
    """Add to a hint which columns are only what files show, should it be one of those."""
    told = [
        f"{table} has no data yet, and its files were looked at only in part: further fields "
        "are not known"
        if table in found.partly
        else f"{table} has no data yet: its columns are those that its files have"
        for table in model.inputs
        if table in (found.partly if in_doubt else found.sampled - found.partly)
    ]
    return "; ".join([hint, *told] if hint else told)


def _first_line(error: LakeError) -> str:
    """Return the problem without the place inside the SQL, which the file's line replaces."""
    text = error.problem
    if text.startswith("SQL line "):
        text = text.split(": ", 1)[-1]
    return text


def _header_mistakes(model: Model, schema: Schema) -> list[Mistake]:
    named = {
        "key": model.key,
        "latest_by": (model.latest_by,) if model.latest_by else (),
        "partition_by": model.partition_by,
        "columns": tuple(model.columns),
    }
    known = full_schema(model, schema)
    return [
        Mistake(
            model.at,
            f"{setting} of {model.table} names the column {column!r}, which its query does not give",
            did_you_mean(column, known.names),
            "LW710",
        )
        for setting, columns in named.items()
        for column in columns
        if column not in known
    ]


def _tell(doubts: Iterable[Mistake]) -> None:
    for doubt in sorted(dict.fromkeys(doubts), key=lambda d: (d.at.file, d.at.line)):
        events.emit("check.doubt", **doubt.as_json())
