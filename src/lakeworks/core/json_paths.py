"""JSON paths, as far as AWS Glue's custom classifiers know them: `$.records[*]`, `$['a'].b[0]`.

Pure.
"""

from __future__ import annotations

import re

from lakeworks.core.errors import RequestError

_STEP = re.compile(r"\.(\*|[^.\[\]\s]+)|\[(\*|\d+|'[^']*'|\"[^\"]*\")\]")

Step = str | int | None


class JsonPathError(RequestError):
    """A JSON path outside what Glue knows."""

    code = "LW008"

    @classmethod
    def of(cls, path: str, rest: str) -> JsonPathError:
        """Say where it goes wrong."""
        return cls(
            f"{path!r} is not a JSON path: {rest[:40]!r} is not known",
            "write $[*], $.records[*] or $['a'].b",
        )


def parse_path(path: str) -> tuple[Step, ...]:
    """Read a JSON path: names, numbers, None for `*`.

    Raises:
        JsonPathError: it is none.
    """
    if not path.startswith("$"):
        raise JsonPathError.of(path, path)
    steps: list[Step] = []
    at = 1
    while at < len(path):
        found = _STEP.match(path, at)
        if found is None:
            raise JsonPathError.of(path, path[at:])
        name, index = found.groups()
        word = name if name is not None else index
        if word == "*":
            steps.append(None)
        elif index is not None and index.isdecimal():
            steps.append(int(index))
        else:
            steps.append(word.strip("'\"") if index is not None else word)
        at = found.end()
    return tuple(steps)
