"""Rules on data, in DQDL, the language of AWS Glue Data Quality."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lakeworks.quality.checking.rules import check
    from lakeworks.quality.errors import DqdlError, NotEvaluatedError, UnknownRuleError
    from lakeworks.quality.evaluation.compile import CompiledRuleset, compile_ruleset
    from lakeworks.quality.evaluation.standalone import evaluate
    from lakeworks.quality.language.grammar import parse
    from lakeworks.quality.language.ruleset import Ruleset
    from lakeworks.quality.outcomes.evaluation import Evaluation, RuleOutcome

# Where each name lives: who only parses rules does not load what evaluates them.
_MODULES = {
    "CompiledRuleset": "evaluation.compile",
    "DqdlError": "errors",
    "Evaluation": "outcomes.evaluation",
    "NotEvaluatedError": "errors",
    "RuleOutcome": "outcomes.evaluation",
    "Ruleset": "language.ruleset",
    "UnknownRuleError": "errors",
    "check": "checking.rules",
    "compile_ruleset": "evaluation.compile",
    "evaluate": "evaluation.standalone",
    "parse": "language.grammar",
}

__all__ = [
    "CompiledRuleset",
    "DqdlError",
    "Evaluation",
    "NotEvaluatedError",
    "RuleOutcome",
    "Ruleset",
    "UnknownRuleError",
    "check",
    "compile_ruleset",
    "evaluate",
    "parse",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    if name not in _MODULES:
        raise AttributeError(f"module 'lakeworks.quality' has no attribute {name!r}")
    return getattr(import_module(f"lakeworks.quality.{_MODULES[name]}"), name)
