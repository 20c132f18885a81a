"""Keep what was found in a project's files, so that an unchanged file is not parsed again.

A cache of derived facts in one file under `.lake/cache`: it may be deleted at any time, is
ignored when it is damaged or from another version, and holds nothing that may be secret.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import secrets
import sys
from pathlib import Path
from typing import Any

CACHE_FILE = Path(".lake", "cache", "project.facts")
LINEAGE_FILE = Path(".lake", "cache", "lineage.facts")


class FactsCache:
    """Facts of files by their path and the SHA-256 of their text."""

    def __init__(self, root: Path, file: Path = CACHE_FILE) -> None:
        self.path = root / file
        self.stamp = _stamp(root)
        self.old = self._read()
        self.new: dict[str, list[Any]] = {}

    def get(self, file: str, sha256: str) -> Any:  # noqa: ANN401 - JSON
        """Return the facts kept of this very text, or None."""
        entry = self.old.get(file)
        if entry is None or entry[0] != sha256:
            return None
        self.new[file] = entry
        return entry[1]

    def put(self, file: str, sha256: str, facts: Any) -> None:  # noqa: ANN401
        """Keep the facts of a file without mistakes."""
        self.new[file] = [sha256, facts]

    def save(self) -> None:
        """Write the facts of this load's files if they differ from what was kept.

        A folder that cannot be written costs time at the next load, not this one.
        """
        if self.new == self.old:
            return
        body = json.dumps(self.new, separators=(",", ":"))
        scratch = self.path.with_name(f"{self.path.name}-{secrets.token_hex(4)}.tmp")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            scratch.write_text(f"{self.stamp} {sha256_of(body)}\n{body}", encoding="utf-8")
            scratch.replace(self.path)
        except (OSError, ValueError):
            with contextlib.suppress(OSError):
                scratch.unlink(missing_ok=True)

    def _read(self) -> dict[str, Any]:
        try:
            head, _, body = self.path.read_text(encoding="utf-8").partition("\n")
        except (OSError, ValueError):
            return {}
        # With the digest right, the facts are as they were written: nobody checks them again.
        if head != f"{self.stamp} {sha256_of(body)}":
            return {}
        files: dict[str, Any] = json.loads(body)
        return files


def sha256_of(text: str) -> str:
    """Return the SHA-256 of a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _stamp(root: Path) -> str:
    """Identify what made the facts: this package's code, sqlglot, and where the project is.

    Sizes and times of files stand for versions: asking a package for its version costs more
    than loading a small project.
    """
    parts = [str(root), sys.version]
    with os.scandir(Path(__file__).parent) as entries:
        parts += sorted(
            f"{entry.name}:{entry.stat().st_size}:{entry.stat().st_mtime_ns}"
            for entry in entries
            if entry.name.endswith(".py")
        )
    spec = importlib.util.find_spec("sqlglot")
    if spec is not None and spec.origin is not None:
        facts = Path(spec.origin).with_name("_version.py")
        with contextlib.suppress(OSError):
            parts.append(f"{facts}:{facts.stat().st_size}:{facts.stat().st_mtime_ns}")
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
