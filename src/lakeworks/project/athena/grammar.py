"""Read Athena's SQL into a tree, and write a tree of the lake's.

sqlglot's parser reads, without its functions: every call keeps the name that the caller wrote, so
that the tables of this package, and no other list, decide what it means.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlglot import exp
from sqlglot.dialects import DuckDB, Trino
from sqlglot.errors import ErrorLevel, ParseError, TokenError

from lakeworks.project.athena.errors import AthenaSyntaxError
from lakeworks.project.sql_silence import silent

# Calls that have a grammar of their own, not a list of arguments.
_SPOKEN = (
    "CAST",
    "TRY_CAST",
    "EXTRACT",
    "TRIM",
    "POSITION",
    "LISTAGG",
    "NORMALIZE",
    "SUBSTRING",
)
_MOST_CHARACTERS = 1_000_000
# What a template names twice is written twice: nested, it would fill all memory.
_MOST_WRITTEN = 8 * _MOST_CHARACTERS
# The parser tries what may be a type or a call both ways, each level of nesting again: a word of real
# SQL is gone back to about once.
_MOST_RETREATS, _RETREATS_A_WORD = 10_000, 20


class Written(exp.Expression):
    """SQL of the lake's, in which `{0}`, `{1}` and so on are places for parts."""

    arg_types = {"template": True, "expressions": False}  # noqa: RUF012 - as sqlglot has it


def _written(generator: Any, node: Written) -> str:  # noqa: ANN401 - sqlglot's generator
    parts = [generator.sql(one) for one in node.expressions]
    found = str(node.args["template"]).format(*parts)
    if len(found) > _MOST_WRITTEN:
        raise RecursionError("the SQL that is made of it grows with each level")
    return found


def _spoken(parse: Any) -> Any:  # noqa: ANN401 - a method of sqlglot's parser
    """Mark what is written as CAST(…): a literal such as DECIMAL '1.50' makes the same node."""

    def marked(parser: Any) -> Any:  # noqa: ANN401
        node = parse(parser)
        node.meta["spoken"] = True
        return node

    return marked


def _bounded(retreat: Any) -> Any:  # noqa: ANN401 - a method of sqlglot's parser
    """Let the parser go back only so often: it has no bound of its own."""

    def bounded(parser: Any, index: int) -> None:  # noqa: ANN401
        parser.retreats = getattr(parser, "retreats", 0) + 1
        if parser.retreats > _MOST_RETREATS + _RETREATS_A_WORD * len(parser._tokens):  # noqa: SLF001
            raise RecursionError("the parser goes back and forth")
        retreat(parser, index)

    return bounded


@cache
def _dialects() -> tuple[Any, Any]:
    read: Any = Trino
    write: Any = DuckDB
    parser = type(
        "Parser",
        (read.Parser,),
        {
            "FUNCTIONS": {},
            "_retreat": _bounded(read.Parser._retreat),  # noqa: SLF001 - no other place is passed
            "FUNCTION_PARSERS": {
                **{name: read.Parser.FUNCTION_PARSERS[name] for name in _SPOKEN},
                "CAST": _spoken(read.Parser.FUNCTION_PARSERS["CAST"]),
            },
        },
    )
    generator = type(
        "Generator",
        (write.Generator,),
        {"TRANSFORMS": {**write.Generator.TRANSFORMS, Written: _written}},
    )
    # Subscripts stay as they are written: sqlglot would count them from zero.
    athena = type("LakeAthena", (read,), {"Parser": parser, "INDEX_OFFSET": 0})
    lake = type("LakeDuckDB", (write,), {"Generator": generator, "INDEX_OFFSET": 0})
    return athena, lake


def parsed(sql: str) -> exp.Expression:
    """Return the one statement that a text is.

    Raises:
        AthenaSyntaxError: it does not parse, or is none or several.
    """
    if len(sql) > _MOST_CHARACTERS:
        raise AthenaSyntaxError.at("the SQL is too long to be read", None, None)
    reader = _dialects()[0]()
    try:
        tokens = reader.tokenize(sql)
        with silent():
            found = reader.parser(error_level=ErrorLevel.RAISE).parse(tokens, sql)
    except TokenError:
        raise AthenaSyntaxError.at("a quote or a comment has no end", None, None) from None
    except ParseError as error:
        raise _unparsed(error) from None
    except RecursionError:
        raise AthenaSyntaxError.at(
            "the SQL is nested too deep to be read", None, None
        ) from None
    except Exception as error:  # noqa: BLE001 - on some wrong texts sqlglot fails itself
        told = f"the SQL does not parse ({type(error).__name__} inside the parser)"
        raise AthenaSyntaxError.at(told, None, None) from None
    statements = [one for one in found if one is not None]
    if len(statements) != 1:
        told = "several statements stand there" if statements else "no statement stands there"
        raise AthenaSyntaxError.at(f"{told}, and one is asked at a time", None, None)
    tree: exp.Expression = statements[0]
    return tree


def written(tree: exp.Expression) -> str:
    """Return a tree as the lake's SQL, every name in quotes: none can be a word of SQL's."""
    generator = _dialects()[1]().generator(
        identify=True, comments=False, unsupported_level=ErrorLevel.RAISE
    )
    found: str = generator.generate(tree, copy=False)
    return found


def _unparsed(error: ParseError) -> AthenaSyntaxError:
    detail = error.errors[0] if error.errors else {}
    told = str(detail.get("description") or "it is not SQL").split("<Token")[0]
    told = told.partition(" but got ")[0].strip().rstrip(".")
    near = str(detail.get("highlight") or "")
    problem = f"the SQL does not parse{f' near {near!r}' if near else ''}: {told[:1].lower()}{told[1:]}"
    return AthenaSyntaxError.at(problem, detail.get("line"), detail.get("col"))
