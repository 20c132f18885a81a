"""What one of Athena's functions becomes in the lake's SQL. Pure.

A rule has a template for each number of arguments. `{0}` stands for the first argument, `{*}` for
all of them. Where a template needs an argument twice, it is computed once (see `calls`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lakeworks.project.athena.kinds import NULL, UNKNOWN, Kind, array_of, common

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lakeworks.project.athena.calls import Call

ANY = -1
Made = tuple[str, Kind]
Writer = Callable[["Call"], "Made"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One function.

    Attributes:
        templates: By number of arguments; `ANY` for every number that has none of its own.
        kind: What it gives: a kind's name; `0` as its first argument; `[0]` an array of such;
            `0e` as the elements of its first argument; `*` what all its arguments become.
        kinds: The same by number of arguments, where that counts.
        writer: Writes calls that no template can, given the call.
        aggregate: Whether it takes many rows, so that its arguments cannot be computed before.
        group: The heading under which the reference lists it.
        note: What the reference says of it.
    """

    templates: Mapping[int, str] = field(default_factory=dict)
    kind: str = "unknown"
    kinds: Mapping[int, str] = field(default_factory=dict)
    writer: Writer | None = None
    aggregate: bool = False
    group: str = ""
    note: str = ""


def kind_of(told: str, kinds: Sequence[Kind]) -> Kind:
    """Return what a rule's `kind` means for arguments of these kinds."""
    if told == "*":
        return common(kinds)
    if told.startswith("["):
        return array_of(kind_of(told[1:-1], kinds))
    if told.rstrip("e").isdigit():
        number = int(told.rstrip("e"))
        found = kinds[number] if number < len(kinds) else UNKNOWN
        return found.element if told.endswith("e") else found
    return NULL if told == "null" else Kind(told)


def plain(group: str, lines: str) -> dict[str, Rule]:
    """Read rules that are one template each: `name/arguments kind template`, a line each.

    A name that stands in several lines has several numbers of arguments. `name/*` takes any.
    """
    found: dict[str, Rule] = {}
    for line in lines.strip().splitlines():
        head, kind, template = line.split(None, 2)
        name, _, number = head.partition("/")
        count = ANY if number == "*" else int(number)
        known = found.get(name, Rule())
        templates = {**known.templates, count: template}
        found[name] = Rule(templates, kinds={**known.kinds, count: kind}, group=group)
    return found


def failing(problem: str, type_: str = "TINYINT") -> str:
    """Return SQL that fails with these words when it is reached.

    A cast, since no query under permissions may call what fails on purpose.
    """
    said = problem.replace("'", "''")
    return f"CAST('{said}' AS {type_})"
