"""Put a model's ruleset between what is staged and what is committed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.core.types import Schema
from lakeworks.pipeline.errors import RulesFailedError
from lakeworks.pipeline.report import RuleOutcome
from lakeworks.storage.files import TableSource

if TYPE_CHECKING:
    from lakeworks.engines.protocol import RowCheck, Session, Staged
    from lakeworks.project.declaration import Model
    from lakeworks.quality import CompiledRuleset, Evaluation

_STAGED = "primary"
_LOAD_COLUMNS = frozenset({"valid_from", "valid_to", "is_current"})
_AUDIT_COLUMNS = frozenset({"_processed_at", "_run_id", "_record_hash"})


@dataclass(frozen=True)
class StepRules:
    """One model's rules, compiled for the columns that its query gives."""

    model: Model
    compiled: CompiledRuleset
    on_violation: str

    @property
    def row_checks(self) -> tuple[RowCheck, ...]:
        """The rules whose failing rows the engine sets aside while it stages."""
        return self.compiled.row_checks if self.on_violation == "quarantine" else ()

    def judge(self, session: Session, staged: Staged, root: str) -> Evaluation:
        """Judge every rule on what was staged.

        Raises:
            RulesFailedError: a rule failed that keeps the step from being committed.
        """
        by_rows = self.on_violation == "quarantine"
        session.bind(_STAGED, TableSource(root, staged.schema, staged.added))
        from lakeworks.quality.gathering import gather

        figures = gather(
            self.compiled,
            session,
            scope="dataset" if by_rows else "all",
            rejected_by=staged.rejected_by if by_rows else None,
            rows_read=staged.read,
        )
        evaluation = self.compiled.judge(figures)
        failed = evaluation.blocking(self.on_violation)  # type: ignore[arg-type]
        if failed:
            raise RulesFailedError.failed(
                self.model.table,
                [f"{o.rule}: {o.failure_reason}" for o in failed],
                score=evaluation.score,
                outcomes=outcomes_of(evaluation),
            )
        return evaluation


def outcomes_of(evaluation: Evaluation | None) -> tuple[RuleOutcome, ...]:
    """Return every rule's outcome as reports tell it."""
    found = evaluation.outcomes if evaluation else ()
    return tuple(RuleOutcome(o.rule, o.outcome, o.failure_reason) for o in found)


def compiled(model: Model, schema: Schema) -> StepRules | None:
    """Return the model's rules made ready for rows of `schema`, or None where it has none.

    Raises:
        DqdlError: the ruleset does not parse.
    """
    if model.quality is None:
        return None
    from lakeworks.quality import compile_ruleset, parse

    at = model.quality.at
    ruleset = parse(model.quality.text, first_line=at.line, file=at.file)
    return StepRules(model, compile_ruleset(ruleset, schema), model.quality.on_violation)


def query_columns(model: Model, table: Schema) -> Schema:
    """Return the columns that the model's query gives, of those that its table has."""
    added = _AUDIT_COLUMNS if model.audit else frozenset()
    if model.load == "scd2":
        added |= _LOAD_COLUMNS
    return Schema(tuple(column for column in table if column.name not in added))
