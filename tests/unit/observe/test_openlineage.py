"""What runs tell as OpenLineage events, held to the specification's own schemas."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from lakeworks.core import events
from lakeworks.core.names import TableName
from lakeworks.lake import Lake
from lakeworks.observe import OpenLineageListener, Translator
from lakeworks.pipeline.statement_tables import changing

SPEC = Path(__file__).parent / "openlineage-spec"
SCHEMAS = {
    json.loads(p.read_text())["$id"]: json.loads(p.read_text()) for p in SPEC.glob("*.json")
}
REGISTRY: Registry[Any] = Registry().with_resources(
    (name, Resource.from_contents(schema)) for name, schema in SCHEMAS.items()
)

FILES = {
    "sources/rides.yml": (
        "table: bronze.rides\npath: landing\nformat: csv\nowner: dispatch\n"
        "columns:\n  fare: {description: In francs.}\n"
    ),
    "landing/rides.csv": "id,email,fare\n1,a@example.com,12.50\n2,b@example.com,8\n",
    "models/silver/rides.sql": (
        "/*\nowner: dispatch\ndescription: Typed rides.\nquality: |\n"
        '  Rules = [ IsComplete "id", ColumnValues "fare" > 0 ]\non_violation: fail\n*/\n'
        "select id, lower(email) as email, cast(fare as double) as fare from bronze.rides\n"
    ),
    "models/gold/riders.py": (
        "import narwhals as nw\nfrom lakeworks import model\n\n\n"
        '@model("gold.riders", inputs={"rides": "silver.rides"})\n'
        "def riders(rides):\n"
        '    return rides.group_by("email").agg(nw.col("fare").sum().alias("spent"))\n'
    ),
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def _declare(project: Path, openlineage: str) -> None:
    text = f"name: rides\nenvironments:\n  dev:\n    openlineage: {openlineage}\n"
    (project / "lake.yml").write_text(text)


def _told(project: Path) -> list[dict[str, Any]]:
    _declare(project, "{file: told/events.jsonl, namespace: acme}")
    with Lake.open(project) as lake:
        lake.pipeline.run()
    lines = (project / "told" / "events.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def _validate(value: Any, schema: dict[str, Any]) -> None:
    Draft202012Validator(schema, registry=REGISTRY).validate(value)


def _facets(told: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for holder in (told["run"], told["job"], *told["inputs"], *told["outputs"]):
        for key in ("facets", "inputFacets", "outputFacets"):
            yield from holder.get(key, {}).items()


def _of(told: list[dict[str, Any]], job: str, kind: str) -> dict[str, Any]:
    return next(e for e in told if e["job"]["name"] == job and e["eventType"] == kind)


def test_every_event_and_facet_is_valid_by_the_specification(project: Path) -> None:
    told = _told(project)
    used = set()
    for one in told:
        _validate(one, {"$ref": one["schemaURL"]})
        for name, facet in _facets(one):
            _validate({name: facet}, SCHEMAS[facet["_schemaURL"]])
            used.add(name)
    assert used >= {
        "parent", "sql", "sourceCode", "schema", "columnLineage", "outputStatistics", "version",
        "dataQualityAssertions", "ownership", "documentation", "inputStatistics", "jobType",
    }  # fmt: skip


def test_a_run_and_each_step_start_and_complete_under_one_parent(project: Path) -> None:
    told = _told(project)
    assert [(e["job"]["name"], e["eventType"]) for e in told] == [
        ("rides", "START"),
        ("bronze.rides", "START"),
        ("bronze.rides", "COMPLETE"),
        ("silver.rides", "START"),
        ("silver.rides", "COMPLETE"),
        ("gold.riders", "START"),
        ("gold.riders", "COMPLETE"),
        ("rides", "COMPLETE"),
    ]
    whole = told[0]["run"]["runId"]
    assert {e["run"]["facets"]["parent"]["run"]["runId"] for e in told[1:-1]} == {whole}
    assert told[-1]["run"]["runId"] == whole
    assert told[1]["run"]["runId"] == told[2]["run"]["runId"] != told[3]["run"]["runId"]


def test_a_step_tells_what_it_read_and_wrote_and_how_its_rules_came_out(project: Path) -> None:
    told = _told(project)
    ingest = _of(told, "bronze.rides", "COMPLETE")
    assert ingest["inputs"][0]["name"] == str(project / "landing")
    read = ingest["inputs"][0]["inputFacets"]["inputStatistics"]
    assert (read["fileCount"], read["rowCount"]) == (1, 2)
    model = _of(told, "silver.rides", "COMPLETE")
    assert [(i["namespace"], i["name"]) for i in model["inputs"]] == [("acme", "bronze.rides")]
    assert model["inputs"][0]["facets"]["version"]["datasetVersion"] == "0"
    (output,) = model["outputs"]
    assert output["outputFacets"]["outputStatistics"]["rowCount"] == 2
    rules = output["facets"]["dataQualityAssertions"]["assertions"]
    assert [rule["success"] for rule in rules] == [True, True]
    assert model["job"]["facets"]["sql"]["query"].startswith("select id")


def test_columns_tell_where_they_come_from_of_python_models_too(project: Path) -> None:
    told = _told(project)
    silver = _of(told, "silver.rides", "COMPLETE")["outputs"][0]["facets"]["columnLineage"]
    assert silver["fields"]["email"]["inputFields"] == [
        {
            "namespace": "acme",
            "name": "bronze.rides",
            "field": "email",
            "transformations": [{"type": "DIRECT", "subtype": "TRANSFORMATION"}],
        }
    ]
    gold = _of(told, "gold.riders", "COMPLETE")["outputs"][0]["facets"]["columnLineage"]
    (spent,) = gold["fields"]["spent"]["inputFields"]
    assert (spent["name"], spent["field"]) == ("silver.rides", "fare")
    assert spent["transformations"] == [{"type": "DIRECT", "subtype": "AGGREGATION"}]
    assert gold["dataset"][0]["transformations"] == [
        {"type": "INDIRECT", "subtype": "GROUP_BY"}
    ]


def test_a_failed_step_fails_with_its_error_and_rules_and_what_follows_never_starts(
    project: Path,
) -> None:
    (project / "landing" / "more.csv").write_text("id,email,fare\n3,c@example.com,-1\n")
    told = _told(project)
    failed = _of(told, "silver.rides", "FAIL")
    assert "LW702" in failed["run"]["facets"]["errorMessage"]["message"]
    rules = failed["outputs"][0]["facets"]["dataQualityAssertions"]["assertions"]
    assert [rule["success"] for rule in rules] == [True, False]
    assert "gold.riders" not in {e["job"]["name"] for e in told}
    assert told[-1]["eventType"] == "FAIL"
    for one in told:
        _validate(one, {"$ref": one["schemaURL"]})


STATEMENTS = (
    "create table gold.dear as select email, fare * 2 as twice from silver.rides",
    "insert into gold.dear values ('c@example.com', 3)",
    "delete from gold.dear where twice > 20",
    "drop table gold.dear",
)


def test_statements_that_write_are_jobs_with_their_sql_inputs_and_columns(
    project: Path,
) -> None:
    ran = len(_told(project))
    with Lake.open(project) as lake:
        for sql in STATEMENTS[:2]:
            lake.query.sql(sql).rows()
        dear = TableName.parse("gold.dear")
        with (
            suppress(MemoryError),
            changing(lake._services, dear, statement="", sql="…", wait_s=1) as change,
        ):
            change.begin()
            raise MemoryError("it is full")
        for sql in STATEMENTS[2:]:
            lake.query.sql(sql).rows()
    lines = (project / "told" / "events.jsonl").read_text().splitlines()
    told = [json.loads(line) for line in lines[ran:]]
    for one in told:
        _validate(one, {"$ref": one["schemaURL"]})
        for name, facet in _facets(one):
            _validate({name: facet}, SCHEMAS[facet["_schemaURL"]])
    ends = told[1::2]
    assert [e["eventType"] for e in told[::2]] == ["START"] * 5
    failed = ends.pop(2)
    assert failed["eventType"] == "FAIL"
    assert "full" in failed["run"]["facets"]["errorMessage"]["message"]
    assert {e["eventType"] for e in ends} == {"COMPLETE"}
    assert [e["job"]["facets"]["sql"]["query"] for e in ends] == list(STATEMENTS)
    assert {e["job"]["name"] for e in ends} == {"gold.dear"}
    assert len({e["run"]["runId"] for e in told}) == 5
    made = ends[0]
    assert [one["name"] for one in made["inputs"]] == ["silver.rides"]
    (output,) = made["outputs"]
    assert output["outputFacets"]["outputStatistics"]["rowCount"] == 2
    assert (
        output["facets"]["columnLineage"]["fields"]["twice"]["inputFields"][0]["field"]
        == "fare"
    )


def test_a_refreshed_view_is_told_as_a_run_of_one_step(project: Path) -> None:
    _told(project)
    with Lake.open(project) as lake:
        lake.query.sql("create materialized view gold.m as select email from silver.rides")
    lines = (project / "told" / "events.jsonl").read_text().splitlines()
    told = [json.loads(line) for line in lines[-4:]]
    assert [(e["job"]["name"], e["eventType"]) for e in told] == [
        ("rides", "START"), ("gold.m", "START"), ("gold.m", "COMPLETE"), ("rides", "COMPLETE"),
    ]  # fmt: skip
    (output,) = told[2]["outputs"]
    assert "email" in output["facets"]["columnLineage"]["fields"]


def test_runs_of_another_lake_in_the_same_process_are_not_told(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    for name, text in {**FILES, "lake.yml": "name: other\n"}.items():
        (other / name).parent.mkdir(parents=True, exist_ok=True)
        (other / name).write_text(text)
    _declare(project, "{file: told.jsonl}")
    with Lake.open(project), Lake.open(other) as theirs:
        theirs.pipeline.run()
    assert not (project / "told.jsonl").exists()


class _Receiver(BaseHTTPRequestHandler):
    taken: list[tuple[str, dict[str, Any], str | None]]
    status = 201
    answering: threading.Event

    def do_POST(self) -> None:
        self.answering.wait(60)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.taken.append((self.path, json.loads(body), self.headers["Authorization"]))
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def _receiver(*, status: int = 201, silent: bool = False) -> Iterator[tuple[str, list[Any]]]:
    taken: list[Any] = []
    answering = threading.Event()
    if not silent:
        answering.set()
    handler = type(
        "Handler", (_Receiver,), {"taken": taken, "status": status, "answering": answering}
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", taken
    finally:
        answering.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _run(project: Path, openlineage: str) -> tuple[str, list[events.Event], float]:
    _declare(project, openlineage)
    heard: list[events.Event] = []

    def hear(event: events.Event) -> None:
        if event.name == "openlineage.failed":
            heard.append(event)

    begin = time.monotonic()
    with Lake.open(project) as lake, events.listening(hear):
        status = lake.pipeline.run().status
    return status, heard, time.monotonic() - begin


def test_an_endpoint_takes_each_event_with_its_key(project: Path) -> None:
    with _receiver() as (url, taken):
        status, heard, _ = _run(project, f'{{url: "{url}", api_key: secret}}')
    assert (status, heard) == ("succeeded", [])
    assert len(taken) == 8
    assert {(path, key) for path, _, key in taken} == {("/api/v1/lineage", "Bearer secret")}


def test_an_endpoint_that_refuses_is_told_once_and_the_run_succeeds(project: Path) -> None:
    with _receiver(status=500) as (url, _):
        status, heard, _ = _run(project, f'{{url: "{url}/ours"}}')
    assert status == "succeeded"
    assert [event.data["code"] for event in heard] == ["LW880"]
    assert "HTTP 500" in heard[0].data["problem"]


def test_nobody_at_the_endpoint_is_told_and_the_run_succeeds(project: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        status, heard, _ = _run(
            project, f'{{url: "http://127.0.0.1:{taken.getsockname()[1]}"}}'
        )
    assert status == "succeeded"
    assert "does not answer" in heard[0].data["problem"]


def test_an_endpoint_that_never_answers_is_told_once_and_the_run_succeeds(
    project: Path,
) -> None:
    with _receiver(silent=True) as (url, _):
        status, heard, seconds = _run(project, f'{{url: "{url}", timeout_s: 0.5}}')
    assert status == "succeeded"
    (event,) = heard
    assert re.search("timed out|not delivered in time", event.data["problem"])
    assert seconds < 30  # a request would be held for a minute


class _Held:
    """Takes no event before it is let go."""

    def __init__(self) -> None:
        self.let_go = threading.Event()

    def send(self, event: dict[str, Any]) -> None:
        assert event
        self.let_go.wait(60)

    def close(self) -> None:
        pass


def test_a_slow_delivery_holds_a_run_up_no_longer_than_it_may(project: Path) -> None:
    (project / "lake.yml").write_text("name: acme\n")
    held, heard = _Held(), list[events.Event]()
    with Lake.open(project) as lake:
        translator = Translator(lake._services, lake.lineage, version="1", namespace=None)
        listener = OpenLineageListener(translator, held, patience_s=0.2)
        with events.listening(listener), events.listening(heard.append):
            assert lake.pipeline.run().status == "succeeded"
        held.let_go.set()
        listener.close()
    (told,) = [event for event in heard if event.name == "openlineage.failed"]
    assert "not delivered in time" in told.data["problem"]


def test_a_file_that_cannot_be_written_is_told_and_the_run_succeeds(project: Path) -> None:
    (project / "blocked").write_text("a file, not a folder")
    status, heard, _ = _run(project, "{file: blocked/events.jsonl}")
    assert status == "succeeded"
    assert "cannot be written" in heard[0].data["problem"]
