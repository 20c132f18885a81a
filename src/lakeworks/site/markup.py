"""HTML that cannot be broken by what it shows: text is escaped unless it is `Markup`.

Pure. An element is made by `tag`; whatever is put into it as `str` (names, descriptions, SQL) is
text to the reader, never HTML. Only this module and the drawings make `Markup` from text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote

_NAMES: dict[str, str] = {}  # of attributes, as Python and HTML write them
_VOID = frozenset({"meta", "link", "input", "br", "hr", "img"})
_AMP = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;", ord('"'): "&quot;"}
# What HTML does not allow in text (controls, non-characters) is shown as a question mark in a box;
# so are overrides of direction, which could let a name show as another.
_UNSHOWN = (
    *range(9), 11, 12, *range(14, 32), *range(127, 160), *range(0x202A, 0x202F),
    *range(0x2066, 0x206A), 0xFFFE, 0xFFFF,
)  # fmt: skip
_BAD = dict.fromkeys(_UNSHOWN, "\ufffd")
_TEXT = {**_AMP, **_BAD}


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


# Most texts hold nothing of the kind, and looking is quicker than replacing.
_TO_REPLACE = re.compile("[" + "".join(f"\\U{code:08x}" for code in _TEXT) + "\ud800-\udfff]")


def text(value: object) -> Markup:
    """Return any text as HTML that shows it; `Markup` as it is."""
    return value if type(value) is Markup else Markup(_escaped(str(value)))


def _escaped(shown: str) -> str:
    if _TO_REPLACE.search(shown) is None:
        return shown
    if not shown.isascii():
        shown = shown.encode("utf-8", "replace").decode("utf-8")
    return shown.translate(_TEXT)


def tag(name: str, /, *content: object, **attributes: object) -> Markup:
    """Return an element.

    Args:
        name: Of the element.
        content: Texts, `Markup`, numbers, or lists of them; None is nothing.
        attributes: `class_` is `class`, `aria_label` is `aria-label`; None and False leave an
            attribute out, True gives it without a value.
    """
    opened = f"<{name}{_attributes(attributes)}>" if attributes else f"<{name}>"
    if name in _VOID:
        return Markup(opened)
    return Markup(f"{opened}{_joined(content)}</{name}>")


def join(content: Iterable[object], between: str = "") -> Markup:
    """Return several pieces as one, with text between them."""
    return Markup(text(between).join(text(one) for one in content if one is not None))


def _joined(content: Iterable[object]) -> str:
    parts: list[str] = []
    for one in content:
        if type(one) is Markup:
            parts.append(one)
        elif isinstance(one, str):
            parts.append(_escaped(one))
        elif one is None:
            continue
        elif isinstance(one, Iterable):
            parts.append(_joined(one))
        else:
            parts.append(_escaped(str(one)))
    return "".join(parts)


def _attributes(attributes: dict[str, object]) -> str:
    parts: list[str] = []
    for name, value in attributes.items():
        if value is None or value is False:
            continue
        named = _NAMES.get(name)
        if named is None:
            named = _NAMES[name] = name.rstrip("_").replace("_", "-")
        if value is True:
            parts.append(f" {named}")
        else:
            # An attribute's value is text, Markup or not.
            shown = (
                value
                if type(value) is str
                else str.__str__(value)
                if isinstance(value, str)
                else str(value)
            )
            parts.append(f' {named}="{_escaped(shown)}"')
    return "".join(parts)


def url(*parts: str) -> str:
    """Return a relative URL of path segments, each of which may hold anything."""
    return "/".join(quote(part, safe="") if part != ".." else part for part in parts)


def anchor(column: str) -> str:
    """Return a column's `id` on its table's page, which is also the URL's fragment.

    Browsers look for the fragment as it is written first, so an `id` may be percent-encoded.
    """
    return f"c-{quote(column.lower(), safe='', errors='replace')}"
