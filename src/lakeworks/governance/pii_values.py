"""What values of personal data look like, and how each kind is validated.

Pure. A validator says whether one text is a value of its kind: by its form, and where there is one,
by its check digits (cards: Luhn; IBAN: modulo 97) or the numbers that are given out (SSN).
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections import Counter
from datetime import date
from typing import TYPE_CHECKING

from lakeworks.core import clock
from lakeworks.governance.pii_names import FAMILY_NAMES, GIVEN_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable

_EMAIL = re.compile(r"[A-Za-z0-9._%+'-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}")
_PHONE = re.compile(r"(?:\+|00)?[0-9(][0-9 ()./-]{5,22}[0-9]")
_SSN = re.compile(r"(\d{3})-?(\d{2})-?(\d{4})")
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})|(\d{1,2})[./](\d{1,2})[./](\d{4})")
_WORDS = re.compile(r"[^\W\d_]+(?:[ '.-]+[^\W\d_]+){0,3}\.?")
_STREET_WORD = (
    r"(?:st(?:reet)?|ave(?:nue)?|r(?:oa)?d|blvd|boulevard|lane|ln|drive|dr|court|ct|way|place|pl|"
    r"square|terrace|stra(?:ß|ss)e|str|weg|platz|allee|gasse|rue|via|calle|plaza|laan|straat)"
)
_STREET = re.compile(
    rf"\d{{1,6}}[a-z]?,? [\w .'-]*\b{_STREET_WORD}\b.*|[\w .'-]*{_STREET_WORD}\.? \d{{1,5}} ?[a-z]?|"
    rf"(?:rue|via|calle|avenue|plaza) [\w .'-]+,? \d{{1,5}}|\d{{1,5}},? (?:rue|via|calle) .+",
    re.IGNORECASE,
)
_POSTCODE = re.compile(
    r"\d{4,5}(?:-\d{4})?|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|[A-Z]\d[A-Z] ?\d[A-Z]\d"
)
_KEY = re.compile(
    r"(?:AKIA|ASIA)[A-Z0-9]{16}|gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{40,}|"
    r"[sr]k_(?:live|test)_[A-Za-z0-9]{16,}|xox[abprs]-[A-Za-z0-9-]{10,}|AIza[\w-]{35}|"
    r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}|glpat-[\w-]{20,}|-----BEGIN [A-Z ]*PRIVATE KEY-----.*|"
    r"sk-[A-Za-z0-9_-]{20,}|SG\.[\w-]{16,}\.[\w-]{16,}",
    re.DOTALL,
)
_SECRET = re.compile(r"[A-Za-z0-9+/_=.-]{20,512}")
_INSIDE = re.compile(rf"{_EMAIL.pattern}|\+\d[\d ()-]{{8,18}}\d")
_CARD_DIGITS = range(13, 20)
_PHONE_DIGITS = range(7, 16)
_SECRET_BITS = 3.5
_OLDEST_YEARS = 120
_IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22,
    "BR": 29, "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28,
    "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23,
    "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26,
    "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20,
    "LV": 21, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18,
    "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24,
    "SE": 24, "SI": 19, "SK": 24, "SM": 27, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "XK": 20,
}  # fmt: skip


def is_email(text: str) -> bool:
    """Whether it is an e-mail address."""
    return _EMAIL.fullmatch(text.strip()) is not None


def is_phone(text: str) -> bool:
    """Whether it is a telephone number: with a plus, or in groups, and neither date nor address."""
    plain = text.strip()
    if _PHONE.fullmatch(plain) is None or is_date(plain) or is_ip(plain):
        return False
    digits = sum(c.isdigit() for c in plain)
    grouped = plain.startswith("+") or sum(c in " ()-./" for c in plain) > 1
    # A decimal number has one point and nothing else.
    return digits in _PHONE_DIGITS and grouped and not _SSN.fullmatch(plain)


def is_card(text: str) -> bool:
    """Whether it is a payment card's number: a known range, the right length, Luhn's sum."""
    digits = re.sub(r"[ -]", "", text.strip())
    if not digits.isascii() or not digits.isdigit() or len(digits) not in _CARD_DIGITS:
        return False
    ranges = ("34", "37", "4", "51", "52", "53", "54", "55", "6", "35", "30", "36", "38", "39")
    known = digits.startswith(ranges) or 2221 <= int(digits[:4]) <= 2720  # noqa: PLR2004
    return known and len(set(digits)) > 1 and luhn(digits)


def luhn(digits: str) -> bool:
    """Whether the sum of a number's digits, every second doubled, ends in 0."""
    total = 0
    for position, character in enumerate(reversed(digits)):
        value = int(character) * (2 if position % 2 else 1)
        total += value - 9 if value > 9 else value  # noqa: PLR2004
    return total % 10 == 0


