"""Find secrets in clear text in lake.yml and catalogs/. They are named, never shown."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lakeworks.project.declaration import Location
from lakeworks.project.errors import Mistakes
from lakeworks.project.secret_references import is_credential
from lakeworks.project.texts import files_below, read_declaration
from lakeworks.project.yaml_lines import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lakeworks.project.yaml_lines import Document

LAKE_FILE = "lake.yml"
# They name secrets, or are no secrets though their names sound so.
_HARMLESS = frozenset({"submit.secrets", "secrets", "s3.access_key_id"})


def clear_text_secrets(root: Path) -> Iterator[tuple[Location, str]]:
    """Yield where a value is a secret, in whatever environment, and its key."""
    for path in (root / LAKE_FILE, *files_below(root / "catalogs")):
        if path.suffix not in {".yml", ".yaml"}:
            continue
        file = path.relative_to(root).as_posix()
        mistakes = Mistakes()
        text = read_declaration(path, file, mistakes)
        # Without variables, what comes from one still begins with `${`.
        document = read_yaml(text, file, mistakes) if text is not None else None
        if document is not None:
            yield from _of(document, begin=2 if file == LAKE_FILE else 0)


def _of(document: Document, *, begin: int) -> Iterator[tuple[Location, str]]:
    """Yield the secrets of one file, whose settings stand so deep in it."""
    for path, line in document.lines.items():
        if len(path) <= begin or (begin and path[0] != "environments"):
            continue
        key = ".".join(str(part) for part in path[begin:])
        if any(key == one or key.startswith(f"{one}.") for one in _HARMLESS):
            continue
        try:
            value: object = document.value
            for part in path:
                value = value[part]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            continue
        if isinstance(value, str) and "${" not in value and _is_secret(key, value):
            yield Location(document.file, line), ".".join(str(part) for part in path)


def _is_secret(key: str, value: str) -> bool:
    if key == "catalog":
        try:
            return bool(urlsplit(value).password)
        except ValueError:
            return False
    return bool(value) and is_credential(key)
