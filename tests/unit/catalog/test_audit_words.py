"""What of an audit entry is fact and what is words, and how numbers of entries are written."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeworks.catalog import audit_words
from lakeworks.catalog.audit_trail import KINDS


def test_texts_are_words_unless_they_are_known_as_facts() -> None:
    body = {
        "sql": "select 1", "reason": "she asked", "where": "a = 'x'", "anything": ["new"],
        "tables": ["t"], "rows": 3, "reused": True, "error": "LW301", "problem": "",
    }  # fmt: skip
    facts, words = audit_words.divided(body)
    assert set(words) == {"sql", "reason", "where", "anything"}
    assert facts | words == body


def test_whatever_kind_of_entry_the_lake_writes_is_listed() -> None:
    source = Path(audit_words.__file__).parents[1]
    text = "\n".join(path.read_text() for path in sorted(source.rglob("*.py")))
    written = set(re.findall(r"""\b_?audit\(\s*"(\w+)\"""", text))
    assert len(written) > 8
    assert written <= set(KINDS)
    assert list(KINDS) == sorted(KINDS)


@given(st.sets(st.integers(1, 60)))
def test_ranges_hold_the_numbers_that_they_were_made_of(numbers: set[int]) -> None:
    written = audit_words.as_ranges(numbers)
    if not numbers:
        assert written == ""
        return
    found = audit_words.ranges(written)
    assert found is not None
    assert [one for a, b in found for one in range(a, b + 1)] == sorted(numbers)


@pytest.mark.parametrize("text", ["", ",", "1,", "a", "1--2", "-1", "1-2-3", " 1", "1\n"])
def test_what_is_no_range_is_told(text: str) -> None:
    assert audit_words.ranges(text) is None


@given(st.text(), st.sampled_from(["{}", '{"%s": 1}', '["a", {"b": ["%s"]}]', '"%s"']))
def test_a_text_is_found_as_it_reads_however_json_writes_it(text: str, around: str) -> None:
    written = around.replace("%s", json.dumps(f"<{text}>")[1:-1])
    assert audit_words.is_named(written, lambda one: one == f"<{text}>") is ("%s" in around)
    assert audit_words.is_named(f"no JSON: {text}", lambda one: text in one)
