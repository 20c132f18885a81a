"""Protocol Buffers: definitions, what may change on the wire, records."""

from __future__ import annotations
