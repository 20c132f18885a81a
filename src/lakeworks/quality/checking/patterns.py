"""Which regular expressions and SQL conditions can be used as they are written.

Pure. DQDL's patterns are Java's; the engines match with RE2 and its like.
"""

from __future__ import annotations

import re

# Java has these and the engine's regular expressions (RE2) do not.
_UNKNOWN_IN_RE2 = re.compile(r"\(\?(?:[=!>]|<[=!])|\\[1-9]|(?:[*+?]|\{\d+(?:,\d*)?\})\+")
_PLAIN_PARTS = re.compile(r"\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\]|\\[^1-9]", re.DOTALL)
# What RE2 knows and Python does not is swapped for something harmless before the look.
_UNKNOWN_IN_PYTHON = re.compile(
    r"\\[pP](?:\{\^?\w+\}|[A-Z])|\\[zQEhHRX]|\[:\^?\w+:\]|\(\?[imsU-]+\)"
)
_QUOTED = re.compile(r"'(?:[^']|'')*+'|\"(?:[^\"]|\"\")*+\"")
_LONGEST_SHOWN = 60


def pattern_problem(pattern: str) -> tuple[str, str] | None:
    """Return what is wrong with a regular expression and a hint, or None."""
    shown = pattern if len(pattern) <= _LONGEST_SHOWN else f"{pattern[:_LONGEST_SHOWN]}…"
    found = _UNKNOWN_IN_RE2.search(_PLAIN_PARTS.sub("x", pattern))
    if found:
        return (
            f"the pattern {shown} has {found[0]}, which the engine cannot match",
            "look-around, back references and possessive quantifiers are left out of RE2",
        )
    try:
        re.compile(_UNKNOWN_IN_PYTHON.sub("x", pattern))
    except (re.error, OverflowError, RecursionError) as error:
        return f"the pattern {shown} is no regular expression: {error}", ""
    return None


def is_one_expression(sql: str) -> bool:
    """Whether brackets and quotes are balanced, so that the text stays one expression."""
    depth = 0
    rest = _QUOTED.sub("x", sql)
    if any(mark in rest for mark in ("'", '"', ";", "--", "/*")):
        return False
    for char in rest:
        depth += (char == "(") - (char == ")")
        if depth < 0:
            return False
    return depth == 0 and bool(rest.strip())
