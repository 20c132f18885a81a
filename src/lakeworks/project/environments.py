"""Read lake.yml and make the chosen environment of it: paths absolute, sizes in bytes."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from lakeworks.core.errors import LakeError, did_you_mean
from lakeworks.core.names import is_identifier
from lakeworks.core.redaction import hide
from lakeworks.project.declaration import (
    Environment,
    Location,
    SparkSettings,
    SubmitSettings,
)
from lakeworks.project.errors import INCOMPLETE, NAME_REFUSED, WRONG_VALUE
from lakeworks.project.limits import age_s
from lakeworks.project.locations import S3, Refused, resolved
from lakeworks.project.openlineage import KafkaSettings, OpenLineageSettings
from lakeworks.project.secret_references import (
    SecretOptions,
    Secrets,
    SecretSettings,
    holds_reference,
    is_reference,
)
from lakeworks.project.sizes import size_bytes
from lakeworks.project.yaml_lines import read_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakeworks.project.declared_yaml import EnvironmentYaml, LakeYaml
    from lakeworks.project.errors import Mistakes
    from lakeworks.project.yaml_lines import Document

LAKE_FILE = "lake.yml"
DEFAULT_ENVIRONMENT = "dev"
DEFAULT_STORAGE = ".lake"
ENGINES = ("duckdb", "spark")
_SQLITE = "sqlite:///"
_SECRET_KEYS = frozenset({
    ("catalog",), ("s3", "access_key_id"), ("s3", "secret_access_key"), ("s3", "session_token"),
    ("openlineage", "api_key"), ("mask_salt",),
})  # fmt: skip


def read_lake(
    text: str,
    mistakes: Mistakes,
    *,
    root: Path,
    chosen: str | None,
    variables: Mapping[str, str],
) -> dict[str, Any] | None:
    """Return the facts of lake.yml for one environment; note every mistake.

    The facts are plain JSON values; `environment_of` makes an `Environment` of them. With
    mistakes, they are what is sound, or None where the environment is not.
    """
    from lakeworks.project.declared_yaml import LakeYaml, validated

    before = len(mistakes.found)
    document = read_yaml(
        text, LAKE_FILE, mistakes, variables=variables, secrets_at=_may_hold_secrets
    )
    if document is None:
        return None
    _hide_secrets(document, root)
    current = _chosen(document, chosen, mistakes)
    unset = _unset_of_submit(document)
    # A variable that only another environment needs may stay unset here.
    document.note_missing(mistakes, lambda path: _is_of_another(path, current))
    usable = len(mistakes.found) == before
    lake = validated(LakeYaml, document, mistakes, needed=frozenset({"environments"}))
    if lake is None:
        return None
    _check_names(lake, document, mistakes)
    from lakeworks.project.care_yaml import care_facts

    before = len(mistakes.found)
    care = care_facts(lake, document, mistakes)
    environment = _environment(lake, current, document, root, mistakes)
    environment["submit"]["unset"] = unset.get(current, {})
    if not usable or len(mistakes.found) > before:
        return None
    return {
        "name": lake.name,
        "publish": lake.publish,
        "environments": list(lake.environments) or [DEFAULT_ENVIRONMENT],
        "environment": environment,
        "care": care,
    }


def _may_hold_secrets(path: tuple[str | int, ...]) -> bool:
    """Whether a value of lake.yml is used by nothing but what resolves references first."""
    if len(path) < 3 or path[0] != "environments":  # noqa: PLR2004
        return False
    return path[2:] in _SECRET_KEYS or path[2:5] == ("openlineage", "kafka", "properties")


def _hide_secrets(document: Document, root: Path) -> None:
    """Hide what is at hand of the secrets of all environments, used or not; the rest when it is.

    A query may quote the key of an environment that it does not run in.
    """
    secrets = Secrets(root)
    for path in document.lines:
        if not _may_hold_secrets(path) or path[-1] == "access_key_id":
            continue
        text = document.text_at(path)
        with suppress(LakeError):
            text = secrets.at_hand(text)
        if holds_reference(text):
            continue
        with suppress(ValueError):
            hide(_password(text) if path[-1] == "catalog" else text)


def _password(url: str) -> str:
    return unquote(urlsplit(url).password or "")


def environment_of(facts: Mapping[str, Any], root: Path | None = None) -> Environment:
    """Make an `Environment` of what `read_lake` found."""
    found = dict(facts["environment"])
    secrets = Secrets(root or Path(), SecretSettings(**found.pop("secrets", {})))
    lines = found.get("lines", {})
    if any(holds_reference(value) for value in found["options"].values()):

        def at(name: str) -> Location:
            return Location(LAKE_FILE, lines.get(f"s3.{name}", 1))

        found["options"] = SecretOptions(found["options"], secrets, at)
    submit = dict(found.pop("submit", {}))
    submit["include"] = tuple(submit.get("include", ()))
    spark = dict(found.pop("spark", {}))
    for name in ("jars", "packages", "repositories"):
        spark[name] = tuple(spark.get(name, ()))
    told = found.pop("openlineage", None)
    return Environment(
        **found,
        submit=SubmitSettings(**submit),
        spark=SparkSettings(**spark),
        openlineage=_told(told) if told else None,
        secrets=secrets,
    )


def _told(facts: Mapping[str, Any]) -> OpenLineageSettings:
    kafka = facts.get("kafka")
    return OpenLineageSettings(**{**facts, "kafka": KafkaSettings(**kafka) if kafka else None})


def may_be_kept(text: str, facts: Mapping[str, Any]) -> bool:
    """Whether lake.yml's facts may be written to the cache: not when they may hold a secret."""
    environment = facts["environment"]
    return (
        "${" not in text
        and not environment["options"]
        and not environment["submit"]["variables"]
        and not _secrets_of(environment.get("openlineage") or {})
        and environment["catalog"].startswith(_SQLITE)
    )


