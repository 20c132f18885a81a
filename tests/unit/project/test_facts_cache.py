"""Unchanged files are not parsed again, and no state of the cache makes a load wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from lakeworks.core.names import TableName
from lakeworks.project import sql_models
from lakeworks.project.facts_cache import CACHE_FILE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lakeworks.project.declaration import Project
    from lakeworks.project.errors import Mistake

SPARK = "/*\ndialect: spark\nload: append\n*/\nselect `id` from bronze.orders"
WARM = """
import json, sys
from pathlib import Path
from lakeworks.project.loader import load_project
project = load_project(Path(sys.argv[1]), variables={})
print(json.dumps([len(project.models), [*sys.modules]]))
"""
HEAVY = {"yaml", "pydantic", "sqlglot", "pyarrow", "narwhals", "duckdb"}


def _rich() -> dict[str, str | bytes]:
    return {
        "models/silver/spark.sql": SPARK,
        "models/gold/p.py": "from lakeworks.project.python_models import model\n\n\n"
        "@model('gold.p', inputs={'o': 'silver.orders'}, columns={'a': {'description': 'b'}})\n"
        "def p(o):\n    return o\n",
        "sources/csv.yml": "table: bronze.people\npath: x\ntypes: {a: 'array<int>'}\n"
        "csv: {null_values: [NA]}\ntags: {a: b}\npartition_by: [c, d]\n",
        "lake.yml": "name: shop\nenvironments: {dev: {memory_limit: 1GB, threads: 3}, b: }\n",
    }


def test_a_warm_load_gives_the_same_project(load: Callable[..., Project]) -> None:
    cold, warm = load(_rich()), load(_rich())
    assert warm.environment == cold.environment
    assert warm.sources == cold.sources
    assert {t: m.fingerprint for t, m in warm.models.items()} == {
        t: m.fingerprint for t, m in cold.models.items()
    }
    for table, model in cold.models.items():
        if model.function is None:
            assert warm.models[table] == model


def test_a_warm_load_imports_no_heavy_library(
    load: Callable[..., Project], tmp_path: Path
) -> None:
    load(_rich())
    done = subprocess.run(
        [sys.executable, "-c", WARM, str(tmp_path)], capture_output=True, text=True, check=True
    )
    models, modules = json.loads(done.stdout)
    assert models == 3
    assert HEAVY & set(modules) == set()


@pytest.mark.parametrize(
    "damage",
    [
        b"", b"{", b"null", b"[]", b"\xff\xfe", b"[" * 100_000,
        b"stamp digest\n{}",
    ],
)  # fmt: skip
def test_damaged_cache_is_ignored_and_made_anew(
    load: Callable[..., Project], tmp_path: Path, damage: bytes
) -> None:
    before = load()
    kept = (tmp_path / CACHE_FILE).read_bytes()
    (tmp_path / CACHE_FILE).write_bytes(damage)
    assert load() == before
    assert (tmp_path / CACHE_FILE).read_bytes() == kept


@pytest.mark.parametrize("other", ["merge", "silver.orders", "bronze.orders", "shop"])
def test_altered_facts_are_not_believed(
    load: Callable[..., Project], tmp_path: Path, other: str
) -> None:
    before = load()
    path = tmp_path / CACHE_FILE
    kept = path.read_text()
    assert other in kept
    path.write_text(kept.replace(other, "x" + other[1:]))
    assert load() == before
    assert path.read_text() == kept


def test_changed_file_is_read_again_and_only_it(
    load: Callable[..., Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    load(_rich())
    read: list[str] = []
    parse = sql_models.read_sql_model

    def noted(text: str, file: str, *rest: Any) -> Any:
        read.append(file)
        return parse(text, file, *rest)

    monkeypatch.setattr(sql_models, "read_sql_model", noted)
    project = load({**_rich(), "models/silver/spark.sql": SPARK.replace("append", "replace")})
    assert read == ["models/silver/spark.sql"]
    assert project.models[TableName("silver", "spark")].load == "replace"


def test_mistakes_are_found_again_although_other_files_are_kept(
    mistakes: Callable[..., tuple[Mistake, ...]],
) -> None:
    broken = {"models/gold/x.sql": "select * from silver.nothing"}
    assert mistakes(broken) == mistakes(broken)
    broken = {"models/gold/x.sql": "select * frm silver.orders"}
    assert mistakes(broken) == mistakes(broken)


def test_removed_file_leaves_the_cache(load: Callable[..., Project], tmp_path: Path) -> None:
    load({"models/gold/x.sql": "select 1 as id"})
    (tmp_path / "models/gold/x.sql").unlink()
    load()
    assert "models/gold/x.sql" not in (tmp_path / CACHE_FILE).read_text()


def test_folder_that_takes_no_cache_still_loads(
    load: Callable[..., Project], tmp_path: Path
) -> None:
    (tmp_path / ".lake").write_text("a file is in the way")
    assert load().name == "shop"


def test_scratch_files_do_not_stay(load: Callable[..., Project], tmp_path: Path) -> None:
    load()
    assert [path.name for path in (tmp_path / CACHE_FILE).parent.iterdir()] == [CACHE_FILE.name]
