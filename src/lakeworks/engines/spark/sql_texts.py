"""Functions over text from the lake's SQL to Spark's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlglot import exp

from lakeworks.core.types import Array
from lakeworks.engines.spark.errors import NotOnSparkError
from lakeworks.engines.spark.patterns import java_pattern, java_replacement
from lakeworks.engines.spark.sql_casts import as_text
from lakeworks.engines.spark.sql_types import is_scalar, kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from lakeworks.engines.spark.sql_writer import Writer


_ASCII_END = 128


def text_literal(text: str) -> str:
    """Return a text as Spark's SQL writes it."""
    told = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{told}'"


def literal_text(writer: Writer, node: exp.Expression | None, whole: exp.Expression) -> str:
    """Return the text that a part is, which must not depend on the row."""
    if isinstance(node, exp.Literal) and node.is_string:
        return str(node.this)
    raise NotOnSparkError.part(
        f"{writer.original(whole)}: a pattern, format or separator that is no literal"
    )


def joined(writer: Writer, node: exp.DPipe) -> str:
    """`a || b` of texts (null if one is) or of lists."""
    if isinstance(kind(node), Array):
        return f"CONCAT({writer.sql(node.this)}, {writer.sql(node.expression)})"
    return f"({_text(writer, node.this)} || {_text(writer, node.expression)})"


def concatenated(writer: Writer, node: exp.Concat) -> str:
    """`concat(a, …)`, which passes over nulls."""
    told = ", ".join(_text(writer, one) for one in node.expressions)
    return f"CONCAT_WS('', {told})"


def concatenated_with(writer: Writer, node: exp.ConcatWs) -> str:
    """`concat_ws(separator, a, …)`."""
    told = ", ".join(_text(writer, one) for one in node.expressions)
    return f"CONCAT_WS({told})"


def part_of(writer: Writer, node: exp.Substring) -> str:
    """`substr(a, start, length)`: characters before the first count, and give nothing."""
    value, start = writer.sql(node.this), node.args.get("start")
    length = node.args.get("length")
    whole = _whole(start)
    if whole is None:
        raise NotOnSparkError.part(
            f"{writer.original(node)}: a start that is no plain number", "write the number"
        )
    if length is None:
        return f"SUBSTRING({value}, {whole or 1})"
    told = f"CAST({writer.sql(length)} AS INT)"
    ahead = f"SUBSTRING({value}, {whole}, {told})"
    if whole == 0:
        ahead = f"SUBSTRING({value}, 1, GREATEST({told} - 1, 0))"
    if (_whole(length) or -1) >= 0:
        return ahead
    return f"IF({told} < 0, {_before(value, whole, told)}, {ahead})"


def _before(value: str, start: int, length: str) -> str:
    """Return the characters before a start: those that a length below zero asks for."""
    place = str(start) if start >= 0 else f"(CHAR_LENGTH({value}) + {start + 1})"
    first = f"GREATEST({place} + {length}, 1)"
    last = f"LEAST({place} - 1, CHAR_LENGTH({value}))"
    return f"SUBSTRING({value}, {first}, {last} - {first} + 1)"


def edge(writer: Writer, node: exp.Left | exp.Right) -> str:
    """`left(a, n)` and `right(a, n)`."""
    count = _whole(node.expression)
    if count is None or count < 0:
        raise NotOnSparkError.part(
            f"{writer.original(node)}: a length that is no plain number from zero"
        )
    name = "LEFT" if isinstance(node, exp.Left) else "RIGHT"
    return f"{name}({writer.sql(node.this)}, {count})"


def length(writer: Writer, node: exp.Length) -> str:
    """`length(a)` of a text or a list."""
    held = kind(node.this)
    if isinstance(held, Array):
        return f"SIZE({writer.sql(node.this)})"
    if is_scalar(held, "string"):
        return f"CHAR_LENGTH({writer.sql(node.this)})"
    raise NotOnSparkError.part(f"{writer.original(node)}: the length of {held}")


def split(writer: Writer, node: exp.Split) -> str:
    """`string_split(a, separator)`."""
    mark = literal_text(writer, node.expression, node)
    if not mark:
        raise NotOnSparkError.part(f"{writer.original(node)}: an empty separator")
    quoted = "".join(f"\\{one}" if one.isascii() and not one.isalnum() else one for one in mark)
    return f"SPLIT({writer.sql(node.this)}, {text_literal(quoted)}, -1)"


def part_at(writer: Writer, node: exp.SplitPart) -> str:
    """`split_part(a, separator, n)`."""
    place = _whole(node.args["part_index"])
    if not place or not literal_text(writer, node.args["delimiter"], node):
        raise NotOnSparkError.part(
            f"{writer.original(node)}: a place that is no plain number from one"
        )
    mark = writer.sql(node.args["delimiter"])
    return f"SPLIT_PART({writer.sql(node.this)}, {mark}, {place})"


def matches(writer: Writer, node: exp.RegexpLike) -> str:
    """`regexp_matches(a, pattern)`: anywhere in the text."""
    return f"({writer.sql(node.this)} RLIKE {_pattern(writer, node)})"


def matches_whole(writer: Writer, node: exp.RegexpFullMatch) -> str:
    """`regexp_full_match(a, pattern)`, `a ~ pattern` and `similar to`: all of the text."""
    found = java_pattern(literal_text(writer, node.expression, node), _flags(writer, node))
    whole = rf"\A(?:{found})\z"
    return f"({writer.sql(node.this)} RLIKE {text_literal(whole)})"


