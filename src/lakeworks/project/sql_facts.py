"""What a SELECT's text says: the tables that it reads, what drives it, and its normal form.

The tree is walked by `sql_shape`: sqlglot's own scopes do not visit every place in which a
table can stand. Loaded only when a model is new or changed (see `facts_cache.py`).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlglot import exp
from sqlglot.errors import ErrorLevel, ParseError, SqlglotError, TokenError, UnsupportedError
from sqlglot.tokenizer_core import TokenType

from lakeworks.core.errors import nearest
from lakeworks.project.declaration import Location
from lakeworks.project.errors import (
    NOT_IN_THIS_VERSION,
    NOT_ONE_SELECT,
    SQL_DOES_NOT_PARSE,
    UNKNOWN_TABLE,
)
from lakeworks.project.headers import ATHENA
from lakeworks.project.sql_shape import Bindings, bind, driving_path, is_row_wise
from lakeworks.project.sql_silence import silent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlglot.dialects.dialect import Dialect
    from sqlglot.tokenizer_core import Token

    from lakeworks.project.errors import Mistakes

ENGINE_DIALECT = "duckdb"
TABLE_FUNCTIONS = frozenset({"json_each", "json_tree", "repeat", "unnest"})
_WRITING = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Create, exp.Command, exp.Into)
_SQL_LINE = re.compile(r"SQL line (\d+),")
_VERBATIM = frozenset({TokenType.VAR, TokenType.IDENTIFIER, TokenType.STRING, TokenType.NUMBER})


@dataclass(frozen=True, slots=True)
class SqlFacts:
    """What is known of a SQL text without its lake; plain values, so that JSON holds it.

    Attributes:
        start, end: Where the SELECT stands in the file's text, without a closing semicolon.
        line: The line on which it begins.
        translated: The SELECT in the engine's dialect, where it was written in another.
        tables: The tables read with the line of each first mention, in order.
        driving: The table whose rows drive the SELECT, or None where it reads none.
        normal: SHA-256 of the text without comments, white space and case of keywords.
    """

    start: int
    end: int
    line: int
    translated: str | None
    tables: tuple[tuple[str, int], ...]
    driving: str | None
    row_wise: bool
    normal: str

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> SqlFacts:
        """Read what `to_json` wrote."""
        tables = tuple((str(name), int(line)) for name, line in values["tables"])
        return cls(**{**values, "tables": tables})

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def sql_facts(text: str, file: str, dialect: str, mistakes: Mistakes) -> SqlFacts | None:
    """Find the facts of the one SELECT in `text`, or note what is wrong and return None.

    Args:
        text: The whole file with everything but the SQL blanked out, so that lines and places
            in it are those of the file.
        dialect: A dialect that sqlglot knows.
    """
    try:
        return _facts(text, file, dialect, mistakes)
    except RecursionError:
        problem = "the SQL is nested too deep to be read"
        mistakes.add(Location(file, 1), problem, code=SQL_DOES_NOT_PARSE)
        return None


def dialects() -> list[str]:
    """Return the dialects that a header may name."""
    from sqlglot.dialects.dialect import Dialects

    return sorted({dialect.value for dialect in Dialects if dialect.value} | {ENGINE_DIALECT})


def _facts(text: str, file: str, dialect: str, mistakes: Mistakes) -> SqlFacts | None:
    from sqlglot.dialects.dialect import Dialect

    reader = Dialect.get_or_raise(dialect)
    try:
        tokens = reader.tokenize(text)
    except TokenError as error:
        mistakes.add(*_torn(error, text, file), code=SQL_DOES_NOT_PARSE)
        return None
    while tokens and tokens[-1].token_type is TokenType.SEMICOLON:
        tokens.pop()
    if not tokens:
        hint = "write a SELECT below the header"
        mistakes.add(Location(file, 1), "the file holds no SQL", hint, code=NOT_ONE_SELECT)
        return None
    query = _one_select(reader, tokens, text, file, mistakes)
    if query is None:
        return None
    before = len(mistakes.found)
    bindings = bind(query)
    _check_nodes(bindings, file, tokens[0].line, mistakes)
    translated = None
    if dialect in ATHENA:
        translated = _from_athena(text, query, file, tokens[0], mistakes)
    elif dialect != ENGINE_DIALECT:
        _check_places(query, dialect, file, tokens[0], mistakes)
        translated = _translated(query, file, tokens[0], mistakes)
    if len(mistakes.found) > before:
        return None
    path = driving_path(query, bindings)
    tables = bindings.tables()
    driving = path.table or (tables[0][0] if tables else None)
    return SqlFacts(
        start=tokens[0].start,
        end=tokens[-1].end + 1,
        line=tokens[0].line,
        translated=translated,
        tables=tables,
        driving=driving,
        row_wise=path.table is not None and is_row_wise(path, bindings),
        normal=_normal(tokens),
    )


def _one_select(
    reader: Dialect, tokens: list[Token], text: str, file: str, mistakes: Mistakes
) -> exp.Expr | None:
    second = next((t for t in tokens if t.token_type is TokenType.SEMICOLON), None)
    if second is not None:
        problem = "a second statement follows the semicolon"
        hint = "a model is one SELECT; put the other into a file of its own"
        mistakes.add(Location(file, second.line), problem, hint, code=NOT_ONE_SELECT)
        return None
    first = tokens[0]
    try:
        with silent():
            found = reader.parser(error_level=ErrorLevel.RAISE).parse(tokens, text)
    except ParseError as error:
        mistakes.add(*_unparsed(error, tokens, file), code=SQL_DOES_NOT_PARSE)
        return None
    except RecursionError:
        raise
    except Exception as error:  # noqa: BLE001 - on some wrong texts sqlglot fails itself
        problem = f"the SQL does not parse: {type(error).__name__} inside the parser"
        mistakes.add(Location(file, first.line), problem, code=SQL_DOES_NOT_PARSE)
        return None
    query = found[0] if len(found) == 1 else None
    if not isinstance(query, exp.Query) or isinstance(query, exp.Table):
        problem = f"a model is a SELECT, and this begins with {first.text[:40]!r}"
        hint = "write the SELECT alone; the header says how its rows are loaded"
        mistakes.add(Location(file, first.line), problem, hint, code=NOT_ONE_SELECT)
        return None
    return query


def _torn(error: TokenError, text: str, file: str) -> tuple[Location, str, str]:
    """Explain text that does not even divide into words: a quote or comment without an end."""
    words = str(error.__cause__ or "").split()
    if len(words) == 4 and words[0] == "Missing":  # noqa: PLR2004 - "Missing ' from 2:7"
        line = text.rstrip().count("\n") + 1
        return Location(file, line), f"a {words[1]} is opened and never closed", ""
    at = Location(file, text.rstrip().count("\n") + 1)
    return at, "a quote or comment is opened and never closed", ""


def _unparsed(
    error: ParseError, tokens: Sequence[Token], file: str
) -> tuple[Location, str, str]:
    detail = error.errors[0] if error.errors else {}
    line = detail.get("line") or tokens[0].line
    near = str(detail.get("highlight") or "")
    told = str(detail.get("description") or "it is not SQL")
    reason, _, got = told.partition(" but got ")
    ends = "SENTINEL" in got
    reason = reason.split("<Token")[0].strip().rstrip(".")
    reason = {"Invalid expression / Unexpected token": "this is not expected here"}.get(
        reason, reason.replace("Expecting", "expected", 1)
    )
    reason = reason[:1].lower() + reason[1:]
    place = f" after {near!r}, where the statement ends" if ends else f" near {near!r}"
    problem = f"the SQL does not parse{place if near else ''}: {reason}"
    first = tokens[0].text.lower()
    close = nearest(first, ("select", "with", "from"))
    hint = f"did you mean {close}?" if close not in (None, first) else ""
    return Location(file, line), problem, hint


def _check_nodes(bindings: Bindings, file: str, line: int, mistakes: Mistakes) -> None:
    for node in bindings.nodes:
        if isinstance(node, exp.Table):
            _check_table(node, bindings, file, mistakes)
            continue
        problem = ""
        if isinstance(node, _WRITING):
            problem = f"a model only reads, and this holds {node.key.upper()}"
        elif isinstance(node, exp.Placeholder | exp.Parameter):
            problem = f"a model takes no parameters such as {node.sql()}"
        if problem:
            mistakes.add(Location(file, line), problem, "take it out", code=NOT_ONE_SELECT)


def _check_table(node: exp.Table, bindings: Bindings, file: str, mistakes: Mistakes) -> None:
    at = Location(file, bindings.line(node))
    this = node.this
    if isinstance(this, exp.Func):
        name = this.name if isinstance(this, exp.Anonymous) else this.sql_name()
        if not isinstance(this, exp.GenerateSeries) and name.lower() not in TABLE_FUNCTIONS:
            problem = f"{name.lower()}(…) reads what the lake does not know of"
            hint = "declare files as a source, and select from its bronze table"
            mistakes.add(at, problem, hint, code=UNKNOWN_TABLE)
        return
    if node.args.get("when") or node.args.get("version"):
        problem = f"a model reads {bindings.name(node)} as it is, not an older version of it"
        mistakes.add(at, problem, "leave AT (…) out", code=NOT_IN_THIS_VERSION)
    if bindings.is_cte(node):
        return
    if node.args.get("catalog") is not None or not isinstance(this, exp.Identifier):
        problem = f"{bindings.name(node)} is not a table of this lake"
        mistakes.add(at, problem, "write database.table", code=UNKNOWN_TABLE)


def _check_places(
    query: exp.Expr, dialect: str, file: str, first: Token, mistakes: Mistakes
) -> None:
    """Refuse places in lists that a dialect counts from zero and sqlglot would leave as they are.

    It shifts what it knows to be a whole number: a column may as well be a map's key.
    """
    from sqlglot.dialects.dialect import Dialect
    from sqlglot.optimizer.annotate_types import annotate_types

    if Dialect.get_or_raise(dialect).INDEX_OFFSET:
        return
    for bracket in query.find_all(exp.Bracket):
        place = bracket.expressions[0] if len(bracket.expressions) == 1 else None
        if place is None or isinstance(place, exp.Slice | exp.Literal):
            continue
        known = annotate_types(place.copy()).type
        counts_from_one = bracket.args.get("offset") == 1
        if not counts_from_one and (
            known is None or known.this not in exp.DataType.INTEGER_TYPES
        ):
            problem = f"{bracket.sql(dialect)}: {dialect} counts places from 0, the lake from 1"
            hint = "write CAST(… AS INT) around a place in a list; a map's key needs DuckDB's dialect"
            mistakes.add(Location(file, first.line), problem, hint, code=SQL_DOES_NOT_PARSE)


def _translated(query: exp.Expr, file: str, first: Token, mistakes: Mistakes) -> str | None:
    try:
        return query.sql(
            dialect=ENGINE_DIALECT, unsupported_level=ErrorLevel.RAISE, comments=False
        )
    except UnsupportedError as error:
        reason = str(error).split("\n", 1)[0]
        problem = f"the SQL cannot be translated for {ENGINE_DIALECT}: {reason}"
    except (SqlglotError, ValueError, AttributeError, TypeError) as error:
        problem = f"the SQL cannot be translated for {ENGINE_DIALECT}: {type(error).__name__}"
    hint = "write this model in DuckDB's dialect"
    mistakes.add(Location(file, first.line), problem, hint, code=SQL_DOES_NOT_PARSE)
    return None


def _from_athena(
    text: str, query: exp.Expr, file: str, first: Token, mistakes: Mistakes
) -> str | None:
    """Translate by the tables that hold for callers' queries, too."""
    from lakeworks.project.athena.errors import (
        AthenaSyntaxError,
        AthenaTypeNeededError,
        AthenaUnsupportedError,
    )
    from lakeworks.project.athena.translation import translate

    try:
        return translate(text)
    except AthenaTypeNeededError:
        # Its types are known where it is checked and run; names and tables are right in this.
        return _translated(query, file, first, mistakes)
    except (AthenaSyntaxError, AthenaUnsupportedError) as error:
        line = int(found[1]) if (found := _SQL_LINE.match(error.problem)) else first.line
        mistakes.add(Location(file, line), error.problem, error.hint, code=SQL_DOES_NOT_PARSE)
        return None


def _normal(tokens: Sequence[Token]) -> str:
    """Hash words, not the tree, which loses what sqlglot does not model; words lose nothing."""
    digest = hashlib.sha256()
    for position, token in enumerate(tokens):
        kind, text = token.token_type, token.text
        follows = tokens[position + 1].token_type if position + 1 < len(tokens) else None
        called = kind is TokenType.VAR and follows is TokenType.L_PAREN
        if called or kind not in _VERBATIM:
            # Texts of rarer quotes ($$…$$, x'…') are verbatim too; keywords are plain letters.
            text = text.upper() if called or text.isidentifier() else text
        digest.update(f"{kind.name}\0{text}\0".encode())
    return digest.hexdigest()
