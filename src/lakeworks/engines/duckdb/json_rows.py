"""Decide exactly what a JSON document means for a table: types by evidence, then a value's fit.

Pure. The fast path of `files_json.py` takes SQL's word for documents that plainly fit; every
other document comes here, one at a time. What does not fit is rescued, never dropped.
"""

from __future__ import annotations

import datetime as dt
import decimal
import json
import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lakeworks.core.types import Array, Decimal, Field, Scalar, Schema, Struct

if TYPE_CHECKING:
    from lakeworks.core.types import Type

SYSTEM_COLUMNS = ("_source_file", "_ingested_at", "_run_id", "_rescued")
STRING = Scalar("string")
BIGINT = Scalar("bigint")
DOUBLE = Scalar("double")
BOOLEAN = Scalar("boolean")
_INT64 = 2**63
_EXACT_IN_DOUBLE = 2**53
_BITS = {"tinyint": 7, "smallint": 15, "int": 31, "bigint": 63}
_DEEPEST = 24
# By itself a table, and a struct in it, grows to no more: further names are rather data.
MOST_COLUMNS = 1_000
# Of documents so many names are counted, to choose among them.
_MOST_NAMES = 20_000
_LONGEST_NAME = 255
_DOMINANT_SHARE = 0.95
_DOMINANT_VALUES = 20


class Raw(str):
    """A number that Python cannot hold as one, kept as its text."""

    __slots__ = ()


class Pairs(dict[str, Any]):
    """A JSON object that remembers the values its repeated keys had after the first."""

    __slots__ = ("repeats",)
    repeats: list[tuple[str, Any]]


def parse(text: str) -> Any:  # noqa: ANN401 - any JSON value
    """Read one JSON document; repeated keys are kept.

    Raises:
        ValueError: it is not JSON.
        RecursionError: it is nested too deeply.
    """
    return _DECODER.decode(text)


def _pairs(pairs: list[tuple[str, Any]]) -> Pairs:
    found = Pairs(pairs)
    found.repeats = []
    if len(found) != len(pairs):
        found.clear()
        for key, value in pairs:
            if key in found:
                found.repeats.append((key, value))
            else:
                found[key] = value
    return found


def _number(text: str) -> float | Raw:
    number = float(text)
    return number if math.isfinite(number) else Raw(text)


def _integer(text: str) -> int | Raw:
    # Python refuses to read integers of more than 4,300 digits.
    return int(text) if len(text) < 400 else Raw(text)  # noqa: PLR2004


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_float=_number, parse_int=_integer)


