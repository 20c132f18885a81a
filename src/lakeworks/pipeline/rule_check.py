"""What is wrong with the rules of models, told before a run: alone, and for the columns they judge.

Of data nothing is read. `check.py` knows which columns a model's query gives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.core.errors import LakeError
from lakeworks.core.types import Schema
from lakeworks.project.declaration import Location
from lakeworks.project.errors import Mistake
from lakeworks.storage.files import TableSource

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lakeworks.core.names import TableName
    from lakeworks.engines.protocol import Session
    from lakeworks.pipeline.state import Services
    from lakeworks.project.declaration import Model, Quality
    from lakeworks.quality.language.ruleset import Composite, Rule, Ruleset
    from lakeworks.quality.outcomes.evaluation import Test

NEVER_PASSES = "LW711"
_PRIMARY = "primary"
_CHANGING = ("last(", "SchemaMatch")


def rule_mistakes(rulesets: Iterable[Quality]) -> list[Mistake]:
    """Return what is wrong with rulesets, whatever they judge."""
    from lakeworks.quality import check
    from lakeworks.quality.outcomes.options import Options

    mistakes: list[Mistake] = []
    for ruleset in rulesets:
        at = ruleset.at
        problems: list[LakeError] = list(check(ruleset.text, first_line=at.line, file=at.file))
        if not problems:
            problems = list(_in_models(_parsed(ruleset)))
        try:
            Options.read(ruleset.options)
        except LakeError as error:
            problems.append(error)
        for found in problems:
            line = getattr(found, "line", None) or at.line
            mistakes.append(
                Mistake(Location(at.file, line), found.problem, found.hint, found.code)
            )
    return mistakes


def never_pass(
    model: Model,
    schema: Schema,
    known: Mapping[TableName, Schema | None],
    services: Services,
) -> list[tuple[Mistake, bool]]:
    """Return the rules that fail on any rows of `schema`, each with whether it only warns.

    These are rules on a column that is missing or of a type that does not fit, and SQL that
    does not bind. Where the columns of a reference are not known yet, nothing can be said.

    Args:
        schema: The columns that the model's query gives.
        known: The columns of the other tables.
    """
    quality = model.quality
    references = quality.references if quality else {}
    if quality is None or any(known.get(table) is None for table in references.values()):
        return []
    with services.engine.session() as session:
        session.bind(_PRIMARY, TableSource("", schema, ()))
        schemas = {alias: known.get(table) or Schema() for alias, table in references.items()}
        for alias, columns in schemas.items():
            session.bind(alias, TableSource("", columns, ()))
        return list(_settled(quality, schema, schemas, services, session))


def _settled(
    quality: Quality,
    schema: Schema,
    schemas: Mapping[str, Schema],
    services: Services,
    session: Session,
) -> Iterator[tuple[Mistake, bool]]:
    from lakeworks.quality import compile_ruleset
    from lakeworks.quality.evaluation.file_listing import StoredFiles
    from lakeworks.quality.outcomes.options import Options
    from lakeworks.quality.rules.context import Reference
    from lakeworks.quality.rules.custom_sql import GatedSql
    from lakeworks.quality.severity import severities

    references = {alias: Reference(alias, columns) for alias, columns in schemas.items()}
    names = frozenset((_PRIMARY, *references))
    try:
        parsed = _parsed(quality)
        severity_of = severities(parsed, quality.on_violation)
        compiled = compile_ruleset(
            parsed,
            schema,
            options=Options.read(quality.options),
            references=references,
            files=StoredFiles(),
            caller_sql=GatedSql(services.engine, session, names),
        )
    except LakeError:
        return  # told by `rule_mistakes`
    for rule, ready in zip(parsed.rules, compiled.rules, strict=True):
        # What hangs on earlier runs, or on another table's columns, may pass another day.
        changing = any(word in ready.text for word in _CHANGING)
        reason = "" if changing else _reason(ready.test)
        if reason:
            at = Location(quality.at.file, rule.at.line)
            problem = f"{_shown(ready.text)} fails every run: {reason}"
            yield (
                Mistake(at, problem, "", NEVER_PASSES),
                severity_of[ready.text] == "warn",
            )


def _reason(test: Test) -> str:
    """Why a test cannot pass, whatever the rows are; empty where it may."""
    from lakeworks.quality.outcomes.evaluation import AllOf, AnyOf, Settled

    if isinstance(test, Settled):
        return test.finding.reason if test.finding.outcome != "Passed" else ""
    if isinstance(test, AllOf | AnyOf):
        reasons = [_reason(part) for part in test.tests]
        if isinstance(test, AllOf) or all(reasons):
            return next(filter(None, reasons), "")
    return ""


def _in_models(ruleset: Ruleset) -> Iterator[LakeError]:
    from lakeworks.quality.errors import DqdlError
    from lakeworks.quality.severity import severity_problems

    yield from severity_problems(ruleset)
    for rule in _leaves(ruleset.rules):
        if rule.type.startswith("File") and not rule.parameters:
            problem = f"{rule.type} names no path, and a model's rows come from tables"
            hint = "name a folder or s3://…; `lake quality check` judges the files of data"
            yield DqdlError.at(rule.at, problem, hint)


def _leaves(rules: Iterable[Rule | Composite]) -> Iterator[Rule]:
    from lakeworks.quality.language.ruleset import Rule

    for rule in rules:
        if isinstance(rule, Rule):
            yield rule
        else:
            yield from rule.leaves()


def _parsed(quality: Quality) -> Ruleset:
    from lakeworks.quality import parse

    return parse(quality.text, first_line=quality.at.line, file=quality.at.file)


def _shown(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:79]}…"  # noqa: PLR2004 - one line of a terminal
