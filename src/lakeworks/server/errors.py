"""What can go wrong with the service itself. Codes LW970 to LW979."""

from __future__ import annotations

from typing import Self

from lakeworks.core.errors import LakeError, RequestError


class NotAuthenticatedError(RequestError):
    """A client did not say who it is, or not truly."""

    code = "LW970"

    @classmethod
    def token(cls) -> Self:
        """Say how to get a token; not what is wrong with the one that was sent."""
        return cls(
            "this service answers clients with a valid token alone",
            "send the header Authorization: Bearer lw_…; lake token create makes one",
        )


class BadRequestError(RequestError):
    """A request that is not in the protocol."""

    code = "LW971"

    @classmethod
    def body(cls, reason: str) -> Self:
        """Say what is wrong with the body."""
        return cls(
            f"the request cannot be read: {reason}",
            "docs/reference/sql-service.md has them all",
        )

    @classmethod
    def nowhere(cls, path: str) -> Self:
        """Name a path that the service does not have."""
        return cls(f"the service has no {path}", "docs/reference/sql-service.md has all paths")


class OpenDoorError(RequestError):
    """The service would send tokens and rows through a network as they are."""

    code = "LW972"

    @classmethod
    def without_tls(cls, host: str) -> Self:
        """Say what to do."""
        return cls(
            f"listening on {host} without TLS would show tokens and rows to the network",
            "give --tls-certificate and --tls-key, or listen on 127.0.0.1 behind a proxy",
        )


class PortTakenError(LakeError):
    """The service cannot listen where it is to."""

    code = "LW973"

    @classmethod
    def at(cls, host: str, port: int, reason: str) -> Self:
        """Name the place."""
        return cls(
            f"the service cannot listen on {host}:{port}: {reason}", "choose another --port"
        )


class NotForThisTokenError(RequestError):
    """A valid token, but not for this path."""

    code = "LW974"

    @classmethod
    def metrics(cls) -> Self:
        """Say whose tokens read metrics."""
        return cls(
            "metrics tell of everyone's queries; this token may not read them",
            "use an owner's token, or name its principal: lake serve sql --metrics-for",
        )
