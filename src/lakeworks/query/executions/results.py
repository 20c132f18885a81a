"""Results of executions, kept as Arrow streams in one folder; equal questions find them again.

A result is known by its execution. What makes two questions equal is in a key: the SQL's text,
whose permissions held, in which version, and the versions of all tables that it read. A change of
any of them is another key, so a result can not outlive what it was allowed or made from.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from lakeworks.query.executions.errors import ResultGoneError

if TYPE_CHECKING:
    from pathlib import Path

    from lakeworks.query.executions.records import QueryRequest
    from lakeworks.query.questions import Question

_ID = re.compile(r"[0-9a-f]{32}")
_ENDING = ".arrows"


class ResultStore:
    """The folder that holds results.

    Args:
        folder: Made when the first result comes; only its owner can read it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, execution_id: str) -> Path:
        """Return where the result of an execution is, or is to be.

        Raises:
            ResultGoneError: that is no execution's identifier.
        """
        if _ID.fullmatch(execution_id) is None:
            raise ResultGoneError.of(execution_id)
        if not self._folder.is_dir():
            self._folder.mkdir(parents=True, mode=0o700, exist_ok=True)
        return self._folder / f"{execution_id}{_ENDING}"

    def found(self, execution_id: str) -> Path:
        """Return where the result of an execution is.

        Raises:
            ResultGoneError: it is not, or no longer, kept.
        """
        path = self.path(execution_id)
        if not path.is_file():
            raise ResultGoneError.of(execution_id)
        return path

    def drop(self, execution_id: str) -> None:
        """Delete the result of an execution, and what a killed process left of it."""
        path = self.path(execution_id)
        for one in (path, path.with_suffix(".part")):
            with suppress(OSError):
                one.unlink()

    def prune(self, *, older_than_s: float) -> int:
        """Delete results of that age, and parts that nobody writes any more; return how many."""
        gone = 0
        if not self._folder.is_dir():
            return 0
        limit = time.time() - older_than_s
        for path in self._folder.iterdir():
            with suppress(OSError):
                if path.suffix in {_ENDING, ".part"} and path.stat().st_mtime < limit:
                    path.unlink()
                    gone += 1
        return gone


def reuse_key(asked: QueryRequest, question: Question) -> str:
    """Return what an equal question has in common with this one, and no other has."""
    told = [
        asked.sql.strip(),
        asked.principal,
        asked.limit,
        question.policy_version,
        sorted(question.versions),
    ]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()
