"""A lake in a bucket: a person is erased from every object of it."""

from __future__ import annotations

import gzip
import io
import json
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from privacy_shop import EMAIL, SUBJECT, arrive, contents, make_project, write

from lakeworks import Lake
from lakeworks.catalog.query_executions import KeptExecution
from lakeworks.core import clock
from lakeworks.privacy.text_search import Words
from lakeworks.storage.objects import ObjectStore

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.s3


def test_a_person_is_gone_from_every_object(
    tmp_path: Path, bucket: str, s3_options: dict[str, str]
) -> None:
    root = make_project(tmp_path / "shop")
    settings = "".join(f"      {key}: {value}\n" for key, value in s3_options.items())
    write(
        root / "lake.yml",
        f"name: shop\nenvironments:\n  dev:\n    storage: s3://{bucket}/lake\n"
        f'    catalog: "sqlite:///.lake/catalog.db"\n    s3:\n{settings}',
    )
    store = ObjectStore.open(f"s3://{bucket}/lake", s3_options)
    # Where a workgroup kept results once: no file tells of it any more, the executions do.
    once = ObjectStore.open(f"s3://{bucket}/once", s3_options)
    with Lake.open(root) as lake:
        lake.pipeline.run()
        ask(lake, "create view silver.v as select customer as who, amount from silver.orders")
        ask(lake, "create materialized view gold.per as select who as person from silver.v")
        ask(lake, f"unload (select who from silver.v) to 's3://{bucket}/out'")
        keep_result(lake, once)
        arrive(root, 2)
        lake.pipeline.run()
        assert named(store)
        report = lake.privacy.erase("customer=C-17")
        assert report.state == "done"
        assert named(store) == []
        assert list(once.list()) == []
        assert lake.catalog.query_executions.places() == []
        assert any(one.startswith(f"s3://{bucket}/out: UNLOAD") for one in report.elsewhere)
        assert f"if the bucket of s3://{bucket}/lake keeps any" in report.not_reached[0]
        before = contents(lake)
        lake.pipeline.run()
        after = contents(lake)
        assert after.pop("gold.totals") == [{"amount": 42, "orders": 6}]
        before.pop("gold.totals")
        assert after == before
        assert lake.pipeline.run().status == "nothing to do"
        assert "erased" in json.dumps(report.as_json())


def ask(lake: Lake, sql: str) -> None:
    with lake.query.sql(sql) as done:
        done.rows()


def keep_result(lake: Lake, store: ObjectStore) -> None:
    table = pa.table({"who": ["c-17"]})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    asked = KeptExecution("a" * 32, "gone", "operator", "primary", "select 1", "succeeded",
                          clock.now(), clock.now(), result_place=store.root)  # fmt: skip
    store.put(f"{asked.execution_id}.arrows", sink.getvalue().to_pybytes())
    lake.catalog.query_executions.begin(asked)


def named(store: ObjectStore) -> list[str]:
    """Return the objects in which the person stands, decoded."""
    words = Words(frozenset({SUBJECT, "c-17", EMAIL, "Ana@Example.org"}))
    found = []
    for entry in store.list():
        data = store.get(entry.path)
        if entry.path.endswith(".parquet"):
            text = str(pq.read_table(io.BytesIO(data)).to_pylist())
        elif data.startswith(b"\x1f\x8b"):
            text = gzip.decompress(data).decode()
        else:
            text = data.decode("utf-8", "replace")
        if words.within(text):
            found.append(entry.path)
    return found
