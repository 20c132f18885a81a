"""Read amounts of bytes as users write them: `3GB`, `1.5 GiB`, `500 MB`. Pure."""

from __future__ import annotations

import re

_SIZE = re.compile(r"(\d{1,15})(?:\.(\d{1,3}))?\s*([kmgt]i?b|b)?", re.IGNORECASE)
_UNITS = {
    "b": 1,
    **{unit + "b": 1000**power for power, unit in enumerate("kmgt", start=1)},
    **{unit + "ib": 1024**power for power, unit in enumerate("kmgt", start=1)},
}


def size_bytes(text: str) -> int | None:
    """Return how many bytes a text names, or None where it names none, or nothing."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        return None
    whole, part, unit = found.groups()
    factor = _UNITS[(unit or "b").lower()]
    return int(whole) * factor + int(part or 0) * factor // 10 ** len(part or "") or None
