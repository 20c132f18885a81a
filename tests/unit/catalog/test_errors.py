from __future__ import annotations

import pickle

from lakeworks.catalog.errors import TableLockedError, UnknownTableError
from lakeworks.core.names import TableName


def test_a_misspelt_table_is_answered_with_the_nearest() -> None:
    error = UnknownTableError.named("silver.ordres", ["silver.orders", "gold.daily"])
    assert str(error) == (
        "there is no table 'silver.ordres'\n  hint: did you mean silver.orders?"
    )


def test_a_lake_without_tables_says_how_they_are_made() -> None:
    assert "lake run" in UnknownTableError.named("silver.orders", []).hint


def test_errors_survive_pickling() -> None:
    error = TableLockedError.held(
        TableName("silver", "orders"), "r1", host="here", pid=7, since="noon"
    )
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (TableLockedError, str(error))
