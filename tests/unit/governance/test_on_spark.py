"""What filters and masks are written as can be carried over to Spark; no JVM is needed to tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lakeworks.core.types import Field, Schema, parse_type
from lakeworks.engines.registry import open_embedded
from lakeworks.engines.spark.dialect import spark_select
from lakeworks.engines.spark.shadow import Shadow
from lakeworks.governance.mask_salt import SALT_VARIABLE
from lakeworks.governance.masks import KINDS, Mask
from lakeworks.governance.nested import FieldAccess, written_struct
from lakeworks.governance.row_filters import FilterWriter, parse_filter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TYPES = {
    "text": "string", "number": "int", "big": "bigint", "ratio": "double", "money": "decimal(10,2)",
    "flag": "boolean", "day": "date", "instant": "timestamp", "wall": "timestamp_ntz",
    "bytes": "binary", "list": "array<int>", "nested": "struct<a:int,b:struct<c:string>>",
}  # fmt: skip
SCHEMA = Schema(tuple(Field(name, parse_type(kind)) for name, kind in TYPES.items()))


@pytest.fixture(scope="module")
def shadow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shadow]:
    folder: Path = tmp_path_factory.mktemp("shadow")
    engine = open_embedded(str(folder))
    with engine.session() as session:
        found = Shadow(session)
        found.bind("t", SCHEMA)
        yield found
    engine.close()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("column", TYPES)
def test_every_mask_can_be_carried_over(
    shadow: Shadow, kind: str, column: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SALT_VARIABLE, "a long salt")
    mask = Mask(kind, "value")  # type: ignore[arg-type]
    sql = f"select {mask.sql(column, parse_type(TYPES[column]))} as v from t"
    found = spark_select(sql, ["t"], shadow)
    assert (found.tables, found.functions) == (("t",), {})


@pytest.mark.parametrize(
    "rows",
    [
        "text = 'DE' and number between 1 and 2", "text in ('a', 'b') or not flag", "money = 9.99",
        "text like 'x%'", "ratio > 1.5", "day = '2026-01-01'", "instant > '2026-01-01'",
        "wall > '2026-01-01'", "nested.b.c = 'x'", "nested.a is null", "big > -3",
    ],
)  # fmt: skip
def test_every_filter_can_be_carried_over(shadow: Shadow, rows: str) -> None:
    condition = FilterWriter(SCHEMA, {}).sql(parse_filter(rows))
    assert not spark_select(f"select 1 as x from t where {condition}", ["t"], shadow).functions


def test_a_struct_with_hidden_fields_can_be_carried_over(shadow: Shadow) -> None:
    fields = [
        FieldAccess(("nested", "a"), shown=True, condition='("number" = 1)'),
        FieldAccess(("nested", "b", "c"), shown=False),
    ]
    written = written_struct('"nested"', parse_type(TYPES["nested"]), fields)
    assert not spark_select(f"select {written} as nested from t", ["t"], shadow).functions
