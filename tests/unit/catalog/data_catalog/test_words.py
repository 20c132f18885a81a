"""Words of names and texts, and what a table is found by."""

from __future__ import annotations

import pytest

from lakeworks.catalog.data_catalog import Column, StorageDescriptor, TableEntry
from lakeworks.catalog.data_catalog.words import weights, words_of
from lakeworks.core.names import TableName


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("customer_emails", ["customer", "email"]),
        ("CustomerEmail", ["customer", "email", "customeremail"]),
        ("HTTPServer2", ["http", "server", "2", "httpserver2"]),
        ("Zoë Müller's", ["zoe", "muller", "s"]),
        ("categories addresses glass", ["category", "addresse", "glass"]),
        ("地図 x", ["地図", "x"]),
        ("%';--", []),
        ("x" * 100, ["x" * 64]),
    ],
)
def test_words_are_parted_folded_and_in_the_singular(text: str, words: list[str]) -> None:
    assert list(words_of(text)) == words


def test_a_question_is_not_asked_for_the_undivided_name() -> None:
    assert words_of("CustomerEmail", wholes=False) == ("customer", "email")


def test_a_word_counts_by_its_best_place() -> None:
    entry = TableEntry(
        TableName("crm", "orders"),
        description="orders of customers",
        storage=StorageDescriptor(columns=(Column("customer", "bigint"),)),
    )
    found = weights(entry)
    assert found["order"] > found["customer"] > found["crm"] > found["of"]
