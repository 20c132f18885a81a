"""Write the functions of queries under permissions into docs/reference/sql-service.md.

python scripts/sql_functions.py          write them
python scripts/sql_functions.py --check  fail when they are not what would be written
"""

from __future__ import annotations

import re
import sys
import textwrap

from written_page import main

WIDTH = 130


def functions() -> str:
    """Return the lists: aggregates and windows, table functions, operators, all others."""
    from lakeworks.engines.duckdb.allowed_functions import AGGREGATES, ALLOWED
    from lakeworks.engines.duckdb.caller_sql import TABLE_FUNCTIONS

    named = {name for name in ALLOWED if re.fullmatch(r"\w+", name)}
    groups = (
        ("Aggregates and windows", AGGREGATES),
        ("Tables", TABLE_FUNCTIONS),
        ("Operators", ALLOWED - named),
        ("All others", named - AGGREGATES - TABLE_FUNCTIONS),
    )
    return "".join(f"\n**{title}**\n\n```\n{_listed(names)}\n```\n" for title, names in groups)


def _listed(names: frozenset[str]) -> str:
    # A list is not prose: names with hyphens, such as ->>, must stay in one piece.
    return textwrap.fill(
        " ".join(sorted(names)), WIDTH, break_on_hyphens=False, break_long_words=False
    )


if __name__ == "__main__":
    sys.exit(main("sql-service.md", functions))
