"""The commands that take no `--as`, each with the reason: no permission is for what they do.

They refuse the option by name, so that nobody believes to have worked under permissions. Every other
command has it; `tests/contract/test_principal_surfaces.py` wants one or the other of each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_RUNS = "runs act as the lake's owner"
_FILES = "it speaks of files and of everybody's queries, which no permission is on"
_QUERIES = "it tells of everybody's queries, which no permission is on"
_PROJECT = "the project's files are its owner's"
_OTHERS = "it opens the lake to others, as only its owner may"
_ENTRIES = "entries make the lake read files in its owner's name"
_SCHEMAS = "schemas are its owner's to change: no permission is on them"
_KEPT = "named queries are its owner's to keep: no permission is on them"
_NO_LAKE = "it reads files that you name, and no lake"
_ERASED = "its reports name every table that held somebody"

_SYSTEMS = "it tells of other systems, which no permission is on"

# Words of a command, to the reason.
OWNERS_ONLY: Mapping[str, str] = {
    "erase admit": _ERASED,
    "erase again": _ERASED,
    "erase list": _ERASED,
    "erase show": _ERASED,
    "init": _NO_LAKE,
    "demo": _NO_LAKE,
    "generate": _NO_LAKE,
    "quality check": _NO_LAKE,
    "quality fmt": _NO_LAKE,
    "check": _PROJECT,
    "catalogs list": _SYSTEMS,
    "catalogs refresh": _SYSTEMS,
    "catalogs show": _SYSTEMS,
    "catalogs test": _SYSTEMS,
    "doctor": _FILES,
    "health": _FILES,
    "storage": _FILES,
    "workgroups list": _QUERIES,
    "workgroups show": _QUERIES,
    "lifecycle show": _FILES,
    "lifecycle export": _FILES,
    "lifecycle apply": _RUNS,
    "lifecycle restore": _RUNS,
    "maintain": _RUNS,
    "vacuum": "it forgets snapshots of all tables, which takes more than a permission on one",
    "plan": _RUNS,
    "run": _RUNS,
    "rollback": "it publishes other versions of all tables, as runs do",
    "submit": _RUNS,
    "crawl": _ENTRIES,
    "crawlers": _ENTRIES,
    "catalog import": _ENTRIES,
    "registry register": _SCHEMAS,
    "registry set": _SCHEMAS,
    "registry delete": _SCHEMAS,
    "queries save": _KEPT,
    "queries drop": _KEPT,
    "serve sql": _OTHERS,
    "token create": _OTHERS,
    "token list": _OTHERS,
    "token revoke": _OTHERS,
}


def refuse_as(command: Any) -> None:  # noqa: ANN401 - click's
    """Let the commands that no permission is for refuse `--as` by name."""
    for words, why in OWNERS_ONLY.items():
        found = command
        for word in words.split():
            found = getattr(found, "commands", {}).get(word)
        if found is not None:
            found.params.append(_refusing(words, why))


def _refusing(words: str, why: str) -> Any:  # noqa: ANN401 - click's
    from typer.core import TyperOption

    def refuse(_context: object, _parameter: object, value: str | None) -> None:
        if value is not None:
            from lakeworks.permitted.errors import OwnerOnlyError

            raise OwnerOnlyError.command(f"lake {words}", why)

    return TyperOption(
        param_decls=["--as"], hidden=True, expose_value=False, is_eager=True, callback=refuse
    )
