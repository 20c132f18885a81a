"""What is wrong with a project's secrets, and with the connections that carry them.

Values are resolved to see whether they can be, and never shown.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from lakeworks.core.errors import LakeError
from lakeworks.core.redaction import SHORTEST, is_short
from lakeworks.pipeline.findings import Finding
from lakeworks.project.clear_text import clear_text_secrets
from lakeworks.project.secret_references import SecretReference, references_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lakeworks.project.declaration import Environment, Project

UNRESOLVED = "secret"
_CHECKED = frozenset({"require", "verify-ca", "verify-full"})


def examine(project: Project) -> Iterator[Finding]:
    """Yield what was found in lake.yml and the chosen environment."""
    yield from _unresolved(project)
    for at, key in clear_text_secrets(project.root):
        yield Finding(
            "secret in clear text",
            str(at),
            f"{key} holds a secret in clear text",
            "warning",
            "keep it elsewhere, and write ${secret:env:NAME}, ${secret:file:PATH} or "
            "${secret:aws:NAME#KEY}",
        )
    yield from _open_connections(project.environment)


def _unresolved(project: Project) -> Iterator[Finding]:
    environment = project.environment
    secrets = environment.secrets
    if secrets is None:
        return
    written = [(environment.at(key), key, text) for key, text in _written(environment).items()]
    for catalog in project.catalogs.values():
        written += [(catalog.line(key), key, str(one)) for key, one in catalog.settings.items()]
    for at, key, text in written:
        for reference in references_in(text):
            if not isinstance(reference, SecretReference):
                continue  # a mistake that the loader told
            try:
                value = secrets.value(reference, at)
            except LakeError as error:
                problem = error.problem.removeprefix(f"{at}: ")
                yield Finding(UNRESOLVED, f"{at} {key}", problem, "error", error.hint)
                continue
            if is_short(value):
                yield Finding(
                    "short secret",
                    f"{at} {key}",
                    f"the secret {reference} has fewer than {SHORTEST} characters",
                    "warning",
                    "take a longer one: this one cannot be told from ordinary text in messages",
                )


def _written(environment: Environment) -> Mapping[str, str]:
    """Return the values of an environment that may hold references, as they are written."""
    found = {"catalog": environment.catalog}
    options = environment.options
    written = getattr(options, "written", options)
    found |= {f"s3.{name}": str(value) for name, value in written.items()}
    if environment.mask_salt:
        found["mask_salt"] = environment.mask_salt
    told = environment.openlineage
    if told is not None and told.api_key:
        found["openlineage.api_key"] = told.api_key
    if told is not None and told.kafka is not None:
        properties = told.kafka.properties.items()
        found |= {f"openlineage.kafka.properties.{name}": value for name, value in properties}
    return found


def _open_connections(environment: Environment) -> Iterator[Finding]:
    written = _written(environment)
    urls = {"s3.endpoint": written.get("s3.endpoint", "")}
    if environment.openlineage is not None and environment.openlineage.url:
        urls["openlineage.url"] = environment.openlineage.url
    if environment.secrets is not None:
        urls["secrets.endpoint"] = environment.secrets.settings.endpoint
    for key, url in urls.items():
        if url.startswith("http://") and not _is_loopback(urlsplit(url).hostname or ""):
            yield Finding(
                "connection without TLS",
                f"{environment.at(key)} {key}",
                "keys and data cross the network in clear text",
                "warning",
                "use https://",
            )
    yield from _open_catalog(environment)


def _open_catalog(environment: Environment) -> Iterator[Finding]:
    try:
        parts = urlsplit(environment.catalog)
        host = parts.hostname or ""
    except ValueError:
        return
    if not parts.scheme.startswith("postgres") or not host or _is_loopback(host):
        return
    mode = parse_qs(parts.query).get("sslmode", [""])[0]
    if mode not in _CHECKED:
        yield Finding(
            "connection without TLS",
            f"{environment.at('catalog')} catalog",
            "the connection to the database may be in clear text",
            "warning",
            "add ?sslmode=verify-full&sslrootcert=FILE to its URL, or sslmode=require at least",
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
