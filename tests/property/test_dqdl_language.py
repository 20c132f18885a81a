"""Laws of DQDL as a language: printing and parsing are inverse, formatting keeps the tree, and
any text whatever is either a ruleset or refused with a place.

`LAKEWORKS_FUZZ_RULESETS` says how many texts the fuzzer tries.
"""

from __future__ import annotations

import os
import random
import time

import pytest
from dqdl_fuzz import FUZZERS, verdict
from dqdl_strategies import RULESETS, layouts
from hypothesis import given, settings
from hypothesis import strategies as st

from lakeworks.quality.checking.rules import check
from lakeworks.quality.language.format import formatted
from lakeworks.quality.language.grammar import parse
from lakeworks.quality.language.ruleset import Ruleset

TRIES = int(os.environ.get("LAKEWORKS_FUZZ_RULESETS", "3000"))


@given(RULESETS)
@settings(max_examples=80)
def test_parsing_what_a_ruleset_prints_gives_the_ruleset(ruleset: Ruleset) -> None:
    assert parse(str(ruleset)) == ruleset


@given(layouts())
@settings(max_examples=80)
def test_formatting_keeps_the_tree_and_is_stable(text: str) -> None:
    once = formatted(text)
    assert parse(once) == parse(text)
    assert formatted(once) == once


@given(layouts())
@settings(max_examples=100)
def test_formatting_keeps_every_comment_in_order(text: str) -> None:
    from lakeworks.quality.language.lexer import Source, tokens

    def comments(document: str) -> list[str]:
        found = tokens(Source(document), comments=True)
        return [token.text.strip() for token in found if token.kind == "comment"]

    assert comments(formatted(text)) == comments(text)


FRAGMENTS = st.lists(
    st.sampled_from([
        "Rules", "=", "[", "]", "(", ")", ",", '"a"', "IsComplete", "ColumnValues", "in",
        "not", "between", "and", "or", "of", "now()", "now", "-", "3", "days", "1.5", "matches",
        "with", "threshold", "where", "NULL", "$", "{", '"', "#", "\n", "!=", "labels", "*",
        "Analyzers",
    ]),
    max_size=25,
).map(" ".join)  # fmt: skip


@given(st.text(max_size=40) | FRAGMENTS | FRAGMENTS.map(lambda text: f"Rules = [ {text} ]"))
@settings(max_examples=400)
def test_any_text_is_either_a_ruleset_or_a_dqdl_error(text: str) -> None:
    mistakes = check(text)
    assert all(mistake.line is not None for mistake in mistakes)
    if not mistakes:
        assert parse(text)


@pytest.mark.timeout(300 + TRIES // 500)
@pytest.mark.parametrize("kind", sorted(FUZZERS))
def test_no_input_crashes_the_parser_and_each_refusal_has_a_place(kind: str) -> None:
    rng = random.Random(f"dqdl {kind}")
    make = FUZZERS[kind]
    slowest = 0.0
    for tried in range(max(TRIES // len(FUZZERS), 1)):
        text = make(rng)
        begun = time.process_time()
        verdict(text, thorough=tried % 10 == 0)
        slowest = max(slowest, time.process_time() - begun)
    assert slowest < 5


@pytest.mark.parametrize(
    "text",
    [
        "Rules = [" + "(" * 20_000,
        "Rules = [ A = " + "(" * 20_000,
        "Rules = [ A = " + "f(" * 20_000,
        "Rules = [ A = 1" + " + 1" * 20_000 + " ]",
        "Rules = [ A = " + "-" * 20_000,
        "Rules = [ A " + '"b" ' * 20_000 + "]",
        "Rules = [ A in [" + "1, " * 20_000 + "1] ]",
        "Rules = [ " + "A and " * 20_000 + "A ]",
        "Rules = [ A = 1" + " or A = 1" * 10_000 + " ]",
        "Rules = [ " + "A = 1, " * 10_000 + "A = 1 ]",
        "Rules = [ A = " + "9" * 200_000 + " ]",
        'Rules = [ A matches "' + "(" * 10_000 + '" ]',
        'Rules = [ ColumnValues "a" matches "' + "(a*)*" * 20_000 + '" ]',
        'Rules = [ A "' + "\\" * 200_001,
        'Rules = [ A "' + '\\"' * 100_000,
        "#" * 200_000,
        "\n" * 200_000 + "!",
        "x" * 200_000,
        "x = " * 20_000,
        "$" * 200_000,
        "{" * 200_000,
        "Rules = [ A labels = [" + '"k" = "v", ' * 10_000 + "] ]",
        "Rules = [ A " + "with x = 1 " * 3_000 + "]",
        "Rules = [ A with " + "x = 1, " * 3_000 + "]",
        "".join(f'c{i} = "v"\n' for i in range(20_000)) + "Rules = [ A in $c ]",
    ],
    ids=range(25),
)
def test_large_inputs_are_read_in_a_moment(text: str) -> None:
    begun = time.process_time()
    verdict(text)
    assert time.process_time() - begun < 30


def test_a_thousand_rules_are_checked_in_a_moment() -> None:
    rules = [
        f'ColumnValues "c{i}" between 1 and {i + 2} where "x > 3" with threshold > 0.9'
        for i in range(1000)
    ]
    text = "Rules = [\n" + ",\n".join(rules) + "\n]"
    begun = time.process_time()
    assert check(text) == []
    # A tenth of a second on an idle machine; ten, were each rule looked at with each other.
    assert time.process_time() - begun < 2
