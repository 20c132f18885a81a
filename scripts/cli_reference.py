"""Write docs/reference/cli.md from the commands themselves.

python scripts/cli_reference.py          write the page
python scripts/cli_reference.py --check  fail when it is not what would be written
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "cli.md"
HEAD = """# The command lake

<!-- Written by scripts/cli_reference.py: change src/lakeworks/cli, then `make fix`. -->

`-C DIR`, `--env NAME` and `--json` may stand before or after the command. Results go to
standard output, progress and errors to standard error. Exit codes: 0 done, 1 the work failed,
2 the request or the project is wrong, 130 stopped.

"""


def command_names() -> list[str]:
    """Return every command, in the order in which help lists them."""
    from lakeworks.cli.main import application

    return [
        command.name or command.callback.__name__
        for command in application().registered_commands
        if command.callback is not None
    ]


def grouped_names() -> list[str]:
    """Return the commands of nouns that have several, such as `quality check`."""
    from lakeworks.cli.main import application

    found = []
    for group in application().registered_groups:
        noun = group.typer_instance
        if noun is None or group.name is None:
            continue
        if noun.info.invoke_without_command is True:
            found.append(group.name)  # the noun does something by itself: `lake erase`
        found += [
            f"{group.name} {command.name or command.callback.__name__}"
            for command in noun.registered_commands
            if command.callback is not None
        ]
    return found


def page() -> str:
    """Return the whole page."""
    sections = [f"```\n{_help()}```\n"]
    names = [*command_names(), *grouped_names()]
    sections += [f"## lake {name}\n\n```\n{_help(*name.split())}```\n" for name in names]
    return HEAD + "\n".join(sections)


def _help(*command: str) -> str:
    from lakeworks.cli.main import main

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        main([*command, "--help"])
    lines = (line.rstrip() for line in printed.getvalue().strip().splitlines())
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    os.environ |= {"COLUMNS": "100", "TERMINAL_WIDTH": "100", "NO_COLOR": "1"}
    if "--check" in sys.argv:
        sys.exit(PAGE.read_text() != page() and f"{PAGE.name} is out of date: make fix")
    PAGE.write_text(page())
