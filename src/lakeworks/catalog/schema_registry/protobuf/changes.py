"""What changed between two Protobuf files, and which changes make bytes unreadable or misread.

Pure. Fields are told by their numbers, as on the wire. Types of one group share a wire form in
which each reads the other's values: integers, zigzag integers, fixed ones, text and bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakeworks.catalog.schema_registry.violations import Violation

if TYPE_CHECKING:
    from collections.abc import Iterator

_TYPES = {
    1: "double", 2: "float", 3: "int64", 4: "uint64", 5: "int32", 6: "fixed64", 7: "fixed32",
    8: "bool", 9: "string", 10: "group", 11: "message", 12: "bytes", 13: "uint32", 14: "enum",
    15: "sfixed32", 16: "sfixed64", 17: "sint32", 18: "sint64",
}  # fmt: skip
_GROUPS = (
    {"int32", "uint32", "int64", "uint64", "bool", "enum"},
    {"sint32", "sint64"},
    {"fixed32", "sfixed32"},
    {"fixed64", "sfixed64"},
    {"string", "bytes"},
)
_OPTIONAL, _REQUIRED, _REPEATED = 1, 2, 3


class Changes:
    """One comparison of a writer's file with a reader's."""

    def __init__(self, writer: Any, reader: Any) -> None:  # noqa: ANN401 - FileDescriptorProtos
        self._writer = writer
        self._reader = reader
        self._written = _messages(writer)
        self._read = _messages(reader)

    def violations(self) -> list[Violation]:
        """Return everything that breaks."""
        found: list[Violation] = []
        if self._writer.package != self._reader.package:
            found.append(
                Violation(
                    "#",
                    "package changed",
                    f"the writer's package is {self._writer.package!r}, the reader's "
                    f"{self._reader.package!r}",
                    "keep the package: types are told by their full names",
                )
            )
        for name, message in self._written.items():
            if _is_map(message):
                continue  # compared with the field that it is the type of
            if name in self._read:
                found += self._message(name, message, self._read[name])
            else:
                found.append(
                    Violation(
                        f"#/{name}",
                        "message removed",
                        f"the writer's message {name!r} is gone from the reader's file, or moved",
                        f"keep message {name!r} where it was",
                    )
                )
        return found

    def _message(self, name: str, writer: Any, reader: Any) -> Iterator[Violation]:  # noqa: ANN401
        before = {field.number: field for field in writer.field}
        after = {field.number: field for field in reader.field}
        for number in sorted(before.keys() | after.keys()):
            path = f"#/{name}/{number}"
            if number not in after:
                yield from _removed(path, before[number], reader)
            elif number not in before:
                yield from _added(path, after[number], writer)
            else:
                yield from self._field(path, before[number], after[number])
        yield from _oneofs(name, writer, reader)

    def _field(self, path: str, before: Any, after: Any) -> Iterator[Violation]:  # noqa: ANN401
        if after.label == _REQUIRED and before.label != _REQUIRED:
            yield _required(path, after.name)
        kinds = _TYPES[before.type], _TYPES[after.type]
        maps = self._map_of(before, self._written), self._map_of(after, self._read)
        if any(maps):
            yield from self._maps(path, before, after, maps)
            return
        if not _same_group(*kinds):
            yield _type_changed(path, after.name, _told(before), _told(after))
        elif kinds[0] == "message" and self._name(before) != self._name(after):
            yield _type_changed(path, after.name, self._name(before), self._name(after))
        repeated = before.label == _REPEATED, after.label == _REPEATED
        # The last of several texts or messages counts where one is read; of packed numbers none.
        if repeated[0] != repeated[1] and not {*kinds} <= {"string", "bytes", "message"}:
            yield Violation(
                path,
                "repetition changed",
                f"the field {after.name!r} is {'' if repeated[0] else 'not '}repeated in the "
                f"writer's and {'' if repeated[1] else 'not '}in the reader's file",
                "add a field with a number of its own",
            )

    def _maps(
        self,
        path: str,
        before: Any,  # noqa: ANN401
        after: Any,  # noqa: ANN401
        maps: tuple[Any, Any],
    ) -> Iterator[Violation]:
        if maps[0] is None or maps[1] is None:
            yield _type_changed(path, after.name, _told(before), _told(after))
            return
        for old, new in zip(maps[0].field, maps[1].field, strict=True):
            yield from self._field(f"{path}/{new.name}", old, new)

    def _map_of(self, field: Any, messages: dict[str, Any]) -> Any:  # noqa: ANN401
        found = messages.get(self._name(field))
        return found if found is not None and _is_map(found) else None

    def _name(self, field: Any) -> str:  # noqa: ANN401
        """Return a type's name without the package, which is compared on its own."""
        full = field.type_name.lstrip(".")
        for package in (self._writer.package, self._reader.package):
            if package and full.startswith(f"{package}."):
                return str(full[len(package) + 1 :])
        return str(full)


