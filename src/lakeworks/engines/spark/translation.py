"""Spark's exceptions, told as errors of Lakeworks: what happened, and never a Java trace."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lakeworks.engines.duckdb.row_expressions import ExpressionFailedError
from lakeworks.engines.errors import (
    DiskFullError,
    EngineFailedError,
    ExternalDataError,
    InterruptedQueryError,
    MissingFilesError,
    OutOfMemoryError,
    SqlError,
    StorageAccessError,
    ValueConversionError,
)
from lakeworks.engines.spark.errors import SparkLostError, WorkersLackPackageError, first_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakeworks.core.errors import LakeError

# Put to a text that the lake's dialect cannot read as a number or a moment, so that Spark cannot
# either. A letter that nobody uses: it is taken away again where the text is named.
UNREADABLE = "\ue000"
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
# py4j's words for a JVM that ended, and Spark's for a context that is ending.
_GONE = (
    'SparkContext.dagScheduler()" is null',
    "stopped SparkContext",
    "SparkContext was shut down",
    "Py4JNetworkError",
    "Answer from Java side is empty",
    "Error while sending or receiving",
)
# py4j's words for a JVM that answers, but with nothing of use, as one does that is out of memory. A
# JVM with jars of another Spark says the same.
_BABBLE = ("does not exist in the JVM", "'JavaPackage' object is not callable")
_NO_ANSWER = re.compile(r"An error occurred while calling [\w.]+\s*")
_CAUSE = re.compile(r"^Caused by: (.+)$", re.MULTILINE)
_EXECUTOR_LOST = re.compile(r"ExecutorLostFailure \(.*?\) Reason: ([^\n]*)")
_SERVER_LOST = ("StatusCode.UNAVAILABLE", "RETRIES_EXCEEDED", "INVALID_HANDLE.SESSION",
                "SESSION_CHANGED")  # fmt: skip
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
    try:
        text = str(error)
    except Exception as unsaid:  # noqa: BLE001 - py4j asks the JVM for the words; it may be gone
        return lake_error(unsaid, memory_limit_bytes)
    known = (
        _ended(error, text, memory_limit_bytes)
        or ExpressionFailedError.told(text)
        or _lacking(text)
        or _lost(text)
    )
    return known or _of_text(error, text, memory_limit_bytes)


def _ended(error: Exception, text: str, memory_limit_bytes: int) -> LakeError | None:
    """Return what became of the JVM of this process, if it does not answer any more."""
    gone = _is_gone(error, text)
    if not gone and not _any(_BABBLE, text):
        return None
    from lakeworks.engines.spark.jvm import last_words

    if _any(_MEMORY, last_words()):
        return OutOfMemoryError.reached(memory_limit_bytes, "Spark's JVM ended")
    return SparkLostError.driver() if gone else None


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


def _is_gone(error: Exception, text: str) -> bool:
    """Whether the JVM of this process does not answer."""
    if type(error).__name__ == "Py4JError" and _NO_ANSWER.fullmatch(text):
        return True
    return isinstance(error, ConnectionError) or _any(_GONE, f"{type(error).__name__}: {text}")


def _lost(text: str) -> LakeError | None:
    if "spark.driver.maxResultSize" in text:
        return EngineFailedError(
            "a part of the result is larger than spark.driver.maxResultSize",
            "raise it under spark: settings:, or read fewer columns or rows",
        )
    found = _EXECUTOR_LOST.search(text)
    if found is not None:
        return SparkLostError.executor(found[1].strip())
    return SparkLostError.server() if _any(_SERVER_LOST, text) else ExternalDataError.told(text)


def _told(text: str) -> str:
    """Return the sentence of the innermost condition that Spark names, or the first line."""
    found = list(_CONDITION.finditer(text))
    chosen = next((f for f in reversed(found) if _any(_CONVERSION, f[1])), None)
    chosen = chosen or (found[0] if found else None)
    if chosen is None:
        causes = _CAUSE.findall(text)
        return first_line(causes[-1] if causes else text)
    return _STATE.sub("", first_line(text[chosen.end() :])).strip().replace(UNREADABLE, "")


def _any(marks: tuple[str, ...], text: str) -> bool:
    return any(mark in text for mark in marks)


def _of_spark(error: Exception) -> bool:
    if isinstance(error, ConnectionError):
        return True  # py4j lets it pass when the JVM is gone
    if isinstance(error, TypeError):
        return _any(_BABBLE, str(error))
    module = type(error).__module__
    return module.startswith(("pyspark", "py4j", "grpc"))
