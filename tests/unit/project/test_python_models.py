"""Python models: found by executing their file, which leaves nothing behind."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from lakeworks.core.names import TableName
from lakeworks.project.errors import ProjectError
from lakeworks.project.python_models import is_decided_by_text, model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lakeworks.project.declaration import Project
    from lakeworks.project.errors import Mistake

HEAD = "from lakeworks.project.python_models import model\n"
USE = "from lakeworks.project.python_models import model; ORDERS={'o': 'silver.orders'}\n"
ONE = (
    HEAD
    + """
@model(
    "gold.big", inputs={"orders": "silver.orders", "raw": "bronze.orders"}, load="merge",
    key="id", quality='Rules = [ IsComplete "id" ]', on_violation="warn", audit=True,
    columns={"id": {"description": "The key.", "tags": {"a": "b"}}}, description="Big ones.",
)
def big(orders, raw):
    return ("made of", orders, raw)
"""
)
BIG = TableName("gold", "big")


def test_declaration_becomes_the_model(load: Callable[..., Project]) -> None:
    found = load({"models/gold/big.py": ONE}).models[BIG]
    assert found.sql is None
    assert (found.load, found.key, found.audit) == ("merge", ("id",), True)
    assert found.inputs == (TableName("silver", "orders"), TableName("bronze", "orders"))
    assert found.driving == TableName("silver", "orders")
    assert dict(found.frame_inputs) == {
        "orders": TableName("silver", "orders"),
        "raw": TableName("bronze", "orders"),
    }
    assert not found.row_wise
    assert found.quality is not None
    assert found.quality.on_violation == "warn"
    assert found.columns["id"].tags == {"a": "b"}
    assert str(found.at) == "models/gold/big.py:3"


def test_function_is_called_by_input_name_also_after_an_unchanged_load(
    load: Callable[..., Project],
) -> None:
    for _ in range(2):
        found = load({"models/gold/big.py": ONE}).models[BIG]
        assert found.function is not None
        assert found.function(raw=2, orders=1) == ("made of", 1, 2)


def test_unchanged_file_is_not_executed_until_its_function_is_called(
    load: Callable[..., Project], tmp_path: Path
) -> None:
    count = tmp_path / "count"
    text = (
        f"import pathlib\n{ONE}count = pathlib.Path({str(count)!r})\n"
        "count.write_text((count.read_text() if count.exists() else '') + 'x')\n"
    )
    first = load({"models/gold/big.py": text}).models[BIG]
    assert count.read_text() == "x"
    second = load({"models/gold/big.py": text}).models[BIG]
    assert count.read_text() == "x"
    assert second.fingerprint == first.fingerprint
    assert second.function is not None
    for _ in range(2):
        second.function(orders=1, raw=2)
        assert count.read_text() == "xx"


def test_file_whose_declarations_are_computed_is_executed_at_every_load(
    load: Callable[..., Project], tmp_path: Path
) -> None:
    names = tmp_path / "names"
    text = (
        f"import pathlib\n{HEAD}"
        f"for name in pathlib.Path({str(names)!r}).read_text().split():\n"
        "    @model(f'gold.{name}', inputs={'o': 'silver.orders'})\n"
        "    def made(o, name=name):\n        return name\n"
    )
    names.write_text("a b")
    assert {str(t) for t in load({"models/gold/m.py": text}).models} == {
        "silver.orders", "gold.a", "gold.b",
    }  # fmt: skip
    names.write_text("c")
    project = load({"models/gold/m.py": text})
    assert TableName("gold", "a") not in project.models
    assert project.models[TableName("gold", "c")].function(o=1) == "c"  # type: ignore[misc]


def test_several_models_of_one_file_keep_their_own_functions(
    load: Callable[..., Project],
) -> None:
    text = HEAD + "".join(
        f"@model('gold.{n}', inputs={{'o': 'silver.orders'}})\ndef {n}(o):\n    return '{n}'\n"
        for n in ("a", "b")
    )
    models = load({"models/gold/m.py": text}).models
    assert [models[TableName("gold", n)].function(o=0) for n in "ab"] == ["a", "b"]  # type: ignore[misc]
    assert (
        models[TableName("gold", "a")].fingerprint != models[TableName("gold", "b")].fingerprint
    )


def test_changed_source_changes_the_fingerprint(load: Callable[..., Project]) -> None:
    first = load({"models/gold/big.py": ONE}).models[BIG]
    second = load({"models/gold/big.py": ONE.replace("made of", "born of")}).models[BIG]
    assert first.fingerprint != second.fingerprint


def test_loading_leaves_no_module_and_prints_nothing_on_standard_output(
    load: Callable[..., Project], capsys: pytest.CaptureFixture[str]
) -> None:
    before = set(sys.modules)
    load({"models/gold/big.py": ONE + "print('hello')\n"})
    assert not {name for name in set(sys.modules) - before if "big" in name}
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "hello\n")


def test_dataclasses_in_a_model_file_work(load: Callable[..., Project]) -> None:
    text = (
        "from __future__ import annotations\nimport dataclasses\n"
        + ONE
        + ("@dataclasses.dataclass\nclass Held:\n    a: int\n")
    )
    assert BIG in load({"models/gold/big.py": text}).models


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("x = 1\ny = x +\n", 2, "does not parse"),
        ("x = 1\ndef f():\n    return 1 / 0\nf()\n", 3, "ZeroDivisionError"),
        ("import no_such_package_at_all\n", 1, "no_such_package_at_all"),
        ("import sys\nsys.exit(3)\n", 2, "SystemExit"),
        ("x = 1\n", 1, "declares no model"),
        ("class E(Exception):\n  def __str__(self):\n    raise self\nraise E\n", 4, ": E:"),
        (USE + "@model('gold.x', inputs={}, lod='merge')\ndef x(): ...\n", 2, "lod"),
        (USE + "@model('gold.x', inputs={})\ndef x(): ...\n", 2, "at least one input"),
        (USE + "@model('gold.x', inputs=3)\ndef x(): ...\n", 2, "a mapping"),
        (USE + "@model('gold.x', inputs=ORDERS)\ndef x(p): ...\n", 2, "parameters"),
        (USE + "@model('silver.x', inputs=ORDERS)\ndef x(o): ...\n", 2, "folder"),
        (USE + "@model('gold.x', inputs={'o': 'silver.ordrs'})\ndef x(o): ...\n", 2, "ordrs"),
        (USE + "@model('gold.x', inputs={'o': '../x'})\ndef x(o): ...\n", 2, "not a table name"),
        (USE + "@model('gold.x', inputs=ORDERS, load='merge')\ndef x(o): ...\n",
         2, "needs a key"),
        (USE + "@model('gold.x', inputs=ORDERS, load='mrge')\ndef x(o): ...\n",
         2, "not one of append, merge"),
        (USE + "@model('gold.x', inputs=ORDERS, load='append', "
         "incremental_on='silver.x')\ndef x(o): ...\n", 2, "does not read silver.x"),
    ],
)  # fmt: skip
def test_mistake_is_placed_in_the_file(
    mistake: Callable[..., Mistake], text: str, line: int, said: str
) -> None:
    found = mistake({"models/gold/x.py": text})
    assert str(found.at) == f"models/gold/x.py:{line}"
    assert said in found.problem


def test_misspelt_argument_gets_a_hint(mistake: Callable[..., Mistake]) -> None:
    text = HEAD + "@model('gold.x', inputs={}, partitionby='a')\ndef x(): ...\n"
    assert mistake({"models/gold/x.py": text}).hint == "did you mean partition_by?"


def test_function_of_a_file_that_no_longer_executes_says_where(
    load: Callable[..., Project], tmp_path: Path
) -> None:
    text = ONE + f"open({str(tmp_path / 'there')!r}).close()\n"
    (tmp_path / "there").touch()
    load({"models/gold/big.py": text})
    found = load({"models/gold/big.py": text}).models[BIG]
    (tmp_path / "there").unlink()
    with pytest.raises(ProjectError, match=r"models/gold/big\.py:10: .*FileNotFoundError"):
        found.function(orders=1, raw=2)  # type: ignore[misc]


def test_decorated_function_stays_itself() -> None:
    @model("gold.x", inputs={"o": "silver.orders"})
    def twice(o: int) -> int:
        return 2 * o

    assert twice(4) == 8


@pytest.mark.parametrize(
    ("text", "models", "decided"),
    [
        (ONE, 1, True),
        (ONE, 2, False),
        ("from x import model as m\n@m('a')\ndef f(): ...\n", 1, False),
        ("N = 'gold.x'\n@model(N, inputs={})\ndef f(): ...\n", 1, False),
        ("@model('gold.x', **{})\ndef f(): ...\n", 1, False),
        ("if True:\n    @model('gold.x', inputs={})\n    def f(): ...\n", 1, False),
        ("@lakeworks.model('gold.x', inputs={'a': 'b'})\ndef f(): ...\n", 1, True),
    ],
)
def test_file_is_kept_only_when_its_text_decides(text: str, models: int, decided: bool) -> None:
    assert is_decided_by_text(text, models) is decided
