"""YAML as declarations read it: text with lines, bounded, and nothing clever."""

from __future__ import annotations

import pytest

from lakeworks.project.errors import Mistakes
from lakeworks.project.yaml_lines import MAX_DEPTH, MAX_VALUES, Document, read_yaml


def _read(text: str, variables: dict[str, str] | None = None) -> Document:
    mistakes = Mistakes()
    document = read_yaml(text, "x.yml", mistakes, variables=variables)
    assert mistakes.found == []
    assert document is not None
    return document


def _told(text: str, variables: dict[str, str] | None = None) -> list[str]:
    mistakes = Mistakes()
    read_yaml(text, "x.yml", mistakes, variables=variables)
    return [f"{one.at.line}: {one.problem}" for one in mistakes.found]


def test_scalars_stay_the_text_that_was_written() -> None:
    document = _read("a: no\nb: 1e3\nc: 2024-01-01\nd: 007\ne: 1:30\nf: 0x1F\ng: 'null'\n")
    assert document.value == {
        "a": "no", "b": "1e3", "c": "2024-01-01", "d": "007", "e": "1:30", "f": "0x1F",
        "g": "null",
    }  # fmt: skip


def test_nothing_after_a_key_is_none_and_null_in_a_list_is_text() -> None:
    assert _read("a:\nb: ~\nc: null\nd: [null, ~, '']\n").value == {
        "a": None, "b": None, "c": None, "d": ["null", "~", ""],
    }  # fmt: skip


def test_every_key_and_item_knows_its_line() -> None:
    document = _read("a: 1\nb:\n  c: 2\n  d:\n    - x\n    - y\n# note\ne: {f: 3,\n    g: 4}\n")
    lines = {path: document.at(*path).line for path in [
        ("a",), ("b",), ("b", "c"), ("b", "d"), ("b", "d", 1), ("e", "f"), ("e", "g"),
    ]}  # fmt: skip
    assert list(lines.values()) == [1, 2, 3, 4, 6, 8, 9]


def test_a_path_that_is_not_there_is_placed_at_its_nearest_parent() -> None:
    document = _read("a: 1\nb:\n  c: 2\n")
    assert document.at("b", "missing").line == 2
    assert document.at("zzz").line == 1


@pytest.mark.parametrize(("text", "line"), [
    ("a: 1\nquality: |\n  Rules\n", 3), ("quality: Rules\n", 1), ("quality: >\n  Rules\n", 2),
])  # fmt: skip
def test_line_of_a_text_is_where_the_text_begins(text: str, line: int) -> None:
    assert _read(text).text_lines["quality",] == line


def test_key_given_twice_names_both_lines() -> None:
    assert _told("a: 1\nb: 2\na: 3\n") == ["3: the key 'a' is given twice, first on line 1"]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a:\n\t- x\n", 2, "indented with a tab"),
        ("a: [1, 2\nb: 3\n", 2, "cannot be read"),
        ("a: 1\nb: 'text\nc: 2\n\n", 2, "unexpected end of stream"),
        ("a: b: c\n", 1, "mapping values are not allowed"),
        ("a: !!python/object/apply:os.system [x]\n", 1, "tag"),
        ("a: !!int 3\n", 1, "tag"),
        ("a: 1\n---\nb: 2\n", 2, "second document"),
        ("? [a, b]\n: 1\n", 1, "a key is a list"),
        ("a: *nobody\n", 1, "stands for nothing above it"),
        ("a: \x07\n", 1, "control character"),
        ("x: 1\na: " + "[" * (MAX_DEPTH + 1) + "\n", 2, "nested more than"),
        ("{" * 100_000, 1, "a key is a list or a mapping"),
        ("- " * 100_000, 1, "nested more than"),
    ],
)
def test_what_is_refused_is_told_with_its_line(text: str, line: int, said: str) -> None:
    told = _told(text)
    assert len(told) == 1
    assert told[0].startswith(f"{line}: ")
    assert said in told[0]


def test_aliases_repeat_a_value() -> None:
    document = _read("a: &x {k: [1, 2]}\nb: *x\nc: &y text\nd: *y\n")
    assert document.value["b"] == {"k": ["1", "2"]}
    assert document.value["d"] == "text"


def test_yaml_bomb_is_refused_before_it_is_written_out() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    told = _told("\n".join(lines))
    assert told == [f"5: the file holds more than {MAX_VALUES:,} values, aliases written out"]


def test_value_that_holds_itself_is_refused() -> None:
    assert "stands for nothing above it" in _told("a: &x [*x]\n")[0]


def test_variables_are_filled_in_and_their_values_are_marked_hidden() -> None:
    document = _read(
        "a: ${A}\nb: x-${A}-${B:-y}\nc: '$${A}'\nd: ${EMPTY:-z}\ne: [\"${A}\"]\nf: $A\n",
        {"A": "secret", "EMPTY": ""},
    )
    assert document.value == {
        "a": "secret", "b": "x-secret-y", "c": "${A}", "d": "z", "e": ["secret"], "f": "$A",
    }  # fmt: skip
    assert document.from_variables == {("a",), ("b",), ("d",), ("e", 0)}


def test_variables_are_not_touched_where_none_are_given() -> None:
    assert _read("a: ${A}\n").value == {"a": "${A}"}


@pytest.mark.parametrize("text", ["a: ${}", "a: ${1A}", "a: '${A'", "a: ${A-b}"])
def test_variable_that_is_not_one_is_refused(text: str) -> None:
    assert "variable that does not end" in _told(text, {})[0]


def test_missing_variable_is_noted_by_path() -> None:
    document = _read("a:\n  b: ${NOPE}\n", {})
    assert document.missing == {("a", "b"): ("NOPE", 2)}
    mistakes = Mistakes()
    document.note_missing(mistakes, lambda _: False)
    assert [str(one) for one in mistakes.found] == [
        (
            "x.yml:2: the variable NOPE is not set\n"
            "  hint: set it in the environment, or write a default: ${NOPE:-value}"
        )
    ]
