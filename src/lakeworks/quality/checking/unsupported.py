"""What the parser reads and this version does not evaluate: refused by name.

Whoever evaluates one of these takes it out here; `rules.py` then lets it pass.
"""

from __future__ import annotations

# Analyzers by the name of their type.
ANALYZERS = frozenset({"Distribution"})
# Options, as `RuleType.option`.
OPTIONS = frozenset({"ColumnValues.ignoreCase", "ColumnValues.timeZone"})