def _messages(file: Any) -> dict[str, Any]:  # noqa: ANN401 - a FileDescriptorProto
    found: dict[str, Any] = {}
    level = [(one.name, one) for one in file.message_type]
    while level:
        found |= dict(level)
        level = [
            (f"{name}.{inner.name}", inner) for name, one in level for inner in one.nested_type
        ]
    return found


def _is_map(message: Any) -> bool:  # noqa: ANN401
    return bool(message.options.map_entry)


def _told(field: Any) -> str:  # noqa: ANN401
    return str(field.type_name.lstrip(".") or _TYPES[field.type])


def _same_group(before: str, after: str) -> bool:
    return before == after or any({before, after} <= group for group in _GROUPS)


def _removed(path: str, field: Any, reader: Any) -> Iterator[Violation]:  # noqa: ANN401
    if _in_oneof(field):
        name = field.name
        yield Violation(
            path,
            "field removed from oneof",
            f"the writer may set {name!r} of a oneof; the reader takes that for nothing set",
            f"keep {name!r} in the oneof",
        )
    elif field.label == _REQUIRED:
        yield Violation(
            path,
            "required field removed",
            f"the writer requires {field.name!r}, which the reader's message lacks: a reader "
            "that writes on loses it",
            f"keep {field.name!r}, or make it optional first",
        )
    elif any(one.name == field.name for one in reader.field):
        number = next(one.number for one in reader.field if one.name == field.name)
        yield Violation(
            path,
            "number changed",
            f"the field {field.name!r} has number {field.number} in the writer's file and "
            f"{number} in the reader's",
            f"keep number {field.number}",
        )


def _added(path: str, field: Any, writer: Any) -> Iterator[Violation]:  # noqa: ANN401
    if field.label == _REQUIRED:
        yield _required(path, field.name)
    reserved = any(one.start <= field.number < one.end for one in writer.reserved_range)
    if reserved or field.name in writer.reserved_name:
        what = f"number {field.number}" if reserved else f"name {field.name!r}"
        yield Violation(
            path,
            "reserved taken",
            f"the reader's field {field.name!r} takes the {what} that the writer's file reserves",
            "take a number and a name that were never used",
        )


def _oneofs(name: str, writer: Any, reader: Any) -> Iterator[Violation]:  # noqa: ANN401
    before = {field.number: field for field in writer.field}
    for index, oneof in enumerate(reader.oneof_decl):
        inside = [
            one
            for one in reader.field
            if _in_oneof(one) and one.oneof_index == index and one.number in before
        ]
        # Fields of one oneof of the writer's were never set together; all others may have been.
        apart = {_alternatives_of(before[one.number]) for one in inside}
        if len(apart) > 1:
            yield Violation(
                f"#/{name}/{oneof.name}",
                "fields moved into oneof",
                f"{', '.join(repr(one.name) for one in inside)} could be set together by the "
                f"writer and are alternatives in the reader's oneof {oneof.name!r}",
                "only one field that stood alone may become a new oneof",
            )


def _alternatives_of(field: Any) -> tuple[str, int]:  # noqa: ANN401
    return ("oneof", field.oneof_index) if _in_oneof(field) else ("field", field.number)


def _in_oneof(field: Any) -> bool:  # noqa: ANN401
    # An `optional` of proto3 is a oneof of its own only for compilers.
    return field.HasField("oneof_index") and not field.proto3_optional


def _required(path: str, name: str) -> Violation:
    return Violation(
        path,
        "field required",
        f"the reader requires {name!r}, which the writer may leave out",
        f"make {name!r} optional",
    )


def _type_changed(path: str, name: str, before: str, after: str) -> Violation:
    group = next((sorted(one - {before}) for one in _GROUPS if before in one), [])
    hint = f"{before} may become {', '.join(group)}" if group else f"keep {before}"
    return Violation(
        path,
        "type changed",
        f"the field {name!r} is {before} in the writer's file and {after} in the reader's",
        f"{hint}, or add a field with a number of its own",
    )
