"""What is declared of tables, in the site's words: facts, code, external tables."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lakeworks.site import words
from lakeworks.site.facts import CodeFacts

if TYPE_CHECKING:
    from lakeworks.pipeline.state import Services
    from lakeworks.project.declaration import Model, Project, Source

_LOADS = {
    "append": "append: new rows are added",
    "merge": "merge: a row takes the place of the one with its key",
    "replace": "replace: made anew at every run",
    "partitions": "partitions: those with new input are made anew",
    "scd2": "scd2: every version of a row is kept, with the time it was valid",
}
_SCHEMAS = {
    "evolve": "evolve: new fields become columns",
    "rescue": "rescue: new fields go to _rescued",
    "strict": "strict: rows that do not fit are rejected",
}


def source_facts(source: Source) -> list[tuple[str, str]]:
    """Return how a source is read."""
    facts = [
        ("Files", without_user(source.declared_path)),
        ("Format", source.format or "guessed from the files"),
        ("Schema", _SCHEMAS[source.schema]),
        ("When a file changes", source.on_change),
        ("Landing", "files are kept" if source.landing == "copy" else "files stay in place"),
    ]
    if source.record_schema is not None:
        held = source.record_schema
        facts.append(("Record schema", f"{held.registry}/{held.schema}, {held.version}"))
    if source.max_rejected is not None:
        facts.append(("Rejected rows at most", str(source.max_rejected)))
    return [*facts, ("Declared in", source.at.file)]


def model_facts(model: Model) -> list[tuple[str, str]]:
    """Return how a model enters its table."""
    facts = [("Load", _LOADS[model.load])]
    facts += [("Key", ", ".join(model.key))] if model.key else []
    facts += [("Latest by", model.latest_by)] if model.latest_by else []
    if model.driving is not None and model.load != "replace":
        facts.append(("Reads what is new in", str(model.driving)))
    if model.max_rejected is not None:
        facts.append(("Rejected rows at most", str(model.max_rejected)))
    facts += [("Audit columns", "yes")] if model.audit else []
    return [*facts, ("Declared in", model.at.file)]


def freshness(seconds: int | None) -> list[tuple[str, str]]:
    """Return what is promised of a table's age."""
    return [] if seconds is None else [("Promised freshness", f"within {words.span(seconds)}")]


def code_of(project: Project, model: Model) -> CodeFacts | None:
    """Return a model's text as it stands in its file; None where the file cannot be read."""
    try:
        whole = (project.root / model.at.file).read_text(encoding="utf-8-sig")
    except (OSError, ValueError):
        return None
    if model.sql is None:
        return CodeFacts("python", model.at.file, whole.strip("\n"))
    header, text = "", whole.strip()
    if text.startswith("/*") and "*/" in text:
        header, _, text = text.removeprefix("/*").partition("*/")
    dialect = next(
        (
            line.partition(":")[2].strip()
            for line in header.splitlines()
            if line.startswith("dialect:")
        ),
        "",
    )
    return CodeFacts("sql", model.at.file, text.strip("\n"), header.strip("\n"), dialect)


def without_user(path: str) -> str:
    """Return a path or URL without the user and password that it may name."""
    parts = urlsplit(path) if "://" in path and "@" in path else None
    if parts is None or "@" not in parts.netloc:
        return path
    return path.replace(parts.netloc, parts.netloc.rpartition("@")[2], 1)


def location(services: Services, uri: str) -> str:
    """Return where a table lies: below the project's folder, as seen from there."""
    root = str(services.project.root)
    if uri.startswith(f"{root}/"):
        return uri[len(root) + 1 :]
    return without_user(uri)
