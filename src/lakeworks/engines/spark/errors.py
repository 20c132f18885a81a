"""What can go wrong with Spark, told to users: never a Java trace."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Self

from lakeworks.core.errors import LakeError, MissingExtraError, RequestError
from lakeworks.engines.errors import SqlError

_CLASS = re.compile(r"^(?:[\w$.]+(?:Exception|Error): ?)+")


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
            "pip install 'lakeworks[spark]' 'pyspark[connect]==4.2.1'",
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
    def no_java_at(cls, home: str) -> Self:
        """Say where JAVA_HOME points."""
        return cls(
            f"engine: spark needs Java, and there is none where JAVA_HOME says: {home}",
            "let JAVA_HOME name the folder of Java 17 or newer, the one that holds bin/java",
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
    def no_master(cls, master: str, reason: str) -> Self:
        """Name the cluster."""
        return cls(
            f"no master of Spark answers at {master}: {reason}",
            "check spark: master: in lake.yml, and that the cluster runs",
        )

    @classmethod
    def unresolved(cls, names: str) -> Self:
        """Name the packages that no repository gave."""
        return cls(
            f"Spark found no repository that has {names}",
            "check spark: packages: in lake.yml and the way to Maven Central (repositories: "
            "names others), or name the files themselves under jars:",
        )

    @classmethod
    def another(cls, running: str, wanted: str) -> Self:
        """Say that this process has a Spark already."""
        return cls(
            f"this process runs Spark on {running} already, and {wanted} is wanted",
            "a process has one Spark: use a process for each",
        )

    @classmethod
    def unreachable(cls, remote: str, reason: str) -> Self:
        """Name the server."""
        return cls(
            f"no Spark Connect server answers at {remote}: {first_line(reason)}",
            "check spark: remote: in lake.yml, and that the server runs Spark 4.2",
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
    def no_jar(cls, path: str) -> Self:
        """Name a file that is not there."""
        return cls(
            f"spark: jars: names {path}, which is not there",
            "give its path on this machine, or packages: with its Maven coordinates",
        )

    @classmethod
    def beside_remote(cls, key: str) -> Self:
        """Name a key that counts only where Spark is started."""
        return cls(
            f"spark: {key}: cannot be set over Spark Connect (remote:)",
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


class SparkLostError(LakeError):
    """A part of Spark went away while it worked."""

    code = "LW445"
    retryable = True

    @classmethod
    def driver(cls) -> Self:
        """Say that the JVM of this process ended."""
        return cls(
            "Spark's JVM ended in mid-run",
            "run it again: nothing was committed. If the machine's memory ran out, lower "
            "memory_limit of the environment in lake.yml, or its threads",
        )

    @classmethod
    def executor(cls, reason: str) -> Self:
        """Give Spark's reason."""
        return cls(
            f"Spark lost the machines that computed, several times over: {reason}",
            "run it again: nothing was committed. If their memory ran out, raise "
            "spark.executor.memory or spark.executor.memoryOverhead",
        )

    @classmethod
    def server(cls) -> Self:
        """Say that the Spark Connect server went away."""
        return cls(
            "the Spark Connect server went away in mid-run",
            "run it again when it is back: nothing was committed",
        )


class NotOnSparkError(SqlError):
    """A part of the SQL has no counterpart in Spark that gives equal results."""

    code = "LW444"

    @classmethod
    def part(cls, what: str, hint: str = "") -> Self:
        """Name the part, as the user wrote it, and what to write instead."""
        hint = hint or "write it otherwise, or run this model with engine: duckdb"
        return cls(f"{what} cannot be carried over to Spark with equal results", hint)

    @classmethod
    def too_deep(cls) -> Self:
        """Say that brackets, calls or a chain of operators go on for too long."""
        return cls(
            "the SQL is nested too deeply to be carried over to Spark",
            "divide brackets, calls or a chain of operators over columns of several queries "
            "in a WITH",
        )

    def on_line(self, line: int | None) -> Self:
        """Return the same with the line of the SQL, where it has none yet."""
        told = f"SQL line {line}: {self.problem}"
        return type(self)(told, self.hint, line) if line and self.line is None else self


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
