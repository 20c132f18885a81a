"""What can go wrong between a client and the SQL service. Codes LW980 to LW989."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from lakeworks.core.errors import LakeError, RequestError

if TYPE_CHECKING:
    from collections.abc import Mapping


class ServiceUnreachableError(LakeError):
    """No service answers at the address."""

    code = "LW980"
    retryable = True

    @classmethod
    def at(cls, url: str, reason: str) -> Self:
        """Name the address; it holds no secret."""
        hint = "is it running? lake serve sql starts it"
        if "WRONG_VERSION_NUMBER" in reason:
            hint = "it speaks no TLS: write http://"
        elif "CERTIFICATE_VERIFY_FAILED" in reason:
            hint = "name the authority that signed its certificate: ca='authority.pem'"
        elif url.startswith("http://") and "closed connection" in reason:
            hint = "where it speaks TLS, write https://"
        return cls(f"the SQL service at {url} does not answer: {reason}", hint)


class ServiceError(LakeError):
    """The service refused a request, or a query failed there.

    Attributes:
        told: The service's own words: `code`, `kind`, `problem`, `hint`.
        wrong_request: Whether the request is what is wrong.
    """

    code = "LW981"

    def __init__(self, problem: str, hint: str = "") -> None:
        super().__init__(problem, hint)
        self.told: Mapping[str, str] = {}
        self.wrong_request = False

    @classmethod
    def of(cls, told: Mapping[str, str], *, status: int = 500) -> Self:
        """Repeat what the service said."""
        found = cls(told.get("problem", "the request failed"), told.get("hint", ""))
        found.told = dict(told)
        found.wrong_request = 400 <= status < 500  # noqa: PLR2004 - HTTP's client errors
        return found


class UnsendableValueError(RequestError):
    """A parameter has a type that SQL has no literal for."""

    code = "LW983"

    @classmethod
    def of(cls, value: object) -> Self:
        """Name the type; the value may be secret."""
        return cls(
            f"a value of type {type(value).__name__} cannot stand in a statement",
            "give texts, numbers, dates, times, bytes, or lists and mappings of them",
        )


class ServiceUrlError(RequestError):
    """An address that is none."""

    code = "LW982"

    @classmethod
    def of(cls, url: str) -> Self:
        """Show a right one."""
        return cls(
            f"{url[:80]!r} is no address of a SQL service", "write http://127.0.0.1:8765"
        )

    @classmethod
    def unprotected(cls, host: str) -> Self:
        """Say what would cross the network."""
        return cls(
            f"http:// would show the token to everyone between here and {host}",
            "write https://, or say allow_http where another layer protects the connection",
        )

    @classmethod
    def authority(cls, file: str, reason: str) -> Self:
        """Say why a file of certificates is of no use."""
        return cls(f"the certificates in {file} cannot be used: {reason}", "give a PEM file")
