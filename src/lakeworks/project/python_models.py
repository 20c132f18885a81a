"""Python models: the decorator `model`, and the reading of files that use it.

A file is executed to find its models. Where its text alone decides what they are (every use of
the decorator is spelled out in literals), the facts are kept, and later loads execute it only
when one of its functions is called.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import sys
import threading
import traceback
from contextvars import ContextVar
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from lakeworks.core.errors import did_you_mean
from lakeworks.core.names import TableName
from lakeworks.project.declaration import Location, Model
from lakeworks.project.errors import (
    INCOMPLETE,
    PYTHON_MODEL_FAILED,
    UNKNOWN_TABLE,
    WRONG_VALUE,
    Mistakes,
)
from lakeworks.project.headers import Header, check_header, model_table, table_or_none
from lakeworks.project.yaml_lines import Document

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from lakeworks.project.declaration import Load, OnViolation

F = TypeVar("F", bound="Callable[..., Any]")
DECORATOR = "model"


@dataclass(frozen=True, slots=True)
class _Declared:
    """One use of the decorator."""

    function: Callable[..., Any]
    values: Mapping[str, Any]
    line: int


_collected: ContextVar[list[_Declared] | None] = ContextVar("lakeworks_models", default=None)
_executing = threading.RLock()


def model(  # noqa: PLR0913 - a declaration, all of it by keyword
    table: str,
    *,
    inputs: Mapping[str, str],
    load: Load = "replace",
    key: str | Sequence[str] = (),
    latest_by: str | None = None,
    partition_by: str | Sequence[str] = (),
    quality: str | None = None,
    on_violation: OnViolation = "quarantine",
    audit: bool = False,
    incremental_on: str | None = None,
    row_wise: bool = False,
    description: str = "",
    columns: Mapping[str, Mapping[str, Any]] | None = None,
    tags: Mapping[str, str] | None = None,
    max_rejected: str | None = None,
    freshness: str | None = None,
    retention: str | None = None,
    references: Mapping[str, str] | None = None,
    quality_options: Mapping[str, str] | None = None,
    owner: str = "",
    lineage: Mapping[str, str | Sequence[str]] | None = None,
) -> Callable[[F], F]:
    """Declare that the decorated function makes the rows of a table.

    The function takes a narwhals lazy frame for each input, by name, and returns one. It stays
    callable as it is, for tests.

        @model("gold.big_orders", inputs={"orders": "silver.orders"})
        def big_orders(orders: nw.LazyFrame) -> nw.LazyFrame:
            return orders.filter(nw.col("amount") > 100)

    Args:
        table: `database.table`; the database is the folder that the file lies in.
        inputs: Parameter name to table; the first one drives incremental loads.
        load: How the rows enter: append, merge, replace, partitions or scd2.
        row_wise: Promise that each row returned derives from one row of the driving input, so
            that `append` and `merge` may hand over only its new rows.
        max_rejected: The share (`5%`) or number of rows above which the step fails.
        freshness: How old the table may be, such as `24 hours`.
        retention: How long versions are kept that were replaced, such as `30 days`.
        references: Alias to table, for rules that look at other tables.
        quality_options: How rules are evaluated, under the names of AWS Glue's options.
        owner: Who answers for the table.
        lineage: Column to the columns that its value derives from, as `orders.amount`; found
            out from the frame where it is left out.
    """
    values = {
        "table": table,
        "inputs": inputs,
        "load": load,
        "key": key,
        "latest_by": latest_by,
        "partition_by": partition_by,
        "quality": quality,
        "on_violation": on_violation,
        "audit": audit,
        "incremental_on": incremental_on,
        "row_wise": row_wise,
        "description": description,
        "columns": columns or {},
        "tags": tags or {},
        "max_rejected": max_rejected,
        "freshness": freshness,
        "retention": retention,
        "references": references or {},
        "quality_options": quality_options or {},
        "owner": owner,
        "lineage": None if lineage is None else dict(lineage),
    }

    def declare(function: F) -> F:
        collected = _collected.get()
        if collected is not None:
            code = getattr(inspect.unwrap(function), "__code__", None)
            collected.append(_Declared(function, values, code.co_firstlineno if code else 1))
        return function

    return declare


class LazyFunction:
    """A Python model's function whose file is executed when it is first called."""

    def __init__(self, path: Path, text: str, file: str, layer: str, position: int) -> None:
        self._given = (text, path, file, layer)
        self._position = position
        self._function: Callable[..., Any] | None = None
        self._lock = threading.Lock()

    def __call__(self, **frames: Any) -> Any:  # noqa: ANN401 - narwhals lazy frames
        """Call the function with its frames by input name.

        Raises:
            ProjectError: the file no longer executes.
        """
        with self._lock:
            if self._function is None:
                mistakes = Mistakes()
                declared = _execute(*self._given, mistakes)
                mistakes.raise_if_any()
                self._function = (declared or [])[self._position].function
        return self._function(**frames)


