"""The Spark application of this process: found, started or connected to, once.

A process has one JVM, started when the first session is needed; whoever asks later shares it.
"""

from __future__ import annotations

import logging
import os
import re
import socket
import sys
import threading
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, cast

from lakeworks.engines.spark.errors import (
    MissingSparkError,
    SparkSettingError,
    SparkStartError,
)
from lakeworks.engines.spark.jvm import check_java, quiet, reason, submitted, without_traces
from lakeworks.engines.spark.settings import S3A
from lakeworks.engines.spark.translation import translated_errors

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from lakeworks.engines.spark.settings import Configuration

# PySpark itself would go on asking a server that is not there for ten minutes.
_KNOCKS = 4
# Several seconds, as calls within calls ask so often each: for a network that falters. A server that
# was started again has forgotten its sessions, so there is nothing to wait longer for.
_ASKED_AGAIN = 5
# PySpark logs each exception that it raises, with its Java trace.
_NOISY = ("SQLQueryContextLogger", "DataFrameQueryContextLogger", "py4j")
_DETAILS = re.compile(r'details = "(.*?)"\s*$', re.MULTILINE)
_UNRESOLVED = re.compile(r"unresolved dependency: ([^:\]]+)")
_MASTER_S = 10
_LOCK = threading.Lock()
_STARTED: dict[str, Application] = {}


class Application:
    """A started Spark application, or a connection to a server's."""

    def __init__(
        self, root: SparkSession, configuration: Configuration, *, first: Configuration
    ) -> None:
        self._root = root
        self._configuration = configuration
        self.first = first

    def place(self) -> str:
        """Return where this Spark runs."""
        return _place(self._configuration)

    def new_session(self) -> SparkSession:
        """Return a session with temporary views and settings of its own.

        Raises:
            SparkSettingError: a server does not let its settings be changed so.
        """
        with translated_errors():
            session = self._beside()
            wanted = self._configuration.session
            # Spark was started with the first lake's bucket, whose keys are none of another's.
            strange = [n for n in self.first.session if n.startswith(S3A) and n not in wanted]
            for name, value in (*dict.fromkeys(strange, "").items(), *wanted.items()):
                _set(session, name, value)
        return session

    def _beside(self) -> SparkSession:
        """Return a session that shares this one's Spark, and nothing else."""
        if not self._configuration.remote:
            return self._root.newSession()
        session: SparkSession = type(self._root)(self._configuration.remote)  # type: ignore[arg-type]
        session.client.set_retry_policies(self._root.client.get_retry_policies())
        return session


def application(configuration: Configuration) -> Application:
    """Return this process's Spark, started with `configuration` if it is the first to ask.

    Raises:
        MissingSparkError: PySpark or Java is missing or too old.
        SparkStartError: Spark did not start, or the server did not answer.
    """
    with _LOCK:
        root = _STARTED.get("here")
        if root is None or not _alive(root):
            root = Application(_start(configuration), configuration, first=configuration)
            _STARTED["here"] = root
    if root.place() != _place(configuration):
        raise SparkStartError.another(root.place(), _place(configuration))
    started = root._root  # noqa: SLF001 - this module's own class
    return Application(started, configuration, first=root.first)


def give_up(session: SparkSession) -> None:
    """Ask a server that is gone no more: not for this session, nor for others of its process."""
    for policy in session.client.get_retry_policies():
        policy.max_retries = 0


def _place(configuration: Configuration) -> str:
    """Return where Spark runs; all of this machine's is one."""
    if configuration.remote:
        return configuration.remote
    return "this machine" if configuration.master.startswith("local") else configuration.master


def _start(configuration: Configuration) -> SparkSession:
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise MissingSparkError.pyspark() from error
    for name in _NOISY:
        logging.getLogger(name).disabled = True
    logging.getLogger().addFilter(without_traces)
    if configuration.remote:
        return _connected(configuration.remote)
    _choose_python(configuration)
    settings = dict(configuration.session)
    builder = SparkSession.builder.appName("lakeworks")
    if not submitted():
        settings = {**configuration.static, **settings}
        builder = builder.master(configuration.master)
    _look_for(configuration)
    with quiet(settings):
        for name, value in settings.items():
            builder = builder.config(name, value)
        try:
            return builder.getOrCreate()
        except Exception as error:
            check_java()
            raise _not_started(configuration.master, reason() or str(error)) from error


def _choose_python(configuration: Configuration) -> None:
    """Let the interpreter that the user named, or else this one, run this package's functions."""
    told = configuration.static.get("spark.pyspark.python")
    if told:
        os.environ["PYSPARK_PYTHON"] = told  # only spark-submit looks at the property itself
    elif configuration.master.startswith("local"):
        # Else whatever `python3` the PATH has would run them.
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)


def _look_for(configuration: Configuration) -> None:
    """Find out in moments what would cost Spark minutes, or what it would pass over.

    Raises:
        SparkSettingError: a jar is not there.
        SparkStartError: no master of a standalone cluster answers.
    """
    if submitted():
        return
    for jar in filter(None, configuration.static.get("spark.jars", "").split(",")):
        if "://" not in jar and not Path(jar).exists():
            raise SparkSettingError.no_jar(jar)
    if not configuration.master.startswith("spark://"):
        return
    why = ""
    for place in configuration.master.removeprefix("spark://").split(","):
        host, _, port = place.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), _MASTER_S).close()
        except (OSError, ValueError) as error:
            why = str(error)
        else:
            return
    raise SparkStartError.no_master(configuration.master, why)


def _not_started(master: str, why: str) -> SparkStartError:
    lacking = _UNRESOLVED.search(why)
    if lacking is not None:
        return SparkStartError.unresolved(lacking[1].replace("#", ":").replace(";", ":"))
    return SparkStartError.failed(master, why)


def _connected(remote: str) -> SparkSession:
    try:
        # PySpark warns of a pandas that is installed; nothing here uses it.
        with warnings.catch_warnings(action="ignore"):
            from pyspark.sql.connect.client.retries import DefaultPolicy
            from pyspark.sql.connect.session import SparkSession as Remote
    except ImportError as error:
        raise MissingSparkError.connect() from error
    # What it warns of, the session tells.
    warnings.filterwarnings("ignore", message=r"\[RETRIES_EXCEEDED\]")
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
