"""The search index: an inverted index over names, descriptions, columns, tags and owners.

Pure. It is a script, since a page that is opened from a file can load no data. Tables and columns
are numbered in one row, each table before its columns; a word has the numbers of what it names
and of what only mentions it, as differences in base 36. `site.js` reads it.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from typing import TYPE_CHECKING

from lakeworks.site import words
from lakeworks.site.links import table_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lakeworks.site.facts import TableFacts

_WORD = re.compile(r"[^\W_]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_LONGEST_WORD, _SUMMARY = 60, 90
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_NAMED, _MENTIONED = 0, 1


def search_script(tables: Mapping[str, TableFacts]) -> str:
    """Return the script that gives the page the index of these tables."""
    postings: dict[str, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    columns: dict[str, int] = {}
    listed: list[str] = []
    number = 0
    for table in tables.values():
        _put(postings, number, _table_words(table), _said(table))
        for place, column in enumerate(table.columns, number + 1):
            told = [column.description, *(f"{t.tag} {t.value}" for t in column.tags)]
            _put(postings, place, name_words(column.name), _words(told))
        ids = [columns.setdefault(column.name, len(columns)) for column in table.columns]
        listed.append(" ".join(map(base36, ids)))
        number += 1 + len(table.columns)
    vocabulary = sorted(postings)
    data = {
        "tables": list(tables),
        "kinds": [table.kind for table in tables.values()],
        "pages": {
            number: table_path(name)
            for number, name in enumerate(tables)
            if table_path(name) != f"tables/{name.replace('.', '/')}.html"
        },
        "about": [words.summary(table.description, _SUMMARY) for table in tables.values()],
        "columns": list(columns),
        "of": listed,
        "words": vocabulary,
        "at": [
            "|".join(_differences(p) for p in postings[word]).rstrip("|") for word in vocabulary
        ],
    }
    return f"lakeworks.index({json.dumps(data, separators=(',', ':'))});\n"


def name_words(name: str) -> set[str]:
    """Return what a name is found by: itself, and the words it is made of."""
    found = {part.lower() for part in _WORD.findall(_CAMEL.sub(" ", name))}
    return _kept({*found, name.lower()})


def base36(number: int) -> str:
    """Return a whole number from 0 in base 36."""
    text = ""
    while True:
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
        if not number:
            return text


def _table_words(table: TableFacts) -> set[str]:
    return name_words(table.short) | {table.name, table.database}


def _said(table: TableFacts) -> set[str]:
    tags = (f"{tag} {value}" for tag, value in table.tags.items())
    return _words([table.description, table.owner, table.kind, *tags])


def _words(texts: Iterable[str]) -> set[str]:
    return _kept(word for text in texts for word in _WORD.findall(text.lower()))


def _kept(found: Iterable[str]) -> set[str]:
    return {word[:_LONGEST_WORD] for word in found if word.strip()}


def _put(
    postings: dict[str, tuple[list[int], list[int]]],
    number: int,
    named: set[str],
    mentioned: set[str],
) -> None:
    for word in named:
        postings[word][_NAMED].append(number)
    for word in mentioned - named:
        postings[word][_MENTIONED].append(number)


def _differences(numbers: list[int]) -> str:
    last, parts = 0, []
    for number in numbers:
        parts.append(base36(number - last))
        last = number
    return " ".join(parts)
