"""What an erasure found, erased and left, by place: plain data, without the person's values."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

Kind = Literal[
    "table", "quarantine", "history", "landing", "archive", "results", "staging", "catalog",
    "audit", "outside",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere in the lake where the person was.

    Attributes:
        found, erased, left: Rows, records or texts; of history, counted in each file.
        files: Files that were deleted or written anew.
        note: What is to be known of it; why something is left.
        kept: Whether what is left there is left on purpose.
    """

    kind: Kind
    name: str
    found: int = 0
    erased: int = 0
    left: int = 0
    files: int = 0
    note: str = ""
    kept: bool = False

    def __str__(self) -> str:
        return self.name if self.kind in {"table", "quarantine"} else f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class ErasureReport:
    """One erasure, or with `dry_run` what it would do.

    Attributes:
        subject_hash: Salted SHA-256 (scrypt) of the subject; its value is nowhere.
        identified_by: The names given on the command line.
        columns: The columns that name the person, as `table.column`.
        unidentified: Tables made from the person's rows in which nobody can be told apart.
        elsewhere: Copies that are not the lake's: to be dealt with by whoever owns them.
        not_reached: What no erasure reaches, as far as this lake may have it.
    """

    erasure_id: str
    state: str
    subject_hash: str = ""
    identified_by: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    places: tuple[Place, ...] = ()
    unidentified: tuple[tuple[str, str], ...] = ()
    elsewhere: tuple[str, ...] = ()
    not_reached: tuple[str, ...] = ()
    snapshot: int | None = None
    seconds: float = 0.0
    dry_run: bool = False

    @property
    def left(self) -> tuple[Place, ...]:
        """The places where something is left that was not to be."""
        return tuple(one for one in self.places if one.left and not one.kept)

    @property
    def erased_rows(self) -> int:
        """How much was erased."""
        return sum(one.erased for one in self.places)

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {**asdict(self), "unidentified": dict(self.unidentified)}

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> ErasureReport:
        """Read what `as_json` wrote."""
        names = {one.name for one in fields(cls)}
        told = {key: value for key, value in plain.items() if key in names}
        for name in ("identified_by", "columns", "elsewhere", "not_reached"):
            told[name] = tuple(told.get(name, ()))
        told["places"] = tuple(Place(**one) for one in told.get("places", ()))
        told["unidentified"] = tuple(told.get("unidentified", {}).items())
        return cls(**told)


@dataclass
class Gathered:
    """Places as they are gathered, by kind and name."""

    places: dict[tuple[Kind, str], Place] = field(default_factory=dict)

    def note(self, kind: Kind, name: str, **figures: Any) -> None:  # noqa: ANN401 - of Place
        """Add figures to a place; texts and marks replace what was said before."""
        before = self.places.get((kind, name), Place(kind, name))
        told: dict[str, Any] = {
            key: value if isinstance(value, bool | str) else getattr(before, key) + value
            for key, value in figures.items()
        }
        after = replace(before, **told)
        if after != Place(kind, name):
            self.places[kind, name] = after

    def sorted(self) -> tuple[Place, ...]:
        """Return the places, by kind and name."""
        return tuple(self.places[key] for key in sorted(self.places))


def listed(values: Iterable[Place]) -> list[str]:
    """Return places in words, with what is left in each."""
    return [
        f"{one} has {one.left:,} left{f' ({one.note})' if one.note else ''}" for one in values
    ]
