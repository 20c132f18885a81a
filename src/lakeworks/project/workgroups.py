"""Read one file of `workgroups/`: who shares which limits on queries.

A workgroup is Athena's (https://docs.aws.amazon.com/athena/latest/ug/manage-queries-control-costs-with-workgroups.html):
queries run in one, and it limits, keeps and counts them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

from lakeworks.core.names import is_identifier
from lakeworks.project.errors import NAME_REFUSED, WRONG_VALUE
from lakeworks.project.limits import age_s, share
from lakeworks.project.locations import Refused, resolved
from lakeworks.project.sizes import size_bytes
from lakeworks.project.yaml_lines import read_yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from lakeworks.project.errors import Mistakes
    from lakeworks.project.workgroups_yaml import WorkgroupYaml
    from lakeworks.project.yaml_lines import Document

Period = Literal["hour", "day", "month"]
PRIMARY = "primary"
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Workgroup:
    """One file of `workgroups/`.

    Attributes:
        bytes_limit: How many bytes one query may scan.
        bytes_per: How many bytes all queries together may scan in an hour, day or month.
        timeout_s: How long one query may run.
        memory_bytes: What the process of one query may take.
        cpu_s: How much processor time one query may take, on all cores together.
        concurrent: How many queries run side by side; queued: how many more may wait.
        result_location: Where results go: an absolute folder, or `s3://bucket/prefix`; empty for
            the lake's own folder.
        retention_s: How long results are kept.
        reuse_s: How old a result may be to answer an equal question again; 0: never.
        enforced: Whether a caller's own settings are ignored where the workgroup has its own.
        budget_usd: What the queries of a month may cost; alarms: at which shares of it to tell.
        principals: Who may use it, as grants spell them; empty for everyone.
        dialect: What its queries are written in where they do not say.
    """

    name: str
    description: str = ""
    enabled: bool = True
    bytes_limit: int | None = None
    bytes_per: Mapping[Period, int] = field(default_factory=dict)
    timeout_s: float | None = 1_800.0
    memory_bytes: int | None = None
    cpu_s: float | None = None
    concurrent: int = 20
    queued: int = 1_000
    result_location: str = ""
    retention_s: int = 7 * DAY_S
    reuse_s: int = 0
    enforced: bool = True
    budget_usd: float | None = None
    alarms: tuple[float, ...] = (0.8,)
    principals: tuple[str, ...] = ()
    dialect: str = "duckdb"


def read_workgroup(
    text: str, file: str, mistakes: Mistakes, *, root: Path, variables: Mapping[str, str]
) -> dict[str, Any] | None:
    """Return the facts of one workgroup, plain JSON values; None where there are mistakes."""
    from lakeworks.project.declared_yaml import validated
    from lakeworks.project.workgroups_yaml import WorkgroupYaml

    before = len(mistakes.found)
    document = read_yaml(text, file, mistakes, variables=variables)
    if document is None:
        return None
    document.note_missing(mistakes, lambda _: False)
    declared = validated(WorkgroupYaml, document, mistakes)
    if declared is None:
        return None
    facts = _Reading(declared, document, mistakes, root).facts(PurePosixPath(file).stem)
    return facts if len(mistakes.found) == before else None


def workgroup_of(facts: Mapping[str, Any]) -> Workgroup:
    """Make a `Workgroup` of what `read_workgroup` found."""
    values = {key: value for key, value in facts.items() if key != "line"}
    for key in ("alarms", "principals"):
        values[key] = tuple(values.get(key, ()))
    return Workgroup(**values)


class _Reading:
    """One workgroup as it was declared, and where its mistakes go."""

    def __init__(
        self, declared: WorkgroupYaml, document: Document, mistakes: Mistakes, root: Path
    ) -> None:
        self.root = root
        self.declared = declared
        self.document = document
        self.mistakes = mistakes

    def facts(self, stem: str) -> dict[str, Any]:
        """Return what is declared, having noted every mistake in it."""
        declared = self.declared
        name = declared.workgroup or stem
        if not is_identifier(name):
            problem = f"{name!r} cannot name a workgroup"
            hint = "use lower-case letters, digits and underscores"
            self.mistakes.add(self.document.at("workgroup"), problem, hint, code=NAME_REFUSED)
        periods = declared.bytes_scanned_per.model_dump(exclude_none=True)
        found = {
            "name": name,
            "line": self.document.at("workgroup").line,
            "description": declared.description,
            "enabled": declared.enabled,
            "enforced": declared.enforced,
            "bytes_limit": self._size("bytes_scanned_per_query"),
            "bytes_per": {
                period: self._read(text, size_bytes, _SIZE, "bytes_scanned_per", period)
                for period, text in periods.items()
            },
            "memory_bytes": self._size("memory"),
            "concurrent": declared.concurrent,
            "queued": declared.queued,
            "principals": list(declared.principals),
            "dialect": declared.dialect,
            "result_location": self._location(),
            **self._budget(),
        }
        ages = (
            ("timeout", "timeout_s"), ("cpu_time", "cpu_s"),
            ("retention", "retention_s"), ("reuse", "reuse_s"),
        )  # fmt: skip
        for key, fact in ages:
            written = getattr(declared, key)
            if written is not None:
                found[fact] = self._read(written, age_s, _AGE, key)
        return found

    def _location(self) -> str:
        written = self.declared.result_location
        if written is None:
            return ""
        found = resolved(self.root, written)
        if isinstance(found, Refused):
            at = self.document.at("result_location")
            problem = f"result_location {found.problem}"
            self.mistakes.add(at, problem, found.hint, code=WRONG_VALUE)
            return ""
        return found

    def _budget(self) -> dict[str, Any]:
        budget = self.declared.budget
        if budget is None:
            return {"budget_usd": None, "alarms": []}
        alarms = [
            self._read(text, share, "write a share, such as 80%", "budget", "alarm_at", number)
            for number, text in enumerate(budget.alarm_at)
        ]
        return {"budget_usd": budget.usd_per_month, "alarms": alarms}

    def _size(self, key: str) -> Any:  # noqa: ANN401 - a number, or None
        written = getattr(self.declared, key)
        return None if written is None else self._read(written, size_bytes, _SIZE, key)

    def _read(self, text: str, read: Callable[[str], Any], hint: str, *path: str | int) -> Any:  # noqa: ANN401 - what `read` gives
        found = read(text)
        if found is None:
            shown = (
                "the variable's value" if self.document.is_hidden(*path) else repr(text[:40])
            )
            problem = f"{'.'.join(map(str, path))}: {shown} cannot be read"
            self.mistakes.add(self.document.at(*path), problem, hint, code=WRONG_VALUE)
        return found


_SIZE = "write a number and KB, MB, GB or TB, such as 10GB"
_AGE = "write seconds, minutes, hours or days, such as 30 minutes"
