"""Every error: one code of its own, documented, and whole after a trip between processes."""

from __future__ import annotations

import importlib
import pickle
import pkgutil
import re
from pathlib import Path

import pytest

import lakeworks
from lakeworks.core.errors import LakeError

ROOT = Path(__file__).parents[2]
RANGES = {
    "core": "0", "project": "[18]", "storage": "2", "catalog": "3", "engines": "4", "quality": "5",
    "governance": "5",
    "ingest": "6", "crawlers": "6", "pipeline": "7", "query": "8", "cli": "9", "samples": "9",
    "lake": "9", "aws": "9",
    "observe": "8", "site": "8", "permitted": "8", "privacy": "9", "server": "9", "client": "9",
}  # fmt: skip


def _import_everything() -> None:
    for module in pkgutil.walk_packages(lakeworks.__path__, "lakeworks."):
        if ".templates." not in module.name and ".migrations." not in module.name:
            importlib.import_module(module.name)


def _errors(kind: type[LakeError] = LakeError) -> list[type[LakeError]]:
    found = [kind]
    for derived in kind.__subclasses__():
        found += _errors(derived)
    return [error for error in dict.fromkeys(found) if error.__module__.startswith("lakeworks")]


_import_everything()
ERRORS = _errors()
DOCUMENTED = re.findall(
    r"^### (LW\d{3})\b", (ROOT / "docs" / "errors.md").read_text(), flags=re.MULTILINE
)


def test_no_code_is_used_twice() -> None:
    users: dict[str, list[str]] = {}
    for error in ERRORS:
        users.setdefault(error.code, []).append(f"{error.__module__}.{error.__name__}")
    assert {code: names for code, names in users.items() if len(names) > 1} == {}


def test_every_code_is_documented_once_in_order_and_nothing_else_is() -> None:
    extra_codes = {
        code
        for path in (ROOT / "src" / "lakeworks").rglob("*.py")
        for code in re.findall(r'"(LW\d{3})"', path.read_text())
    }
    assert {error.code for error in ERRORS} <= extra_codes
    assert sorted(extra_codes) == DOCUMENTED


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_error_code_is_in_its_packages_range(error: type[LakeError]) -> None:
    package = error.__module__.split(".")[1]
    assert re.fullmatch(rf"LW{RANGES[package]}\d\d", error.code)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_error_survives_pickling(error: type[LakeError]) -> None:
    original = error("a problem", "a hint")
    there_and_back = pickle.loads(pickle.dumps(original))
    assert type(there_and_back) is error
    assert str(there_and_back) == str(original)
