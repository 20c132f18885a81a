from __future__ import annotations

import pytest

from lakeworks.engines.dialects import with_quoted


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("select primary from x", 'select "primary" from x'),
        ("select PRIMARY, 'primary' from x", "select \"PRIMARY\", 'primary' from x"),
        ('select "primary" from x -- primary', 'select "primary" from x -- primary'),
        ("select 'torn", "select 'torn"),
    ],
)
def test_only_bare_words_of_these_names_are_quoted(sql: str, told: str) -> None:
    assert with_quoted(sql, {"primary"}) == told
