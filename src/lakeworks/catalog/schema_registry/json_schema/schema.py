"""A JSON Schema definition: drafts 4, 6, 7, 2019-09 and 2020-12.

Validation is `jsonschema-rs`'s, which asserts formats, as Glue's own validator does. It reaches
out to no network: a reference that leaves the definition is refused.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from lakeworks.catalog.schema_registry.errors import InvalidSchemaError
from lakeworks.catalog.schema_registry.formats import PURPOSE
from lakeworks.catalog.schema_registry.json_schema.circles import circle_in
from lakeworks.catalog.schema_registry.json_schema.nodes import Document, Node
from lakeworks.core.errors import MissingExtraError

if TYPE_CHECKING:
    from types import ModuleType

    from lakeworks.catalog.schema_registry.violations import Violation

DRAFTS = {
    "draft-04": "Draft4Validator",
    "draft-06": "Draft6Validator",
    "draft-07": "Draft7Validator",
    "2019-09": "Draft201909Validator",
    "2020-12": "Draft202012Validator",
}
# Glue takes definitions that do not say; its newest draft is what they then mean.
UNDECLARED = "draft-07"
_SHOWN = 60
_DEEPEST = 100


@dataclass(frozen=True)
class JsonSchema:
    """One definition.

    Attributes:
        draft: A key of `DRAFTS`.
    """

    normal: str
    root: dict[str, Any] | bool = field(compare=False)
    draft: str = field(compare=False)

    @classmethod
    def parse(cls, definition: str) -> Self:
        """Parse a definition.

        Raises:
            InvalidSchemaError: it is no JSON Schema of a known draft.
            MissingExtraError: jsonschema-rs is not installed.
        """
        try:
            root = json.loads(definition)
        except RecursionError:
            raise InvalidSchemaError.of("JSON", "it is nested too deeply") from None
        except ValueError as error:
            raise InvalidSchemaError.of("JSON", f"it is no JSON: {error}") from None
        if not isinstance(root, dict | bool):
            raise InvalidSchemaError.of("JSON", "a schema is an object, true or false")
        made = cls(json.dumps(root, sort_keys=True), root, draft_of(root))
        try:
            circle = circle_in(made.document)
            if circle is not None:
                reason = f"the reference at {circle} leads back to itself"
                raise InvalidSchemaError.of("JSON", reason)
            _ = made.validator
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise InvalidSchemaError.of("JSON", _first_line(error)) from None
        return made

    @cached_property
    def validator(self) -> Any:  # noqa: ANN401 - a validator of jsonschema-rs
        """What validates documents."""
        kind = getattr(jsonschema(), DRAFTS[self.draft])
        return kind(self.root, validate_formats=True, retriever=_refuse)

    @cached_property
    def document(self) -> Document:
        """The definition as comparisons walk it."""
        return Document(self.root, self.draft)

    def violations(self, writer: JsonSchema) -> list[Violation]:
        """Return why some document that `writer` takes may not be one that this takes."""
        from lakeworks.catalog.schema_registry.json_schema.inclusion import Inclusion

        return Inclusion().violations(Node.root(writer.document), Node.root(self.document))

    def fault(self, value: object) -> str | None:
        """Return where and why a document does not fit."""
        if self.validator.is_valid(value):
            return None
        return next(map(_told, self.validator.iter_errors(value)), "it is not valid")

    def encode(self, value: Any) -> bytes:  # noqa: ANN401 - JSON
        """Return a document's text."""
        found = self.fault(value)
        if found:
            raise ValueError(found)
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()

    def decode(self, payload: bytes) -> Any:  # noqa: ANN401 - JSON
        """Return the document of a text."""
        value = json.loads(payload)
        found = self.fault(value)
        if found:
            raise ValueError(found)
        return value


def jsonschema() -> ModuleType:
    """Import jsonschema-rs.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import jsonschema_rs as module
    except ImportError:
        raise MissingExtraError.needed("registry", PURPOSE) from None
    return module


def draft_of(root: dict[str, Any] | bool) -> str:  # noqa: FBT001 - a schema may be true
    """Return the draft that a definition says it is of.

    Raises:
        InvalidSchemaError: none of the known ones.
    """
    said = root.get("$schema", "") if isinstance(root, dict) else ""
    if not said:
        return UNDECLARED
    for draft in DRAFTS:
        if isinstance(said, str) and f"json-schema.org/{_place(draft)}/schema" in said:
            return draft
    raise InvalidSchemaError.of(
        "JSON", f"$schema {said!r} is no known draft", f"known: {', '.join(DRAFTS)}"
    )


def _place(draft: str) -> str:
    return draft if draft.startswith("draft-") else f"draft/{draft}"


def _refuse(uri: str) -> Any:  # noqa: ANN401 - never returns
    raise ValueError(f"the reference {uri} leaves the definition; copy what it names into it")


def _told(error: Any) -> str:  # noqa: ANN401 - a ValidationError
    path = "".join(
        f"[{one}]" if isinstance(one, int) else f".{one}" for one in error.instance_path
    )
    message = str(error.message)
    if len(message) > 4 * _SHOWN:
        message = f"{message[: 2 * _SHOWN]}…{message[-2 * _SHOWN :]}"
    return f"${path}: {message}"


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
