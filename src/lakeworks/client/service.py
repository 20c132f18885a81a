"""A connection to a lake's SQL service: ask, wait, read Arrow.

    service = SqlService("http://127.0.0.1:8765", token="lw_…")
    service.query("select * from gold.daily_sales").to_pandas()

The standard library and pyarrow only. Safe to use from several threads.
"""

from __future__ import annotations

import ipaddress
import json
import ssl
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from lakeworks.client.errors import ServiceError, ServiceUnreachableError, ServiceUrlError
from lakeworks.client.values import sendable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from http.client import HTTPResponse

    import pyarrow as pa

WAIT_S = 30.0
_SLACK_S = 30.0
_ENDED = frozenset({"succeeded", "failed", "cancelled"})


class SqlService:
    """One service, as one principal.

    Args:
        url: Its address.
        token: What `lake token create` printed.
        workgroup: Where queries run.
        ca: A file of certificates (PEM) that vouch for the service, instead of the system's.
        allow_http: Whether a token may be sent to another machine as it is, without TLS.
        dialect: What queries are written in, `duckdb` or `athena`; the workgroup's when empty.

    Raises:
        ServiceUrlError: that is no address, or a token would cross the network unprotected.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str = "",
        workgroup: str = "primary",
        ca: str | None = None,
        allow_http: bool = False,
        dialect: str = "",
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ServiceUrlError.of(url)
        if parts.scheme == "http" and token and not (allow_http or _is_here(parts.hostname)):
            raise ServiceUrlError.unprotected(parts.hostname)
        self._tls = _tls(ca) if parts.scheme == "https" else None
        self._url = url.rstrip("/")
        self._token = token
        self.workgroup = workgroup
        self.dialect = dialect

    def query(
        self,
        sql: str,
        parameters: Sequence[Any] | Mapping[str, Any] | None = None,
        **settings: Any,  # noqa: ANN401 - `at`, `limit`, `timeout_s`, `reuse_s`
    ) -> pa.Table:
        """Ask one query and return its rows.

        Args:
            sql: A SELECT, or another statement.
            parameters: Values for `?` by position or `$name` by name: texts, numbers, dates,
                times, bytes, lists and mappings of them.
            settings: `at` (a moment or a snapshot), `limit`, `timeout_s`, `reuse_s`, `dialect`.

        Raises:
            ServiceError: the service refused it, or it failed; says why.
            ServiceUnreachableError: nobody answers.
            UnsendableValueError: a parameter is of another type.
        """
        execution = self.wait(self.start(sql, parameters, **settings))
        return self.result(execution["execution_id"])

    def start(
        self,
        sql: str,
        parameters: Sequence[Any] | Mapping[str, Any] | None = None,
        **settings: Any,  # noqa: ANN401
    ) -> str:
        """Ask a query and return its execution's identifier at once."""
        body = {"sql": sql, "workgroup": self.workgroup, **settings}
        if self.dialect:
            body.setdefault("dialect", self.dialect)
        if parameters:
            named = hasattr(parameters, "keys")
            body["parameters"] = sendable(parameters if named else list(parameters))
        return str(self._json("POST", "/v1/queries", body)["execution_id"])

    def wait(self, execution_id: str) -> dict[str, Any]:
        """Wait until a query ended; return how.

        Raises:
            ServiceError: it failed or was cancelled.
        """
        path = f"/v1/queries/{quote(execution_id)}?{urlencode({'wait_s': WAIT_S})}"
        while (found := self._json("GET", path))["state"] not in _ENDED:
            pass
        if found["state"] != "succeeded":
            told = found["error"] or {"problem": found["reason"]}
            raise ServiceError.of(told)
        return found

    def get(self, execution_id: str) -> dict[str, Any]:
        """Return how a query stands."""
        return self._json("GET", f"/v1/queries/{quote(execution_id)}")

    def cancel(self, execution_id: str) -> dict[str, Any]:
        """Stop a query."""
        return self._json("DELETE", f"/v1/queries/{quote(execution_id)}")

    def result(self, execution_id: str) -> pa.Table:
        """Return the rows of a query that succeeded."""
        import pyarrow as pa

        with self._sent("GET", f"/v1/queries/{quote(execution_id)}/result") as answer:
            return pa.ipc.open_stream(answer).read_all()

    def recent(self) -> list[dict[str, Any]]:
        """Return this principal's last queries."""
        found: list[dict[str, Any]] = self._json("GET", "/v1/queries")["queries"]
        return found

    def tables(self) -> list[str]:
        """Return the tables that this principal may read."""
        found: list[str] = self._json("GET", "/v1/tables")["tables"]
        return found

    def columns(self, table: str) -> list[tuple[str, str]]:
        """Return the columns of a table that this principal sees: name and type."""
        found = self._json("GET", f"/v1/tables/{quote(table, safe='')}")["columns"]
        return [(one["name"], one["type"]) for one in found]

    def workgroups(self) -> list[dict[str, Any]]:
        """Return the workgroups that this principal may use, with their accounts."""
        found: list[dict[str, Any]] = self._json("GET", "/v1/workgroups")["workgroups"]
        return found

    def _json(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        with self._sent(method, path, body) as answer:
            found: dict[str, Any] = json.loads(answer.read())
            return found

    def _sent(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> HTTPResponse:
        request = urllib.request.Request(  # noqa: S310 - the scheme was looked at
            self._url + path,
            method=method,
            data=None if body is None else json.dumps(body, default=str).encode(),
            headers={"content-type": "application/json"},
        )
        if self._token:
            # Not among the headers that a redirect to another host would carry on.
            request.add_unredirected_header("authorization", f"Bearer {self._token}")
        try:
            answer: HTTPResponse = urllib.request.urlopen(  # noqa: S310
                request, timeout=WAIT_S + _SLACK_S, context=self._tls
            )
        except urllib.error.HTTPError as error:
            with error:
                raise ServiceError.of(_told(error), status=error.code) from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise ServiceUnreachableError.at(self._url, str(reason)) from None
        return answer


def _is_here(host: str) -> bool:
    """Whether a host is this machine, by name or number."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _tls(ca: str | None) -> ssl.SSLContext:
    try:
        found = ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        raise ServiceUrlError.authority(str(ca), error.strerror or str(error)) from None
    found.minimum_version = ssl.TLSVersion.TLSv1_2
    return found


def _told(error: urllib.error.HTTPError) -> dict[str, str]:
    try:
        found: dict[str, str] = json.loads(error.read())["error"]
    except (ValueError, KeyError, TypeError, OSError):
        return {"problem": f"the service answered {error.code} {error.reason}"}
    return found
