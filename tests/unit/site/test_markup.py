"""What is shown is text, whatever it holds."""

from __future__ import annotations

import html
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakeworks.site.markup import Markup, anchor, join, tag, text, url

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</title></style></textarea><svg onload=alert(1)>",
    "javascript:alert(1)",
    "&lt;script&gt;",
    "]]><!--",
    "\u202egnp.exe",
    "\ud800 alone",
    "\x00\x1b[31m",
]


class _Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.data = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.data += data


def _seen(markup: str) -> _Seen:
    reader = _Seen()
    reader.feed(markup)
    reader.close()
    return reader


@pytest.mark.parametrize("hostile", HOSTILE)
def test_text_and_attributes_make_no_element(hostile: str) -> None:
    seen = _seen(tag("p", hostile, title=hostile, data_x=Markup(hostile)))
    assert [name for name, _ in seen.tags] == ["p"]
    assert set(seen.tags[0][1]) == {"title", "data-x"}


@given(st.text(), st.text())
def test_any_text_is_read_back_as_it_was(content: str, value: str) -> None:
    seen = _seen(tag("p", content, title=value))
    assert seen.tags == [("p", {"title": html.unescape(text(value))})]
    assert seen.data == html.unescape(text(content))
    if content.isprintable() and content.isascii():
        assert seen.data == content


def test_markup_is_kept_and_joined() -> None:
    assert tag("b", tag("i", "x"), None, ["y", Markup("&amp;")], 3) == "<b><i>x</i>y&amp;3</b>"
    assert join(["<", tag("br")], " ") == "&lt; <br>"
    assert tag("input", disabled=True, hidden=False, value=None) == "<input disabled>"


def test_controls_and_overrides_of_direction_are_made_visible() -> None:
    assert text("a\x00b\u202ec") == "a\ufffdb\ufffdc"
    assert text("tab\tline\n") == "tab\tline\n"


def test_addresses_hold_no_part_of_a_name_as_syntax() -> None:
    assert url("a/b?c#d", "..") == "a%2Fb%3Fc%23d/.."
    assert anchor('Zip "code" <x>') == "c-zip%20%22code%22%20%3Cx%3E"
    assert anchor("\ud800") == "c-%3F"
