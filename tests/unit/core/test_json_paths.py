"""The JSON paths that Glue's classifiers know."""

from __future__ import annotations

import pytest

from lakeworks.core.json_paths import JsonPathError, parse_path


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("$", ()),
        ("$.a", ("a",)),
        ("$[*]", (None,)),
        ("$.records[*]", ("records", None)),
        ("$['a b'].c[0]", ("a b", "c", 0)),
        ("$.*.x", (None, "x")),
        ('$["a"]', ("a",)),
        ("$.0", ("0",)),
    ],
)
def test_a_path_is_read_step_by_step(path: str, steps: tuple[object, ...]) -> None:
    assert parse_path(path) == steps


@pytest.mark.parametrize("path", ["", "a", "$.", "$..a", "$[", "$[?(@.a)]", "$.a b"])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(JsonPathError, match="is not a JSON path"):
        parse_path(path)
