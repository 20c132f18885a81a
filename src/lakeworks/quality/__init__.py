"""Rules on data, in DQDL, the language of AWS Glue Data Quality."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lakeworks.quality.compile import CompiledRuleset, compile_ruleset
    from lakeworks.quality.errors import DqdlError, NotEvaluatedError, UnknownRuleError
    from lakeworks.quality.evaluation import Evaluation, RuleOutcome
    from lakeworks.quality.grammar import parse
    from lakeworks.quality.rules import check
    from lakeworks.quality.ruleset import Ruleset
    from lakeworks.quality.standalone import evaluate

# Where each name lives: who only parses rules does not load what evaluates them.
_MODULES = {
    "CompiledRuleset": "compile",
    "DqdlError": "errors",
    "Evaluation": "evaluation",
    "NotEvaluatedError": "errors",
    "RuleOutcome": "evaluation",
    "Ruleset": "ruleset",
    "UnknownRuleError": "errors",
    "check": "rules",
    "compile_ruleset": "compile",
    "evaluate": "standalone",
    "parse": "grammar",
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
