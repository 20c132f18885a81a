"""No statement that writes moves a value to where its caller may see it, or tells of it.

Each script of `attacks/writing/` is given by each principal of `canary_lake`, all of whom may make
tables and unload. What they are told, the tables that they made and the files that they wrote are
searched for canaries.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from canary_lake import PRINCIPALS, Seen, leaks, written

from lakeworks.core.errors import LakeError
from lakeworks.core.names import TableName
from lakeworks.lake import Lake

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRIPTS = Path(__file__).parent / "attacks" / "writing" / "statements.sql"


@dataclass
class Attacked:
    """The lake, and the folder that all may write to."""

    lake: Lake
    out: Path


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    root = written(tmp_path_factory.mktemp("writing") / "lake")
    out = root.parent / "out"
    (root / "policies" / "writing.yml").write_text(
        f"data_locations: {{exports: {out}}}\n"
        "grants:\n"
        "  - {to: everyone, permissions: CREATE_TABLE, on: [gold, silver, bronze]}\n"
        "  - {to: everyone, permissions: DATA_LOCATION_ACCESS, on: location:exports}\n"
    )
    with Lake.open(root) as lake:
        yield Attacked(lake, out)


def scripts() -> list[str]:
    text = re.sub(r"\A(?:--[^\n]*\n)+", "", SCRIPTS.read_text(encoding="utf-8"))
    return [one.strip() for one in re.split(r";\n", text) if one.strip()]


def told(lake: Lake, sql: str, caller: str | None) -> str:
    try:
        with lake.query.sql(sql, caller=caller, timeout_s=20) as result:
            return json.dumps(result.rows(), default=str)
    except LakeError as error:
        return str(error)


def without(text: str, script: str) -> str:
    """Leave out of an answer what the script itself says."""
    for word in sorted(set(re.findall(r"\w+", script)), key=len, reverse=True):
        text = re.sub(rf"\b{re.escape(word)}\b", "", text, flags=re.IGNORECASE)
    return text


@pytest.mark.parametrize("seen", PRINCIPALS, ids=lambda one: one.principal)
def test_nothing_hidden_is_moved_or_told(attacked: Attacked, seen: Seen) -> None:
    lake, out = attacked.lake, attacked.out / re.sub(r"\W", "_", seen.principal)
    folder = lake.storage.table_root(TableName("silver", "customers"))
    before = dict(lake.catalog.current_snapshot().tables)
    number = 1000 * (PRINCIPALS.index(seen) + 1)
    found, worked = [], 0
    for script in scripts():
        number += 1
        sql = (
            script.replace("{n}", str(number)).replace("{out}", str(out))
            .replace("{folder}", folder).replace("{root}", str(lake.project.root))
        )  # fmt: skip
        answer = told(lake, sql, seen.principal)
        worked += answer.startswith("[")
        if caught := leaks(seen, without(answer, sql)):
            found.append(f"{sql}\n    tells {caught}: {answer[:300]}")
        made = told(lake, f"select * from gold.w{number}", seen.principal)
        if caught := leaks(seen, without(made, sql)):
            found.append(f"{sql}\n    moves {caught}: {made[:300]}")
        stored = told(lake, f"select * from gold.w{number}", None)
        hidden = (
            leaks(seen, without(stored, sql)) if "there is no table" not in stored else set()
        )
        if hidden:
            found.append(f"{sql}\n    stores {hidden}")
    files = [file for file in out.rglob("*") if file.is_file()] if out.exists() else []
    found += [f"{file} leaks" for file in files if leaks(seen, f"{file.name} {_text(file)}")]
    assert not found, "\n".join(found)
    assert worked >= (20 if seen.principal in {"ana", "cleo"} else 0)
    after = lake.catalog.current_snapshot().tables
    assert {name: after.get(name) for name in before} == before
    assert not [one for one in lake.doctor() if one.severity == "error"]


def _text(file: Path) -> str:
    if file.suffix == ".parquet":
        import pyarrow.parquet as pq

        return json.dumps(pq.read_table(file).to_pylist(), default=str)
    return file.read_text(errors="replace")


def test_a_name_that_is_taken_by_something_hidden_is_not_told_apart(
    attacked: Attacked,
) -> None:
    """The name is refused, as names are one space; what has it, and since when, is not told."""
    lake = attacked.lake
    hidden = told(lake, "create table bronze.zqsecret as select 1 as a", "ana")
    assert "cannot be given" in hidden
    again = "create table if not exists bronze.zqsecret as select 1 as a"
    assert told(lake, again, "ana") == hidden
