"""Examine a whole project against itself: rules parse, columns exist, headers name real columns.

The loader has checked every file on its own. Here the engine describes each SELECT over empty
tables with the columns that its inputs would have, along the graph. Of data nothing is read but
the beginnings of a source's files, where its table does not exist yet.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lakeworks.core.errors import LakeError, did_you_mean
from lakeworks.core.types import Field, Scalar, Schema
from lakeworks.pipeline import frame_models
from lakeworks.pipeline.graph import execution_order, graph_of, without_circles
from lakeworks.project.declaration import Location
from lakeworks.project.errors import Mistake, ProjectError
from lakeworks.storage.files import TableSource

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lakeworks.core.names import TableName
    from lakeworks.engines.protocol import Session
    from lakeworks.pipeline.state import Services
    from lakeworks.project.declaration import Model, Project, Quality, Source
    from lakeworks.project.loader import Examined

_MOST_MISSING = 50
AUDIT_FIELDS = (
    Field("_processed_at", Scalar("timestamp")),
    Field("_run_id", Scalar("string")),
    Field("_record_hash", Scalar("string")),
)


def check(services: Services) -> Project:
    """Return the project when nothing is wrong with it.

    Raises:
        ProjectError: with every mistake.
    """
    rulesets = [model.quality for model in services.project.models.values() if model.quality]
    mistakes = [*_rule_mistakes(rulesets), *describe(services).mistakes]
    if mistakes:
        raise ProjectError.of(mistakes)
    return services.project


def check_examined(examined: Examined, services: Services | None) -> Project:
    """Return the project when nothing is wrong with it, its files included.

    Args:
        examined: What the loader found.
        services: The parts of the project as far as it is sound; None without an environment.

    Raises:
        ProjectError: with every mistake of the files, and every other that the rest shows.
    """
    mistakes = [*examined.mistakes, *_rule_mistakes(examined.rulesets)]
    if services is not None:
        mistakes += describe(services, doubtful=examined.doubtful).mistakes
    if mistakes or services is None:
        raise ProjectError.of(mistakes)
    return services.project


@dataclass
class Described:
    """The columns that every table has or would have; None where it cannot be known yet.

    Attributes:
        sampled: Tables whose columns are those that the first files of their source show.
    """

    schemas: dict[TableName, Schema | None] = field(default_factory=dict)
    sampled: set[TableName] = field(default_factory=set)
    mistakes: list[Mistake] = field(default_factory=list)


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
    for table in execution_order(without_circles(graph_of(project))):
        if known and table in known:
            found.schemas[table] = known[table]
        elif table in project.sources:
            head = heads.get(table)
            found.schemas[table] = head.schema if head else None
            if head is None:
                _sample(project.sources[table], services, found)
        else:
            _describe_model(project.models[table], services, found, table in doubtful)
    return found


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
    from lakeworks.ingest.sampling import sampled_schema

    try:
        files = discover(source, services.project.environment.options)
    except LakeError:
        return  # no folder yet, no files: nothing can be said of columns
    if not files:
        return
    with services.engine.session() as session:
        landing = services.storage.landing
        schema = sampled_schema(source, files, session=session, landing=landing)
    found.schemas[source.table] = schema
    found.sampled.add(source.table)


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
    if schema is not None and not doubtful:
        found.mistakes += _header_mistakes(model, schema)
        schema = full_schema(model, schema)
    found.schemas[model.table] = None if doubtful else schema


def _described(model: Model, session: Session, found: Described) -> Schema | None:
    try:
        sql = frame_models.as_sql(model, session) if model.function else model.sql or ""
        return session.describe(sql)
    except LakeError as error:
        found.mistakes.append(_mistake(error, model, found))
        if not model.function:
            more = _others_missing(model, session, found, error)
            found.mistakes += (_mistake(other, model, found) for other in more)
        return None


def _mistake(error: LakeError, model: Model, found: Described) -> Mistake:
    line = getattr(error, "line", None)
    at = Location(model.at.file, model.sql_line + line - 1) if line else model.at
    hint = _with_origin(error.hint, model, found)
    return Mistake(at, _first_line(error), hint, error.code)


def _others_missing(
    model: Model, session: Session, found: Described, error: LakeError
) -> Iterator[LakeError]:
    """Find what columns are missing besides, for engines tell one at a time.

    The query is described again as if the column were there, in one input after the other. What
    else goes wrong then may come of that, and is not told.
    """
    schemas = {table: found.schemas[table] or Schema() for table in model.inputs}
    for _ in range(_MOST_MISSING):
        missing = getattr(error, "missing", "")
        if not missing:
            return
        following: LakeError | None = None
        for table in model.inputs:
            grown = Schema((*schemas[table], Field(missing, Scalar("string"))))
            session.bind(str(table), TableSource("", grown, ()))
            following = _error_of(model, session)
            if following is None or getattr(following, "missing", "") != missing:
                schemas[table] = grown
                break
            session.bind(str(table), TableSource("", schemas[table], ()))
        if following is None or getattr(following, "missing", "") in {"", missing}:
            return
        error = following
        yield error


def _error_of(model: Model, session: Session) -> LakeError | None:
    try:
        session.describe(model.sql or "")
    except LakeError as error:
        return error
    return None


def _with_origin(hint: str, model: Model, found: Described) -> str:
    """Add to a hint which columns are only what some files show, should it be one of those."""
    told = [
        f"{table} has no data yet: its columns are those that its files begin with"
        for table in model.inputs
        if table in found.sampled
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


def _rule_mistakes(rulesets: Iterable[Quality]) -> list[Mistake]:
    from lakeworks.quality import check as check_rules

    mistakes: list[Mistake] = []
    for ruleset in rulesets:
        at = ruleset.at
        for error in check_rules(ruleset.text, first_line=at.line, file=at.file):
            line = error.line or at.line
            mistakes.append(
                Mistake(Location(at.file, line), error.problem, error.hint, error.code)
            )
    return mistakes
