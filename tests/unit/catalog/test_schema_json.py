from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lakeworks.catalog.schema_json import schema_from_json, schema_to_json
from lakeworks.core.types import (
    SCALARS,
    Array,
    Decimal,
    Field,
    Map,
    Scalar,
    Schema,
    Struct,
    Type,
)

NAMES = st.text(max_size=6)


def _fields(types: st.SearchStrategy[Type]) -> st.SearchStrategy[tuple[Field, ...]]:
    field = st.builds(Field, NAMES, types, st.booleans(), NAMES)
    return st.lists(field, max_size=3).map(tuple)


simple: st.SearchStrategy[Type] = st.sampled_from(sorted(SCALARS)).map(Scalar) | st.integers(
    1, 38
).flatmap(lambda digits: st.builds(Decimal, st.just(digits), st.integers(0, digits)))
types: st.SearchStrategy[Type] = st.recursive(
    simple,
    lambda inner: st.one_of(
        inner.map(Array), st.builds(Map, inner, inner), _fields(inner).map(Struct)
    ),
    max_leaves=6,
)


@given(_fields(types))
def test_a_schema_survives_json_whole(fields: tuple[Field, ...]) -> None:
    schema = Schema(fields)
    assert schema_from_json(schema_to_json(schema)) == schema
