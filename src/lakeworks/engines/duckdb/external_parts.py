"""What every reader of external files needs: their packing, and their partitions' values as SQL."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

from lakeworks.core.names import quote_identifier, quote_literal
from lakeworks.engines.duckdb.heads import heads_of
from lakeworks.engines.duckdb.reading import paths_list
from lakeworks.engines.duckdb.types import to_duckdb
from lakeworks.engines.errors import ExternalDataError
from lakeworks.engines.protocol import ArrivedFile
from lakeworks.engines.stores import store_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from lakeworks.engines.duckdb.external_values import Values
    from lakeworks.engines.duckdb.heads import Head
    from lakeworks.storage.external import ExternalFile, ExternalSource
    from lakeworks.storage.objects import ObjectStore

FILE_COLUMN = "__lakeworks_file"
# A scan for each partition saves the join by file name, as long as a plan stays small.
_MOST_SCANS = 8
_OTHER_PACKINGS = {
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"PK\x03\x04": "zip",
    b"\x04\x22\x4d\x18": "lz4",
    b"\xff\x06\x00\x00sNaPpY": "snappy",
}


@dataclass(slots=True)
class Opener:
    """Opens files on this machine and in buckets.

    Attributes:
        s3: As `ObjectStore.s3_settings` returns it.
    """

    s3: Mapping[str, str | bool] | None
    _stores: dict[str, ObjectStore] | None = None

    def arrived(self, file: ExternalFile) -> ArrivedFile:
        """Return a file as those are that the readers of landed files take."""
        if not file.uri.startswith("s3://"):
            return ArrivedFile(file.uri, file.uri, file.size_bytes)
        bucket, _, path = file.uri.removeprefix("s3://").partition("/")
        if self._stores is None:
            self._stores = {}
        if bucket not in self._stores:
            self._stores[bucket] = store_of(f"s3://{bucket}", self.s3 or {})
        opened: partial[BinaryIO] = partial(self._stores[bucket].open_read, path)
        return ArrivedFile(file.uri, file.uri, file.size_bytes, opened)


def looked_at(source: ExternalSource, opener: Opener) -> Iterator[tuple[ExternalFile, Head]]:
    """Yield each file that holds anything, with its beginning.

    Raises:
        ExternalDataError: a file is packed in a way that is not read, or torn.
    """
    files = [file for file in source.files if file.size_bytes]
    found = heads_of([opener.arrived(file) for file in files])
    for file, (_, head) in zip(files, found, strict=True):
        for start, packing in _OTHER_PACKINGS.items():
            if head.packing == "none" and head.data.startswith(start):
                raise ExternalDataError.packed(source.name, file.uri, packing)
        if head.problem:
            raise ExternalDataError.met(source.name, file.uri, f"is torn: {head.problem}")
        if not head.empty:
            yield file, head


@dataclass(frozen=True, slots=True)
class Scans:
    """Makes a SELECT of rows and their partitions' values from a scan of some files.

    Attributes:
        scan: What stands after FROM for the files of a SQL list, that tells each row's file
            under the name `FILE_COLUMN`.
        columns: The expressions of the columns that the files hold, in the table's order.
    """

    source: ExternalSource
    values: Values
    scan: Callable[[str], str]
    columns: Sequence[str]

    def select(self, files: Sequence[ExternalFile]) -> str:
        """Return the SELECT."""
        by_values: dict[tuple[str | None, ...], list[str]] = {}
        for file in files:
            by_values.setdefault(file.values, []).append(file.uri)
        if len(by_values) > _MOST_SCANS:
            return self._joined(files)
        parts = [self._of_partition(values, uris) for values, uris in by_values.items()]
        return "\nUNION ALL\n".join(parts)

    def _of_partition(self, values: Sequence[str | None], uris: Sequence[str]) -> str:
        texts = ["CAST(NULL AS VARCHAR)" if v is None else quote_literal(v) for v in values]
        return f"SELECT {self._items(texts)} FROM {self.scan(paths_list(uris))} AS __row"

    def _joined(self, files: Sequence[ExternalFile]) -> str:
        names = [f"__value{n}" for n in range(len(self.source.partition_columns))]
        rows = ", ".join(
            "("
            + ", ".join(
                "CAST(NULL AS VARCHAR)" if text is None else quote_literal(text)
                for text in (file.uri, *file.values)
            )
            + ")"
            for file in files
        )
        scan = self.scan(paths_list(file.uri for file in files))
        return (
            f"SELECT {self._items(names)} FROM {scan} AS __row "
            f"JOIN (VALUES {rows}) AS __of(__uri, {', '.join(names)}) "
            f"ON __row.{FILE_COLUMN} = __of.__uri"
        )

    def _items(self, partition_texts: Sequence[str]) -> str:
        told = [
            f"{value} AS {quote_identifier(f.name)}"
            for f, value in zip(self.source.data_fields, self.columns, strict=True)
        ]
        told += partition_items(self.source, self.values, partition_texts)
        return ", ".join(told)


def partition_items(
    source: ExternalSource, values: Values, texts: Sequence[str]
) -> Iterator[str]:
    """Yield the partition columns of a SELECT from expressions of their texts."""
    for f, text in zip(source.partition_fields, texts, strict=True):
        yield f"{values.column(text, f)} AS {quote_identifier(f.name)}"


def no_rows(source: ExternalSource) -> str:
    """Return a SELECT of the table's columns without a row."""
    columns = ", ".join(
        f"CAST(NULL AS {to_duckdb(f.type)}) AS {quote_identifier(f.name)}"
        for f in source.schema
    )
    return f"SELECT {columns} WHERE false"
