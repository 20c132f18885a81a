"""Keep secrets out of whatever is told: errors, logs, events, records.

Whoever comes to know a secret hands it to `hide`; whoever writes text that others read passes it
through `scrubbed`. Errors, events and log records do so by themselves. A secret is found in the
forms in which programs quote it, too: encoded for a URL, for JSON, for SQL, in hexadecimal digits, in
base64, there also as a part of something longer, such as a header of HTTP with user and password.

Short and common words cannot be told from ordinary text: `test` as a password would black out
every test. They are hidden only where text looks like a credential (`user:test@host`,
`password=test`), words of letters alone only where they stand alone.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Mapping
from typing import Any

HIDDEN = "***"
SHORTEST = 6
"""Shorter secrets are hidden only where text looks like a credential."""
VARIABLES = ("LAKEWORKS_MASK_SALT", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "PGPASSWORD")
_WORD = 12
_LINE = 16
_MOST = 2_000
_TOKEN = re.compile(r"lw_[0-9a-f]{16}_[0-9A-Za-z_-]{43}")
_PERCENT = re.compile(r"%[0-9A-F]{2}")
_ANNOUNCED = r"(?i:password|passwd|pwd|secret|secret_access_key|token|api_key|key)"

_lock = threading.Lock()
_hidden: dict[str, None] = {}
_pattern: re.Pattern[str] | None = None
_logging_scrubbed = False


def hide(*secrets: str) -> None:
    """Keep these values out of everything that is told from now on; empty ones are ignored."""
    new = [value for value in secrets if value and value not in _hidden]
    if not new:
        return
    with _lock:
        for value in new:
            _hidden[value] = None
        while len(_hidden) > _MOST:  # of a service whose secrets are replaced for years
            del _hidden[next(iter(_hidden))]
        _compile()
        _scrub_logging()


def hide_environment() -> None:
    """Hide the values of variables that hold secrets by their very meaning, whoever reads them."""
    hide(*(os.environ.get(name, "") for name in VARIABLES))


def is_short(secret: str) -> bool:
    """Whether a secret is too short to be found wherever it stands."""
    return len(secret) < SHORTEST


def scrubbed(text: str) -> str:
    """Return a text with `***` in place of every secret."""
    if "lw_" in text:
        text = _TOKEN.sub(HIDDEN, text)
    return text if _pattern is None else _pattern.sub(_replaced, text)


def scrubbed_value(value: Any) -> Any:  # noqa: ANN401 - any plain value
    """Return a plain value with `***` in place of every secret in the texts that it holds."""
    if isinstance(value, str):
        return scrubbed(value)
    if isinstance(value, Mapping):
        return {key: scrubbed_value(one) for key, one in value.items()}
    if type(value) in {list, tuple}:
        return type(value)(scrubbed_value(one) for one in value)
    return value


def _replaced(match: re.Match[str]) -> str:
    # What announces a credential stays; the credential itself goes.
    return (match.group("before") or "") + HIDDEN


def _compile() -> None:
    global _pattern  # noqa: PLW0603 - one set of secrets a process
    anywhere: set[str] = set()
    alone: set[str] = set()
    announced: set[str] = set()
    for value in _hidden:
        if is_short(value):
            announced.update(_forms(value))
        elif value.isalpha() and len(value) < _WORD:
            alone.update(_forms(value))
        else:
            anywhere.update(_forms(value))
            # Of a key of many lines, tools quote single ones.
            anywhere.update(one for one in value.split("\n") if len(one) >= _LINE)
        if not is_short(value):
            anywhere.update(_packed(value))
    parts = []
    if anywhere:
        parts.append(f"(?:{_either(anywhere)})")
    if alone:
        parts.append(rf"(?<![A-Za-z0-9])(?:{_either(alone)})(?![A-Za-z0-9])")
    before = ""
    if announced:
        before = (
            rf"(?P<before>{_ANNOUNCED}[\"']?\s*[:=]\s*[\"']?|://[^\s/@:]*:)"
            rf"(?:{_either(announced)})(?![A-Za-z0-9])"
        )
        parts.append(before)
    else:
        parts.append(r"(?P<before>(?!))")
    _pattern = re.compile("|".join(parts))


def _either(forms: set[str]) -> str:
    # The longest first: a secret may begin with another.
    return "|".join(re.escape(form) for form in sorted(forms, key=lambda one: (-len(one), one)))


def _forms(value: str) -> set[str]:
    import json
    from urllib.parse import quote, quote_plus

    quoted = {quote(value, safe=""), quote(value), quote_plus(value)}
    return {
        value,
        value.strip(),
        *quoted,
        *(_PERCENT.sub(lambda found: found[0].lower(), one) for one in quoted),
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        repr(value)[1:-1],
        value.replace("'", "''"),
    } - {""}


def _packed(value: str) -> set[str]:
    """Return a secret in hexadecimal digits, and what base64 makes of it wherever it stands."""
    from base64 import b64encode

    raw = value.encode()
    found = {raw.hex(), raw.hex().upper()}
    for before in range(3):
        # Characters at the ends hold bits of what stands beside it.
        first, last = (before * 8 + 5) // 6, (before + len(raw)) * 8 // 6
        plain = b64encode(bytes(before) + raw).decode()[first:last]
        found |= {plain, plain.replace("+", "-").replace("/", "_")}
    return found


def _scrub_logging() -> None:
    """Scrub every log record of the process: any library may log what it was given."""
    global _logging_scrubbed  # noqa: PLW0603
    if _logging_scrubbed:
        return
    _logging_scrubbed = True
    before = logging.getLogRecordFactory()
    written = logging.Formatter()

    def made(*args: Any, **values: Any) -> logging.LogRecord:  # noqa: ANN401 - logging's own
        record = before(*args, **values)
        try:
            told = record.getMessage()
        except (TypeError, ValueError, KeyError):
            return record  # logging itself tells of it
        clean = scrubbed(told)
        if clean != told:
            record.msg, record.args = clean, None
        if record.exc_info and record.exc_info[0] is not None:
            record.exc_text = scrubbed(written.formatException(record.exc_info))
        return record

    logging.setLogRecordFactory(made)
