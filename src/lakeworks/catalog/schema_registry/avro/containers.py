"""Avro's files of records: whether their own schema fits one of the registry, and which do."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from lakeworks.catalog.schema_registry.avro.schema import AvroSchema, fastavro

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SHOWN_VIOLATIONS = 3


@dataclass(frozen=True, slots=True)
class Container:
    """One file of records.

    Attributes:
        why: Why its schema cannot be read by the registered one; empty when it can.
    """

    opener: Callable[[], BinaryIO]
    writer: AvroSchema
    reader: AvroSchema
    codec: str
    why: str

    @classmethod
    def of(cls, opener: Callable[[], BinaryIO], schema: Any) -> Self | None:  # noqa: ANN401
        """Look at a file's header; None when it, or what follows it, is damaged.

        Args:
            opener: Opens the file from its beginning.
            schema: The registered `AvroSchema`.
        """
        try:
            with opener() as stream:
                read = fastavro().reader(stream)
                writer = AvroSchema.of(read.writer_schema)
                codec = str(read.codec)
                found = schema.violations(writer)
                if found:
                    # A file that breaks off is the engine's to refuse, whole.
                    for _ in read:
                        pass
        except Exception:  # noqa: BLE001 - a damaged file raises whatever it leads to
            return None
        why = "; ".join(str(one) for one in found[:_SHOWN_VIOLATIONS])
        return cls(opener, writer, schema, codec, why)

    @property
    def fits(self) -> bool:
        """Whether every record can be read by the registered schema."""
        return not self.why

    def divide(self, target: BinaryIO) -> Iterator[tuple[int, str, str]]:
        """Write the records that can be read; yield (number, JSON, why not or '') of each."""
        module = fastavro()
        made = module.write.Writer(target, self.writer.node, self.codec)
        with self.opener() as stream:
            for number, record in enumerate(
                module.reader(stream, return_record_name=True), start=1
            ):
                fault = self._fault(record)
                if not fault:
                    made.write(record)
                yield number, _row(record), fault
        made.flush()

    def _fault(self, record: Any) -> str:  # noqa: ANN401 - a record
        module = fastavro()
        written = io.BytesIO()
        module.schemaless_writer(written, self.writer.node, record)
        written.seek(0)
        try:
            module.schemaless_reader(written, self.writer.node, self.reader.node)
        except Exception:  # noqa: BLE001 - fastavro's words are of its own code; ours tell more
            return self.why
        return ""


def copy_records(
    source: BinaryIO, target: BinaryIO, left: Callable[[Any, Any], Any]
) -> None:  # fmt: skip
    """Write what is left of a file's records to another of the same schema.

    Args:
        source: The file.
        target: Takes the other one.
        left: Gives what is left of a record, or None; takes it as it is, and as plain values.

    Raises:
        ValueError: the file is damaged.
    """
    module = fastavro()
    try:
        read = module.reader(source, return_record_name=True)
        made = module.write.Writer(target, read.writer_schema, read.codec)
        for record in read:
            kept = left(record, _plain(record))
            if kept is not None:
                made.write(kept)
        made.flush()
    except (EOFError, KeyError, IndexError, TypeError) as error:
        reason = f"it is no Avro file that can be read: {type(error).__name__}"
        raise ValueError(reason) from error


def _row(record: Any) -> str:  # noqa: ANN401 - a record
    return json.dumps(_plain(record), ensure_ascii=False, default=str)


def _plain(value: Any) -> Any:  # noqa: ANN401 - of a record
    if isinstance(value, tuple):
        # The branch of a union, named so that it is written back as it was.
        return _plain(value[1])
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value.decode("latin-1") if isinstance(value, bytes) else value
