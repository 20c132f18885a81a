"""Whether a text names one of some values: as a whole word, or in JSON under the right key.

Pure. `C-17` is in `see C-17.` and not in `C-170`, `XC-17` or `x@C-17.example`. A number of few
digits is no name in free text, where it may count anything: only keys and columns tell.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ERASED = "[erased]"
_BEFORE = r"(?<![\w@+\-])(?<!\w\.)"
_AFTER = r"(?![\w@+\-]|\.\w)"
_LEAST_LETTERS = 2
_LEAST_DIGITS = 6
_RUN = re.compile(r"[0-9A-Za-z]+")


def is_telling(value: str) -> bool:
    """Whether a value names somebody wherever it stands, as a short number does not."""
    plain = value.strip()
    if re.fullmatch(r"[\d.,:\s+-]*", plain):
        return sum(c.isdigit() for c in plain) >= _LEAST_DIGITS
    return sum(c.isalnum() for c in plain) > _LEAST_LETTERS


def text_of(value: object) -> str | None:
    """Return a value as the engines' cast to text writes it, for what identifies persons."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)


@dataclass(frozen=True)
class Words:
    """Values that are looked for in free text: those of them that tell."""

    values: frozenset[str]
    telling: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "telling", frozenset(v.strip() for v in self.values if is_telling(v))
        )

    @cached_property
    def pattern(self) -> re.Pattern[str] | None:
        """What finds any of them, or None where there is none."""
        spelled = {form for value in self.telling for form in _spellings(value)}
        if not spelled:
            return None
        listed = "|".join(re.escape(one) for one in sorted(spelled, key=len, reverse=True))
        return re.compile(f"{_BEFORE}(?:{listed}){_AFTER}")

    @cached_property
    def needles(self) -> tuple[str, ...]:
        """Texts without one of which none of the values is there, however it is escaped."""
        return needles(self.telling)

    def within(self, text: str) -> bool:
        """Whether a text names one of the values."""
        return self.pattern is not None and self.pattern.search(text) is not None

    def out_of(self, text: str) -> str:
        """Return a text in which none of them stands any more."""
        return text if self.pattern is None else self.pattern.sub(ERASED, text)


def needles(values: Iterable[str]) -> tuple[str, ...]:
    """Return for each value its longest plain part: empty for one that has none."""
    found = {max(_RUN.findall(value), key=len, default="") for value in values}
    return ("",) if "" in found else tuple(sorted(found))


def _spellings(value: str) -> set[str]:
    """Return a value as it is, and as JSON, SQL and the JSON in JSON write it."""
    once = json.dumps(value)[1:-1]
    raw = json.dumps(value, ensure_ascii=False)[1:-1]
    return {value, once, raw, json.dumps(once)[1:-1], value.replace("'", "''")}


@dataclass(frozen=True)
class Keys:
    """Values by the name of the field or column under which they stand.

    Attributes:
        by_name: Lower-cased names to values.
        words: What counts in text that is no JSON.
    """

    by_name: Mapping[str, frozenset[str]]
    words: Words

    @cached_property
    def needles(self) -> tuple[str, ...]:
        """Texts without one of which no record is the subject's."""
        keyed = {value for values in self.by_name.values() for value in values}
        return needles(keyed | self.words.telling)

    def owns(self, record: Any) -> bool:  # noqa: ANN401 - JSON
        """Whether a record has one of the values under its name, however deep."""
        if isinstance(record, dict):
            return any(self._is(name, one) or self.owns(one) for name, one in record.items())
        if isinstance(record, list):
            return any(self.owns(one) for one in record)
        if isinstance(record, str) and record[:1] in "{[" and len(record) > 1:
            return self.owns_text(record, strictly=True)
        return False

    def owns_text(self, text: str, *, strictly: bool = False) -> bool:
        """Whether a text is the subject's: JSON by its keys, other text by its words.

        Args:
            strictly: Only JSON counts.
        """
        try:
            record = json.loads(text)
        except ValueError:
            return not strictly and self.words.within(text)
        if not isinstance(record, dict | list):
            return not strictly and self.words.within(text)
        return self.owns(record)

    def _is(self, name: object, value: object) -> bool:
        wanted = self.by_name.get(str(name).strip().lower())
        if wanted is None or isinstance(value, dict | list):
            return False
        text = text_of(value)
        return text is not None and (text in wanted or text.strip() in wanted)
