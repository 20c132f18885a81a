"""Spark's exceptions, told as errors of Lakeworks: what happened, and never a Java trace."""

from __future__ import annotations

import re
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Self

from lakeworks.core.errors import LakeError, MissingExtraError, RequestError
from lakeworks.engines.errors import (
    DiskFullError,
    EngineFailedError,
    InterruptedQueryError,
    MissingFilesError,
    OutOfMemoryError,
    SqlError,
    StorageAccessError,
    ValueConversionError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


class MissingSparkError(MissingExtraError):
    """Spark cannot run here: PySpark or Java is missing or too old."""

    code = "LW440"

    @classmethod
    def pyspark(cls) -> Self:
        """Say how PySpark is installed."""
        return cls("engine: spark needs PySpark, which is not installed",
                   "pip install 'lakeworks[spark]'")  # fmt: skip

    @classmethod
    def connect(cls) -> Self:
        """Say how the client of Spark Connect is installed."""
        return cls(
            "spark: remote: needs the client of Spark Connect, which is not installed",
            "pip install 'lakeworks[spark]' 'pyspark[connect]==4.3.0'",
        )

    @classmethod
    def java(cls) -> Self:
        """Say which Java is needed."""
        return cls(
            "engine: spark needs Java, which was not found",
            "install Java 17 or newer (Debian: apt install openjdk-17-jre-headless), or let "
            "JAVA_HOME name it",
        )

    @classmethod
    def old_java(cls, major: int) -> Self:
        """Say which Java was found."""
        return cls(
            f"engine: spark needs Java 17 or newer, and Java {major} was found",
            "install a newer one, and let JAVA_HOME name it",
        )


class SparkStartError(LakeError):
    """Spark did not start, or its server did not answer."""

    code = "LW441"
    retryable = True

    @classmethod
    def failed(cls, master: str, reason: str) -> Self:
        """Give Spark's reason, without its trace."""
        return cls(
            f"Spark did not start on {master}: {first_line(reason)}",
            "check spark: in lake.yml (master, packages, settings); memory_limit is the "
            "driver's memory",
        )

    @classmethod
    def unreachable(cls, remote: str, reason: str) -> Self:
        """Name the server."""
        return cls(
            f"no Spark Connect server answers at {remote}: {first_line(reason)}",
            "check spark: remote: in lake.yml, and that the server runs Spark 4.3",
        )


class SparkSettingError(RequestError):
    """A setting of Spark would change what results are."""

    code = "LW442"

    @classmethod
    def fixed(cls, name: str, value: str) -> Self:
        """Name the setting and what it has to be."""
        return cls(
            f"spark: settings: cannot change {name}, on which results depend",
            f"leave it out: it is {value}",
        )

    @classmethod
    def of_the_server(cls, name: str) -> Self:
        """Name a setting that counts only where Spark is started."""
        return cls(
            f"spark: settings: {name} cannot be set over Spark Connect",
            "it counts when Spark starts: give it to the server, and leave it out here",
        )

    @classmethod
    def unknown(cls, name: str) -> Self:
        """Name what is no property of Spark's."""
        return cls(
            f"spark: settings: {name!r} is no property of Spark",
            "all begin with spark., such as spark.executor.memory",
        )


class WorkersLackPackageError(LakeError):
    """Spark's machines cannot run tasks of this package."""

    code = "LW443"

    @classmethod
    def found(cls, module: str) -> Self:
        """Name the module that is missing."""
        return cls(
            f"the Python of Spark's machines, which runs tasks of Lakeworks, has no {module!r}",
            f"Lakeworks comes with the tasks, what it imports does not: install {_needed()} "
            "there; PYSPARK_PYTHON names the interpreter",
        )

    @classmethod
    def other_python(cls, theirs: str, ours: str) -> Self:
        """Name both versions."""
        return cls(
            f"the Python of Spark's machines is {theirs}, and this one is {ours}",
            "let PYSPARK_PYTHON name a Python of the same minor version there",
        )

    @classmethod
    def no_python(cls, program: str) -> Self:
        """Name the interpreter that could not be started."""
        return cls(
            f"Spark's machines have no Python called {program!r}, which runs tasks of Lakeworks",
            "let PYSPARK_PYTHON name one that is there",
        )


class NotOnSparkError(SqlError):
    """A part of the SQL has no counterpart in Spark that gives equal results."""

    code = "LW444"

    @classmethod
    def part(cls, what: str, hint: str = "") -> Self:
        """Name the part, as the user wrote it, and what to write instead."""
        return cls(
            f"{what} cannot be carried over to Spark with equal results",
            hint or "write it otherwise, or run this model with engine: duckdb",
        )

    def on_line(self, line: int | None) -> Self:
        """Return the same with the line of the SQL, where it has none yet."""
        if self.line is not None or line is None:
            return self
        return type(self)(f"SQL line {line}: {self.problem}", self.hint, line)


_CLASS = re.compile(r"^(?:[\w$.]+(?:Exception|Error): ?)+")
_CONDITION = re.compile(r"\[([A-Z][A-Z0-9_.]+)\]\s*")
_STATE = re.compile(r"\s*SQLSTATE: \w+|;? line \d+ pos \d+;?\s*$")
_CONVERSION = (
    "CAST_INVALID_INPUT", "CAST_OVERFLOW", "NUMERIC_VALUE_OUT_OF_RANGE", "ARITHMETIC_OVERFLOW",
    "DIVIDE_BY_ZERO", "CONVERSION_INVALID_INPUT", "CANNOT_PARSE", "DATETIME_OVERFLOW",
    "BINARY_ARITHMETIC_OVERFLOW", "INVALID_ARRAY_INDEX", "DECIMAL_PRECISION_EXCEEDS",
    "DATETIME_FIELD_OUT_OF_BOUNDS", "INTERVAL_ARITHMETIC_OVERFLOW", "USER_RAISED_EXCEPTION",
    "INVALID_FRACTION_OF_SECOND",
)  # fmt: skip
_MISSING = ("PATH_NOT_FOUND", "FILE_NOT_EXIST", "FileNotFoundException", "NoSuchKey")
_MEMORY = ("OutOfMemoryError", "GC overhead", "UNABLE_TO_ACQUIRE_MEMORY", "Java heap space")
_FULL = ("No space left", "ENOSPC", "Disk quota")
_STOPPED = ("OPERATION_CANCELED", "JOB_CANCELLED", "cancelled job", "cancelled part of",
            "SPARK_JOB_CANCELLED", "was cancelled", "QUERY_EXECUTION_CANCELED",
            "INTERRUPTED")  # fmt: skip
_ACCESS = ("FAILED_READ_FILE", "AccessDenied", "AccessControlException", "IOException",
           "TASK_WRITE_FAILED", "S3Exception", "Permission denied")  # fmt: skip


_MISSING_MODULE = re.compile(
    r"ModuleNotFoundError: No module named '([\w.]+)'|\[PACKAGE_NOT_INSTALLED\] (\w+)"
)
_OTHER_PYTHON = re.compile(
    r"\[PYTHON_VERSION_MISMATCH\] Python in worker has different version: '?([\d.]+)'? "
    r"than that in driver: '?([\d.]+)"
)
_NO_PYTHON = re.compile(r'Cannot run program "([^"]+)"')


@contextmanager
def translated_errors(memory_limit_bytes: int = 0) -> Iterator[None]:
    """Turn Spark's exceptions inside the block into errors of Lakeworks."""
    try:
        yield
    except Exception as error:
        if not _of_spark(error):
            raise
        raise lake_error(error, memory_limit_bytes) from error


def lake_error(error: Exception, memory_limit_bytes: int = 0) -> LakeError:
    """Return what an exception of Spark's is to a user."""
    text = str(error)
    return _lacking(text) or _of_text(error, text, memory_limit_bytes)


def _of_text(error: Exception, text: str, memory_limit_bytes: int) -> LakeError:
    said = _told(text)
    if _any(_STOPPED, text):
        return InterruptedQueryError.stopped()
    if _any(_MEMORY, text):
        return OutOfMemoryError.reached(memory_limit_bytes, said)
    if _any(_FULL, text):
        return DiskFullError.met(said)
    if _any(_MISSING, text):
        return MissingFilesError.met(said)
    if _any(_CONVERSION, text):
        return ValueConversionError.met(said)
    if type(error).__name__ in {"AnalysisException", "ParseException"}:
        return SqlError(
            said, "Spark refuses what the lake's dialect allows: write it otherwise"
        )
    if _any(_ACCESS, text):
        return StorageAccessError.met(said)
    return EngineFailedError.met(said)


def _lacking(text: str) -> WorkersLackPackageError | None:
    """Return what the Python of Spark's machines lacks, if that is the trouble."""
    if (found := _OTHER_PYTHON.search(text)) is not None:
        return WorkersLackPackageError.other_python(found[1], found[2])
    if (found := _MISSING_MODULE.search(text)) is not None:
        return WorkersLackPackageError.found(found[1] or found[2].lower())
    if (found := _NO_PYTHON.search(text)) is not None:
        return WorkersLackPackageError.no_python(found[1])
    return None


def _needed() -> str:
    """Return what tasks import, as pip takes it, in the versions that run here."""
    from importlib import metadata

    told = []
    for name in ("duckdb", "pyarrow", "obstore", "isal"):
        with suppress(metadata.PackageNotFoundError):
            told.append(f"{name}=={metadata.version(name)}")
    return " ".join(told)


def first_line(text: str) -> str:
    """Return what an exception says, without its class, code and trace."""
    lines = [line.strip() for line in text.splitlines()]
    told = [line for line in lines if line and not line.startswith(("at ", "..."))]
    return _CLASS.sub("", told[0]).strip() if told else "no reason was given"


def _told(text: str) -> str:
    """Return the sentence of the innermost condition that Spark names, or the first line."""
    found = list(_CONDITION.finditer(text))
    chosen = next((f for f in reversed(found) if _any(_CONVERSION, f[1])), None)
    chosen = chosen or (found[0] if found else None)
    if chosen is None:
        return first_line(text)
    return _STATE.sub("", first_line(text[chosen.end() :])).strip()


def _any(marks: tuple[str, ...], text: str) -> bool:
    return any(mark in text for mark in marks)


def _of_spark(error: Exception) -> bool:
    module = type(error).__module__
    return module.startswith(("pyspark", "py4j", "grpc"))
