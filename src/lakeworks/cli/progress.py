"""Show a run while it happens, on standard error: bars on a terminal, plain lines elsewhere.

Listens to `core.events` only; the pipeline does not know that anybody watches.
"""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from lakeworks.cli import render, say
from lakeworks.core import events

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import Progress, TaskID


class Display(Protocol):
    """Draws a run's steps. Called from several threads, one call at a time."""

    def note(self, text: str) -> None:
        """Show a line about the run as a whole."""
        ...

    def start(self, steps: int) -> None:
        """A run of so many steps has begun."""
        ...

    def begin(self, table: str) -> None:
        """A step has started."""
        ...

    def advance(self, table: str, rows: int) -> None:
        """A step has handled `rows` rows so far."""
        ...

    def end(self, table: str, text: str) -> None:
        """A step has ended; `text` says how."""
        ...


@contextmanager
def shown(*, quiet: bool = False) -> Iterator[None]:
    """Show whatever runs inside the block."""
    if quiet:
        yield
    elif sys.stderr.isatty():
        with _bars() as display, events.listening(_Watcher(display)):
            yield
    else:
        with events.listening(_Watcher(_Lines())):
            yield


def step_line(data: dict[str, Any]) -> str:
    """Return one ended step in words, from its `step.ended` event or its report."""
    parts = [f"{data['table']}: {data['status']}"]
    if data["status"] == "succeeded":
        parts.append(render.plural(data["rows_written"], "row") + " written")
        if data["rows_quarantined"]:
            parts.append(f"{data['rows_quarantined']:,} quarantined")
        if data["rows_superseded"]:
            parts.append(f"{data['rows_superseded']:,} superseded")
    if data.get("error"):
        parts.append(str(data["error"]).partition("\n")[0])
    if data["status"] != "up to date":
        parts.append(render.duration(data["seconds"]))
    return ", ".join(parts)


class _Watcher:
    """Tells a display what the events mean."""

    def __init__(self, display: Display) -> None:
        self._display = display
        self._lock = threading.Lock()

    def __call__(self, event: events.Event) -> None:
        with self._lock:
            self._tell(event.name, event.data)

    def _tell(self, name: str, data: dict[str, Any]) -> None:
        match name:
            case "run.waiting":
                self._display.note(f"waiting for {data['holder']}")
            case "openlineage.failed":
                self._display.note(f"warning[{data['code']}]: {data['problem']}")
            case "run.started":
                self._display.start(data["steps"])
            case "step.started":
                self._display.begin(data["table"])
            case "step.progress":
                self._display.advance(data["table"], data["rows"])
            case "step.ended":
                self._display.end(data["table"], step_line(data))
            case _:
                pass


class _Lines:
    """One line a step, once it has ended: right for logs."""

    def note(self, text: str) -> None:
        say.remark(text)

    def start(self, steps: int) -> None:
        pass

    def begin(self, table: str) -> None:
        pass

    def advance(self, table: str, rows: int) -> None:
        pass

    def end(self, table: str, text: str) -> None:  # noqa: ARG002 - the text names it
        say.remark(text)


class _Bars:
    """A line a step with rows a second while it works, and one for the run as a whole."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}
        self._whole = progress.add_task("run", total=None, rate="")
        self._ended = 0

    def start(self, steps: int) -> None:
        self._progress.update(self._whole, total=steps)

    def note(self, text: str) -> None:
        self._progress.console.print(text, markup=False, highlight=False)

    def begin(self, table: str) -> None:
        self._tasks[table] = self._progress.add_task(table, total=None, rate="")

    def advance(self, table: str, rows: int) -> None:
        task = self._tasks.get(table)
        if task is None:
            return
        self._progress.update(task, completed=rows)
        speed = self._progress.tasks[self._progress.task_ids.index(task)].speed
        rate = f"{rows:,} rows" + (f", {speed:,.0f} rows/s" if speed else "")
        self._progress.update(task, rate=rate)

    def end(self, table: str, text: str) -> None:
        task = self._tasks.pop(table, None)
        if task is not None:
            self._progress.remove_task(task)
        self._ended += 1
        total = self._progress.tasks[0].total
        rate = f"{self._ended} of {total:.0f} tables" if total else text
        self._progress.update(self._whole, completed=self._ended, rate=rate)


@contextmanager
def _bars() -> Iterator[_Bars]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=16),
        TextColumn("{task.fields[rate]}", markup=False),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield _Bars(progress)
