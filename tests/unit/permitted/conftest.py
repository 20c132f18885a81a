"""The lake of canaries, once for all tests that only look, and a copy for each that changes it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from canary_lake import written

from lakeworks.lake import Lake

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("canaries") / "lake")


@pytest.fixture(scope="session")
def lake(built: Path) -> Iterator[Lake]:
    """Only to be looked at."""
    with Lake.open(built) as opened:
        yield opened


@pytest.fixture
def own(built: Path, tmp_path: Path) -> Iterator[Lake]:
    """May be changed."""
    shutil.copytree(built, tmp_path / "lake")
    with Lake.open(tmp_path / "lake") as opened:
        yield opened
