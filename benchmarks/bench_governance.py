"""How long a decision takes: warm, cold, after a change; and an entry of the audit trail.

Budgets on two cores, for a table of 100 columns under 1,000 grants and 20 policies: warm well below
1 ms; a principal's first decision 20 ms; to notice that nothing changed 0.5 ms; an audit entry 5 ms.

    python benchmarks/bench_governance.py [--columns 100] [--grants 1000] [--policies 20]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from lakeworks.catalog import Catalog
from lakeworks.core.names import TableName
from lakeworks.core.types import Field, Schema, parse_type
from lakeworks.governance import Authorizer, Mask, Principal
from lakeworks.governance.policy_set import Grant, Policy, PolicySet
from lakeworks.governance.principals import Directory
from lakeworks.governance.resources import Resource
from lakeworks.governance.tags import TagState

if TYPE_CHECKING:
    from collections.abc import Callable

TABLE = TableName("silver", "wide")
SELECT = frozenset({"SELECT"})
ANA = Principal.parse("role:analyst/ana")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--columns", type=int, default=100)
    arguments.add_argument("--grants", type=int, default=1_000)
    arguments.add_argument("--policies", type=int, default=20)
    given = arguments.parse_args()
    schema = Schema(tuple(Field(f"c{i}", parse_type("string")) for i in range(given.columns)))
    policies = lake(given.columns, given.grants, given.policies)
    tags = TagState(
        columns={str(TABLE): {f"c{i}": {"pii": frozenset({f"k{i % 20}"})} for i in range(50)}},
        resolved={str(TABLE): frozenset(schema.names)},
    )
    warm = Authorizer(policies, tags)
    assert warm.access(ANA, TABLE, schema) is not None
    told("warm decision", lambda: warm.access(ANA, TABLE, schema), 20_000, budget_ms=0.1)
    told("warm version", lambda: warm.policy_version(ANA), 20_000, budget_ms=0.1)
    told("first decision", lambda: Authorizer(policies, tags).access(ANA, TABLE, schema), 50,
         budget_ms=20)  # fmt: skip
    twin = Schema(tuple(Field(f.name, parse_type(str(f.type))) for f in schema))
    told(
        "warm, the schema read anew", lambda: warm.access(ANA, TABLE, twin), 5_000, budget_ms=1
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        Catalog.open(f"sqlite:///{Path(folder, 'catalog.db')}") as catalog,
    ):
        told("nothing changed", catalog.grants.stamp, 2_000, budget_ms=0.5)
        body = {"tables": ["silver.wide"], "columns": list(schema.names), "rows": 10,
                "sql": "select c0, c1 from silver.wide where c2 = 'one'"}  # fmt: skip
        trail = catalog.audit_trail
        told("audit entry", lambda: trail.append("query", str(ANA), body), 300, budget_ms=5)
        begin = time.perf_counter()
        assert trail.verify([trail.head()]).sound
        print(f"{'verify 320 entries':28}{1000 * (time.perf_counter() - begin):10.3f} ms")


def lake(columns: int, grants: int, policies: int) -> PolicySet:
    """Return grants of every kind, most of them for the table and the role that asks."""
    found = []
    for i in range(grants):
        to = "role:analyst" if i % 2 else f"role:r{i % 40}"
        some = tuple(f"c{(i + k) % columns}" for k in range(5))
        kinds = (
            Resource("table", "silver", "wide", some),
            Resource("table", "silver", "wide", some, rows=f"c0 = 'v{i}'"),
            Resource("table", "silver", "*", excluded=some),
            Resource("tags", tags=(("pii", (f"k{i % 20}",)),)),
            Resource("table", "gold", f"t{i}"),
        )
        found.append(Grant(to, SELECT, kinds[i % 5]))
    bound = tuple(
        Policy(f"p{i}", columns=(("pii", (f"k{i % 20}",)),), mask=Mask("redact"))
        for i in range(policies)
    )
    roles = {f"r{i}": () for i in range(40)} | {"analyst": ("user:ana",)}
    return PolicySet(Directory({}, {}, roles), grants=tuple(found), policies=bound)


def told(what: str, work: Callable[[], object], times: int, *, budget_ms: float) -> None:
    """Print the median of several calls, beside the budget."""
    work()
    took = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        took.append(1000 * (time.perf_counter() - begin))
    median = statistics.median(took)
    mark = "" if median <= budget_ms else "  OVER BUDGET"
    print(f"{what:28}{median:10.4f} ms   budget {budget_ms:g} ms{mark}")


if __name__ == "__main__":
    main()
