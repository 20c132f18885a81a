"""A Protobuf definition: the text of one .proto file, compiled by protoc.

protoc runs as a process of its own: it is native code, and definitions come from anywhere.
Google's well-known types can be imported; nothing else can.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from lakeworks.catalog.schema_registry.errors import InvalidSchemaError
from lakeworks.catalog.schema_registry.formats import PURPOSE
from lakeworks.core.errors import MissingExtraError

if TYPE_CHECKING:
    from lakeworks.catalog.schema_registry.violations import Violation

FILE = "schema.proto"
_COMPILER_S = 60
_COMPLAINT = re.compile(re.escape(FILE) + r":(\d+):\d+: (.*)")


@dataclass(frozen=True)
class ProtobufSchema:
    """One definition.

    Attributes:
        file: Its `FileDescriptorProto`.
        files: Those of all files, imported ones first.
    """

    normal: str
    file: Any = field(compare=False)
    files: tuple[Any, ...] = field(compare=False)

    @classmethod
    def parse(cls, definition: str) -> Self:
        """Compile a definition.

        Raises:
            InvalidSchemaError: protoc refuses it, or it holds no message.
            MissingExtraError: protoc or protobuf is not installed.
        """
        if find_spec("grpc_tools") is None:
            raise MissingExtraError.needed("registry", PURPOSE)
        from google.protobuf import descriptor_pb2

        files = descriptor_pb2.FileDescriptorSet.FromString(_compiled(definition)).file
        [own] = [one for one in files if one.name == FILE]
        if not own.message_type:
            raise InvalidSchemaError.of("Protobuf", "it holds no message")
        _check_supported(own)
        return cls(own.SerializeToString(deterministic=True).hex(), own, tuple(files))

    def violations(self, writer: ProtobufSchema) -> list[Violation]:
        """Return why this schema cannot read what `writer` wrote."""
        from lakeworks.catalog.schema_registry.protobuf.changes import Changes

        return Changes(writer.file, self.file).violations()

    def fault(self, value: object) -> str | None:
        """Return where and why a JSON value is no message of the file's first type."""
        from google.protobuf import json_format

        if not isinstance(value, dict):
            return (
                f"$: expected an object of {self.message_name()}, found {type(value).__name__}"
            )
        try:
            json_format.ParseDict(value, self.message())
        except (json_format.ParseError, ValueError, TypeError, RecursionError) as error:
            return f"$: {error}"
        return None

    def encode(self, value: Any, message: str = "") -> bytes:  # noqa: ANN401 - JSON
        """Return the wire form of a record, without message indexes."""
        from google.protobuf import json_format

        try:
            made = json_format.ParseDict(value, self.message(message))
            return bytes(made.SerializeToString(deterministic=True))
        except Exception as error:  # noqa: BLE001 - it raises whatever it stumbles over
            raise ValueError(str(error) or type(error).__name__) from None

    def decode(self, payload: bytes, message: str = "") -> Any:  # noqa: ANN401 - JSON
        """Return the record of a wire form, as JSON under the definition's own names."""
        from google.protobuf import json_format

        made = self.message(message)
        try:
            made.ParseFromString(payload)
            return json_format.MessageToDict(made, preserving_proto_field_name=True)
        except Exception as error:  # noqa: BLE001 - it raises whatever it stumbles over
            raise ValueError(str(error) or type(error).__name__) from None

    def message(self, name: str = "") -> Any:  # noqa: ANN401 - a message of a generated class
        """Return an empty message of a type; the file's first when no name is given."""
        from google.protobuf import message_factory

        found = self._pool.FindMessageTypeByName(name or self.message_name())
        return message_factory.GetMessageClass(found)()

    def message_name(self) -> str:
        """Return the full name of the file's first message type."""
        return self._full(self.file.message_type[0].name)

    def sorted_messages(self) -> list[str]:
        """Return the full names of all message types in the order of Glue's indexes."""
        return sorted(name for name, _ in self._messages())

    def message_at(self, indexes: tuple[int, ...]) -> str:
        """Return the full name that Confluent's indexes name, the outermost first.

        Raises:
            ValueError: they name none.
        """
        for name, place in self._messages():
            if place == indexes:
                return name
        raise ValueError(f"the definition has no message at {list(indexes)}")

    def indexes_of(self, message: str) -> tuple[int, ...]:
        """Return Confluent's indexes of a message type.

        Raises:
            ValueError: there is no such type.
        """
        for name, place in self._messages():
            if name == message:
                return place
        raise ValueError(f"the definition has no message {message!r}")

    def _messages(self) -> list[tuple[str, tuple[int, ...]]]:
        found: list[tuple[str, tuple[int, ...]]] = []
        level: list[tuple[str, tuple[int, ...], Any]] = [
            (self._full(one.name), (i,), one) for i, one in enumerate(self.file.message_type)
        ]
        while level:
            found += [(name, place) for name, place, _ in level]
            level = [
                (f"{name}.{inner.name}", (*place, i), inner)
                for name, place, one in level
                for i, inner in enumerate(one.nested_type)
            ]
        return found

    def _full(self, name: str) -> str:
        return f"{self.file.package}.{name}" if self.file.package else name

    @cached_property
    def _pool(self) -> Any:  # noqa: ANN401 - a DescriptorPool
        from google.protobuf import descriptor_pool

        pool = descriptor_pool.DescriptorPool()
        for one in self.files:
            pool.Add(one)
        return pool


def _compiled(definition: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="lakeworks-") as folder:
        Path(folder, FILE).write_text(definition, encoding="utf-8")
        made = Path(folder, "descriptors")
        program = (
            "import sys, grpc_tools, os; from grpc_tools import protoc; "
            "own = os.path.join(os.path.dirname(grpc_tools.__file__), '_proto'); "
            "sys.exit(protoc.main(['protoc', '-I' + sys.argv[1], '-I' + own, "
            "'--include_imports', '--descriptor_set_out=' + sys.argv[2], sys.argv[3]]))"
        )
        asked = [sys.executable, "-I", "-c", program, folder, str(made), FILE]
        try:
            done = subprocess.run(  # noqa: S603 - our own interpreter and program
                asked, capture_output=True, text=True, timeout=_COMPILER_S, check=False
            )
        except subprocess.TimeoutExpired:
            raise InvalidSchemaError.of("Protobuf", "protoc did not come to an end") from None
        if done.returncode or not made.exists():
            raise InvalidSchemaError.of("Protobuf", _reason(done.stderr))
        return made.read_bytes()


def _reason(said: str) -> str:
    """Return protoc's first complaint about the definition, with its line."""
    for line in said.splitlines():
        found = _COMPLAINT.search(line)
        if found and not line.startswith("W0"):
            return f"line {found[1]}: {found[2]}"
    return (said.splitlines() or ["protoc failed"])[0]


def _check_supported(file: Any) -> None:  # noqa: ANN401 - a FileDescriptorProto
    """Refuse what Glue refuses: extensions and groups.

    Raises:
        InvalidSchemaError: the file declares one.
    """
    group = 10
    level = list(file.message_type)
    if file.extension or any(one.extension or one.extension_range for one in level):
        raise InvalidSchemaError.of("Protobuf", "extensions are not supported")
    while level:
        for one in level:
            if any(each.type == group for each in one.field):
                raise InvalidSchemaError.of(
                    "Protobuf", f"groups are not supported ({one.name})"
                )
        level = [inner for one in level for inner in one.nested_type]
