"""OpenLineage events in a topic of a real Kafka broker, which the tests start."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from free_ports import free_port
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from lakeworks.core import events
from lakeworks.lake import Lake
from lakeworks.observe.openlineage import run_uuid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import NoReturn

confluent_kafka = pytest.importorskip("confluent_kafka", reason="the extra kafka is missing")

KAFKA = "4.1.2"
START_S = 60
SPEC = Path(__file__).parents[1] / "unit" / "observe" / "openlineage-spec"
POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>lakeworks.tests</groupId><artifactId>kafka</artifactId><version>1</version>
  <dependencies><dependency>
    <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId>
    <version>{KAFKA}</version>
  </dependency></dependencies>
</project>
"""
# One broker that is its own controller, open on one port and behind a password on another.
SETTINGS = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{control}
controller.listener.names=CONTROL
listeners=OPEN://127.0.0.1:{open},SECURED://127.0.0.1:{secured},CONTROL://127.0.0.1:{control}
inter.broker.listener.name=OPEN
listener.security.protocol.map=OPEN:PLAINTEXT,SECURED:SASL_PLAINTEXT,CONTROL:PLAINTEXT
listener.name.secured.sasl.enabled.mechanisms=PLAIN
listener.name.secured.plain.sasl.jaas.config=\
org.apache.kafka.common.security.plain.PlainLoginModule required user_lake="ripples";
log.dirs={folder}/logs
num.partitions=3
offsets.topic.replication.factor=1
group.initial.rebalance.delay.ms=0
"""


@pytest.fixture(scope="session")
def jars(unavailable: Callable[[str], NoReturn]) -> Path:
    """The broker, fetched once for all runs of the tests on this machine."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "lakeworks" / "tests" / f"kafka-{KAFKA}"
    if folder.exists():
        return folder
    maven = shutil.which("mvn")
    if maven is None:
        unavailable("Maven, which fetches a Kafka broker for tests,")
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = folder.with_name(f"{folder.name}.{uuid.uuid4().hex}")
    pom = fresh.with_suffix(".xml")
    pom.write_text(POM)
    words = ["-q", "-B", "-f", str(pom), "dependency:copy-dependencies"]
    done = subprocess.run(
        [maven, *words, "-DincludeScope=runtime", f"-DoutputDirectory={fresh}"],
        capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    pom.unlink()
    if done.returncode:
        shutil.rmtree(fresh, ignore_errors=True)
        unavailable(f"a Kafka broker from Maven ({done.stdout[-500:]})")
    try:
        fresh.rename(folder)
    except OSError:  # another process was quicker
        shutil.rmtree(fresh)
    return folder


@pytest.fixture(scope="module")
def ports(
    jars: Path,
    tmp_path_factory: pytest.TempPathFactory,
    unavailable: Callable[[str], NoReturn],
) -> Iterator[dict[str, int]]:
    """The ports of a running broker: `open` and `secured`."""
    java = shutil.which("java")
    if java is None:
        unavailable("Java, which runs a Kafka broker for tests,")
    folder = tmp_path_factory.mktemp("kafka")
    found = {name: free_port() for name in ("open", "secured", "control")}
    settings = folder / "server.properties"
    settings.write_text(SETTINGS.format(folder=folder, **found))
    run = [java, "-Xmx256m", "-cp", f"{jars}/*"]
    subprocess.run(
        [*run, "kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qk",
         "-c", str(settings)], check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            [*run, "kafka.Kafka", str(settings)], stdout=log, stderr=log, cwd=folder
        )
    try:
        _wait_for(found["open"], server, folder / "server.log")
        yield found
    finally:
        server.kill()
        server.wait(10)


def _wait_for(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    from confluent_kafka.admin import AdminClient

    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and server.poll() is None:
        client = AdminClient({"bootstrap.servers": f"127.0.0.1:{port}", "log_level": 0})
        try:
            client.list_topics(timeout=2)
        except confluent_kafka.KafkaException:
            continue
        return
    pytest.fail(f"the Kafka broker for tests did not start: {log.read_text()[-2000:]}")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    files = {
        "sources/rides.yml": "table: bronze.rides\npath: landing\nformat: csv\n",
        "landing/rides.csv": "id,fare\n1,12.50\n2,8\n",
        "models/silver/rides.sql": "select id, cast(fare as double) as fare from bronze.rides",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def _run(project: Path, kafka: str, more: str = "") -> tuple[str, str, list[Any], float]:
    (project / "lake.yml").write_text(
        f"name: rides\nenvironments:\n  dev:\n    openlineage: {{kafka: {kafka}{more}}}\n"
    )
    heard: list[Any] = []

    def hear(event: events.Event) -> None:
        if event.name == "openlineage.failed":
            heard.append(event.data)

    begin = time.monotonic()
    with Lake.open(project) as lake, events.listening(hear):
        report = lake.pipeline.run()
    return report.run_id, report.status, heard, time.monotonic() - begin


def _messages(port: int, topic: str, count: int) -> list[tuple[int, str, dict[str, Any]]]:
    reader = confluent_kafka.Consumer(
        {
            "bootstrap.servers": f"127.0.0.1:{port}",
            "group.id": uuid.uuid4().hex,
            "auto.offset.reset": "earliest",
        }
    )
    reader.subscribe([topic])
    found: list[tuple[int, str, dict[str, Any]]] = []
    deadline = time.monotonic() + START_S
    try:
        while len(found) < count and time.monotonic() < deadline:
            message = reader.poll(0.5)
            if message is not None and message.error() is None:
                value = json.loads(message.value())
                found.append((message.partition(), message.key().decode(), value))
        assert reader.poll(0.5) is None
    finally:
        reader.close()
    return found


def test_a_topic_takes_every_event_of_a_run_in_order_under_its_key(
    project: Path, ports: dict[str, int]
) -> None:
    servers = f"127.0.0.1:{ports['open']}"
    run_id, status, heard, _ = _run(project, f'{{topic: rides.lineage, servers: "{servers}"}}')
    assert (status, heard) == ("succeeded", [])
    told = _messages(ports["open"], "rides.lineage", 6)
    assert {key for _, key, _ in told} == {run_uuid(run_id)}
    assert len({partition for partition, _, _ in told}) == 1
    assert [(e["job"]["name"], e["eventType"]) for _, _, e in told] == [
        ("rides", "START"),
        ("bronze.rides", "START"),
        ("bronze.rides", "COMPLETE"),
        ("silver.rides", "START"),
        ("silver.rides", "COMPLETE"),
        ("rides", "COMPLETE"),
    ]


def test_every_event_in_a_topic_is_valid_by_the_specification(
    project: Path, ports: dict[str, int]
) -> None:
    schemas = [json.loads(path.read_text()) for path in SPEC.glob("*.json")]
    registry: Registry[Any] = Registry().with_resources(
        (schema["$id"], Resource.from_contents(schema)) for schema in schemas
    )
    _run(project, f'{{topic: valid, servers: ["127.0.0.1:{ports["open"]}"]}}')
    for _, _, event in _messages(ports["open"], "valid", 6):
        Draft202012Validator({"$ref": event["schemaURL"]}, registry=registry).validate(event)


def test_properties_of_the_client_open_a_secured_broker(
    project: Path, ports: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RIPPLES", "ripples")
    _, status, heard, _ = _run(project, _secured(ports, "${RIPPLES}"))
    assert (status, heard) == ("succeeded", [])
    assert len(_messages(ports["open"], "secret.lineage", 6)) == 6


def test_a_wrong_password_is_told_without_it_and_the_run_succeeds(
    project: Path, ports: dict[str, int]
) -> None:
    _, status, heard, _ = _run(project, _secured(ports, "tsunami"), ", timeout_s: 8")
    assert status == "succeeded"
    assert [one["code"] for one in heard] == ["LW880"]
    assert "uthentication" in heard[0]["problem"]
    assert "tsunami" not in heard[0]["problem"]


def _secured(ports: dict[str, int], password: str) -> str:
    properties = (
        "{security.protocol: SASL_PLAINTEXT, sasl.mechanism: PLAIN, sasl.username: lake, "
        f'sasl.password: "{password}", request.timeout.ms: 3000}}'
    )
    return (
        f'{{topic: secret.lineage, servers: "127.0.0.1:{ports["secured"]}", '
        f"properties: {properties}}}"
    )


def test_nobody_at_the_brokers_is_told_and_holds_a_run_up_no_longer_than_it_may(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    kafka = f'{{topic: rides, servers: "127.0.0.1:{free_port()}"}}'
    _, status, heard, seconds = _run(project, kafka, ", timeout_s: 1.5")
    assert status == "succeeded"
    assert len(heard) == 1
    assert heard[0]["code"] == "LW880"
    assert seconds < 20
    assert "FAIL" not in capfd.readouterr().err  # what the client itself would print


def test_a_property_that_the_client_has_not_is_told(project: Path) -> None:
    kafka = '{topic: rides, servers: "127.0.0.1:9", properties: {securty.protocol: SSL}}'
    _, status, heard, _ = _run(project, kafka)
    assert status == "succeeded"
    assert "securty.protocol" in heard[0]["problem"]


def test_without_the_extra_a_run_succeeds_and_says_how_to_install_it(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    _, status, heard, _ = _run(project, '{topic: rides, servers: "127.0.0.1:9"}')
    assert status == "succeeded"
    assert "pip install 'lakeworks[kafka]'" in heard[0]["problem"]
