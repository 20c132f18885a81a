"""Put a model's ruleset between what is staged and what is committed, and keep what it came to."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from lakeworks.core import clock
from lakeworks.core.types import Schema
from lakeworks.pipeline.errors import ReferenceMissingError, RulesFailedError
from lakeworks.pipeline.report import RuleOutcome
from lakeworks.storage.files import TableSource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakeworks.core.names import TableName
    from lakeworks.engines.protocol import RowCheck, Session, Staged
    from lakeworks.pipeline.state import State
    from lakeworks.project.declaration import Model
    from lakeworks.quality import CompiledRuleset, Evaluation
    from lakeworks.quality.language.ruleset import Ruleset
    from lakeworks.quality.rules.context import Reference
    from lakeworks.quality.severity import Severity

PRIMARY = "primary"
_LOAD_COLUMNS = frozenset({"valid_from", "valid_to", "is_current"})
_AUDIT_COLUMNS = frozenset({"_processed_at", "_run_id", "_record_hash"})


@dataclass(frozen=True)
class StepRules:
    """One model's rules, compiled for the columns that its query gives.

    Attributes:
        severity_of: What each rule does when it is violated, by its text.
    """

    model: Model
    compiled: CompiledRuleset
    severity_of: Mapping[str, Severity]

    @property
    def row_checks(self) -> tuple[RowCheck, ...]:
        """The rules whose failing rows the engine sets aside while it stages."""
        return self.compiled.row_checks

    def judge(self, session: Session, staged: Staged, root: str) -> Evaluation:
        """Judge every rule on what was staged.

        Raises:
            RulesFailedError: a rule failed that keeps the step from being committed.
        """
        from lakeworks.quality.evaluation.gathering import gather
        from lakeworks.quality.severity import blocking

        session.bind(PRIMARY, TableSource(root, staged.schema, staged.added))
        figures = gather(
            self.compiled,
            session,
            scope="dataset",
            rejected_by=staged.rejected_by,
            rows_read=staged.read,
        )
        evaluation = self.compiled.judge(replace(figures, nothing_staged=not staged.added))
        failed = blocking(evaluation, self.severity_of)
        if failed:
            raise RulesFailedError.failed(
                self.model.table,
                [f"{o.rule}: {o.failure_reason}" for o in failed],
                evaluation=evaluation,
            )
        return evaluation


def outcomes_of(evaluation: Evaluation | None) -> tuple[RuleOutcome, ...]:
    """Return every rule's outcome as reports tell it."""
    found = evaluation.outcomes if evaluation else ()
    return tuple(RuleOutcome(o.rule, o.outcome, o.failure_reason) for o in found)


def record(
    evaluation: Evaluation,
    table: TableName,
    state: State,
    *,
    run_id: str,
    staged: Staged,
    version: int | None,
) -> None:
    """Keep what the rules came to; `version` is None where the step was not committed."""
    from lakeworks.catalog.quality_results import QualityResult

    state.services.catalog.quality_results.record(
        QualityResult(
            table=table,
            run_id=run_id,
            at=clock.now(),
            committed=version is not None,
            version=version,
            score=evaluation.score,
            rows_read=staged.read,
            rows_quarantined=staged.quarantined,
            outcomes=tuple(_plain(asdict(outcome)) for outcome in evaluation.outcomes),
            metrics=dict(evaluation.metrics),
        )
    )


def compiled(model: Model, schema: Schema, session: Session, state: State) -> StepRules | None:
    """Return the model's rules made ready for rows of `schema`, or None where it has none.

    The tables that rules refer to are bound to the session under their aliases, as they stand
    now: the graph has them made before.

    Raises:
        DqdlError: the ruleset does not parse.
    """
    if model.quality is None:
        return None
    from lakeworks.quality import compile_ruleset, parse
    from lakeworks.quality.evaluation.file_listing import StoredFiles
    from lakeworks.quality.outcomes.options import Options
    from lakeworks.quality.rules.custom_sql import GatedSql
    from lakeworks.quality.severity import severities

    project, at = state.services.project, model.quality.at
    ruleset: Ruleset = parse(model.quality.text, first_line=at.line, file=at.file)
    severity_of = severities(ruleset, model.quality.on_violation)
    references = _bound(model, session, state)
    # Nothing is staged yet; the rules' SQL is described over no rows.
    session.bind(PRIMARY, TableSource("", schema, ()))
    names = frozenset((PRIMARY, *references))
    ready = compile_ruleset(
        ruleset,
        schema,
        options=Options.read(model.quality.options),
        history=state.services.catalog.quality_results.history(model.table),
        references=references,
        files=StoredFiles(base=str(project.root), options=project.environment.options),
        caller_sql=GatedSql(state.services.engine, session, names),
    )
    kept = tuple(
        rule if severity_of[rule.text] == "quarantine" else replace(rule, check=None)
        for rule in ready.rules
    )
    return StepRules(model, replace(ready, rules=kept), severity_of)


def query_columns(model: Model, table: Schema) -> Schema:
    """Return the columns that the model's query gives, of those that its table has."""
    added = _AUDIT_COLUMNS if model.audit else frozenset()
    if model.load == "scd2":
        added |= _LOAD_COLUMNS
    return Schema(tuple(column for column in table if column.name not in added))


def _bound(model: Model, session: Session, state: State) -> dict[str, Reference]:
    from lakeworks.quality.rules.context import Reference

    found: dict[str, Reference] = {}
    storage = state.services.storage
    for alias, table in (model.quality.references if model.quality else {}).items():
        head = state.heads.get(table) or state.refresh(table)
        if head is None:
            raise ReferenceMissingError.named(model.table, alias, table)
        version = storage.table(table).version(head.version)
        session.bind(alias, version.source(storage.table_root(table)))
        found[alias] = Reference(alias, version.schema)
    return found


def _plain(outcome: dict[str, object]) -> dict[str, object]:
    outcome.pop("row_level")
    return outcome
