from __future__ import annotations

import io
import sys

import pytest

from lakeworks.cli import progress
from lakeworks.core import events

ENDED = {
    "table": "silver.orders",
    "status": "succeeded",
    "rows_read": 1_010,
    "rows_written": 1_000,
    "rows_quarantined": 7,
    "rows_superseded": 3,
    "seconds": 0.5,
    "error": None,
}


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _a_run() -> None:
    events.emit("run.started", run_id="r", steps=1)
    events.emit("run.waiting", holder="run x")
    events.emit("step.started", table="silver.orders")
    events.emit("step.progress", table="silver.orders", rows=500)
    events.emit("step.ended", **ENDED)
    events.emit("run.ended", run_id="r", status="succeeded", seconds=1.0)


def test_elsewhere_than_on_a_terminal_each_step_is_one_plain_line_on_stderr(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with progress.shown():
        _a_run()
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines() == [
        "waiting for run x",
        "silver.orders: succeeded, 1,000 rows written, 7 quarantined, 3 superseded, 0.50 s",
    ]


def test_on_a_terminal_rows_and_steps_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = _Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with progress.shown():
        _a_run()
    assert "silver.orders" in terminal.getvalue()
    assert "1 of 1 tables" in terminal.getvalue()


def test_quiet_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.shown(quiet=True):
        _a_run()
    assert capsys.readouterr() == ("", "")


def test_a_failed_step_gives_the_first_line_of_its_error() -> None:
    line = progress.step_line({**ENDED, "status": "failed", "error": "[LW702] bad\n  hint: x"})
    assert line == "silver.orders: failed, [LW702] bad, 0.50 s"


def test_progress_of_a_step_that_has_not_begun_is_ignored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stderr", _Terminal())
    with progress.shown():
        events.emit("step.progress", table="gold.unknown", rows=1)
