"""`lake shell`: SQL at a prompt."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from lakeworks.cli import failures, render, say
from lakeworks.cli.options import AsJson, AsPrincipal, Dialect, EnvironmentName, Folder, opened
from lakeworks.cli.shell_names import COMMANDS, Names
from lakeworks.cli.shell_text import parts
from lakeworks.core.errors import LakeError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa

    from lakeworks.lake import Lake
    from lakeworks.project.workgroups import Workgroup

MOST_ROWS = 10_000
_LOOK_S = 0.1
T = TypeVar("T")


def register(app: typer.Typer) -> None:
    """Add this noun's commands."""
    app.command()(shell)


def shell(
    *,
    principal: AsPrincipal = "",
    workgroup: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Within the limits of this workgroup on a query's time and bytes.",
            show_default=False,
        ),
    ] = "",
    dialect: Dialect = "",
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> int:
    r"""Ask in SQL at a prompt: with completion, history and paging.

    A statement ends with ; and may have several lines. Ctrl-C stops a query, Ctrl-D leaves,
    and \? helps.
    Statements can also be piped in; then the first that fails is the last.
    """
    from lakeworks.cli.shell_prompt import reader

    with opened(folder, environment) as lake:
        limits = _limits(lake, principal, workgroup)
        lake.query.visible(principal)  # says now what is wrong with the principal
        spoken = _spoken(dialect or (limits.dialect if limits else ""))
        names = Names(lake.query, principal, _functions())
        asked = _Shell(lake, principal, limits, names, as_json=as_json)
        asked.dialect = spoken
        interactive = sys.stdin.isatty() and sys.stdout.isatty()
        read = reader(lake.project.name, names)
        if interactive:
            say.remark(
                rf"The lake {lake.project.name}, as {principal or 'its owner'}. \? helps, \q leaves."
            )
        return asked.serve(read, interactive=interactive)


class _Shell:
    """One conversation."""

    def __init__(
        self,
        lake: Lake,
        principal: str,
        limits: Workgroup | None,
        names: Names,
        *,
        as_json: bool,
    ) -> None:
        self._lake = lake
        self._principal = principal
        self._limits = limits
        self._names = names
        self._as_json = as_json
        self._timed = False
        self.dialect = ""

    def serve(self, read: Callable[[], str], *, interactive: bool) -> int:
        """Carry out what is read until the input ends or asks to leave; return the exit code."""
        while True:
            try:
                text = read()
            except KeyboardInterrupt:
                continue
            except EOFError:
                return 0
            for one in parts(text):
                if one.lower() in {r"\q", "exit", "quit"}:
                    return 0
                code = self._tried(one, interactive=interactive)
                if code and not interactive:
                    return code

    def _tried(self, text: str, *, interactive: bool) -> int:
        try:
            if text.startswith("\\"):
                return self._command(*text.split(maxsplit=1))
            self._statement(text)
        except LakeError as error:
            failures.tell(error)
            return error.exit_code
        except KeyboardInterrupt:
            if not interactive:
                raise
            say.remark("stopped")
        finally:
            self._names.forget()
        return 0

    def _command(self, name: str, argument: str = "") -> int:
        if name == r"\timing":
            self._timed = not self._timed
            say.line(f"Timing is {'on' if self._timed else 'off'}.")
        elif name == r"\dialect":
            self.dialect = _spoken(argument) if argument else self.dialect
            say.line(f"Statements are read as {self.dialect}.")
        elif name in {r"\d", r"\dt"} and argument:
            columns = self._lake.query.columns(argument.strip(" ;"), self._principal)
            self._show(("column", "type"), columns)
        elif name in {r"\d", r"\dt"}:
            self._show(
                ("table",), [(str(one),) for one in self._lake.query.visible(self._principal)]
            )
        elif name == r"\?":
            self._show(("command", "what it does"), [*COMMANDS.items(), ("…;", "run SQL")])
        else:
            say.remark(rf"There is no {name}; \? lists what there is.")
            return 2
        return 0

    def _statement(self, sql: str) -> None:
        from lakeworks.engines.errors import InterruptedQueryError

        begin = time.monotonic()
        try:
            found = _stoppable(lambda: self._asked(sql), self._lake.engine.interrupt)
        except InterruptedQueryError:
            raise KeyboardInterrupt from None
        seconds = time.monotonic() - begin
        self._result(found)
        if self._timed:
            say.remark(f"Time: {seconds:.3f} s")

    def _asked(self, sql: str) -> pa.Table:
        from lakeworks.query.questions import Caller

        limits = self._limits
        caller = Caller(
            self._principal,
            limits.name if limits else "",
            bytes_limit=limits.bytes_limit if limits else None,
        )
        timeout_s = limits.timeout_s if limits else None
        with self._lake.query.sql(
            sql, caller=caller, timeout_s=timeout_s, dialect=self.dialect
        ) as result:
            return result.head(MOST_ROWS + 1)

    def _result(self, found: pa.Table) -> None:
        shown = found.slice(0, MOST_ROWS)
        if not found.column_names:
            say.line("done")
            return
        # By column, since two columns may have one name.
        rows = list(zip(*(column.to_pylist() for column in shown.columns), strict=True))
        end = f"({render.plural(shown.num_rows, 'row')})"
        if found.num_rows > MOST_ROWS:
            end = f"… and more: these are the first {MOST_ROWS:,}; lake query --format csv gives all"
        self._show(found.column_names, rows, end=end)

    def _show(
        self, headers: Sequence[str], rows: Sequence[Sequence[object]], *, end: str = ""
    ) -> None:
        from lakeworks.cli.shell_pager import show

        if self._as_json:
            say.as_json([dict(zip(headers, row, strict=True)) for row in rows])
            return
        table = render.answer(headers, rows)
        show(f"{table}\n{end}" if end else table)


def _stoppable(work: Callable[[], T], stop: Callable[[], None]) -> T:
    """Do work in a thread, so that Ctrl-C can stop it; wait for it to have ended."""
    with ThreadPoolExecutor(1, thread_name_prefix="shell") as threads:
        future = threads.submit(work)
        stopped = False
        while True:
            try:
                return future.result(_LOOK_S if stopped else None)
            except TimeoutError:
                if future.done():
                    raise
                # What began after the first call has not heard of it.
                stop()
            except KeyboardInterrupt:
                stopped = True
                stop()


def _spoken(name: str) -> str:
    from lakeworks.query.dialects.spoken import dialect_of

    return dialect_of(name)


def _functions() -> frozenset[str]:
    from lakeworks.engines.registry import callable_functions

    return callable_functions()


def _limits(lake: Lake, principal: str, workgroup: str) -> Workgroup | None:
    """Return the workgroup that is named.

    Raises:
        UnknownWorkgroupError: it does not exist, or the principal may not use it.
    """
    if not workgroup:
        return None
    from lakeworks.governance.principals import Principal
    from lakeworks.query.executions.errors import UnknownWorkgroupError
    from lakeworks.server.sql.serving import workgroups

    groups = workgroups(lake)
    if principal:
        who = lake.governance.authorizer().identities(Principal.parse(principal))
        groups = {
            name: one for name, one in groups.items()
            if not one.principals or not who.isdisjoint(one.principals)
        }  # fmt: skip
    if workgroup not in groups:
        raise UnknownWorkgroupError.named(workgroup, groups)
    return groups[workgroup]
