"""Files of customers, products and support tickets, as SELECTs.

Pure text. Customers come as CSV with postal codes that begin with zeros, products as Parquet at
each change of prices, tickets as arrays of JSON with their conversation inside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.samples.calendar import micros
from lakeworks.samples.chance import instant, texts
from lakeworks.samples.orders import order_id
from lakeworks.samples.world import CATEGORIES, FIRST_NAMES, LAST_NAMES, PRICE_DAYS

if TYPE_CHECKING:
    from lakeworks.samples.calendar import Delivery
    from lakeworks.samples.world import World

_BRANDS = ("Alder", "Birch", "Corva", "Delft", "Ember", "Fjord", "Gable", "Heron")
_NOUNS = ("Lamp", "Jacket", "Kettle", "Racket", "Puzzle", "Novel", "Speaker", "Cream", "Chair")
_TOPICS = ("delivery",) * 4 + ("refund",) * 2 + ("product",) * 3 + ("account",)
_PRIORITIES = ("low", "normal", "normal", "normal", "high", "urgent")
_QUESTIONS = (
    "Where is my parcel?", "The item arrived broken.", "I was charged twice.",
    "I cannot sign in.", "The size does not fit.",
)  # fmt: skip
_TIERS = ("bronze", "bronze", "silver", "gold")
_YEAR_US = 365 * 86_400_000_000
TICKETS_BACK_DAYS = 21
_RESOLVED_WITHIN_DAYS = 5


def customers(world: World, delivery: Delivery) -> str:
    """CSV rows: who is new in a delivery, who moved, and a few rows sent twice."""
    calendar, dice = world.calendar, world.dice
    begin, end = calendar.first(delivery.first_day), calendar.first(delivery.end_day)
    old = world.customers // 2
    here = f"{world.customers_at('i')} < {world.customers_at('i + 1')}"
    days = delivery.end_day - delivery.first_day
    moved = f"(c * 1009 + {delivery.first_day})"
    seconds = dice.below(moved, "moved at", 86400 * days)
    a_delivery = 0.003 * days / 7
    sources = [
        (
            f"select {world.customers_at('i')} as c, 0 as version, placed as signup, "
            f"placed as updated from (select *, {world.placed_micros()} as placed from "
            f"({world.slots(begin, end)})) where {here}"
        ),
        (
            f"select c, {delivery.first_day} as version, "
            f"case when c < {old} then {_before(world)} "
            f"else {world.placed_micros()} end, "
            f"{micros(delivery.first_day)} + {seconds} * 1000000 "
            f"from ({world.located(_signup_slots(world, begin))}) "
            f"where {dice.chance(moved, 'moved', a_delivery)}"
        ),
    ]
    if delivery.first_day == 0:
        sources.insert(
            0,
            f"select c, 0 as version, {_before(world)} as signup, {_before(world)} as updated "
            f"from (select unnest(range({old}::bigint)) as c)",
        )
    tier = f", {dice.pick('c', 'tier', _TIERS)} as loyalty_tier" * (
        delivery.first_day >= world.days
    )
    rows = " union all ".join(f"select * from ({source})" for source in sources)
    twice = world.roll("c", "customer again", "customer_duplicate")
    return world.select(
        [
            (
                f"with rows as ({rows}) select *, 0 as repeated from rows union all "
                f"select *, 1 from rows where {twice}"
            ),
            f"{world.email('c')} as clean, {world.address('c', 'version')} as home",
        ],
        f"{world.customer_id('c')} as customer_id, "
        f"{dice.pick('c', 'given', FIRST_NAMES)} as first_name, "
        f"{dice.pick('c', 'family', LAST_NAMES)} as last_name, {_email(world)} as email, "
        f"printf('+1-%03d-555-%04d', 201 + {dice.below('c', 'area', 700)}, "
        f"{dice.below('c', 'phone', 10000)}) as phone, {_birth(world)} as birth_date, "
        "home.street as street, home.city as city, home.state as state, home.zip as zip, "
        f"home.country as country, {instant('signup')} as signup_at, "
        f"{dice.pick('c', 'opt in', ('true', 'false'))} as marketing_opt_in, "
        f"{instant('updated')} as updated_at{tier}",
    )


def products(world: World, delivery: Delivery) -> str:
    """Parquet rows: the whole assortment first, then what changed its price."""
    dice = world.dice
    day = delivery.first_day
    cents, before = (
        world.price_cents("p", str(day)),
        world.price_cents("p", f"{day - PRICE_DAYS}"),
    )
    nameless = f"{day} = 0 and {world.roll('p', 'no category', 'product_null_category')}"
    changed = f"where {cents} <> {before} or {_was_nameless(world, day)}" if day else ""
    category = f"{texts(CATEGORIES)}[1 + p % {len(CATEGORIES)}]"
    share = f"(50 + {dice.below('p', 'margin', 30)})"
    name = (
        f"{dice.pick('p', 'brand', _BRANDS)} || ' ' || {dice.pick('p', 'noun', _NOUNS)} "
        "|| ' ' || (p + 1)"
    )
    return world.select(
        [f"select unnest(range({world.products}::bigint)) as p", f"{cents} as cents"],
        f"{world.product_id('p')} as product_id, {name} as name, "
        f"case when {nameless} then null else {category} end as category, "
        f"{dice.pick('p', 'brand', _BRANDS)} as brand, "
        "(cents / 100)::decimal(10, 2) as list_price, "
        f"(cents * {share} // 100 / 100)::decimal(10, 2) as cost, "
        f"(50 + {dice.below('p', 'weight', 9000)})::integer as weight_g, "
        f"make_timestamp({micros(day)})::timestamptz as updated_at",
        changed,
    )


def tickets(world: World, delivery: Delivery) -> str:
    """JSON objects: new tickets, and earlier ones that were resolved and scored since."""
    calendar, dice = world.calendar, world.dice
    begin, end = calendar.first(delivery.first_day), calendar.first(delivery.end_day)
    again = world.back(begin, delivery.first_day, TICKETS_BACK_DAYS)
    ripe = world.back(begin, delivery.first_day, _RESOLVED_WITHIN_DAYS)
    asked = dice.chance("i", "ticket", 0.03)
    late = f"(i * 1009 + {delivery.first_day})"
    source = (
        f"select *, 0 as kind from ({world.slots(begin, end)}) where {asked} union all "
        f"select *, 1 from ({world.slots(again, ripe)}) where {asked} "
        f"and {dice.chance(late, 'resolved', 0.4)}"
    )
    resolved = f"placed + {86_400_000_000 * 2} + ({dice.below(late, 'hours', 72)} * 3600000000)"
    about = dice.chance("i", "about order", 0.7)
    score = f"20 + floor(80 * sqrt({dice.uniform('i', 'score')}))::bigint"
    unscored = dice.chance("i", "unscored", 0.35)
    words = world.roll("i", "score text", "ticket_score_text")
    return world.select(
        [
            source,
            f"{world.customer()} as c, {world.placed_micros()} as placed",
            f"{resolved} as resolved, {score} as score, kind = 1 as done",
        ],
        f"printf('T%010d', i) as ticket_id, "
        f"case when {world.roll('i', 'no asker', 'ticket_null_customer')} then null "
        f"else {world.customer_id('c')} end as customer_id, "
        f"case when {about} then {order_id('i')} end as order_id, "
        f"{dice.pick('i', 'topic', _TOPICS)} as category, "
        f"{dice.pick('i', 'priority', _PRIORITIES)} as priority, "
        "case when done then 'resolved' else 'open' end as status, "
        f"{instant('placed + 3600000000')} as created_at, "
        f"case when done then {instant('resolved')} end as resolved_at, "
        f"case when done and not {unscored} then case when {words} then 'very good' "
        "else score::varchar end end as satisfaction, "
        f"[{{author: 'customer', text: {dice.pick('i', 'question', _QUESTIONS)}, "
        f"sent_at: {instant('placed + 3600000000')}}}] || case when done then "
        "[{author: 'agent', text: 'We have looked into it.', "
        f"sent_at: {instant('resolved')}}}] else [] end as messages, "
        f"{instant('case when done then resolved else placed + 3600000000 end')} as updated_at",
    )


def _before(world: World) -> str:
    """Customers of the time before the history joined within the two years before it."""
    seconds = world.dice.below("c", "signup", 2 * 365 * 86400)
    return f"{micros()} - 1000000 * {seconds}"


def _signup_slots(world: World, begin: int) -> str:
    """All customers known at slot `begin`, each with the slot `i` at which they signed up."""
    old = world.customers // 2
    new = world.customers - old
    known = old + begin * new // world.orders
    slot = f"((c - {old} + 1) * {world.orders} + {new - 1}) // {new} - 1"
    return (
        f"select c, greatest(0, {slot})::bigint as i "
        f"from (select unnest(range({known}::bigint)) as c)"
    )


def _email(world: World) -> str:
    empty = world.roll("c * 1009 + version", "no email", "customer_null_email")
    untidy = world.dice.chance("c", "untidy", 0.05)
    return f"case when {empty} then null when {untidy} then ' ' || upper(clean) else clean end"


def _birth(world: World) -> str:
    age = f"{20 * _YEAR_US} + {world.dice.below('c', 'born', 50 * _YEAR_US)}"
    born = f"make_timestamp({micros()} - ({age}))"
    bad = world.roll("c", "bad birth", "customer_bad_birth_date")
    return f"case when {bad} then 'unknown' else strftime({born}, '%Y-%m-%d') end"


def _was_nameless(world: World, day: int) -> str:
    if day > PRICE_DAYS:
        return "false"
    return world.roll("p", "no category", "product_null_category")
