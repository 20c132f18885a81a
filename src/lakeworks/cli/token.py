"""`lake token`: with which clients of the SQL service say who they are."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lakeworks.cli import say
from lakeworks.cli.errors import OptionsError
from lakeworks.cli.options import AsJson, EnvironmentName, Folder, opened

if TYPE_CHECKING:
    from lakeworks.catalog.access_tokens import AccessToken


def register(app: typer.Typer) -> None:
    """Add this noun's commands."""
    tokens = typer.Typer(no_args_is_help=True, help="Tokens of the SQL service's clients.")
    tokens.command("create")(create)
    tokens.command("list")(list_)
    tokens.command("revoke")(revoke)
    app.add_typer(tokens, name="token")


def create(
    principal: Annotated[
        str,
        typer.Argument(help="Whose permissions its holder has, such as ana or role:analyst."),
    ] = "",
    *,
    owner: Annotated[
        bool, typer.Option("--owner", help="For the lake's owner, who sees everything.")
    ] = False,
    lasts: Annotated[
        str | None,
        typer.Option(
            metavar="AGE", help="How long it opens, such as 30d; default: until it is revoked.",
            show_default=False,
        ),
    ] = None,
    description: Annotated[str, typer.Option(help="What it is for.", show_default=False)] = "",
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Make a token and print it, this once; the lake keeps only its hash."""
    from lakeworks.governance.principals import Principal
    from lakeworks.project.limits import age_s

    if bool(principal) == owner:
        raise OptionsError.one_of("a principal", "--owner")
    seconds = age_s(lasts) if lasts else None
    if lasts and seconds is None:
        raise OptionsError.age("--lasts", lasts)
    with opened(folder, environment) as lake:
        who = str(Principal.parse(principal)) if principal else ""
        made, text = lake.catalog.access_tokens.create(
            who,
            description=description,
            lasts=timedelta(seconds=seconds) if seconds else None,
        )
    if as_json:
        say.as_json({**_shown(made), "token": text})
        return
    say.line(text)
    say.remark("It is shown this once. Clients send it as: Authorization: Bearer …")


def list_(
    *, folder: Folder = None, environment: EnvironmentName = None, as_json: AsJson = False
) -> None:
    """List the tokens; their secrets are not kept."""
    with opened(folder, environment) as lake:
        found = lake.catalog.access_tokens.list()
    if as_json:
        say.as_json([_shown(one) for one in found])
        return
    rows = [
        (
            one.token_id,
            one.principal or "the owner",
            one.description,
            f"{one.created_at:%Y-%m-%d %H:%M}",
            ("expired" if one.expired else f"{one.expires_at:%Y-%m-%d %H:%M}")
            if one.expires_at
            else "when revoked",
        )
        for one in found
    ]
    say.table(("token", "principal", "description", "created", "ends"), rows)


def revoke(
    token: Annotated[str, typer.Argument(help="Its identifier, as lake token list shows it.")],
    *,
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:
    """Let a token open nothing any more, at once."""
    with opened(folder, environment) as lake:
        lake.catalog.access_tokens.revoke(token)
    if as_json:
        say.as_json({"revoked": token})
        return
    say.line(f"The token {token} opens nothing any more.")


def _shown(token: AccessToken) -> dict[str, Any]:
    return {
        "token_id": token.token_id,
        "principal": token.principal,
        "description": token.description,
        "created_at": token.created_at.isoformat(),
        "expires_at": token.expires_at.isoformat() if token.expires_at else None,
    }
