"""Divide a broken JSON array, or documents written one after another, into its elements.

Pure: pieces of bytes in, texts out, never holding more than one element and a piece. What is no
JSON is given with its fault up to where the next element seems to begin.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lakeworks.ingest.unpacking import UnpackingError

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_ELEMENT_BYTES = 8 * 1024 * 1024
_BETWEEN = " \t\r\n,"
_DECODER = json.JSONDecoder()
_LOOK_AHEAD = 256


def elements(text: Iterator[bytes | UnpackingError]) -> Iterator[tuple[int, str, str]]:
    """Yield (number from 1, text, fault or '') for each element.

    An element without fault is written on one line.
    """
    for number, (found, fault) in enumerate(_Divider(text).run(), start=1):
        yield number, found, fault


class _Divider:
    def __init__(self, text: Iterator[bytes | UnpackingError]) -> None:
        self._pieces = text
        self._rest = ""
        self._tear = ""
        self._ended = False
        self._opened = False
        self._undecoded = b""

    def run(self) -> Iterator[tuple[str, str]]:
        while True:
            self._skip_between()
            if not self._rest and self._ended:
                break
            if not self._rest:
                self._more()
                continue
            if self._bracket():
                continue
            yield from self._element()
        if self._tear:
            yield "", f"the file breaks off here: {self._tear}"

    def _bracket(self) -> bool:
        """Pass over the array's own brackets."""
        mark = self._rest[0]
        if mark == "]" or (mark == "[" and not self._opened):
            self._opened = True
            self._rest = self._rest[1:]
            return True
        return False

    def _element(self) -> Iterator[tuple[str, str]]:
        self._opened = True
        tried = 0
        while True:
            # Trying again only when twice as much is there keeps the work linear.
            if len(self._rest) >= 2 * tried or self._ended:
                found = self._decoded()
                if found is not None:
                    yield found, ""
                    return
                tried = max(len(self._rest), 1)
            if self._ended or len(self._rest) > LONGEST_ELEMENT_BYTES:
                yield self._broken()
                return
            self._more()

    def _decoded(self) -> str | None:
        """Take one element off the rest; None when it is broken or not all there."""
        try:
            _, end = _DECODER.raw_decode(self._rest)
        except (ValueError, RecursionError):
            return None
        if end == len(self._rest) and not self._ended:
            return None  # a number may go on
        following = self._rest[end : end + 1]
        if following and following not in f"{_BETWEEN}]{{[":
            return None
        raw = self._rest[:end]
        self._rest = self._rest[end:]
        # The text itself: numbers keep their digits, repeated keys stay. A line break can
        # only lie between its parts, for inside a string JSON allows none.
        return raw.replace("\r", " ").replace("\n", " ")

    def _broken(self) -> tuple[str, str]:
        """Take what is broken, up to where another element seems to begin."""
        end = self._next_start()
        bad, self._rest = self._rest[:end], self._rest[end:]
        if self._tear and not self._rest.strip(_BETWEEN):
            fault, self._tear = f"the file breaks off in this element: {self._tear}", ""
            return bad.rstrip(_BETWEEN), fault
        return bad.rstrip(_BETWEEN), f"not a JSON element: {_reason(bad)}"

    def _next_start(self) -> int:
        at = 1
        while True:
            places = [p for p in (self._rest.find(mark, at) for mark in "{\n") if p > 0]
            if not places:
                return len(self._rest)
            at = min(places)
            start = self._rest[at : at + _LOOK_AHEAD].lstrip(_BETWEEN)[:1]
            if start == "{" and self._begins_well(at):
                return at
            at += 1

    def _begins_well(self, at: int) -> bool:
        before = self._rest[max(0, at - _LOOK_AHEAD) : at].rstrip(" \t\r\n")
        return before.endswith((",", "]", "}")) or self._rest[at] == "\n"

    def _skip_between(self) -> None:
        self._rest = self._rest.lstrip(_BETWEEN)

    def _more(self) -> None:
        try:
            piece = next(self._pieces)
        except StopIteration:
            self._ended = True
            self._rest += self._undecoded.decode("utf-8", "backslashreplace")
            self._undecoded = b""
            return
        if isinstance(piece, UnpackingError):
            self._tear = str(piece)
            return
        data = self._undecoded + piece
        cut = _whole_characters(data)
        self._rest += data[:cut].decode("utf-8", "backslashreplace")
        self._undecoded = data[cut:]


def _whole_characters(data: bytes) -> int:
    """Return where the last character begins that may not be all there."""
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if byte >= 0xC0:  # noqa: PLR2004 - the first byte of several
            return len(data) - back
        if byte < 0x80:  # noqa: PLR2004
            return len(data)
    return len(data)


def _reason(text: str) -> str:
    try:
        _DECODER.raw_decode(text)
    except json.JSONDecodeError as error:
        problem = error.msg.lower().removesuffix(" starting at")
        return f"{problem} at character {error.pos + 1}"
    except (ValueError, RecursionError):
        return "nested too deeply"
    return "it is followed by something that does not belong there"


def layout(head: bytes) -> str:
    """Tell a JSON array or documents that span lines from JSON lines, by the first bytes."""
    text = head.removeprefix(b"\xef\xbb\xbf")
    if text.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = text.decode("utf-16", "replace").encode()
    text = text.lstrip()
    first, _, rest = text.partition(b"\n")
    whole = _is_json(first)
    if text.startswith(b"["):
        return "lines" if whole and rest.strip() else "array"
    if not text.startswith(b"{") or whole:
        return "lines"
    try:
        _, end = _DECODER.raw_decode(text.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return "lines"
    return "documents" if end > len(first.decode("utf-8", "replace")) else "lines"


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
