"""`max_rejected`: too many rejected rows end a step before anything of it is committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lakeworks.lake import Lake
from lakeworks.project.loader import load_project

if TYPE_CHECKING:
    from pathlib import Path

GOOD = '{"id": 1, "amount": 5}\n'
BAD_AMOUNT = '{"id": 2, "amount": -5}\n'
TORN = '{"id": 3, "amo\n'
MODEL = """/*
load: append
quality: Rules = [ ColumnValues "amount" > 0 ]
max_rejected: {limit}
*/
select id, amount from bronze.rows
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with one source."""
    (tmp_path / "sources").mkdir()
    (tmp_path / "models/silver").mkdir(parents=True)
    (tmp_path / "in").mkdir()
    (tmp_path / "lake.yml").write_text("name: limits\n")
    source(tmp_path)
    return tmp_path


def source(root: Path, more: str = "") -> None:
    text = f"table: bronze.rows\npath: in\nformat: json\n{more}"
    (root / "sources/rows.yml").write_text(text)


def model(root: Path, limit: str) -> None:
    (root / "models/silver/rows.sql").write_text(MODEL.format(limit=limit))


@pytest.mark.parametrize("limit", ["20%", "2 rows"])
def test_a_model_that_rejects_too_much_commits_nothing_until_the_limit_is_raised(
    root: Path, limit: str
) -> None:
    model(root, limit)
    (root / "in/a.json").write_text(GOOD * 7 + BAD_AMOUNT * 3)
    with Lake.open(root) as lake:
        step = lake.pipeline.run().step("silver.rows")
        assert step.status == "failed"
        assert "3 of 10 rows (30%) were rejected" in str(step.error)
        assert '3 fail ColumnValues "amount" > 0' in str(step.error)
        assert not [name for name in lake.catalog.heads() if name.database != "bronze"]
    model(root, "30%")
    with Lake.open(root) as lake:
        step = lake.pipeline.run().step("silver.rows")
    assert (step.status, step.rows_written, step.rows_quarantined) == ("succeeded", 7, 3)


def test_a_source_that_rejects_too_much_reads_the_same_files_again(root: Path) -> None:
    source(root, "max_rejected: 10%\n")
    (root / "in/a.json").write_text(GOOD * 4 + TORN)
    with Lake.open(root) as lake:
        step = lake.pipeline.run().step("bronze.rows")
        assert step.status == "failed"
        assert "1 of 5 rows (20%) were rejected, and max_rejected is 10%" in str(step.error)
    (root / "in/a.json").write_text(GOOD * 5)
    with Lake.open(root) as lake:
        step = lake.pipeline.run().step("bronze.rows")
        assert (step.status, step.rows_written, step.rows_quarantined) == ("succeeded", 5, 0)


def test_a_limit_that_is_none_is_refused_with_its_line(root: Path) -> None:
    model(root, "few")
    source(root, "max_rejected: 101%\nfreshness: soon\n")
    with pytest.raises(Exception, match="max_rejected") as caught:
        load_project(root)
    text = str(caught.value)
    assert "sources/rows.yml:4: max_rejected: '101%'" in text
    assert "sources/rows.yml:5: freshness: 'soon' is no age" in text
    assert "models/silver/rows.sql:4: max_rejected: 'few'" in text


def test_limits_reach_the_declarations(root: Path) -> None:
    source(root, "max_rejected: 0.5%\nfreshness: 90 minutes\n")
    model(root, "1000")
    project = load_project(root)
    [one] = project.sources.values()
    [other] = project.models.values()
    assert (one.max_rejected and one.max_rejected.share, one.freshness_s) == (0.005, 5_400)
    assert other.max_rejected is not None
    assert other.max_rejected.rows == 1_000
    assert str(other.max_rejected) == "1,000 rows"
