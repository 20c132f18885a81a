"""Files of web events and of the web server's access log, as SELECTs.

Pure text. A session belongs to the slot of an order: it ends in that order's purchase, or in
nothing. Some events arrive late, twice, or torn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.samples.chance import instant
from lakeworks.samples.orders import order_id

if TYPE_CHECKING:
    from lakeworks.samples.calendar import Delivery
    from lakeworks.samples.world import World

_DEVICES = ("mobile",) * 5 + ("desktop",) * 4 + ("tablet",)
_BROWSERS = ("Chrome",) * 6 + ("Safari",) * 3 + ("Firefox",)
_SOURCES = ("search", "search", "direct", "email", "social", "ads")
_STATUS = ("200",) * 90 + ("304",) * 4 + ("404",) * 4 + ("500", "301")
_PAGES = ("/", "/search", "/cart", "/product", "/product", "/product", "/account", "/api/items")
_AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/142.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/605.1",
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "Mozilla/5.0 (compatible; ExampleBot/2.1; +https://example.com/bot)",
)
_VERBS = ("GET",) * 9 + ("POST",)
_LINE_KEY = 16
LOG_DAYS = 30


def events(world: World, begin: int, end: int, *, again: int, delivery: Delivery) -> str:
    """Lines of JSON: each session's views, its carts and perhaps its purchase."""
    _ = delivery
    dice = world.dice
    buys, looks = dice.chance("i", "buys", 0.12), dice.chance("i", "looks", 0.4)
    source = (
        f"select *, false as repeated from ({world.slots(begin, end)}) where {buys} or {looks} "
        f"union all select *, true from ({world.slots(again, end)}) where {buys} or {looks}"
    )
    held = world.roll("k", "event late", "event_late")
    late = f"case when {held} then 7200000000 else 3000000 end"
    twice = world.roll("k", "event again", "event_duplicate")
    struct = (
        "{event_id: printf('E%012d', k), session_id: printf('S%010d', i), "
        f"customer_id: case when {dice.chance('i', 'anonymous', 0.3)} and not bought then null "
        f"else {world.customer_id('c')} end, "
        f"event_type: case when {world.roll('k', 'no type', 'event_null_type')} then null "
        "else event_type end, "
        f"product_id: case when event_type in ('product_view', 'add_to_cart') then "
        f"{world.product_id(dice.below('k', 'viewed', world.products))} end, "
        f"order_id: case when event_type = 'purchase' then {order_id('i')} end, "
        f"device: {{type: {dice.pick('i', 'device', _DEVICES)}, "
        f"browser: {dice.pick('i', 'browser', _BROWSERS)}}}, "
        f"source: {dice.pick('i', 'source', _SOURCES)}, event_time: {instant('happened')}, "
        f"received_at: {instant(f'happened + {late}')}}}"
    )
    bare = world.select(
        [
            source,
            (
                f"{world.customer()} as c, {world.placed_micros()} as placed, "
                f"{buys} as bought, "
                f"2 + floor(6 * pow({dice.uniform('i', 'events')}, 2))::bigint as n_events"
            ),
            "unnest(range(1, n_events + 1)) as step",
            (
                f"i * {_LINE_KEY} + step as k, "
                "placed - (n_events - step) * 40000000 as happened, "
                f"{_event_type()} as event_type"
            ),
        ],
        f"k, repeated, to_json({struct})::varchar as line",
        f"where not repeated or {twice}",
    )
    torn = f"not repeated and {world.roll('k', 'event torn', 'event_torn_line')}"
    return f"select case when {torn} then left(line, 60) else line end as line from ({bare})"


def access_log(world: World, begin: int, end: int, *, again: int, delivery: Delivery) -> str:
    """Lines of the combined log format, and a few that are not."""
    _ = again, delivery
    dice = world.dice
    address = (
        f"printf('%d.%d.%d.%d', 11 + {dice.below('i', 'ip a', 180)}, "
        f"{dice.below('i', 'ip b', 256)}, {dice.below('i', 'ip c', 256)}, "
        f"1 + {dice.below('i', 'ip d', 254)})"
    )
    page = dice.pick("k", "page", _PAGES)
    path = (
        f"case when {page} = '/product' then '/product/' || "
        f"{world.product_id(dice.below('k', 'page product', world.products))} else {page} end"
    )
    time = "strftime(make_timestamp(placed + step * 1700000), '%d/%b/%Y:%H:%M:%S +0000')"
    verb = dice.pick("k", "verb", _VERBS)
    status = dice.pick("k", "status", _STATUS)
    line = (
        f"{address} || ' - - [' || {time} || '] \"' || {verb} || ' ' || {path} || "
        f"' HTTP/1.1\" ' || {status} || ' ' || (200 + {dice.below('k', 'bytes', 40000)}) || "
        f"' \"-\" \"' || {dice.pick('i', 'agent', _AGENTS)} || '\"'"
    )
    broken = world.roll("k", "log broken", "log_broken_line")
    return world.select(
        [
            world.slots(begin, end),
            (
                f"{world.placed_micros()} as placed, "
                f"unnest(range(1, 2 + {dice.below('i', 'hits', 4)})) as step"
            ),
            f"i * {_LINE_KEY} + step as k",
        ],
        f"case when {broken} then 'kernel: worker ' || k || ' killed' else {line} end as line",
    )


def _event_type() -> str:
    return (
        "case when step = 1 then 'session_start' "
        "when bought and step = n_events then 'purchase' "
        "when bought and step = n_events - 1 then 'add_to_cart' "
        "when step % 2 = 0 then 'product_view' else 'page_view' end"
    )
