"""What the parser reads and this version does not evaluate: refused by name.

Whoever evaluates one of these takes it out here; `rules.py` then lets it pass.
"""

from __future__ import annotations

# Options, as `RuleType.option`.
OPTIONS = frozenset({"Distribution.rebin"})
# Options with an operator, likewise: no source says what they mean together.
OPERATORS = frozenset(
    {"ColumnValues.ignoreCase matches", "ColumnValues.ignoreCase not matches"}
)
