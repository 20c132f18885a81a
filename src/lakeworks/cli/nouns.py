"""Which file of this package has which commands, so that a command line loads one of them.

Making all of some eighty commands takes longer than a small query. `lake query` needs one.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import typer

# By file, in the order of `lake --help`.
NOUNS: Mapping[str, tuple[str, ...]] = {
    "project": ("init", "check"),
    "runs": ("plan", "run", "rollback"),
    "submit": ("submit",),
    "table": ("tables", "show", "history", "optimize", "vacuum"),
    "crawl": ("crawl", "crawlers"),
    "care": ("maintain", "health", "storage"),
    "lifecycle": ("lifecycle",),
    "catalog": ("catalog",),
    "search": ("search",),
    "lineage": ("lineage", "impact"),
    "query": ("query",),
    "privacy": ("erase", "subject"),
    "queries": ("queries",),
    "catalogs": ("catalogs",),
    "shell": ("shell",),
    "quality": ("quality",),
    "registry": ("registry",),
    "quarantine": ("quarantine",),
    "governance": (
        "grant", "revoke", "permissions", "principals", "tag", "classify", "audit",
    ),
    "serve": ("serve",),
    "token": ("token",),
    "workgroups": ("workgroups",),
    "docs": ("docs",),
    "doctor": ("doctor",),
    "sample": ("generate",),
    "demo": ("demo",),
}  # fmt: skip


def register(app: typer.Typer, word: str = "") -> None:
    """Add the commands of the file that has one of this name; of all where none has, or no name."""
    found = [file for file, words in NOUNS.items() if word in words]
    for file in found or NOUNS:
        import_module(f"lakeworks.cli.{file}").register(app)
