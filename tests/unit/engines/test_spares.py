from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from lakeworks.engines.duckdb.spares import Spares

if TYPE_CHECKING:
    from pathlib import Path


class Instance:
    def __init__(self) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True


class Maker:
    """Makes instances, and tells how many."""

    def __init__(self) -> None:
        self.made: list[Instance] = []
        self.done = threading.Semaphore(0)

    def __call__(self) -> tuple[Instance, str]:
        self.made.append(Instance())
        self.done.release()
        return self.made[-1], str(len(self.made))


def settled(maker: Maker, spares: Spares, count: int) -> None:
    for _ in range(count):
        assert maker.done.acquire(timeout=5)
    while spares._making is not None:
        spares._making.join(0.01)


def test_one_query_makes_no_spare_and_a_second_one_does() -> None:
    maker = Maker()
    spares = Spares(maker)  # type: ignore[arg-type]
    spares.take()
    settled(maker, spares, 1)
    spares.take()
    settled(maker, spares, 2)
    assert len(maker.made) == 3
    third, name = spares.take()
    assert name in {"2", "3"}
    assert not third.closed  # type: ignore[attr-defined]
    spares.close()


def test_no_instance_is_given_twice_and_what_is_left_is_closed() -> None:
    maker = Maker()
    spares = Spares(maker)  # type: ignore[arg-type]
    given = [spares.take()[0] for _ in range(20)]
    assert len({id(one) for one in given}) == 20
    spares.close()
    left = [one for one in maker.made if not any(one is other for other in given)]
    assert all(one.closed for one in left)
    assert not any(one.closed for one in given)  # type: ignore[attr-defined]


def test_a_process_that_closes_nothing_ends_well(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from lakeworks.engines.duckdb.engine import DuckEngine\n"
        "engine = DuckEngine(temp_directory=sys.argv[1], threads=1)\n"
        "for _ in range(3):\n"
        "    engine.query_session({}).close()\n"
    )
    for _ in range(3):
        ended = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / "scratch")],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (ended.returncode, ended.stderr) == (0, "")
