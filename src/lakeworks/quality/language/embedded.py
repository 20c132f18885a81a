"""Rulesets inside of other files: find them, and lay out their text alone.

Pure. A `.dqdl` file is one ruleset. In a SQL model it is the block `quality: |` of the leading
comment, in a Python model the text `quality=` of `@model`. All else in the file stays byte for
byte; what is not written as a block, such as a text made by a function, is left as it is.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.quality.language.format import formatted

if TYPE_CHECKING:
    from collections.abc import Iterator

SUFFIXES = (".dqdl", ".sql", ".py")
_HEADER = re.compile(r"\A\ufeff?(?:\s|--[^\n]*\n)*+/\*(.*?)\*/", re.DOTALL)
_KEY = re.compile(r"^([ ]*)quality:[ \t]*\|[+-]?[ \t]*(?:#[^\n]*)?\r?\n", re.MULTILINE)
_INK_LINE = re.compile(r"^([ ]*)[^\s]", re.MULTILINE)
_STRING = re.compile(r"([rR]?)(\"\"\"|'''|\"|')(.*)\2", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A ruleset in a file: the characters from `start` to `end`.

    Attributes:
        indent: The blanks before each of its lines but the first.
        yaml: Whether the blanks before lines are no part of the text, even inside of strings.
        one_line: Whether it has to stay on one line.
    """

    start: int
    end: int
    indent: str = ""
    yaml: bool = False
    one_line: bool = False


def blocks(text: str, suffix: str) -> list[Block]:
    """Return the rulesets of a file, in order.

    Args:
        suffix: How the file's name ends: `.dqdl`, `.sql` or `.py`.
    """
    match suffix:
        case ".dqdl":
            start = 1 if text.startswith("\ufeff") else 0
            return [Block(start, len(text))]
        case ".sql":
            return list(_sql_blocks(text))
        case ".py":
            return sorted(_python_blocks(text), key=lambda block: block.start)
        case _:
            return []


def laid_out(text: str, suffix: str, *, file: str = "") -> str:
    """Return a file's text with its rulesets laid out, and all else as it was.

    Raises:
        DqdlError: a ruleset is not DQDL; its place is that in the file.
    """
    parts: list[str] = []
    at = 0
    for block in blocks(text, suffix):
        parts.extend((text[at : block.start], _block_laid_out(text, block, file, suffix)))
        at = block.end
    return "".join([*parts, text[at:]])


def _block_laid_out(text: str, block: Block, file: str, suffix: str) -> str:
    written = text[block.start : block.end]
    ruleset = _without(written, block.indent) if block.yaml else written
    new = formatted(
        ruleset,
        first_line=text.count("\n", 0, block.start) + 1,
        file=file,
        indent=len(block.indent),
        prefix="" if block.yaml else block.indent,
    )
    if suffix == ".dqdl":
        return new
    new = new.rstrip("\r\n")
    if block.one_line and "\n" in new:
        return written
    return _with(new, block.indent) if block.yaml else new


def _without(written: str, indent: str) -> str:
    first, *rest = written.split("\n")
    return "\n".join([first, *(line.removeprefix(indent) for line in rest)])


def _with(text: str, indent: str) -> str:
    first, *rest = text.split("\n")
    return "\n".join([first, *(indent + line if line.strip("\r") else line for line in rest)])


def _sql_blocks(text: str) -> Iterator[Block]:
    header = _HEADER.match(text)
    if header is None:
        return
    begin, end = header.span(1)
    lines_begin = text.find("\n", begin, end) + 1 or begin
    margin = min(
        (len(line[1]) for line in _INK_LINE.finditer(text, lines_begin, end)), default=0
    )
    for key in _KEY.finditer(text, begin, end):
        if len(key[1]) != margin:
            continue  # a column of that name, or the like
        block = _yaml_block(text, key.end(), end, margin)
        if block is not None:
            yield block


def _yaml_block(text: str, begin: int, end: int, margin: int) -> Block | None:
    """Return the lines from `begin` that are indented deeper than their key."""
    lines = list(_INK_LINE.finditer(text, begin, end))
    outside = next((line.start() for line in lines if len(line[1]) <= margin), end)
    inside = [line for line in lines if line.start() < outside]
    if not inside:
        return None
    first = inside[0]
    start = first.end(1)
    return Block(start, start + len(text[start:outside].rstrip()), first[1], yaml=True)


def _python_blocks(text: str) -> Iterator[Block]:
    try:
        tree = ast.parse(text.removeprefix("\ufeff"))
    except (SyntaxError, ValueError, RecursionError):
        return
    lines = [0, *(found.end() for found in re.finditer("\n", text))]
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not _is_model(node.func):
            continue
        for keyword in node.keywords:
            value = keyword.value
            if keyword.arg == "quality" and isinstance(value, ast.Constant):
                yield from _string_block(text, lines, value)


def _is_model(function: ast.expr) -> bool:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return bool(name == "model")


def _string_block(text: str, lines: list[int], value: ast.Constant) -> Iterator[Block]:
    start = _offset(text, lines, value.lineno, value.col_offset)
    end = _offset(text, lines, value.end_lineno or 1, value.end_col_offset or 0)
    literal = _STRING.fullmatch(text, start, end)
    if literal is None or literal[3].replace("\r\n", "\n") != value.value:
        return  # with escapes, or put together: its text is not that in the file
    inner = literal[3]
    begin = literal.start(3) + len(inner) - len(inner.lstrip())
    finish = literal.start(3) + len(inner.rstrip())
    if begin >= finish:
        return
    first_line = text[text.rfind("\n", 0, begin) + 1 : begin]
    indent = first_line if not first_line.strip() else _last_indent(text[begin:finish])
    yield Block(begin, finish, indent, one_line=len(literal[2]) == 1)


def _last_indent(written: str) -> str:
    """Return the blanks before the last line of a text that begins behind its quotes."""
    if "\n" not in written:
        return ""
    last = written[written.rfind("\n") + 1 :]
    return last[: len(last) - len(last.lstrip(" \t"))]


def _offset(text: str, lines: list[int], line: int, column: int) -> int:
    """Return where a place of Python's tree stands; its columns count bytes."""
    begin = lines[line - 1]
    mark = 1 if line == 1 and text.startswith("\ufeff") else 0
    rest = text[begin + mark : lines[line] if line < len(lines) else len(text)]
    return begin + mark + len(rest.encode()[:column].decode())
