"""JSON Schema: definitions, which documents one takes that another takes, records."""

from __future__ import annotations
