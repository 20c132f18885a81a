"""The functions that a mask's expression may call: none fails, none looks outside the row.

Pure data and writing. Each takes text, numbers or conditions; arguments are cast to what it takes
with a cast that gives null, so that no value can make a query fail.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Takes = Literal["text", "number", "count", "any"]


@dataclass(frozen=True, slots=True)
class MaskFunction:
    """How one function is written.

    Attributes:
        takes: What each argument is; the last one stands for all that follow.
        least: How many arguments it has at least.
        most: How many at most.
        gives: What its value is.
    """

    takes: tuple[Takes, ...]
    least: int
    most: int
    gives: Takes


def _text(*takes: Takes, least: int | None = None, gives: Takes = "text") -> MaskFunction:
    return MaskFunction(takes, len(takes) if least is None else least, len(takes), gives)


FUNCTIONS: dict[str, MaskFunction] = {
    "lower": _text("text"),
    "upper": _text("text"),
    "trim": _text("text"),
    "length": _text("text", gives="number"),
    "left": _text("text", "count"),
    "right": _text("text", "count"),
    "substr": _text("text", "count", "count", least=2),
    "replace": _text("text", "text", "text"),
    "translate": _text("text", "text", "text"),
    "split_part": _text("text", "text", "count"),
    "strpos": _text("text", "text", gives="number"),
    "starts_with": _text("text", "text", gives="any"),
    "concat": MaskFunction(("text",), 1, 16, "text"),
    "md5": _text("text"),
    "sha256": _text("text"),
    "abs": _text("number", gives="number"),
    "floor": _text("number", gives="number"),
    "ceil": _text("number", gives="number"),
    "round": _text("number", "count", least=1, gives="number"),
    "year": MaskFunction(("any",), 1, 1, "number"),
    "month": MaskFunction(("any",), 1, 1, "number"),
    "coalesce": MaskFunction(("any",), 1, 16, "any"),
    "nullif": MaskFunction(("any", "any"), 2, 2, "any"),
}
