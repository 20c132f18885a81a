from __future__ import annotations

import duckdb
import pytest

from lakeworks.core.errors import LakeError
from lakeworks.engines.duckdb.errors import lake_error, translated
from lakeworks.engines.errors import (
    DiskFullError,
    EngineFailedError,
    InterruptedQueryError,
    MissingExtensionError,
    MissingFilesError,
    OutOfMemoryError,
    SqlError,
    StorageAccessError,
    UnknownEngineError,
    ValueConversionError,
)
from lakeworks.engines.registry import open_engine


def error_of(sql: str) -> LakeError:
    with duckdb.connect() as con, pytest.raises(LakeError) as caught, translated(con):
        con.execute(sql).fetchall()
    return caught.value


def test_sql_errors_say_where_and_what_is_near() -> None:
    error = error_of("select\n  a,\n  lenght('x')\nfrom (select 1 as a)")
    assert isinstance(error, SqlError)
    assert (error.line, error.column) == (3, 3)
    assert error.problem.startswith("SQL line 3, column 3: ")
    assert "length" in error.hint
    assert "Error:" not in error.problem


def test_sql_errors_on_long_lines_give_no_wrong_column() -> None:
    filler = ", ".join(f"1 as column_number_{i}" for i in range(40))
    error = error_of(f"select {filler}, missing from (select 1 as present)")
    assert isinstance(error, SqlError)
    assert (error.line, error.column) == (1, None)
    assert "present" in error.hint


def test_a_failed_cast_names_the_value() -> None:
    error = error_of("select cast(v as int) from (values ('twelve')) as t(v)")
    assert isinstance(error, ValueConversionError)
    assert "twelve" in error.problem
    assert "try_cast" in error.hint


def test_reaching_the_memory_limit_says_what_it_was() -> None:
    config = {"memory_limit": "20MiB", "temp_directory": ""}
    big = "create table t as select i, md5(i::varchar) as s from range(9000000) t(i)"
    with (
        duckdb.connect(config=config) as con,
        pytest.raises(OutOfMemoryError) as caught,
        translated(con),
    ):
        con.execute(big)
    assert "20 MiB" in caught.value.problem
    assert "memory_limit" in caught.value.hint
    assert caught.value.retryable


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (duckdb.IOException("IO Error: write: No space left on device"), DiskFullError),
        (
            duckdb.IOException("IO Error: Cannot open file: Permission denied"),
            StorageAccessError,
        ),
        (duckdb.InterruptException("INTERRUPT Error: Interrupted!"), InterruptedQueryError),
        (duckdb.InternalException("INTERNAL Error: oops"), EngineFailedError),
    ],
)
def test_what_happens_outside_the_sql_is_told_apart(
    raised: duckdb.Error, expected: type[LakeError]
) -> None:
    assert type(lake_error(raised)) is expected


def test_a_missing_file_is_named() -> None:
    error = error_of("select * from read_parquet(['/nowhere/part-1.parquet'])")
    assert isinstance(error, MissingFilesError)
    assert "/nowhere/part-1.parquet" in error.problem


def test_an_unknown_engine_names_the_known_ones() -> None:
    with pytest.raises(UnknownEngineError, match="did you mean duckdb"):
        open_engine("duckbd", temp_directory="")


def test_a_missing_extension_names_its_package() -> None:
    from lakeworks.engines.duckdb.extensions import load_extension

    with duckdb.connect() as con, pytest.raises(MissingExtensionError) as caught:
        load_extension(con, "no_such_thing", purpose="this test")
    assert f"duckdb-extension-no_such_thing=={duckdb.__version__}" in caught.value.hint


def test_a_hint_knows_athenas_functions_and_names_quoted_whole() -> None:
    assert "--dialect athena" in error_of("select date_parse('a', 'b')").hint
    assert "write silver.orders without" in error_of('select * from "silver.orders"').hint
    assert "none was given" in error_of("from range(3) where range = ?").problem
