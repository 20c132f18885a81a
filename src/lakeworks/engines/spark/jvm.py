"""Spark's JVM in this process: whether there is a Java for it, and what it said last.

What a JVM writes goes to a file instead of stderr, for it is traces; when the JVM fails to start, or is
suddenly gone, the file tells why.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lakeworks.engines.spark.errors import MissingSparkError

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator

LEAST_JAVA = 17
_VERSION = re.compile(r'version "(\d+)(?:\.(\d+))?')
# The first line with the first of these tells most.
_TELLING = ("unresolved dependency", "Invalid ", "Exception", "Error", "error", "not found")
_LOG = "spark.log"
_LOGGING = """\
rootLogger.level = error
rootLogger.appenderRef.console.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %m%n
"""


def submitted() -> bool:
    """Whether spark-submit started this process: master, memory and jars are its business."""
    return "PYSPARK_GATEWAY_PORT" in os.environ


@contextmanager
def quiet(settings: dict[str, str]) -> Iterator[None]:
    """Let the JVM that is started inside the block write to a file instead of stderr.

    It inherits this process's stderr as it is when it starts, and keeps it.
    """
    if submitted():
        yield
        return
    rules = _folder() / "log4j2.properties"
    rules.write_text(_LOGGING, encoding="ascii")
    options = settings.get("spark.driver.extraJavaOptions", "")
    if "log4j" not in options:
        told = f"-Dlog4j2.configurationFile={rules.as_uri()} {options}".strip()
        settings["spark.driver.extraJavaOptions"] = told
    kept = os.dup(2)
    try:
        with (_folder() / _LOG).open("wb") as file:
            os.dup2(file.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def without_traces(record: logging.LogRecord) -> bool:
    """Keep what py4j, which speaks with the JVM, says under the root logger's name to itself.

    It writes the trace of a connection that breaks; the session tells what became of Spark.
    """
    return record.module != "java_gateway"


def last_words() -> str:
    """Return what the JVM wrote."""
    try:
        return (_folder() / _LOG).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def reason() -> str:
    """Return the line of the JVM's last words that says why it did not start, or ''."""
    lines = [one for one in last_words().splitlines() if not one.lstrip().startswith("at ")]
    for mark in _TELLING:
        found = next((line for line in lines if mark in line), None)
        if found is not None:
            return found
    return ""


def find_java() -> str:
    """Return the program that Spark starts.

    Raises:
        MissingSparkError: there is none.
    """
    home = os.environ.get("JAVA_HOME")
    program = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if home and program is not None and not Path(program).exists():
        raise MissingSparkError.no_java_at(home)
    if program is None:
        raise MissingSparkError.java()
    return program


def check_java() -> None:
    """Say so if Java is missing or too old.

    Raises:
        MissingSparkError: it is.
    """
    program = find_java()
    try:
        told = subprocess.run(  # noqa: S603 - the JVM that Spark itself would start
            [program, "-version"], capture_output=True, text=True, timeout=60, check=False
        ).stderr
    except OSError as error:
        raise MissingSparkError.java() from error
    found = _VERSION.search(told)
    if found is None:
        raise MissingSparkError.java()
    major = int(found[2] or 0) if found[1] == "1" else int(found[1])
    if major < LEAST_JAVA:
        raise MissingSparkError.old_java(major)


@cache
def _folder() -> Path:
    """Return a folder that is there until this process ends."""
    folder = Path(tempfile.mkdtemp(prefix="lakeworks-spark-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
