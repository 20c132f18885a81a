"""Bring OpenLineage events to a file, an HTTP endpoint or a topic of Kafka."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from lakeworks.observe.errors import UndeliveredError

if TYPE_CHECKING:
    from lakeworks.project.openlineage import OpenLineageSettings

_PATH = "/api/v1/lineage"


class Delivery(Protocol):
    """Takes events one by one, in the order in which they happened."""

    def send(self, event: dict[str, Any]) -> None:
        """Bring one event to where it belongs.

        Raises:
            UndeliveredError: it could not be brought there.
        """
        ...

    def close(self) -> None:
        """Let go of what it holds; nothing is sent any more."""
        ...


def delivery_of(settings: OpenLineageSettings) -> Delivery:
    """Return the way that an environment declares."""
    if settings.file is not None:
        return FileDelivery(Path(settings.file))
    if settings.kafka is not None:
        from lakeworks.observe.kafka import KafkaDelivery

        return KafkaDelivery(settings.kafka, timeout_s=settings.timeout_s)
    assert settings.url is not None  # noqa: S101 - one of the three: the loader's promise
    return HttpDelivery(settings.url, api_key=settings.api_key, timeout_s=settings.timeout_s)


class FileDelivery:
    """One event a line, at the end of a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def send(self, event: dict[str, Any]) -> None:
        """Write one line; a line is written whole or not at all by most systems."""
        line = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as error:
            raise UndeliveredError.file(str(self.path), error) from error

    def close(self) -> None:
        """Do nothing: the file is closed after each line."""


class HttpDelivery:
    """A POST for each event."""

    def __init__(self, url: str, *, api_key: str | None, timeout_s: float) -> None:
        parts = urlsplit(url)
        bare = parts.path in {"", "/"}
        self.url = url.rstrip("/") + _PATH if bare and not parts.query else url
        self.shown = (
            f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"
        )
        self._headers = {"Content-Type": "application/json"}
        if api_key:
            self._headers["Authorization"] = f"Bearer {api_key}"
        self._timeout_s = timeout_s

    def send(self, event: dict[str, Any]) -> None:
        """Send one event and wait for the answer."""
        from http.client import HTTPException
        from urllib.error import HTTPError
        from urllib.request import Request, urlopen

        body = json.dumps(event).encode()
        request = Request(self.url, data=body, headers=self._headers, method="POST")  # noqa: S310 - http(s) only: the loader's promise
        try:
            with urlopen(request, timeout=self._timeout_s) as answer:  # noqa: S310
                answer.read()
        except HTTPError as error:
            with error:
                raise UndeliveredError.answered(self.shown, error.code) from error
        except (OSError, HTTPException, ValueError) as error:
            raise UndeliveredError.unreachable(self.shown, error) from error

    def close(self) -> None:
        """Do nothing: each event has a connection of its own."""
