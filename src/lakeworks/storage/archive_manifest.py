"""What left the landing zone, and where it is: one manifest for each arrival. Pure."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Self

from lakeworks.core.names import TableName

EXPIRED = "EXPIRED"
_PACKED = ".zst"


@dataclass(frozen=True, slots=True, order=True)
class Arrival:
    """What arrived for a table in one batch on one day."""

    table: TableName
    day: date
    batch: int

    @property
    def folder(self) -> str:
        """Its folder below the landing zone, and below a storage class's folder."""
        return f"{self.table}/{self.day.isoformat()}/{self.batch}"

    def age_days(self, now: datetime) -> int:
        """Return how many whole days ago it arrived."""
        return (now.astimezone(UTC).date() - self.day).days


@dataclass(frozen=True, slots=True)
class ArchivedFile:
    """One file of an arrival.

    Attributes:
        path: Below the arrival's folder, as it was in the landing zone.
        sha256: Of its bytes as they arrived.
        stored_bytes: What it takes in the archive; `packed` there with zstd.
    """

    path: str
    size_bytes: int
    sha256: str
    stored_bytes: int
    packed: bool

    @property
    def stored_path(self) -> str:
        """Its path below the arrival's folder in the archive."""
        return self.path + (_PACKED if self.packed else "")


@dataclass(frozen=True, slots=True)
class Manifest:
    """Where one arrival is.

    Attributes:
        storage_class: The folder of the archive that holds it, or `EXPIRED`.
        at: When it got there.
        restored_until: Copies of the files are in the landing zone until then.
    """

    arrival: Arrival
    storage_class: str
    at: datetime
    files: tuple[ArchivedFile, ...]
    restored_until: datetime | None = None

    @property
    def expired(self) -> bool:
        """Whether the files are gone for good."""
        return self.storage_class == EXPIRED

    @property
    def size_bytes(self) -> int:
        """The size of the files as they arrived."""
        return sum(one.size_bytes for one in self.files)

    @property
    def stored_bytes(self) -> int:
        """What the files take in the archive."""
        return 0 if self.expired else sum(one.stored_bytes for one in self.files)

    def to_bytes(self) -> bytes:
        """Return it as JSON."""
        until = self.restored_until
        told = {
            "table": str(self.arrival.table),
            "day": self.arrival.day.isoformat(),
            "batch": self.arrival.batch,
            "storage_class": self.storage_class,
            "at": self.at.isoformat(),
            "restored_until": until.isoformat() if until else None,
            "files": [asdict(one) for one in self.files],
        }
        return json.dumps(told, indent=1).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote.

        Raises:
            ValueError: it is no JSON, or a value is none of ours.
            KeyError: something is missing.
        """
        told = json.loads(data)
        until = told["restored_until"]
        table = TableName.parse(told["table"])
        return cls(
            Arrival(table, date.fromisoformat(told["day"]), told["batch"]),
            told["storage_class"],
            datetime.fromisoformat(told["at"]),
            tuple(ArchivedFile(**one) for one in told["files"]),
            datetime.fromisoformat(until) if until else None,
        )
