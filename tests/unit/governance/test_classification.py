"""Personal data is found by what values are, not by what columns are called alone."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from lakeworks.governance import pii_values as values
from lakeworks.governance.classification import classify

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST = [
    "Anna",
    "Peter",
    "Maria",
    "Thomas",
    "Julia",
    "James",
    "Linda",
    "Robert",
    "Sofia",
    "David",
]
LAST = [
    "Smith",
    "Müller",
    "Garcia",
    "Rossi",
    "Novak",
    "Johnson",
    "Weber",
    "Silva",
    "Nguyen",
    "Brown",
]
STREETS = ["Main Street", "Oak Ave", "Hill Road", "Park Lane", "Station Rd", "Elm Drive"]
BANKS = {"DE": 18, "GB": 18, "FR": 23, "NL": 14, "ES": 20}


def with_luhn(prefix: str, length: int, dice: random.Random) -> str:
    digits = prefix + "".join(
        dice.choice("0123456789") for _ in range(length - len(prefix) - 1)
    )
    return next(digits + last for last in "0123456789" if values.luhn(digits + last))


def iban(dice: random.Random) -> str:
    country, length = dice.choice(sorted(BANKS.items()))
    account = "".join(dice.choice("0123456789") for _ in range(length))
    if country == "GB":
        account = "ABCD" + account[4:]
    if country == "NL":
        account = "ABNA" + account[4:]
    number = int("".join(str(int(c, 36)) for c in account + country + "00"))
    return f"{country}{98 - number % 97:02d}{account}"


PERSONAL: dict[str, tuple[list[str], Callable[[random.Random], Any]]] = {
    "email": (["email", "contact_mail", "c3"],
              lambda d: f"{d.choice(FIRST)}.{d.randrange(999)}@firm{d.randrange(50)}.com".lower()),
    "phone": (["phone", "mobile_number", "c4"],
              lambda d: d.choice(["+49 30 {:07d}", "+1-{:03d}-555-0199", "(030) {:07d}",
                                  "+44 20 {:08d}"]).format(d.randrange(10**3, 10**7))),
    "card": (["card_number", "pan", "c5"],
             lambda d: with_luhn(d.choice(["4", "51", "37"]), d.choice([15, 16]), d)),
    "ssn": (["ssn", "social_security_number"],
            lambda d: f"{d.randrange(1, 665):03d}-{d.randrange(1, 99):02d}-{d.randrange(1, 9999):04d}"),
    "iban": (["iban", "bank_account", "c6"], iban),
    "ip": (["ip", "remote_addr", "c7"],
           lambda d: ".".join(str(d.randrange(1, 255)) for _ in range(4))),
    "birth_date": (["birth_date", "dob"],
                   lambda d: (date(1940, 1, 1) + timedelta(d.randrange(24_000))).isoformat()),
    "name": (["first_name", "fullName", "customer_name", "c8"],
             lambda d: f"{d.choice(FIRST)} {d.choice(LAST)}"),
    "address": (["street", "home_address", "c9"],
                lambda d: f"{d.randrange(1, 999)} {d.choice(STREETS)}"),
    "api_key": (["api_key", "secret", "c10"],
                lambda d: "AKIA" + "".join(d.choice("ABCDEFGHJKLMNPQRSTUVWXYZ234567")
                                           for _ in range(16))),
}  # fmt: skip
PLAIN: dict[str, Callable[[random.Random], Any]] = {
    "order_id": lambda d: f"O{d.randrange(10**10):010d}",
    "product_name": lambda d: d.choice(["Alder Lamp", "Birch Chair", "Ember Kettle", "Fjord Novel"])
    + f" {d.randrange(99)}",
    "amount": lambda d: round(d.random() * 1000, 2),
    "quantity": lambda d: d.randrange(1, 99),
    "customer_id": lambda d: d.randrange(10**6, 10**7),
    "serial": lambda d: d.randrange(10**15, 10**16),
    "created_at": lambda d: f"2026-{d.randrange(1, 13):02d}-{d.randrange(1, 28):02d}T10:00:00Z",
    "order_date": lambda d: date(2026, d.randrange(1, 13), d.randrange(1, 28)),
    "status": lambda d: d.choice(["open", "closed", "pending", "new"]),
    "country": lambda d: d.choice(["DE", "US", "FR", "GB", "NL"]),
    "city": lambda d: d.choice(["Berlin", "Paris", "London", "Austin", "Denver"]),
    "version": lambda d: f"{d.randrange(9)}.{d.randrange(20)}.{d.randrange(9)}",
    "sku": lambda d: f"{d.randrange(999):03d}-{d.choice('ABC')}{d.randrange(99):02d}",
    "session_id": lambda d: f"{d.getrandbits(128):032x}",
    "uuid": lambda d: f"{d.getrandbits(32):08x}-ab12-4abc-9def-{d.getrandbits(48):012x}",
    "url": lambda d: f"/products/{d.randrange(9999)}?page={d.randrange(9)}",
    "browser": lambda d: d.choice(["Firefox 120", "Chrome 119", "Safari 17", "Edge 118"]),
    "comment": lambda d: d.choice(["arrived late", "as described", "works well", "too small"]),
    "account_type": lambda d: d.choice(["basic", "gold", "premium", "trial"]),
    "card_type": lambda d: d.choice(["visa", "amex", "mastercard", "jcb"]),
    "hostname": lambda d: f"web-{d.randrange(99)}.internal",
    "mail_count": lambda d: d.randrange(1000),
    "phone_model": lambda d: d.choice(["X12", "Pixel 9", "A55", "Nord 4"]) + f" {d.randrange(9)}",
    "postal_zone": lambda d: d.choice(["north", "south", "east", "west"]),
    "epoch": lambda d: d.randrange(1_700_000_000, 1_800_000_000),
    "temperature": lambda d: f"{d.randrange(-20, 40)}.{d.randrange(10)}",
    "colour": lambda d: d.choice(["Rose", "Green", "Brown", "Gray", "Violet"]) + " " + "light",
    "brand_name": lambda d: d.choice(["Alder", "Birch", "Corva", "Delft", "Ember"]),
}  # fmt: skip


def corpus(seed: int) -> tuple[dict[str, list[Any]], dict[str, str]]:
    """Return columns of made-up values, some of them dirty, and what each is."""
    dice = random.Random(seed)
    columns: dict[str, list[Any]] = {}
    truth: dict[str, str] = {}
    for kind, (names, make) in PERSONAL.items():
        for name in names:
            dirt = [None, "", "n/a", "unknown", "-"]
            columns[name] = [
                make(dice) if dice.random() > 0.1 else dice.choice(dirt) for _ in range(200)
            ]
            truth[name] = kind
    for name, make in PLAIN.items():
        columns[name] = [make(dice) for _ in range(200)]
    return columns, truth


def test_of_a_generated_corpus_nearly_all_is_found_and_nearly_nothing_else() -> None:
    right = found = wanted = 0
    for seed in range(5):
        columns, truth = corpus(seed)
        suggested = {one.column: one.kind for one in classify(columns)}
        right += sum(truth.get(column) == kind for column, kind in suggested.items())
        found += len(suggested)
        wanted += len(truth)
    print(f"precision {right / found:.3f}, recall {right / wanted:.3f}")
    assert right / found >= 0.97
    assert right / wanted >= 0.95


def test_evidence_never_holds_a_value() -> None:
    columns, _ = corpus(1)
    for one in classify(columns):
        for example in one.examples:
            assert not any(c.isalnum() and c not in "x9" for c in example)


def test_nested_values_are_told_by_path_and_texts_by_what_they_hold() -> None:
    dice = random.Random(1)
    nested = [
        {"who": {"email": f"a{n}@b.de"}, "lines": [{"ip": f"10.0.0.{n}"}], "n": n}
        for n in range(50)
    ]
    texts = [f"please write to anna{dice.randrange(99)}@firm.de about {n}" for n in range(20)]
    found = {
        (one.column, one.path): one.kind for one in classify({"event": nested, "body": texts})
    }
    assert found == {
        ("event", "who.email"): "email",
        ("event", "lines.ip"): "ip",
        ("body", ""): "text",
    }


@pytest.mark.parametrize(
    ("valid", "yes", "no"),
    [
        (values.is_card, ["4111 1111 1111 1111", "378282246310005", "2223003122003222"],
         ["4111111111111112", "0000000000000000", "1234567812345670", "411111111111", "x"]),
        (values.is_iban, ["DE89 3704 0044 0532 0130 00", "gb29nwbk60161331926819"],
         ["DE89370400440532013001", "DE8937040044053201300", "ZZ89370400440532013000", ""]),
        (values.is_ssn, ["123-45-6789"],
         ["000-12-3456", "666-12-3456", "912-34-5678", "123-00-6789", "123-45-0000", "123456789"]),
        (values.is_ip, ["10.0.0.1", "2001:db8::1", "::1"],
         ["10.0.0", "1.2.3.4", "1.2.3.256", "10:30", "12:30:45", "1.2.3.4.5", "abc"]),
        (values.is_email, ["a.b+c@x-y.co.uk"], ["a@b", "@x.de", "a b@x.de", "a@@x.de"]),
        (values.is_phone, ["+49 30 1234567", "030/123-45-67", "(212) 555-0199"],
         ["12345678", "2026-01-31", "10.0.0.12", "3.14159265", "123-45-6789", "+1"]),
        (values.is_birth_date, ["1984-05-06", "06.05.1984", "5/6/1984"],
         ["1784-05-06", "2984-05-06", "1984-13-45", "84-05-06"]),
        (values.is_api_key, ["ghp_" + "a1" * 18, "sk_live_" + "a1" * 10, "AKIA" + "ABCD" * 4],
         ["AKIAshort", "hello", "0" * 40]),
        (values.is_secret, ["q8Zr2LmX0vTp5KdYw7Bn"], ["aaaaaaaaaaaaaaaaaaaaaaaa", "short"]),
        (values.is_street, ["12 Main Street", "221b Baker St", "Hauptstraße 5", "Rue de Rivoli 12"],
         ["Main", "12", "Berlin", "order 12"]),
        (values.is_postcode, ["10115", "94105-1234", "SW1A 1AA", "K1A 0B1"], ["1", "ABCDE", "1011x"]),
    ],
)  # fmt: skip
def test_each_kind_is_validated(
    valid: Callable[[str], bool], yes: list[str], no: list[str]
) -> None:
    assert [text for text in yes if not valid(text)] == []
    assert [text for text in no if valid(text)] == []


def test_a_few_values_prove_nothing() -> None:
    assert classify({"email": ["a@b.de", "c@d.de"], "empty": [None, ""], "none": []}) == []
