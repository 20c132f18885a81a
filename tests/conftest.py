"""What every test shares: Hypothesis' settings, and the rule for servers that are not there."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, NoReturn

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

settings.register_profile(
    "lakeworks",
    deadline=None,  # machines differ; budgets are measured in benchmarks/
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("lakeworks")


@pytest.fixture
def unavailable() -> Callable[[str], NoReturn]:
    """Return what to call when a server or tool is missing: it skips, but fails on CI."""

    def _unavailable(what: str) -> NoReturn:
        if os.environ.get("CI"):
            pytest.fail(f"{what} is missing, and CI must have it")
        pytest.skip(f"{what} is missing")

    return _unavailable


ORDERS_PROJECT = {
    "lake.yml": "name: tiny\n",
    "sources/orders.yml": "table: bronze.orders\nfrom: files\npath: landing/orders\nformat: json\n",
    "models/silver/orders.sql": """/*
load: merge
key: [order_id]
latest_by: updated_at
partition_by: [month]
quality: |
  Rules = [ IsComplete "order_id", ColumnValues "amount" > 0 ]
*/
select
  order_id,
  customer_id,
  try_cast(amount as decimal(10, 2)) as amount,
  cast(updated_at as timestamp)      as updated_at,
  strftime(cast(updated_at as timestamp), '%Y-%m') as month
from bronze.orders
""",
    "models/silver/orders_history.sql": """/*
load: scd2
key: [order_id]
latest_by: updated_at
*/
select order_id, amount, cast(updated_at as timestamp) as updated_at
from bronze.orders
where order_id is not null
""",
    "models/silver/events.sql": """/*
load: append
*/
select order_id, _source_file as file from bronze.orders
""",
    "models/gold/monthly.sql": """/*
load: partitions
partition_by: [month]
*/
select month, count(*) as orders, sum(amount) as revenue from silver.orders group by month
""",
    "models/gold/customers.sql": """
select customer_id, count(*) as orders, sum(amount) as revenue
from silver.orders group by customer_id
""",
}


@pytest.fixture
def orders_project(tmp_path: Path) -> Path:
    """A folder with a project that uses every load over one source; no data has arrived."""
    return _write_orders_project(tmp_path / "tiny")


@pytest.fixture(scope="session")
def orders_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same project, to be copied and never written to."""
    return _write_orders_project(tmp_path_factory.mktemp("template") / "tiny")


def _write_orders_project(root: Path) -> Path:
    for name, text in ORDERS_PROJECT.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "landing" / "orders").mkdir(parents=True)
    return root


@pytest.fixture
def arrive(orders_project: Path) -> Callable[..., Path]:
    """Return what makes a file of orders arrive: dicts become lines, text stays as it is."""

    def _arrive(name: str, *rows: dict[str, object] | str) -> Path:
        lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        path = orders_project / "landing" / "orders" / name
        path.write_text("".join(line + "\n" for line in lines))
        return path

    return _arrive
