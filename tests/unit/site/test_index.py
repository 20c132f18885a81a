"""The search index holds every name and word, and gives the numbers of what they name."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from lakeworks.site.facts import ColumnFacts, TableFacts, TagFact
from lakeworks.site.index import base36, name_words, search_script

TABLES = {
    "gold.daily_sales": TableFacts(
        "gold.daily_sales", "model", "Revenue by day.", owner="finance",
        columns=(ColumnFacts("day", "date"), ColumnFacts("grossRevenue", "double", "After tax.")),
    ),
    "silver.customers": TableFacts(
        "silver.customers", "model",
        columns=(
            ColumnFacts("day", "date"),
            ColumnFacts("email", "string", tags=(TagFact("pii", "contact", "b.c", "email"),)),
        ),
    ),
}  # fmt: skip


def _index(tables: dict[str, TableFacts]) -> dict:
    script = search_script(tables)
    assert script.isascii()
    assert "\n" not in script.rstrip("\n")
    assert script.startswith("lakeworks.index({")
    return json.loads(script.removeprefix("lakeworks.index(").removesuffix(");\n"))


def _at(index: dict, word: str) -> tuple[list[int], list[int]]:
    """Read a word's numbers as `site.js` does."""
    named, _, said = index["at"][index["words"].index(word)].partition("|")

    def numbers(text: str) -> list[int]:
        found: list[int] = []
        for part in text.split():
            found.append((found[-1] if found else 0) + int(part, 36))
        return found

    return numbers(named), numbers(said)


def test_words_lead_to_tables_and_columns() -> None:
    index = _index(TABLES)
    # 0 daily_sales, 1 day, 2 grossRevenue, 3 customers, 4 day, 5 email
    assert _at(index, "day") == ([1, 4], [0])
    assert _at(index, "sales") == ([0], [])
    assert _at(index, "gross") == ([2], [])
    assert _at(index, "grossrevenue") == ([2], [])
    assert _at(index, "revenue") == ([2], [0])
    assert _at(index, "tax") == ([], [2])
    assert _at(index, "finance") == ([], [0])
    assert _at(index, "contact") == ([], [5])
    assert _at(index, "gold.daily_sales") == ([0], [])
    assert index["columns"] == ["day", "grossRevenue", "email"]
    assert index["of"] == ["0 1", "0 2"]
    assert index["words"] == sorted(index["words"])


def test_an_external_tables_odd_name_has_a_path_of_its_own() -> None:
    odd = TableFacts("raw.../../x y", "external")
    index = _index({**TABLES, odd.name: odd})
    (path,) = index["pages"].values()
    assert path.startswith("tables/raw/")
    assert ".." not in path
    assert " " not in path


@given(st.integers(min_value=0, max_value=10**12))
def test_base_36_is_what_scripts_read(number: int) -> None:
    assert int(base36(number), 36) == number


def test_names_are_found_by_their_parts() -> None:
    assert name_words("customerEmail_2") == {"customeremail_2", "customer", "email", "2"}
    assert name_words("Straße") == {"straße"}
