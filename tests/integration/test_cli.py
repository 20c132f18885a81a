"""The command line over a real lake, as a person or a script uses it."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from lakeworks.cli.main import main

STEP_KEYS = {
    "table", "status", "rows_read", "rows_written", "rows_quarantined", "rows_superseded",
    "version", "seconds", "score", "error",
}  # fmt: skip


class Shell:
    """Runs commands in one project and keeps what they print."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def code(self, *words: str) -> tuple[int, str, str]:
        self._capsys.readouterr()
        code = main([words[0], "-C", str(self.folder), *words[1:]])
        told = self._capsys.readouterr()
        return code, told.out, told.err

    def out(self, *words: str) -> str:
        code, out, err = self.code(*words)
        assert code == 0, err
        return out

    def json(self, *words: str) -> Any:
        return json.loads(self.out(*words, "--json"))


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    """Return a project with the example that `lake init` brings."""
    folder = tmp_path / "lake"
    assert main(["init", str(folder)]) == 0
    return Shell(folder, capsys)


@pytest.fixture
def built(shell: Shell) -> Shell:
    """Return the same project after a run."""
    shell.out("run")
    return shell


def _arrives(shell: Shell, name: str, *events: dict[str, Any]) -> None:
    path = shell.folder / "landing" / "events" / name
    path.write_text("".join(json.dumps(event) + "\n" for event in events))


def test_run_prints_one_object_of_the_promised_shape(shell: Shell) -> None:
    report = shell.json("run")
    assert set(report) == {"run_id", "status", "snapshot", "seconds", "steps"}
    assert report["status"] == "succeeded"
    assert report["snapshot"] == 1
    assert all(set(step) >= STEP_KEYS for step in report["steps"])
    silver = next(step for step in report["steps"] if step["table"] == "silver.events")
    told = [silver[f"rows_{part}"] for part in ("written", "quarantined", "superseded")]
    assert silver["rows_read"] == sum(told) == 5


def test_a_second_run_has_nothing_to_do_and_says_so(built: Shell) -> None:
    assert built.json("run")["status"] == "nothing to do"
    assert built.out("run") == "Nothing to do: 3 tables up to date.\n"


def test_progress_goes_to_standard_error_and_the_result_to_standard_output(
    shell: Shell,
) -> None:
    code, out, err = shell.code("run", "--json")
    assert code == 0
    json.loads(out)
    assert "silver.events: succeeded" in err


def test_plan_and_dry_run_say_the_same_and_change_nothing(shell: Shell) -> None:
    planned = shell.json("plan")
    assert shell.json("run", "--dry-run") == planned
    assert [step["table"] for step in planned["steps"] if step["action"] != "none"] == [
        "bronze.events", "silver.events", "gold.daily_events",
    ]  # fmt: skip
    assert shell.json("tables") == []


def test_plan_says_why(built: Shell) -> None:
    model = built.folder / "models" / "silver" / "events.sql"
    model.write_text(model.read_text().replace("lower(trim(visitor))", "trim(visitor)"))
    text = built.out("plan")
    assert "silver.events: rebuild" in text
    assert "because" in text


def test_a_failed_run_ends_with_1_and_names_what_it_blocked(shell: Shell) -> None:
    model = shell.folder / "models" / "silver" / "events.sql"
    failing = model.read_text().replace('in ["visit", "purchase"]', 'in ["visit"]')
    model.write_text(failing.replace("on_violation: quarantine", "on_violation: fail"))
    code, out, _ = shell.code("run", "--json")
    assert code == 1
    status = {step["table"]: step["status"] for step in json.loads(out)["steps"]}
    assert status == {
        "bronze.events": "succeeded", "silver.events": "failed", "gold.daily_events": "blocked",
    }  # fmt: skip
    code, out, _ = shell.code("run")
    assert code == 1
    assert "Run failed" in out
    assert 'failed[LW702]: silver.events: ColumnValues "kind" in ["visit"]' in out
    assert "blocked: gold.daily_events: silver.events failed" in out


def test_select_runs_only_what_was_named(shell: Shell) -> None:
    report = shell.json("run", "--select", "bronze.events")
    assert [step["table"] for step in report["steps"]] == ["bronze.events"]
    code, _, err = shell.code("run", "--select", "silver.evnts")
    assert code == 2
    assert "did you mean silver.events?" in err


