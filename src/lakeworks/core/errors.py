"""The root of every error that Lakeworks raises on purpose.

Each package derives its own errors from `LakeError` in a module `errors.py` of its own. A code is
given once, never reused, and documented in `docs/errors.md`: LW0xx core, LW1xx project, LW2xx
storage, LW3xx catalog, LW4xx engines, LW5xx quality, LW6xx ingest, LW7xx pipeline, LW8xx query
and observe, LW9xx command line, samples and submission.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, ClassVar, Self

from lakeworks.core.redaction import scrubbed

if TYPE_CHECKING:
    from collections.abc import Iterable

EXIT_WORK_FAILED = 1
EXIT_REQUEST_WRONG = 2


class LakeError(Exception):
    """A problem stated in one sentence, then what to do about it.

    Attributes:
        code: Stable identifier, documented in `docs/errors.md`.
        retryable: Whether the same call may succeed later without a change by the user.
        exit_code: What the command line returns: 1 the work failed, 2 the request is wrong.
    """

    code: ClassVar[str] = "LW000"
    retryable: ClassVar[bool] = False
    exit_code: ClassVar[int] = EXIT_WORK_FAILED

    def __init__(self, problem: str, hint: str = "") -> None:
        problem, hint = scrubbed(problem), scrubbed(hint)
        super().__init__(problem, hint)
        self.problem = problem
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.problem}\n  hint: {self.hint}" if self.hint else self.problem


class RequestError(LakeError):
    """The request or the project is wrong; nothing was attempted."""

    code = "LW001"
    exit_code = EXIT_REQUEST_WRONG


class NameRefusedError(RequestError):
    """A database, table or column name that Lakeworks does not accept."""

    code = "LW002"


class MissingExtraError(RequestError):
    """A feature was asked for whose optional packages are not installed."""

    code = "LW003"

    @classmethod
    def needed(cls, extra: str, purpose: str) -> Self:
        """Say which extra `purpose` needs and how to install it."""
        return cls(
            f"{purpose} needs the extra '{extra}', which is not installed",
            f"pip install 'lakeworks[{extra}]'",
        )


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known name most like `word`, or None when nothing is close."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def did_you_mean(word: str, known: Iterable[str], *, most: int = 10) -> str:
    """Return a hint that names the nearest of `known`, or lists up to `most` of them."""
    names = sorted(known)
    close = nearest(word, names)
    if close is not None:
        return f"did you mean {close}?"
    if not names:
        return ""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"known: {', '.join(names[:most])}{more}"
