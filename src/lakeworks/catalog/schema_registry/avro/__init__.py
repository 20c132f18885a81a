"""Avro: definitions, resolution of a writer's schema by a reader's, records."""

from __future__ import annotations
