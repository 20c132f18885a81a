"""Snapshots, runs, locks and the ledger of files: what the lake remembers about itself."""
