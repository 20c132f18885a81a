"""The layers of ARCHITECTURE.md, as import-linter reads them from pyproject.toml."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_imports_point_downwards_and_vendors_stay_in_their_wrappers() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_layers_of_the_architecture_page_are_those_that_are_enforced() -> None:
    import tomllib

    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    enforced = config["tool"]["importlinter"]["contracts"][0]["layers"]
    page = (ROOT / "ARCHITECTURE.md").read_text().splitlines()
    rows = [line.split("|")[2] for line in page if line.startswith("| ") and line[2].isdigit()]
    written = [" | ".join(row.split("`")[1::2]) for row in rows]
    assert written == enforced
