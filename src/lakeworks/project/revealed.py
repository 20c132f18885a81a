"""Settings of an environment with their secrets, for those who connect."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lakeworks.core import events
from lakeworks.core.redaction import hide
from lakeworks.project.secret_references import holds_reference, is_credential

if TYPE_CHECKING:
    from collections.abc import Callable

    from lakeworks.core.errors import LakeError
    from lakeworks.project.declaration import Environment
    from lakeworks.project.openlineage import OpenLineageSettings


def revealed_openlineage(environment: Environment) -> OpenLineageSettings:
    """Return what `openlineage:` says, with its secrets; only where there is one."""
    settings = environment.openlineage
    assert settings is not None  # noqa: S101 - asked for by the caller
    api_key, kafka = settings.api_key, settings.kafka
    if api_key is not None:
        api_key = environment.revealed(api_key, "openlineage.api_key")
        hide(api_key)
    if kafka is not None:
        given = {
            name: environment.revealed(value, f"openlineage.kafka.properties.{name}")
            for name, value in kafka.properties.items()
        }
        hide(*(value for name, value in given.items() if is_credential(name)))
        kafka = replace(kafka, properties=given)
    return replace(settings, api_key=api_key, kafka=kafka)


def fresh_url(settings: Environment) -> Callable[[bool], str] | None:
    """Return what gives the catalog's URL anew, where a secret in it may be replaced."""
    secrets = settings.secrets
    if secrets is None or not holds_reference(settings.catalog):
        return None

    def fresh(refused: bool) -> str:  # noqa: FBT001 - one of two words
        if refused:
            secrets.forget()
        return settings.revealed(settings.catalog, "catalog")

    return fresh


def tell_unchecked(error: LakeError) -> None:
    """Tell that a project was checked without what its secrets open."""
    file, _, rest = error.problem.partition(":")
    line, _, problem = rest.partition(":")
    told = f"{problem.strip()}; checked without the tables and files that it opens"
    events.emit(
        "check.doubt", file=file, line=int(line), code=error.code, problem=told, hint=error.hint
    )