def read_python_models(
    text: str, path: Path, file: str, layer: str, mistakes: Mistakes
) -> list[dict[str, Any]] | None:
    """Execute a file; return the facts of its models; note every mistake.

    The facts are plain JSON values; `python_model_of` makes a `Model` of one. With mistakes,
    they are what is sound, or None where that makes no model.
    """
    declared = _execute(text, path, file, layer, mistakes)
    if declared is None:
        return None
    if not declared:
        hint = "decorate a function with @model(…), or begin the file's name with _"
        mistakes.add(Location(file, 1), "the file declares no model", hint, code=INCOMPLETE)
        return None
    found = [_facts(one, file, layer, mistakes) for one in declared]
    sound = [
        {**facts, "position": position}
        for position, facts in enumerate(found)
        if facts is not None
    ]
    return sound or None


def python_model_of(
    facts: Mapping[str, Any], text: str, text_sha256: str, file: str, path: Path
) -> Model:
    """Make a `Model` of what `read_python_models` found in `text`."""
    header = Header.from_facts(facts["header"])
    table = TableName.parse(facts["table"])
    frames = {str(name): TableName.parse(source) for name, source in facts["inputs"].items()}
    driving = header.incremental_on or next(iter(facts["inputs"].values()))
    distinct = sorted(dict.fromkeys(frames.values()), key=lambda source: str(source) != driving)
    return Model(
        table=table,
        at=Location(file, facts["line"]),
        load=header.load,
        inputs=tuple(distinct),
        driving=TableName.parse(driving),
        fingerprint=header.fingerprint(
            f"{text_sha256}:{facts['position']}:{facts['inputs']}", TableName.parse(driving)
        ),
        function=LazyFunction(path, text, file, table.database, facts["position"]),
        frame_inputs=frames,
        key=header.key,
        latest_by=header.latest_by,
        partition_by=header.partition_by,
        quality=header.ruleset(file),
        audit=header.audit,
        incremental_on_declared=header.incremental_on is not None,
        row_wise=facts["row_wise"],
        lineage=_declared_lineage(facts.get("lineage")),
        description=header.description,
        columns=header.notes(),
        tags=header.tags,
        owner=header.owner,
        **header.limits(),
    )


def _declared_lineage(
    facts: Mapping[str, Sequence[str]] | None,
) -> Mapping[str, tuple[str, ...]] | None:
    if facts is None:
        return None
    return {column: tuple(origins) for column, origins in facts.items()}


def is_decided_by_text(text: str, models: int) -> bool:
    """Whether executing the file again is sure to declare the same models.

    True when it holds as many top-level functions under the decorator, each use of which is
    spelled out in literals, as it declared models.
    """
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    literal = 0
    for node in body:
        if isinstance(node, ast.FunctionDef):
            literal += sum(_is_literal_use(decorator) for decorator in node.decorator_list)
    return literal == models


def _is_literal_use(node: ast.expr) -> bool:
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else (
        node.func.id if isinstance(node.func, ast.Name) else "")  # fmt: skip
    if name != DECORATOR or any(keyword.arg is None for keyword in node.keywords):
        return False
    try:
        for value in (*node.args, *(keyword.value for keyword in node.keywords)):
            ast.literal_eval(value)
    except (ValueError, TypeError, RecursionError):
        return False
    return True


