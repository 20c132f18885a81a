"""How rulesets are laid out, in files of their own and inside of models."""

from __future__ import annotations

import pytest

from lakeworks.quality.errors import DqdlError
from lakeworks.quality.language.embedded import blocks, laid_out
from lakeworks.quality.language.format import formatted

LONG = 'ColumnValues "' + "a" * 60 + '" in ["b"] where "c > 1" with threshold > 0.9'

BROKEN = f"""Rules = [
  ColumnValues "{"a" * 60}" in ["b"]
      where "c > 1"
      with threshold > 0.9
]
"""
COMMENTED = """# top



x="a"
y=["b" , EMPTY]
Rules = [ # first

 A, # why


 # B too
 B # last
 # end
]
# after"""
LAID_OUT = """# top

x = "a"
y = ["b", EMPTY]

Rules = [  # first
  A,  # why

  # B too
  B  # last
  # end
]
# after
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Rules=[A]", "Rules = [ A ]\n"),
        ("Rules=[]Analyzers=[A]", "Rules = []\n\nAnalyzers = [ A ]\n"),
        ("Rules = [A,B\n]", "Rules = [\n  A,\n  B\n]\n"),
        (
            'Rules = [\nColumnValues   "a"in[1,-2 ,NULL]with threshold>=0.5\n]',
            'Rules = [\n  ColumnValues "a" in [1, -2, NULL] with threshold >= 0.5\n]\n',
        ),
        (
            "Rules = [\nA>(now()-3 days), B=avg( last( 3 ) )*\t( 2 )\n]",
            "Rules = [\n  A > (now() - 3 days),\n  B = avg(last(3)) * (2)\n]\n",
        ),
        ("Rules = [\nA between -1 and - 2\n]", "Rules = [\n  A between -1 and -2\n]\n"),
        ("Rules = [\nA = 1-1\n]", "Rules = [\n  A = 1 - 1\n]\n"),
        (
            COMMENTED,
            LAID_OUT,
        ),
        ("Rules = [\nA # a\n, B\n]", "Rules = [\n  A,  # a\n  B\n]\n"),
        (
            "Rules = [\nA # a\n > 1,\nB\n]",
            "Rules = [\n  A  # a\n      > 1,\n  B\n]\n",
        ),
        (
            'Rules = [\n((A "x")and((B "y")OR(C "z")))labels=["k"="v"]\n]',
            'Rules = [\n  ((A "x") and ((B "y") OR (C "z"))) labels = ["k" = "v"]\n]\n',
        ),
        (
            'DataSources={"Primary":"a"}Analyzers=[D "a" with bins=2,rebin=false]',
            'DataSources = {"Primary": "a"}\n\nAnalyzers = [ D "a" with bins = 2, rebin = false ]\n',
        ),
        (
            f"Rules = [\n{LONG}\n]",
            BROKEN,
        ),
        ('Rules = [\nA "one\n   two"\n]', 'Rules = [\n  A "one\n   two"\n]\n'),
        ("Rules = [\r\nA\r\n]\r\n", "Rules = [\r\n  A\r\n]\r\n"),
    ],
)  # fmt: skip
def test_a_ruleset_is_laid_out_in_one_way(text: str, expected: str) -> None:
    assert formatted(text) == expected
    assert formatted(expected) == expected


def test_long_rules_are_broken_between_rules() -> None:
    part = '(ColumnValues "' + "a" * 30 + '" between (1 + 2) and (3 + 4))'
    text = formatted(f"Rules = [\n{part} and {part}\n]")
    assert text == f"Rules = [\n  {part}\n      and {part}\n]\n"


def test_text_that_is_not_dqdl_is_refused_at_its_place_in_the_file() -> None:
    with pytest.raises(DqdlError) as caught:
        laid_out("/*\nquality: |\n  Rules = [\n    A ( ]\n*/\nselect 1", ".sql", file="m.sql")
    assert str(caught.value).startswith("m.sql:4:7: ")


SQL = """-- first
/*
description: "quality: |"
quality: |   # rules
  Rules = [ A,
     # why
     B "one
       two"
  ]

columns:
  quality: |
     Rules=[ C ]
*/
select 'quality: |' -- Rules=[ D ]
"""


def test_in_a_sql_model_only_the_block_changes() -> None:
    expected = SQL.replace(
        '[ A,\n     # why\n     B "one\n       two"\n  ]',
        '[\n    A,\n    # why\n    B "one\n       two"\n  ]',
    )
    assert laid_out(SQL, ".sql") == expected
    assert laid_out(expected, ".sql") == expected


def test_in_a_python_model_only_the_text_changes() -> None:
    text = (
        '@lw.model(table="a", quality="""\n    Rules = [\n  A "x\n y"  ]\n""")\n'
        "def é(): ...\n\n"
        "@model(quality='Rules=[A]', note='Rules=[A]')\ndef f(): ...\n"
        '@model(quality="Rules=[A] # c\\nx")\ndef g(): ...\n'
        '@model(quality=r"""Rules = [\nA matches "\\d"\n    ]""")\ndef h(): ...\n'
    )
    expected = (
        '@lw.model(table="a", quality="""\n    Rules = [\n      A "x\n y"\n    ]\n""")\n'
        "def é(): ...\n\n"
        "@model(quality='Rules = [ A ]', note='Rules=[A]')\ndef f(): ...\n"
        '@model(quality="Rules=[A] # c\\nx")\ndef g(): ...\n'
        '@model(quality=r"""Rules = [\n      A matches "\\d"\n    ]""")\ndef h(): ...\n'
    )
    assert laid_out(text, ".py") == expected
    assert laid_out(expected, ".py") == expected


@pytest.mark.parametrize(
    ("text", "suffix"),
    [
        ("select 1", ".sql"),
        ("/* quality: good */ select 1", ".sql"),
        ("/*\nquality: Rules = [ A ]\n*/ select 1", ".sql"),
        ("/*\nquality: |\ncolumns: {}\n*/ select 1", ".sql"),
        ("def f(:", ".py"),
        ("model(quality=rules())\nmodel(quality=5)\nmodel(quality='')", ".py"),
        ("quality: |\n  Rules=[A]", ".yml"),
    ],
)
def test_files_without_a_block_stay_as_they_are(text: str, suffix: str) -> None:
    assert blocks(text, suffix) == []
    assert laid_out(text, suffix) == text
