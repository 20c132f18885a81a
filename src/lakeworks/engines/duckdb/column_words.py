"""Which columns a query can read, by the names in the tree that DuckDB's parser makes of it.

Nothing is bound, so names are not resolved: a word may be another table's column, an alias or a
field of a struct. No column that is read is left out, and that is what counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

# Expressions and relations that read columns without a name of them.
_ANY = ("STAR", "POSITIONAL_REFERENCE")
_ANY_RELATION = ("PIVOT", "SHOW_REF")


def words_of(nodes: Iterable[dict[str, Any]]) -> frozenset[str] | None:
    """Return what may be a column's name, in lower case; None where any column may be read."""
    words: set[str] = set()
    last: set[str] = set()
    relations: set[str] = set()
    for node in nodes:
        if _reads_any(node):
            return None
        if node.get("class") == "COLUMN_REF":
            parts = [str(part).lower() for part in node.get("column_names") or ()]
            words.update(parts)
            last.update(parts[-1:])
        words.update(str(name).lower() for name in node.get("using_columns") or ())
        if "table_name" in node or "sample" in node:
            relations.add(str(node.get("table_name") or "").lower())
            relations.add(str(node.get("alias") or "").lower())
    # `select t from t`: the row itself is the value.
    return None if last & relations else frozenset(words)


def _reads_any(node: dict[str, Any]) -> bool:
    if node.get("class") in _ANY or node.get("type") in _ANY_RELATION:
        return True
    if node.get("type") == "BASE_TABLE":
        return bool(node.get("column_name_alias"))  # other names than the table's own
    return node.get("type") == "JOIN" and node.get("ref_type") == "NATURAL"
