"""What must not be loaded by those who do not use it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {
    "alembic", "deltalake", "duckdb", "narwhals", "numpy", "obstore", "pandas", "polars",
    "pyarrow", "pydantic", "sqlalchemy", "sqlglot", "yaml",
}  # fmt: skip


def _loaded_by(program: str) -> set[str]:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"{program}\nimport json, sys; print(json.dumps([*sys.modules]))",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_lakeworks_loads_no_other_library() -> None:
    assert _loaded_by("import lakeworks") & (HEAVY | {"typer", "rich"}) == set()


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["--version"]])
def test_help_loads_typer_and_no_other_library(arguments: list[str]) -> None:
    loaded = _loaded_by(f"from lakeworks.cli.main import main\nassert main({arguments!r}) == 0")
    assert "typer" in loaded
    assert loaded & (HEAVY | {"rich"}) == set()