def test_query_prints_a_table_for_people(built: Shell) -> None:
    out = built.out("query", "select event_id, amount from silver.events order by event_id")
    assert (
        out.splitlines()
        == [
            "event_id  amount",
            "--------  ------",
            "       1  null",
            "       2  21.90",
            "       3  null",
            "(3 rows)",
        ]
        or out.splitlines()[-1] == "(3 rows)"
    )
    assert "21.90" in out


def test_query_prints_json_with_decimals_and_dates_as_text(built: Shell) -> None:
    sql = "select day, revenue, 'nan'::double as x from gold.daily_events order by day"
    assert built.json("query", sql)[0] == {"day": "2026-01-05", "revenue": "21.90", "x": None}


@pytest.mark.parametrize("name", ["r.csv", "r.json", "r.jsonl", "r.parquet", "r.arrow"])
def test_query_writes_the_format_that_the_file_is_named_for(built: Shell, name: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = built.folder / name
    built.out("query", "select event_id from silver.events order by 1", "--output", str(path))
    text = path.read_bytes()
    match path.suffix:
        case ".csv":
            rows = [int(row["event_id"]) for row in csv.DictReader(io.StringIO(text.decode()))]
        case ".json":
            rows = [row["event_id"] for row in json.loads(text)]
        case ".jsonl":
            rows = [json.loads(line)["event_id"] for line in text.splitlines()]
        case ".parquet":
            rows = pq.read_table(path)["event_id"].to_pylist()
        case _:
            rows = pa.ipc.open_stream(text).read_all()["event_id"].to_pylist()
    assert rows == [1, 2, 3]


def test_query_refuses_a_file_name_that_says_no_format(built: Shell) -> None:
    code, _, err = built.code("query", "select 1", "--output", "result.xlsx")
    assert code == 2
    assert "LW901" in err


def test_query_reads_sql_from_standard_input(
    built: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("select count(*) as n from silver.events"))
    assert built.json("query", "-") == [{"n": 3}]


def test_query_shows_the_first_rows_of_many_and_says_that_there_are_more(built: Shell) -> None:
    lines = built.out("query", "select * from range(1000)").splitlines()
    assert len(lines) == 103
    assert lines[-1].startswith("… and more")
    assert (
        len(built.out("query", "select * from range(1000)", "--limit", "3").splitlines()) == 6
    )


def test_query_of_a_misspelt_table_or_column_suggests_the_nearest(built: Shell) -> None:
    code, _, err = built.code("query", "select * from silver.evnts")
    assert code == 2
    assert "did you mean silver.events?" in err
    code, _, err = built.code("query", "select visitr from silver.events")
    assert code == 2
    assert "visitor" in err


def test_the_past_can_be_queried_by_snapshot_moment_and_version(built: Shell) -> None:
    _arrives(built, "later.json", {"event_id": 9, "happened_at": "2026-01-07", "kind": "visit"})
    built.out("run")
    count = "select count(*) as n from silver.events"
    assert built.json("query", count) == [{"n": 4}]
    assert built.json("query", count, "--at", "1") == [{"n": 3}]
    first = min(s["created_at"] for s in built.json("history")["snapshots"])
    assert built.json("query", count, "--at", first) == [{"n": 3}]
    assert built.json("query", f"{count}@v0") == [{"n": 3}]
    code, _, err = built.code("query", count, "--at", "2001-01-01")
    assert code == 2
    assert "no snapshot is as old" in err


def test_rollback_shows_the_earlier_tables_and_the_next_run_goes_on(built: Shell) -> None:
    _arrives(built, "later.json", {"event_id": 9, "happened_at": "2026-01-07", "kind": "visit"})
    built.out("run")
    assert built.json("rollback")["snapshot"] == 3
    count = "select count(*) as n from silver.events"
    assert built.json("query", count) == [{"n": 3}]
    built.out("run")
    assert built.json("query", count) == [{"n": 4}]
    assert "rollback" in built.out("history")


def test_rollback_before_any_run_is_a_wrong_request(shell: Shell) -> None:
    code, _, err = shell.code("rollback")
    assert code == 2
    assert "LW704" in err


def test_tables_show_and_history_tell_of_every_table(built: Shell) -> None:
    names = {table["name"] for table in built.json("tables")}
    assert names >= {"bronze.events", "silver.events", "gold.daily_events"}
    assert "silver.events" in built.out("tables")
    shown = built.json("show", "silver.events")
    assert shown["rows"] == 3
    assert shown["published"] == 0
    text = built.out("show", "silver.events")
    assert "happened_at" in text
    assert "One row per event" in text
    assert built.json("history", "silver.events")[0]["version"] == 0
    assert "snapshot" in built.out("history", "silver.events")


def test_quarantine_says_what_and_why(built: Shell) -> None:
    summary = built.json("quarantine")
    assert [(r["table"], r["rule"], r["rows"]) for r in summary] == [
        ("silver.events", 'IsComplete "event_id"', 1)
    ]
    assert 'IsComplete "event_id"' in built.out("quarantine")
    rows = built.json("quarantine", "silver.events")
    assert json.loads(rows[0]["row"])["visitor"] == "nobody"
    assert "nobody" in built.out("quarantine", "silver.events")
    code, _, err = built.code("quarantine", "gold.daily_events")
    assert code == 2
    assert "LW705" in err


def test_replay_of_rows_that_still_fail_leaves_them_in_quarantine(built: Shell) -> None:
    report = built.json("quarantine", "replay", "silver.events")
    step = next(step for step in report["steps"] if step["table"] == "silver.events")
    assert (step["rows_written"], step["rows_quarantined"]) == (0, 1)
    assert built.json("quarantine")[0]["rows"] == 1


def test_optimize_merges_files_and_vacuum_deletes_the_old_ones(built: Shell) -> None:
    for day in range(8, 12):
        _arrives(built, f"{day}.json",
                 {"event_id": day, "happened_at": f"2026-01-{day:02}", "kind": "visit"})  # fmt: skip
        built.out("run")
    before = built.json("query", "select * from bronze.events order by all")
    assert built.json("optimize", "bronze.events")["done"]["files_after"] == 1
    assert "nothing to do" in built.out("optimize", "bronze.events")
    planned = built.json("vacuum", "--dry-run", "--retain-hours", "0")
    assert any(one["paths"] for one in planned)
    assert "deleted" in built.out("vacuum", "--retain-hours", "0")
    assert built.json("query", "select * from bronze.events order by all") == before
    assert built.json("run")["status"] == "nothing to do"


def test_doctor_finds_nothing_wrong_with_a_lake_that_was_only_used(built: Shell) -> None:
    assert built.json("doctor") == []
    assert "All is well" in built.out("doctor")


@pytest.mark.slow
def test_demo_tells_a_whole_story_in_a_new_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "--orders", "2000", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [run["status"] for run in told["runs"]] == ["succeeded", "succeeded"]
    assert told["directory"] == "lakeworks-demo"
    assert main(["demo", "--orders", "500"]) == 0
    story = capsys.readouterr().out
    assert "lakeworks-demo-2" in story
    assert "What to type next" in story
    assert "No row is lost" in story


@pytest.mark.fault
def test_ctrl_c_stops_a_run_cleanly_and_the_next_run_finishes_it(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    assert main(["init", str(folder), "--template", "shop"]) == 0
    assert main(["generate", "shop", "-C", str(folder), "--orders", "20000"]) == 0
    lake = [sys.executable, "-m", "lakeworks.cli.main", "-C", str(folder)]
    process = subprocess.Popen(
        [*lake, "run"], stderr=subprocess.PIPE, text=True, env=os.environ.copy()
    )
    assert process.stderr is not None
    process.stderr.readline()  # a first step has ended
    begin = time.monotonic()
    process.send_signal(signal.SIGINT)
    told = process.communicate(timeout=60)[1]
    assert process.returncode == 130, told
    assert "stopped; " in told
    assert "Traceback" not in told
    assert time.monotonic() - begin < 30
    done = subprocess.run([*lake, "run", "--json"], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["status"] == "succeeded"
    assert not list((folder / ".lake" / "staging").glob("*"))
