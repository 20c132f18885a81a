"""Rules on data, in DQDL, the language of AWS Glue Data Quality."""

from lakeworks.quality.compile import CompiledRuleset, compile_ruleset
from lakeworks.quality.errors import DqdlError, NotEvaluatedError, UnknownRuleError
from lakeworks.quality.evaluation import Evaluation, RuleOutcome
from lakeworks.quality.grammar import parse
from lakeworks.quality.rules import check
from lakeworks.quality.ruleset import Ruleset
from lakeworks.quality.standalone import evaluate

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
