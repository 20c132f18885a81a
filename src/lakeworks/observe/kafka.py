"""Bring OpenLineage events to a topic of Kafka.

The client is librdkafka's (`confluent-kafka`, the extra `kafka`), whose own properties say how
brokers are reached. One event is sent at a time and waited for, so that they stay in order and
each that is lost is known.
"""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any

from lakeworks.core.errors import MissingExtraError
from lakeworks.observe.errors import UndeliveredError

if TYPE_CHECKING:
    from confluent_kafka import Producer

    from lakeworks.project.openlineage import KafkaSettings

_LOGGER = logging.getLogger(__name__)
_LOGGER.addHandler(logging.NullHandler())  # else the client writes to standard error
_LOGGER.propagate = False


class KafkaDelivery:
    """A message for each event, keyed by the run, all steps of which share a partition."""

    def __init__(self, settings: KafkaSettings, *, timeout_s: float) -> None:
        self._settings = settings
        self._timeout_s = timeout_s
        self._producer: Producer | None = None
        self._trouble = ""

    def send(self, event: dict[str, Any]) -> None:
        """Send one event and wait until brokers have it."""
        try:
            from confluent_kafka import KafkaException
        except ImportError as error:
            raise MissingExtraError.needed("kafka", "OpenLineage to Kafka") from error

        outcome: list[str] = []
        self._trouble = ""
        try:
            producer = self._opened()
            producer.produce(
                self._settings.topic,
                key=run_of(event).encode(),
                value=json.dumps(event).encode(),
                on_delivery=lambda error, _: outcome.append(error.str() if error else ""),
            )
            self._wait(producer, outcome)
        except (KafkaException, BufferError, TypeError, ValueError) as error:
            raise self._failed(str(error)) from error
        if outcome[0]:
            raise self._failed(outcome[0])

    def close(self) -> None:
        """Drop what is still on its way, and the connections."""
        if self._producer is not None:
            self._producer.purge()
            self._producer.poll(0)
            self._producer = None

    def _opened(self) -> Producer:
        if self._producer is None:
            self._producer = _producer(self._settings, self._timeout_s, self._noticed)
        return self._producer

    def _wait(self, producer: Producer, outcome: list[str]) -> None:
        # The client gives a message up after its own time, and tells; a little is added to hear.
        deadline = time.monotonic() + self._timeout_s + 1.0
        while not outcome:
            left = deadline - time.monotonic()
            if left <= 0:
                producer.purge()
                outcome.append("no answer in time")
            else:
                producer.poll(min(left, 0.1))

    def _noticed(self, error: object) -> None:
        self._trouble = str(getattr(error, "str", lambda: error)())

    def _failed(self, reason: str) -> UndeliveredError:
        # "Local: Message timed out" alone does not say that nobody listens there.
        told = f"{reason} ({self._trouble})" if self._trouble else reason
        return UndeliveredError.kafka(self._settings.servers, self._settings.topic, told)


def run_of(event: dict[str, Any]) -> str:
    """Return the identifier of the whole run that an event is a part of."""
    parent = event["run"].get("facets", {}).get("parent")
    return str(parent["run"]["runId"] if parent else event["run"]["runId"])


def _producer(settings: KafkaSettings, timeout_s: float, noticed: Any) -> Producer:  # noqa: ANN401
    from confluent_kafka import Producer

    properties: dict[str, Any] = {
        "client.id": "lakeworks",
        "linger.ms": 0,
        "enable.idempotence": True,  # an event that is sent again is there once
        "message.timeout.ms": max(int(timeout_s * 1000), 1),
        **settings.properties,
        "bootstrap.servers": settings.servers,
        "error_cb": noticed,
        "logger": _LOGGER,
    }
    return Producer(properties)
