"""Headers of CSV files that hold texts only, told by their neighbours' headers.

Alone, a file of texts cannot show whether its first row is a header. Where another file of the
target has exactly that row as its header, it is one here too.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lakeworks.crawlers.classifiers.csv_files import names_of
from lakeworks.crawlers.classifiers.found import Found
from lakeworks.crawlers.kinds import STRING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lakeworks.crawlers.examining import Answer


def settled_headers(answers: Sequence[Answer | None]) -> list[Answer | None]:
    """Return the answers, with headers where neighbours vouch for them."""
    known = {
        _row(name for name, _ in answer.columns)
        for answer in answers
        if isinstance(answer, Found) and ("header", "1") in answer.details
    }
    if not known:
        return list(answers)
    return [
        _headed(answer)
        if isinstance(answer, Found) and answer.first_row and _row(answer.first_row) in known
        else answer
        for answer in answers
    ]


def _row(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(text.strip().lower() for text in texts)


def _headed(found: Found) -> Found:
    names = names_of(found.first_row)
    details = tuple(
        ("header", "1") if key == "header" else (key, v) for key, v in found.details
    )
    return replace(
        found,
        columns=tuple((name, STRING) for name in names),
        details=details,
        rows=max(found.rows - 1, 0),
        first_row=(),
    )
