"""A page of the docs with a part that a script writes, between two marks."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"
END = "<!-- end of functions -->\n"


def main(name: str, functions: Callable[[], str]) -> int:
    """Write the part of a page of the reference, or with --check tell whether it is as written."""
    script = Path(sys.argv[0]).name
    begin = f"<!-- functions: written by scripts/{script} -->\n"
    page = REFERENCE / name
    written = page.read_text(encoding="utf-8")
    before, rest = written.split(begin)
    wanted = before + begin + functions() + "\n" + END + rest.split(END)[1]
    if "--check" in sys.argv[1:]:
        if written != wanted:
            sys.stderr.write(f"{name} lists other functions: python scripts/{script}\n")
        return int(written != wanted)
    page.write_text(wanted, encoding="utf-8")
    return 0
