"""Find secrets that stand in clear text in lake.yml. What is found is named, never shown."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lakeworks.project.errors import Mistakes
from lakeworks.project.secret_references import is_credential
from lakeworks.project.texts import read_declaration
from lakeworks.project.yaml_lines import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LAKE_FILE = "lake.yml"
# They name secrets, or are no secrets though their names sound so.
_HARMLESS = frozenset({"submit.secrets", "secrets", "s3.access_key_id"})


def clear_text_secrets(root: Path) -> Iterator[tuple[str, int]]:
    """Yield the keys of lake.yml, of every environment, whose value is a secret, with lines."""
    mistakes = Mistakes()
    text = read_declaration(root / LAKE_FILE, LAKE_FILE, mistakes)
    # Without variables, what comes from one still begins with `${`.
    document = read_yaml(text, LAKE_FILE, mistakes) if text is not None else None
    if document is None:
        return
    for path, line in document.lines.items():
        if len(path) < 3 or path[0] != "environments":  # noqa: PLR2004
            continue
        key = ".".join(str(part) for part in path[2:])
        if any(key == one or key.startswith(f"{one}.") for one in _HARMLESS):
            continue
        try:
            value: object = document.value
            for part in path:
                value = value[part]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            continue
        if isinstance(value, str) and "${" not in value and _is_secret(key, value):
            yield ".".join(str(part) for part in path), line


def _is_secret(key: str, value: str) -> bool:
    if key == "catalog":
        try:
            return bool(urlsplit(value).password)
        except ValueError:
            return False
    return bool(value) and is_credential(key)
