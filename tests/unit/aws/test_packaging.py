"""What is shipped: only what declares, the same bytes each time, and a wheel that installs."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import venv
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

import lakeworks
from lakeworks.aws.errors import SubmitSettingsError
from lakeworks.aws.packaging import project_archive, wheel
from lakeworks.project.loader import load_project

if TYPE_CHECKING:
    from pathlib import Path

    from lakeworks.aws.packaging import Packed
    from lakeworks.project.declaration import Project


def names(packed: Packed) -> list[str]:
    return zipfile.ZipFile(io.BytesIO(packed.data)).namelist()


def including(project: Project, *patterns: str) -> Project:
    submit = replace(project.environment.submit, include=patterns)
    return replace(project, environment=replace(project.environment, submit=submit))


def test_only_what_declares_is_packed(orders_project: Path) -> None:
    for stray in (
        ".env", ".git/config", ".lake/catalog.db", "landing/orders/a.json", "models/key.pem",
        "models/silver/.secret.sql", "models/silver/__pycache__/x.py", "notes.yml",
    ):  # fmt: skip
        path = orders_project / stray
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("kept at home")
    packed = names(project_archive(load_project(orders_project)))
    assert "lake.yml" in packed
    assert "sources/orders.yml" in packed
    assert "models/silver/orders.sql" in packed
    folders = {name.split("/")[0] for name in packed}
    assert folders == {"lake.yml", "sources", "models"}
    assert not any("secret" in name or "pem" in name or "cache" in name for name in packed)


def test_a_link_out_of_the_project_is_not_followed(
    orders_project: Path, tmp_path: Path
) -> None:
    (tmp_path / "outside.sql").write_text("select 1 as secret")
    (orders_project / "models/gold/linked.sql").symlink_to(tmp_path / "outside.sql")
    assert "models/gold/linked.sql" not in names(project_archive(load_project(orders_project)))


def test_further_files_are_packed_when_they_are_named(orders_project: Path) -> None:
    (orders_project / "lookups").mkdir()
    (orders_project / "lookups" / "rates.csv").write_text("a,b\n")
    project = including(load_project(orders_project), "lookups/**/*")
    assert "lookups/rates.csv" in names(project_archive(project))


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("../x", "not below the project"),
        ("/etc/passwd", "not below the project"),
        ("nothing/*", "matches no file"),
        (".env", "matches no file"),
    ],
)
def test_further_files_that_cannot_be_are_refused_with_the_line(
    orders_project: Path, pattern: str, told: str
) -> None:
    (orders_project / ".env").write_text("SECRET=1")
    with pytest.raises(SubmitSettingsError, match=rf"lake\.yml:\d+: include .*{told}"):
        project_archive(including(load_project(orders_project), pattern))


def test_equal_projects_give_equal_bytes(orders_project: Path) -> None:
    project = load_project(orders_project)
    first = project_archive(project)
    os.utime(orders_project / "lake.yml", (0, 0))
    assert project_archive(project) == first
    (orders_project / "lake.yml").write_text("name: tiny\n# changed\n")
    assert project_archive(project).place != first.place


def test_the_wheel_is_the_same_each_time_and_says_what_it_needs() -> None:
    packed = wheel(lakeworks.__version__)
    assert packed == wheel(lakeworks.__version__)
    archive = zipfile.ZipFile(io.BytesIO(packed.data))
    info = f"lakeworks-{lakeworks.__version__}.dist-info"
    told = archive.read(f"{info}/METADATA").decode()
    assert f"Version: {lakeworks.__version__}\n" in told
    assert "Requires-Dist: pyarrow" in told
    assert 'Requires-Dist: pyspark==4.2.1; extra == "spark"' in told
    assert "lakeworks/catalog/migrations/versions/0001_catalog.py" in archive.namelist()
    assert "lakeworks/py.typed" in archive.namelist()
    assert not any("__pycache__" in name for name in archive.namelist())


@pytest.mark.slow
def test_pip_installs_the_wheel_and_finds_every_file_as_recorded(tmp_path: Path) -> None:
    packed = wheel(lakeworks.__version__)
    (tmp_path / packed.name).write_bytes(packed.data)
    venv.create(tmp_path / "v", with_pip=True)
    python = tmp_path / "v" / "bin" / "python"
    pip = [str(python), "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    subprocess.run([*pip, str(tmp_path / packed.name)], check=True, capture_output=True)
    code = (
        "import lakeworks, importlib.metadata as m;"
        "print(m.version('lakeworks'), lakeworks.__file__)"
    )
    clean = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    found = subprocess.run(
        [str(python), "-c", code], env=clean, capture_output=True, text=True, check=True
    )
    assert found.stdout.startswith(f"{lakeworks.__version__} {tmp_path}")
    assert (tmp_path / "v" / "bin" / "lake").exists()


def test_a_wheel_unpacked_to_a_folder_runs_the_command(tmp_path: Path) -> None:
    zipfile.ZipFile(io.BytesIO(wheel(lakeworks.__version__).data)).extractall(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "lakeworks", "--version"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"lakeworks {lakeworks.__version__}\n"
