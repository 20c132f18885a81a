"""Files of warehouse sensors and of card transactions, as SELECTs.

Pure text. Sensors report every ten minutes as CSV, with words and sentinels where numbers
should be; card transactions come as Parquet, a few of them fraudulent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.samples.calendar import micros
from lakeworks.samples.chance import instant

if TYPE_CHECKING:
    from lakeworks.samples.calendar import Delivery
    from lakeworks.samples.world import World

_READINGS_A_DAY = 144
_EVERY_US = 600_000_000
_ZONES = ("cold store", "loading dock", "hall A", "hall B")
_MERCHANTS = 500
_KINDS = ("grocery",) * 5 + (
    "fuel",
    "fuel",
    "restaurant",
    "restaurant",
    "travel",
    "electronics",
)
_ENTRIES = ("chip",) * 4 + ("contactless",) * 5 + ("online",) * 3
_ABROAD = ("RO", "BR", "NG", "VN")
READING_DAYS = 14


def sensors(world: World) -> int:
    """How many sensors the warehouse has."""
    return min(200, max(10, world.orders // 2000))


def readings(world: World, delivery: Delivery) -> str:
    """CSV rows of all sensors over the days of a delivery, in order of time."""
    dice = world.dice
    count = sensors(world)
    begin, end = (
        day * _READINGS_A_DAY * count for day in (delivery.first_day, delivery.end_day)
    )
    zone = f"1 + s % {len(_ZONES)}"
    wave = f"2 * sin(2 * pi() * (r % {_READINGS_A_DAY}) / {_READINGS_A_DAY})"
    celsius = f"[4, 14, 19, 21][{zone}] + {wave} + {dice.uniform('k', 'noise')} - 0.5"
    spike = dice.chance("k", "spike", 0.001)
    twice = world.roll("k", "reading again", "reading_duplicate")
    return world.select(
        [
            f"select unnest(range({begin}::bigint, {end}::bigint)) as k",
            (
                f"unnest(case when {twice} then [1, 2] else [1] end) as copy, "
                f"k % {count} as s, k // {count} as r"
            ),
            f"{celsius} + case when {spike} then 15 else 0 end as celsius",
        ],
        f"printf('SENSOR-%03d', s + 1) as sensor_id, "
        f"{[*_ZONES]}[{zone}] as zone, "
        f"{instant(f'{micros()} + r * {_EVERY_US} + s * 1000000')} as reading_time, "
        f"case when {world.roll('k', 'reading text', 'reading_text')} then 'ERR' "
        f"when {world.roll('k', 'sentinel', 'reading_sentinel')} then '-999' "
        "else printf('%.2f', celsius) end as temperature_c, "
        f"printf('%.1f', 45 + 10 * {dice.uniform('k', 'humidity')}) as humidity_pct, "
        f"printf('%.2f', 3.7 - 0.002 * ((r // {_READINGS_A_DAY} + s * 7) % 200)) as battery_v",
    )


def card_transactions(
    world: World, begin: int, end: int, *, again: int, delivery: Delivery
) -> str:
    """Parquet rows of card payments anywhere: who, where, how much, and whether by fraud."""
    _ = again, delivery
    dice = world.dice
    cards = max(20, world.customers)
    u, m = dice.uniform("i", "card"), dice.uniform("i", "merchant")
    amount = f"exp(2.2 + 1.1 * ({dice.uniform('i', 'a')} + {dice.uniform('i', 'b')}))"
    fraud = world.roll("i", "fraud", "card_fraud")
    reversal = world.roll("i", "reversal", "card_reversal")
    factor = f"case when fraud then 9 when {reversal} then -1 else 1 end"
    twice = world.roll("i", "card again", "card_duplicate")
    return world.select(
        [
            f"select * from ({world.slots(begin, end)}) where {dice.chance('i', 'swipe', 0.5)}",
            (
                f"unnest(case when {twice} then [1, 2] else [1] end) as copy, "
                f"{world.placed_micros()} as placed, {fraud} as fraud, "
                f"floor({cards} * pow({u}, 1.5))::bigint as card, "
                f"floor({_MERCHANTS} * {m} * {m})::bigint as merchant"
            ),
            f"round({amount} * {factor}, 2) as amount",
        ],
        f"printf('X%012d', i) as transaction_id, "
        f"'CARD-' || substr(md5(card::varchar), 1, 12) as card_token, "
        f"printf('4539********%04d', {dice.below('card', 'digits', 10000)}) as card_number, "
        "printf('M%05d', merchant + 1) as merchant_id, "
        f"{dice.pick('merchant', 'kind', _KINDS)} as merchant_category, "
        f"case when fraud then {dice.pick('i', 'abroad', _ABROAD)} else 'US' end "
        "as merchant_country, "
        f"case when {world.roll('i', 'no amount', 'card_null_amount')} then null "
        "else amount::decimal(12, 2) end as amount, 'USD' as currency, "
        f"case when fraud then 'online' else {dice.pick('i', 'entry', _ENTRIES)} end "
        "as entry_mode, make_timestamp(placed + 5000000)::timestamptz as transaction_time, "
        "fraud as is_fraud",
    )
