"""What can go wrong with the schema registry: LW340 to LW347."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from lakeworks.core.errors import LakeError, RequestError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable


class UnknownSchemaError(RequestError):
    """No registry, schema or version is called that."""

    code = "LW340"

    @classmethod
    def registry(cls, name: str, known: Iterable[str]) -> Self:
        """Suggest the nearest registry."""
        return cls(f"there is no schema registry {name!r}", did_you_mean(name, known))

    @classmethod
    def schema(cls, registry: str, name: str, known: Iterable[str]) -> Self:
        """Suggest the nearest schema of the registry."""
        hint = (
            did_you_mean(name, known) or "lake registry register FILE --schema NAME makes one"
        )
        return cls(f"registry {registry!r} has no schema {name!r}", hint)

    @classmethod
    def version(cls, name: str, number: int, known: Iterable[int]) -> Self:
        """List the versions that there are."""
        numbers = ", ".join(map(str, known))
        return cls(
            f"schema {name!r} has no version {number}",
            f"it has {numbers}" if numbers else "it has none yet",
        )

    @classmethod
    def identifier(cls, identifier: str) -> Self:
        """A record, or a caller, names a version that this registry never gave."""
        return cls(
            f"no schema version has the identifier {identifier}",
            "it was registered elsewhere, or has been deleted; lake registry list names all",
        )

    @classmethod
    def definition(cls, name: str) -> Self:
        """No version holds that definition."""
        return cls(
            f"no version of schema {name!r} has this definition",
            "lake registry register FILE adds it",
        )


class SchemaExistsError(RequestError):
    """The name is taken, or something is still in use."""

    code = "LW341"

    @classmethod
    def registry(cls, name: str) -> Self:
        """A registry of that name is there already."""
        return cls(f"there is a schema registry {name!r} already", "use it, or another name")

    @classmethod
    def schema(cls, registry: str, name: str) -> Self:
        """A schema of that name is there already."""
        return cls(
            f"registry {registry!r} has a schema {name!r} already",
            "register_schema_version adds a version to it",
        )


class InvalidSchemaError(RequestError):
    """A definition is not a schema of its format."""

    code = "LW342"

    @classmethod
    def of(cls, data_format: str, reason: str, hint: str = "") -> Self:
        """Say what the format's own parser finds wrong."""
        return cls(f"this is no valid {data_format} schema: {reason}", hint)


class IncompatibleSchemaError(LakeError):
    """A new version breaks the schema's compatibility mode; nothing was registered."""

    code = "LW343"

    @classmethod
    def because(cls, name: str, mode: str, explained: str) -> Self:
        """List every violation, as `CompatibilityReport.explained` writes them."""
        return cls(
            f"this definition cannot follow schema {name!r} under {mode}:\n{explained}",
            "nothing was registered",
        )

    @classmethod
    def disabled(cls, name: str) -> Self:
        """The mode DISABLED takes no further version."""
        return cls(
            f"schema {name!r} takes no new version: its compatibility is DISABLED",
            "update_schema, or lake registry set, gives it another mode",
        )


class VersionNeededError(RequestError):
    """A version may not be deleted."""

    code = "LW344"

    @classmethod
    def first(cls, name: str, number: int) -> Self:
        """The first version goes only with its schema."""
        return cls(
            f"version {number} of {name!r} is its first, which goes only with the whole schema",
            "delete the schema, or leave this version out",
        )

    @classmethod
    def checkpoint(cls, name: str, number: int) -> Self:
        """New versions are compared from there."""
        return cls(
            f"version {number} of {name!r} is its checkpoint",
            "set the checkpoint to another version first",
        )

    @classmethod
    def compared(cls, name: str, number: int, mode: str) -> Self:
        """The mode promises that this version fits those to come."""
        return cls(
            f"version {number} of {name!r} is one that {mode} compares new versions with",
            "set a later checkpoint, or another compatibility, first",
        )


class RegistryLimitError(RequestError):
    """A name, a text or a number of things is outside what the registry takes."""

    code = "LW345"

    @classmethod
    def name(cls, what: str, name: str, allowed: str) -> Self:
        """Say which characters are allowed."""
        shown = name if len(name) <= 60 else f"{name[:60]}…"  # noqa: PLR2004
        return cls(f"{shown!r} cannot name a {what}", f"write 1 to 255 of {allowed}")

    @classmethod
    def choice(cls, what: str, given: str, known: Iterable[str]) -> Self:
        """One of a fixed set was wanted."""
        return cls(f"there is no {what} {given!r}", f"write one of {', '.join(known)}")

    @classmethod
    def long(cls, what: str, length: int, most: int) -> Self:
        """The text is too long."""
        return cls(f"the {what} is {length:,} characters long; the most is {most:,}")

    @classmethod
    def metadata(cls, most: int) -> Self:
        """The version has as many pairs as it may have."""
        return cls(f"a schema version has at most {most} metadata pairs", "remove one first")

    @classmethod
    def versions(cls, written: str) -> Self:
        """A range of versions was not understood."""
        return cls(f"{written!r} names no versions", "write 3, or a range such as 3-5")


class WireFormatError(LakeError):
    """Bytes do not begin with a header that names a schema version."""

    code = "LW346"

    @classmethod
    def damaged(cls, reason: str) -> Self:
        """Say what is wrong with the bytes."""
        return cls(
            f"these bytes are no record with a schema header: {reason}",
            "a header is 03 00|05 and a UUID (Glue), or 00 and four bytes (Confluent)",
        )


class RecordRefusedError(LakeError):
    """A record does not fit the schema that it is held to."""

    code = "LW347"

    @classmethod
    def of(cls, schema: str, reason: str) -> Self:
        """Say where and why."""
        return cls(f"the record does not fit {schema}: {reason}")

    @classmethod
    def undecodable(cls, schema: str, reason: str) -> Self:
        """The bytes cannot be read with the schema that the header names."""
        return cls(
            f"the record cannot be decoded with {schema}: {reason}",
            "the payload is damaged, or was written with another schema than its header says",
        )
