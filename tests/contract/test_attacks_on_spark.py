"""No query that Spark runs tells a principal more than a lake of what it may see, and all answer alike.

The references are asked with the embedded engine. What Spark does not answer it refuses by name, or
it fails on a value that may be seen.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from attacked_lake import (
    DAILY,
    ORDERS,
    PEOPLE,
    VAULT,
    VISIBLE,
    Outcome,
    Role,
    domain,
    leak,
    written,
)
from attacked_lake import asked as asked_within
from hypothesis import HealthCheck, Phase, given, settings
from query_grammar import SIGHTS, Sight, queries

from lakeworks.engines.errors import SqlError, ValueConversionError
from lakeworks.engines.spark.errors import NotOnSparkError
from lakeworks.lake import Lake

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.usefixtures("spark_engine")]

EXAMPLES = int(os.environ.get("LAKEWORKS_ATTACKS_ON_SPARK", "13"))  # of each role
ANSWERED = 0.4  # at least so many of them, or they would prove nothing
PATIENCE_S = 300.0
ENVIRONMENTS = """name: attacked
environments:
  dev: {storage: .lake}
  cluster:
    storage: .lake
    engine: spark
    threads: 2
    memory_limit: 2GB
    spark: {settings: {spark.sql.shuffle.partitions: 4}}
"""
# Somebody who sees what a tag opens, of rows that a policy leaves.
TAGS = """
roles: {tagger: [tess]}
lf_tags: {pii: [email, ssn], seen: [open, closed]}
tagged:
  silver.orders: {seen: open}
  silver.customers: {seen: closed}
  silver.customers.customer_id: {seen: open}
  silver.customers.name: {seen: open}
  silver.customers.email: {seen: open}
  silver.customers.region: {seen: open}
  silver.customers.größe: {seen: open}
grants:
  - {to: role:tagger, permissions: SELECT, tagged: {seen: open, pii: [email]}}
  - {to: role:tagger, permissions: SELECT, tagged: {seen: open}}
policies:
  somewhere: {tables: {seen: closed}, rows: region is not null, to: role:tagger}
"""
OPEN = ("customer_id", "name", "email", "region", "größe")
TAGGED = [
    {**{name: one[name] for name in OPEN}, "email": domain(one["email"])}
    for one in PEOPLE
    if one["region"] is not None
]
SEEN: dict[str, dict[str, list[dict[str, Any]]]] = {
    **{name: VISIBLE[name] for name in SIGHTS},
    "tess": {"people": TAGGED, "orders": ORDERS},
}
ASKED = {
    **SIGHTS,
    "tess": Sight(("customer_id", "größe"), ("name", "email", "region"), ("salary", "ssn")),
}
# What no error may quote: Spark's own words for where it was, and our names for what hides.
INNER = ("java.", "py4j", "org.apache", "Traceback", "__src", "__lakeworks")


@dataclass
class Compared:
    """One principal, and lakes that hold only what it may see.

    Attributes:
        role: With the lake that the embedded engine reads.
        on_spark: The same lake, read by Spark.
    """

    role: Role
    on_spark: Lake


def asked(lake: Lake, sql: str, principal: str | None) -> Outcome:
    return asked_within(lake, sql, principal, PATIENCE_S)


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    root = tmp_path_factory.mktemp("attacked")
    tables = {"people": PEOPLE, "orders": ORDERS, "vault": VAULT, "days": DAILY}
    written(root, tables, governed=True).close()
    (root / "policies" / "tags.yml").write_text(TAGS, encoding="utf-8")
    with on_spark(root) as lake:
        yield lake


@pytest.fixture(scope="module", params=sorted(ASKED))
def compared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Compared]:
    root = tmp_path_factory.mktemp(request.param)
    with (
        written(root, SEEN[request.param], governed=False) as embedded,
        on_spark(root) as cluster,
    ):
        yield Compared(Role(request.param, embedded), cluster)


def on_spark(root: Path) -> Lake:
    (root / "lake.yml").write_text(ENVIRONMENTS)
    return Lake.open(root, environment="cluster")


def wrong(found: Outcome, sql: str, compared: Compared) -> str:
    """Say what is wrong with what Spark told, if anything is."""
    role = compared.role
    if isinstance(found.error, ValueConversionError):
        # In which order values are computed is the engine's own: the reference is Spark, too.
        role = Role(role.principal, compared.on_spark)
    reason = leak(found, sql, role, json.dumps(SEEN[role.principal], default=str))
    if reason or found.error is None:
        return reason
    quoted = [word for word in INNER if word in found.text.replace(sql, "")]
    if quoted:
        return f"its error quotes {quoted}"
    if isinstance(found.error, SqlError) and not isinstance(found.error, NotOnSparkError):
        reference = asked(role.reference, sql, None)
        return "" if reference.rows is None else "Spark refuses it, but not by name"
    return ""


def test_no_query_on_spark_tells_more_than_the_role_may_see(
    attacked: Lake, compared: Compared
) -> None:
    principal = compared.role.principal
    told: Counter[bool] = Counter()

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    # Spark refuses every LATERAL, which is cheap to know and proves nothing.
    @given(sql=queries(ASKED[principal]).filter(lambda sql: "lateral" not in sql))
    def tells_no_more(sql: str) -> None:
        found = asked(attacked, sql, principal)
        told[found.rows is not None] += 1
        reason = wrong(found, sql, compared)
        assert not reason, f"{sql}\n{reason}: {found.text}"

    tells_no_more()
    assert told.total() >= EXAMPLES // 2
    assert told[True] > ANSWERED * told.total()