def _secrets_of(openlineage: Mapping[str, Any]) -> bool:
    kafka = openlineage.get("kafka") or {}
    return bool(openlineage.get("api_key") or kafka.get("properties"))


def _unset_of_submit(document: Document) -> dict[str, dict[str, str]]:
    """Take what names an unset variable out of `submit:`; return it, by environment.

    Only `lake submit` needs it. A job on the cluster, where those variables are not set, does not.
    """
    unset: dict[str, dict[str, str]] = {}
    for path in sorted(document.missing, key=str, reverse=True):
        if len(path) > 3 and path[0] == "environments" and path[2] == "submit":  # noqa: PLR2004
            holder = document.value
            for part in path[:-1]:
                holder = holder[part]
            del holder[path[-1]]
            variable, _ = document.missing.pop(path)
            key = ".".join(str(part) for part in path[2:])
            unset.setdefault(str(path[1]), {})[key] = variable
    return unset


def _is_of_another(path: tuple[str | int, ...], current: str) -> bool:
    return len(path) > 1 and path[0] == "environments" and path[1] != current


def _chosen(document: Document, chosen: str | None, mistakes: Mistakes) -> str:
    value = document.value.get("environments") if isinstance(document.value, dict) else None
    names = list(value) if isinstance(value, dict) and value else [DEFAULT_ENVIRONMENT]
    if chosen is not None and chosen not in names:
        mistakes.add(
            document.at("environments"),
            f"the environment {chosen!r} is not declared",
            did_you_mean(chosen, names),
            code=WRONG_VALUE,
        )
    return chosen if chosen in names and chosen is not None else names[0]


def _check_names(lake: LakeYaml, document: Document, mistakes: Mistakes) -> None:
    hint = "use lower-case letters, digits and underscores, such as my_shop"
    if not is_identifier(lake.name):
        shown = "the variable's value" if document.is_hidden("name") else repr(lake.name)
        problem = f"name: {shown} cannot name a lake"
        mistakes.add(document.at("name"), problem, hint, code=NAME_REFUSED)
    for name in lake.environments:
        if not is_identifier(name):
            at = document.at("environments", name)
            problem = f"{name!r} cannot name an environment"
            mistakes.add(at, problem, "use lower-case letters, digits and underscores",
                         code=NAME_REFUSED)  # fmt: skip


def _environment(
    lake: LakeYaml, name: str, document: Document, root: Path, mistakes: Mistakes
) -> dict[str, Any]:
    from lakeworks.project.declared_yaml import EnvironmentYaml

    declared = lake.environments.get(name, EnvironmentYaml())
    _check_engine(declared.engine, name, document, mistakes)
    storage = _storage(declared.storage, name, document, root, mistakes)
    options = declared.s3.model_dump(exclude_none=True)
    at = document.at("environments", name, "catalog")
    return {
        "name": name,
        "storage": storage,
        "catalog": _catalog(declared.catalog, storage, at, root, mistakes),
        "engine": declared.engine,
        "memory_limit": _bytes(declared.memory_limit, name, document, mistakes),
        "threads": declared.threads,
        "options": {
            key: str(value).lower() if isinstance(value, bool) else value
            for key, value in options.items()
        },
        "submit": declared.submit.model_dump(),
        "spark": declared.spark.model_dump(),
        "openlineage": _openlineage(declared, name, document, root, mistakes),
        "mask_salt": _mask_salt(declared, document.at("environments", name, "mask_salt"), mistakes),
        "secrets": _secrets(declared, name, document, mistakes),
        "lines": {
            ".".join(str(part) for part in path[2:]): line
            for path, line in document.lines.items()
            if path[:2] == ("environments", name)
        },
    }  # fmt: skip