def replaced(writer: Writer, node: exp.RegexpReplace) -> str:
    """`regexp_replace(a, pattern, new)`: the first match, or all with the option g."""
    flags = _flags(writer, node)
    pattern = java_pattern(literal_text(writer, node.expression, node), flags)
    new = literal_text(writer, node.args["replacement"], node)
    value = writer.sql(node.this)
    if "g" in flags:
        told = java_replacement(new)
        return f"REGEXP_REPLACE({value}, {text_literal(pattern)}, {text_literal(told)})"
    # Spark replaces every match: what stands before the first is made part of it.
    first = rf"\A((?s:.*?))({pattern})"
    told = "$1" + java_replacement(new, groups_before=2)
    return f"REGEXP_REPLACE({value}, {text_literal(first)}, {text_literal(told)})"


def extracted(writer: Writer, node: exp.RegexpExtract) -> str:
    """`regexp_extract(a, pattern, group)`: empty where nothing matches."""
    group = node.args.get("group")
    place = 0 if group is None else _whole(group)
    if place is None:
        raise NotOnSparkError.part(f"{writer.original(node)}: a group that is no plain number")
    return f"REGEXP_EXTRACT({writer.sql(node.this)}, {_pattern(writer, node)}, {place})"


def like(writer: Writer, node: exp.Like | exp.ILike) -> str:
    r"""`a like pattern`: without ESCAPE no letter is special, where Spark takes `\\` for one."""
    word = "ILIKE" if isinstance(node, exp.ILike) else "LIKE"
    pattern = node.expression
    if isinstance(pattern, exp.Literal):
        told = text_literal(str(pattern.this).replace("\\", "\\\\"))
    else:
        told = rf"REPLACE({writer.sql(pattern)}, '\\', '\\\\')"
    return f"{writer.sql(node.this)} {word} {told}"


def like_escaped(writer: Writer, node: exp.Escape) -> str:
    """`a like pattern escape mark`."""
    found = node.this
    word = "ILIKE" if isinstance(found, exp.ILike) else "LIKE"
    mark = literal_text(writer, node.expression, node)
    pattern = literal_text(writer, found.expression, node)
    if len(mark) != 1 or re.search(f"{re.escape(mark)}(?![%_{re.escape(mark)}])", re.sub(
        re.escape(mark * 2), "", pattern
    )):  # fmt: skip
        raise NotOnSparkError.part(f"{writer.original(node)}: this mark of escape")
    told = f"{text_literal(pattern)} ESCAPE {text_literal(mark)}"
    return f"{writer.sql(found.this)} {word} {told}"


def padded(writer: Writer, node: exp.Pad) -> str:
    """`lpad(a, n, filling)` and `rpad`."""
    name = "LPAD" if node.args.get("is_left") else "RPAD"
    fill = writer.sql(node.args["fill_pattern"])
    return f"{name}({writer.sql(node.this)}, {writer.sql(node.expression)}, {fill})"


def position(writer: Writer, node: exp.StrPosition) -> str:
    """`strpos(a, part)`."""
    return f"INSTR({writer.sql(node.this)}, {writer.sql(node.args['substr'])})"


def contains(writer: Writer, node: exp.Contains) -> str:
    """`contains(a, part)` of texts or of lists."""
    name = "ARRAY_CONTAINS" if isinstance(kind(node.this), Array) else "CONTAINS"
    return f"{name}({writer.sql(node.this)}, {writer.sql(node.expression)})"


def character(writer: Writer, node: exp.Chr) -> str:
    """`chr(n)`; Spark's knows the first 256 characters only."""
    place = _whole(node.expressions[0]) if len(node.expressions) == 1 else None
    if place is None or not 0 < place < _ASCII_END:
        raise NotOnSparkError.part(
            f"{writer.original(node)}: a character that is no plain number below 128",
            "write the character itself",
        )
    return f"CHR({place})"


def reversed_(writer: Writer, node: exp.Reverse) -> str:
    """`reverse(a)`: the lake keeps letters and their accents together, Spark does not."""
    raise NotOnSparkError.part(f"{writer.original(node)}: a text in reverse")


def _text(writer: Writer, node: exp.Expression) -> str:
    value = writer.sql(node)
    if isinstance(node, exp.Null) or isinstance(kind(node), Array):
        return value
    return as_text(writer, node, value)


def _pattern(writer: Writer, node: exp.RegexpLike | exp.RegexpExtract) -> str:
    found = literal_text(writer, node.expression, node)
    return text_literal(java_pattern(found, _flags(writer, node)))


def _flags(writer: Writer, node: exp.Expression) -> str:
    for name in ("flag", "modifiers", "parameters", "options"):
        given = node.args.get(name)
        if given is not None:
            return literal_text(writer, given, node)
    return ""


def _whole(node: exp.Expression | None) -> int | None:
    """Return a plain number as written, or None."""
    inner = node.this if isinstance(node, exp.Neg) else node
    if not isinstance(inner, exp.Literal) or inner.is_string or not str(inner.this).isdigit():
        return None
    return -int(inner.this) if isinstance(node, exp.Neg) else int(inner.this)


RULES: dict[type[exp.Expression], Callable[..., str]] = {
    exp.DPipe: joined,
    exp.Concat: concatenated,
    exp.ConcatWs: concatenated_with,
    exp.Substring: part_of,
    exp.Left: edge,
    exp.Right: edge,
    exp.Length: length,
    exp.Split: split,
    exp.SplitPart: part_at,
    exp.RegexpLike: matches,
    exp.RegexpFullMatch: matches_whole,
    exp.SimilarTo: matches_whole,
    exp.RegexpReplace: replaced,
    exp.RegexpExtract: extracted,
    exp.Like: like,
    exp.ILike: like,
    exp.Escape: like_escaped,
    exp.Pad: padded,
    exp.StrPosition: position,
    exp.Contains: contains,
    exp.Chr: character,
    exp.Reverse: reversed_,
}
