"""Every line that is no JSON is found again, with its number, whatever lies around it."""

from __future__ import annotations

import gzip
import json
import random
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

BROKEN = [
    b'{"id":1,"o":{"x"',  # torn
    b'{"id":1,"o":{"x":2}',  # torn where an inner object ends
    b'{"id":1,"l":[1,2}',
    b'{"id":tru}',  # begins and ends well, and is balanced
    b'{"id":"\xff"}',
    b'{"id":"a\0b"}',
    b'{"id":1}{"id":2}',
    b'{"id":"\\ud800"}',
    b"id,name",
    b"}",
    b'{"id":"it\'s"',
]
SOUND = [b'{"id":1,"o":{"x":"}{"},"l":[1]}', b'{"id":2}', b'{"id":3,"t":"it\'s {"}', b"{}"]


def torn(here: Any) -> list[tuple[str, int]]:
    return sorted((q["source_file"], q["source_row"]) for q in here.quarantine())


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b" \n", b"\n\n", b"\n \t\n"])
@pytest.mark.parametrize("line", BROKEN)
def test_a_broken_line_is_found_among_lines_of_every_kind(
    line: bytes, end: bytes, intake: Callable[..., Any]
) -> None:
    here = intake()
    here.put("a.json", end.join([*SOUND, line, *SOUND, line]))
    done = here.take()
    each = end.count(b"\n")
    assert torn(here) == [("a.json", 1 + 4 * each), ("a.json", 1 + 9 * each)]
    assert (done.written, done.quarantined) == (8, 2)
    shown = line.decode("utf-8", "backslashreplace")
    assert [q["row"] for q in here.quarantine()] == [shown, shown]


@pytest.mark.parametrize("packed", [False, True])
def test_numbers_hold_over_long_files_side_by_side(
    packed: bool, intake: Callable[..., Any]
) -> None:
    here = intake()
    rng = random.Random(7)
    expected: list[tuple[str, int]] = []
    for name in ("a.json", "b.json", "c.json", "d.json"):
        content = []
        for number in range(1, 1500):
            if rng.random() < 0.01:
                content.append(rng.choice(BROKEN))
                expected.append((name, number))
            elif rng.random() < 0.01:
                content.append(b"")
            else:
                text = "x" * (400_000 if rng.random() < 0.002 else rng.randrange(900))
                content.append(json.dumps({"id": number, "t": text}).encode())
        whole = b"\n".join(content) + rng.choice([b"", b"\n"])
        here.put(name, gzip.compress(whole) if packed else whole)
    here.take()
    assert torn(here) == expected


def test_a_file_of_nothing_but_broken_lines_is_told_line_by_line(
    intake: Callable[..., Any],
) -> None:
    here = intake()
    here.put("a.json", b'{"id":1}\n')
    here.put("b.json", b"{'id':1}\n" * 12_000)
    done = here.take()
    assert done.quarantined == 12_000
    assert torn(here) == [("b.json", number) for number in range(1, 12_001)]


def test_a_long_torn_line_of_apostrophes_is_found_in_time(intake: Callable[..., Any]) -> None:
    here = intake()
    here.put("a.json", b'{"id":1}\n{"id":"' + b"x'" * 2_000_000 + b'\n{"id":2}\n')
    began = time.process_time()
    here.take()
    assert time.process_time() - began < 10  # a minute, were they doubled for the engine
    assert torn(here) == [("a.json", 2)]
