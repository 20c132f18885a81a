"""The options that every command takes, and how a command opens its lake."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lakeworks.cli.errors import MomentError, OptionsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakeworks.lake import Lake
    from lakeworks.permitted.lake import PermittedLake

    AnyLake = Lake | PermittedLake

Folder = Annotated[
    Path | None,
    typer.Option(
        "-C",
        metavar="DIR",
        help="The project's folder; default: the current one, or a parent with a lake.yml.",
        show_default=False,
    ),
]
EnvironmentName = Annotated[
    str | None,
    typer.Option(
        "--env",
        metavar="NAME",
        help="The environment of lake.yml; default: its first.",
        show_default=False,
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print the result as JSON.", show_default=False)
]
Dialect = Annotated[
    str,
    typer.Option(
        "--dialect",
        metavar="NAME",
        help="What the SQL is written in: duckdb, or athena (Trino's).",
        show_default=False,
    ),
]


def _somebody(context: typer.Context, parameter: typer.CallbackParam, value: str) -> str:
    """Refuse `--as ""`: an unset variable of a script would else make it the owner's."""
    source = context.get_parameter_source(str(parameter.name))
    if not value and source is not None and source.name != "DEFAULT":
        raise OptionsError.nobody("--as")
    return value


AsPrincipal = Annotated[
    str,
    typer.Option(
        "--as",
        metavar="PRINCIPAL",
        help="Under the permissions of this principal (ana, role:analyst); default: the lake's "
        "owner, who sees everything.",
        show_default=False,
        callback=_somebody,
    ),
]


def opened(folder: Path | None, environment: str | None) -> Lake:
    """Open the lake of the project in `folder` or above the current one."""
    from lakeworks.lake import Lake

    return Lake.open(folder or Path(), environment=environment)


@contextmanager
def seen(
    folder: Path | None, environment: str | None, principal: str
) -> Iterator[Lake | PermittedLake]:
    """Open the lake as a principal may see it; as its owner where none is named."""
    with opened(folder, environment) as lake:
        yield lake.as_principal(principal) if principal else lake


def permitted(lake: AnyLake) -> PermittedLake | None:
    """Return the lake where it is a principal's view; None of the owner's."""
    from lakeworks.permitted.lake import PermittedLake

    return lake if isinstance(lake, PermittedLake) else None


def owned(lake: AnyLake) -> Lake | None:
    """Return the lake where it is the owner's; None of a principal's view."""
    from lakeworks.permitted.lake import PermittedLake

    return None if isinstance(lake, PermittedLake) else lake


def moment_or_snapshot(written: str) -> datetime | int:
    """Read a point in time, or the number of a snapshot.

    Raises:
        MomentError: it is neither.
    """
    return int(written) if written.isdecimal() else instant(written)


def instant(written: str) -> datetime:
    """Read a point in time as a user writes it; without a zone it is UTC.

    Raises:
        MomentError: it is not an ISO 8601 date or timestamp.
    """
    try:
        read = datetime.fromisoformat(written)
    except ValueError:
        raise MomentError.unreadable(written) from None
    return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
