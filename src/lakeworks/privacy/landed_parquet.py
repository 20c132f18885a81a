"""A landed Parquet file without a person's rows, and without the elements in rows of others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lakeworks.privacy.landed_records import Divided, Reading


def parquet_without(
    file: Any,  # noqa: ANN401 - a stream
    target: Any,  # noqa: ANN401 - a stream
    reading: Reading,
    done: Divided,
) -> None:
    """Write a file's rows to `target`, without what is the person's; count that in `done`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from lakeworks.privacy.parquet_search import (
        Found,
        divided_rows,
        elements_of,
        look_of,
        without_elements,
    )

    reader = pq.ParquetFile(file, arrow_extensions_enabled=False)
    look = look_of(reader.schema_arrow, reading.keys)
    with pq.ParquetWriter(target, reader.schema_arrow, compression="zstd") as writer:
        for at in range(reader.num_row_groups):
            rows = reader.read_row_group(at)
            owned, parted = divided_rows(rows, look, {}, Found())
            if parted.true_count:
                others = rows.filter(parted)
                for row in elements_of(others, look).to_pylist():
                    done.take(json_text(row))
                rows = _with(rows, parted.to_pylist(), without_elements(others, look))
            gone = owned.to_pylist()
            texts = [str(row) for row in rows.to_pylist()] if reading.words.pattern else []
            for number, text in enumerate(texts):
                if not gone[number] and reading.words.within(text):
                    done.mentions += 1
                    gone[number] = reading.mentions_too
            for row in rows.filter(pa.array(gone, pa.bool_())).to_pylist() if any(gone) else ():
                done.take(json_text(row))
            writer.write_table(rows.filter(pa.array([not one for one in gone], pa.bool_())))


def _with(rows: Any, parted: list[bool], instead: Any) -> Any:  # noqa: ANN401 - Arrow
    """Return rows, each in its place, with others for some."""
    import pyarrow as pa

    places, other = [], rows.num_rows
    for at, is_other in enumerate(parted):
        places.append(other if is_other else at)
        other += is_other
    return pa.concat_tables([rows, instead]).take(places)


def json_text(row: Any) -> str:  # noqa: ANN401 - a record
    """Return a record as JSON."""
    return json.dumps(row, default=str, ensure_ascii=False)
