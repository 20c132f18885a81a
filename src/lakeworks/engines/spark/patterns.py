"""Regular expressions and date formats, from the lake's dialect to Java's.

Pure. The lake's expressions are RE2's; Java reads most of them alike. The rest is rewritten, or
refused by name.
"""

from __future__ import annotations

import re

from lakeworks.engines.spark.errors import NotOnSparkError

# strftime's letters to Java's, as written; and as read, where one digit will do for two.
_WRITTEN = {
    "Y": "yyyy", "m": "MM", "d": "dd", "H": "HH", "M": "mm", "S": "ss", "f": "SSSSSS",
    "y": "yy", "b": "MMM", "B": "MMMM", "a": "EEE", "A": "EEEE", "j": "DDD", "p": "a",
    "I": "hh", "g": "SSS", "-d": "d", "-m": "M", "-H": "H", "-M": "m", "-S": "s", "-I": "h",
}  # fmt: skip
_READ = {"m": "M", "d": "d", "H": "H", "M": "m", "S": "s", "I": "h"}
# Names in any case and years of two digits are read by other rules.
_NOT_READ = frozenset({"y", "b", "B", "a", "A", "j", "p", "I", "g", "-I"})
_COMPOSED = {"F": "%Y-%m-%d", "T": "%H:%M:%S", "x": "%Y-%m-%d", "X": "%H:%M:%S",
             "c": "%Y-%m-%d %H:%M:%S", "D": "%m/%d/%y", "R": "%H:%M"}  # fmt: skip
_FLAGS = re.compile(r"\(\?[imsU-]+")
_OUTSIDE_CLASS = {"$": r"\z"}


def java_format(text: str, *, reading: bool = False) -> str:
    """Return a date format as Java writes it.

    Raises:
        NotOnSparkError: a part has no counterpart.
    """
    for letter, composed in _COMPOSED.items():
        text = text.replace(f"%{letter}", composed)
    parts: list[tuple[str, bool]] = []
    at = 0
    while at < len(text):
        if text[at] != "%":
            parts.append((text[at], False))
            at += 1
            continue
        name = text[at + 1 : at + 3] if text[at + 1 : at + 2] == "-" else text[at + 1 : at + 2]
        at += 1 + len(name)
        if name == "%":
            parts.append(("%", False))
        elif name in _WRITTEN and not (reading and name in _NOT_READ):
            parts.append((name, True))
        else:
            raise NotOnSparkError.part(f"the date format %{name}")
    return _joined(parts, reading=reading)


def java_pattern(pattern: str, flags: str = "") -> str:
    """Return a regular expression that Java reads as RE2 reads `pattern`.

    Raises:
        NotOnSparkError: a part means something else to Java.
    """
    refused = set(flags) - set("icgs")
    if refused:
        raise NotOnSparkError.part(f"the option {''.join(sorted(refused))!r} of a pattern")
    out: list[str] = []
    at = depth = 0
    while at < len(pattern):
        mark = pattern[at]
        if mark == "\\":
            out.append(_escaped(pattern[at : at + 2], pattern))
            at += 2
            continue
        if depth:
            at, depth = _in_class(pattern, at, out)
            continue
        depth = 1 if mark == "[" else 0
        if mark == "[" and pattern[at + 1 : at + 2] in "^]":
            step = 3 if pattern[at + 1 : at + 3] == "^]" else 2
            found = pattern[at : at + step]
            out.append(found.replace("]", r"\]"))
            at += len(found)
            continue
        flags_end = _flags_end(pattern, at)
        if flags_end:
            out.append(_inline(pattern[at:flags_end], pattern))
            at = flags_end
            continue
        out.append(_OUTSIDE_CLASS.get(mark, mark))
        at += 1
    # d: only a line feed ends a line, as in RE2.
    letters = "d" + ("iu" if "i" in flags else "") + ("s" if "s" in flags else "")
    return f"(?{letters}){''.join(out)}"


def java_replacement(text: str, *, groups_before: int = 0) -> str:
    """Return what a match is replaced with, as Java writes it."""
    out: list[str] = []
    at = 0
    while at < len(text):
        mark, following = text[at], text[at + 1 : at + 2]
        if mark == "\\" and following.isdigit():
            after = text[at + 2 : at + 3]
            if after.isdigit():
                raise NotOnSparkError.part(f"the replacement {text!r}: a digit after a group")
            out.append(f"${int(following) + groups_before}")
            at += 2
        elif mark == "\\" and following == "\\":
            out.append("\\\\")
            at += 2
        else:
            out.append(f"\\{mark}" if mark in "$\\" else mark)
            at += 1
    return "".join(out)


def _joined(parts: list[tuple[str, bool]], *, reading: bool) -> str:
    out: list[str] = []
    for place, (text, is_field) in enumerate(parts):
        if not is_field and text.isalpha():
            # Two quotes side by side would be one that is meant.
            before = place > 0 and not parts[place - 1][1] and parts[place - 1][0].isalpha()
            out.append(f"{out.pop()[:-1]}{text}'" if before else f"'{text}'")
            continue
        if not is_field:
            out.append("''" if text == "'" else text)
            continue
        beside = [parts[i][1] for i in (place - 1, place + 1) if 0 <= i < len(parts)]
        # Between other marks one digit is read as well as two; fields side by side are not.
        loose = reading and not any(beside)
        out.append(_READ.get(text, _WRITTEN[text]) if loose else _WRITTEN[text])
    return "".join(out)


def _escaped(pair: str, pattern: str) -> str:
    if pair[1:] in {"C", "Q", "E", "z", "p", "P", "v"} or pair[1:].isdigit():
        if pair == r"\z":
            return pair
        raise NotOnSparkError.part(f"the pattern {pattern!r}, with {pair}")
    if pair == r"\s":
        return r"[\t\n\f\r ]"
    if pair == r"\S":
        return r"[^\t\n\f\r ]"
    return pair


def _in_class(pattern: str, at: int, out: list[str]) -> tuple[int, int]:
    """Copy one mark of a class, and say where the next is and whether the class goes on."""
    mark = pattern[at]
    if mark == "[" and pattern[at + 1 : at + 2] == ":":
        end = pattern.find(":]", at)
        name = pattern[at + 2 : end]
        out.append(f"\\p{{{_POSIX.get(name, name.capitalize())}}}")
        return end + 2, 1
    out.append(f"\\{mark}" if mark in "[&" else mark)
    return at + 1, int(mark != "]")


_POSIX = {"alnum": "Alnum", "xdigit": "XDigit", "ascii": "ASCII"}


def _flags_end(pattern: str, at: int) -> int:
    """Return where `(?flags` ends that begins here, or 0 if none does."""
    if pattern.startswith(("(?P<", "(?P'", "(?<"), at):
        raise NotOnSparkError.part(
            f"the pattern {pattern!r}, with a named group", "number the groups instead"
        )
    found = _FLAGS.match(pattern, at)
    return found.end() if found else 0


def _inline(flags: str, pattern: str) -> str:
    """Return flags inside a pattern; letters of all languages fold, as in RE2."""
    if set(flags) & set("mU"):
        raise NotOnSparkError.part(f"the pattern {pattern!r}, with {flags}")
    return flags.replace("i", "iu")
