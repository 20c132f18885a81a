"""A schema finds its columns by name."""

from __future__ import annotations

import dataclasses
import pickle
import time

from lakeworks.core.types import Field, Scalar, Schema

STRING = Scalar("string")
SCHEMA = Schema((Field("Id", Scalar("bigint")), Field("straße", STRING)))


def test_columns_are_found_without_regard_to_case() -> None:
    assert SCHEMA.get("iD") == SCHEMA.fields[0]
    assert SCHEMA.get("STRASSE") == SCHEMA.fields[1]
    assert SCHEMA.get("other") is None
    assert "ID" in SCHEMA
    assert 7 not in SCHEMA


def test_of_names_that_are_equal_the_first_counts() -> None:
    assert Schema((Field("a", STRING), Field("A", Scalar("int")))).get("A") == Field(
        "a", STRING
    )


def test_a_schema_that_was_asked_is_the_same_as_one_that_was_not() -> None:
    fresh = Schema(SCHEMA.fields)
    SCHEMA.get("id")
    assert fresh == SCHEMA
    assert hash(fresh) == hash(SCHEMA)
    assert pickle.dumps(fresh) == pickle.dumps(SCHEMA)
    assert dataclasses.asdict(fresh) == dataclasses.asdict(SCHEMA)
    assert pickle.loads(pickle.dumps(SCHEMA)).get("ID") == SCHEMA.get("id")


def test_thousands_of_columns_are_found_soon() -> None:
    names = [f"column_{number}" for number in range(5_000)]
    wide = Schema(tuple(Field(name, STRING) for name in names))
    begin = time.process_time()
    assert all(wide.get(name) for name in names)
    assert time.process_time() - begin < 1, "a look through all takes 4 s and more"
