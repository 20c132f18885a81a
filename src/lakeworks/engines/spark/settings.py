"""What Spark is started with: an environment's `spark:` over Lakeworks' own settings.

Pure. What the user sets in `settings:` wins, except where results would change: the zone, ANSI
arithmetic and how timestamps are stored belong to the lake, and naming them is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.engines.spark.errors import SparkSettingError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakeworks.project.declaration import SparkSettings

MIB = 1024 * 1024
LEAST_DRIVER_MIB = 512
# For the release of Spark that the extra `spark` pins.
HADOOP_AWS = "org.apache.hadoop:hadoop-aws:3.5.0"
DELTA = "io.delta:delta-spark_4.2_2.13:4.4.0"
S3A = "fs.s3a."
_HADOOP = "spark.hadoop."
_RESULT_BYTES = "512m"
# Results depend on these, so every session has them, whoever started Spark.
FIXED = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.caseSensitive": "false",
    "spark.sql.mapKeyDedupPolicy": "EXCEPTION",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.parquet.int96RebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.int96RebaseModeInRead": "CORRECTED",
    "spark.sql.decimalOperations.allowPrecisionLoss": "false",
}
_SESSION = {
    "spark.sql.adaptive.enabled": "true",
    # Of shuffled rows; as files they take a little more or less.
    "spark.sql.adaptive.advisoryPartitionSizeInBytes": "128m",
    "spark.sql.parquet.compression.codec": "snappy",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "65536",
}
_STATIC = {
    "spark.serializer": "org.apache.spark.serializer.KryoSerializer",
    "spark.driver.maxResultSize": _RESULT_BYTES,
    "spark.ui.showConsoleProgress": "false",
}
_LOCAL = {
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
}
_CLUSTER = {
    "spark.dynamicAllocation.enabled": "true",
    "spark.dynamicAllocation.shuffleTracking.enabled": "true",
}


@dataclass(frozen=True, slots=True)
class Configuration:
    """How Spark is reached or started.

    Attributes:
        remote: `sc://host:port` of a Spark Connect server, or None for an application of ours.
        master: The cluster, or `local[n]`.
        static: Set when the application starts.
        session: Set on every session.
        memory_bytes: The driver's heap, or 0 where a server has its own.
    """

    remote: str | None
    master: str
    static: Mapping[str, str]
    session: Mapping[str, str]
    memory_bytes: int


def configuration(
    settings: SparkSettings,
    *,
    temp_directory: str,
    memory_limit: int | None = None,
    threads: int | None = None,
    s3: Mapping[str, str | bool] | None = None,
) -> Configuration:
    """Return what Spark is started with.

    Raises:
        SparkSettingError: a setting would change what results are, or counts only where Spark
            is started.
    """
    for name, value in settings.settings.items():
        if FIXED.get(name, value).lower() != value.lower():
            raise SparkSettingError.fixed(name, FIXED[name])
        if not name.startswith("spark."):
            raise SparkSettingError.unknown(name)
    _check_remote(settings)
    master = settings.master or f"local[{threads or '*'}]"
    local = master.startswith("local")
    memory = memory_limit or _default_memory(local=local)
    static = {
        **_STATIC,
        **(_LOCAL if local else _CLUSTER),
        **({"spark.local.dir": temp_directory} if local else {}),
        "spark.driver.memory": f"{max(memory // MIB, LEAST_DRIVER_MIB)}m",
        **_jars(settings, s3),
        **{f"{_HADOOP}{name}": value for name, value in _s3a(s3).items()},
    }
    theirs = dict(settings.settings)
    session = {**_SESSION, **FIXED}
    if not settings.remote:
        # On each session too: lakes of one process may lie in buckets of several services.
        session |= {name: theirs.get(_HADOOP + name, value) for name, value in _s3a(s3).items()}
    if local:
        # Adaptive execution joins those that are small; more than one a core spares memory.
        session["spark.sql.shuffle.partitions"] = str(8 * (threads or _cores()))
    return Configuration(
        remote=settings.remote,
        master=master,
        static={**static, **theirs},
        # A server is given what can be set on a session; the rest is its own business.
        session={**session, **(theirs if settings.remote else _known(theirs, session))},
        memory_bytes=0 if settings.remote else memory,
    )


def _check_remote(settings: SparkSettings) -> None:
    if settings.remote is None:
        return
    for key in ("master", "jars", "packages", "repositories", "delta"):
        if getattr(settings, key):
            raise SparkSettingError.beside_remote(key)


def _known(theirs: Mapping[str, str], session: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in theirs.items() if name in session}


def _jars(settings: SparkSettings, s3: Mapping[str, str | bool] | None) -> dict[str, str]:
    found: dict[str, str] = {}
    packages = list(settings.packages)
    if settings.delta and not any("delta" in name for name in (*packages, *settings.jars)):
        packages.append(DELTA)
    if s3 is not None and not any("hadoop-aws" in name for name in (*packages, *settings.jars)):
        packages.append(HADOOP_AWS)
    if packages:
        found["spark.jars.packages"] = ",".join(packages)
    if settings.jars:
        found["spark.jars"] = ",".join(settings.jars)
    if settings.repositories:
        found["spark.jars.repositories"] = ",".join(settings.repositories)
    if settings.delta:
        found["spark.sql.extensions"] = "io.delta.sql.DeltaSparkSessionExtension"
        found["spark.sql.catalog.spark_catalog"] = (
            "org.apache.spark.sql.delta.catalog.DeltaCatalog"
        )
        # Of a log's replay; Delta's own 50 make every small table slow.
        found["spark.databricks.delta.snapshotPartitions"] = "2"
    return found


def _s3a(s3: Mapping[str, str | bool] | None) -> dict[str, str]:
    if s3 is None:
        return {}
    scheme = "https" if s3.get("use_ssl", True) else "http"
    endpoint = f"{scheme}://{s3['endpoint']}" if s3.get("endpoint") else ""
    told = {
        "impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        "endpoint": endpoint,
        "endpoint.region": str(s3.get("region", "")),
        "access.key": str(s3.get("key_id", "")),
        "secret.key": str(s3.get("secret", "")),
        "session.token": str(s3.get("session_token", "")),
        "connection.ssl.enabled": str(bool(s3.get("use_ssl", True))).lower(),
        "path.style.access": str(s3.get("url_style") != "vhost").lower() if endpoint else "",
    }
    told |= _encryption(s3)
    if s3.get("session_token"):
        told["aws.credentials.provider"] = (
            "org.apache.hadoop.fs.s3a.TemporaryAWSCredentialsProvider"
        )
    return {f"{S3A}{name}": value for name, value in told.items() if value}


def _encryption(s3: Mapping[str, str | bool]) -> dict[str, str]:
    """Return what S3A is told of encryption; a bucket's own setting decides on bucket keys."""
    algorithm = {"AES256": "SSE-S3", "aws:kms": "SSE-KMS", "aws:kms:dsse": "DSSE-KMS"}
    sse = str(s3.get("sse") or "")
    if not sse:
        return {}
    told = {"encryption.algorithm": algorithm[sse]}
    if s3.get("kms_key_id"):
        told["encryption.key"] = str(s3["kms_key_id"])
    return told


def _default_memory(*, local: bool) -> int:
    """Half of this machine's memory for a local Spark, which also needs room outside its heap."""
    import os

    if not local:
        return 2048 * MIB
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def _cores() -> int:
    import os

    return os.cpu_count() or 1
