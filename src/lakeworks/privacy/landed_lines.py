"""Divide bytes into lines, quickly: those in which nothing of interest stands, in whole runs. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def lines_of(
    blocks: Iterator[bytes], needles: tuple[bytes, ...] = (b"",)
) -> Iterator[tuple[bytes, bool]]:
    """Yield lines that may hold a needle, and whole runs of lines that hold none."""
    rest = b""
    for block in blocks:
        data = rest + block
        end = data.rfind(b"\n") + 1
        rest = data[end:]
        yield from _sorted_out(data[:end], needles)
    yield from _sorted_out(rest, needles)


def _sorted_out(data: bytes, needles: tuple[bytes, ...]) -> Iterator[tuple[bytes, bool]]:
    start = 0
    while start < len(data):
        places = [at for needle in needles if (at := data.find(needle, start)) >= 0]
        if not places:
            yield data[start:], False
            return
        begin = data.rfind(b"\n", start, min(places)) + 1 or start
        if begin > start:
            yield data[start:begin], False
        end = data.find(b"\n", begin) + 1 or len(data)
        yield data[begin:end], True
        start = end
