"""The Spark application of this process: found, started or connected to, once.

A process has one JVM, started when the first session is needed; whoever asks later shares it.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import warnings
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, cast

from lakeworks.engines.spark.errors import (
    MissingSparkError,
    SparkSettingError,
    SparkStartError,
    translated_errors,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

    from lakeworks.engines.spark.settings import Configuration

LEAST_JAVA = 17
# PySpark itself would go on asking a server that is not there for ten minutes.
_KNOCKS = 4
# About a minute: a server that was away for longer has forgotten the sessions it had.
_ASKED_AGAIN = 7
# PySpark logs each exception that it raises, with its Java trace.
_NOISY = ("SQLQueryContextLogger", "DataFrameQueryContextLogger", "py4j")
_VERSION = re.compile(r'version "(\d+)(?:\.(\d+))?')
_DETAILS = re.compile(r'details = "(.*?)"\s*$', re.MULTILINE)
_LOCK = threading.Lock()
_STARTED: dict[str, Application] = {}
_LOGGING = """\
rootLogger.level = error
rootLogger.appenderRef.console.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %m%n
"""


class Application:
    """A started Spark application, or a connection to a server's."""

    def __init__(self, root: SparkSession, configuration: Configuration) -> None:
        self._root = root
        self._configuration = configuration

    def new_session(self) -> SparkSession:
        """Return a session with temporary views and settings of its own.

        Raises:
            SparkSettingError: a server does not let its settings be changed so.
        """
        with translated_errors():
            session: SparkSession = self._root.newSession()
            if self._configuration.remote:
                policies = self._root.client.get_retry_policies()
                session.client.set_retry_policies(policies)
            for name, value in self._configuration.session.items():
                _set(session, name, value)
        return session


def application(configuration: Configuration) -> Application:
    """Return this process's Spark, started with `configuration` if it is the first to ask.

    Raises:
        MissingSparkError: PySpark or Java is missing or too old.
        SparkStartError: Spark did not start, or the server did not answer.
    """
    key = configuration.remote or "local"
    with _LOCK:
        root = _STARTED.get(key)
        if root is None or not _alive(root):
            root = Application(_start(configuration), configuration)
            _STARTED[key] = root
    return Application(root._root, configuration)  # noqa: SLF001 - this module's own class


def _start(configuration: Configuration) -> SparkSession:
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise MissingSparkError.pyspark() from error
    for name in _NOISY:
        logging.getLogger(name).disabled = True
    if configuration.remote:
        return _connected(configuration.remote)
    if configuration.master.startswith("local"):
        # Else whatever `python3` the PATH has would run this package's functions.
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    settings = dict(configuration.session)
    builder = SparkSession.builder.appName("lakeworks")
    if not submitted():
        settings = {**configuration.static, **settings}
        builder = builder.master(configuration.master)
    with _quiet(settings) as log:
        for name, value in settings.items():
            builder = builder.config(name, value)
        try:
            return builder.getOrCreate()
        except Exception as error:
            check_java()
            reason = _reason(log) or str(error)
            raise SparkStartError.failed(configuration.master, reason) from error


def submitted() -> bool:
    """Whether spark-submit started this process: master, memory and jars are its business."""
    return "PYSPARK_GATEWAY_PORT" in os.environ


@contextmanager
def _quiet(settings: dict[str, str]) -> Iterator[Path | None]:
    """Let the JVM that is started inside the block write to a file instead of stderr.

    It inherits this process's stderr as it is when it starts, and keeps it.
    """
    if submitted():
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="lakeworks-spark-"))
    log, rules = folder / "spark.log", folder / "log4j2.properties"
    rules.write_text(_LOGGING, encoding="ascii")
    options = settings.get("spark.driver.extraJavaOptions", "")
    if "log4j" not in options:
        told = f"-Dlog4j2.configurationFile={rules.as_uri()} {options}".strip()
        settings["spark.driver.extraJavaOptions"] = told
    kept = os.dup(2)
    try:
        with log.open("wb") as file:
            os.dup2(file.fileno(), 2)
        yield log
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        shutil.rmtree(folder, ignore_errors=True)


def _reason(log: Path | None) -> str:
    """Return the line of a JVM's last words that says why it did not start."""
    if log is None or not log.exists():
        return ""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    marks = ("Exception", "Error", "error", "not found")
    told = [one for one in lines if any(mark in one for mark in marks)]
    told = [one for one in told if not one.lstrip().startswith("at ")]
    return told[0] if told else ""


def _connected(remote: str) -> SparkSession:
    try:
        # PySpark warns of a pandas that is installed; nothing here uses it.
        with warnings.catch_warnings(action="ignore"):
            from pyspark.sql.connect.client.retries import DefaultPolicy
            from pyspark.sql.connect.session import SparkSession as Remote
    except ImportError as error:
        raise MissingSparkError.connect() from error
    # PySpark tells by this which of its two kinds of columns `functions` makes.
    os.environ["SPARK_CONNECT_MODE_ENABLED"] = "1"
    try:
        session = Remote.builder.remote(remote).create()
        session.client.set_retry_policies([DefaultPolicy(max_retries=_KNOCKS)])
        with warnings.catch_warnings(action="ignore"):
            session.version  # noqa: B018 - asks the server, which may not be there
        session.client.set_retry_policies([DefaultPolicy(max_retries=_ASKED_AGAIN)])
    except Exception as error:
        del os.environ["SPARK_CONNECT_MODE_ENABLED"]
        with suppress(Exception):
            session.client.close()  # or it would knock again when this process ends
        raise SparkStartError.unreachable(remote, _answer(error)) from error
    return cast("SparkSession", session)


def _set(session: SparkSession, name: str, value: str) -> None:
    try:
        session.conf.set(name, value)
    except Exception as error:
        if "CANNOT_MODIFY" not in str(error):
            raise
        raise SparkSettingError.of_the_server(name) from error


def _answer(error: Exception) -> str:
    told = _DETAILS.search(str(error))
    return told[1] if told else str(error)


def _alive(started: Application) -> bool:
    with suppress(Exception):
        started._root.conf.get("spark.sql.session.timeZone")  # noqa: SLF001
        return True
    return False


def check_java() -> None:
    """Say so if Java is missing or too old.

    Raises:
        MissingSparkError: it is.
    """
    home = os.environ.get("JAVA_HOME")
    program = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if program is None or not Path(program).exists():
        raise MissingSparkError.java()
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
