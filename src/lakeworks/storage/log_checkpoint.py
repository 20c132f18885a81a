"""Checkpoints: a table's whole state in one Parquet file, so that long logs stay quick.

Written by `deltalake`; read here, because its Python interface shows neither the transactions'
names nor the statistics as they are.
"""

from __future__ import annotations

import io
import logging
from typing import TYPE_CHECKING, Any

from lakeworks.storage.errors import CorruptLogError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lakeworks.storage.log_actions import Action
    from lakeworks.storage.objects import ObjectStore

logger = logging.getLogger(__name__)

CHECKPOINT_EVERY = 20
_KINDS = ("protocol", "metaData", "txn", "add", "sidecar")
_PARTS_OF_ADD = ("path", "partitionValues", "size", "stats", "deletionVector")


def read_checkpoint(store: ObjectStore, paths: Iterable[str]) -> Iterator[Action]:
    """Yield the lines that a checkpoint stands for, files included.

    Raises:
        CorruptLogError: it is not a checkpoint.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    for path in paths:
        data = store.get(path)
        try:
            file = pq.ParquetFile(io.BytesIO(data))
            names = [n for n in _KINDS if n in file.schema_arrow.names]
            columns = [n for n in names if n != "add"]
            columns += [f"add.{part}" for part in _PARTS_OF_ADD]
            table = file.read(columns=columns)
        except (pa.ArrowException, OSError, ValueError) as error:
            reason = f"it is not a checkpoint ({type(error).__name__})"
            raise CorruptLogError.file(store.uri(path), reason) from error
        for name in names:
            for body in table[name].drop_null().to_pylist():
                yield {name: _plain(body)}


def write_checkpoint(store: ObjectStore) -> None:
    """Write a checkpoint of the latest version; a failure is only logged, nothing needs it."""
    try:
        from deltalake import DeltaTable

        DeltaTable(store.root, storage_options=store.storage_options()).create_checkpoint()
    except Exception:
        logger.warning("no checkpoint was written for %s", store.root, exc_info=True)


def _plain(body: dict[str, Any]) -> dict[str, Any]:
    """Return an action whose maps, lists of pairs in Arrow, are dicts as in JSON."""
    for name in ("partitionValues", "configuration"):
        if isinstance(body.get(name), list):
            body[name] = dict(body[name])
    return body
