"""What a user is told when Spark cannot start here, or is given what it cannot use."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from lakeworks.engines.errors import EngineFailedError, OutOfMemoryError
from lakeworks.engines.spark.application import application
from lakeworks.engines.spark.errors import (
    MissingSparkError,
    SparkLostError,
    SparkSettingError,
    SparkStartError,
    WorkersLackPackageError,
)
from lakeworks.engines.spark.jvm import check_java
from lakeworks.engines.spark.settings import configuration
from lakeworks.engines.spark.translation import lake_error
from lakeworks.project.declaration import SparkSettings

if TYPE_CHECKING:
    from pathlib import Path

# A JVM that runs out of memory collects garbage for long before it gives up.
pytestmark = pytest.mark.timeout(900)
needs_pyspark = pytest.mark.skipif(
    find_spec("pyspark") is None and os.environ.get("CI") != "true",
    reason="PySpark is not installed",
)


def fake_java(folder: Path, says: str) -> Path:
    """A Java that only tells its version."""
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho '{says}' >&2\nexit 1\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return folder


@pytest.fixture
def java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home for a Java, which JAVA_HOME names."""
    home = tmp_path / "java"
    monkeypatch.setenv("JAVA_HOME", str(home))
    return home


@pytest.mark.parametrize(
    ("says", "major"),
    [('openjdk version "11.0.2" 2019-01-15', 11), ('java version "1.8.0_391"', 8)],
)
def test_an_old_java_is_named_with_its_version(java: Path, says: str, major: int) -> None:
    fake_java(java, says)
    with pytest.raises(MissingSparkError, match=f"Java {major} was found"):
        check_java()


@pytest.mark.parametrize("version", ["17", "17.0.15", "21.0.2", "25-ea"])
def test_newer_javas_will_do(java: Path, version: str) -> None:
    fake_java(java, f'openjdk version "{version}" 2025-04-15')
    check_java()


def test_a_java_home_without_java_is_named(java: Path) -> None:
    with pytest.raises(MissingSparkError, match=f"JAVA_HOME says: {java}") as caught:
        check_java()
    assert "bin/java" in caught.value.hint


def test_no_java_at_all_is_told_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingSparkError, match="needs Java, which was not found") as caught:
        check_java()
    assert "Java 17" in caught.value.hint


START = """
import sys
from lakeworks.engines.registry import open_engine
from lakeworks.core.errors import LakeError
from lakeworks.project.declaration import SparkSettings
try:
    with open_engine("spark", temp_directory={folder!r}, memory_limit={memory},
                     threads=1, spark=SparkSettings(**{spark!r})).session() as session:
        session.query({sql!r}).read_all()
except LakeError as error:
    print(error.code, error)
"""


def started(
    folder: Path, *, sql: str = "select 1 as one", memory: int = 512, **spark: object
) -> str:
    """Return what a process prints that opens Spark; it writes nothing to stderr."""
    code = START.format(folder=str(folder), memory=memory * 1024**2, spark=spark, sql=sql)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=800
    )
    assert done.stderr == ""
    return done.stdout


@needs_pyspark
@pytest.mark.spark
def test_spark_on_an_old_java_says_so_and_nothing_else(java: Path, tmp_path: Path) -> None:
    fake_java(java, 'openjdk version "11.0.2" 2019-01-15')
    assert started(tmp_path).startswith(
        "LW440 engine: spark needs Java 17 or newer, and Java 11"
    )


@needs_pyspark
def test_a_spark_without_java_says_so_and_nothing_else(java: Path, tmp_path: Path) -> None:
    assert started(tmp_path).startswith("LW440 engine: spark needs Java, and there is none")


def test_without_pyspark_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    wanted = configuration(SparkSettings(), temp_directory=str(tmp_path))
    monkeypatch.setattr("lakeworks.engines.spark.application._STARTED", {})
    with pytest.raises(MissingSparkError, match="not installed") as caught:
        application(wanted)
    assert "lakeworks[spark]" in caught.value.hint


@needs_pyspark
def test_a_cluster_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]  # taken, and nobody listens
        told = started(tmp_path, master=f"spark://127.0.0.1:{port}")
    assert told.startswith(f"LW441 no master of Spark answers at spark://127.0.0.1:{port}: ")
    assert "Connection refused" in told


@needs_pyspark
def test_a_jar_that_is_not_there_is_named(tmp_path: Path) -> None:
    told = started(tmp_path, jars=(f"{tmp_path}/none.jar",))
    assert told.startswith(f"LW442 spark: jars: names {tmp_path}/none.jar, which is not there")


@needs_pyspark
@pytest.mark.spark
@pytest.mark.slow
def test_a_package_that_no_repository_has_is_named(tmp_path: Path) -> None:
    (tmp_path / "m2").mkdir()
    told = started(
        tmp_path,
        packages=("com.example.nowhere:nothing:1.0",),
        repositories=((tmp_path / "m2").as_uri(),),
    )
    assert told.startswith(
        "LW441 Spark found no repository that has com.example.nowhere:nothing:1.0"
    )
    assert "jars:" in told


