"""Read what is typed into the shell: statements and their ends, words to complete. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

# What is passed over whole, since a semicolon in it ends nothing.
_PIECE = re.compile(
    r"""
      --[^\n]*
    | (?P<comment>/\*)
    | \b[eE]'(?:[^'\\]|\\.|'')*'
    | '(?:[^']|'')*'
    | "(?:[^"]|"")*"
    | \$(?P<tag>[A-Za-z_]\w*|)\$.*?\$(?P=tag)\$
    | (?P<open>['"]|\$(?:[A-Za-z_]\w*)?\$)
    | (?P<end>;)
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT = re.compile(r"/\*|\*/")
_BLANK = re.compile(r"(?:\s|--[^\n]*|/\*.*?\*/|;)*", re.DOTALL)
_NO_ALIAS = "on|using|where|join|left|right|full|inner|cross|group|order|limit|having|union"
_TABLE = re.compile(rf"(\w+\.\w+)(?:\s+(?:as\s+)?(?!(?:{_NO_ALIAS})\b)(\w+))?", re.IGNORECASE)
_WORD = re.compile(r"(?:\A\s*\\\S*|[\w.]*)\Z")
_LEAVING = frozenset({"exit", "quit"})


def parts(text: str) -> list[str]:
    """Return what was typed one by one: commands as lines, statements without their semicolon."""
    found: list[str] = []
    while not _BLANK.fullmatch(text):
        text = text.lstrip()
        line, _, below = text.partition("\n")
        if _is_command(line):
            found.append(line.strip())
            text = below
            continue
        statement, rest = _first(text) or (text, "")
        if not _BLANK.fullmatch(statement):
            found.append(statement.strip())
        text = rest
    return found


def is_whole(text: str) -> bool:
    """Whether nothing more has to be typed: commands end with the line, SQL with a semicolon."""
    if _is_command(text):
        return True
    while not _BLANK.fullmatch(text):
        found = _first(text)
        if found is None:
            return False
        text = found[1]
    return True


def word_before(text: str) -> str:
    """Return the word, with its dots, or the command that a text ends with."""
    found = _WORD.search(text)
    return found[0].lstrip() if found else ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is to be completed.

    Attributes:
        word: What stands there already, dots included.
        tables: The names with a dot in the statement; aliases: what else they are called.
        wants_table: Whether a table must stand here.
    """

    word: str
    tables: tuple[str, ...]
    aliases: dict[str, str]
    wants_table: bool


def place(before: str, whole: str) -> Place:
    """Say what stands before the cursor.

    Args:
        before: The text up to the cursor.
        whole: All of the statement, as tables may be named behind the cursor.
    """
    word = word_before(before)
    earlier = before[: len(before) - len(word)].split()
    tables = _TABLE.findall(whole)
    aliases = {alias.lower(): table.lower() for table, alias in tables if alias}
    aliases |= {table.rpartition(".")[2].lower(): table.lower() for table, _ in tables}
    return Place(
        word.lower(),
        tuple(dict.fromkeys(table.lower() for table, _ in tables)),
        aliases,
        bool(earlier) and earlier[-1].lower() in {"from", "join", "\\d", "describe", "on"},
    )


def _is_command(line: str) -> bool:
    return line.lstrip().startswith("\\") or line.strip().lower() in _LEAVING


def _first(text: str) -> tuple[str, str] | None:
    """Return the first statement and what follows its semicolon; None where it has none yet."""
    at = 0
    while (piece := _PIECE.search(text, at)) is not None:
        at = piece.end()
        if piece["end"]:
            return text[: piece.start()], text[at:]
        if piece["open"]:
            return None
        if piece["comment"]:
            end = _comment_end(text, piece.start())
            if end is None:
                return None
            at = end
    return None


def _comment_end(text: str, at: int) -> int | None:
    depth = 0
    for mark in _COMMENT.finditer(text, at):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return mark.end()
    return None
