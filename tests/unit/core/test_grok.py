"""Grok expressions: the standard patterns, own ones, types, and what is refused."""

from __future__ import annotations

import re
import time

import pytest

from lakeworks.core.grok import Grok, GrokError, compile_grok
from lakeworks.core.grok_patterns import PATTERNS

LINE = (
    '203.0.113.7 - frank [10/Oct/2000:13:55:36 -0700] "GET /logo.gif?a=b HTTP/1.0" 200 2326 '
    '"http://example.com/start" "Mozilla/4.08 [en] (Win98; I)"'
)


def whole(name: str) -> re.Pattern[str]:
    return re.compile(compile_grok(f"%{{{name}:x}}").regex.pattern + r"\Z")


@pytest.mark.parametrize("name", sorted(PATTERNS))
def test_every_standard_pattern_compiles(name: str) -> None:
    assert isinstance(compile_grok(f"%{{{name}:x}}"), Grok)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("INT", "-17"),
        ("NUMBER", "3.25"),
        ("NUMBER", ".5"),
        ("WORD", "hello"),
        ("UUID", "123e4567-e89b-12d3-a456-426614174000"),
        ("IPV4", "192.168.0.255"),
        ("IPV6", "2001:db8::ff00:42:8329"),
        ("IPV6", "::1"),
        ("IPV6", "fe80::1%eth0"),
        ("IPV6", "1:2:3:4:5:6:7:8"),
        ("MAC", "00:1A:2b:3c:4D:5e"),
        ("HOSTNAME", "a-b.example.com"),
        ("HOSTPORT", "example.com:8080"),
        ("EMAILADDRESS", "jane.doe+x@example.com"),
        ("QUOTEDSTRING", r'"a \"b\" c"'),
        ("UNIXPATH", "/var/log/x.log"),
        ("WINPATH", r"C:\temp\x.txt"),
        ("URI", "https://user@example.com:8443/a/b?c=d#e"),
        ("TIMESTAMP_ISO8601", "2024-02-29T23:59:59.123+01:00"),
        ("TIMESTAMP_ISO8601", "2024-02-29 23:59"),
        ("HTTPDATE", "10/Oct/2000:13:55:36 -0700"),
        ("SYSLOGTIMESTAMP", "Oct  3 04:05:06"),
        ("LOGLEVEL", "WARNING"),
        ("LOGLEVEL", "info"),
        ("DATE_US", "12/31/2024"),
        ("DATE_EU", "31.12.2024"),
        ("MONTHDAY", "7"),
        ("JAVACLASS", "org.example.Main$Inner"),
        ("DATESTAMP_RFC2822", "Mon, 03 Oct 2022 04:05:06 +0000"),
    ],
)
def test_a_pattern_matches_what_its_name_says(name: str, text: str) -> None:
    assert whole(name).match(text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("IPV4", "256.1.1.1"),
        ("IPV4", "1.2.3"),
        ("UUID", "123e4567"),
        ("HOUR", "24"),
        ("MINUTE", "60"),
        ("MONTHNUM", "13"),
        ("MAC", "00:1A:2b:3c:4D"),
        ("MONTHDAY", "32"),
        ("IPV6", "1:2:3:4:5:6:7:8:9"),
        ("POSINT", "0"),
    ],
)
def test_a_pattern_does_not_match_what_its_name_does_not_say(name: str, text: str) -> None:
    assert not whole(name).match(text)


def test_a_web_servers_line_is_taken_apart() -> None:
    grok = compile_grok("%{COMBINEDAPACHELOG}")
    values = dict(zip((name for name, _ in grok.columns), grok.match(LINE) or [], strict=True))
    assert values["clientip"] == "203.0.113.7"
    assert values["request"] == "/logo.gif?a=b"
    assert values["agent"] == '"Mozilla/4.08 [en] (Win98; I)"'
    assert values["rawrequest"] is None
    assert grok.match("no log line") is None


def test_columns_have_the_types_that_are_written_behind_them() -> None:
    grok = compile_grok("%{IP:client} %{NUMBER:bytes:long} %{NUMBER:s:double} %{WORD:w}")
    assert grok.columns == (
        ("client", "string"), ("bytes", "bigint"), ("s", "double"), ("w", "string"),
    )  # fmt: skip


def test_columns_come_in_the_order_in_which_they_are_read() -> None:
    grok = compile_grok("(?<first>a)%{WORD:second}(?P<third>b)", "")
    assert [name for name, _ in grok.columns] == ["first", "second", "third"]


def test_a_column_named_twice_takes_whichever_part_is_there() -> None:
    grok = compile_grok(r"(?:user=%{WORD:who}|%{NUMBER:who} is)")
    assert grok.match("user=ann") == ["ann"]
    assert grok.match("7 is") == ["7"]


def test_custom_patterns_take_precedence_and_may_use_each_other() -> None:
    grok = compile_grok(
        "%{ORDER:order}", "ORDER O-%{DIGITS}\nDIGITS [0-9]{3}\n# a remark\n\nWORD x+"
    )
    assert grok.match("see O-123") == ["O-123"]


def test_a_name_may_hold_what_no_python_group_may() -> None:
    assert compile_grok("%{WORD:first-name}").columns == (("first-name", "string"),)


@pytest.mark.parametrize(
    ("pattern", "custom", "told"),
    [
        ("%{NUMBR:x}", "", "did you mean NUMBER?"),
        ("%{NUMBER:x:integer}", "", "did you mean int?"),
        ("%{A:x}", "A %{B}\nB %{A}", "goes in a circle"),
        ("(%{WORD:x}", "", "not a regular expression"),
        ("plain", "", "makes no column"),
        ("%{A:x}", "A", "custom pattern"),
        ("x" * 3000, "", "longer than"),
    ],
)
def test_what_is_no_grok_is_refused_with_its_reason(
    pattern: str, custom: str, told: str
) -> None:
    with pytest.raises(GrokError) as raised:
        compile_grok(pattern, custom)
    assert told in str(raised.value)


def test_patterns_that_double_with_each_step_are_refused() -> None:
    custom = "A0 x\n" + "\n".join(f"A{n} %{{A{n - 1}}}%{{A{n - 1}}}" for n in range(1, 40))
    with pytest.raises(GrokError, match="too long"):
        compile_grok("%{A39:x}", custom)


@pytest.mark.parametrize("name", sorted(PATTERNS))
def test_no_standard_pattern_takes_long_over_a_hostile_line(name: str) -> None:
    grok = compile_grok(f"%{{{name}:x}}$")
    begin = time.process_time()
    for line in (
        "a" * 2000 + "!",
        "1." * 1000 + "!",
        ":" * 2000,
        "/" * 2000 + "\t",
        "a.b@" * 500,
    ):
        grok.match(line)
    assert time.process_time() - begin < 5
