"""Upper and lower case and trimming, letter by letter as the lake does it.

The lake changes one letter into one letter: `ß` into `ẞ`. Spark follows the language (`SS`, and a
`Σ` that ends a word), and a newer Unicode. Texts that hold such a letter are changed piece by piece.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from lakeworks.engines.spark.errors import NotOnSparkError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lakeworks.engines.spark.sql_writer import Writer

# All characters were compared on both engines; these are those that differ.
_KEPT_UPPER = (
    "\u0149\u019b\u01f0\u0264\u0390\u03b0\u0587\u1c8a\u1e96-\u1e9a\u1f50\u1f52\u1f54\u1f56\u1f88-\u1f8f"
    "\u1f98-\u1f9f\u1fa8-\u1faf\u1fb2\u1fb4\u1fb6-\u1fb7\u1fbc\u1fc2\u1fc4\u1fc6-\u1fc7\u1fcc\u1fd2-\u1fd3"
    "\u1fd6-\u1fd7\u1fe2-\u1fe4\u1fe6-\u1fe7\u1ff2\u1ff4\u1ff6-\u1ff7\u1ffc\ua7cd\ua7cf\ua7d3\ua7d5\ua7db"
    "\ufb00-\ufb06\ufb13-\ufb17\U00010d70-\U00010d85\U00016ebb-\U00016ed3"
)
_CHANGED_UPPER = {
    "\u00df": "\u1e9e",
    **{
        chr(first + step): chr(first + step + 8)
        for first in (0x1F80, 0x1F90, 0x1FA0)
        for step in range(8)
    },
    **{chr(one): chr(one + 9) for one in (0x1FB3, 0x1FC3, 0x1FF3)},
}
_KEPT_LOWER = (
    "\u1c89\ua7cb-\ua7cc\ua7ce\ua7d2\ua7d4\ua7da\ua7dc"
    "\U00010d50-\U00010d65\U00016ea0-\U00016eb8"
)
_CHANGED_LOWER = {"\u0130": "i", "\u03a3": "\u03c3"}
_BLANKS = " \u00a0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u202f\u205f\u3000"


def cased(writer: Writer, node: exp.Upper | exp.Lower) -> str:
    """`upper(a)` and `lower(a)`."""
    if node.find(exp.Query) is not None:  # Spark takes none where it computes by pieces
        raise NotOnSparkError.part(f"{writer.original(node)}: the letters of a subquery")
    upper = isinstance(node, exp.Upper)
    changed = _CHANGED_UPPER if upper else _CHANGED_LOWER
    letters = (_KEPT_UPPER if upper else _KEPT_LOWER) + "".join(changed)
    name = "UPPER" if upper else "LOWER"
    value = writer.sql(node.this)
    pieces = f"REGEXP_EXTRACT_ALL({value}, '[{letters}]+|[^{letters}]+', 0)"
    before, after = "".join(changed), "".join(changed.values())
    piece = (
        f"IF(lakeworks_piece RLIKE '[{letters}]', "
        f"TRANSLATE(lakeworks_piece, '{before}', '{after}'), {name}(lakeworks_piece))"
    )
    slow = f"ARRAY_JOIN(TRANSFORM({pieces}, lakeworks_piece -> {piece}), '')"
    return f"IF({value} RLIKE '[{letters}]', {slow}, {name}({value}))"


def trimmed(writer: Writer, node: exp.Trim) -> str:
    """`trim(a)`, `ltrim(a)`, `rtrim(a)`, of blanks of every kind or of the characters given."""
    position = str(node.args.get("position") or "BOTH")
    marks = node.args.get("expression")
    told = f"'{_BLANKS}'" if marks is None else writer.sql(marks)
    return f"TRIM({position} {told} FROM {writer.sql(node.this)})"


RULES: dict[type[exp.Expression], Callable[..., str]] = {
    exp.Upper: cased,
    exp.Lower: cased,
    exp.Trim: trimmed,
}
