"""The examples of the pages are run, and print what the pages say.

A comment before a code fence says what happens to it, in the order of the page, each page in an
empty folder of its own:

    <!-- file: models/silver/rides.sql -->    the fence is written to that file
    <!-- append: landing/rides.csv -->        the fence is added to that file
    <!-- run -->                              lines after `$ ` are run; the others are printed
    <!-- shows -->                            one command, whose output may look like commands; digits
                                              are not compared
    <!-- fails -->                            as run, but each must fail; errors are compared
    <!-- python -->                           the fence is run by Python
    <!-- not run: the reason -->              it cannot be run here, or shows only a part

What a page takes for granted is prepared by bash, out of the reader's sight:

    <!-- setup
    lake init . --template shop
    -->

Every fence of a how-to page has one of these before it.

In expected output `…` stands for anything. Durations, moments, identifiers of runs and the widths
of columns are not compared.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
HOW_TOS = sorted((ROOT / "docs/how-to").glob("*.md"))
FENCE = re.compile(
    r"^<!-- (?P<do>file|append|run|shows|fails|python)(?:: (?P<path>\S+))? -->\n+"
    r"```\w*\n(?P<text>.*?)^```$"
    r"|^<!-- (?P<setup>setup)\n(?P<script>.*?)^-->$",
    re.MULTILINE | re.DOTALL,
)
MARKED = re.compile(
    r"^<!-- (?:(?:file|append): \S+|run|shows|fails|python|not run: .+) -->\n+\Z", re.MULTILINE
)
CHANGING = {
    "N s": re.compile(r"\b(\d+ min )?\d+(\.\d+)? s\b"),
    "RUN": re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}"),
    "MOMENT": re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ"),
}


@dataclass(frozen=True)
class Example:
    do: str
    path: str | None
    text: str
    line: int


def examples(page: Path) -> list[Example]:
    text = page.read_text()
    return [
        Example(
            found["do"] or found["setup"],
            found["path"],
            found["text"] or found["script"],
            text.count("\n", 0, found.start()) + 1,
        )
        for found in FENCE.finditer(text)
    ]


RUN = [page for page in PAGES if examples(page)]


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN, ids=lambda page: str(page.relative_to(ROOT)))
def test_examples_of_the_page_run_and_print_what_it_says(page: Path, tmp_path: Path) -> None:
    for example in examples(page):
        _carry_out(example, tmp_path)


def test_the_tutorial_and_the_readme_have_examples() -> None:
    names = {page.name for page in RUN}
    assert {"README.md", "tutorial.md"} <= names


def test_every_marker_is_followed_by_a_fence() -> None:
    for page in PAGES:
        markers = re.findall(
            r"^<!-- (?:file|append|run|shows|fails|python|setup)\b",
            page.read_text(),
            re.MULTILINE,
        )
        assert len(markers) == len(examples(page)), page


@pytest.mark.parametrize("page", HOW_TOS, ids=lambda page: page.name)
def test_every_fence_of_a_how_to_is_run_or_says_why_not(page: Path) -> None:
    text = page.read_text()
    starts = [found.start() for found in re.finditer(r"^```", text, re.MULTILINE)][::2]
    unmarked = [
        text.count("\n", 0, start) + 1 for start in starts if not MARKED.search(text[:start])
    ]
    assert unmarked == [], f"{page.name}: fences at these lines"


def test_output_is_compared_and_ellipses_match_anything() -> None:
    assert _matches("a …\nb in 0.42 s", "a 17\nb in 1 min 02 s")
    assert _matches("first\n…\nlast", "first\nx\ny\nlast")
    assert not _matches("a b", "a c")


def _carry_out(example: Example, folder: Path) -> None:
    if example.path is not None:
        path = folder / example.path
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a" if example.do == "append" else "w") as file:
            file.write(example.text)
    elif example.do == "setup":
        _run(["bash", "-euc", example.text], folder, example)
    elif example.do == "python":
        _run([sys.executable, "-c", example.text], folder, example)
    else:
        _run_console(example, folder)


def _run_console(example: Example, folder: Path) -> None:
    most = 1 if example.do == "shows" else 0
    for part in re.split(r"^\$ ", example.text, maxsplit=most, flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        while command.endswith("\\"):
            more, _, expected = expected.partition("\n")
            command = f"{command[:-1]} {more.strip()}"
        printed = _run(["bash", "-c", command], folder, example)
        if example.do == "shows":
            expected, printed = (re.sub(r"\d[\d.,]*", "N", one) for one in (expected, printed))
        if expected.strip():
            told = f"--- expected\n{expected}\n--- printed\n{printed}"
            assert _matches(expected.strip(), printed.strip()), (
                f"line {example.line}: {command}\n{told}"
            )


def _run(command: list[str], folder: Path, example: Example) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=folder,
        # Variables that pages set defaults for, so that no run leaves anything behind.
        env={**os.environ, "PATH": path, "NO_COLOR": "1", "CI_LAKE": str(folder / "ci")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    as_told = (done.returncode != 0) == (example.do == "fails")
    told = f"line {example.line}: {command}\n{done.stdout}\n{done.stderr}"
    assert as_told, told
    assert "Traceback" not in done.stderr, told
    return done.stdout + (done.stderr if example.do == "fails" else "")


def _matches(expected: str, printed: str) -> bool:
    pattern = ".*".join(re.escape(part) for part in _lasting(expected).split("…"))
    return re.fullmatch(pattern, _lasting(printed), re.DOTALL) is not None


def _lasting(text: str) -> str:
    """Return the text without what differs from one run to the next."""
    for name, pattern in CHANGING.items():
        text = pattern.sub(name, text)
    lines = (re.sub(r" +", " ", line).rstrip() for line in text.splitlines())
    return "\n".join(re.sub(r"-{3,}", "---", line) for line in lines)
