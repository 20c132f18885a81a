"""Rulesets for Hypothesis: trees of any shape, and texts that say the same in many ways."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from lakeworks.quality.language.lexer import Source, tokens
from lakeworks.quality.language.ruleset import (
    Analyzer,
    Arithmetic,
    Call,
    Composite,
    Condition,
    Constant,
    DataSources,
    Keyword,
    Label,
    Now,
    Number,
    Operand,
    Pattern,
    Quantity,
    Rule,
    Ruleset,
    Tag,
    Text,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

_RESERVED = {
    "and", "or", "of", "null", "empty", "whitespaces_only", "in", "not", "between", "matches",
    "where", "with", "labels", "now", "threshold", "Rules", "Analyzers", "Metadata",
    "DataSources", "DefaultLabels",
}  # fmt: skip
WORDS = st.from_regex(r"[A-Z][A-Za-z0-9_.]{0,8}", fullmatch=True).filter(
    lambda word: word not in _RESERVED and word.lower() not in _RESERVED
)
TEXTS = st.text(max_size=8) | st.text('"\\# \n,][$', max_size=6)
NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, places=3).map(Number)
DURATIONS = st.builds(
    Quantity, st.integers(0, 10**8), st.sampled_from(["days", "hours", "minutes"])
)
SIZES = st.builds(
    Quantity, st.integers(0, 10**8), st.sampled_from(["B", "KB", "MB", "GB", "TB"])
)
MOMENTS = st.just(Now()) | st.builds(Now, st.sampled_from(["-", "+"]), DURATIONS)
KEYWORDS = st.builds(Keyword, st.sampled_from(["NULL", "EMPTY", "WHITESPACES_ONLY"]))
ARITHMETIC: st.SearchStrategy[Operand] = st.recursive(
    NUMBERS,
    lambda inner: (
        st.builds(Arithmetic, inner, st.sampled_from("+-*/"), inner)
        | st.builds(Call, WORDS, st.lists(inner, max_size=3).map(tuple))
    ),
    max_leaves=4,
)
OPERANDS: st.SearchStrategy[Operand] = (
    ARITHMETIC | MOMENTS | DURATIONS | SIZES | st.builds(Text, TEXTS) | KEYWORDS
)
PATTERNS = st.builds(Pattern, st.text("abcd[]*.", max_size=6))
CONDITIONS = (
    st.builds(
        lambda operator, operand: Condition(operator, (operand,)),
        st.sampled_from(["=", "!=", ">", ">=", "<", "<="]),
        OPERANDS,
    )
    | st.builds(
        lambda operator, low, high: Condition(operator, (low, high)),
        st.sampled_from(["between", "not between"]),
        OPERANDS,
        OPERANDS,
    )
    | st.builds(
        lambda operator, values: Condition(operator, tuple(values)),
        st.sampled_from(["in", "not in"]),
        st.lists(OPERANDS, min_size=1, max_size=3),
    )
    | st.builds(
        lambda operator, pattern: Condition(operator, (pattern,)),
        st.sampled_from(["matches", "not matches"]),
        PATTERNS,
    )
)
LABELS = st.lists(
    st.builds(Label, st.text(min_size=1, max_size=6), st.text(min_size=1, max_size=6)),
    max_size=3,
    unique_by=lambda label: label.key,
).map(tuple)
_SET_TO = st.builds(
    lambda values: Condition("=", tuple(values)),
    st.lists(st.builds(Text, TEXTS), min_size=1, max_size=3)
    | st.lists(OPERANDS, min_size=1, max_size=1),
)
TAGS = st.lists(st.builds(Tag, WORDS, _SET_TO), max_size=2, unique_by=lambda tag: tag.name).map(
    tuple
)
PARAMETERS = st.lists(TEXTS, max_size=3).map(tuple)
RULES = st.builds(
    Rule,
    WORDS,
    PARAMETERS,
    st.none() | CONDITIONS,
    st.none() | TEXTS,
    st.none() | CONDITIONS,
    TAGS,
    LABELS,
)
TREES: st.SearchStrategy[Any] = st.recursive(
    RULES,
    lambda inner: st.builds(
        Composite,
        st.sampled_from(["and", "or"]),
        st.lists(inner, min_size=2, max_size=3).map(tuple),
        LABELS,
    ),
    max_leaves=3,
)
_LITERALS = st.builds(Text, TEXTS.map(lambda text: text.replace("$", ""))) | KEYWORDS
CONSTANTS = st.lists(
    st.builds(
        Constant, WORDS, _LITERALS | st.lists(_LITERALS, min_size=1, max_size=3).map(tuple)
    ),
    max_size=3,
    unique_by=lambda constant: constant.name,
).map(tuple)
SOURCES = st.builds(
    DataSources, st.none() | TEXTS, st.lists(TEXTS, max_size=2).map(tuple)
).filter(lambda sources: sources.primary is not None or bool(sources.additional))
ANALYZERS = st.lists(st.builds(Analyzer, WORDS, PARAMETERS, TAGS), max_size=3).map(tuple)
RULESETS = st.builds(
    Ruleset,
    st.lists(TREES, max_size=3).map(tuple),
    ANALYZERS,
    st.just(()) | st.tuples(st.tuples(st.just("Version"), TEXTS)),
    st.none() | SOURCES,
    CONSTANTS,
    LABELS,
).filter(lambda ruleset: bool(ruleset.rules or ruleset.analyzers))
"""Any tree that the parser can make; of rule types that mostly do not exist."""

_BLANKS = st.sampled_from(
    ["", " ", "  ", "\n", "\n\n\n", "\t", "\r\n", " # why\n", "\n# a\n# b\n"]
)


@st.composite
def layouts(draw: st.DrawFn, rulesets: st.SearchStrategy[Ruleset] = RULESETS) -> str:
    """Write a ruleset with random blanks, new lines and comments between its tokens."""
    text = str(draw(rulesets))
    return laid_out(text, lambda count: draw(st.lists(_BLANKS, min_size=count, max_size=count)))


def laid_out(text: str, blanks: Any) -> str:
    """Put other blanks between the tokens of a text; `blanks(n)` gives n of them."""
    found = tokens(Source(text))[:-1]
    between: Sequence[str] = blanks(len(found) + 1)
    parts = [between[0]]
    for index, token in enumerate(found):
        parts.append(token.text)
        blank = between[index + 1]
        ahead = found[index + 1] if index + 1 < len(found) else None
        if not blank and ahead is not None and _run_together(token.text, ahead.text):
            blank = " "
        parts.append(blank)
    return "".join(parts)


def _run_together(left: str, right: str) -> bool:
    """Whether two tokens without a blank between them would be read as something else."""
    words = all(char.isalnum() or char in "_." for char in (left[-1], right[0]))
    return words or (left in "<>!" and right == "=")
