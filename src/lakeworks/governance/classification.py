"""Which columns hold personal data: the name's hint times the share of values that are valid.

Pure: it looks at a sample of distinct values and gives suggestions with their evidence; the evidence
shows the form of values, never a value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from lakeworks.governance import pii_values as values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

SAMPLE_ROWS = 5_000
_MOST_VALUES = 2_000
_EXAMPLES = 2
_SURE = 0.6
_LEAST_VALUES = 3
_HINTED_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One column that seems to hold personal data.

    Attributes:
        column: The column; of a nested one, the outermost.
        path: Where in it, for a nested column.
        kind: `email`, `phone`, …: the value for the tag `pii`.
        share: Of the distinct values looked at, how many are valid, 0 to 1.
        confidence: How sure that makes it, with what the name says, 0 to 1.
        values: How many distinct values were looked at.
        hint: The word of the column's name that says so; empty without one.
        examples: The form of some values.
    """

    column: str
    path: str
    kind: str
    share: float
    confidence: float
    values: int
    hint: str
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Kind:
    """How one kind is told.

    Attributes:
        hint: What its columns are named like.
        valid: Whether a value is one.
        alone: The share at which the values alone tell; above 1: never without a hint.
        hinted: The share at which they do together with the name.
    """

    name: str
    hint: re.Pattern[str]
    valid: Callable[[str], bool]
    alone: float
    hinted: float


def _hint(words: str) -> re.Pattern[str]:
    return re.compile(rf"(?:^|_)({words})(?:_|\d|$)")


_KINDS = (
    _Kind("email", _hint("e_?mail|mail"), values.is_email, _SURE, _HINTED_SHARE),
    _Kind("iban", _hint("iban|account|konto|bank_account"), values.is_iban, _SURE, _HINTED_SHARE),
    _Kind("card", _hint("card|pan|cc|credit_?card|card_?(?:no|num|number)"), values.is_card,
          _SURE, _HINTED_SHARE),
    _Kind("ssn", _hint("ssn|social_security|social_security_number|tax_id"), values.is_ssn,
          0.8, _HINTED_SHARE),
    _Kind("ip", _hint("ip|ip_?addr|ip_?address|ipv4|ipv6|remote_?(?:addr|host)|host"),
          values.is_ip, 0.8, _HINTED_SHARE),
    _Kind("api_key", _hint("api_?key|secret|token|password|passwd|credential|credentials"),
          values.is_api_key, 0.3, 0.1),
    _Kind("api_key", _hint("api_?key|secret|password|passwd|credential|credentials|access_?token"),
          values.is_secret, 2.0, 0.5),
    _Kind("phone", _hint("phone|telephone|tel|mobile|cell|fax|phone_?(?:no|number)"),
          values.is_phone, 0.8, _HINTED_SHARE),
    _Kind("birth_date", _hint("birth|birth_?da(?:te|y)|dob|born|date_of_birth|geburtsdatum"),
          values.is_birth_date, 2.0, 0.4),
    _Kind("name",
          _hint("first_?name|given_?name|fore_?name|last_?name|family_?name|sur_?name|full_?name|"
                "middle_?name|maiden_?name|vorname|nachname"),
          values.has_the_form_of_a_name, 2.0, _SURE),
    _Kind("name",
          _hint("name|person|contact|customer|employee|patient|author|recipient|holder|owner"),
          values.is_given_name, 0.5, 0.3),
    _Kind("address", _hint("street|address|addr|address_?line|strasse|road|ship_street"),
          values.is_street, 0.5, _HINTED_SHARE),
    _Kind("address", _hint("zip|zip_?code|post_?code|postal|postal_?code|plz"),
          values.is_postcode, 2.0, 0.5),
)  # fmt: skip


def classify(
    columns: Mapping[str, Iterable[Any]], *, hints: Mapping[str, str] | None = None
) -> list[Suggestion]:
    """Suggest which columns hold personal data.

    Args:
        columns: A sample of each column's values.
        hints: Other names of columns to take hints from, such as a heading.

    Returns:
        At most one suggestion a column, or a path in a nested one; the surest.
    """
    found: list[Suggestion] = []
    for column, sample in columns.items():
        for path, texts in _by_path(sample).items():
            name = path or (hints or {}).get(column, column)
            one = _suggested(column, path, name, list(texts)[:_MOST_VALUES])
            if one is not None:
                found.append(one)
    return found


def _suggested(column: str, path: str, name: str, texts: list[str]) -> Suggestion | None:
    if len(texts) < _LEAST_VALUES:
        return None
    best: Suggestion | None = None
    folded = _folded(name.rpartition(".")[2])
    for kind in _KINDS:
        valid = [text for text in texts if kind.valid(text)]
        share = len(valid) / len(texts)
        hint = kind.hint.search(folded)
        if share < (kind.hinted if hint else kind.alone):
            continue
        confidence = 1 - (1 - share) * 0.5 if hint else share
        if best is None or confidence > best.confidence:
            examples = tuple(dict.fromkeys(values.masked(text) for text in valid))[:_EXAMPLES]
            best = Suggestion(
                column, path, kind.name, share, confidence, len(texts),
                hint[1] if hint else "", examples,
            )  # fmt: skip
    return best or _inside(column, path, texts)


def _inside(column: str, path: str, texts: list[str]) -> Suggestion | None:
    """Look for addresses and numbers within longer texts."""
    valid = [text for text in texts if values.holds_personal_data(text)]
    share = len(valid) / len(texts)
    if share < 0.02 or len(valid) < _LEAST_VALUES:  # noqa: PLR2004
        return None
    return Suggestion(column, path, "text", share, min(1.0, 0.5 + share), len(texts), "", ())


def _by_path(sample: Iterable[Any]) -> dict[str, dict[str, None]]:
    """Return the distinct texts of a column, of a nested one by path, in order."""
    found: dict[str, dict[str, None]] = {}
    for value in sample:
        for path, text in _leaves("", value):
            known = found.setdefault(path, {})
            if len(known) < _MOST_VALUES:
                known[text] = None
    return found


def _leaves(path: str, value: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - any value
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(f"{path}.{key}" if path else str(key), inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _leaves(path, inner)
    else:
        text = _text(value)
        if text:
            yield path, text


def _text(value: Any) -> str:  # noqa: ANN401 - any value
    """Return a value as text; nothing for one that is never looked at."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, str):
        return value if value.strip() else ""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def _folded(name: str) -> str:
    """Return a name's words joined by underscores: `firstName` and `first-name` are `first_name`."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"[^a-z0-9]+", "_", parted.lower()).strip("_")
