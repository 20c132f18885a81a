"""What of an audit entry is words, which may quote anybody, and what is fact.

Pure. The chain holds the facts: who, when, which tables and columns, how many rows. What somebody
wrote, such as SQL, lies beside it; the chain holds a digest of it, made with a salt that lies with
the words. So words can be taken away with the chain unbroken: of the digest alone nobody can tell
what they were, and words that are there cannot be other ones.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

DIGEST = "words_sha256"
"""In the body of an entry that has words: their digest."""
ERASED = "words_of"
"""In the body of an erasure: the numbers of the entries whose words it took."""
ERASURE = "erasure"
# What is not here is words, as long as it is no number: whoever adds a text decides that it is none.
FACTS = frozenset({
    DIGEST, ERASED, "action", "before", "columns", "erasure", "error", "file", "files",
    "identified_by", "os_user", "permissions", "policy_version", "query_id", "resource", "rule",
    "state", "statement", "subject_hash", "table", "tables", "tag", "target", "to", "value", "view",
    "views",
})  # fmt: skip
_RANGES = re.compile(r"\d{1,18}(-\d{1,18})?(,\d{1,18}(-\d{1,18})?)*")


def canonical(body: Mapping[str, Any]) -> str:
    """Return the one text of plain values."""
    return json.dumps(
        body, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str
    )


def divided(body: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the facts of an entry, and its words."""
    facts: dict[str, Any] = {}
    words: dict[str, Any] = {}
    for key, value in body.items():
        is_fact = key in FACTS or not value or isinstance(value, int | float)
        (facts if is_fact else words)[key] = value
    return facts, words


def new_salt() -> str:
    """Return a salt that nobody can guess."""
    return secrets.token_hex(16)


def digest(salt: object, words: object) -> str:
    """Return what the chain holds of words."""
    # JSON keeps the parts apart, whatever kind of value a changed row holds.
    return hashlib.sha256(json.dumps([salt, words], default=repr).encode()).hexdigest()


def digest_in(body: object) -> str:
    """Return the digest that the text of a body holds; empty for an entry without words."""
    if not isinstance(body, str) or DIGEST not in body:
        return ""
    return str(_plain(body).get(DIGEST, ""))


def erased_by(kind: object, body: object) -> str:
    """Return which entries' words an entry took, as `as_ranges` writes it; else empty."""
    if kind != ERASURE or not isinstance(body, str) or ERASED not in body:
        return ""
    return str(_plain(body).get(ERASED, ""))


def is_named(text: str, holds: Callable[[str], bool]) -> bool:
    """Whether a test is true of any text in some JSON, as it reads without its escapes."""
    try:
        return any(holds(one) for one in _texts(json.loads(text)))
    except ValueError:
        return holds(text)


def is_undivided(body: str) -> bool:
    """Whether an entry is from before words were kept apart: its body has them."""
    found = _plain(body)
    return DIGEST not in found and bool(divided(found)[1])


def as_ranges(numbers: Iterable[int]) -> str:
    """Return numbers in order, as `3,7-9`."""
    found: list[list[int]] = []
    for number in sorted(set(numbers)):
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ",".join(f"{a}" if a == b else f"{a}-{b}" for a, b in found)


def ranges(text: str) -> list[tuple[int, int]] | None:
    """Read what `as_ranges` wrote; None where it is something else."""
    if not _RANGES.fullmatch(text):
        return None
    parts = (one.partition("-") for one in text.split(","))
    return [(int(a), int(b or a)) for a, _, b in parts]


def _plain(body: str) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _texts(value: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif value is not None:
        yield str(value)
