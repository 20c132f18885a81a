"""Laws of an erasure: no byte is left of the person, nobody else loses a row, runs go on."""

from __future__ import annotations

import gzip
import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st
from privacy_shop import LAKE, contents, names_of, write

from lakeworks import Lake

if TYPE_CHECKING:
    from collections.abc import Sequence

PERSONS = ("ZUZANA-1", "ZUZANA-10", "MAREK-1", "x ZUZANA", "ŽOFIE-1", 'O"HARA', "77123456")
SOURCE = "table: bronze.visits\nfrom: files\npath: arrivals\nformat: {kind}\n{more}"
MODELS = {
    "append": "/*\nload: append\n*/\nselect person, lower(person) as low, n, info from bronze.visits\n",
    "merge": "/*\nload: merge\nkey: [person, n]\n*/\n"
    "select person, lower(person) as low, n, info from bronze.visits\n",
    "replace": "/*\nload: replace\n*/\n"
    "select person, count(*) as n from bronze.visits group by person\n",
    "partitions": "/*\nload: partitions\npartition_by: [n]\n*/\n"
    "select person, lower(person) as low, n from bronze.visits\n",
    "scd2": "/*\nload: scd2\nkey: [person]\n*/\n"
    "select person, max(n) as n from bronze.visits group by person\n",
}
QUALITY = 'quality: |\n  Rules = [ ColumnValues "n" > 1 ]\non_violation: quarantine\n*/'


@st.composite
def visits(draw: st.DrawFn) -> list[dict[str, Any]]:
    found = []
    for at in range(draw(st.integers(1, 12))):
        blank = draw(st.sampled_from(["", " "]))
        found.append({
            "person": draw(st.sampled_from(PERSONS)) + blank,
            "n": draw(st.integers(0, 4)),
            "info": f"visit {at}",
        })  # fmt: skip
    return found


def arrive(root: Path, number: int, rows: Sequence[dict[str, Any]], kind: str) -> None:
    path = root / f"arrivals/{number}.{kind}"
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(list(rows)), path)
    elif kind == "csv":
        quoted = [
            ",".join('"' + str(v).replace('"', '""') + '"' for v in row.values())
            for row in rows
        ]
        path.write_text("\n".join(["person,n,info", *quoted]) + "\n")
    else:
        lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
        path = path.with_suffix(".json.gz")
        path.write_bytes(gzip.compress(lines))


def mine(row: dict[str, Any], subject: str) -> bool:
    if "row" in row:
        row = json.loads(row["row"])
    return str(row["person"]).strip() == subject


@settings(max_examples=8)
@given(
    st.lists(visits(), min_size=1, max_size=3),
    st.sampled_from(PERSONS),
    st.sampled_from(["json", "csv", "parquet"]),
    st.sampled_from(sorted(MODELS)),
)
def test_nothing_is_left_of_one_and_everything_of_the_others(
    arrivals: list[list[dict[str, Any]]], subject: str, kind: str, load: str
) -> None:
    root = Path(tempfile.mkdtemp(prefix="lakeworks-erasure-"))
    try:
        held_to_the_laws(root, arrivals, subject, kind, load)
    finally:
        shutil.rmtree(root)


def held_to_the_laws(
    root: Path, arrivals: list[list[dict[str, Any]]], subject: str, kind: str, load: str
) -> None:
    types = "types: {n: bigint}\n" if kind == "csv" else ""
    write(root / "lake.yml", LAKE)
    write(root / "sources/visits.yml", SOURCE.format(kind=kind, more=types))
    sql = (
        MODELS[load].replace("*/", QUALITY, 1) if load in {"append", "merge"} else MODELS[load]
    )
    write(root / "models/silver/visits.sql", sql)
    write(
        root / "models/gold/count.sql",
        "/*\nload: replace\n*/\nselect count(*) as n from silver.visits\n",
    )
    with Lake.open(root) as lake:
        for number, rows in enumerate(arrivals):
            arrive(root, number, rows, kind)
            assert lake.pipeline.run().status == "succeeded"
        before = contents(lake)
        there = any(str(row["person"]).strip() == subject for rows in arrivals for row in rows)
        report = lake.privacy.erase(f"person={subject}")
        assert report.state == "done"
        assert (sum(place.erased for place in report.places) > 0) is there

        assert names_of(lake, subject, subject.lower()) == []
        after = contents(lake)
        count = after.pop("gold.count"), before.pop("gold.count")
        assert after == {
            table: [row for row in rows if not mine(row, subject)]
            for table, rows in before.items()
        }
        lake.pipeline.run()
        again = contents(lake)
        assert again.pop("gold.count") == [{"n": len(after["silver.visits"])}]
        assert again == after, count
        assert lake.pipeline.run().status == "nothing to do"
