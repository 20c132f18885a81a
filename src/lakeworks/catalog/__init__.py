"""Snapshots, runs, locks and the ledger of files: what the lake remembers about itself."""

from __future__ import annotations

from lakeworks.catalog.ledger import LedgerEntry
from lakeworks.catalog.store import Catalog, Head, Run, Snapshot

__all__ = ["Catalog", "Head", "LedgerEntry", "Run", "Snapshot"]
