"""Texts that are nearly DQDL, as fast as Python makes them, and what is asked of each."""

from __future__ import annotations

import random
import string
from typing import TYPE_CHECKING

from lakeworks.quality.checking.rules import problems
from lakeworks.quality.errors import DqdlError
from lakeworks.quality.language.format import formatted
from lakeworks.quality.language.grammar import parse
from lakeworks.quality.language.rule_types import RULE_TYPES

if TYPE_CHECKING:
    from collections.abc import Callable

    from lakeworks.quality.language.ruleset import Ruleset

_EXAMPLES = [
    *(f"Rules = [ {kind.example} ]" for kind in RULE_TYPES.values() if kind.rule),
    *(f"Analyzers = [ {kind.example} ]" for kind in RULE_TYPES.values() if kind.analyzer),
    (
        'Metadata = {"Version": "1.0"}\n'
        'DataSources = {"Primary": "a", "AdditionalDataSources": ["b"]}\n'
        'known = ["x", NULL]\nDefaultLabels = ["k" = "v"]\n'
        'Rules = [ # why\n  (ColumnValues "a" in $known) or ((RowCount > 0.9 * avg(last(10))) and '
        '(IsUnique "a" "b" where "c > \\"1\\"" labels = ["k" = "w"])) labels = ["q" = "r"],\n'
        '  FileFreshness "p" between (now() - 2 days) and "9:30 AM" with timeZone = "Asia/Tokyo"\n]\n'
        "Analyzers = [ AllStatistics of AllColumns ]"
    ),
]
_PIECES = [
    *RULE_TYPES, "Rules", "Analyzers", "Metadata", "DataSources", "DefaultLabels", "labels",
    "where", "with", "threshold", "and", "or", "of", "AND", "OR", "between", "not", "in",
    "matches", "NULL", "EMPTY", "WHITESPACES_ONLY", "now()", "(now() - 3 days)", "now", "last",
    "avg(last(10))", "index(last(3), 3)", "days", "KB", "=", "!=", ">", ">=", "<", "<=", "[",
    "]", "(", ")", "{", "}", ",", ":", "$", "$x", "#", "\n", '"', '"a"', '"a b"', '"9:30 AM"',
    '"2026-02-30"', '"\\"', "0", "1", "-1", "0.5", "1.5.2", "9" * 400, "1e9", "*", "/", "+", "-",
    "x = [\"a\"]", "\\", "'", "é", "\u00a0", "\ud800", "\0", "\U0001d518", "ColumnValues",
]  # fmt: skip
_ODD = string.printable + '"\\#$[](){}=,éß漢\u00a0\u2028\ufeff\ud800\0'


def any_text(rng: random.Random) -> str:
    """Characters without sense."""
    return "".join(rng.choices(_ODD, k=rng.randrange(80)))


def any_bytes(rng: random.Random) -> str:
    """Bytes read as UTF-8 and as Latin-1."""
    data = rng.randbytes(rng.randrange(80))
    return data.decode("latin-1") if rng.random() < 0.5 else data.decode(errors="replace")


def mutated(rng: random.Random) -> str:
    """A ruleset with a few characters or pieces cut, doubled, moved or replaced."""
    text = rng.choice(_EXAMPLES)
    for _ in range(rng.randrange(1, 6)):
        start = rng.randrange(len(text) + 1)
        end = min(len(text), start + rng.choice([0, 1, 1, 2, 5, 20]))
        middle = rng.choice(
            [
                "",
                rng.choice(_ODD),
                f" {rng.choice(_PIECES)} ",
                text[start:end] * 2,
                text[end:start],
            ]
        )
        text = text[:start] + middle + text[end:]
    return text


def pieces(rng: random.Random) -> str:
    """Words and marks of the language in any order."""
    text = " ".join(rng.choices(_PIECES, k=rng.randrange(1, 30)))
    return f"Rules = [ {text} ]" if rng.random() < 0.7 else text


def grown(rng: random.Random) -> str:
    """Text of the grammar's own shapes, mostly right."""
    entries = ", ".join(_rule(rng, 0) for _ in range(rng.randrange(1, 4)))
    return f'x = ["a"]\ny = "b"\nRules = [ {entries} ]'


