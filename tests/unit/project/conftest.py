"""A project made of a few texts, and what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lakeworks.project.errors import ProjectError
from lakeworks.project.loader import load_project

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lakeworks.project.declaration import Project
    from lakeworks.project.errors import Mistake

LAKE = "name: shop\n"
SOURCE = "table: bronze.orders\nfrom: files\npath: landing/orders\nformat: json\n"
MODEL = "/*\nload: merge\nkey: [id]\n*/\nselect id from bronze.orders\n"


@pytest.fixture
def write(tmp_path: Path) -> Callable[[dict[str, str | bytes]], Path]:
    """Write a right project, with these files instead of or besides its own."""

    def _write(files: dict[str, str | bytes]) -> Path:
        right = {
            "lake.yml": LAKE,
            "sources/orders.yml": SOURCE,
            "models/silver/orders.sql": MODEL,
        }
        for name, text in {**right, **files}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return tmp_path

    return _write


@pytest.fixture
def load(write: Callable[..., Path]) -> Callable[..., Project]:
    """Load a project with these files."""

    def _load(
        files: dict[str, str | bytes] | None = None,
        *,
        environment: str | None = None,
        variables: dict[str, str] | None = None,
    ) -> Project:
        return load_project(
            write(files or {}), environment=environment, variables=variables or {}
        )

    return _load


@pytest.fixture
def mistakes(load: Callable[..., Project]) -> Callable[..., tuple[Mistake, ...]]:
    """Return the mistakes of a project with these files."""

    def _mistakes(
        files: dict[str, str | bytes],
        *,
        environment: str | None = None,
        variables: dict[str, str] | None = None,
    ) -> tuple[Mistake, ...]:
        with pytest.raises(ProjectError) as raised:
            load(files, environment=environment, variables=variables)
        return raised.value.mistakes

    return _mistakes


@pytest.fixture
def mistake(mistakes: Callable[..., tuple[Mistake, ...]]) -> Callable[..., Mistake]:
    """Return the only mistake of a project with these files."""

    def _mistake(
        files: dict[str, str | bytes],
        *,
        environment: str | None = None,
        variables: dict[str, str] | None = None,
    ) -> Mistake:
        found = mistakes(files, environment=environment, variables=variables)
        assert len(found) == 1, [str(one) for one in found]
        return found[0]

    return _mistake
