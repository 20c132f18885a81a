"""What Amazon S3 asks for storage, by storage class: the one place that holds prices of ours.

Prices are those of us-east-1, in dollars, as AWS's price page (https://aws.amazon.com/s3/pricing/)
stood on `AS_OF`; the first 50 TB of a month, without taxes, transfer and free tiers. lake.yml
(`prices:`) may say others for storage. Minimum sizes and times are of the same page.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

AS_OF = "2025-12-01"
REGION = "us-east-1"
GB = 1024**3
KB = 1024
SMALL_BYTES = 128 * KB
COMPUTE_USD_S = 0.10 / 3600
"""A machine with two cores, by the second: what time spent reading is worth."""
SCAN_USD_BYTE = 5.0 / 1024**4
"""What Athena asks for scanned data, which is what a query is worth that scans less."""


@dataclass(frozen=True, slots=True)
class StorageClass:
    """One storage class.

    Attributes:
        gb_month: For a GB stored a month.
        least_bytes: A smaller object is billed as one of this size.
        least_days: An object that goes earlier is billed for so many days.
        overhead_bytes: Billed with each object at this class's price.
        index_bytes: Billed with each object at the price of STANDARD.
        object_month: For each object a month, whatever its size.
        read_gb: For reading a GB.
        put_1000, get_1000, move_1000: For 1,000 requests; `move` is a lifecycle transition into it.
        restore_hours: Until an object can be read, by the standard way; 0: at once.
    """

    name: str
    gb_month: float
    least_bytes: int = 0
    least_days: int = 0
    overhead_bytes: int = 0
    index_bytes: int = 0
    object_month: float = 0.0
    read_gb: float = 0.0
    put_1000: float = 0.005
    get_1000: float = 0.0004
    move_1000: float = 0.0
    restore_hours: int = 0


_TABLE = (
    StorageClass("STANDARD", 0.023),
    # Objects that are read less drift to 0.0125 and 0.004 by themselves; smaller ones never do,
    # and are not watched either.
    StorageClass("INTELLIGENT_TIERING", 0.023, object_month=0.0025 / 1000, move_1000=0.01),
    StorageClass(
        "STANDARD_IA", 0.0125, least_bytes=SMALL_BYTES, least_days=30, read_gb=0.01,
        put_1000=0.01, get_1000=0.001, move_1000=0.01,
    ),
    StorageClass(
        "ONEZONE_IA", 0.01, least_bytes=SMALL_BYTES, least_days=30, read_gb=0.01,
        put_1000=0.01, get_1000=0.001, move_1000=0.01,
    ),
    StorageClass(
        "GLACIER_IR", 0.004, least_bytes=SMALL_BYTES, least_days=90, read_gb=0.03,
        put_1000=0.02, get_1000=0.01, move_1000=0.02,
    ),
    StorageClass(
        "GLACIER", 0.0036, least_days=90, overhead_bytes=32 * KB, index_bytes=8 * KB,
        read_gb=0.01, put_1000=0.03, get_1000=0.05, move_1000=0.03, restore_hours=5,
    ),
    StorageClass(
        "DEEP_ARCHIVE", 0.00099, least_days=180, overhead_bytes=32 * KB, index_bytes=8 * KB,
        read_gb=0.02, put_1000=0.05, get_1000=0.10, move_1000=0.05, restore_hours=12,
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Amount:
    """Some files: how many, how large, and how many of them are small.

    Attributes:
        small_files, small_bytes: Those of less than 128 KB, which some classes bill as such.
    """

    files: int = 0
    size_bytes: int = 0
    small_files: int = 0
    small_bytes: int = 0

    @classmethod
    def of(cls, sizes: Iterable[int]) -> Amount:
        """Add up files by their sizes."""
        every = list(sizes)
        small = [size for size in every if size < SMALL_BYTES]
        return cls(len(every), sum(every), len(small), sum(small))

    def __add__(self, other: Amount) -> Amount:
        return Amount(
            self.files + other.files,
            self.size_bytes + other.size_bytes,
            self.small_files + other.small_files,
            self.small_bytes + other.small_bytes,
        )


class Prices:
    """The prices that hold for one lake.

    Args:
        own: Dollars for a GB-month by storage class, in place of ours.
    """

    def __init__(self, own: Mapping[str, float] | None = None) -> None:
        changed = own or {}
        self.classes = {
            one.name: replace(one, gb_month=changed.get(one.name, one.gb_month))
            for one in _TABLE
        }

    def month(self, storage_class: str, amount: Amount) -> float:
        """Return what storing these files costs a month, in dollars."""
        asked = self.classes[storage_class]
        billed = amount.size_bytes
        watched = amount.files
        if asked.least_bytes:
            billed += amount.small_files * asked.least_bytes - amount.small_bytes
        if asked.object_month:
            watched -= amount.small_files
        billed += amount.files * asked.overhead_bytes
        index = amount.files * asked.index_bytes / GB * self.classes["STANDARD"].gb_month
        return billed / GB * asked.gb_month + index + watched * asked.object_month

    def reading(self, storage_class: str, amount: Amount) -> float:
        """Return what reading these files once costs, in dollars."""
        asked = self.classes[storage_class]
        return amount.size_bytes / GB * asked.read_gb + amount.files / 1000 * asked.get_1000

    def moving(self, storage_class: str, amount: Amount) -> float:
        """Return what it costs to move these files there by a lifecycle rule, in dollars."""
        return amount.files / 1000 * self.classes[storage_class].move_1000
