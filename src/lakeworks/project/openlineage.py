"""Who is told what runs read and write, as an environment declares it. Pure data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """`openlineage: {kafka: …}`: a topic that takes events.

    Attributes:
        servers: Where brokers answer first: `host:port`, several separated by commas.
        properties: Of the client (librdkafka), such as `security.protocol`.
    """

    topic: str
    servers: str
    properties: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class OpenLineageSettings:
    """`openlineage:` of an environment: who is told what runs read and write.

    One of `url`, `file` and `kafka` is set.

    Attributes:
        url: Takes each event as a POST; without a path, `/api/v1/lineage` is added.
        file: An absolute path; each event is a line of JSON at its end.
        kafka: A topic; the key of each event is its run's identifier.
        namespace: Of jobs; the lake's name where it is left out.
        api_key: Sent as a bearer token.
    """

    url: str | None = None
    file: str | None = None
    kafka: KafkaSettings | None = None
    namespace: str | None = None
    api_key: str | None = field(default=None, repr=False)
    timeout_s: float = 5.0