def is_ssn(text: str) -> bool:
    """Whether it is a US social security number, with hyphens, from those that are given out."""
    found = _SSN.fullmatch(text.strip())
    if found is None or "-" not in text:
        return False
    area, group, serial = found.groups()
    return area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"


def is_iban(text: str) -> bool:
    """Whether it is an IBAN: its country's length, and modulo 97."""
    plain = text.replace(" ", "").upper()
    if _IBAN.fullmatch(plain) is None or _IBAN_LENGTHS.get(plain[:2]) != len(plain):
        return False
    return int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1


def is_ip(text: str) -> bool:
    """Whether it is an IPv4 or IPv6 address."""
    plain = text.strip()
    if plain.count(".") != 3 and plain.count(":") < 2:  # noqa: PLR2004
        return False
    try:
        ipaddress.ip_address(plain)
    except ValueError:
        return False
    # Four single digits are a version far more often than an address.
    return ":" in plain or len(plain) > len("1.2.3.4")


def is_date(text: str) -> bool:
    """Whether it begins with a date."""
    return _date(text) is not None


def is_birth_date(text: str) -> bool:
    """Whether it is a day on which someone who lives may have been born."""
    found = _date(text)
    today = clock.now().date()
    return found is not None and today.year - _OLDEST_YEARS <= found.year and found <= today


def is_given_name(text: str) -> bool:
    """Whether one of its words is a common given or family name."""
    words = re.split(r"[ .'-]+", text.strip().lower())
    return any(word in GIVEN_NAMES or word in FAMILY_NAMES for word in words)


def has_the_form_of_a_name(text: str) -> bool:
    """Whether it consists of one to four words of letters."""
    return _WORDS.fullmatch(text.strip()) is not None


def is_street(text: str) -> bool:
    """Whether it is a street with a number."""
    return _STREET.fullmatch(text.strip()) is not None


def is_postcode(text: str) -> bool:
    """Whether it has the form of a postal code."""
    return _POSTCODE.fullmatch(text.strip().upper()) is not None


def is_api_key(text: str) -> bool:
    """Whether it has the form of a known service's key or token."""
    return _KEY.fullmatch(text.strip()) is not None


def is_secret(text: str) -> bool:
    """Whether it is long and random, as a secret of no known service is."""
    plain = text.strip()
    return is_api_key(plain) or (
        _SECRET.fullmatch(plain) is not None and _bits_a_character(plain) >= _SECRET_BITS
    )


def holds_personal_data(text: str) -> bool:
    """Whether an e-mail address or a telephone number is somewhere in a longer text."""
    return " " in text.strip() and _INSIDE.search(text) is not None


def masked(text: str) -> str:
    """Return a value's form alone: letters as x, digits as 9, all else as it is; cut at 32."""
    shape = "".join(
        "9" if c.isdigit() else "x" if c.isalpha() else c if c.isascii() else "?" for c in text
    )
    return shape if len(shape) <= 32 else shape[:31] + "…"  # noqa: PLR2004


def _date(text: str) -> date | None:
    found = _DATE.match(text.strip())
    if found is None:
        return None
    year, month, day, other_day, other_month, other_year = found.groups()
    orders = (
        [(year, month, day)]
        if year
        else [(other_year, other_month, other_day), (other_year, other_day, other_month)]
    )
    for parts in orders:
        try:
            return date(*map(int, parts))
        except ValueError:
            continue
    return None


def _bits_a_character(text: str) -> float:
    counts = Counter(text)
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts.values())


VALIDATORS: dict[str, Callable[[str], bool]] = {
    "email": is_email,
    "card": is_card,
    "iban": is_iban,
    "ssn": is_ssn,
    "ip": is_ip,
    "api_key": is_api_key,
    "phone": is_phone,
    "birth_date": is_birth_date,
    "name": is_given_name,
    "address": is_street,
}
