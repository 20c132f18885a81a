"""Say what a run would do, why, and what it costs, before anything happens.

Reads the catalog, the store's listings and (only where code changed) the engine's view of a
query's columns; changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lakeworks.ingest.discover import discover
from lakeworks.ingest.pending import pending
from lakeworks.pipeline.decide import decide
from lakeworks.pipeline.graph import execution_order, graph_of, select, upstream
from lakeworks.pipeline.plan import Plan, PlannedStep
from lakeworks.pipeline.redeclared import redeclared
from lakeworks.pipeline.state import State
from lakeworks.project.catalog_declaration import lies_outside

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakeworks.core.names import TableName
    from lakeworks.ingest.pending import Pending
    from lakeworks.pipeline.decide import Decision
    from lakeworks.pipeline.plan import Action
    from lakeworks.pipeline.runner import RunRequest
    from lakeworks.pipeline.state import Services
    from lakeworks.project.declaration import Model, Source
    from lakeworks.project.errors import Mistake


def make_plan(
    services: Services,
    request: RunRequest,
    *,
    with_schemas: bool = True,
    remember: bool = False,
) -> Plan:
    """Return what `request` would do now.

    Args:
        services: The project's parts.
        request: What would be asked of a run.
        with_schemas: Also compare the columns of changed models with their tables (needs the
            engine), and name who is affected.
        remember: Note in the catalog the new times of files that were only touched, so that
            the next look at them opens none. Nothing else is ever written.

    Raises:
        SelectionError: the selection names nothing.
    """
    services = services.with_views()
    graph = graph_of(services.project)
    chosen = select(graph, request.selection)
    state = State.read(services, upstream(graph, chosen))
    planner = _Planner(services, state, request, _rates(services), remember)
    for table in execution_order(graph):
        if table in chosen:
            planner.add(table)
    steps = tuple(planner.steps.values())
    mistakes: tuple[Mistake, ...] = ()
    if with_schemas and any(step.action in {"build", "rebuild"} for step in steps):
        from lakeworks.pipeline.schema_changes import with_schema_changes

        steps, mistakes = with_schema_changes(steps, services, state)
    ahead = tuple(sorted(state.unpublished(upstream(graph, chosen))))
    return Plan(steps, ahead, mistakes)


def pending_files(source: Source, state: State) -> Pending:
    """Return which files of a source are new, changed or gone since its last batch."""
    services = state.services
    known = services.catalog.ledger.entries(source.table, up_to=state.files_batch(source.table))
    options = services.project.environment.options
    return pending(source, discover(source, options), known)


@dataclass
class _Planner:
    services: Services
    state: State
    request: RunRequest
    rates: Mapping[TableName, float]
    remember: bool
    steps: dict[TableName, PlannedStep] = field(default_factory=dict)

    def add(self, table: TableName) -> None:
        model = self.services.project.models.get(table)
        step = self._source(table) if model is None else self._model(model)
        self.steps[table] = step

    def _source(self, table: TableName) -> PlannedStep:
        source = self.services.project.sources[table]
        found = pending_files(source, self.state)
        if self.remember and found.touched:
            self.services.catalog.ledger.touch(table, found.touched)
        reasons = tuple(
            f"{len(files):,} {what} files" if len(files) != 1 else f"1 {what} file"
            for what, files in (("new", found.new), ("changed", found.changed))
            if files
        )
        if self.request.reads_again:
            reasons = (*reasons, "full refresh asked for")
        changed = redeclared(source, self.state.heads.get(table))
        if self.request.keep_read and changed:
            reasons = (*reasons, "its rows are to stay as they were read")
        mended = self.request.keep_read or self.request.reads_again
        size_bytes = sum(file.size_bytes for file in (*found.new, *found.changed))
        return PlannedStep(
            table,
            "source",
            "read files" if reasons else "none",
            reasons or ("no new files",),
            size_bytes=size_bytes,
            redeclared=() if mended else changed,
        )

    def _model(self, model: Model) -> PlannedStep:
        made_anew = [
            table
            for table in model.inputs
            if table in self.steps and self.steps[table].action != "none"
        ]
        known, project = {*self.state.heads, *made_anew}, self.services.project
        missing = [t for t in model.inputs if t not in known and not lies_outside(project, t)]
        if missing:
            return PlannedStep(model.table, "model", "none", (f"{missing[0]} has no data yet",))
        decision = decide(model, self.state, full_refresh=self.request.full_refresh)
        reasons: tuple[str, ...] = (decision.reason,) if decision.mode != "none" else ()
        if made_anew:
            reasons = (*reasons, f"after {', '.join(str(table) for table in made_anew)}")
        action = self._action(model, decision, after_others=bool(made_anew))
        rows, size_bytes = self._input_size(
            model, decision, whole=action in {"build", "rebuild"}
        )
        rate = self.rates.get(model.table)
        return PlannedStep(
            model.table,
            "model",
            action,
            reasons or (decision.reason,),
            rows=rows,
            size_bytes=size_bytes,
            seconds=rows / rate if rate and rows else None,
        )

    def _action(self, model: Model, decision: Decision, *, after_others: bool) -> Action:
        if model.table not in self.state.heads:
            return "build"
        if decision.mode == "whole":
            return "rebuild"
        if after_others:
            return "rebuild" if model.load == "replace" else "update"
        return "update" if decision.mode in {"new rows", "partitions"} else "none"

    def _input_size(
        self, model: Model, decision: Decision, *, whole: bool
    ) -> tuple[int | None, int | None]:
        if decision.gained and not whole:
            files = decision.gained
            return sum(f.rows for f in files), sum(f.size_bytes for f in files)
        if not whole:
            return None, None
        heads = [self.state.heads[table] for table in model.inputs if table in self.state.heads]
        return sum(head.rows for head in heads), sum(head.size_bytes for head in heads)


def _rates(services: Services) -> dict[TableName, float]:
    """Return rows a second of each step's latest successful run."""
    from lakeworks.core.names import TableName

    rates: dict[TableName, float] = {}
    for record in services.catalog.runs(limit=10):
        for step in (record.report or {}).get("steps", ()):
            table = TableName.parse(step["table"])
            if step["status"] == "succeeded" and step["rows_read"] and step["seconds"]:
                rates.setdefault(table, step["rows_read"] / step["seconds"])
    return rates
