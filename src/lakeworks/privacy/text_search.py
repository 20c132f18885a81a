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

from lakeworks.privacy.records import Records, rewritten

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lakeworks.privacy.records import Path, Verdict

ERASED = "[erased]"
_BEFORE = r"(?<![\w@+\-])(?<!\w\.)"
_AFTER = r"(?![\w@+\-]|\.\w)"
_STARTS, _STOPS = re.compile(_BEFORE), re.compile(_AFTER)
_MOST_PARTS = 12
_LEAST_LETTERS = 2
_LEAST_DIGITS = 6
_RUN = re.compile(r"[0-9A-Za-z]+")


def is_telling(value: str) -> bool:
    """Whether a value names somebody wherever it stands, as a short number does not."""
    plain = value.strip()
    if re.fullmatch(r"[\d.,:\s+-]*", plain):
        return sum(c.isdigit() for c in plain) >= _LEAST_DIGITS
    return sum(c.isalnum() for c in plain) > _LEAST_LETTERS


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


def candidates(text: str) -> Iterator[str]:
    """Yield each part of a text that could be a telling value which stands in it as a word.

    A part has at most so many words, which is what an address or a name has.
    """
    ends = [at for at in range(1, len(text) + 1) if _is_end(text, at)]
    first = 0
    for begin in range(len(text)):
        while first < len(ends) and ends[first] <= begin:
            first += 1
        if _is_begin(text, begin):
            for end in ends[first : first + _MOST_PARTS]:
                if is_telling(text[begin:end]):
                    yield text[begin:end]


def _is_begin(text: str, at: int) -> bool:
    return not text[at].isspace() and _STARTS.match(text, at) is not None


def _is_end(text: str, at: int) -> bool:
    return not text[at - 1].isspace() and _STOPS.match(text, at) is not None


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
        by_name: Lower-cased names to values, wherever in a record they stand.
        words: What counts in text that is no JSON.
        by_path: Values by the whole path of a name that says nothing by itself, such as `id`.
    """

    by_name: Mapping[str, frozenset[str]]
    words: Words
    by_path: Mapping[Path, frozenset[str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.by_name or self.by_path)

    def at(self, path: Path) -> frozenset[str] | None:
        """Return the values that name the subject at a path of names."""
        found = self.by_path.get(path)
        return self.by_name.get(path[-1]) if found is None and path else found

    @cached_property
    def needles(self) -> tuple[str, ...]:
        """Texts without one of which no record is the subject's."""
        told = (*self.by_name.values(), *self.by_path.values())
        keyed = {value for values in told for value in values}
        return needles(keyed | self.words.telling)

    @cached_property
    def records(self) -> Records:
        """Judges records by these names."""
        return Records(self.at)

    def owns(self, record: Any) -> bool:  # noqa: ANN401 - JSON
        """Whether all of a record is the subject's."""
        return self.records.judged(record) == "owned"

    def owns_text(self, text: str) -> bool:
        """Whether all of a text is the subject's: JSON by its keys, other text by its words."""
        return self.judged_text(text)[0] == "owned"

    def judged_words(self, text: str) -> tuple[Verdict, str]:
        """Return whether a text that is no JSON is the subject's."""
        return ("owned" if self.words.within(text) else ""), text

    def judged_text(self, text: str) -> tuple[Verdict, str]:
        """Return how much of a text is the subject's, and the text without that.

        Only a record that has elements of the subject's is another text then.
        """
        try:
            record = json.loads(text)
        except ValueError:
            record = None
        if not isinstance(record, dict | list):
            return self.judged_words(text)
        # The elements of an array have no name: each is a record.
        found = self.records.judged(record)
        if found != "divided":
            return found, text
        return found, rewritten(text, self.records.without)

    def elements_of_text(self, text: str) -> str | None:
        """Return nothing of a text but the elements that are the subject's; None without any."""
        divided = self.judged_text(text)[0] == "divided"
        return rewritten(text, self.records.only) if divided else None
