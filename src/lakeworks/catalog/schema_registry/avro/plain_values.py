"""Whether a plain JSON value fits an Avro schema, and defaults of fields, which are such values.

Pure. Bytes and fixed are texts of characters up to U+00FF, as in Avro's defaults. A value of a
union may be given bare or, as in Avro's JSON encoding, as an object that names its branch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakeworks.catalog.schema_registry.avro.resolution import kind, told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakeworks.catalog.schema_registry.avro.schema import AvroSchema

_BOUNDS = {"int": 1 << 31, "long": 1 << 63}
_SAID = {"array": "an array", "map": "an object"}
_SHOWN = 40


def fault(schema: AvroSchema, value: object) -> str | None:
    """Return where and why a value does not fit, or None when it does."""
    return next(_faults(schema, schema.node, value, "$"), None)


def default_faults(schema: AvroSchema) -> Iterator[str]:
    """Yield the fields whose default is no value of their type."""
    for node in schema.named.values():
        for field in node.get("fields", ()):
            if "default" not in field:
                continue
            types = field["type"]
            branches = types if isinstance(types, list) else [types]
            fits = (
                next(_faults(schema, branch, field["default"], field["name"]), None) is None
                for branch in branches
            )
            if not any(fits):
                yield (
                    f"the default of {node['name']}.{field['name']} is {_shown(field['default'])}"
                    f", which is no {told(types)}"
                )


def _faults(schema: AvroSchema, node: Any, value: object, path: str) -> Iterator[str]:  # noqa: ANN401
    node = schema.looked_up(node)
    if isinstance(node, list):
        yield from _union(schema, node, value, path)
        return
    name = kind(node)
    if name in ("record", "error"):
        yield from _record(schema, node, value, path)
    elif name == "array" and isinstance(value, list):
        for place, one in enumerate(value):
            yield from _faults(schema, node["items"], one, f"{path}[{place}]")
    elif name == "map" and isinstance(value, dict):
        for key, one in value.items():
            yield from _faults(schema, node["values"], one, f"{path}.{key}")
    elif not _fits(name, node, value):
        yield _expected(path, _asked(name, node), value)


def _asked(name: str, node: Any) -> str:  # noqa: ANN401
    match name:
        case "enum":
            return f"one of {', '.join(node['symbols'])}"
        case "fixed":
            return f"fixed of {node['size']} bytes"
        case _:
            return _SAID.get(name, name)


def _record(
    schema: AvroSchema, node: dict[str, Any], value: object, path: str
) -> Iterator[str]:
    if not isinstance(value, dict):
        yield _expected(path, f"an object of {node['name']}", value)
        return
    names = {field["name"]: field for field in node["fields"]}
    for name, field in names.items():
        if name in value:
            yield from _faults(schema, field["type"], value[name], f"{path}.{name}")
        elif "default" not in field:
            yield f"{path}: the field {name!r} is missing and has no default"
    for name in value:
        if name not in names:
            yield f"{path}: {node['name']} has no field {name!r}"


def _union(schema: AvroSchema, node: list[Any], value: object, path: str) -> Iterator[str]:
    faults: list[str] = []
    for branch in node:
        found = next(_faults(schema, branch, value, path), None)
        if found is None or _tagged(schema, branch, value, path):
            return
        if kind_or_union(schema, branch) != "null":
            faults.append(found)
    # What is wrong inside a branch tells more than that the value is of another type.
    inside = [one for one in faults if not one.startswith(f"{path}: expected")]
    if len(faults) == 1:
        yield faults[0]
    else:
        yield _expected(path, told(node), value, inside[0] if inside else "")


def _tagged(schema: AvroSchema, branch: Any, value: object, path: str) -> bool:  # noqa: ANN401
    if not isinstance(value, dict) or len(value) != 1:
        return False
    [(tag, inner)] = value.items()
    node = schema.looked_up(branch)
    name = node["name"] if isinstance(node, dict) and "name" in node else kind(node)
    return tag == name and next(_faults(schema, branch, inner, path), None) is None


def kind_or_union(schema: AvroSchema, node: Any) -> str:  # noqa: ANN401
    """Return the Avro type of a node, `union` for one."""
    node = schema.looked_up(node)
    return "union" if isinstance(node, list) else kind(node)


def _fits(name: str, node: Any, value: object) -> bool:  # noqa: ANN401
    """Whether a value is of a type without others inside."""
    flag = isinstance(value, bool)
    match name:
        case "null":
            return value is None
        case "boolean":
            return flag
        case "int" | "long":
            bound = _BOUNDS[name]
            return isinstance(value, int) and not flag and -bound <= value < bound
        case "float" | "double":
            return isinstance(value, int | float) and not flag
        case "string":
            return isinstance(value, str)
        case "bytes":
            return _are_bytes(value)
        case "fixed":
            return _are_bytes(value) and len(str(value)) == node["size"]
        case _:
            return name == "enum" and value in node["symbols"]


def _are_bytes(value: object) -> bool:
    return isinstance(value, str) and all(ord(one) <= 0xFF for one in value)  # noqa: PLR2004


def _expected(path: str, what: str, value: object, why: str = "") -> str:
    inner = f" ({why})" if why and not why.startswith(f"{path}: expected") else ""
    return f"{path}: expected {what}, found {_shown(value)}{inner}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
