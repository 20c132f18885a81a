"""What the registry keeps: registries, schemas, versions. And the limits that Glue sets.

Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from lakeworks.catalog.schema_registry.errors import RegistryLimitError

if TYPE_CHECKING:
    from datetime import datetime

DEFAULT_REGISTRY = "default-registry"
DataFormat = Literal["AVRO", "JSON", "PROTOBUF"]
Compatibility = Literal[
    "NONE", "DISABLED", "BACKWARD", "BACKWARD_ALL", "FORWARD", "FORWARD_ALL", "FULL", "FULL_ALL"
]
Version = int | Literal["latest"]
DATA_FORMATS: tuple[DataFormat, ...] = get_args(DataFormat)
COMPATIBILITIES: tuple[Compatibility, ...] = get_args(Compatibility)

MOST_DEFINITION_CHARACTERS = 170_000
MOST_DESCRIPTION_CHARACTERS = 2_048
MOST_METADATA = 10
_NAME = re.compile(r"[A-Za-z0-9\-_$#.]{1,255}")
_METADATA_KEY = re.compile(r"[A-Za-z0-9+\-=._/@]{1,128}")
_METADATA_VALUE = re.compile(r"[A-Za-z0-9+\-=._/@]{1,256}")


@dataclass(frozen=True, slots=True)
class Registry:
    """A registry: a set of schemas with names of their own."""

    name: str
    description: str
    created_at: datetime
    updated_at: datetime
    status: str = "AVAILABLE"


@dataclass(frozen=True, slots=True)
class SchemaEntry:
    """A schema: a name, a format, a compatibility mode, and versions.

    Attributes:
        checkpoint: The version from which the `_ALL` modes compare a new one; 0 before the
            first version.
        latest: The number of its newest version; 0 without any.
        next: The number that the next version gets.
    """

    registry: str
    name: str
    description: str
    data_format: DataFormat
    compatibility: Compatibility
    checkpoint: int
    latest: int
    next: int
    created_at: datetime
    updated_at: datetime
    status: str = "AVAILABLE"


@dataclass(frozen=True, slots=True)
class SchemaVersion:
    """One version of a schema.

    Attributes:
        version_id: The UUID that Glue's header carries.
        number: 1 for the first; numbers of deleted versions are not given again.
        serial: The number that Confluent's header carries; one for all registries.
        status: AVAILABLE: a version that is not never enters.
    """

    registry: str
    schema: str
    number: int
    version_id: str
    serial: int
    data_format: DataFormat
    definition: str
    status: str
    created_at: datetime

    @property
    def title(self) -> str:
        """The version as messages name it."""
        return f"schema {self.schema!r} version {self.number}"


def checked_name(what: str, name: str) -> str:
    """Return a name that Glue takes too.

    Raises:
        RegistryLimitError: it does not.
    """
    if not _NAME.fullmatch(name):
        raise RegistryLimitError.name(what, name, "A-Z a-z 0-9 - _ $ # .")
    return name


def checked_definition(definition: str) -> str:
    """Return a definition of bearable length.

    Raises:
        RegistryLimitError: it is too long.
    """
    if len(definition) > MOST_DEFINITION_CHARACTERS:
        raise RegistryLimitError.long("definition", len(definition), MOST_DEFINITION_CHARACTERS)
    return definition


def checked_description(description: str) -> str:
    """Return a description of bearable length.

    Raises:
        RegistryLimitError: it is too long.
    """
    if len(description) > MOST_DESCRIPTION_CHARACTERS:
        raise RegistryLimitError.long(
            "description", len(description), MOST_DESCRIPTION_CHARACTERS
        )
    return description


def checked_format(given: str) -> DataFormat:
    """Return a data format, in any case as it was written.

    Raises:
        RegistryLimitError: there is no such format.
    """
    for known in DATA_FORMATS:
        if given.upper() == known:
            return known
    raise RegistryLimitError.choice("data format", given, DATA_FORMATS)


def checked_mode(given: str) -> Compatibility:
    """Return a compatibility mode, in any case as it was written.

    Raises:
        RegistryLimitError: there is no such mode.
    """
    for known in COMPATIBILITIES:
        if given.upper() == known:
            return known
    raise RegistryLimitError.choice("compatibility", given, COMPATIBILITIES)


def checked_pair(key: str, value: str) -> tuple[str, str]:
    """Return a metadata pair that Glue takes too.

    Raises:
        RegistryLimitError: it does not.
    """
    allowed = "A-Z a-z 0-9 + - = . _ / @"
    if not _METADATA_KEY.fullmatch(key):
        raise RegistryLimitError.name("metadata key", key, f"{allowed} (keys: at most 128)")
    if not _METADATA_VALUE.fullmatch(value):
        raise RegistryLimitError.name("metadata value", value, f"{allowed} (at most 256)")
    return key, value


def version_range(written: str | int) -> tuple[int, int]:
    """Return the first and last number of `3` or `3-5`.

    Raises:
        RegistryLimitError: it is neither.
    """
    found = re.fullmatch(r"\s*([1-9]\d{0,8})\s*(?:-\s*([1-9]\d{0,8})\s*)?", str(written))
    if not found:
        raise RegistryLimitError.versions(str(written))
    first, last = int(found[1]), int(found[2] or found[1])
    if last < first:
        raise RegistryLimitError.versions(str(written))
    return first, last
