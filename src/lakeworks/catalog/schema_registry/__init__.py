"""Schemas of records: named, versioned, held to a compatibility, and used to check records."""

from __future__ import annotations

from lakeworks.catalog.schema_registry.compatibility import CompatibilityReport
from lakeworks.catalog.schema_registry.entries import (
    DEFAULT_REGISTRY,
    Registry,
    SchemaEntry,
    SchemaVersion,
)
from lakeworks.catalog.schema_registry.registry import SchemaRegistry, Validity
from lakeworks.catalog.schema_registry.violations import Break, Violation

__all__ = [
    "DEFAULT_REGISTRY",
    "Break",
    "CompatibilityReport",
    "Registry",
    "SchemaEntry",
    "SchemaRegistry",
    "SchemaVersion",
    "Validity",
    "Violation",
]
