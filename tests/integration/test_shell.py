"""The shell at a real terminal: a pseudo-terminal, keys that are pressed, what is on the screen."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import stat
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Self

import pytest

from lakeworks.lake import Lake

POLICIES = """
roles: {analyst: [ana]}
grants:
  - {to: role:analyst, permissions: SELECT, on: silver.sales, except: [margin]}
"""
FILES = {
    "lake.yml": "name: typed\nenvironments:\n  dev: {storage: .lake}\n",
    "sources/sales.yml": "table: bronze.sales\npath: landing\n",
    "models/silver/sales.sql": "/*\nload: replace\n*/\nselect region, amount, margin "
    "from bronze.sales\n",
    "policies/roles.yml": POLICIES,
    "workgroups/small.yml": "bytes_scanned_per_query: 100B\nprincipals: [ana]\n",
    "landing/sales.json": "".join(
        json.dumps({"region": f"r{n}", "amount": n, "margin": n}) + "\n" for n in range(20)
    ),
}
CODES = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|\][^\x07]*\x07|[=>()][A-Z0-9]?)|\r")
CTRL_C, CTRL_D, TAB, UP, ENTER = "\x03", "\x04", "\t", "\x1b[A", "\r"
PROMPT = "typed=>"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("typed")
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    with Lake.open(root) as lake:
        assert lake.pipeline.run().status == "succeeded"
    return root


class Terminal:
    """`lake shell` in a terminal of 24 lines of 80 columns."""

    def __init__(self, project: Path, cache: Path, *options: str) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        env = {name: value for name, value in os.environ.items() if name != "PAGER"}
        env |= {
            "TERM": "xterm", "XDG_CACHE_HOME": str(cache), "NO_COLOR": "1", "LINES": "24",
            "COLUMNS": "80",
            "PROMPT_TOOLKIT_NO_CPR": "1",  # nobody here answers where the cursor is
        }  # fmt: skip
        self.process = subprocess.Popen(
            [sys.executable, "-m", "lakeworks", "shell", "-C", str(project), *options],
            stdin=slave, stdout=slave, stderr=slave, env=env, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509
        )  # fmt: skip
        os.close(slave)
        self.seen = ""

    def press(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def shows(self, text: str, *, within_s: float = 60.0) -> str:
        """Wait until a text is on the screen; return what came up to its end, and forget it."""
        until = time.monotonic() + within_s
        while (at := self.seen.find(text)) < 0:
            ready, _, _ = select.select([self.master], [], [], max(0, until - time.monotonic()))
            assert ready, f"{text!r} did not come; there is:\n{self.seen}"
            try:
                chunk = os.read(self.master, 65536)
            except OSError:
                chunk = b""
            assert chunk, f"ended without {text!r}:\n{self.seen}"
            self.seen = CODES.sub("", self.seen + chunk.decode(errors="replace"))
        found, self.seen = self.seen[: at + len(text)], self.seen[at + len(text) :]
        return found

    def ask(self, text: str, shows: str) -> str:
        """Type a line at the prompt and wait for a part of the answer."""
        self.shows(PROMPT)
        self.press(text + ENTER)
        return self.shows(shows)

    def works(self, cpu_s: float) -> None:
        """Wait until it has taken processor time: no prompt does, so a query runs."""
        begin, until = self._cpu_s(), time.monotonic() + 60
        while self._cpu_s() < begin + cpu_s:
            assert time.monotonic() < until, f"it is idle; there is:\n{self.seen}"
            time.sleep(0.05)

    def _cpu_s(self) -> float:
        words = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def ends(self) -> int:
        return self.process.wait(60)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
        os.close(self.master)


def test_statements_have_several_lines_and_commands_one(project: Path, tmp_path: Path) -> None:
    with Terminal(project, tmp_path) as terminal:
        terminal.ask("select count(*) as n", "->")
        terminal.press("from silver.sales;" + ENTER)
        assert "20" in terminal.shows("(1 row)")
        terminal.ask("\\d silver.sales", "margin  bigint")
        terminal.ask("\\dt", "bronze.sales")
        terminal.ask("\\timing", "Timing is on.")
        terminal.ask("select 41 + 1 as x; select 43 as y;", "Time: ")
        terminal.shows("43")
        terminal.ask("\\?", "what it does")
        terminal.ask("\\nothing", "There is no \\nothing")
        terminal.ask("selec 1;", "error[LW401]")
        terminal.ask("select * from silver.salez;", "did you mean silver.sales?")
        terminal.shows(PROMPT)
        terminal.press("\\q" + ENTER)
        assert terminal.ends() == 0


def test_a_principal_completes_and_sees_only_what_it_may(project: Path, tmp_path: Path) -> None:
    with Terminal(project, tmp_path, "--as", "ana") as terminal:
        terminal.shows(PROMPT)
        terminal.press("select * from silver.sa")
        terminal.shows("silver.sales")  # offered while it is typed
        terminal.press(TAB)
        terminal.press(" s order by s.am")
        terminal.shows("s.amount")
        terminal.press(TAB)
        terminal.press(" limit 1;" + ENTER)
        answer = terminal.shows("(1 row)")
        assert "region" in answer
        assert "margin" not in answer
        assert "bronze" not in terminal.ask("\\dt", "silver.sales")
        terminal.ask("select margin from silver.sales;", "error[LW401]")
        terminal.ask("select * from bronze.sales;", "error[LW3")
        terminal.shows(PROMPT)
        terminal.press(CTRL_D)
        assert terminal.ends() == 0


def test_ctrl_c_stops_the_query_and_not_the_shell(project: Path, tmp_path: Path) -> None:
    with Terminal(project, tmp_path) as terminal:
        terminal.ask("select count(*) from range(1000000000000) t(a) where a % 7 = 1;", "= 1;")
        terminal.works(2)
        terminal.press(CTRL_C)
        terminal.shows("stopped")
        terminal.shows(PROMPT)
        terminal.press("select 'half" + CTRL_C)  # at the prompt it drops the line
        terminal.ask("select 6 * 7 as x;", "42")
        terminal.ask("exit", "exit")
        assert terminal.ends() == 0


def test_what_does_not_fit_is_paged(project: Path, tmp_path: Path) -> None:
    with Terminal(project, tmp_path) as terminal:
        terminal.ask("select a as number from range(500) t(a);", "20")
        assert "499" not in terminal.seen
        terminal.press("G")
        terminal.shows("(500 rows)")
        terminal.press("q")
        terminal.ask("select repeat('x', 55) a, repeat('y', 55) as b;", "xxx")
        terminal.shows("(END)")
        terminal.press("q")
        terminal.ask("select 6 * 7 as x;", "42")
        terminal.shows(PROMPT)
        terminal.press("\\q" + ENTER)
        assert terminal.ends() == 0


def test_history_lasts_and_is_the_users_alone(project: Path, tmp_path: Path) -> None:
    with Terminal(project, tmp_path) as terminal:
        terminal.ask("select 12345 + 1 as x;", "12346")
        terminal.shows(PROMPT)
        terminal.press(CTRL_D)
        assert terminal.ends() == 0
    kept = tmp_path / "lakeworks" / "shell_history"
    assert "select 12345 + 1" in kept.read_text()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    with Terminal(project, tmp_path) as terminal:
        terminal.shows(PROMPT)
        terminal.press(UP)
        terminal.shows("select 12345 + 1 as x;")
        terminal.press(ENTER)
        terminal.shows("12346")


def piped(project: Path, text: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lakeworks", "shell", "-C", str(project), *options],
        input=text, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_statements_can_be_piped_in_until_one_fails(project: Path) -> None:
    done = piped(project, "\\dt\nselect count(*) as n\nfrom silver.sales;\nselect 7 as seven")
    assert done.returncode == 0, done.stderr
    assert "silver.sales" in done.stdout
    assert "seven" in done.stdout
    failed = piped(project, "select 1 as one; selec 2; select 3 as three;")
    assert failed.returncode == 2
    assert "one" in failed.stdout
    assert "three" not in failed.stdout
    assert "error[LW401]" in failed.stderr
    shown = piped(project, "select 1 as one;", "--json")
    assert json.loads(shown.stdout) == [{"one": 1}]
    assert piped(project, "").returncode == 0


def test_a_workgroups_limits_hold_in_the_shell(project: Path) -> None:
    ana = ("--as", "ana", "--workgroup", "small")
    limited = piped(project, "select max(amount) from silver.sales", *ana)
    assert limited.returncode == 2
    assert "may scan 100" in limited.stderr
    assert piped(project, "select 1", *ana).returncode == 0
    other = piped(project, "select 1", "--as", "bob", "--workgroup", "small")
    assert "error[LW810]" in other.stderr
