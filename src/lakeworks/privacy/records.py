"""What of one record is a person's: all of it, some elements of its lists, or nothing. Pure.

A record is the person's if it names the person itself, be it in a field of a field. Where only
elements of a list do, these are; and the record, too, if it then names nobody. Whatever a text of
JSON within a record says, its record says.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Verdict = Literal["owned", "divided", ""]
Place = Literal["own", "list", "text"]
_Named = tuple[bool, bool]
Path = tuple[str, ...]
# How a record, or a list of some, begins; also as Arrow reads patterns.
JSON_BEGINS = r"^\s*[\[{]"
BEGINS = re.compile(JSON_BEGINS)


@dataclass(frozen=True)
class Records:
    """Judges records: dicts, lists and values, as JSON, Avro and Arrow give them.

    Attributes:
        wanted: The person's values at a path of names, in lower case; None where the path names
            nobody. Lists and maps have no part in it.
    """

    wanted: Callable[[Path], frozenset[str] | None]

    def judged(self, record: Any) -> Verdict:  # noqa: ANN401 - any plain value
        """Return how much of a record is the person's."""
        hit = others = False
        for mine, in_list in self._names(record, ()):
            if mine and not in_list:
                return "owned"
            hit, others = hit or mine, others or not mine
        return ("divided" if others else "owned") if hit else ""

    def without(self, value: Any, path: Path = ()) -> Any:  # noqa: ANN401 - any plain value
        """Return a record without the elements that are the person's."""
        if isinstance(value, tuple):
            return (value[0], self.without(value[1], path))  # of a map, or of a union of Avro
        if isinstance(value, dict):
            return {key: self.without(one, _below(path, key)) for key, one in value.items()}
        if isinstance(value, list):
            return [self.without(one, path) for one in value if not self._is_theirs(one, path)]
        return value

    def only(self, value: Any, path: Path = ()) -> Any:  # noqa: ANN401 - any plain value
        """Return nothing of a record but the elements that are the person's."""
        if isinstance(value, tuple):
            return (value[0], self.only(value[1], path))
        if isinstance(value, dict):
            return {key: self.only(one, _below(path, key)) for key, one in value.items()}
        if not isinstance(value, list):
            return None
        return [
            one if self._is_theirs(one, path) else self.only(one, path)
            for one in value
            if any(mine for mine, _ in self._names(one, path))
        ]

    def _is_theirs(self, element: Any, path: Path) -> bool:  # noqa: ANN401 - any plain value
        return any(mine and not in_list for mine, in_list in self._names(element, path))

    def _names(self, value: Any, path: Path, place: Place = "own") -> Iterator[_Named]:  # noqa: ANN401 - any plain value
        """Yield of each value that names somebody: whether it is the person, and in a list."""
        if isinstance(value, dict):
            for key, one in value.items():
                if one is not None:
                    yield from self._names(one, _below(path, key), place)
        elif isinstance(value, list):
            for one in value:
                inside = "list" if place == "own" and not isinstance(one, tuple) else place
                yield from self._names(one, path, inside)
        elif isinstance(value, tuple):
            yield from self._names(value[1], path, place)
        elif value is not None:
            yield from self._named(value, path, place)

    def _named(self, value: Any, path: Path, place: Place) -> Iterator[_Named]:  # noqa: ANN401 - any plain value
        wanted = self.wanted(path)
        if wanted is not None:
            texts = {one for one in _texts(value) if one}
            if texts:
                yield not texts.isdisjoint(wanted), place == "list"
        if isinstance(value, str) and BEGINS.match(value):
            # Of a text all is the record's.
            inner: Place = "text" if place == "own" else place
            yield from self._names(_parsed(value), path, inner)


def rewritten(text: str, change: Callable[[Any], Any]) -> str:
    """Return a text of JSON after a change; numbers stay as they were written."""
    mark = uuid4().hex  # stands around each number, and in no text
    record = json.loads(text, parse_float=lambda number: f"{mark}{number}{mark}")
    made = json.dumps(change(record), ensure_ascii=False)
    # Half a pair, as \ud800 alone, is in no UTF-8: it stays escaped.
    made = made.encode("utf-8", "backslashreplace").decode()
    return made.replace(f'"{mark}', "").replace(f'{mark}"', "")


def _below(path: Path, key: object) -> Path:
    return (*path, str(key).strip().lower())


def _parsed(text: str) -> Any:  # noqa: ANN401 - JSON
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict | list) else None


def text_of(value: object) -> str | None:
    """Return a value as the engines' cast to text writes it, for what identifies persons."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)


def _texts(value: object) -> set[str]:
    """Return a value as engines and people write it."""
    text = text_of(value) or ""
    found = {text, text.strip()}
    if isinstance(value, float) and value.is_integer():
        found.add(str(int(value)))
    return found
