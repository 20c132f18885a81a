"""Bring this package to the machines of Spark, whose Pythons run its functions.

What is sent is the code that runs here, so the versions are equal by construction. What it imports
(DuckDB, pyarrow) is compiled for each kind of machine and has to be there already.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
import threading
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakeworks.core.archives import zipped

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# The packages that an engine may import: all that a task can need.
_PACKAGES = ("core", "project", "storage", "engines")
_LOCK = threading.Lock()
_SHIPPED: set[str] = set()


def is_remote(spark: SparkSession) -> bool:
    """Whether a session is one of Spark Connect."""
    return type(spark).__module__.startswith("pyspark.sql.connect")


def ship(spark: SparkSession) -> None:
    """Let functions of this package run on Spark's machines. Quick when that was done before.

    A Spark on this machine runs its functions with this interpreter, which has the package.
    """
    session: Any = spark  # of either kind
    with _LOCK:
        if is_remote(spark):
            _once(spark, f"session {session.session_id}")
        elif not session.sparkContext.master.startswith("local"):
            _once(spark, f"application {session.sparkContext.applicationId}")


def _once(spark: SparkSession, place: str) -> None:
    if place in _SHIPPED:
        return
    archive = _archive()
    if archive is not None:
        spark.addArtifacts(str(archive), pyfile=True)
    _SHIPPED.add(place)


@cache
def _archive() -> Path | None:
    """Return a zip file of the package, or None where it came here as one.

    Spark's machines fetch it for as long as the application lives.
    """
    package = Path(__file__).parents[2]
    if not package.is_dir():
        return None
    folder = Path(tempfile.mkdtemp(prefix="lakeworks-shipped-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    archive = folder / "lakeworks-tasks.zip"
    archive.write_bytes(packed(package))
    return archive


def packed(package: Path) -> bytes:
    """Return a zip archive of the parts of the package at `package` that tasks need."""
    paths = [package / "__init__.py"]
    for part in _PACKAGES:
        paths += sorted(path for path in (package / part).rglob("*.py") if path.is_file())
    files = {
        f"{package.name}/{p.relative_to(package).as_posix()}": p.read_bytes() for p in paths
    }
    return zipped(files, level=1)
