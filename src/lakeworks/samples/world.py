"""The sample shop itself: who its customers are, what it sells, and when an order is placed.

Pure text. An order is a slot `i`, counted from 0 over the calendar. The relations made here
have the columns `i`, `day`, `first` and `n` (the day of the slot, its first slot, its slots);
those of orders also `kind` (0 new, 1 corrected, 2 sent again) and `sent` (a correction's day).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from lakeworks.samples.calendar import HISTORY_DAYS, Calendar, micros
from lakeworks.samples.chance import Dice, texts

if TYPE_CHECKING:
    from collections.abc import Sequence

FIRST_NAMES = (
    "Ada", "Ben", "Clara", "David", "Elif", "Farid", "Grace", "Hugo", "Ines", "Jonas", "Keiko",
    "Liam", "Maria", "Noah", "Olga", "Pablo", "Quinn", "Rosa", "Samir", "Tessa", "Umar", "Vera",
    "Wen", "Ximena", "Yusuf", "Zoe",
)  # fmt: skip
LAST_NAMES = (
    "Adams", "Bauer", "Chen", "Diaz", "Evans", "Fischer", "Garcia", "Haddad", "Ito", "Jensen",
    "Kim", "Lopez", "Meyer", "Nguyen", "Okafor", "Patel", "Quist", "Rossi", "Silva", "Tanaka",
    "Ueda", "Vargas", "Weber", "Xu", "Young", "Zhang",
)  # fmt: skip
# City, state, first digits of its postal codes; leading zeros are deliberate.
PLACES = (
    ("Boston", "MA", "021"), ("Newark", "NJ", "071"), ("Hartford", "CT", "061"),
    ("New York", "NY", "100"), ("Austin", "TX", "787"), ("Denver", "CO", "802"),
    ("Portland", "OR", "972"), ("Miami", "FL", "331"), ("Chicago", "IL", "606"),
    ("Seattle", "WA", "981"), ("San Jose", "CA", "951"), ("Atlanta", "GA", "303"),
)  # fmt: skip
STREETS = ("Main St", "Oak Ave", "Maple Dr", "Cedar Ln", "Park Rd", "Lake View", "Hill St")
CATEGORIES = (
    "Electronics", "Home", "Garden", "Clothing", "Sports", "Beauty", "Toys", "Books",
)  # fmt: skip
# The middle price of each category, in cents.
CATEGORY_CENTS = (14900, 4900, 3900, 3500, 5900, 1900, 2400, 1500)
PRICE_DAYS = 30
# How often a line holds the companion of the product on the line before.
_COMPANION_SHARES = {2: 0.45, 3: 0.2}
MAX_LINES = 5
CORRECTED_BACK_DAYS = 7

# How often each flaw is put in. docs and tests read the same numbers.
DIRT = {
    "order_amount_text": 0.003,
    "order_amount_negative": 0.001,
    "order_torn_line": 0.001,
    "order_null_customer": 0.002,
    "order_bad_time": 0.001,
    "order_late": 0.005,
    "order_corrected": 0.006,
    "order_duplicate": 0.003,
    "item_quantity_zero": 0.001,
    "item_quantity_text": 0.0005,
    "item_null_product": 0.001,
    "payment_amount_text": 0.001,
    "payment_unknown_order": 0.001,
    "payment_failed": 0.03,
    "payment_missing": 0.002,
    "payment_duplicate": 0.003,
    "customer_null_email": 0.005,
    "customer_bad_birth_date": 0.004,
    "customer_moved_a_week": 0.003,
    "customer_duplicate": 0.005,
    "product_null_category": 0.01,
    "event_late": 0.01,
    "event_duplicate": 0.005,
    "event_torn_line": 0.0005,
    "event_null_type": 0.001,
    "ticket_score_text": 0.005,
    "ticket_null_customer": 0.004,
    "reading_text": 0.002,
    "reading_sentinel": 0.003,
    "reading_duplicate": 0.002,
    "log_broken_line": 0.002,
    "card_duplicate": 0.002,
    "card_null_amount": 0.002,
    "card_reversal": 0.004,
    "card_fraud": 0.003,
}


@dataclass(frozen=True)
class World:
    """One sample shop, decided by its size and its seed."""

    orders: int
    seed: int
    days: int = HISTORY_DAYS

    @cached_property
    def calendar(self) -> Calendar:
        """When its orders are placed."""
        return Calendar(self.orders, self.days)

    @cached_property
    def dice(self) -> Dice:
        """What decides everything else."""
        return Dice(self.seed)

    @property
    def customers(self) -> int:
        """How many customers there are when the history ends."""
        return max(40, self.orders // 12)

    @property
    def products(self) -> int:
        """How many products are sold; even, so that each has a companion."""
        return min(20_000, max(60, 2 * math.isqrt(self.orders)))

    def customers_at(self, slot: str) -> str:
        """How many customers had signed up when a slot came; half were there at the start."""
        old = self.customers // 2
        return f"({old} + ({slot}) * {self.customers - old} // {self.orders})"

    def roll(self, key: str, name: str, flaw: str) -> str:
        """True where a flaw of `DIRT` happens."""
        return self.dice.chance(key, name, DIRT[flaw])

    def slots(self, begin: int, end: int) -> str:
        """The slots [begin, end), in order, with the day of each."""
        spans = [
            (day, first, n, max(first, begin), min(first + n, end))
            for day, first, n in self._day_spans
            if n and first < end and first + n > begin
        ]
        rows = ", ".join(str(span) for span in spans) or "(0, 0, 1, 0, 0)"
        return (
            "select unnest(range(lo::bigint, hi::bigint)) as i, day::bigint as day, "
            f"first::bigint as first, n::bigint as n from (values {rows}) "
            "as d(day, first, n, lo, hi)"
        )

    def located(self, source: str) -> str:
        """The rows of a SELECT that gives `i`, with the day of each."""
        spans = ", ".join(str(span) for span in self._day_spans if span[2])
        return (
            "select s.*, d.day::bigint as day, d.first::bigint as first, d.n::bigint as n "
            f"from ({source}) as s join (values {spans}) as d(day, first, n) "
            "on s.i >= d.first and s.i < d.first + d.n"
        )

    def back(self, begin: int, day: int, days: int) -> int:
        """The first slot of the `days` days before `day`, at most `begin`."""
        return min(begin, self.calendar.first(max(0, day - days)))

    def placed_micros(self) -> str:
        """When the order of a slot is placed: busiest at noon and in the evening."""
        v = f"((i - first + {self.dice.uniform('i', 'second')}) / n)"
        wave = f"({v} + 0.09 * sin(2 * pi() * {v}) - 0.03 * sin(4 * pi() * {v}))"
        return f"({micros()} + day * 86400000000 + (86399 * {wave})::bigint * 1000000)"

    def customer(self, slot: str = "i") -> str:
        """The customer of a slot: a fifth newcomers, else a few regulars far ahead."""
        known = self.customers_at(f"{slot} + 1")
        fresh = max(1, self.customers // 40)
        regular = self.dice.uniform(slot, "regular")
        return (
            f"case when {self.dice.chance(slot, 'newcomer', 0.2)} "
            f"then {known} - 1 - {self.dice.below(slot, 'newcomer', fresh)} "
            f"else floor({known} * {regular} * {regular})::bigint end"
        )

    def customer_id(self, c: str) -> str:
        """The identifier of a customer's number: no order shows in it."""
        return f"printf('C%08d', (({c}) * 48271 + 1234567) % 99999989)"

    def email(self, c: str) -> str:
        """The address of a customer, clean."""
        return (
            f"lower({self.dice.pick(c, 'given', FIRST_NAMES)}) || '.' || "
            f"lower({self.dice.pick(c, 'family', LAST_NAMES)}) || {c} || '@example.com'"
        )

    def address(self, c: str, version: str = "0") -> str:
        """The address of a customer as a struct; another one for each version."""
        key = f"({c} * 1009 + {version})"
        place = f"(1 + {self.dice.below(key, 'place', len(PLACES))})"
        cities, states, codes = (texts(column) for column in zip(*PLACES, strict=True))
        number = self.dice.below(key, "house", 990)
        street = f"(1 + {number}) || ' ' || {self.dice.pick(key, 'street', STREETS)}"
        zip_code = f"{codes}[{place}] || printf('%02d', {self.dice.below(key, 'zip', 100)})"
        return (
            f"{{street: {street}, city: {cities}[{place}], state: {states}[{place}], "
            f"zip: {zip_code}, country: 'US'}}"
        )

    def product_of_line(self, line: int) -> str:
        """The product on a line of an order: favourites, and companions of the line before."""
        u = self.dice.uniform("i", f"product {line}")
        favourite = f"floor({self.products} * {u} * {u})::bigint"
        share = _COMPANION_SHARES.get(line)
        if share is None:
            return favourite
        together = self.dice.chance("i", f"companion {line}", share)
        return f"case when {together} then xor(p{line - 1}, 1) else {favourite} end"

    def product_id(self, p: str) -> str:
        """The identifier of a product's number."""
        return f"printf('P%06d', ({p}) + 1)"

    def price_cents(self, p: str, day: str) -> str:
        """What a product costs on a day; a quarter of them change every 30 days."""
        centre = f"[{', '.join(str(cents) for cents in CATEGORY_CENTS)}][1 + {p} % 8]"
        fixed = f"({centre} * exp(1.6 * {self.dice.uniform(p, 'price')} - 0.8))::bigint"
        step = self.dice.below(f"({p} * 1009 + {day} // {PRICE_DAYS})", "price step", 5)
        moves = self.dice.chance(p, "price moves", 0.25)
        return f"({fixed} * (100 + case when {moves} then 5 * ({step} - 2) else 0 end) // 100)"

    def select(self, layers: Sequence[str], columns: str, tail: str = "") -> str:
        """Nest SELECTs: a source, then layers that add columns to the one before."""
        source, *rest = layers
        sql = f"({source})"
        for layer in rest:
            sql = f"(select *, {layer} from {sql})"
        return f"select {columns} from {sql} {tail}".rstrip()

    @cached_property
    def _day_spans(self) -> list[tuple[int, int, int]]:
        calendar = self.calendar
        return [
            (day, calendar.first(day), calendar.count(day))
            for day in range(self.days + calendar.last_day)
        ]
