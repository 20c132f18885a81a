"""Evaluate a ruleset over any data, without a project: `lakeworks.quality.evaluate`."""

from __future__ import annotations

import atexit
import shutil
import tempfile
import weakref
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakeworks.core.names import quote_identifier
from lakeworks.quality.errors import EvaluationRequestError, UnreadableDataError
from lakeworks.quality.evaluation import flags
from lakeworks.quality.evaluation.compile import CompiledRuleset, compile_ruleset
from lakeworks.quality.evaluation.file_listing import StoredFiles
from lakeworks.quality.evaluation.gathering import gather
from lakeworks.quality.evaluation.given_data import bind, s3_url
from lakeworks.quality.language.grammar import parse
from lakeworks.quality.language.ruleset import Ruleset
from lakeworks.quality.outcomes.options import Options
from lakeworks.quality.rules.context import PRIMARY, Reference
from lakeworks.quality.rules.custom_sql import GatedSql

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa

    from lakeworks.core.types import Schema
    from lakeworks.engines.protocol import Engine, Session
    from lakeworks.quality.outcomes.evaluation import Evaluation

_NAME = PRIMARY.strip('"')


def evaluate(  # noqa: PLR0913 - what a caller may fix
    data: object,
    ruleset: str | os.PathLike[str] | Ruleset,
    *,
    reference: Mapping[str, object] | None = None,
    history: Mapping[str, Sequence[float]] | None = None,
    now: datetime | None = None,
    options: Mapping[str, object] | None = None,
    engine: str = "duckdb",
) -> Evaluation:
    """Judge data by a DQDL ruleset.

    ```python
    from lakeworks import quality

    found = quality.evaluate("orders/*.parquet", 'Rules = [ IsComplete "order_id" ]')
    print(found)            # a table of the outcomes
    found.score             # 1.0
    found.rows()            # the rows, each with the rules that it passes and fails
    ```

    Args:
        data: An Arrow table, reader or dataset; a pandas frame; a Polars frame, lazy or not; a
            DuckDB relation; a Delta table (`deltalake.DeltaTable`, or its folder); the path or
            glob of Parquet, CSV or JSON files, JSON lines too; or whatever hands out an Arrow
            stream. A reader, a relation and a stream are read to their end once.
        ruleset: DQDL, or a path of a file with it, or what `parse` gave.
        reference: Other datasets by the alias that rules name them with, as for `data`.
        history: Earlier values of metrics by Glue's name, oldest first, for dynamic rules and
            anomalies: `{"Dataset.*.RowCount": [10, 12, 14]}`.
        now: What `now()` means; the current moment when left out, UTC where it has no zone.
        options: Glue's options: `compositeRuleEvaluation.method` (`DATASET` or `ROW`) and
            `rowLevelConfiguration.filteredRowLabel` (`PASSED` or `SKIPPED`).
        engine: Where the SQL runs.

    Raises:
        DqdlError: the ruleset is not well formed.
        UnsupportedDataError: the data is of no kind that is read.
        UnreadableDataError: its files are not there, or of no known format.
        UnknownOptionError: there is no such option.
    """
    told = _ruleset(ruleset)
    chosen = Options.read(options)
    past = _history(history)
    others = dict(reference or {})
    if any(alias.casefold() == _NAME for alias in others):
        raise EvaluationRequestError(f"no reference can be called {_NAME}: that is the data")
    workplace = _Workplace.open(engine, _s3(data, others))
    try:
        return _evaluated(
            workplace, data, told, others, history=past, moment=_moment(now), options=chosen
        )
    except BaseException:
        workplace.close()
        raise


def _evaluated(  # noqa: PLR0913
    workplace: _Workplace,
    data: object,
    ruleset: Ruleset,
    others: Mapping[str, object],
    *,
    history: Mapping[str, Sequence[float]],
    moment: datetime | None,
    options: Options,
) -> Evaluation:
    session = workplace.session
    bound = bind(session, _NAME, data, scratch=workplace.scratch)
    references: dict[str, Reference] = {}
    for alias, other in others.items():
        bind(session, alias, other, scratch=workplace.scratch)
        relation = ".".join(map(quote_identifier, alias.rsplit(".", 1)))
        references[alias] = Reference(relation, session.describe(f"select * from {relation}"))
    schema = session.describe(f"select * from {PRIMARY}")
    compiled = compile_ruleset(
        ruleset,
        schema,
        moment=moment,
        options=options,
        history=history,
        references=references,
        files=StoredFiles(bound.uris),
        caller_sql=GatedSql(workplace.engine, session, frozenset({_NAME, *references})),
    )
    evaluation = compiled.judge(gather(compiled, session))
    bad = {outcome.rule for outcome in evaluation.outcomes if outcome.outcome == "Error"}
    source = _Rows(workplace, schema, compiled, options, frozenset(bad))
    return replace(evaluation, source=source)


