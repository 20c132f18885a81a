"""workgroups/: limits, places and budgets as they are declared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lakeworks.project.declaration import Project
    from lakeworks.project.errors import Mistake


def test_a_workgroup_says_where_results_go(
    load: Callable[..., Project], tmp_path: Path
) -> None:
    project = load({
        "workgroups/near.yml": "result_location: own/results\n",
        "workgroups/far.yml": "result_location: s3://acme-results/far/\nretention: 30 days\n",
        "workgroups/usual.yml": "description: what it is\ntimeout: 90 seconds\ncpu_time: 5s\n",
    })  # fmt: skip
    groups = project.workgroups
    assert groups["near"].result_location == str(tmp_path / "own/results")
    assert groups["far"].result_location == "s3://acme-results/far"
    assert groups["far"].retention_s == 30 * 86_400
    assert groups["usual"].result_location == ""
    assert (groups["usual"].timeout_s, groups["usual"].cpu_s) == (90, 5)
    # As it is kept in the cache.
    assert load({}).workgroups == groups


@pytest.mark.parametrize(
    ("location", "told"),
    [
        ("../outside", "climbs out"),
        ("gs://bucket/x", "neither a folder nor an s3:// address"),
        ("s3://UPPER/x", "does not name a bucket"),
    ],
)
def test_a_place_that_cannot_hold_results_is_refused_with_its_line(
    mistake: Callable[..., Mistake], location: str, told: str
) -> None:
    found = mistake({"workgroups/w.yml": f"workgroup: w\nresult_location: {location}\n"})
    assert told in found.problem
    assert (found.at.file, found.at.line, found.code) == ("workgroups/w.yml", 2, "LW112")


def test_a_secret_has_no_place_in_a_workgroup(mistake: Callable[..., Mistake]) -> None:
    text = "workgroup: w\nresult_location: s3://bucket/${secret:env:X}\n"
    found = mistake({"workgroups/w.yml": text})
    assert (found.at.line, found.code) == (2, "LW190")
