"""Every module's shape: small, its purpose stated, exports listed, nothing of one machine."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "lakeworks"
MODULES = sorted(
    path for path in SOURCE.rglob("*.py") if "templates" not in path.relative_to(SOURCE).parts
)
TEXTS = sorted(
    path
    for folder in (
        "src",
        "docs",
        "tests",
        "examples",
        "benchmarks",
        "scripts",
        ".ci",
        "changelog.d",
    )
    for path in (ROOT / folder).rglob("*")
    if path.is_file()
    and path.suffix in {".py", ".md", ".toml", ".yml", ".yaml", ".sql", ".sh", "", ".css"}
    and not {"__pycache__", ".lake", ".hypothesis"} & set(path.parts)
) + [
    path
    for path in ROOT.iterdir()
    if path.is_file() and path.suffix in {".md", ".toml", ".yml", ""} and path.name != ".git"
]
LONGEST_LINES = 400
VAGUE = {"utils", "helpers", "common", "base", "manager", "misc"}
# Words put together here, so that this file does not hold what it looks for.
FOREIGN = re.compile(
    "|".join([
        r"\bpypi" + r"\.org", "files.python" + "hosted", "index" + "-url", "repo1" + r"\.maven",
        "/work" + "/", "/tmp" + "/lab", "/root" + "/", r"\." + "library/", "find" + "-links",
    ])
)  # fmt: skip


def _named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=_named)
def test_module_states_its_purpose_and_stays_small(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "the module says nothing of its purpose"
    assert text.count("\n") <= LONGEST_LINES, "the module is too long: split it by purpose"
    assert path.stem not in VAGUE, "the name says nothing"
    imports_annotations = any(
        isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in tree.body
    )
    assert imports_annotations or path.name in {"__init__.py", "__main__.py"}


@pytest.mark.parametrize(
    "path", [path for path in MODULES if path.name == "__init__.py"], ids=_named
)
def test_package_init_only_exports_and_lists_what_it_exports(path: Path) -> None:
    tree = ast.parse(path.read_text())
    defined = [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name != "__getattr__"
    ]
    assert defined == [], "an __init__ holds exports only"
    imported = _imported_names(tree)
    if imported:
        assert sorted(_dunder_all(tree)) == sorted(imported | _dunders(tree))


@pytest.mark.parametrize("path", TEXTS, ids=_named)
def test_nothing_names_a_registry_or_a_machine(path: Path) -> None:
    found = [
        f"{number}: {line.strip()}"
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if FOREIGN.search(line)
    ]
    assert found == []


def test_there_is_something_to_check() -> None:
    assert len(MODULES) > 30
    assert len(TEXTS) > len(MODULES)


def _imported_names(tree: ast.Module) -> set[str]:
    nodes = [*tree.body]
    for node in tree.body:
        if isinstance(node, ast.If):
            nodes += node.body
    return {
        alias.asname or alias.name
        for node in nodes
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lakeworks")
        for alias in node.names
    }


def _dunders(tree: ast.Module) -> set[str]:
    return {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
        and target.id.startswith("__")
        and target.id != "__all__"
    }


def _dunder_all(tree: ast.Module) -> list[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "__all__" for target in node.targets
        ):
            return list(ast.literal_eval(node.value))
    return []
