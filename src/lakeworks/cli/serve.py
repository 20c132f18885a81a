"""`lake serve`: the SQL service over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lakeworks.cli import say
from lakeworks.cli.errors import OptionsError
from lakeworks.cli.options import EnvironmentName, Folder, opened

PORT = 8765


def register(app: typer.Typer) -> None:
    """Add this noun's commands."""
    serving = typer.Typer(no_args_is_help=True, help="Answer clients over the network.")
    serving.command("sql")(sql)
    app.add_typer(serving, name="serve")


def sql(
    *,
    host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535)] = PORT,
    processes: Annotated[
        int | None,
        typer.Option(
            min=1, help="How many queries run side by side; default: one a core.",
            show_default=False,
        ),
    ] = None,
    tls_certificate: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The certificate, as PEM.", show_default=False),
    ] = None,
    tls_key: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Its key, as PEM.", show_default=False),
    ] = None,
    metrics_for: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PRINCIPAL", show_default=False,
            help="Who may read /v1/metrics beside the lake's owner; may be given again.",
        ),
    ] = None,
    folder: Folder = None,
    environment: EnvironmentName = None,
) -> None:  # fmt: skip
    """Answer SQL over HTTP, each client under its own permissions.

    Clients send a token that `lake token create` made. Each query runs in a process of its own,
    under the limits of its workgroup. Ctrl-C ends the service.
    """
    from lakeworks.governance.principals import Principal
    from lakeworks.server.sql.serving import opened_executions, serve

    if (tls_certificate is None) != (tls_key is None):
        raise OptionsError.together("--tls-certificate", "--tls-key")
    tls = (tls_certificate, tls_key) if tls_certificate and tls_key else None
    with (
        opened(folder, environment) as lake,
        opened_executions(lake, environment=environment, processes=processes) as executions,
    ):
        serve(
            lake,
            executions,
            host=host,
            port=port,
            tls=tls,
            metrics_for=[str(Principal.parse(one)) for one in metrics_for or ()],
            ready=lambda url: say.remark(f"The SQL service of {lake.project.name} is at {url}"),
        )
