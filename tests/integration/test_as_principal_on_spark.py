"""What a principal is told of a lake whose engine is Spark: the same as of one that is embedded."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from canary_lake import EU_ROWS, PRINCIPALS, Seen, leaks, written

from lakeworks.cli.main import main
from lakeworks.core.errors import LakeError
from lakeworks.lake import Lake

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lakeworks.permitted.lake import PermittedLake

pytestmark = [
    pytest.mark.spark, pytest.mark.slow, pytest.mark.timeout(900),
    pytest.mark.usefixtures("spark_engine"),
]  # fmt: skip

ENVIRONMENTS = """name: canaries
environments:
  embedded: {storage: .lake}
  cluster:
    storage: .lake
    engine: spark
    threads: 2
    memory_limit: 2GB
    spark: {settings: {spark.sql.shuffle.partitions: 4}}
"""
FIGURES: dict[str, Callable[[PermittedLake], Any]] = {
    "rows": lambda seen: seen.tables.show("silver.customers").rows,
    "scores": lambda seen: [
        (str(one.table), one.rows, one.completeness, one.duplicates, one.left_out)
        for one in seen.quality.scorecard()
    ],
    "profile": lambda seen: [
        (one.name, one.type, one.rows, one.nulls, one.distinct, one.minimum, one.maximum,
         one.top_values, one.patterns)
        for one in seen.quality.profile("silver.customers").columns
    ],
    "rules": lambda seen: [one.rule for one in seen.quality.suggest("silver.customers")],
    "personal data": lambda seen: [
        (str(one.table), one.suggestion) for one in seen.governance.classify("silver.customers")
    ],
    "quarantine": lambda seen: [
        (one.table, one.rule, one.rows) for one in seen.pipeline.quarantine()
    ],
    "rejected": lambda seen: seen.pipeline.quarantined_rows("silver.customers").num_rows,
    "queries": lambda seen: [one.name for one in seen.catalog.named_queries.list()],
}  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = written(tmp_path_factory.mktemp("canaries") / "lake")
    (folder / "lake.yml").write_text(ENVIRONMENTS)
    return folder


@pytest.fixture(scope="module")
def lakes(root: Path) -> Iterator[tuple[Lake, Lake]]:
    with (
        Lake.open(root, environment="embedded") as embedded,
        Lake.open(root, environment="cluster") as cluster,
    ):
        yield embedded, cluster


def told(lake: Lake, principal: str, figure: str) -> Any:
    try:
        return FIGURES[figure](lake.as_principal(principal))
    except LakeError as error:
        return str(error)


@pytest.mark.parametrize("figure", sorted(FIGURES))
@pytest.mark.parametrize("who", ["ana", "role:regional", "cleo", "dora"])
def test_both_engines_tell_a_principal_the_same(
    lakes: tuple[Lake, Lake], who: str, figure: str
) -> None:
    embedded, cluster = lakes
    assert told(cluster, who, figure) == told(embedded, who, figure)


def test_rows_are_counted_by_spark_over_those_that_are_seen(lakes: tuple[Lake, Lake]) -> None:
    assert lakes[1].as_principal("ana").tables.show("silver.customers").rows == EU_ROWS


@pytest.mark.parametrize("seen", PRINCIPALS[:4], ids=lambda seen: seen.principal)
@pytest.mark.parametrize(
    "words",
    ["quality", "quality profile silver.customers", "show silver.customers", "quarantine"],
)
def test_spark_tells_no_canaries(
    root: Path, capsys: pytest.CaptureFixture[str], seen: Seen, words: str
) -> None:
    main(
        [*words.split(), "--as", seen.principal, "--env", "cluster", "--json", "-C", str(root)]
    )
    said = capsys.readouterr()
    assert leaks(seen, said.out + said.err) == set()
    if said.out:
        json.loads(said.out)
