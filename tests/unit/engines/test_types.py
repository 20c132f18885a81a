from __future__ import annotations

import duckdb
import pytest

from lakeworks.core.types import parse_type
from lakeworks.engines.duckdb.types import from_duckdb, to_duckdb
from lakeworks.engines.errors import UnsupportedTypeError


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("1::hugeint", "bigint"),
        ("1::ubigint", "decimal(20,0)"),
        ("1::utinyint", "smallint"),
        ("1::usmallint", "int"),
        ("1::uinteger", "bigint"),
        ("time '01:00:00'", "string"),
        ("uuid()", "string"),
        ("interval 1 day", "string"),
        ("'a'::enum('a', 'b(', '''')", "string"),
        ("'{}'::json", "string"),
        ("timestamp_s '2020-01-01'", "timestamp_ntz"),
        ("timestamp_ns '2020-01-01'", "timestamp_ntz"),
        ("timestamp '2020-01-01'", "timestamp_ntz"),
        ("timestamptz '2020-01-01'", "timestamp"),
        ("'x'::blob", "binary"),
        ("1.5", "decimal(2,1)"),
        ("[[{'a': 1}]]", "array<array<struct<a:int>>>"),
        ("[1, 2]::int[2]", "array<int>"),
        ("map {'a': {'k': true}}", "map<string,struct<k:boolean>>"),
        ("{'a)': 'x'::enum('x'), 'b': 1::double}", "struct<`a)`:string,b:double>"),
        (
            "{'INTEGER': 1, 'é': 2, 'a,b': 3, 'q\"x': 4}",
            'struct<INTEGER:int,é:int,`a,b`:int,`q"x`:int>',
        ),
    ],
)
def test_duckdb_types_become_the_nearest_table_type(expression: str, kind: str) -> None:
    with duckdb.connect() as con:
        described = con.execute(f"describe select {expression} as v").fetchall()[0][1]
        relation_type = str(con.sql(f"select {expression} as v").types[0])
    assert from_duckdb(described) == parse_type(kind)
    assert from_duckdb(relation_type) == parse_type(kind)


@pytest.mark.parametrize("expression", ["union_value(k := 1)", "{'a': 1}::variant"])
def test_a_type_without_counterpart_names_the_column(expression: str) -> None:
    with duckdb.connect() as con:
        described = con.execute(f"describe select {expression} as v").fetchall()[0][1]
    with pytest.raises(UnsupportedTypeError, match="column 'price' has the type") as caught:
        from_duckdb(described, column="price")
    assert "cast" in caught.value.hint


@pytest.mark.parametrize(
    "text", ["STRUCT(a INTEGER", 'STRUCT("a INTEGER)', "MAP(INTEGER)", "INTEGER x", ""]
)
def test_torn_type_text_is_refused(text: str) -> None:
    with pytest.raises(UnsupportedTypeError):
        from_duckdb(text)


def test_table_types_survive_duckdb() -> None:
    kind = parse_type(
        "struct<`a b`:map<string,array<decimal(10,2)>>,t:timestamp,n:timestamp_ntz>"
    )
    with duckdb.connect() as con:
        described = con.execute(f"describe select null::{to_duckdb(kind)} as v").fetchall()[0][
            1
        ]
    assert from_duckdb(described) == kind
