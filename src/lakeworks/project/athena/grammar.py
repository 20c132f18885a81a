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


class Written(exp.Expression):
    """SQL of the lake's, in which `{0}`, `{1}` and so on are places for parts."""

    arg_types = {"template": True, "expressions": False}  # noqa: RUF012 - as sqlglot has it


def _written(generator: Any, node: Written) -> str:  # noqa: ANN401 - sqlglot's generator
    parts = [generator.sql(one) for one in node.expressions]
    return str(node.args["template"]).format(*parts)


def _spoken(parse: Any) -> Any:  # noqa: ANN401 - a method of sqlglot's parser
    """Mark what is written as CAST(…): a literal such as DECIMAL '1.50' makes the same node."""

    def marked(parser: Any) -> Any:  # noqa: ANN401
        node = parse(parser)
        node.meta["spoken"] = True
        return node

    return marked


@cache
def _dialects() -> tuple[Any, Any]:
    read: Any = Trino
    write: Any = DuckDB
    parser = type(
        "Parser",
        (read.Parser,),
        {
            "FUNCTIONS": {},
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
