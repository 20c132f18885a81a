from __future__ import annotations

import pytest
import typer

from lakeworks.cli import nouns
from lakeworks.cli.main import application


@pytest.mark.parametrize("file", nouns.NOUNS)
def test_a_file_has_just_the_commands_that_it_is_said_to_have(file: str) -> None:
    words = nouns.NOUNS[file]
    for word in words:
        assert tuple(typer.main.get_command(application(word)).commands) == words  # type: ignore[attr-defined]


def test_who_names_no_command_that_there_is_meets_all() -> None:
    every = [word for words in nouns.NOUNS.values() for word in words]
    known = typer.main.get_command(application("qurey")).commands  # type: ignore[attr-defined]
    assert sorted(known) == sorted(every)
