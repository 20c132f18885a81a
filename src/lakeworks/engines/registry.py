"""Open an engine by the name that an environment gives it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.engines.errors import UnknownEngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from lakeworks.engines.protocol import Engine
    from lakeworks.engines.remote_reading import RemoteReader
    from lakeworks.project.declaration import SparkSettings

ENGINES = ("duckdb", "spark")
_REMOTE_BYTES = 512 * 1024 * 1024


def callable_functions() -> frozenset[str]:
    """Return the names of the functions that every query may call, operators left out."""
    from lakeworks.engines.duckdb.allowed_functions import ALLOWED

    return frozenset(name for name in ALLOWED if name.isidentifier())


def open_engine(  # noqa: PLR0913 - one argument a setting
    name: str,
    *,
    temp_directory: str,
    memory_limit: int | None = None,
    threads: int | None = None,
    s3: Mapping[str, str | bool] | None = None,
    fresh_s3: Callable[[], Mapping[str, str | bool]] | None = None,
    spark: SparkSettings | None = None,
    keep_order: bool = False,
) -> Engine:
    """Open the engine called `name`.

    Args:
        name: One of `ENGINES`.
        temp_directory: Where the engine puts what does not fit into memory; made when needed.
        memory_limit: Bytes the engine may hold, or None for 60 % of the machine's memory.
        threads: Threads it may use, or None for all cores.
        s3: How `s3://` is reached (`ObjectStore.s3_settings`), or None.
        fresh_s3: Gives the same anew, where credentials expire: asked for each session.
        spark: `spark:` of the environment; other engines take no notice of it.
        keep_order: Whether queries give rows in the order of what they read, where the engine
            can: it costs memory and some speed.

    Raises:
        UnknownEngineError: there is no such engine.
    """
    if name == "spark":
        return _spark(spark, temp_directory, memory_limit, threads, s3)
    if name != "duckdb":
        raise UnknownEngineError.named(name, ENGINES)
    from lakeworks.engines.duckdb.engine import DuckEngine

    return DuckEngine(
        memory_limit=memory_limit,
        threads=threads,
        temp_directory=temp_directory,
        s3=s3,
        fresh_s3=fresh_s3,
        keep_order=keep_order,
    )


def open_embedded(temp_directory: str) -> Engine:
    """Open the engine that lives in this process, whatever the environment's is.

    For what needs no data: it plans and describes, and nothing waits for a cluster.
    """
    return open_engine("duckdb", temp_directory=temp_directory, threads=1)


def open_remote_reader(temp_directory: str) -> RemoteReader:
    """Open what reads rows of other systems, whatever the environment's engine is."""
    from lakeworks.engines.duckdb.remote_reading import DuckRemoteReader

    return DuckRemoteReader(memory_limit=_REMOTE_BYTES, temp_directory=temp_directory)


def _spark(
    settings: SparkSettings | None,
    temp_directory: str,
    memory_limit: int | None,
    threads: int | None,
    s3: Mapping[str, str | bool] | None,
) -> Engine:
    from lakeworks.engines.spark.engine import SparkEngine
    from lakeworks.project.declaration import SparkSettings

    return SparkEngine(
        settings or SparkSettings(),
        memory_limit=memory_limit,
        threads=threads,
        temp_directory=temp_directory,
        s3=s3,
    )


def missing_extras(name: str, wanted: Iterable[str]) -> list[str]:
    """Return which of `wanted` (`avro`, `s3`) the engine called `name` would not find.

    Raises:
        UnknownEngineError: there is no such engine.
    """
    if name not in ENGINES:  # Spark's tasks read files by way of the embedded engine
        raise UnknownEngineError.named(name, ENGINES)
    from lakeworks.engines.duckdb.extensions import extension_path

    extensions = {"avro": "avro", "s3": "httpfs"}
    return [extra for extra in wanted if extension_path(extensions[extra]) is None]
