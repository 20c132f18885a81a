"""Keep what was found in a project's files, so that an unchanged file is not parsed again.

A cache of derived facts in one JSON file under `.lake/cache`: it may be deleted at any time, is
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

CACHE_FILE = Path(".lake", "cache", "project.json")


class FactsCache:
    """Facts of files by their path and the SHA-256 of their text."""

    def __init__(self, root: Path) -> None:
        self.path = root / CACHE_FILE
        self.stamp = _stamp(root)
        self.old = self._read()
        self.new: dict[str, list[Any]] = {}

    def get(self, file: str, sha256: str) -> Any:  # noqa: ANN401 - JSON
        """Return the facts kept of this very text, or None."""
        entry = self.old.get(file)
        if not isinstance(entry, list) or len(entry) != 2 or entry[0] != sha256:  # noqa: PLR2004
            return None
        self.new[file] = entry
        return entry[1]

    def put(self, file: str, sha256: str, facts: Any) -> None:  # noqa: ANN401
        """Keep the facts of a file without mistakes."""
        self.new[file] = [sha256, facts]

    def forget(self) -> None:
        """Drop everything: what was kept did not fit together."""
        self.old, self.new = {}, {}

    def save(self) -> None:
        """Write the facts of this load's files if they differ from what was kept.

        A folder that cannot be written costs time at the next load, not this one.
        """
        if self.new == self.old:
            return
        scratch = self.path.with_name(f"project-{secrets.token_hex(4)}.tmp")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps({"stamp": self.stamp, "files": self.new}, separators=(",", ":"))
            scratch.write_text(text, encoding="utf-8")
            scratch.replace(self.path)
        except (OSError, ValueError):
            with contextlib.suppress(OSError):
                scratch.unlink(missing_ok=True)

    def _read(self) -> dict[str, Any]:
        try:
            kept = json.loads(self.path.read_bytes())
        except (OSError, ValueError, RecursionError):
            return {}
        if not isinstance(kept, dict) or kept.get("stamp") != self.stamp:
            return {}
        files = kept.get("files")
        return files if isinstance(files, dict) else {}


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
