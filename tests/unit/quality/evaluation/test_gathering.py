"""Figures of data that memory does not hold."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 3_000_000
LIMIT = 128 * 1024**2
RULES = """Rules = [
  IsUnique "key", IsUnique "number", Uniqueness "key" "number" = 1, DistinctValuesCount "key" > 2,
  Entropy "key" > 1, ColumnLength "key" > 30
]"""


def test_groups_larger_than_memory_are_counted_on_disk(tmp_path: Path) -> None:
    """A process of its own, as the engine's limit is held against all that it takes."""
    data = tmp_path / "keys.parquet"
    duckdb.execute(
        f"copy (select repeat('k', 30) || i as key, i as number from range({ROWS}) as r(i)) "
        f"to '{data}' (format parquet)"
    )
    code = f"""
from pathlib import Path
from lakeworks.core.types import Field, Schema, parse_type
from lakeworks.engines.registry import open_engine
from lakeworks.quality import compile_ruleset, parse
from lakeworks.quality.evaluation.gathering import gather

engine = open_engine(
    "duckdb", temp_directory={str(tmp_path / "spill")!r}, memory_limit={LIMIT}, threads=1
)
with engine.session() as session:
    session.bind_files("primary", [{str(data)!r}], "parquet")
    schema = session.describe('select * from "primary"')
    compiled = compile_ruleset(parse({RULES!r}), schema)
    found = compiled.judge(gather(compiled, session))
engine.close()
assert found.passed, found
assert found.metrics["Column.key.DistinctValuesCount"] == {ROWS}
# Of this program alone: getrusage counts what the process was before it became this program.
status = Path("/proc/self/status").read_text()
print(int(status.partition("VmHWM:")[2].split()[0]) * 1024)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=250
    )
    assert done.returncode == 0, done.stderr
    # Without the limit it is more than three times as much.
    assert int(done.stdout) < 2.5 * LIMIT
