"""Models and queries in Athena's dialect know the types of what they read, on either engine."""

# ruff: noqa: E501 - SQL reads best as it is

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from lakeworks.lake import Lake
from lakeworks.project.errors import ProjectError

if TYPE_CHECKING:
    from pathlib import Path

LAKE = """name: both
environments:
  embedded: {storage: .lake, threads: 2}
  cluster:
    storage: .lake-of-spark
    engine: spark
    threads: 2
    memory_limit: 2GB
    spark: {settings: {spark.sql.shuffle.partitions: 4}}
"""
SALES = """select * from (values
(1, 10.00::decimal(8,2), 4.0::decimal(4,1), 7.5::double, 0::bigint, 'a=1,b=2', [3, 1, 2], {'x': 1, 'y': 'p'}, map {'k': 1}),
(2, 1.00::decimal(8,2), 3.0::decimal(4,1), 0.0::double, 7::bigint, '{"n": [1, 2]}', null, {'x': 2, 'y': null}, map {'j': 5, 'k': 2}),
(3, -2.00::decimal(8,2), null, 1e7::double, 2::bigint, 'ß-é', [], null, null))
t(id, amount, part, rate, n, note, many, one, counts)"""
MODELS = {
    # Decimals keep their scale, doubles follow IEEE, whole numbers are cut: by the columns' types.
    "gold.divided": """select id, amount / part as share, amount / 3 as third, rate / 0e0 as endless, id / 2 as half,
sum(amount) over (order by id) / 3 as s from silver.sales""",
    "gold.texts": """select id, cast(rate as varchar) as rate, reverse(note) as back, json_extract_scalar(try(json_parse(note)), '$.n[1]') as second,
element_at(array_sort(many), -1) as most, one.y as y, split_to_map(if(id = 1, note, 'k=v'), ',', '=') as parts, to_hex(md5(to_utf8(note))) as hash
from silver.sales""",
    "gold.groups": """select id % 2 as odd, avg(amount) as mean, max_by(note, id) as latest, array_agg(id order by id desc) as ids,
approx_percentile(rate, 0.5) as middle, map_agg(id, note) as notes, histogram(id) as counts, listagg(note, '|') within group (order by id) as texts,
count(*) filter (where rate > 1) as fast from silver.sales group by id % 2""",
    "gold.unnested": """select s.id, u.k, u.v, m.x, m.o from silver.sales s cross join unnest(s.counts) as u(k, v)
left join unnest(s.many) with ordinality as m(x, o) on true where date_diff('day', date '2026-01-01', date_add('day', cast(s.id as integer), date '2026-01-01')) > 0""",
    "gold.windows": """with a as (select *, row_number() over (order by rate desc, id) as place from silver.sales)
select a.id, b.id as other, lag(a.note) over (order by a.id) as before from a join silver.sales b on a.id = b.id and a.place <= 3 where a.id in (select id from silver.sales where id < 9)""",
}  # fmt: skip
QUERIES = (
    "select amount / part as v, rate / 0 as w from silver.sales order by id",
    "select regexp_extract_all(note, '[a-z]') as v from silver.sales order by id limit 2",
    "select * from (select transform(many, x -> x * n) as v, id from silver.sales) where id < 3 order by id",
    "select format('%05d %s', id, note) as v, url_encode(note) as u from silver.sales order by id",
    "select reduce(many, 0, (s, x) -> s + x, s -> s) as v, cardinality(counts) as c from silver.sales order by 1, 2",
)


def project(root: Path, models: dict[str, str]) -> Path:
    (root / "lake.yml").write_text(LAKE)
    for folder in ("silver", "gold"):
        (root / "models" / folder).mkdir(parents=True)
    (root / "models/silver/sales.sql").write_text(f"/*\nload: replace\n*/\n{SALES}\n")
    for name, sql in models.items():
        path = root / "models" / f"{name.replace('.', '/')}.sql"
        path.write_text(f"/*\nload: replace\ndialect: athena\n*/\n{sql}\n")
    return root


def lived(root: Path, environment: str) -> dict[str, list[dict[str, Any]]]:
    Lake.check(root, environment=environment)
    with Lake.open(root, environment=environment) as lake:
        report = lake.pipeline.run()
        assert [step.error for step in report.steps if step.status != "succeeded"] == []
        found = {
            sql: lake.query.sql(sql, dialect="athena").rows()
            for sql in [*(f"select * from {name} order by 1, 2" for name in MODELS), *QUERIES]
        }
        types = {name: str(lake.query.sql(f"describe {name}").rows()) for name in MODELS}
    return found | {name: [{"columns": told}] for name, told in types.items()}


def test_a_model_divides_by_the_types_of_what_it_reads(tmp_path: Path) -> None:
    project(tmp_path, {"gold.divided": MODELS["gold.divided"]})
    with Lake.open(tmp_path, environment="embedded") as lake:
        lake.pipeline.run()
        rows = lake.query.sql("select * from gold.divided order by id").rows()
    assert [row["share"] for row in rows] == [Decimal("2.50"), Decimal("0.33"), None]
    assert [row["third"] for row in rows] == [
        Decimal("3.33"),
        Decimal("0.33"),
        Decimal("-0.67"),
    ]
    assert [row["s"] for row in rows] == [Decimal("3.33"), Decimal("3.67"), Decimal("3.00")]
    assert [row["half"] for row in rows] == [0, 1, 1]
    assert str(rows[1]["endless"]) == "nan"


def test_what_does_not_work_for_a_columns_type_is_told_with_its_line(tmp_path: Path) -> None:
    """Nothing is wrong with it as long as the types are not known."""
    project(tmp_path, {"gold.wrong": "select\n  note || id as x\nfrom silver.sales"})
    with pytest.raises(ProjectError) as refused:
        Lake.check(tmp_path, environment="embedded")
    [mistake] = refused.value.mistakes
    assert (str(mistake.at), mistake.code) == ("models/gold/wrong.sql:6", "LW841")


@pytest.mark.spark
@pytest.mark.slow
@pytest.mark.usefixtures("spark_engine")
def test_both_engines_make_the_same_of_models_and_queries(tmp_path: Path) -> None:
    project(tmp_path, MODELS)
    embedded, cluster = lived(tmp_path, "embedded"), lived(tmp_path, "cluster")
    different = [
        f"{what}: {rows} / {cluster[what]}"
        for what, rows in embedded.items()
        if repr(rows) != repr(cluster[what])
    ]
    assert different == []
