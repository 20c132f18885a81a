"""The rules of bench_quality in Great Expectations on pandas: a reference; prints the seconds.

Importing it and reading the data is not counted.

    python benchmarks/quality_expectations.py FILE.parquet
"""

from __future__ import annotations

import sys
import time

import great_expectations as gx
import pandas as pd

expect = gx.expectations
STATUSES = ["new", "paid", "sent", "done", "lost"]


def main(data: str) -> None:
    """Validate and print how long it took."""
    frame = pd.read_parquet(data)
    context = gx.get_context(mode="ephemeral")
    batch = (
        context.data_sources.add_pandas("memory")
        .add_dataframe_asset("rows")
        .add_batch_definition_whole_dataframe("all")
        .get_batch({"dataframe": frame})
    )
    suite = gx.ExpectationSuite(
        name="rules",
        expectations=[
            expect.ExpectTableRowCountToBeBetween(min_value=1001),
            expect.ExpectTableColumnCountToEqual(value=10),
            expect.ExpectColumnValuesToNotBeNull(column="id"),
            expect.ExpectColumnValuesToBeUnique(column="id"),
            expect.ExpectColumnValuesToNotBeNull(column="customer"),
            expect.ExpectColumnValuesToNotBeNull(column="comment", mostly=0.8),
            expect.ExpectColumnValuesToBeInSet(column="status", value_set=STATUSES),
            expect.ExpectColumnValuesToBeBetween(column="amount", min_value=0),
            expect.ExpectColumnValuesToBeBetween(column="amount", max_value=1_000_000),
            expect.ExpectColumnValuesToBeBetween(column="quantity", min_value=1, max_value=99),
            expect.ExpectColumnValuesToMatchRegex(
                column="email", regex=r"^[a-z0-9]+@[a-z]+[.]org$"
            ),
            expect.ExpectColumnValueLengthsToEqual(column="country", value=2),
            expect.ExpectColumnMinToBeBetween(
                column="created", min_value=pd.Timestamp("2020-01-01")
            ),
            expect.ExpectColumnMeanToBeBetween(column="amount", min_value=100, max_value=900),
            expect.ExpectColumnSumToBeBetween(column="quantity", min_value=1001),
            expect.ExpectColumnStdevToBeBetween(column="amount", max_value=10_000),
            expect.ExpectColumnUniqueValueCountToBeBetween(
                column="country", min_value=26, max_value=26
            ),
            expect.ExpectColumnProportionOfUniqueValuesToBeBetween(column="id", min_value=0.99),
            expect.ExpectColumnValuesToNotBeNull(column="ratio", mostly=0.9),
            expect.ExpectColumnValuesToBeBetween(column="ratio", max_value=1, mostly=0.9),
        ],
    )
    begin = time.monotonic()
    result = batch.validate(suite)
    seconds = time.monotonic() - begin
    failed = [r.expectation_config.type for r in result.results if not r.success]
    if failed:
        raise SystemExit(f"these expectations failed: {failed}")
    print(seconds)


if __name__ == "__main__":
    main(*sys.argv[1:])
