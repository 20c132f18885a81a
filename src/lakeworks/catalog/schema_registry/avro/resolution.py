"""Whether one Avro schema reads what another wrote, by the rules of Avro's specification.

Pure. A union of the reader is resolved as the specification says: the first branch that matches
by kind and name is the one, and must then fit in depth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakeworks.catalog.schema_registry.violations import Violation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakeworks.catalog.schema_registry.avro.schema import AvroSchema

_PROMOTED = {
    "int": ("long", "float", "double"),
    "long": ("float", "double"),
    "float": ("double",),
    "string": ("bytes",),
    "bytes": ("string",),
}
_NAMED = ("record", "error", "enum", "fixed")


class Resolution:
    """One comparison of a writer's schema with a reader's."""

    def __init__(self, writer: AvroSchema, reader: AvroSchema) -> None:
        self._writer = writer
        self._reader = reader
        # A pair of records that contain themselves is settled by what else they hold.
        self._under_way: set[tuple[str, str]] = set()

    def violations(self) -> list[Violation]:
        """Return everything that breaks."""
        found = self._resolve(self._writer.node, self._reader.node, "$")
        return list(dict.fromkeys(found))

    def _resolve(self, writer: Any, reader: Any, path: str) -> Iterator[Violation]:  # noqa: ANN401
        writer, reader = self._writer.looked_up(writer), self._reader.looked_up(reader)
        if isinstance(writer, list):
            yield from self._each_branch(writer, reader, path)
        elif isinstance(reader, list):
            yield from self._into_union(writer, reader, path)
        elif not self._matches(writer, reader):
            yield _mismatch(writer, reader, path)
        else:
            yield from self._inside(writer, reader, path)

    def _each_branch(self, writer: list[Any], reader: Any, path: str) -> Iterator[Violation]:  # noqa: ANN401
        for branch in writer:
            written = self._writer.looked_up(branch)
            options = reader if isinstance(reader, list) else [reader]
            chosen = next((one for one in options if self._matches(written, one)), None)
            if chosen is None:
                shown = told(self._reader.looked_up(reader))
                yield Violation(
                    path,
                    "union branch removed",
                    f"the writer may write {told(written)}, which the reader's {shown} "
                    "does not take",
                    f"keep {told(written)} in the reader's union",
                )
            else:
                yield from self._resolve(branch, chosen, path)

    def _into_union(self, writer: Any, reader: list[Any], path: str) -> Iterator[Violation]:  # noqa: ANN401
        chosen = next((one for one in reader if self._matches(writer, one)), None)
        if chosen is None:
            yield Violation(
                path,
                "type not in union",
                f"the writer writes {told(writer)}, which is none of the reader's "
                f"{told(reader)}",
                f"add {told(writer)} to the reader's union",
            )
        else:
            yield from self._resolve(writer, chosen, path)

    def _matches(self, writer: Any, reader: Any) -> bool:  # noqa: ANN401
        """Whether two schemas match by kind and name, without looking inside records."""
        writer, reader = self._writer.looked_up(writer), self._reader.looked_up(reader)
        if isinstance(writer, list) or isinstance(reader, list):
            return True
        w_kind, r_kind = kind(writer), kind(reader)
        if w_kind != r_kind:
            return r_kind in _PROMOTED.get(w_kind, ())
        if w_kind == "array":
            return self._matches(writer["items"], reader["items"])
        if w_kind == "map":
            return self._matches(writer["values"], reader["values"])
        if w_kind == "fixed" and writer["size"] != reader["size"]:
            return False
        return w_kind not in _NAMED or _same_name(writer, reader)

    def _inside(self, writer: Any, reader: Any, path: str) -> Iterator[Violation]:  # noqa: ANN401
        match kind(writer):
            case "array":
                yield from self._resolve(writer["items"], reader["items"], f"{path}[]")
            case "map":
                yield from self._resolve(writer["values"], reader["values"], f"{path}{{}}")
            case "enum":
                yield from _enum(writer, reader, path)
            case "record" | "error":
                pair = (writer["name"], reader["name"])
                if pair not in self._under_way:
                    self._under_way.add(pair)
                    yield from self._record(writer, reader, path)
            case _:
                yield from _decimal(writer, reader, path)

    def _record(
        self, writer: dict[str, Any], reader: dict[str, Any], path: str
    ) -> Iterator[Violation]:
        written = {field["name"]: field for field in writer["fields"]}
        for field in reader["fields"]:
            names = [field["name"], *field.get("aliases", ())]
            name = next((one for one in names if one in written), None)
            place = f"{path}.{field['name']}"
            if name is not None:
                yield from self._resolve(written[name]["type"], field["type"], place)
            elif "default" not in field:
                yield Violation(
                    place,
                    "field without default",
                    f"the reader needs the field {field['name']!r}, which the writer's record "
                    f"{writer['name']!r} does not have",
                    "give the field a default, or make it an alias of a field that there was",
                )


def _enum(writer: dict[str, Any], reader: dict[str, Any], path: str) -> Iterator[Violation]:
    gone = [one for one in writer["symbols"] if one not in reader["symbols"]]
    if gone and not reader.get("default"):
        symbols = ", ".join(map(repr, gone))
        yield Violation(
            path,
            "enum symbol removed",
            f"the writer may write {symbols}, which the reader's enum {reader['name']!r} does "
            "not have",
            f"keep {symbols}, or give the reader's enum a default",
        )


def _decimal(writer: Any, reader: Any, path: str) -> Iterator[Violation]:  # noqa: ANN401
    """Tell decimals of other precision or scale: the same bytes are another number."""
    if not (isinstance(writer, dict) and isinstance(reader, dict)):
        return
    if writer.get("logicalType") != "decimal" or reader.get("logicalType") != "decimal":
        return
    shapes = [(one.get("precision"), one.get("scale", 0)) for one in (writer, reader)]
    if shapes[0] != shapes[1]:
        yield Violation(
            path,
            "decimal changed",
            f"the writer's decimal{shapes[0]} is the reader's decimal{shapes[1]}",
            "keep precision and scale, or add a field of the new type",
        )


def _mismatch(writer: Any, reader: Any, path: str) -> Violation:  # noqa: ANN401
    w_kind, r_kind = kind(writer), kind(reader)
    if w_kind == r_kind == "fixed" and writer["size"] != reader["size"]:
        return Violation(
            path,
            "fixed size changed",
            f"the writer's fixed has {writer['size']} bytes, the reader's {reader['size']}",
            "keep the size, or add a field of a new fixed type",
        )
    if w_kind == r_kind and w_kind in _NAMED:
        return Violation(
            path,
            "name changed",
            f"the writer's {w_kind} is called {writer['name']!r}, the reader's "
            f"{reader['name']!r}",
            f'keep the name, or add "aliases": [{writer["name"]!r}] to the reader\'s',
        )
    wider = _PROMOTED.get(w_kind)
    hint = f"{w_kind} may become {' or '.join(wider)}" if wider else f"keep {told(writer)}"
    return Violation(
        path,
        "type changed",
        f"the writer writes {told(writer)}, the reader expects {told(reader)}",
        hint,
    )


def _same_name(writer: dict[str, Any], reader: dict[str, Any]) -> bool:
    """Whether the unqualified names match, or the reader's aliases name the writer's."""
    name = writer["name"]
    short = name.rpartition(".")[2]
    if short == reader["name"].rpartition(".")[2]:
        return True
    aliases = reader.get("aliases", ())
    return name in aliases or short in aliases


def kind(node: Any) -> str:  # noqa: ANN401 - JSON
    """Return the Avro type of a node that is no union."""
    return str(node["type"] if isinstance(node, dict) else node)


def told(node: Any) -> str:  # noqa: ANN401 - JSON
    """Return a schema as messages name it."""
    if isinstance(node, list):
        return f"union of {', '.join(told(one) for one in node)}"
    name = kind(node)
    if isinstance(node, dict) and name in _NAMED:
        return f"{name} {node['name']}"
    if name == "array":
        return f"array of {told(node['items'])}"
    if name == "map":
        return f"map of {told(node['values'])}"
    return name
