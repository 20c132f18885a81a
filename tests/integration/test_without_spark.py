"""Who did not install the extra `spark` never hears of it, but for how it is installed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from lakeworks.project.templates import write_template
from lakeworks.samples import generate_shop

if TYPE_CHECKING:
    from pathlib import Path

NAMED = re.compile(r"spark(?!line)", re.IGNORECASE)
# Python takes a module that is None for one that is not installed.
COMMANDS = """
import json, sys
sys.modules.update({"pyspark": None, "py4j": None})
from typer.main import get_command
from lakeworks.cli.main import application, main

def commands(command, path):
    yield path
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, [*path, name])

asked = json.loads(sys.argv[1])
if asked == "help":
    asked = [[*path, "--help"] for path in commands(get_command(application()), [])]
    assert len(asked) > 40, len(asked)
for words in asked:
    print("exit", main(words), *words, flush=True)
loaded = [name for name in sys.modules if name.startswith("lakeworks.engines.spark")]
print("loaded", len(loaded))
"""
QUERY = "select order_status, count(*) as n from silver.orders group by all order by all"
EVERYDAY = [
    ["check"], ["plan"], ["run"], ["run", "--json"], ["plan", "--json"], ["doctor"], ["query", QUERY],
    ["query", QUERY, "--json"], ["tables"], ["search", "order"],
    ["quality", "show", "silver.orders"],
    ["run", "--env", "nowhere"], ["query", "select nothing from silver.orders"],
]  # fmt: skip


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    project = tmp_path / "shop"
    write_template(project, "shop")
    generate_shop(project / "landing", orders=40, seed=5)
    return project


def told(asked: object) -> tuple[str, list[int]]:
    """Return what commands print in a Python without PySpark, and their exit codes."""
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS, json.dumps(asked)],
        capture_output=True, text=True, check=False, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    codes = [int(code) for code in re.findall(r"^exit (\d+)", done.stdout, re.MULTILINE)]
    return done.stdout + done.stderr, codes


def test_the_help_of_no_command_names_it() -> None:
    text, codes = told("help")
    assert set(codes) == {0}
    assert not NAMED.search(text), _around(text)


def test_no_everyday_command_names_or_loads_it(shop: Path) -> None:
    text, codes = told([[*words, "-C", str(shop)] for words in EVERYDAY])
    assert codes == [0] * 11 + [2, 2], text
    assert '"status": "nothing to do"' in text, "the shop ran"
    assert "completed" in text, "the query gave rows"
    assert not NAMED.search(text), _around(text)
    assert "loaded 0" in text


def test_asking_for_it_gives_one_error_that_says_how_to_install_it(shop: Path) -> None:
    (shop / "lake.yml").write_text(
        "name: shop\nenvironments:\n  big: {engine: spark, storage: .lake}\n"
    )
    text, codes = told([["run", "-C", str(shop)]])
    assert codes == [2], text
    assert text.count("LW440") == 1, text
    assert "engine: spark needs PySpark, which is not installed" in text
    assert text.count("pip install 'lakeworks[spark]'") == 1
    assert "Traceback" not in text


def _around(text: str) -> str:
    found = NAMED.search(text)
    return text[max(found.start() - 300, 0) : found.end() + 100] if found else ""
