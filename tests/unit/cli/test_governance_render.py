from __future__ import annotations

from typing import Any

import pytest

from lakeworks.cli.governance_render import print_access


def _field(name: str, *, when: str | None = None, visible: bool = True) -> dict[str, Any]:
    return {"field": name, "visible": visible, "when": when}


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ([], "yes"),
        ([_field("s.a"), _field("s.b", visible=False)], "yes, without s.b"),
        (
            [_field("s.a", when="x > 1"), _field("s.b", when="x > 1")],
            "yes, where x > 1",
        ),
        (
            [_field("s.a", when="x > 1"), _field("s.b"), _field("s.c", visible=False)],
            "yes, s.a where x > 1, without s.c",
        ),
    ],
)
def test_rows_in_which_fields_of_a_struct_are_seen_are_told(
    fields: list[dict[str, Any]], shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    column = {"name": "s", "visible": True, "mask": None, "when": None, "fields": fields}
    told = {"principal": "user:ana", "table": "silver.t", "rows": "all", "why": []}
    print_access({**told, "columns": [column]})
    assert capsys.readouterr().out.splitlines()[-1].split(maxsplit=1) == ["s", shown]