@dataclass
class _Workplace:
    """An engine of this evaluation's own; it is freed when nobody can ask for rows any more."""

    engine: Engine
    session: Session
    scratch: str

    @classmethod
    def open(cls, name: str, s3: Mapping[str, str | bool] | None) -> _Workplace:
        from lakeworks.engines.registry import open_engine

        scratch = tempfile.mkdtemp(prefix="lakeworks-quality-")
        try:
            spill = _lasting_folder() if name == "spark" else f"{scratch}/spill"
            engine = open_engine(name, temp_directory=spill, s3=s3, keep_order=True)
            place = cls(engine, engine.session(), scratch)
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            raise
        weakref.finalize(place, _freed, engine, place.session, scratch)
        return place

    def close(self) -> None:
        _freed(self.engine, self.session, self.scratch)


@cache
def _lasting_folder() -> str:
    """Return where Spark may write until this process ends: so long lives its application."""
    folder = tempfile.mkdtemp(prefix="lakeworks-spark-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _freed(engine: Engine, session: Session, scratch: str) -> None:
    with suppress(Exception):
        session.__exit__(None, None, None)
    with suppress(Exception):
        engine.close()
    shutil.rmtree(scratch, ignore_errors=True)


@dataclass(frozen=True)
class _Rows:
    """The rows of one evaluation, with what each rule says of them."""

    workplace: _Workplace
    schema: Schema
    compiled: CompiledRuleset
    options: Options
    bad: frozenset[str]

    def read(self) -> pa.RecordBatchReader:
        """Stream them. What was read before from the same evaluation ends."""
        import pyarrow as pa

        rules = {rule.text: rule for rule in self.compiled.rules}
        # A rule whose SQL fails on some row would end the stream, so it tells nothing of rows.
        tests = {
            text: rule.rows
            for text, rule in rules.items()
            if rule.rows is not None and text not in self.bad
        }
        made = flags.Flags(
            PRIMARY,
            skipping=self.options.filtered_rows == "SKIPPED",
            ordered=self.workplace.engine.keeps_order,
        )
        sql = made.query(self.schema, list(tests.values()))
        reader = self.workplace.session.query(sql, in_order=True)
        skipped = [text for text in rules if text not in tests]
        told = flags.batches(reader, list(tests), skipped)
        return pa.RecordBatchReader.from_batches(told.schema, self._kept(told))

    def _kept(self, told: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
        """Pass batches on; as long as there are any, this holds what the engine reads them from."""
        yield from told


def _ruleset(given: str | os.PathLike[str] | Ruleset) -> Ruleset:
    if isinstance(given, Ruleset):
        return given
    if isinstance(given, str) and not (given.strip().endswith(".dqdl") and "\n" not in given):
        return parse(given)
    path = Path(given)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UnreadableDataError.missing(str(path)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableDataError.failed(str(path), str(error)) from error
    return parse(text, file=str(path))


def _history(given: Mapping[str, Sequence[float]] | None) -> dict[str, Sequence[float]]:
    found: dict[str, Sequence[float]] = {}
    for metric, values in (given or {}).items():
        listed = isinstance(values, list | tuple) or hasattr(values, "__array__")
        if not listed or not all(_is_number(value) for value in list(values)):
            raise EvaluationRequestError(
                f"the history of {metric!r} is no list of numbers",
                'give such as {"Dataset.*.RowCount": [10, 12, 14]}, oldest first',
            )
        found[metric] = [float(value) for value in values]
    return found


def _is_number(value: Any) -> bool:  # noqa: ANN401
    if isinstance(value, bool | str | bytes):
        return False
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _moment(now: datetime | None) -> datetime | None:
    if now is None:
        return None
    if not isinstance(now, datetime):
        raise EvaluationRequestError(f"now is {now!r}, which is no datetime")
    return now if now.tzinfo else now.replace(tzinfo=UTC)


def _s3(data: object, others: Mapping[str, object]) -> Mapping[str, str | bool] | None:
    for each in (data, *others.values()):
        url = s3_url(each)
        if url:
            from lakeworks.storage.objects import ObjectStore

            return ObjectStore.open("/".join(url.split("/")[:3])).s3_settings()
    return None