def nested(rng: random.Random) -> str:
    """Deep parentheses, calls and sums."""
    # The deepest take longest, and there is little to be told apart in them.
    depth = 1000 if rng.random() < 0.01 else rng.choice([1, 5, 30, 59, 60, 61, 100])
    inner = rng.choice(["1", "now()", "last(3)", '"a"', "A > 1", 'IsComplete "a"', "1 + 2"])
    opening = rng.choice(["(", "avg(", "((", "1 + (", "1 * ("])
    closing = ")" * opening.count("(")
    body = opening * depth + inner + closing * depth
    return rng.choice([f"Rules = [ RowCount > {body} ]", f"Rules = [ {body} ]", body])


FUZZERS: dict[str, Callable[[random.Random], str]] = {
    "any bytes": any_bytes,
    "any text": any_text,
    "grown": grown,
    "mutated": mutated,
    "nested": nested,
    "pieces": pieces,
}


def verdict(text: str, *, thorough: bool = True) -> str:
    """Parse and check a text, then print and format it; raise where a law is broken.

    Args:
        thorough: Whether it is printed and formatted too, which takes several times as long.

    Returns:
        `refused`, `mistaken` (it parses and is not evaluated) or `right`.
    """
    ruleset, refusal = _read(text)
    if ruleset is None:
        assert refusal is not None
        assert refusal.place is not None
        assert min(refusal.place.line, refusal.place.column) >= 1
        assert str(refusal)
        return "refused"
    mistakes = list(problems(ruleset))
    assert all(mistake.place is not None and str(mistake) for mistake in mistakes)
    if thorough:
        assert parse(str(ruleset)) == ruleset
    if thorough and len(text) < 10_000:
        once = formatted(text)
        assert parse(once) == ruleset
        assert formatted(once) == once
    return "mistaken" if mistakes else "right"


def _read(text: str) -> tuple[Ruleset | None, DqdlError | None]:
    try:
        return parse(text), None
    except DqdlError as error:
        return None, error


def _rule(rng: random.Random, depth: int) -> str:
    if depth < 3 and rng.random() < 0.2:
        joined = f" {rng.choice(['and', 'or', 'AND', 'OR'])} ".join(
            f"({_rule(rng, depth + 1)})" for _ in range(rng.randrange(1, 4))
        )
        return f'({joined}) labels = ["k" = "v"]' if rng.random() < 0.1 else joined
    name, kind = rng.choice(list(RULE_TYPES.items()))
    if rng.random() < 0.3:
        return kind.example
    parts = [name]
    parts.extend(
        rng.choice(["", "of ", "and "]) + rng.choice(['"a b"', "col", "$y"])
        for _ in range(rng.choice([kind.least, kind.least, rng.randrange(4)]))
    )
    if rng.random() < 0.8:
        parts.append(_condition(rng))
    if rng.random() < 0.2:
        parts.append('where "a > 1"')
    if rng.random() < 0.2:
        parts.append(f"with threshold {_condition(rng)}")
    if rng.random() < 0.1:
        parts.append(f"with {rng.choice(kind.options or ('x',))} = {_operand(rng)}")
    return " ".join(parts)


def _condition(rng: random.Random) -> str:
    operator = rng.choice(["=", "!=", ">", ">=", "<", "<=", "between", "in", "matches"])
    negated = "not " if operator.isalpha() and rng.random() < 0.3 else ""
    match operator:
        case "between":
            return f"{negated}between {_operand(rng)} and {_operand(rng)}"
        case "in":
            values = ", ".join(_operand(rng) for _ in range(rng.randrange(1, 4)))
            return f"{negated}in {rng.choice([f'[{values}]', '$x'])}"
        case "matches":
            return f'{negated}matches "{rng.choice(["[a-z]+", "(", "a|b", "(?=x)"])}"'
        case _:
            return f"{operator} {_operand(rng)}"


def _operand(rng: random.Random, depth: int = 0) -> str:
    if depth < 4 and rng.random() < 0.3:
        left, right = _operand(rng, depth + 1), _operand(rng, depth + 1)
        return rng.choice([
            f"({left} {rng.choice('+-*/')} {right})", f"{left} {rng.choice('+-*/')} {right}",
            f"{rng.choice(['avg', 'max', 'std', 'abs', 'mean'])}({left})",
            f"index(last({left}), {right})",
        ])  # fmt: skip
    return rng.choice([
        "1", "-1.5", "last()", "last(10)", '"a"', '"2026-01-01"', '"9:30 AM"', "now()",
        "(now() - 3 days)", "3 days", "5 MB", "NULL", "EMPTY", "$y",
    ])  # fmt: skip
