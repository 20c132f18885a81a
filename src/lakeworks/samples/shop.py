"""Write the files of a realistic, dirty e-commerce world, the same bytes for the same request.

`generate_shop` makes every feed, in folders by day; `generate_orders` makes orders alone, for
benchmarks. The rates of all flaws are in `world.DIRT`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from lakeworks.core import events
from lakeworks.samples import devices, people, web
from lakeworks.samples import orders as selling
from lakeworks.samples.calendar import HISTORY_DAYS, Delivery, day_date
from lakeworks.samples.errors import SampleRequestError
from lakeworks.samples.world import CORRECTED_BACK_DAYS, PRICE_DAYS, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import date
    from pathlib import Path

    from lakeworks.engines.duckdb.export import Export, Exported, ExportFormat

MAX_ORDERS = 1_000_000_000
# About 40 MB of orders as plain JSON lines.
_FILE_ROWS = 80_000
_DAILY_FROM_ORDERS = 100_000
_ENDINGS: Mapping[str, str] = {
    "json": "json",
    "json_array": "json",
    "csv": "csv",
    "parquet": "parquet",
    "lines": "json",
}


@dataclass(frozen=True, slots=True)
class Generated:
    """What was written.

    Attributes:
        rows: Feed name to rows written, torn and broken lines included.
        first_day, last_day: The days that the files tell of.
    """

    directory: Path
    files: int
    size_bytes: int
    rows: Mapping[str, int]
    first_day: date
    last_day: date


class _SlotSelect(Protocol):
    def __call__(
        self, world: World, begin: int, end: int, *, again: int, delivery: Delivery
    ) -> str: ...


@dataclass(frozen=True, slots=True)
class _SlotFeed:
    """A feed whose rows belong to orders, in files of as many orders each."""

    name: str
    select: _SlotSelect
    format: ExportFormat
    ending: str = ""
    back_days: int = CORRECTED_BACK_DAYS
    last_days: int | None = None
    gzip: Callable[[int], bool] = lambda _: False
    weekly: bool = False


@dataclass(frozen=True, slots=True)
class _DayFeed:
    """A feed whose rows belong to days, one file a delivery."""

    name: str
    select: Callable[[World, Delivery], str]
    format: ExportFormat
    every_days: int
    last_days: int | None = None


_SLOT_FEEDS = (
    _SlotFeed("orders", selling.orders, "lines", gzip=lambda number: number % 2 == 1),
    _SlotFeed("order_items", selling.order_items, "csv", back_days=1, gzip=lambda _: True),
    _SlotFeed("payments", selling.payments, "lines", back_days=1),
    _SlotFeed("web_events", web.events, "lines", back_days=1, gzip=lambda _: True),
    _SlotFeed("access_log", web.access_log, "lines", "log", 0, web.LOG_DAYS),
    _SlotFeed(
        "card_transactions", devices.card_transactions, "parquet", back_days=0, weekly=True
    ),
)
_DAY_FEEDS = (
    _DayFeed("customers", people.customers, "csv", 7),
    _DayFeed("products", people.products, "parquet", PRICE_DAYS),
    _DayFeed("support_tickets", people.tickets, "json_array", 7),
    _DayFeed("sensor_readings", devices.readings, "csv", 1, devices.READING_DAYS),
)


def generate_shop(  # noqa: PLR0913 - what a user may choose
    directory: Path,
    *,
    orders: int,
    seed: int,
    day: int = 1,
    days: int = HISTORY_DAYS,
    compress: bool | None = None,
    workers: int | None = None,
) -> Generated:
    """Write the landing files of the sample shop below `directory`, a folder a feed.

    Files are called `<feed>/<arrival day>/part-0001.<ending>`. Files of that name are replaced
    by the same bytes; nothing else is touched.

    Args:
        directory: The folder of the feeds; made when missing.
        orders: Orders in the history; the other feeds grow with it.
        seed: Decides everything that looks random.
        day: 1 writes the history; 2 and later write one further day each, in the same folder.
            From day 2 on, orders and customers have a field more.
        days: How long the history is.
        compress: All JSON and CSV files compressed or none; each feed's own habit when None.
        workers: Files written at once; the number of processors when left out.

    Raises:
        SampleRequestError: a number that does not exist.
    """
    from lakeworks.engines.duckdb.export import export_all

    _check("orders", orders, 1, MAX_ORDERS)
    _check("days", days, 1, 3 * HISTORY_DAYS)
    _check("day", day, 1, 365)
    world = World(orders, seed, days)
    named: list[str] = []
    exports: list[Export] = []
    for name, one in _shop_exports(directory, world, day=day, compress=compress):
        named.append(name)
        exports.append(one)
    with events.span("samples.shop", files=len(exports)):
        done = export_all(exports, workers=workers, on_done=_announce)
    last = days + day - 2
    return _generated(directory, named, done, (0 if day == 1 else last, last))


def generate_orders(
    directory: Path,
    *,
    orders: int = 10_000_000,
    seed: int = 1,
    compressed_share: float = 0.5,
    files: int | None = None,
    workers: int | None = None,
) -> Generated:
    """Write only orders, as `part-0001.json` and `part-0002.json.gz`, for benchmarks.

    The orders are those of `generate_shop` without a folder a day: flaws, corrections and
    duplicates included.

    Args:
        directory: The folder of the files; made when missing.
        orders: New orders; about 1 % more rows are written.
        seed: Decides everything that looks random.
        compressed_share: The share of the files that is compressed with gzip.
        files: How many files; files of about 40 MB (uncompressed) when left out.
        workers: Files written at once; the number of processors when left out.

    Raises:
        SampleRequestError: a number that does not exist.
    """
    from lakeworks.engines.duckdb.export import Export, export_all

    _check("orders", orders, 1, MAX_ORDERS)
    _check("compressed_share", compressed_share, 0, 1)
    world = World(orders, seed)
    count = files or -(-orders // _FILE_ROWS)
    _check("files", count, 1, orders)
    bounds = [orders * number // count for number in range(count + 1)]
    exports = []
    for number in range(count):
        begin, end = bounds[number], bounds[number + 1]
        # Spread evenly: the number of compressed files grows by one now and then.
        share = compressed_share
        gzip = int((number + 1) * share) > int(number * share)
        sent = min(world.days - 1, 1 + world.days * end // orders)
        sql = selling.orders(
            world,
            begin,
            end,
            again=max(0, begin - (end - begin)),
            delivery=Delivery(sent - CORRECTED_BACK_DAYS + 1, sent + 1),
        )
        path = directory / f"part-{number + 1:04}.json{'.gz' if gzip else ''}"
        exports.append(Export(sql, path, "lines", gzip))
    with events.span("samples.orders", files=count):
        done = export_all(exports, workers=workers, on_done=_announce)
    return _generated(directory, ["orders"] * count, done, (0, world.days - 1))


def _shop_exports(
    directory: Path, world: World, *, day: int, compress: bool | None
) -> Iterator[tuple[str, Export]]:
    from lakeworks.engines.duckdb.export import Export

    for dated in _DAY_FEEDS:
        for delivery in _day_deliveries(world, dated, day):
            text = dated.format in {"csv", "json_array"}
            gzip = bool(compress) and text
            ending = _ENDINGS[dated.format] + (".gz" if gzip else "")
            path = directory / dated.name / delivery.folder / f"part-0001.{ending}"
            yield dated.name, Export(dated.select(world, delivery), path, dated.format, gzip)
    for feed in _SLOT_FEEDS:
        yield from (
            (feed.name, one)
            for one in _slot_exports(directory, world, feed, day=day, compress=compress)
        )


def _day_deliveries(world: World, feed: _DayFeed, day: int) -> list[Delivery]:
    found = world.calendar.deliveries(
        day=day, every_days=feed.every_days, last_days=feed.last_days
    )
    if feed.name != "products":
        return found
    # Prices change on the first day of a period; the list arrives on that day.
    starts = [one for one in found if one.first_day % PRICE_DAYS == 0]
    return [Delivery(one.first_day, one.first_day + 1) for one in starts]


def _slot_exports(
    directory: Path, world: World, feed: _SlotFeed, *, day: int, compress: bool | None
) -> Iterator[Export]:
    from lakeworks.engines.duckdb.export import Export

    calendar = world.calendar
    every = 7 if feed.weekly or world.orders < _DAILY_FROM_ORDERS else 1
    deliveries = calendar.deliveries(day=day, every_days=every, last_days=feed.last_days)
    number = 0
    for delivery in deliveries:
        begin, end = calendar.first(delivery.first_day), calendar.first(delivery.end_day)
        again = world.back(begin, delivery.first_day, feed.back_days)
        parts = max(1, -(-(end - begin) // _FILE_ROWS))
        bounds = [begin + (end - begin) * part // parts for part in range(parts + 1)]
        for part in range(parts):
            number += 1
            # Only the last file of a delivery repeats and corrects what came before it.
            since = again if part == parts - 1 else bounds[part]
            sql = feed.select(
                world, bounds[part], bounds[part + 1], again=since, delivery=delivery
            )
            text = feed.format != "parquet"
            gzip = text and (feed.gzip(number) if compress is None else compress)
            ending = (feed.ending or _ENDINGS[feed.format]) + (".gz" if gzip else "")
            path = directory / feed.name / delivery.folder / f"part-{part + 1:04}.{ending}"
            yield Export(sql, path, feed.format, gzip)


def _generated(
    directory: Path, named: list[str], done: list[Exported], days: tuple[int, int]
) -> Generated:
    rows: dict[str, int] = {}
    for name, one in zip(named, done, strict=True):
        rows[name] = rows.get(name, 0) + one.rows
    size = sum(one.size_bytes for one in done)
    first, last = (day_date(number) for number in days)
    return Generated(directory, len(done), size, rows, first, last)


def _announce(done: Exported) -> None:
    events.emit("samples.file", path=str(done.path), rows=done.rows, bytes=done.size_bytes)


def _check(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise SampleRequestError.out_of_range(name, value, least, most)
