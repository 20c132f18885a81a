"""The process that examines files for a crawl: `python -m lakeworks.crawlers.worker`.

It reads pickled requests from its standard input and answers on what was its standard output.
A file that ends it (a fault in a reader of binary formats, memory) ends nothing else.
"""

from __future__ import annotations

import os
import pickle
import struct
import sys
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lakeworks.crawlers.examining import Examiner

_LENGTH = struct.Struct("<Q")


def send(stream: IO[bytes], value: Any) -> None:  # noqa: ANN401 - whatever can be pickled
    """Write one value."""
    data = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    stream.write(_LENGTH.pack(len(data)) + data)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:  # noqa: ANN401
    """Read one value; only from a process that we started, or that started us.

    Raises:
        EOFError: the other side is gone.
    """
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    (size,) = _LENGTH.unpack(head)
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return pickle.loads(data)  # noqa: S301 - our own process


def main() -> None:
    """Answer until nobody asks any more."""
    from lakeworks.crawlers.examining import Examiner

    requests = sys.stdin.buffer
    answers = os.fdopen(os.dup(1), "wb")
    # What a library prints must not come between the answers.
    os.dup2(2, 1)
    examiner: Examiner | None = None
    while True:
        try:
            task, objects = receive(requests)
        except (EOFError, KeyboardInterrupt):
            return
        if task is not None:
            examiner = Examiner(task)
        if examiner is not None:
            send(answers, list(examiner.answers(objects)))


if __name__ == "__main__":
    main()
