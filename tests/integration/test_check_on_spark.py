"""`lake check` says what Spark cannot carry over, with file and line, and starts no Spark."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from lakeworks.lake import Lake
from lakeworks.project.errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ENVIRONMENTS = """name: tiny
environments:
  dev: {storage: .lake}
  prod: {storage: .lake, engine: spark}
"""
ORDER = {
    "order_id": "o1", "customer_id": "c1", "amount": 1.5, "updated_at": "2026-01-01",
    "parts": [1, 2], "place": {"city": "Rome"},
}  # fmt: skip

# What is refused, by its kind: an expression, and a word that the message must hold.
REFUSED = {
    "an approximation": ("approx_count_distinct(order_id)", "count(distinct"),
    "a type": ("cast(updated_at as time)", "TIME"),
    "a span of time": (
        "cast(updated_at as timestamp) - cast(updated_at as timestamp)", "timestamp_ntz",
    ),
    "distinct over a window": ("count(distinct order_id) over ()", "window"),
    "a fields-to-columns unnest": ("unnest(place)", "list"),
    "chance": ("random()", "RAND"),
}  # fmt: skip


@pytest.fixture
def project(orders_project: Path, arrive: Callable[..., Path]) -> Path:
    arrive("a.json", ORDER)
    (orders_project / "lake.yml").write_text(ENVIRONMENTS)
    return orders_project


def test_what_both_engines_compute_alike_passes_for_either(project: Path) -> None:
    for environment in ("dev", "prod"):
        Lake.check(project, environment=environment)


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_carried_over_is_refused_where_it_stands(
    project: Path, kind: str
) -> None:
    expression, word = REFUSED[kind]
    model = project / "models/silver/extra.sql"
    model.write_text(
        f"/*\nload: replace\n*/\nselect\n  {expression} as x\nfrom bronze.orders\n"
    )
    Lake.check(project, environment="dev")

    with pytest.raises(ProjectError) as refused:
        Lake.check(project, environment="prod")

    (mistake,) = refused.value.mistakes
    assert (str(mistake.at), mistake.code) == ("models/silver/extra.sql:5", "LW444")
    assert "Spark" in mistake.problem
    assert word.lower() in f"{mistake.problem} {mistake.hint}".lower()


@pytest.mark.parametrize(
    "sql",
    ["select * from bronze.orders tablesample 10 percent",
     "select * from bronze.orders pivot (count(*) for customer_id in ('c1'))",
     "select a.order_id from bronze.orders a asof join bronze.orders b on a.amount >= b.amount",
     "select order_id from bronze.orders union by name select order_id from bronze.orders",
     "select * replace (1 as amount) from bronze.orders"],
    ids=["sample", "pivot", "asof", "by name", "replace"],
)  # fmt: skip
def test_forms_without_a_counterpart_are_refused_too(project: Path, sql: str) -> None:
    (project / "models/silver/extra.sql").write_text(f"/*\nload: replace\n*/\n{sql}\n")
    Lake.check(project, environment="dev")
    with pytest.raises(ProjectError) as refused:
        Lake.check(project, environment="prod")
    (mistake,) = refused.value.mistakes
    assert mistake.code == "LW444"
    assert mistake.at.file == "models/silver/extra.sql"


def test_the_command_tells_it_for_the_environment_asked_for(project: Path) -> None:
    """No Java is needed for that, nor one started."""
    (project / "models/gold/h.sql").write_text(
        "select\n  approx_count_distinct(order_id) as h\nfrom silver.orders\n"
    )
    check = [sys.executable, "-m", "lakeworks", "check", "-C", str(project)]
    env = {**os.environ, "PATH": "", "JAVA_HOME": ""}
    for words, code in (([], 0), (["--env", "prod"], 2)):
        done = subprocess.run(
            [*check, *words], capture_output=True, text=True, check=False, env=env
        )
        assert done.returncode == code, done.stderr
        assert ("models/gold/h.sql:2" in done.stdout + done.stderr) == (code == 2)
