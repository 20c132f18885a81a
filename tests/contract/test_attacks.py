"""No statement tells a principal more than a lake that holds nothing but what it may see.

Each script of `attacks/` is run as each role. The reference is a second lake, in which the rows
and values that the role may see are all there is: what hides there cannot leak. The answers must
be equal, and where a query fails, the reference must fail too, or the gate have refused it.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from attacked_lake import (
    ATHENA,
    DAILY,
    NARROWED,
    ORDERS,
    PEOPLE,
    VAULT,
    VIEWS,
    VISIBLE,
    Role,
    asked,
    leak,
    make_views,
    written,
)
from hypothesis import given, settings
from query_grammar import SIGHTS, queries

from lakeworks.core.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakeworks.lake import Lake

SCRIPTS = Path(__file__).parent / "attacks"


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    tables = {"people": PEOPLE, "orders": ORDERS, "vault": VAULT, "days": DAILY}
    with written(tmp_path_factory.mktemp("attacked"), tables, governed=True) as lake:
        make_views(lake, VIEWS)
        yield lake


@pytest.fixture(scope="module", params=sorted(VISIBLE))
def role(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Role]:
    root = tmp_path_factory.mktemp(request.param)
    with written(root, VISIBLE[request.param], governed=False) as lake:
        make_views(lake, {**VIEWS, **NARROWED.get(request.param, {})})
        yield Role(request.param, lake)


def scripts() -> list[tuple[str, str]]:
    """Return every script with the name of its file."""
    found = []
    for path in sorted(SCRIPTS.glob("*.sql")):
        text = re.sub(r"\A(?:--[^\n]*\n)+", "", path.read_text(encoding="utf-8"))
        mark = f"{ATHENA} " if path.stem == "athena" else ""
        found += [(path.stem, mark + one) for one in re.split(r";\n", text) if one.strip()]
    return found


def filled(script: str, lake: Lake) -> str:
    """Put the paths of the lake's own files into a script."""
    folder = Path(lake.storage.table_root(next(iter(lake.catalog.heads()))))
    people = next(iter(sorted(folder.glob("*.parquet"))))
    return (
        script.replace("{file}", str(people))
        .replace("{folder}", str(folder))
        .replace("{log}", str(next((folder / "_delta_log").glob("*.json"))))
        .replace("{catalog}", str(lake.project.root / ".lake" / "catalog.db"))
    )


def test_there_are_scripts_enough() -> None:
    assert len(scripts()) >= 300


def test_no_script_tells_more_than_the_role_may_see(attacked: Lake, role: Role) -> None:
    seen_in_reference = json.dumps(VISIBLE[role.principal], default=str)
    leaks = []
    answered = 0
    for name, script in scripts():
        found = asked(attacked, filled(script, attacked), role.principal)
        reason = leak(found, script, role, seen_in_reference)
        answered += found.rows is not None
        if reason:
            leaks.append(f"{name}: {script.strip()}\n    {reason}: {found.text[:300]}")
    assert not leaks, "\n".join(leaks)
    assert answered >= (100 if "people" in VISIBLE[role.principal] else 1)


def test_a_hidden_table_and_an_absent_one_are_the_same(attacked: Lake) -> None:
    def told(table: str) -> str:
        with pytest.raises(RequestError) as caught:
            attacked.query.sql(f"select * from {table}", caller="ana")
        return str(caught.value).replace(table.partition("@")[0], "TABLE")

    assert told("bronze.vault") == told("bronze.nowhere")
    assert told("bronze.vault@v0") == told("bronze.nowhere@v0")
    assert told("bronze.vault@v99") == told("bronze.nowhere@v99")
    assert told("quarantine.silver_customers") == told("quarantine.silver_customerz")


# How many of the queries at random answer, at least: else they would prove nothing.
ANSWERED = 0.4


@pytest.mark.parametrize("role", sorted(SIGHTS), indirect=True)
def test_no_query_of_the_grammar_tells_more_than_the_role_may_see(
    attacked: Lake, role: Role
) -> None:
    told: Counter[bool] = Counter()

    @settings(max_examples=int(os.environ.get("LAKEWORKS_ATTACKS", "150")))
    @given(sql=queries(SIGHTS[role.principal]))
    def tells_no_more(sql: str) -> None:
        found = asked(attacked, sql, role.principal)
        told[found.rows is not None] += 1
        reason = leak(found, sql, role, json.dumps(VISIBLE[role.principal], default=str))
        assert not reason, f"{sql}\n{reason}: {found.text}"

    tells_no_more()
    assert told[True] > ANSWERED * told.total()


@pytest.mark.parametrize("role", ["ana", "rex"], indirect=True)
def test_no_query_over_a_view_tells_more_than_the_role_may_see(
    attacked: Lake, role: Role
) -> None:
    @settings(max_examples=int(os.environ.get("LAKEWORKS_ATTACKS", "100")))
    @given(sql=queries(SIGHTS[role.principal]))
    def tells_no_more(sql: str) -> None:
        through = sql.replace("silver.customers", f"silver.of_{role.principal}")
        found = asked(attacked, through, role.principal)
        reason = leak(found, through, role, json.dumps(VISIBLE[role.principal], default=str))
        assert not reason, f"{through}\n{reason}: {found.text}"
        # And a view is what it stands for.
        plain = asked(attacked, sql, role.principal)
        if plain.rows is not None and found.rows is not None:
            assert plain.rows == found.rows, through

    tells_no_more()