def _execute(
    text: str, path: Path, file: str, layer: str, mistakes: Mistakes
) -> list[_Declared] | None:
    """Run the file with a registry of its own; nothing of it stays behind in this process."""
    module = ModuleType(f"lakeworks_model_{layer}_{path.stem}")
    module.__file__ = str(path)
    collected: list[_Declared] = []
    # One file at a time: `sys.modules` and the standard output belong to the whole process.
    with _executing:
        token = _collected.set(collected)
        sys.modules[module.__name__] = module
        try:
            # Whatever a file prints would end up among results, which belong to stdout.
            with contextlib.redirect_stdout(sys.stderr):
                exec(compile(text, str(path), "exec", dont_inherit=True), module.__dict__)  # noqa: S102
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a user's file raises anything
            mistakes.add(*_failed(error, path, file), code=PYTHON_MODEL_FAILED)
            return None
        finally:
            sys.modules.pop(module.__name__, None)
            _collected.reset(token)
    return collected


def _failed(error: BaseException, path: Path, file: str) -> tuple[Location, str, str]:
    if isinstance(error, SyntaxError):
        at = Location(file, error.lineno or 1)
        return at, f"the Python does not parse: {error.msg}", ""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path) and frame.lineno]
    told = _first_line(error)
    hint = ""
    _, unexpected, key = told.partition("model() got an unexpected keyword argument ")
    if unexpected:
        hint = did_you_mean(key.strip("'"), inspect.signature(model).parameters)
    elif isinstance(error, ModuleNotFoundError):
        hint = f"install it: pip install {error.name}"
    problem = f"the file fails when it is executed: {type(error).__name__}: {told}"
    return Location(file, lines[-1] if lines else 1), problem, hint


def _first_line(error: BaseException) -> str:
    try:
        return (str(error).splitlines() or [""])[0]
    except Exception:  # noqa: BLE001 - a user's exception may fail to describe itself
        return ""


def _facts(
    declared: _Declared, file: str, layer: str, mistakes: Mistakes
) -> dict[str, Any] | None:
    from lakeworks.project.declared_yaml import PythonHeaderYaml, validated

    before = len(mistakes.found)
    document = Document(file, dict(declared.values), lines={(): declared.line})
    at = Location(file, declared.line)
    header_yaml = validated(
        PythonHeaderYaml, document, mistakes, needed=frozenset({"inputs", "table"})
    )
    if header_yaml is None:
        return None
    whole = len(mistakes.found) == before
    name = model_table(header_yaml.table, layer, "", at, mistakes)
    header = Header.of(header_yaml, declared.line)
    inputs = dict(header_yaml.inputs)
    named = [table_or_none(table, at, mistakes) for table in inputs.values()]
    if whole:
        check_header(header, document.at, mistakes)
        _check_inputs(inputs, header, declared, at, mistakes)
        _check_lineage(header_yaml.lineage or {}, inputs, at, mistakes)
    if name is None or None in named or not named:
        return None
    return {
        "table": str(name),
        "header": header.facts(),
        "inputs": inputs,
        "row_wise": header_yaml.row_wise,
        "lineage": header_yaml.lineage,
        "line": declared.line,
    }


def _check_inputs(
    inputs: dict[str, str],
    header: Header,
    declared: _Declared,
    at: Location,
    mistakes: Mistakes,
) -> None:
    if not inputs:
        hint = 'write inputs={"orders": "silver.orders"}'
        mistakes.add(at, "a Python model needs at least one input", hint, code=INCOMPLETE)
    if header.incremental_on is not None and header.incremental_on not in inputs.values():
        problem = f"incremental_on: this model does not read {header.incremental_on}"
        hint = did_you_mean(header.incremental_on, inputs.values())
        mistakes.add(at, problem, hint, code=UNKNOWN_TABLE)
    try:
        inspect.signature(declared.function).bind(**inputs)
    except (TypeError, ValueError) as error:
        problem = f"the function's parameters are not its inputs: {_first_line(error)}"
        hint = f"write def {_name(declared)}({', '.join(inputs)})"
        mistakes.add(at, problem, hint, code=INCOMPLETE)


def _check_lineage(
    lineage: Mapping[str, Sequence[str]],
    inputs: Mapping[str, str],
    at: Location,
    mistakes: Mistakes,
) -> None:
    for column, origins in lineage.items():
        for origin in origins:
            alias, dot, named = origin.partition(".")
            if alias not in inputs or not dot or not named:
                problem = f"lineage: {column} is declared to derive from {origin!r}, no input's column"
                hint = f"write {next(iter(inputs), 'alias')}.column"
                mistakes.add(at, problem, hint, code=WRONG_VALUE)


def _name(declared: _Declared) -> str:
    return str(getattr(declared.function, "__name__", "function"))
