"""What of a record is a person's: all of it, elements of its lists, or nothing."""

from __future__ import annotations

from typing import Any

import pytest

from lakeworks.privacy.records import Records, rewritten
from lakeworks.privacy.text_search import Keys, Words

RECORDS = Records(lambda path: frozenset({"42"}) if path[-1:] == ("who",) else None)


@pytest.mark.parametrize(
    ("record", "verdict", "left"),
    [
        ({"who": 42}, "owned", None),
        ({"who": 142}, "", None),
        ({"who": "42 ", "n": 1}, "owned", None),
        ({"a": {"b": {"who": 42.0}}, "list": [{"who": 7}]}, "owned", None),
        ({"who": 7, "list": [{"who": 42}, {"who": 8}]}, "divided", {"list": [{"who": 8}]}),
        ({"who": 7, "list": [{"who": 42}]}, "divided", {"list": []}),
        ({"who": None, "list": [{"who": 42}, {"n": 1}]}, "owned", None),
        ({"list": [{"a": {"who": 42}}, {"who": 8}]}, "divided", {"list": [{"who": 8}]}),
        (
            {"list": [{"who": 7, "list": [{"who": 42}, {"who": 9}]}]},
            "divided",
            {"list": [{"who": 7, "list": [{"who": 9}]}]},
        ),
        ({"who": [42, 7]}, "divided", {"who": [7]}),
        ({"who": [42]}, "owned", None),
        # What stands in a text cannot be taken out of it: it is its record's.
        ({"who": 7, "text": '[{"who": 42}, {"who": 8}]'}, "owned", None),
        ({"list": [{"text": '{"who": 42}'}, {"who": 8}]}, "divided", {"list": [{"who": 8}]}),
        # A map, as Arrow gives it, is like fields of other names.
        ({"map": [("x", {"who": 42}), ("y", {"who": 8})]}, "owned", None),
    ],
)
def test_a_record_is_judged_by_itself_and_by_its_elements(
    record: dict[str, Any], verdict: str, left: dict[str, Any] | None
) -> None:
    assert RECORDS.judged(record) == verdict
    if left is not None:
        assert RECORDS.without(record) == {**record, **left}


def test_of_others_records_only_the_elements_are_handed_out() -> None:
    record = {"who": 7, "n": 1, "list": [{"who": 8, "list": [{"who": 42, "n": 2}, {"who": 9}]}]}
    only = RECORDS.only(record)
    assert only == {"who": None, "n": None,
                    "list": [{"who": None, "list": [{"who": 42, "n": 2}]}]}  # fmt: skip


def test_a_text_that_is_written_anew_keeps_its_numbers_and_letters() -> None:
    text = '{"a": 1.10, "é": 1e400, "n": 12345678901234567890, "list": [{"who": 42}, {"who": 7.0}]}'
    assert rewritten(text, RECORDS.without) == text.replace('{"who": 42}, ', "")


def test_half_a_pair_of_surrogates_stays_escaped_since_no_file_could_hold_it() -> None:
    text = r'{"a": "x \ud800 y", "list": [{"who": 42}, {"who": 7}]}'
    assert rewritten(text, RECORDS.without) == text.replace('{"who": 42}, ', "")


def test_of_a_rejected_row_only_the_elements_are_handed_out() -> None:
    keys = Keys({"who": frozenset({"42"})}, Words(frozenset()))
    assert keys.elements_of_text('{"who": 7, "list": [{"who": 42}]}') == (
        '{"who": null, "list": [{"who": 42}]}'
    )
    assert keys.elements_of_text('{"who": 7}') is None


def test_a_name_that_says_nothing_counts_at_its_own_place() -> None:
    keys = Keys({}, Words(frozenset()), {("customer", "id"): frozenset({"42"})})
    assert keys
    assert keys.owns_text('{"id": 7, "Customer": {"ID": 42}}')
    assert not keys.owns_text('{"id": 42, "customer": {"id": 7}, "other": {"id": 42}}')
