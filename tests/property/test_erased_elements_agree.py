"""Arrow, plain records and SQL say the same of what of a row is a person's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from lakeworks.core.names import TableName
from lakeworks.core.types import Array, Field, Map, Scalar, Schema, Struct
from lakeworks.engines.registry import open_embedded
from lakeworks.privacy.erased_rows import condition, emptied
from lakeworks.privacy.parquet_search import Found, Look, divided_rows, records_of
from lakeworks.privacy.table_search import TableFound
from lakeworks.storage.parquet import arrow_schema

if TYPE_CHECKING:
    from lakeworks.core.types import Type
    from lakeworks.engines.protocol import Engine

NUMBER = Scalar("bigint")
WHO = Struct((Field("who", NUMBER),))
STOP = Struct((Field("who", NUMBER), Field("stops", Array(WHO))))
INNER = Struct((Field("stops", Array(WHO)), Field("x", Scalar("string"))))
KINDS: dict[str, Type] = {
    "n": NUMBER, "who": NUMBER, "a": WHO, "stops": Array(STOP), "inner": INNER,
    "ids": Array(NUMBER), "by": Map(Scalar("string"), WHO),
}  # fmt: skip
SCHEMA = Schema(tuple(Field(name, kind) for name, kind in KINDS.items()))
PATHS = ("who", "a.who", "stops.who", "stops.stops.who", "inner.stops.who", "ids", "by.who")
LOOK = Look({path: frozenset({"42"}) for path in PATHS})
VALUES = st.sampled_from([None, 42, 7, 142])
NAMED = st.none() | st.fixed_dictionaries({"who": VALUES})
STOPS = st.none() | st.lists(NAMED, max_size=2)
ROWS = st.fixed_dictionaries({
    "who": st.sampled_from([None, None, 7, 42]),
    "a": NAMED,
    "stops": st.none()
    | st.lists(st.none() | st.fixed_dictionaries({"who": VALUES, "stops": STOPS}), max_size=3),
    "inner": st.none() | st.fixed_dictionaries({"stops": STOPS, "x": st.just("x")}),
    "ids": st.none() | st.lists(VALUES, max_size=3),
    "by": st.none() | st.lists(st.tuples(st.just("k"), NAMED), max_size=1),
})  # fmt: skip


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return open_embedded(str(tmp_path_factory.mktemp("scratch")))


@examples(max_examples=40)
@given(found=st.lists(ROWS, min_size=1, max_size=4))
def test_all_three_say_the_same(engine: Engine, found: list[dict[str, Any]]) -> None:
    table = pa.Table.from_pylist(
        [{"n": at, **row} for at, row in enumerate(found)], arrow_schema(SCHEMA)
    )
    owned, parted = divided_rows(table, LOOK, {}, Found())
    records = records_of(LOOK)
    plain = table.to_pylist()
    verdicts = [records.judged(row) for row in plain]
    assert owned.to_pylist() == [one == "owned" for one in verdicts]
    assert parted.to_pylist() == [one == "divided" for one in verdicts]
    one = TableFound(TableName("t", "x"), LOOK)
    where = condition(one, SCHEMA)
    with engine.session() as session:
        session.bind_arrow("t.x", table)
        left = session.query(emptied(one, SCHEMA, where)).read_all().to_pylist()
    expected = [
        records.without(row) for row, one in zip(plain, verdicts, strict=True) if one != "owned"
    ]
    assert sorted(left, key=lambda row: row["n"]) == expected