def dump(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Write a JSON value compactly, as UTF-8 text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def usable_name(name: str) -> bool:
    """Whether a JSON field may become a column or a struct's field."""
    return (
        0 < len(name) <= _LONGEST_NAME
        and name.isprintable()
        and not any(mark in name for mark in '"\\')
    )


@dataclass(slots=True)
class Evidence:
    """What kinds of values a field has been seen to hold."""

    kinds: Counter[str] = field(default_factory=Counter)
    fields: dict[str, Evidence] = field(default_factory=dict)
    element: Evidence | None = None

    def add(self, value: Any, depth: int = 0) -> None:  # noqa: ANN401
        """Take one value into account."""
        kind = _kind(value)
        self.kinds[kind] += 1
        if depth >= _DEEPEST:
            return
        if kind == "object":
            self._add_fields(value, depth)
        elif kind == "array":
            if self.element is None:
                self.element = Evidence()
            for inner in value:
                self.element.add(inner, depth + 1)

    def _add_fields(self, value: dict[str, Any], depth: int) -> None:
        most = MOST_COLUMNS if depth else _MOST_NAMES
        for name, inner in value.items():
            found = self.fields.get(name)
            if found is None:
                if len(self.fields) > most:
                    continue
                found = self.fields[name] = Evidence()
            found.add(inner, depth + 1)

    def join(self, other: Evidence, depth: int = 0) -> None:
        """Take into account what another has seen, as if it had been seen after all this."""
        most = MOST_COLUMNS if depth else _MOST_NAMES
        self.kinds.update(other.kinds)
        for name, evidence in other.fields.items():
            found = self.fields.get(name)
            if found is not None:
                found.join(evidence, depth + 1)
            elif len(self.fields) <= most:
                self.fields[name] = evidence
        if self.element is None:
            self.element = other.element
        elif other.element is not None:
            self.element.join(other.element, depth + 1)

    def type(self, depth: int = 0) -> Type:
        """Return the type that holds what was seen.

        A kind that makes up nearly all of many values decides, and the few others will be
        rescued; values of mixed kinds make text.
        """
        seen = {kind: count for kind, count in self.kinds.items() if kind != "null"}
        if not seen or depth >= _DEEPEST:
            return STRING
        groups: Counter[str] = Counter()
        for kind, count in seen.items():
            groups["number" if kind in {"integer", "double"} else kind] += count
        group, count = groups.most_common(1)[0]
        total = sum(groups.values())
        if count < total and (total < _DOMINANT_VALUES or count < total * _DOMINANT_SHARE):
            return STRING
        return self._of_group(group, depth)

    def _of_group(self, group: str, depth: int) -> Type:
        match group:
            case "number":
                return DOUBLE if "double" in self.kinds else BIGINT
            case "boolean":
                return BOOLEAN
            case "array":
                return Array(self.element.type(depth + 1) if self.element else STRING)
            case "object":
                fields = self.columns(depth + 1)
                fits = fields and len(self.fields) <= MOST_COLUMNS
                whole = fits and all(usable_name(name) for name in self.fields)
                return Struct(fields) if whole else STRING
            case _:
                return STRING

    def columns(self, depth: int = 0) -> tuple[Field, ...]:
        """Return the usable fields; of names that differ by case only, the first seen."""
        found: dict[str, Field] = {}
        for name, evidence in self.fields.items():
            if usable_name(name) and name.casefold() not in found:
                found[name.casefold()] = Field(name, evidence.type(depth))
        return tuple(found.values())


def schema_of(evidence: Evidence) -> Schema:
    """Return the data columns for documents of which `evidence` was gathered."""
    return Schema(
        tuple(f for f in evidence.columns() if f.name.casefold() not in SYSTEM_COLUMNS)
    )


def grow(known: Schema, evidence: Evidence) -> tuple[Schema, int]:
    """Return `known` with the fields that documents have besides, and how many are left out.

    Where they are more than a table grows to, those that the most documents have come in,
    whatever their order was.
    """
    wide = grown(known, schema_of(evidence))
    left = len(wide) - max(MOST_COLUMNS, len(known))
    if left <= 0:
        return wide, 0
    counts = {name: seen.kinds.total() for name, seen in evidence.fields.items()}
    new = sorted(wide.fields[len(known) :], key=lambda f: (-counts[f.name], f.name))
    out = {f.name for f in new[len(new) - left :]}
    return Schema(tuple(f for f in wide if f.name not in out)), left


def grown(known: Schema, seen: Schema) -> Schema:
    """Return `known` with the fields of `seen` that it lacks, inside structs too."""
    fields = [Field(f.name, _grown(f, seen.get(f.name)), f.nullable, f.comment) for f in known]
    return Schema((*fields, *(f for f in seen if f.name not in known)))


def _grown(have: Field, seen: Field | None) -> Type:
    return have.type if seen is None else _grown_type(have.type, seen.type)


def _grown_type(have: Type, seen: Type) -> Type:
    match have, seen:
        case Struct(), Struct():
            wide = grown(Schema(have.fields), Schema(seen.fields))
            return Struct(wide.fields) if len(wide) <= MOST_COLUMNS else have
        case Array(), Array():
            return Array(_grown_type(have.element, seen.element))
        case _:
            return have


@dataclass(slots=True)
class Fitted:
    """One document divided: what its columns hold, and what did not fit.

    Attributes:
        unknown: Names of fields that the schema lacks (dotted inside structs).
        misfits: Names of fields whose value the column cannot hold.
    """

    values: dict[str, Any] = field(default_factory=dict)
    rescued: dict[str, Any] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    misfits: list[str] = field(default_factory=list)


def fit(document: dict[str, Any], schema: Schema) -> Fitted:
    """Divide a document by what `schema` can hold without loss."""
    fitted = Fitted()
    by_name = {f.name: f.type for f in schema}
    for name, value in document.items():
        if name not in by_name:
            fitted.rescued[name] = value
            fitted.unknown.append(name)
            continue
        held, left = _fit_value(value, by_name[name], name, fitted)
        fitted.values[name] = held
        if left is not _NOTHING:
            fitted.rescued[name] = left
    for name, value in getattr(document, "repeats", ()):
        fitted.rescued[_free(name, fitted.rescued)] = value
        fitted.misfits.append(name)
    return fitted


_NOTHING = object()


def _free(name: str, taken: dict[str, Any]) -> str:
    number = 2
    free = name
    while free in taken:
        free = f"{name}#{number}"
        number += 1
    return free


def _fit_value(value: Any, kind: Type, path: str, into: Fitted) -> tuple[Any, Any]:  # noqa: ANN401
    """Return what a column of type `kind` holds of `value`, and what is left or `_NOTHING`."""
    if value is None:
        return None, _NOTHING
    match kind:
        case Struct() if isinstance(value, dict):
            return _fit_struct(value, kind, path, into)
        case Array(element) if isinstance(value, list):
            pieces = [_fit_value(v, element, path, into) for v in value]
            whole = all(left is _NOTHING for _, left in pieces)
            return [held for held, _ in pieces], _NOTHING if whole else value
        case Scalar("string"):
            return (value if isinstance(value, str) else dump(value)), _NOTHING
        case Scalar() | Decimal():
            held = _fit_scalar(value, kind)
            if held is not None:
                return held, _NOTHING
        case _:
            pass
    into.misfits.append(path)
    return None, value


def _fit_struct(
    value: dict[str, Any], kind: Struct, path: str, into: Fitted
) -> tuple[Any, Any]:
    inner = fit(value, Schema(kind.fields))
    into.unknown += [f"{path}.{name}" for name in inner.unknown]
    into.misfits += [f"{path}.{name}" for name in inner.misfits]
    return inner.values, inner.rescued or _NOTHING


def _fit_scalar(value: Any, kind: Scalar | Decimal) -> Any:  # noqa: ANN401
    """Return `value` as a JSON scalar that reads back as type `kind`, or None."""
    match kind:
        case Scalar("boolean"):
            return value if isinstance(value, bool) else None
        case Scalar(name) if name in _BITS:
            return _fit_integer(value, _BITS[name])
        case Scalar("double" | "float"):
            if isinstance(value, bool) or not isinstance(value, int | float):
                return None
            exact = isinstance(value, float) or abs(value) <= _EXACT_IN_DOUBLE
            return float(value) if exact else None
        case Scalar("date" | "timestamp" | "timestamp_ntz"):
            return value if isinstance(value, str) and _is_moment(value, kind) else None
        case Decimal(precision, scale):
            return _fit_decimal(value, precision, scale)
        case _:
            return None


def _is_moment(text: str, kind: Scalar) -> bool:
    try:
        if kind.name == "date":
            dt.date.fromisoformat(text)
            return len(text) == len("2026-01-01")
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        return False
    return kind.name == "timestamp" or moment.tzinfo is None


def _fit_decimal(value: Any, precision: int, scale: int) -> str | None:  # noqa: ANN401
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = decimal.Decimal(str(value))
    except decimal.InvalidOperation:
        return None
    if not number.is_finite() or number.adjusted() >= precision - scale:
        return None
    shifted = number.scaleb(scale)
    return str(number) if shifted == shifted.to_integral_value() else None


def _fit_integer(value: Any, bits: int) -> int | None:  # noqa: ANN401
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if -(2**bits) <= value < 2**bits else None
    whole = isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT_IN_DOUBLE
    return _fit_integer(int(value), bits) if whole else None


def _kind(value: Any) -> str:  # noqa: ANN401 - one answer a kind
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer" if -_INT64 <= value < _INT64 else "huge"
        case float():
            return "double"
        case dict():
            return "object"
        case list():
            return "array"
        case Raw():
            return "huge"
        case _:
            return "string"
