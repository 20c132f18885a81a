"""Keep long JSON short in the catalog: what repeats itself is packed."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

_PACKED_FROM = 2_000


def packed(value: object) -> str:
    """Return `value` as JSON text, packed where it is long.

    A report repeats itself for every step: ten thousand runs of a hundred steps would take
    half a gigabyte as they are.
    """
    text = json.dumps(value, default=str)
    if len(text) < _PACKED_FROM:
        return text
    return base64.b64encode(zlib.compress(text.encode())).decode()


def unpacked(text: str) -> Any:  # noqa: ANN401 - whatever was packed
    """Return what `packed` made a text of."""
    if not text.startswith(("{", "[")):
        text = zlib.decompress(base64.b64decode(text)).decode()
    return json.loads(text)
