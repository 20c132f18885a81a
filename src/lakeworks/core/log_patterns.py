"""The log formats that have names: Apache's common and combined. Pure data."""

from __future__ import annotations

_COMMON = (
    r"^(?P<host>\S+) (?P<identity>\S+) (?P<user>\S+) \[(?P<time>[^\]]+)\] "
    r'"(?P<request>(?:[^"\\]|\\.)*)" (?P<status>\d{3}|-) (?P<bytes>\d+|-)'
)
_COMBINED = (
    _COMMON + r'(?: "(?P<referer>(?:[^"\\]|\\.)*)" "(?P<user_agent>(?:[^"\\]|\\.)*)")?\s*$'
)
PATTERNS = {"common": _COMMON + r"\s*$", "combined": _COMBINED}
# The columns whose values are no text.
TYPES = {"time": "timestamp", "status": "int", "bytes": "bigint"}
