"""An evaluation as text, JSON, JUnit XML and a table.

Pure. Names of fields are those of AWS Glue's results.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

    from lakeworks.quality.outcomes.evaluation import Evaluation, RuleOutcome

_WIDEST = 72
_IN_ATTRIBUTES = {ord("\n"): "&#10;", ord("\r"): "&#13;", ord("\t"): "&#9;", ord('"'): "&quot;"}


def text(evaluation: Evaluation) -> str:
    """Return a table of the outcomes for people."""
    passed = sum(outcome.outcome == "Passed" for outcome in evaluation.outcomes)
    lines = [
        f"{passed} of {len(evaluation.outcomes)} rules passed, score {evaluation.score:.2f}"
    ]
    width = max((len(_shortened(o.rule)) for o in evaluation.outcomes), default=0)
    for outcome in evaluation.outcomes:
        line = f"  {outcome.outcome:<6}  {_shortened(outcome.rule):<{width}}"
        lines.append(f"{line}  {outcome.failure_reason}".rstrip())
    return "\n".join(lines)


def as_dict(evaluation: Evaluation) -> dict[str, Any]:
    """Return everything that JSON can tell."""
    return {
        "score": evaluation.score,
        "outcomes": [
            {
                "rule": outcome.rule,
                "outcome": outcome.outcome,
                "failure_reason": outcome.failure_reason,
                "evaluated_metrics": _finite(outcome.evaluated_metrics),
            }
            for outcome in evaluation.outcomes
        ],
        "metrics": _finite(evaluation.metrics),
        **({"distributions": spread} if (spread := _distributions(evaluation)) else {}),
    }


def _distributions(evaluation: Evaluation) -> dict[str, Any]:
    return {
        name: {
            "bin_edges": list(found.bin_edges),
            "count": list(found.count),
            "data_type": found.data_type,
        }
        for name, found in evaluation.distributions.items()
    }


def as_json(evaluation: Evaluation) -> str:
    """Return JSON; figures that are no finite number are null there."""
    return json.dumps(as_dict(evaluation), indent=2, ensure_ascii=False, allow_nan=False)


def as_junit(evaluation: Evaluation, *, name: str = "data quality") -> str:
    """Return JUnit XML, a test case a rule, as CI systems show it."""
    outcomes = evaluation.outcomes
    counts = {kind: sum(o.outcome == kind for o in outcomes) for kind in ("Failed", "Error")}
    totals = (
        f'tests="{len(outcomes)}" failures="{counts["Failed"]}" errors="{counts["Error"]}" '
        'skipped="0" time="0"'
    )
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f"<testsuites {totals}>",
        f"  <testsuite name={_attribute(name)} {totals}>",
        *(_case(outcome, name) for outcome in outcomes),
        "  </testsuite>",
        "</testsuites>",
    ]
    return "\n".join(lines) + "\n"


def as_arrow(evaluation: Evaluation) -> pa.Table:
    """Return a row a rule, with the columns of Glue's results."""
    import pyarrow as pa

    outcomes = evaluation.outcomes
    columns = {
        "Rule": pa.array([o.rule for o in outcomes], pa.string()),
        "Outcome": pa.array([o.outcome for o in outcomes], pa.string()),
        "FailureReason": pa.array([o.failure_reason or None for o in outcomes], pa.string()),
        "EvaluatedMetrics": pa.array(
            [list(o.evaluated_metrics.items()) for o in outcomes],
            pa.map_(pa.string(), pa.float64()),
        ),
    }
    return pa.table(columns)


def _case(outcome: RuleOutcome, name: str) -> str:
    case = (
        f'    <testcase name={_attribute(outcome.rule)} classname={_attribute(name)} time="0"'
    )
    if outcome.outcome == "Passed":
        return f"{case}/>"
    kind = "failure" if outcome.outcome == "Failed" else "error"
    figures = "\n".join(f"{key} = {value}" for key, value in outcome.evaluated_metrics.items())
    message = _attribute(outcome.failure_reason)
    return (
        f'{case}>\n      <{kind} message={message} type="{outcome.outcome}">'
        f"{_escaped(figures)}</{kind}>\n    </testcase>"
    )


def _attribute(value: str) -> str:
    return f'"{_escaped(value).translate(_IN_ATTRIBUTES)}"'


def _escaped(value: str) -> str:
    # The standard library's own imports what speaks HTTP.
    return _allowed(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _allowed(value: str) -> str:
    """Return text without the characters that XML 1.0 cannot have."""
    return "".join(
        char
        if char in "\t\n\r"
        or "\x20" <= char <= "\ud7ff"
        or "\ue000" <= char <= "\ufffd"
        or char >= "\U00010000"
        else "\ufffd"
        for char in value
    )


def _finite(figures: Any) -> dict[str, float | None]:  # noqa: ANN401 - a mapping
    return {k: v if math.isfinite(v) else None for k, v in figures.items()}


def _shortened(rule: str) -> str:
    return rule if len(rule) <= _WIDEST else rule[: _WIDEST - 1] + "…"
