"""Write files into a bucket encrypted as the environment asks.

DuckDB can ask a store for one kind of encryption only: KMS with a named key. For every other kind,
files are written to this machine's disk first, and handed to the store by `storage`, which can ask
for all of them. Nothing lies in the bucket otherwise encrypted, not even for a moment, since a
bucket's policy may refuse just that.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lakeworks.engines.stores import store_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import duckdb

ENCRYPTION = frozenset({"sse", "kms_key_id", "bucket_key"})
_CHUNK_BYTES = 8 * 1024 * 1024


def written_directly(s3: Mapping[str, str | bool]) -> bool:
    """Whether DuckDB itself can ask the store for this encryption."""
    if not s3.get("sse"):
        return True
    return s3["sse"] == "aws:kms" and bool(s3.get("kms_key_id")) and not s3.get("bucket_key")


@contextmanager
def placed(
    con: duckdb.DuckDBPyConnection, root: str, s3: Mapping[str, str | bool]
) -> Iterator[str]:
    """Give the folder that a COPY is to write to; at the end, all it wrote is in `root`."""
    if not root.startswith("s3://"):
        Path(root).mkdir(parents=True, exist_ok=True)
        yield root
        return
    if written_directly(s3):
        yield root
        return
    spill = con.execute("SELECT current_setting('temp_directory')").fetchall()[0][0]
    Path(spill).mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="encrypted-", dir=spill))
    try:
        yield str(folder)
        _brought(folder, root, s3)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _brought(folder: Path, root: str, s3: Mapping[str, str | bool]) -> None:
    store = store_of(root, s3)
    done: list[str] = []
    try:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                name = path.relative_to(folder).as_posix()
                done.append(name)
                store.write_stream(name, _pieces(path))
                path.unlink()
    except BaseException:
        store.delete(done)
        raise


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_CHUNK_BYTES):
            yield piece
