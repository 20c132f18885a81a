from __future__ import annotations

import re
from pathlib import Path
from typing import NoReturn

import pytest
import typer

from lakeworks.cli.failures import guarded
from lakeworks.core.errors import LakeError, RequestError
from lakeworks.core.names import TableName
from lakeworks.project.declaration import Location
from lakeworks.project.errors import Mistake, ProjectError


def _raising(error: BaseException) -> int:
    def work() -> NoReturn:
        raise error

    return guarded(work)


def test_a_failure_of_the_work_is_told_with_code_and_hint_and_ends_with_1(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert _raising(LakeError("the disk is full", "make room")) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == "error[LW000]: the disk is full\n  hint: make room\n"


def test_a_wrong_request_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert _raising(RequestError("no such thing")) == 2
    assert capsys.readouterr().err == "error[LW001]: no such thing\n"


def test_every_mistake_of_a_project_is_told_with_its_place(
    capsys: pytest.CaptureFixture[str],
) -> None:
    mistakes = [
        Mistake(
            Location("models/silver/b.sql", 3), "unknown table silver.ordres", code="LW122"
        ),
        Mistake(Location("lake.yml", 1), "unknown key 'nam'", "did you mean name?", "LW111"),
    ]
    assert _raising(ProjectError.of(mistakes)) == 2
    assert capsys.readouterr().err.splitlines() == [
        "error[LW111]: lake.yml:1: unknown key 'nam'",
        "  hint: did you mean name?",
        "error[LW122]: models/silver/b.sql:3: unknown table silver.ordres",
        "2 mistakes found; nothing was run",
    ]


def test_a_surprise_is_one_line_and_its_traceback_is_in_a_file(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert _raising(ZeroDivisionError("by zero\nand more")) == 1
    told = capsys.readouterr().err
    assert "error: unexpected ZeroDivisionError: by zero\n" in told
    assert "Traceback" not in told
    log = re.search(r"details are in (\S+)", told)
    assert log is not None
    kept = Path(log[1])
    assert "ZeroDivisionError: by zero" in kept.read_text()
    assert "Traceback" in kept.read_text()
    kept.unlink()


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), typer.Abort()])
def test_ctrl_c_is_told_calmly_and_ends_with_130(
    stop: BaseException, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _raising(stop) == 130
    assert capsys.readouterr().err.startswith("stopped; ")


def test_success_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(lambda: 0) == 0
    assert capsys.readouterr() == ("", "")


def test_table_names_are_refused_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> int:
        TableName.parse("Orders")
        return 0

    assert guarded(work) == 2
    assert "silver.orders" in capsys.readouterr().err
