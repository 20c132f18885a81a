from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from lakeworks.storage.ahead import Ahead

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_all_pieces_come_in_order_from_another_thread() -> None:
    threads = set()

    def pieces() -> Iterator[int | None]:
        for number in range(50):
            threads.add(threading.get_ident())
            yield number or None

    with Ahead(pieces()) as ahead:
        assert list(ahead) == [None, *range(1, 50)]
    assert len(threads) == 1
    assert threads.isdisjoint({threading.get_ident()})


def test_a_failure_comes_after_the_pieces_before_it() -> None:
    def pieces() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    taken = []
    with Ahead(pieces()) as ahead, pytest.raises(ValueError, match="broken"):
        taken.extend(ahead)
    assert taken == [1]


def test_no_more_is_fetched_than_a_few_pieces_and_leaving_early_ends_the_thread() -> None:
    fetched = []
    fetching = set()

    def pieces() -> Iterator[int]:
        for number in range(1_000):
            fetched.append(number)
            fetching.add(threading.current_thread())
            yield number

    with Ahead(pieces()) as ahead:
        assert next(iter(ahead)) == 0
    assert len(fetched) < 10
    (thread,) = fetching
    assert not thread.is_alive()
