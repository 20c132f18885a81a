"""What a project declares about the care of its tables: how long, how often, where to.

Pure data, and what of it can be checked without a lake. Lifecycle rules are in S3's words and
keep S3's rules, so that the ones that act on a folder can be put on a bucket as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from lakeworks.core.names import LAYERS, QUARANTINE, TableName

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DAY_S = 86_400
LANDING = "landing"
INTELLIGENT_TIERING = "INTELLIGENT_TIERING"
# From the warmest to the coldest; an object moves only towards the end.
CLASSES = (
    INTELLIGENT_TIERING, "STANDARD_IA", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE",
)  # fmt: skip
LEAST_DAYS = {"STANDARD_IA": 30, "ONEZONE_IA": 30}
_INFREQUENT = ("STANDARD_IA", "ONEZONE_IA")
_UNSUPPORTED = {("ONEZONE_IA", "GLACIER_IR"), (INTELLIGENT_TIERING, "STANDARD_IA")}
PLACES = (LANDING, *LAYERS, QUARANTINE)


@dataclass(frozen=True, slots=True)
class LifecycleRule:
    """One entry of `lifecycle:` in lake.yml.

    Attributes:
        place: `landing`, a layer or `quarantine`; or a part of one: `landing/bronze.orders`,
            `silver.orders`, `gold.daily_*`.
        line: Of lake.yml.
        transitions: Storage class and days since an object was written, in order of days.
        expire_days: When it is deleted, or None: never. For landing files only.
        noncurrent_days: When a version that S3 kept of a deleted or replaced object goes.
        abort_upload_days: When an upload that was never finished goes.
    """

    place: str
    line: int = 1
    transitions: tuple[tuple[str, int], ...] = ()
    expire_days: int | None = None
    noncurrent_days: int | None = None
    abort_upload_days: int = 7

    @property
    def is_landing(self) -> bool:
        """Whether it is about files as they arrived, and not about tables' files."""
        return self.place.partition("/")[0] == LANDING

    def covers(self, table: TableName) -> bool:
        """Whether it is about this table's files, or about what landed for it."""
        wanted = self.place.removeprefix(LANDING).lstrip("/") if self.is_landing else self.place
        if not wanted or wanted == table.database:
            return True
        if wanted.endswith("*"):
            return str(table).startswith(wanted[:-1])
        return wanted == str(table)

    def class_at(self, age_days: float) -> str:
        """Return the storage class of an object of that age."""
        reached = [name for name, days in self.transitions if age_days >= days]
        return reached[-1] if reached else "STANDARD"


@dataclass(frozen=True, slots=True)
class HistorySettings:
    """`query_history:` of lake.yml: for how long queries are kept, and how many at most."""

    keep_s: int = 90 * DAY_S
    most: int = 100_000

    @property
    def recorded(self) -> bool:
        """Whether queries are noted at all."""
        return self.most > 0


@dataclass(frozen=True, slots=True)
class Retention:
    """How far back a table can be read, and the lake be rolled back.

    Attributes:
        lake_s: Snapshots, which show every table, are kept for so long: no table for less.
        by_name_s: Longer times, by layer or table.
    """

    lake_s: float = 7 * DAY_S
    by_name_s: Mapping[str, float] = field(default_factory=dict)

    def with_own(self, said: Mapping[str, float | None]) -> Retention:
        """Return it with what tables say of themselves, which counts before all else."""
        own = {table: seconds for table, seconds in said.items() if seconds is not None}
        return Retention(self.lake_s, {**self.by_name_s, **own})

    @property
    def of_snapshots(self) -> timedelta:
        """How long snapshots are kept after they were replaced."""
        return timedelta(seconds=self.lake_s)

    def of(self, table: TableName) -> timedelta:
        """Return how long a table's versions are kept after they were replaced."""
        own = self.by_name_s.get(str(table), self.by_name_s.get(table.database, 0))
        return timedelta(seconds=max(self.lake_s, own))


def lasting(time: timedelta) -> Retention:
    """Return the retention that is the same for every table."""
    return Retention(lake_s=time.total_seconds())


