"""How far a table's columns grow by what JSON holds, and that nothing is lost beyond."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

from lakeworks.core import events
from lakeworks.core.types import Field, Scalar, Schema, Struct
from lakeworks.engines.duckdb.json_rows import MOST_COLUMNS, Evidence, grow, grown

if TYPE_CHECKING:
    from collections.abc import Callable

STRING = Scalar("string")


def lines(*documents: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(document).encode() + b"\n" for document in documents)


def whole(row: dict[str, Any]) -> dict[str, Any]:
    """Return the document that a row was."""
    held = {k: v for k, v in row.items() if not k.startswith("_") and v is not None}
    return held | json.loads(row["_rescued"] or "{}")


def test_keys_that_differ_in_every_row_stay_in_rescued_once_the_table_is_full(
    intake: Callable[..., Any],
) -> None:
    told: list[events.Event] = []
    here = intake()
    documents = [{"id": n, f"k{n}": n} for n in range(1_500)]
    here.put("a.json", lines(*documents))
    with events.listening(told.append):
        here.take()
    assert len(here.known) == MOST_COLUMNS + 4
    assert "id" in here.known
    assert sorted(map(whole, here.rows("id")), key=lambda row: row["id"]) == documents
    [event] = [event for event in told if event.name == "ingest.columns_left"]
    assert event.data == {"table": "bronze.t", "fields": 501, "most": MOST_COLUMNS}


def test_a_full_table_takes_what_comes_later_without_a_column_for_it(
    intake: Callable[..., Any],
) -> None:
    here = intake()
    here.put("a.json", lines({f"k{n}": n for n in range(MOST_COLUMNS)}))
    here.take()
    before = here.known
    here.put("b.json", lines({"k1": 5, "new": "x"}))
    here.take()
    assert here.known == before
    assert {"k1": 5, "new": "x"} in map(whole, here.rows("k1"))


def test_the_fields_that_most_documents_have_become_columns_whatever_their_order() -> None:
    documents = [{"common": 1, "known": 2, f"k{n}": n} for n in range(3_000)]
    documents += [{"rare": 1}, {"rare": 2}]
    known = Schema((Field("known", Scalar("bigint")),))
    schemas = []
    for seed in (1, 2):
        random.Random(seed).shuffle(documents)
        halves = [Evidence(), Evidence()]
        for number, document in enumerate(documents):
            halves[number >= 700].add(document)
        halves[0].join(halves[1])
        schema, left = grow(known, halves[0])
        assert (len(schema), left) == (MOST_COLUMNS, 3_003 - MOST_COLUMNS)
        assert schema.names[0] == "known"
        assert "common" in schema
        assert "rare" in schema
        schemas.append(set(schema.names))
    assert schemas[0] == schemas[1]


def test_a_table_that_has_room_takes_every_new_field() -> None:
    seen = Evidence()
    seen.add({"a": 1, "b": {"c": "x"}})
    schema, left = grow(Schema((Field("z", STRING),)), seen)
    assert (schema.names, left) == (("z", "a", "b"), 0)


def test_a_struct_grows_no_further_than_a_table() -> None:
    def of(names: range) -> Schema:
        inner = Struct(tuple(Field(f"k{n}", STRING) for n in names))
        return Schema((Field("props", inner),))

    assert grown(of(range(5)), of(range(5, MOST_COLUMNS))) == of(range(MOST_COLUMNS))
    assert grown(of(range(5)), of(range(5, MOST_COLUMNS + 1))) == of(range(5))
