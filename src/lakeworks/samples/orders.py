"""Files of orders, their lines and their payments, as SELECTs.

Pure text. A file of orders holds the new orders of its slots, then corrections of earlier
orders (the same `order_id`, a later `updated_at`), then rows sent twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.samples.calendar import micros
from lakeworks.samples.chance import instant
from lakeworks.samples.world import CORRECTED_BACK_DAYS, DIRT, MAX_LINES

if TYPE_CHECKING:
    from lakeworks.samples.calendar import Delivery
    from lakeworks.samples.world import World

_STATUSES = ("completed",) * 7 + ("pending",) * 2 + ("cancelled",)
_SETTLED = ("completed",) * 6 + ("cancelled",) * 2 + ("returned",) * 2
_CHANNELS = ("web",) * 5 + ("app",) * 4 + ("store",)
_METHODS = ("card",) * 6 + ("paypal",) * 2 + ("bank_transfer", "gift_card")
_LINES = range(1, MAX_LINES + 1)


def orders(world: World, begin: int, end: int, *, again: int, delivery: Delivery) -> str:
    """Lines of JSON with the orders [begin, end), corrections and rows sent again.

    Args:
        world: The shop.
        begin: The first new slot.
        end: The slot after the last new one.
        again: The slot from which on earlier orders may be corrected or sent again.
        delivery: The days of the delivery; corrections happen on the last of them.
    """
    coupon = f", coupon_code: {_coupon(world)}" if delivery.first_day >= world.days else ""
    struct = (
        f"{{order_id: {order_id('i')}, customer_id: customer_id, customer_email: email, "
        "order_status: status, order_amount: amount_cents / 100, currency: 'USD', "
        f"channel: {world.dice.pick('i', 'channel', _CHANNELS)}, "
        f"created_at: {_created(world)}, updated_at: {instant('updated')}, "
        f"shipping_address: {_ship_to(world)}, items: list_slice([{_items(world)}], 1, lines)"
        f"{coupon}}}"
    )
    bare = world.select(
        [
            _sent_slots(world, begin, end, again=again, delivery=delivery),
            f"{world.customer()} as c, {world.placed_micros()} as placed",
            f"{world.customer_id('c')} as known_id, {_times(world)}, {_basket(world)}",
            _amounts(world),
            f"{_status(world)} as status, {_customer_columns(world)}, {_amount(world)}",
        ],
        f"i, kind, to_json({struct})::varchar as line",
    )
    return f"select {_torn(world, _amount_text(world))} as line from ({bare})"


def order_items(world: World, begin: int, end: int, *, again: int, delivery: Delivery) -> str:
    """The lines of the orders [begin, end), one row a line; some sent again."""
    _ = delivery
    source = (
        f"select *, 0 as kind from ({world.slots(begin, end)}) union all "
        f"select *, 2 from ({world.slots(again, end)}) "
        f"where {world.roll('i', 'order again', 'order_duplicate')}"
    )
    rows = ", ".join(
        f"{{line_no: {n}, p: p{n}, quantity: q{n}, cents: {world.price_cents(f'p{n}', 'day')}}}"
        for n in _LINES
    )
    return world.select(
        [
            source,
            f"{world.placed_micros()} as placed",
            _basket(world),
            f"unnest(list_slice([{rows}], 1, lines)) as x, i * 8 as base",
            "base + x.line_no as k",
        ],
        f"{order_id('i')} as order_id, x.line_no as line_no, "
        f"case when {world.roll('k', 'no product', 'item_null_product')} then null "
        f"else {world.product_id('x.p')} end as product_id, "
        f"case when {world.roll('k', 'quantity text', 'item_quantity_text')} then 'two' "
        f"when {world.roll('k', 'quantity zero', 'item_quantity_zero')} then '0' "
        "else x.quantity::varchar end as quantity, "
        f"printf('%.2f', x.cents / 100) as unit_price, {instant('placed')} as created_at",
    )


def payments(world: World, begin: int, end: int, *, again: int, delivery: Delivery) -> str:
    """Lines of JSON with what was paid: failed tries, then the payment; some sent again."""
    _ = delivery
    dice = world.dice
    source = (
        f"select *, false as repeated from ({world.slots(begin, end)}) "
        f"where not {world.roll('i', 'payment missing', 'payment_missing')} union all "
        f"select *, true from ({world.slots(again, end)}) "
        f"where {world.roll('i', 'payment again', 'payment_duplicate')}"
    )
    failed = world.roll("i", "payment failed", "payment_failed")
    struct = (
        f"{{payment_id: printf('PAY%010d-%d', i, try), order_id: paid_order, "
        f"method: {dice.pick('i', 'method', _METHODS)}, amount: cents / 100, currency: 'USD', "
        "status: case when try = tries then 'captured' else 'failed' end, "
        f"paid_at: {instant('placed + try * 45000000')}}}"
    )
    bare = world.select(
        [
            source,
            f"{world.placed_micros()} as placed",
            _basket(world),
            _amounts(world),
            (
                f"case when {failed} then 2 else 1 end as tries, "
                f"case when {world.roll('i', 'payment stray', 'payment_unknown_order')} "
                f"then 'UNKNOWN' else {order_id('i')} end as paid_order"
            ),
            "unnest(range(1, tries + 1)) as try",
        ],
        f"i, to_json({struct})::varchar as line",
    )
    text = r"""regexp_replace(line, '"amount":[0-9.]+', '"amount":"N/A"')"""
    return (
        f"select case when {world.roll('i', 'paid text', 'payment_amount_text')} then {text} "
        f"else line end as line from ({bare})"
    )


def order_id(slot: str) -> str:
    """The identifier of the order of a slot."""
    return f"printf('O%010d', {slot})"


def _sent_slots(world: World, begin: int, end: int, *, again: int, delivery: Delivery) -> str:
    sent = delivery.end_day - 1
    late = f"(i * 1009 + {sent})"
    # Every order is looked at once in each delivery of the following seven days.
    looks = min(1.0, (delivery.end_day - delivery.first_day) / CORRECTED_BACK_DAYS)
    corrected = world.dice.chance(late, "order corrected", looks * DIRT["order_corrected"])
    return (
        f"select *, 0 as kind, 0::bigint as sent from ({world.slots(begin, end)}) union all "
        f"select *, 1, {sent} from ({world.slots(again, begin)}) "
        f"where {corrected} union all "
        f"select *, 2, 0 from ({world.slots(again, end)}) "
        f"where {world.roll('i', 'order again', 'order_duplicate')}"
    )


def _times(world: World) -> str:
    dice = world.dice
    days = f"least(day, 1 + {dice.below('i', 'late days', 3)})"
    late = world.roll("i", "order late", "order_late")
    noon = f"{micros()} + sent * 86400000000 + {dice.below('i', 'corrected', 43200)} * 1000000"
    created = f"placed - case when {late} then {days} * 86400000000 else 0 end"
    return (
        f"{created} as created, case when kind = 1 then {noon} + 43200000000 "
        f"else {created} + {dice.below('i', 'settled', 1800)} * 1000000 end as updated"
    )


def _basket(world: World) -> str:
    u = world.dice.uniform("i", "lines")
    products = ", ".join(f"{world.product_of_line(n)} as p{n}" for n in _LINES)
    quantities = ", ".join(
        f"1 + floor(5 * pow({world.dice.uniform('i', f'quantity {n}')}, 6))::bigint as q{n}"
        for n in _LINES
    )
    return f"1 + floor({u} * {u} * {MAX_LINES})::bigint as lines, {products}, {quantities}"


def _amounts(world: World) -> str:
    lines = " + ".join(
        f"case when lines >= {n} then q{n} * {world.price_cents(f'p{n}', 'day')} else 0 end"
        for n in _LINES
    )
    tenth_off = world.dice.chance("i", "discount", 0.08)
    return f"({lines}) * case when {tenth_off} then 90 else 100 end // 100 as cents"


def _amount(world: World) -> str:
    goodwill = world.dice.chance("(i * 1009 + sent)", "goodwill", 0.3)
    negative = world.roll("i", "amount negative", "order_amount_negative")
    return (
        f"case when kind = 1 and {goodwill} then cents * 9 // 10 "
        f"when kind <> 1 and {negative} then -cents else cents end as amount_cents"
    )


def _status(world: World) -> str:
    first = world.dice.pick("i", "status", _STATUSES)
    loud = world.dice.chance("i", "shouted", 0.01)
    shouted = f"case when {loud} then upper({first}) else {first} end"
    settled = world.dice.pick("(i * 1009 + sent)", "settled status", _SETTLED)
    return f"case when kind = 1 then {settled} else {shouted} end"


def _customer_columns(world: World) -> str:
    unknown = f"kind <> 1 and {world.roll('i', 'no customer', 'order_null_customer')}"
    untidy = world.dice.chance("i", "untidy email", 0.05)
    clean = world.email("c")
    return (
        f"case when {unknown} then null else known_id end as customer_id, "
        f"case when {unknown} then null when {untidy} then upper({clean}) || ' ' "
        f"else {clean} end as email"
    )


def _created(world: World) -> str:
    bad = f"kind <> 1 and {world.roll('i', 'bad time', 'order_bad_time')}"
    return f"case when {bad} then '0000-00-00' else {instant('created')} end"


def _ship_to(world: World) -> str:
    gift = world.dice.chance("i", "gift", 0.05)
    return world.address("c", f"case when {gift} then 7 else 0 end")


def _items(world: World) -> str:
    return ", ".join(
        f"{{product_id: {world.product_id(f'p{n}')}, quantity: q{n}, "
        f"unit_price: {world.price_cents(f'p{n}', 'day')} / 100}}"
        for n in _LINES
    )


def _coupon(world: World) -> str:
    used = world.dice.chance("i", "coupon", 0.15)
    return f"case when {used} then 'JANUARY' || (5 * (1 + i % 3)) else null end"


def _amount_text(world: World) -> str:
    text = r"""regexp_replace(line, '"order_amount":-?[0-9.]+', '"order_amount":"N/A"')"""
    bad = f"kind <> 1 and {world.roll('i', 'amount text', 'order_amount_text')}"
    return f"case when {bad} then {text} else line end"


def _torn(world: World, line: str) -> str:
    torn = f"kind = 0 and {world.roll('i', 'torn', 'order_torn_line')}"
    length = f"(10 + {world.dice.below('i', 'torn at', 200)})"
    return f"case when {torn} then left({line}, {length}) else {line} end"
