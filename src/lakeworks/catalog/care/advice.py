"""What would make a table cheaper to read, and what that is worth: from its files and its queries.

Pure. A gain is told in dollars a month, so that different kinds of work can be compared: time at
the price of a small machine, bytes scanned at Athena's price, requests at S3's. On one machine
nobody pays these; they still put the work in order.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lakeworks.catalog.care.prices import COMPUTE_USD_S, SCAN_USD_BYTE
from lakeworks.storage.file_layout import files_at, sorted_share
from lakeworks.storage.maintenance import SORTED_AT_ONCE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lakeworks.catalog.care.layout import Layout
    from lakeworks.catalog.query_history import TableRead
    from lakeworks.core.types import Schema

MIB = 1024 * 1024
LOOK_BACK_DAYS = 30
ASSUMED_READS = 30
MERGED_BYTES_S = 80 * MIB
SORTED_BYTES_S = 20 * MIB
_OPEN_S = {True: 0.0005, False: 0.03}
_GET_USD = 0.0004 / 1000
_MOST_COLUMNS = 3
_WORTH_BESIDE_BEST = 0.25
_JOIN_WEIGHT = 0.25
_LEAST_PARTITION_BYTES = 64 * MIB
_TINY_PARTITION_BYTES = 4 * MIB
_MANY_PARTITIONS = 50
_DATES = ("date", "timestamp", "timestamp_ntz")

AdviceKind = Literal["compact", "zorder", "partition"]


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing that is worth doing.

    Attributes:
        why: In one sentence.
        columns: By which to sort, or to divide.
        gain_usd_month: What it saves; `cost_usd` is what doing it takes, once.
        seconds: How long doing it takes.
        command: What does it; empty where a declaration must change.
    """

    kind: AdviceKind
    why: str
    columns: tuple[str, ...] = ()
    gain_usd_month: float = 0.0
    cost_usd: float = 0.0
    seconds: float = 0.0
    command: str = ""

    @property
    def pays(self) -> bool:
        """Whether it is paid back within a month."""
        return self.gain_usd_month > self.cost_usd


@dataclass(frozen=True, slots=True)
class Demand:
    """How a table was read in the last `LOOK_BACK_DAYS` days.

    Attributes:
        reads: How often.
        filtered_bytes: By column, the bytes of the table in queries that filter by it.
        scanned_bytes: What all queries scanned, as far as filters let files be left out.
    """

    reads: int = 0
    bound_bytes: int = 0
    scanned_bytes: int = 0
    filtered_bytes: Mapping[str, float] | None = None

    @classmethod
    def of(cls, reads: Iterable[tuple[TableRead, int]]) -> Demand:
        """Add up what the history says of one table."""
        count = bound = scanned = 0
        weights: Counter[str] = Counter()
        for read, times in reads:
            count += times
            bound += read.bytes_bound
            scanned += read.bytes_bound if read.bytes_scanned is None else read.bytes_scanned
            uses = read.uses or {}
            filters = set(uses.get("filter", ()))
            for column in filters:
                weights[column] += read.bytes_bound
            for column in set(uses.get("join", ())) - filters:
                weights[column] += int(read.bytes_bound * _JOIN_WEIGHT)
        return cls(count, bound, scanned, dict(weights))


def advise(
    health: Layout,
    schema: Schema,
    partition_columns: Sequence[str],
    demand: Demand,
    *,
    local: bool,
) -> tuple[Advice, ...]:
    """Return what would make the table better, that which gains most first.

    Args:
        schema: The table's columns.
        partition_columns: Those that divide it now.
        demand: How it is read.
        local: Whether its files lie on this machine, where opening one takes little.
    """
    found = [
        compaction(health, demand, local=local),
        ordering(health, schema, partition_columns, demand),
        division(health, schema, partition_columns, demand),
    ]
    return tuple(
        sorted((one for one in found if one is not None), key=lambda one: -one.gain_usd_month)
    )


def compaction(health: Layout, demand: Demand, *, local: bool) -> Advice | None:
    """Return the advice to merge small files, where that pays."""
    saved = health.files - health.files_merged
    if saved <= 0:
        return None
    reads = max(demand.reads, ASSUMED_READS)
    gain = saved * reads * (_OPEN_S[local] * COMPUTE_USD_S + (0 if local else _GET_USD))
    seconds = health.small_bytes / MERGED_BYTES_S + 0.05
    advice = Advice(
        "compact",
        f"{health.files:,} files become {health.files_merged:,}; each of {reads:,} reads a month "
        f"opens {saved:,} fewer",
        gain_usd_month=gain,
        cost_usd=seconds * COMPUTE_USD_S,
        seconds=seconds,
        command=f"lake optimize {health.table}",
    )
    return advice if advice.pays else None


def ordering(
    health: Layout, schema: Schema, partition_columns: Sequence[str], demand: Demand
) -> Advice | None:
    """Return the advice to sort by the columns that filters name, where that pays."""
    weights = demand.filtered_bytes or {}
    sortable = {f.name for f in schema if "<" not in str(f.type)} - set(partition_columns)
    at_once = min(health.size_bytes, SORTED_AT_ONCE_BYTES)
    files = files_at(at_once, health.target_file_bytes)
    alone = sorted_share(files, 1)
    worth = {
        column: weight * max(0.0, health.overlap.get(column, 1.0) - alone)
        for column, weight in weights.items()
        if column in sortable
    }
    best = max(worth.values(), default=0.0)
    chosen = sorted(
        (c for c, value in worth.items() if best > 0 and value >= best * _WORTH_BESIDE_BEST),
        key=lambda column: (-worth[column], column),
    )[:_MOST_COLUMNS]
    if not chosen:
        return None
    share = sorted_share(files, len(chosen))
    saved = sum(weights[c] * max(0.0, health.overlap.get(c, 1.0) - share) for c in chosen)
    seconds = health.size_bytes / SORTED_BYTES_S + 0.1
    now = max(health.overlap.get(column, 1.0) for column in chosen)
    advice = Advice(
        "zorder",
        f"queries that filter by {' and '.join(chosen)} scan about {now:.0%} of the table for one "
        f"value, and would scan {share:.0%}",
        tuple(chosen),
        gain_usd_month=saved * SCAN_USD_BYTE,
        cost_usd=seconds * COMPUTE_USD_S,
        seconds=seconds,
        command=f"lake optimize {health.table} --zorder {','.join(chosen)}",
    )
    return advice if advice.pays else None


def division(
    health: Layout, schema: Schema, partition_columns: Sequence[str], demand: Demand
) -> Advice | None:
    """Return the advice to divide the table otherwise: that takes a change of its declaration."""
    parts = health.partitions
    if parts is not None and partition_columns:
        small = parts.median_bytes < _TINY_PARTITION_BYTES
        if parts.count <= _MANY_PARTITIONS or not small:
            return None
        return Advice(
            "partition",
            f"{parts.count:,} partitions of {parts.median_bytes / MIB:,.1f} MiB make many small "
            "files: divide by something coarser, such as the month, or not at all",
            tuple(partition_columns),
        )
    weights = demand.filtered_bytes or {}
    dates = {f.name for f in schema if str(f.type) in _DATES}
    wanted = max((c for c in weights if c in dates), key=weights.__getitem__, default=None)
    if wanted is None or health.size_bytes < 16 * _LEAST_PARTITION_BYTES:
        return None
    if weights[wanted] < demand.bound_bytes / 2:
        return None
    return Advice(
        "partition",
        f"most queries filter by {wanted}: partition_by its year and month, as columns of their "
        "own, and a replaced month is written alone",
        (wanted,),
    )
