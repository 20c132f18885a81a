"""Write what works of Athena's dialect into docs/reference/athena.md.

python scripts/athena_reference.py          write it
python scripts/athena_reference.py --check  fail when it is not what would be written
"""

from __future__ import annotations

import sys

from written_page import main

NOTE = "not with `engine: spark`"


def functions() -> str:
    """Return a table for each group of functions."""
    from lakeworks.project.athena.functions import INSTEAD, NOT_ON_SPARK, rules
    from lakeworks.project.athena.rules import ANY

    groups: dict[str, list[str]] = {}
    for name, rule in sorted(rules().items()):
        counts = sorted(count for count in rule.templates if count != ANY)
        told = " or ".join(map(str, counts)) if counts else "any number"
        if counts and ANY in rule.templates:
            told = "any number"
        notes = [note for note in (rule.note, NOTE if name in NOT_ON_SPARK else "") if note]
        line = f"| `{name}` | {told} | {'; '.join(notes)} |\n"
        groups.setdefault(rule.group, []).append(line)
    parts = [
        f"\n**{group}** ({len(lines)})\n\n| function | arguments | |\n|---|---|---|\n{''.join(lines)}"
        for group, lines in groups.items()
    ]
    missing = "".join(f"| `{name}` | {said} |\n" for name, said in sorted(INSTEAD.items()))
    parts.append(
        "\n**Not here, and what to use** (any other name that stands in no list is refused, too)\n\n"
        f"| function | instead |\n|---|---|\n{missing}"
    )
    return "".join(parts)


if __name__ == "__main__":
    sys.exit(main("athena.md", functions))
