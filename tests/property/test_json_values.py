"""No value of any JSON document is lost: it is in its column, or as it came in `_rescued`."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lakeworks.core.types import Schema
from lakeworks.engines.protocol import ArrivedFile, FileReading
from lakeworks.engines.registry import open_engine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakeworks.engines.protocol import Engine

_SYSTEM = {"_source_file", "_ingested_at", "_run_id", "_rescued"}

leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.integers(-3, 3),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "N/A", "7.5", "007", "true", "null", "2026-01-01", "ü", "[1]", "{}"]),
)
names = st.sampled_from(["a", "b", "c", "A", "x y", "_rescued", "id"])
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=3)
    ),
    max_leaves=5,
)
documents = st.dictionaries(names, values, max_size=4)
files = st.lists(documents, min_size=1, max_size=5)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    opened = open_engine("duckdb", temp_directory=str(tmp_path_factory.mktemp("engine")))
    yield opened
    opened.close()


@settings(max_examples=150)
@given(st.sampled_from(["evolve", "rescue"]), files, files)
@example("evolve", [{"a": 1.5}], [{"a": "N/A"}])
@example("evolve", [{"a": 1}], [{"a": "7"}])
@example("evolve", [{"a": True}], [{"a": "true"}])
@example("evolve", [{"a": [1]}], [{"a": ["x"]}, {"a": 3}])
@example("evolve", [{"a": {"b": 1}}], [{"a": {"b": "x", "c": 2}}, {"a": 5}])
@example("rescue", [{"a": 1}], [{"b": 2}])
def test_every_value_is_in_its_column_or_rescued_as_it_came(
    engine: Engine, mode: Any, first: list[dict[str, Any]], second: list[dict[str, Any]]
) -> None:
    with TemporaryDirectory() as folder:
        known = read(engine, Path(folder) / "one", first, mode, None)
        read(engine, Path(folder) / "two", second, mode, known)


def read(
    engine: Engine, folder: Path, arrived: list[dict[str, Any]], mode: Any, known: Schema | None
) -> Schema:
    folder.mkdir()
    path = folder / "in.json"
    path.write_text("".join(json.dumps(d) + "\n" for d in arrived))
    with engine.session() as session:
        done = session.read_files(
            FileReading(
                table="bronze.t",
                format="json",
                files=[ArrivedFile(str(path), "in.json", path.stat().st_size)],
                root=str(folder / "table"),
                rejects_root=str(folder / "rejects"),
                run_id="run",
                moment="2026-01-01T00:00:00.000000Z",
                known=known,
                mode=mode,
            )
        )
    assert (done.read, done.written, done.quarantined) == (len(arrived), len(arrived), 0)
    assert not done.unreadable
    rows = [
        row for f in done.added for row in pq.read_table(folder / "table" / f.path).to_pylist()
    ]
    kept = [restored(row) for row in rows]
    for document in arrived:
        wanted = plain(document)
        assert wanted in kept, (wanted, kept, rows)
        kept.remove(wanted)
    return Schema(tuple(f for f in done.schema if f.name not in _SYSTEM))


def restored(row: dict[str, Any]) -> Any:
    """The document that a bronze row stands for."""
    found = {k: v for k, v in row.items() if k not in _SYSTEM}
    rescued = json.loads(row["_rescued"], parse_float=Decimal) if row["_rescued"] else {}
    return plain(united(found, rescued))


def united(column: Any, rescued: Any) -> Any:
    """Objects by the union of their fields, else what was rescued."""
    if isinstance(column, dict) and isinstance(rescued, dict):
        merged = {k: united(column[k], v) if k in column else v for k, v in rescued.items()}
        return {**column, **merged}
    return rescued


def plain(value: Any) -> Any:
    """The value without what JSON readers may add or drop: nulls, and how a number is written.

    A column that holds several kinds of values is text: then a number or an object stands there
    as its JSON, so both sides are compared by that.
    """
    if isinstance(value, dict):
        fields = ((k, plain(v)) for k, v in value.items() if v is not None)
        return tuple(sorted((k, v) for k, v in fields if v != ()))
    if isinstance(value, list):
        return ("a list of", *(plain(v) for v in value))
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, (int, float, Decimal)):
        return number(value)
    return as_text(value)


def number(value: float | Decimal) -> str:
    exact = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    return str(exact.normalize() if exact else Decimal(0))


def as_text(text: str) -> Any:
    """What a text stands for: itself, or the JSON in it."""
    try:
        inside = json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError):
        return text
    if isinstance(inside, float) and not math.isfinite(inside):
        return text
    return plain(inside) if not isinstance(inside, str) else text
