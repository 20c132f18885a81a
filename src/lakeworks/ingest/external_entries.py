"""Make the data catalog's entries of the external tables that a project declares."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from lakeworks.catalog.data_catalog.file_formats import described_as
from lakeworks.catalog.data_catalog.formats import FORMATS
from lakeworks.catalog.data_catalog.model import (
    Column,
    StorageDescriptor,
    TableEntry,
    with_tags,
)
from lakeworks.catalog.data_catalog.projection import ENABLED, TEMPLATE
from lakeworks.storage.external import ReadOptions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lakeworks.core.types import Schema
    from lakeworks.project.external_declaration import DeclaredColumn, ExternalTable

# What an entry was made of; an equal declaration needs no second look at files.
DECLARED = "lakeworks.declared"
# Tables whose partitions are looked for in their folders.
DISCOVERED = "lakeworks.partitions"


def fingerprint(declared: ExternalTable) -> str:
    """Return what changes with a declaration."""
    facts = asdict(declared) | {"at": None}
    text = json.dumps(facts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def entry_of(declared: ExternalTable, held: Schema | None = None) -> TableEntry:
    """Return the entry of a declared table.

    Args:
        declared: The table.
        held: The columns in its files, where the declaration does not say them.
    """
    options = read_options(declared)
    kind, serde, parameters = described_as(declared.format, options)
    form = FORMATS[kind]
    parameters |= {"EXTERNAL": "TRUE", DECLARED: fingerprint(declared)}
    if declared.projection:
        parameters[ENABLED] = "true"
        parameters |= {f"projection.{key}": text for key, text in declared.projection.items()}
        if declared.location_template:
            parameters[TEMPLATE] = declared.location_template
    elif declared.partitions:
        parameters[DISCOVERED] = "discovered"
    columns = tuple(_columns(declared.columns))
    if not columns and held is not None:
        keys = {one.name.lower() for one in declared.partitions}
        columns = tuple(Column(f.name, str(f.type)) for f in held if f.name not in keys)
    return TableEntry(
        declared.table,
        description=declared.description,
        owner=declared.owner,
        storage=StorageDescriptor(
            columns=columns,
            location=declared.location,
            input_format=form.input_format,
            output_format=form.output_format,
            serde=form.serde(serde),
        ),
        partition_keys=tuple(_columns(declared.partitions)),
        parameters=with_tags(parameters | dict(declared.parameters), declared.tags),
    )


def read_options(declared: ExternalTable) -> ReadOptions:
    """Return how the rows of a declared table are written."""
    given = dict(declared.options)
    if given.get("case_sensitive"):
        # The catalog's names are in lower case.
        own = {one.name.lower(): one.name for one in declared.columns}
        spelt = {name: key for name, key in own.items() if name != key}
        given["keys"] = spelt | dict(given.get("keys", {}))
    if declared.format == "log" and given.get("pattern") in {"common", "combined"}:
        given.setdefault("null_text", "-")
    return ReadOptions(**given)


def _columns(declared: Iterable[DeclaredColumn]) -> Iterable[Column]:
    for one in declared:
        yield Column(one.name.lower(), one.type, one.description, with_tags({}, one.tags))
