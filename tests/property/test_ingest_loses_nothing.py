"""Laws of taking files in: any mix of good and broken rows and files, and nothing is lost."""

from __future__ import annotations

import gzip
import json
import shutil
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakeworks.core.types import Schema
from lakeworks.engines.duckdb.json_rows import Evidence, dump, fit, grown, parse, schema_of

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = st.sampled_from(["a", "b", "A", "c d", "_source_file", "n", "é"])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=6)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
DOCUMENTS = st.dictionaries(NAMES, VALUES, max_size=4)
BROKEN = st.sampled_from(
    [b"{bad", b'{"a":1} x', b"x\xff\xfe", b"[1]", b"7", b'{"a":"\\ud800"}']
)
LINES = st.lists(DOCUMENTS.map(lambda d: dump(d).encode()) | BROKEN, max_size=8)


def merged(held: Any, rescued: Any) -> Any:
    """Put what a column holds and what was rescued of it together again."""
    if isinstance(held, dict) and isinstance(rescued, dict):
        return {**held, **{k: merged(held.get(k), v) for k, v in rescued.items()}}
    return rescued


def same(held: Any, given_value: Any) -> bool:
    """Whether a column's value says what the document said; text may stand for any value."""
    if isinstance(held, str) and not isinstance(given_value, str):
        return parse(held) == given_value
    if isinstance(held, dict) and isinstance(given_value, dict):
        return all(same(held.get(k), v) for k, v in given_value.items())
    if isinstance(held, list) and isinstance(given_value, list):
        pairs = zip(held, given_value, strict=True)
        return all(same(h, g) for h, g in pairs)
    return bool(held == given_value)


@given(st.lists(DOCUMENTS, max_size=6), DOCUMENTS)
def test_a_document_is_its_columns_and_what_was_rescued(
    seen: list[dict[str, Any]], document: dict[str, Any]
) -> None:
    evidence = Evidence()
    for one in seen:
        evidence.add(one)
    fitted = fit(parse(dump(document)), schema_of(evidence))
    for name, value in document.items():
        held = fitted.values.get(name)
        if name in fitted.rescued:
            held = merged(held, fitted.rescued[name])
        assert same(held, value)


@given(st.lists(DOCUMENTS, min_size=1, max_size=6))
def test_a_grown_schema_keeps_every_column_as_it_was(documents: list[dict[str, Any]]) -> None:
    known = Schema()
    for document in documents:
        evidence = Evidence()
        evidence.add(document)
        wider = grown(known, schema_of(evidence))
        assert wider.names[: len(known)] == known.names
        known = wider
    folded = [name.casefold() for name in known.names]
    assert len(folded) == len(set(folded))


@pytest.mark.parametrize("mode", ["evolve", "rescue", "strict"])
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(st.tuples(LINES, st.booleans()), max_size=3), max_size=2))
def test_every_line_of_every_file_is_in_the_table_or_in_quarantine(
    batches: list[list[tuple[list[bytes], bool]]], mode: str, intake: Callable[..., Any]
) -> None:
    here = intake(schema=mode, format="json")
    expected: Counter[str] = Counter()
    for number, batch in enumerate(batches):
        for place, (lines, torn) in enumerate(batch):
            name = f"{number}-{place}.json.gz"
            content = b"".join(line + b"\n" for line in lines)
            packed = gzip.compress(content, mtime=0)
            # A cut in the trailer loses nothing but the proof that nothing is lost: one row.
            here.put(name, packed[:-4] if torn else packed)
            expected[name] = len(lines) + torn
        here.take()
        assert not here.pending().new
    found = Counter(row["_source_file"] for row in here.rows("1"))
    found.update(row["source_file"] for row in here.quarantine())
    assert found == +expected
    here.close()
    shutil.rmtree(here.folder)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(documents=st.lists(DOCUMENTS, min_size=1, max_size=12), first=st.integers(0, 12))
def test_what_the_engine_writes_says_what_the_documents_said(
    documents: list[dict[str, Any]], first: int, intake: Callable[..., Any]
) -> None:
    here = intake(format="json")
    numbered = [{**document, "row": n} for n, document in enumerate(documents)]
    for name, part in (("a.json", numbered[:first]), ("b.json", numbered[first:])):
        here.put(name, b"".join(dump(d).encode() + b"\n" for d in part))
        here.take()
    assert not here.quarantine()
    rows = {row["row"]: row for row in here.rows("1")}
    for document in numbered:
        row = rows[document["row"]]
        rescued = json.loads(row["_rescued"] or "{}")
        for name, value in document.items():
            held = row.get(name) if name != "_source_file" else None
            if name in rescued:
                held = merged(held, rescued[name])
            assert same(held, value), (name, row)
    here.close()
    shutil.rmtree(here.folder)
