"""The schema registry's work on records, against the plain libraries that do it below.

Budgets: validating JSON takes no longer than twice jsonschema-rs alone and is at least 10 times as
fast as jsonschema; encoding and decoding Avro behind a header takes at most twice fastavro's
time; holding a file of JSON lines to a schema reads at least 100,000 records a second.

Medians of rounds, in records a second, on one core.

    python benchmarks/bench_registry.py [--records 50000] [--rounds 3]
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fastavro
import jsonschema
import jsonschema_rs

from lakeworks.catalog import Catalog
from lakeworks.engines.protocol import ArrivedFile
from lakeworks.ingest.record_schemas import held
from lakeworks.ingest.salvage import Rejects

if TYPE_CHECKING:
    from collections.abc import Callable

AVRO = {
    "type": "record",
    "name": "Order",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "customer", "type": "string"},
        {"name": "status", "type": {"type": "enum", "name": "S", "symbols": ["open", "paid"]}},
        {"name": "total", "type": "double"},
        {"name": "note", "type": ["null", "string"], "default": None},
        {"name": "lines", "type": {"type": "array", "items": "long"}},
    ],
}
JSON = {
    "type": "object",
    "properties": {
        "id": {"type": "integer", "minimum": 0},
        "customer": {"type": "string", "minLength": 1},
        "status": {"enum": ["open", "paid"]},
        "total": {"type": "number"},
        "note": {"type": ["null", "string"]},
        "lines": {"type": "array", "items": {"type": "integer"}},
    },
    "required": ["id", "customer", "status"],
    "additionalProperties": False,
}


def record(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "customer": f"customer {number % 977}",
        "status": "open" if number % 3 else "paid",
        "total": number * 1.25,
        "note": None if number % 2 else "by hand",
        "lines": [number, number + 1],
    }


def rate(work: Callable[[], object], records: int, rounds: int) -> float:
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return records / statistics.median(took)


def plain_encode(parsed: Any, one: dict[str, Any]) -> bytes:
    target = io.BytesIO()
    fastavro.schemaless_writer(target, parsed, one)
    return target.getvalue()


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--records", type=int, default=50_000)
    arguments.add_argument("--rounds", type=int, default=3)
    asked = arguments.parse_args()
    rows = [record(number) for number in range(asked.records)]
    few = rows[: max(1, asked.records // 20)]
    found: dict[str, float] = {}

    def measure(name: str, work: Callable[[], object], records: int = asked.records) -> None:
        found[name] = rate(work, records, asked.rounds)
        print(f"{name:<46}{found[name]:>12,.0f} records/s", flush=True)

    with (
        tempfile.TemporaryDirectory() as folder,
        Catalog.open(f"sqlite:///{folder}/catalog.db") as catalog,
    ):
        registry = catalog.schema_registry
        registry.create_schema("avro", json.dumps(AVRO), data_format="avro")
        registry.create_schema("json", json.dumps(JSON), data_format="json")
        avro, of_json = registry.coder("avro"), registry.coder("json")
        parsed = fastavro.parse_schema(AVRO)
        fast = jsonschema_rs.validator_for(JSON, validate_formats=True)
        slow = jsonschema.Draft7Validator(JSON)
        measure("validate JSON: registry", lambda: [of_json.fault(one) for one in rows])
        measure("validate JSON: jsonschema-rs", lambda: [fast.is_valid(one) for one in rows])
        measure(
            "validate JSON: jsonschema",
            lambda: [slow.is_valid(one) for one in few],
            len(few),
        )
        measure(
            "validate JSON by Avro: registry",
            lambda: [avro.fault(one) for one in few],
            len(few),
        )
        measure("encode Avro: registry", lambda: [avro.encode(one) for one in rows])
        measure("encode Avro: fastavro", lambda: [plain_encode(parsed, one) for one in rows])
        encoded = [avro.encode(one) for one in rows]
        bare = [plain_encode(parsed, one) for one in rows]
        measure("decode Avro: registry", lambda: [avro.decode(one) for one in encoded])
        measure(
            "decode Avro: fastavro",
            lambda: [fastavro.schemaless_reader(io.BytesIO(one), parsed, None) for one in bare],
        )
        path = Path(folder, "rows.json")
        path.write_text("".join(json.dumps(one) + "\n" for one in rows))
        file = ArrivedFile(str(path), "rows.json", path.stat().st_size)
        rejects = Rejects(Path(folder, "rejects.json"))
        place = Path(folder)
        measure(
            "hold a file of JSON lines to a schema",
            lambda: held([file], "json", of_json, place, rejects),
        )
        assert rejects.rows == 0
        assert [avro.decode(one).record for one in encoded] == rows

    checks = {
        "validation within twice jsonschema-rs": found["validate JSON: registry"]
        >= found["validate JSON: jsonschema-rs"] / 2,
        "validation 10 times jsonschema": found["validate JSON: registry"]
        >= found["validate JSON: jsonschema"] * 10,
        "encoding within twice fastavro": found["encode Avro: registry"]
        >= found["encode Avro: fastavro"] / 2,
        "decoding within twice fastavro": found["decode Avro: registry"]
        >= found["decode Avro: fastavro"] / 2,
        "100,000 records of a file a second": found["hold a file of JSON lines to a schema"]
        >= 100_000,
    }
    for name, met in checks.items():
        print(f"{'met   ' if met else 'MISSED'}  {name}")


if __name__ == "__main__":
    main()