def _mask_salt(declared: EnvironmentYaml, at: Location, mistakes: Mistakes) -> str:
    """Return the reference that names the salt of masks: in a file itself it would be none."""
    if declared.mask_salt and not is_reference(declared.mask_salt):
        hint = "write where it is kept: ${secret:file:PATH}, ${secret:env:NAME}, ${secret:aws:NAME#KEY}"
        mistakes.add(at, "mask_salt is no reference to a secret", hint, code=WRONG_VALUE)
        return ""
    return declared.mask_salt


def _secrets(
    declared: EnvironmentYaml, name: str, document: Document, mistakes: Mistakes
) -> dict[str, Any]:
    told = declared.secrets.model_dump(exclude_none=True)
    written = told.pop("keep", None)
    if written is None:
        return told
    keep_s = age_s(written)
    if keep_s is None:
        at = document.at("environments", name, "secrets", "keep")
        hint = "write minutes or hours, such as 5 minutes"
        mistakes.add(at, "secrets.keep is no span of time", hint, code=WRONG_VALUE)
        return told
    return {**told, "keep_s": keep_s}


def _openlineage(
    declared: EnvironmentYaml, name: str, document: Document, root: Path, mistakes: Mistakes
) -> dict[str, Any] | None:
    told = declared.openlineage
    if told is None:
        return None
    at = document.at("environments", name, "openlineage")
    if sum(one is not None for one in (told.url, told.file, told.kafka)) != 1:
        hint = "write openlineage: {file: lineage.jsonl}, {url: http://…} or {kafka: {…}}"
        problem = "openlineage needs a url, a file or kafka, one of them"
        mistakes.add(at, problem, hint, code=INCOMPLETE)
        return None
    found = resolved(root, told.file) if told.file is not None else None
    if isinstance(found, Refused) or (found or "").startswith(S3):
        problem, hint = (found.problem, found.hint) if isinstance(found, Refused) else (
            "is not on this machine", "")  # fmt: skip
        mistakes.add(at, f"openlineage: file {problem}", hint, code=WRONG_VALUE)
        return None
    return {**told.model_dump(), "file": found}


def _check_engine(engine: str, name: str, document: Document, mistakes: Mistakes) -> None:
    if engine in ENGINES:
        return
    hidden = document.is_hidden("environments", name, "engine")
    shown = "named by the variable" if hidden else repr(engine)
    problem = f"engine {shown} is none that Lakeworks has"
    at = document.at("environments", name, "engine")
    mistakes.add(at, problem, f"write engine: {' or '.join(ENGINES)}", code=WRONG_VALUE)


def _storage(
    declared: str | None, name: str, document: Document, root: Path, mistakes: Mistakes
) -> str:
    found = resolved(root, DEFAULT_STORAGE if declared is None else declared)
    if isinstance(found, Refused):
        at = document.at("environments", name, "storage")
        mistakes.add(at, f"storage {found.problem}", found.hint, code=WRONG_VALUE)
        return str(root / DEFAULT_STORAGE)
    return found


def _catalog(
    declared: str | None, storage: str, at: Location, root: Path, mistakes: Mistakes
) -> str:
    if declared is None:
        folder = str(root / DEFAULT_STORAGE) if storage.startswith(S3) else storage
        return f"{_SQLITE}{folder}/catalog.db"
    if holds_reference(declared):
        return declared  # looked at when it is resolved
    # The URL may hold a password, so no message shows it.
    if "://" not in declared or not declared.isprintable():
        hint = f"write {_SQLITE}{DEFAULT_STORAGE}/catalog.db, or postgresql://…"
        mistakes.add(at, "catalog is not a database URL", hint, code=WRONG_VALUE)
        return declared
    if not declared.startswith("sqlite"):
        return declared
    head, _, path = declared.partition(":///")
    if not path or path.startswith(":memory:"):
        hint = f"write {_SQLITE}{DEFAULT_STORAGE}/catalog.db"
        mistakes.add(
            at, "catalog names no file, and would be forgotten", hint, code=WRONG_VALUE
        )
        return declared
    path, mark, query = path.partition("?")
    found = resolved(root, path)
    if isinstance(found, Refused) or found.startswith(S3):
        problem, hint = ("is not a file", "") if isinstance(found, str) else (
            found.problem, found.hint)  # fmt: skip
        mistakes.add(at, f"catalog {problem}", hint, code=WRONG_VALUE)
        return declared
    return f"{head}:///{found}{mark}{query}"


def _bytes(
    declared: str | None, name: str, document: Document, mistakes: Mistakes
) -> int | None:
    if declared is None:
        return None
    size = size_bytes(declared)
    if size is not None:
        return size
    hidden = document.is_hidden("environments", name, "memory_limit")
    shown = "the variable's value" if hidden else repr(declared)
    at = document.at("environments", name, "memory_limit")
    problem = f"memory_limit: {shown} is not an amount of memory"
    mistakes.add(
        at, problem, "write a number and KB, MB, GB or TB, such as 3GB", code=WRONG_VALUE
    )
    return None
