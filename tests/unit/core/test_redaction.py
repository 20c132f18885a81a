"""What was handed to the redactor shows up nowhere; ordinary text stays."""

from __future__ import annotations

import json
import logging
import pickle
from base64 import b64encode, urlsafe_b64encode
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from lakeworks.core import events, redaction
from lakeworks.core.errors import LakeError
from lakeworks.core.redaction import hide, scrubbed, scrubbed_value

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "gr0ss/es Geheimnis\"'+ü"


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET, safe=""),
        json.dumps({"password": SECRET}),
        repr([SECRET]),
        "SELECT '" + SECRET.replace("'", "''") + "'",
    ],
)
def test_a_secret_is_hidden_in_whatever_form_it_is_quoted(form: str) -> None:
    hide(SECRET)
    told = scrubbed(f"before {form} after")
    assert redaction.HIDDEN in told
    assert told.startswith("before ")
    assert told.endswith(" after")
    assert "Geheimnis" not in told


@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "user:"])
@pytest.mark.parametrize("pack", [b64encode, urlsafe_b64encode])
def test_a_secret_is_hidden_in_whatever_base64_it_is_a_part_of(
    before: str, pack: Callable[[bytes], bytes]
) -> None:
    hide(SECRET)
    told = scrubbed(f"Basic {pack(f'{before}{SECRET}@host'.encode()).decode()}")
    shown = told.split(redaction.HIDDEN)[0].removeprefix("Basic ")
    assert redaction.HIDDEN in told
    # What is left says at most what stood before it, and a part of its first letter.
    assert len(shown) <= len(b64encode(before.encode())) + 1


@pytest.mark.parametrize(
    "form",
    [
        SECRET.encode().hex(),
        SECRET.encode().hex().upper(),
        "gr0ss%2fes%20Geheimnis%22%27%2b%c3%bc",
    ],
)
def test_a_secret_is_hidden_in_digits(form: str) -> None:
    hide(SECRET)
    assert scrubbed(f"before {form} after") == f"before {redaction.HIDDEN} after"


def test_without_secrets_text_stays_as_it_is() -> None:
    assert scrubbed("password=anything") == "password=anything"


def test_short_secrets_are_hidden_where_text_looks_like_a_credential_only() -> None:
    hide("test")
    assert scrubbed("postgresql://me:test@host/test") == "postgresql://me:***@host/test"
    assert scrubbed("password=test, table test") == "password=***, table test"
    assert scrubbed("'secret_access_key': 'test'") == "'secret_access_key': '***'"
    assert scrubbed("the tests of tester") == "the tests of tester"


def test_words_of_letters_are_hidden_where_they_stand_alone() -> None:
    hide("postgres")
    assert scrubbed("postgresql://me:postgres@db") == "postgresql://me:***@db"


def test_of_a_key_of_many_lines_single_lines_are_hidden() -> None:
    hide("-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ\n-----END KEY-----")
    assert "MIIE" not in scrubbed("bad line: MIIEvQIBADANBgkqhkiG9w0BAQ")


def test_the_longer_of_two_secrets_is_hidden_whole() -> None:
    hide("abcdef12", "abcdef12345")
    assert scrubbed("x abcdef12345 y") == "x *** y"


def test_access_tokens_are_hidden_without_being_known() -> None:
    token = f"lw_{'0a' * 8}_{'x' * 43}"
    assert scrubbed(f"Bearer {token}") == "Bearer ***"


def test_errors_events_and_values_hold_no_secret() -> None:
    hide(SECRET)
    error = LakeError(f"cannot open {SECRET}", f"is {SECRET} right?")
    assert SECRET not in str(error)
    assert SECRET not in repr(error)
    assert SECRET not in repr(pickle.loads(pickle.dumps(error)))
    seen = []
    with events.listening(seen.append):
        events.emit("step.failed", error=SECRET, more={"list": [SECRET, 1, ("a", SECRET)]})
    assert SECRET not in repr(seen)
    assert scrubbed_value({"a": 1, "b": None}) == {"a": 1, "b": None}


def test_log_records_and_their_tracebacks_hold_no_secret(
    caplog: pytest.LogCaptureFixture,
) -> None:
    hide(SECRET)
    logger = logging.getLogger("some.other.library")
    with caplog.at_level(logging.DEBUG):
        logger.warning("connecting with %s", SECRET)
        try:
            int(SECRET)
        except ValueError:
            logger.exception("it failed")
    assert "connecting with ***" in caplog.text
    assert "ValueError: invalid literal for int() with base 10: '***'" in caplog.text
    assert SECRET not in caplog.text


def test_a_service_that_replaces_secrets_for_years_keeps_the_last_ones() -> None:
    for number in range(redaction._MOST + 5):
        redaction._hidden[f"secret-{number}"] = None
    hide("the-newest-1")
    assert len(redaction._hidden) == redaction._MOST
    assert scrubbed("the-newest-1") == "***"
