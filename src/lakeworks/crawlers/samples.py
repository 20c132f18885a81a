"""A file seen through a window: its beginning, its end, and never more than a bound of it."""

from __future__ import annotations

import codecs
import io
import re
from typing import TYPE_CHECKING, Any

from lakeworks.crawlers.classifiers.found import NotReadableError, Text
from lakeworks.crawlers.packings import PackingError, packing_of, unpacked

if TYPE_CHECKING:
    from collections.abc import Callable

    from lakeworks.crawlers.packings import Packing

# Packed content of windows: what is unpacked is bounded too, so bombs stay small.
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# What no text holds; tabs, line ends, form feeds, escapes and Ctrl-A to Ctrl-D it may.
_BINARY = re.compile(r"[\x00\x05-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")
_BINARY_SHARE = 0.001
_MAX_REPLACED_SHARE = 0.3


class Sample:
    """One file, or object of a bucket.

    Attributes:
        path: Below the target, for its name's sake.
        read: Returns a number of bytes from a place on; fewer at the end.
        local: Where it is on this machine; empty when it is elsewhere.
    """

    def __init__(
        self,
        path: str,
        size_bytes: int,
        read: Callable[[int, int], bytes],
        *,
        local: str = "",
        first: bytes = b"",
    ) -> None:
        self.path = path
        self.size_bytes = size_bytes
        self.read = read
        self.local = local
        self._head = first
        self._packing: Packing | None = None

    def head(self, size_bytes: int) -> bytes:
        """Return the first bytes; they are fetched once."""
        have = len(self._head)
        if have < size_bytes and have < self.size_bytes:
            self._head += self.read(have, size_bytes - have)
        return self._head[:size_bytes]

    def tail(self, size_bytes: int) -> bytes:
        """Return the last bytes."""
        begin = max(self.size_bytes - size_bytes, 0)
        if len(self._head) >= self.size_bytes:
            return self._head[begin : self.size_bytes]
        return self.read(begin, size_bytes)

    @property
    def packing(self) -> Packing:
        """How it is packed."""
        if self._packing is None:
            self._packing = packing_of(self.head(16), self.path)
        return self._packing

    def content(self, window_bytes: int) -> tuple[bytes, bool]:
        """Return the unpacked beginning, and whether it is all of the file.

        Raises:
            NotReadableError: it cannot be unpacked.
        """
        head = self.head(window_bytes)
        whole = len(head) >= self.size_bytes
        if self.packing == "none":
            return head, whole
        try:
            found = unpacked(head, self.packing, window_bytes, whole=whole)
        except PackingError as error:
            raise NotReadableError(str(error)) from None
        return found.data, found.whole

    def text(self, window_bytes: int, *, last: bool) -> Text:
        """Return the beginning as text.

        Raises:
            NotReadableError: it is no text, or cannot be unpacked.
        """
        data, whole = self.content(window_bytes)
        text, encoding = decoded(data, whole=whole)
        return Text(text, whole, last, encoding)

    def seekable(self) -> Any:  # noqa: ANN401 - a path or a file, as readers take them
        """Return what a reader of footers can open."""
        if len(self._head) >= self.size_bytes:
            return io.BytesIO(self._head[: self.size_bytes])
        return self.local or io.BufferedReader(_Ranges(self), 256 * 1024)


def decoded(data: bytes, *, whole: bool) -> tuple[str, str]:
    """Return bytes as text, and how they are encoded.

    Raises:
        NotReadableError: they are no text.
    """
    if data.startswith(_UTF_16):
        text, encoding = data.decode("utf-16", "replace"), "utf-16"
    else:
        data = data.removeprefix(codecs.BOM_UTF8)
        if b"\0" in data[:4096]:
            raise NotReadableError("it is binary")
        text, encoding = _eight_bits(data, whole=whole)
    if _BINARY.search(text):
        found = len(_BINARY.findall(text))
        if found > _BINARY_SHARE * len(text):
            raise NotReadableError("it is binary")
    return text, encoding


def _eight_bits(data: bytes, *, whole: bool) -> tuple[str, str]:
    try:
        return data.decode(), "utf-8"
    except UnicodeDecodeError as error:
        # A window may end within a character.
        if not whole and error.start >= len(data) - 4:
            return data[: error.start].decode(), "utf-8"
    high = sum(byte >= 0x80 for byte in data[:65536])  # noqa: PLR2004 - beyond ASCII
    if high > _MAX_REPLACED_SHARE * min(len(data), 65536):
        raise NotReadableError("it is binary, or encrypted")
    # What Windows added to Latin 1 are curly quotes, dashes and the euro.
    if any(0x80 <= byte < 0xA0 for byte in set(data)):  # noqa: PLR2004
        return data.decode("cp1252", "replace"), "windows-1252"
    return data.decode("latin-1"), "iso-8859-1"


class _Ranges(io.RawIOBase):
    """A sample as a file that fetches what is asked for."""

    def __init__(self, sample: Sample) -> None:
        self._sample = sample
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origins = {
            io.SEEK_SET: 0,
            io.SEEK_CUR: self._at,
            io.SEEK_END: self._sample.size_bytes,
        }
        self._at = max(0, origins[whence] + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any writable buffer
        size = min(len(buffer), self._sample.size_bytes - self._at)
        if size <= 0:
            return 0
        data = self._sample.read(self._at, size)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
