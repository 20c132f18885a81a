"""Bring a caller's data into a session: tables in memory, streams, files, Delta tables.

What a thing is is told by its module and its methods, so that no library is imported that the
caller has not imported.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakeworks.quality.errors import UnreadableDataError, UnsupportedDataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lakeworks.engines.protocol import GivenFormat, Session

_FORMATS: dict[str, GivenFormat] = {
    ".parquet": "parquet", ".pq": "parquet", ".csv": "csv", ".tsv": "csv",
    ".json": "json", ".jsonl": "json", ".ndjson": "json",
}  # fmt: skip
_PACKED = (".gz", ".zst")
_GLOB = "*?["
_KINDS = (
    "an Arrow table, reader or dataset, a pandas or Polars frame, a DuckDB relation, a Delta "
    "table, or the path of Parquet, CSV or JSON files"
)


@dataclass(frozen=True, slots=True)
class Bound:
    """Where bound data came from: the files' URIs, if it came from files."""

    uris: tuple[str, ...] = ()


def s3_url(data: object) -> str:
    """Return the `s3://…` that data lies at, or an empty text."""
    where = getattr(data, "table_uri", data)
    text = os.fspath(where) if isinstance(where, str | os.PathLike) else ""
    return text if isinstance(text, str) and text.startswith("s3://") else ""


def bind(session: Session, name: str, data: object, *, scratch: str) -> Bound:
    """Let SQL of the session read `data` as `name`.

    Args:
        scratch: A folder for what must be written first.

    Raises:
        UnsupportedDataError: it is none of the kinds of data that are read.
        UnreadableDataError: its files are not there, or of no known format.
    """
    if isinstance(data, str | os.PathLike):
        return _bind_path(session, name, os.fspath(data))
    version = getattr(data, "version", None)
    if hasattr(data, "table_uri") and callable(version):
        return _bind_delta(session, name, str(data.table_uri), int(version()))
    session.bind_arrow(name, _arrow(data, f"{scratch}/{name}.parquet"))
    return Bound()


def _arrow(data: Any, spill: str) -> Any:  # noqa: ANN401 - whatever the caller brought
    import pyarrow as pa

    if isinstance(data, pa.Table | pa.RecordBatchReader):
        return data
    if isinstance(data, pa.RecordBatch):
        return pa.Table.from_batches([data])
    library = type(data).__module__.partition(".")[0]
    if library == "pyarrow" and hasattr(data, "scanner"):  # a dataset
        return data
    try:
        if type(data).__name__ in {"DataFrame", "LazyFrame"} and library in _FRAMES:
            return _FRAMES[library](data, spill)
        if hasattr(data, "__arrow_c_stream__"):
            return pa.RecordBatchReader.from_stream(data)
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise UnreadableDataError.failed(_named(data), str(error)) from error
    raise UnsupportedDataError.of(_named(data), _KINDS)


def _from_pandas(frame: Any, spill: str) -> Any:  # noqa: ANN401, ARG001
    import pyarrow as pa

    return pa.Table.from_pandas(frame, preserve_index=False)


def _from_polars(frame: Any, spill: str) -> Any:  # noqa: ANN401
    if not hasattr(frame, "sink_parquet"):
        return frame.to_arrow()
    import pyarrow.dataset as ds

    # A lazy frame may be larger than memory, and is read more than once.
    frame.sink_parquet(spill)
    return ds.dataset(spill)


_FRAMES = {"pandas": _from_pandas, "polars": _from_polars}


def _named(data: object) -> str:
    return f"{type(data).__module__}.{type(data).__qualname__}"


def _bind_path(session: Session, name: str, path: str) -> Bound:
    if path.startswith("file://"):
        path = path.removeprefix("file://")
    remote = path.startswith("s3://")
    if not any(mark in path for mark in _GLOB) and _is_delta(path):
        return _bind_delta(session, name, path, None)
    uris = list(_bucket_files(path)) if remote else list(_local_files(path))
    if not uris:
        raise UnreadableDataError.missing(path)
    session.bind_files(name, uris, _format_of(uris, path))
    return Bound(tuple(uris))


def _is_delta(path: str) -> bool:
    if path.startswith("s3://"):
        from lakeworks.storage.objects import ObjectStore

        return next(ObjectStore.open(path).list("_delta_log/"), None) is not None
    return (Path(path) / "_delta_log").is_dir()


def _bind_delta(session: Session, name: str, where: str, version: int | None) -> Bound:
    from lakeworks.storage.log import TableLog
    from lakeworks.storage.objects import ObjectStore

    if where.startswith("file://"):
        where = where.removeprefix("file://")
    root = where if where.startswith("s3://") else str(Path(where).resolve())
    source = TableLog(ObjectStore.open(root)).version(version).source(root.rstrip("/"))
    session.bind(name, source)
    return Bound(tuple(f"{source.root}/{file.path}" for file in source.files))


def _local_files(path: str) -> Iterator[str]:
    from glob import glob

    place = Path(path)
    if place.is_dir():
        below = (file for file in sorted(place.rglob("*")) if file.is_file())
        yield from (
            str(file) for file in below if not _hidden(file.relative_to(place)) and _known(file)
        )
    elif place.exists():
        yield str(place)
    else:
        found = glob(path, recursive=True)  # noqa: PTH207 - Path.glob takes no absolute pattern
        yield from (file for file in sorted(found) if Path(file).is_file())


def _hidden(path: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.parts)


def _known(path: Path) -> bool:
    return _suffix(path.name) in _FORMATS


def _bucket_files(path: str) -> Iterator[str]:
    from fnmatch import fnmatchcase

    from lakeworks.storage.objects import ObjectStore

    bucket, _, key = path.removeprefix("s3://").partition("/")
    store = ObjectStore.open(f"s3://{bucket}")
    plain = key
    for mark in _GLOB:
        plain = plain.partition(mark)[0]
    if plain != key:
        folder = plain.rpartition("/")[0]
        kept = (o.path for o in store.list(f"{folder}/" if folder else ""))
        yield from (f"s3://{bucket}/{k}" for k in sorted(kept) if fnmatchcase(k, key))
    elif key and store.info(key) is not None:
        yield path
    else:
        prefix = f"{key.rstrip('/')}/" if key else ""
        below = sorted(o.path for o in store.list(prefix))
        yield from (f"s3://{bucket}/{k}" for k in below if _suffix(k) in _FORMATS)


def _suffix(name: str) -> str:
    lowered = name.lower()
    for packed in _PACKED:
        lowered = lowered.removesuffix(packed)
    return Path(lowered).suffix


def _format_of(uris: Sequence[str], path: str) -> GivenFormat:
    suffixes = {_suffix(uri) for uri in uris}
    formats = {_FORMATS.get(suffix) for suffix in suffixes}
    if len(formats) > 1:
        raise UnreadableDataError.mixed(path, sorted(suffixes))
    (found,) = formats
    if found is None:
        raise UnreadableDataError.unknown(path, next(iter(suffixes)), _FORMATS)
    return found
