"""Workgroups: who shares which limits on queries. Pure data; see `workgroups_yaml.py`.

A workgroup is Athena's (https://docs.aws.amazon.com/athena/latest/ug/manage-queries-control-costs-with-workgroups.html):
queries run in one, and it limits, keeps and counts them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

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
        memory_bytes: What the process of one query may take; threads: the cores it may use.
        concurrent: How many queries run side by side; queued: how many more may wait.
        retention_s: How long results are kept.
        reuse_s: How old a result may be to answer an equal question again; 0: never.
        enforced: Whether a caller's own settings are ignored where the workgroup has its own.
        budget_usd: What the queries of a month may cost; alarms: at which shares of it to tell.
        principals: Who may use it, as grants spell them; empty for everyone.
    """

    name: str
    description: str = ""
    enabled: bool = True
    bytes_limit: int | None = None
    bytes_per: Mapping[Period, int] = field(default_factory=dict)
    timeout_s: float | None = 1_800.0
    memory_bytes: int | None = None
    threads: int | None = None
    concurrent: int = 20
    queued: int = 1_000
    retention_s: int = 7 * DAY_S
    reuse_s: int = 0
    enforced: bool = True
    budget_usd: float | None = None
    alarms: tuple[float, ...] = (0.8,)
    principals: tuple[str, ...] = ()