@dataclass(frozen=True, slots=True)
class CareSettings:
    """What lake.yml says about the care of tables.

    Attributes:
        zorder: Whether `lake maintain` also carries out the z-order that it advises.
        budget_s: How long `lake maintain` works unless the command says so.
        lifecycle: The most special rule of a place comes first.
        prices: Dollars for a GB-month by storage class, in place of ours.
    """

    retention: Retention = field(default_factory=Retention)
    history: HistorySettings = field(default_factory=HistorySettings)
    zorder: bool = False
    budget_s: float = 600.0
    lifecycle: tuple[LifecycleRule, ...] = ()
    prices: Mapping[str, float] = field(default_factory=dict)

    def landing_rule(self, table: TableName) -> LifecycleRule | None:
        """Return the rule for the files that landed for a table."""
        return next((r for r in self.lifecycle if r.is_landing and r.covers(table)), None)

    def table_rule(self, table: TableName) -> LifecycleRule | None:
        """Return the rule for a table's own files."""
        return next((r for r in self.lifecycle if not r.is_landing and r.covers(table)), None)


def care_of(facts: Mapping[str, Any]) -> CareSettings:
    """Make the settings of the plain values that `care_yaml` found."""
    rules = [
        LifecycleRule(
            place=one["place"],
            line=one["line"],
            transitions=tuple((name, days) for name, days in one["transitions"]),
            expire_days=one["expire_days"],
            noncurrent_days=one["noncurrent_days"],
            abort_upload_days=one["abort_upload_days"],
        )
        for one in facts.get("lifecycle", ())
    ]
    plain = {k: facts[k] for k in ("zorder", "budget_s", "prices") if k in facts}
    return CareSettings(
        retention=Retention(**facts.get("retention", {})),
        history=HistorySettings(**facts.get("history", {})),
        lifecycle=tuple(sorted(rules, key=_most_special_first)),
        **plain,
    )


def rule_mistakes(rule: LifecycleRule) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a rule, each with a hint: what S3 would refuse, or do damage by."""
    if not rule.is_landing:
        yield from _table_mistakes(rule)
    if rule.expire_days == 0:
        yield "expire: S3 deletes nothing on the day it came", "write expire: 1 day, or more"
    before: tuple[str, int] | None = None
    for name, days in rule.transitions:
        least = LEAST_DAYS.get(name, 0)
        if days < least:
            yield (
                f"{name.lower()}: S3 keeps objects {least} days before that class",
                (f"write {name.lower()}: {least} days"),
            )
        if before is not None:
            yield from _step_mistakes(before, (name, days))
        before = name, days
    if rule.expire_days is not None and before is not None and rule.expire_days <= before[1]:
        yield (
            f"expire: files go after {rule.expire_days} days, before they reach {before[0]}",
            f"let them expire after more than {before[1]} days, or leave {before[0].lower()} out",
        )


def _step_mistakes(
    before: tuple[str, int], after: tuple[str, int]
) -> Iterator[tuple[str, str]]:
    (warm, early), (cold, late) = before, after
    if CLASSES.index(cold) < CLASSES.index(warm) or (warm, cold) in _UNSUPPORTED:
        yield (
            f"S3 moves nothing from {warm} to {cold}",
            f"the order is {', '.join(name.lower() for name in CLASSES)}",
        )
    elif warm in _INFREQUENT and late < early + LEAST_DAYS[warm]:
        yield (
            f"{cold.lower()}: an object stays {LEAST_DAYS[warm]} days in {warm}",
            f"write {cold.lower()}: {early + LEAST_DAYS[warm]} days, or leave {warm.lower()} out",
        )


def _table_mistakes(rule: LifecycleRule) -> Iterator[tuple[str, str]]:
    why = "S3 cannot tell by its age whether a table still needs a file"
    if rule.expire_days is not None:
        yield (
            f"expire: {why}",
            "leave it out: vacuum deletes what no version needs (retention:)",
        )
    for name, _ in rule.transitions:
        if name != INTELLIGENT_TIERING:
            yield (
                f"{name.lower()}: {why}, and reading it there costs",
                ("write intelligent_tiering: 0 days, by which S3 moves what is seldom read"),
            )


def place_is_known(place: str) -> bool:
    """Whether `place` names something that rules can be about."""
    head, slash, rest = place.partition("/")
    if head == LANDING:
        return not slash or _names_table(rest)
    if slash:
        return False
    return place in PLACES or (place.partition(".")[0] in PLACES[1:] and _names_table(place))


def _names_table(text: str) -> bool:
    database, dot, table = text.removesuffix("*").partition(".")
    plain = (database + table).replace("_", "a")
    return bool(dot) and bool(database) and plain.isalnum() and plain == plain.lower()


def _most_special_first(rule: LifecycleRule) -> tuple[int, str]:
    return -len(rule.place), rule.place
