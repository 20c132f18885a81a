"""Write a new project from a template: a folder of `templates/`, copied file by file.

Only `lake.yml` is altered on the way: its first line takes the new lake's name.
"""

from __future__ import annotations

import re
from pathlib import Path

from lakeworks.core.names import is_identifier
from lakeworks.project.environments import LAKE_FILE
from lakeworks.project.errors import TemplateRefusedError

TEMPLATES = Path(__file__).parent / "templates"
_NAME_LINE = re.compile(r"^name:.*$", re.MULTILINE)
_NOT_A_NAME = re.compile(r"[^a-z0-9]+")
# Often there before the project is: it stays as it is.
_KEPT = ".gitignore"
_NOT_COPIED = frozenset({"__pycache__", ".lake"})


def template_names() -> list[str]:
    """Return the templates there are."""
    return sorted(path.name for path in TEMPLATES.iterdir() if (path / LAKE_FILE).is_file())


def write_template(directory: Path, template: str, *, name: str | None = None) -> list[Path]:
    """Write the files of a new project; return their paths, `lake.yml` first.

    Everything is checked before the first file is written; nothing there is overwritten.

    Args:
        directory: The project's folder; made when it does not exist.
        template: One of `template_names()`.
        name: The lake's name; made of the folder's by default.

    Raises:
        TemplateRefusedError: there is no such template, the folder holds a project or a file of
            the same name, or it cannot be written.
    """
    known = template_names()
    if template not in known:
        raise TemplateRefusedError.unknown(template, known)
    lake = lake_name(directory) if name is None else name
    if not is_identifier(lake):
        raise TemplateRefusedError.misnamed(lake)
    source = TEMPLATES / template
    files = [path for path in sorted(source.rglob("*")) if _is_copied(path, source)]
    targets = {path: directory / path.relative_to(source) for path in files}
    _refuse_occupied(directory, list(targets.values()))
    if (directory / _KEPT).exists():
        targets.pop(source / _KEPT, None)
    try:
        for path, target in targets.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            text = path.read_text(encoding="utf-8")
            if target == directory / LAKE_FILE:
                text = _NAME_LINE.sub(f"name: {lake}", text, count=1)
            target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise TemplateRefusedError.unwritable(directory, error) from error
    return sorted(targets.values(), key=lambda path: (path.name != LAKE_FILE, path))


def lake_name(directory: Path) -> str:
    """Return the name of a lake in `directory`: the folder's, in letters names may have."""
    name = _NOT_A_NAME.sub("_", directory.resolve().name.lower()).strip("_")
    if name[:1].isdigit():
        name = f"lake_{name}"
    return name[:64] or "lake"


def _is_copied(path: Path, source: Path) -> bool:
    return path.is_file() and not _NOT_COPIED & set(path.relative_to(source).parts)


def _refuse_occupied(directory: Path, targets: list[Path]) -> None:
    if (directory / LAKE_FILE).exists():
        raise TemplateRefusedError.occupied(directory)
    if directory.exists() and not directory.is_dir():
        raise TemplateRefusedError.in_the_way(directory)
    for target in targets:
        if target.exists() and target.name != _KEPT:
            raise TemplateRefusedError.in_the_way(target)
