"""`lake audit`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lakeworks.cli import render, say
from lakeworks.cli.errors import UnknownChoiceError, UsageError
from lakeworks.cli.options import (
    AsJson,
    AsPrincipal,
    EnvironmentName,
    Folder,
    instant,
    seen,
)
from lakeworks.core import clock
from lakeworks.core.errors import nearest

if TYPE_CHECKING:
    from lakeworks.catalog.audit_trail import AuditEntry
    from lakeworks.catalog.audit_verifying import Verification

SHOWN_ENTRIES = 50
_NOT_SHOWN = frozenset({"os_user", "policy_version", "query_id", "seconds"})
_FIRST = (
    "action", "sql", "tables", "to", "permissions", "resource", "where", "rows", "why", "error",
    "problem",
)  # fmt: skip


def register(app: typer.Typer) -> None:
    """Add this noun's commands."""
    app.command()(audit)


def audit(
    *,
    verify: Annotated[
        bool, typer.Option("--verify", help="Look whether any entry was changed or is gone.")
    ] = False,
    expect: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NUMBER:HASH",
            help="With --verify: a head that was kept elsewhere.",
            show_default=False,
        ),
    ] = None,
    principal: Annotated[
        str | None,
        typer.Option(metavar="PRINCIPAL", help="What one did: ana, role:analyst, operator.",
                     show_default=False),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(metavar="KIND", help="change, denial, query, …", show_default=False),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIMESTAMP", help="Not older; UTC without a zone.",
                     show_default=False),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many entries.")] = SHOWN_ENTRIES,
    as_: AsPrincipal = "",
    folder: Folder = None,
    environment: EnvironmentName = None,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Show who asked, granted and was refused what.

    --verify proves that nothing was changed or left out, and that only erasures took words such as
    SQL out of entries. With --as, only for lake administrators.
    """
    heads = [_head(text) for text in expect or ()]
    moment = instant(since) if since else None
    with seen(folder, environment, as_) as lake:
        if verify:
            _print_verified(lake.governance.verify_audit(heads), as_json=as_json)
            return
        found = lake.governance.audit_entries(
            principal=_spelt(principal), kind=kind, since=moment, limit=limit
        )
    if kind is not None and not found:
        _check_kind(kind)
    if as_json:
        say.as_json([_plain(one) for one in found])
    elif not found:
        say.line("The audit trail has no such entry.")
    else:
        now = clock.now()
        say.table(
            ["entry", "when", "principal", "what", ""],
            [[str(e.seq), render.age(e.at, now), e.principal, e.kind, _told(e)] for e in found],
        )


def _spelt(principal: str | None) -> str | None:
    """Return a principal as entries spell it: `ana` is `user:ana` here, too."""
    if principal is None or principal == "operator":
        return principal
    from lakeworks.governance import Principal

    return str(Principal.parse(principal))


def _print_verified(found: Verification, *, as_json: bool) -> None:
    if as_json:
        say.as_json(
            {
                "sound": found.sound,
                "entries": found.entries,
                "head": str(found.head),
                "heads_compared": found.marks,
                "entries_with_words": found.words,
                "entries_with_words_erased": found.words_erased,
                "breaks": list(found.breaks),
            }
        )
    elif found.sound:
        say.line(
            f"{render.plural(found.entries, 'entry', 'entries')}, none changed or missing."
        )
        if found.words_erased:
            told = render.plural(found.words_erased, "entry", "entries")
            say.line(
                f"Erasures took what was written out of {told}; the rest of each is there."
            )
        say.line(f"head: {found.head}")
    else:
        for line in found.breaks:
            say.line(say.bad(line))
        if not found.marks:
            say.line("No head is kept here, so entries may have been cut off the end.")
            say.line(
                "Give one that was kept elsewhere: lake audit --verify --expect NUMBER:HASH"
            )
    if not found.sound:
        raise typer.Exit(1)


def _head(text: str) -> Any:  # noqa: ANN401 - the catalog's type is not loaded for --help
    from lakeworks.catalog.audit_trail import parse_head

    try:
        return parse_head(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is no head", str(error)) from None


def _check_kind(kind: str) -> None:
    """Refuse a kind of which there are no entries, and which a lake does not write."""
    from lakeworks.catalog.audit_trail import KINDS

    if kind in KINDS:
        return
    close = nearest(kind.lower(), KINDS)
    guess = f"did you mean {close}? " if close else ""
    raise UnknownChoiceError(
        f"there is no kind of entry {kind!r}", f"{guess}there are {', '.join(KINDS)}"
    )


def _plain(entry: AuditEntry) -> dict[str, Any]:
    return {
        "seq": entry.seq,
        "at": entry.at.isoformat(),
        "kind": entry.kind,
        "principal": entry.principal,
        "detail": dict(entry.body),
        "words_erased": entry.words_erased,
        "hash": entry.hash,
    }


def _told(entry: AuditEntry) -> str:
    parts = []
    body = entry.body
    for key in (*(k for k in _FIRST if k in body), *(k for k in body if k not in _FIRST)):
        value = body[key]
        if key in _NOT_SHOWN or value in ("", None, [], {}):
            continue
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        parts.append(f"{key} {text}")
    if entry.words_erased:
        parts.append("(what was written is erased)")
    return render.text("; ".join(parts))