@needs_pyspark
@pytest.mark.spark
def test_a_value_that_java_refuses_is_told_in_its_words(tmp_path: Path) -> None:
    told = started(tmp_path, settings={"spark.driver.memory": "none"})
    assert told.startswith("LW441 Spark did not start on local[1]: ")
    assert "none" in told.splitlines()[0]


@needs_pyspark
@pytest.mark.spark
@pytest.mark.slow
def test_a_driver_out_of_memory_says_so(tmp_path: Path) -> None:
    digits = "(values (0), (1), (2), (3), (4), (5), (6), (7), (8), (9))"
    millions = ", ".join(f"{digits} as d{n}(i)" for n in range(7))
    sql = f"select list(repeat('x', 999) || d0.i || d1.i || d2.i) as held from {millions}"
    told = started(tmp_path, sql=sql)
    assert told.startswith("LW403 the engine needs more than its memory limit of 512 MiB")


def test_settings_that_are_none_of_sparks_are_refused() -> None:
    with pytest.raises(SparkSettingError, match="is no property of Spark"):
        configuration(
            SparkSettings(settings={"sql.shuffle.partitions": "4"}), temp_directory="/t"
        )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("ModuleNotFoundError: No module named 'duckdb'", "has no 'duckdb'"),
        ("[PACKAGE_NOT_INSTALLED] PyArrow >= 18.0.0 must be installed", "has no 'pyarrow'"),
        (
            "[PYTHON_VERSION_MISMATCH] Python in worker has different version: 3.9 than that in driver: 3.11, PySpark",  # noqa: E501
            "is 3.9, and this one is 3.11",
        ),
        ('java.io.IOException: Cannot run program "python7": error=2', "called 'python7'"),
    ],
)
def test_what_the_python_of_sparks_machines_lacks_is_named(text: str, told: str) -> None:
    error = lake_error(RuntimeError(text))
    assert isinstance(error, WorkersLackPackageError)
    assert told in str(error)
    assert "PYSPARK_PYTHON" in error.hint


def test_lost_machines_are_told_with_sparks_reason() -> None:
    error = lake_error(
        RuntimeError(
            "Job aborted due to stage failure: Task 0 in stage 3.0 failed 4 times, most recent "
            "failure: Lost task 0.3 in stage 3.0 (TID 9) (127.0.0.1 executor 3): "
            "ExecutorLostFailure (executor 3 exited caused by one of the running tasks) Reason: "
            "Command exited with code 137\nDriver stacktrace:\n\tat org.apache.spark"
        )
    )
    assert isinstance(error, SparkLostError)
    assert "Command exited with code 137" in str(error)
    assert "org.apache" not in str(error)
    assert "memoryOverhead" in error.hint


def test_a_server_that_goes_away_is_told() -> None:
    assert isinstance(
        lake_error(RuntimeError("[RETRIES_EXCEEDED] The maximum")), SparkLostError
    )


@pytest.mark.parametrize(
    "gone",
    [
        ConnectionRefusedError(111, "Connection refused"),
        RuntimeError("Job 2 cancelled because SparkContext was shut down"),
    ],
)
def test_a_jvm_that_is_gone_is_told(gone: Exception) -> None:
    assert isinstance(lake_error(gone), (SparkLostError, OutOfMemoryError))


class UnsaidError(Exception):
    """One of Java's, whose words py4j asks a JVM for that is gone."""

    def __str__(self) -> str:
        raise ConnectionRefusedError(111, "Connection refused")


def test_an_error_whose_words_are_gone_with_the_jvm_is_told() -> None:
    assert isinstance(lake_error(UnsaidError()), (SparkLostError, OutOfMemoryError))


BABBLE = [
    RuntimeError("py4j.reflection.TypeUtil.isInstanceOf does not exist in the JVM"),
    TypeError("'JavaPackage' object is not callable"),
]


@pytest.mark.parametrize("babble", BABBLE)
def test_a_jvm_that_answers_with_nothing_of_use_after_it_ran_out_of_memory_says_so(
    babble: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    heap = "java.lang.OutOfMemoryError: Java heap space"
    monkeypatch.setattr("lakeworks.engines.spark.jvm.last_words", lambda: heap)
    told = lake_error(babble, 512 * 1024**2)
    assert isinstance(told, OutOfMemoryError)
    assert "512 MiB" in str(told)


@pytest.mark.parametrize("babble", BABBLE)
def test_a_class_that_spark_does_not_have_is_told_as_such(
    babble: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lakeworks.engines.spark.jvm.last_words", lambda: "")
    told = lake_error(babble)
    assert isinstance(told, EngineFailedError)
    assert str(babble) in str(told)


def test_starting_elsewhere_than_the_spark_that_runs_is_refused() -> None:
    error = SparkStartError.another("this machine", "spark://head:7077")
    assert "one Spark" in error.hint
