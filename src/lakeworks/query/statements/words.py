"""Read the beginning of a statement word by word, up to the query that it holds as text.

Only the words that a statement itself is made of are read here. A query within it stays the text
that it was: the engine's own parser has the say over it.
"""

from __future__ import annotations

import re
from typing import Any

from lakeworks.core.errors import NameRefusedError
from lakeworks.core.names import TableName
from lakeworks.engines.dialects import Word, words_of
from lakeworks.query.errors import StatementSyntaxError

_MOST_DIGITS = 400
_MOST_DEPTH = 100


class Words:
    """A statement and how far it is read.

    Raises:
        StatementSyntaxError: a quote or a comment in it has no end.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._depth = 0
        found = words_of(text)
        if found is None:
            raise StatementSyntaxError.at(text, len(text), "a quote has no end")
        self._tokens = [part for token in found for part in _apart(token)]
        self._next = 0
        self._end = len(text)

    def stands(self, *words: str) -> bool:
        """Whether these words or marks are the next ones."""
        found = self._tokens[self._next : self._next + len(words)]
        return tuple(_word(token) for token in found) == words

    def take(self, *words: str) -> bool:
        """Go past these words or marks, if they are the next ones; else stay."""
        if not self.stands(*words):
            return False
        self._next += len(words)
        return True

    def drop_end(self, *words: str) -> bool:
        """Leave these words out, if the statement ends with them."""
        begin = len(self._tokens) - len(words)
        found = self._tokens[max(begin, self._next) :]
        if tuple(_word(token) for token in found) != words:
            return False
        self._end = self._tokens[begin].start
        del self._tokens[begin:]
        return True

    def expect(self, *words: str) -> None:
        """Go past these words.

        Raises:
            StatementSyntaxError: others stand there.
        """
        if not self.take(*words):
            raise self.wrong(f"{' '.join(words)} is expected")

    def peek(self) -> str:
        """Return the next word in capitals, or the next mark; empty at the end."""
        return _word(self._tokens[self._next]) if self._next < len(self._tokens) else ""

    def next_kind(self) -> str:
        """Return the kind of the next word; empty at the end, and where a semicolon ends it."""
        left = self._tokens[self._next : self._next + 1]
        return left[0].kind if left and _word(left[0]) != ";" else ""

    def identifier(self) -> str:
        """Go past one name, in quotes or not, and return it as it is written inside them.

        Raises:
            StatementSyntaxError: there is none.
        """
        if self._next >= len(self._tokens):
            raise self.wrong("a name is expected")
        token = self._tokens[self._next]
        if token.kind == "text":
            raise self.wrong("a name is expected, which stands bare or in double quotes")
        # A word that SQL gives a meaning may be a name where only a name can stand.
        if token.kind != "name" and not token.text.isidentifier():
            raise self.wrong("a name is expected")
        self._next += 1
        return token.text

    def table(self) -> TableName:
        """Go past `database.table`.

        Raises:
            StatementSyntaxError: something else stands there.
        """
        at = self.at
        first = self.identifier()
        if not self.take("."):
            raise StatementSyntaxError.at(
                self.text, at, f"write {first!r} with its database: database.{first}"
            )
        try:
            return TableName.parse(f"{first}.{self.identifier()}".lower())
        except NameRefusedError as error:
            raise StatementSyntaxError.at(self.text, at, error.problem) from None

    def names(self) -> tuple[str, ...]:
        """Go past `(a, b)`."""
        self.expect("(")
        found = [self.identifier()]
        while self.take(","):
            found.append(self.identifier())
        self.expect(")")
        return tuple(found)

    def literal(self) -> Any:  # noqa: ANN401 - text, number, truth, None, or a list of them
        """Go past one constant: a text, a number, TRUE, FALSE, NULL, `ARRAY[…]` or `[…]`.

        Raises:
            StatementSyntaxError: something else stands there.
        """
        for word, value in (("TRUE", True), ("FALSE", False), ("NULL", None)):
            if self.take(word):
                return value
        if self.take("ARRAY", "[") or self.take("["):
            return self._list()
        minus = self.take("-")
        token = self._tokens[self._next] if self._next < len(self._tokens) else None
        kind = token.kind if token is not None else ""
        if token is None or kind not in ({"number"} if minus else {"number", "text"}):
            raise self.wrong("a text or a number is expected")
        self._next += 1
        if kind == "text":
            return token.text
        if len(token.text) > _MOST_DIGITS:
            raise self.wrong("a number has more digits than any column")
        number = float(token.text) if not token.text.isdigit() else int(token.text)
        return -number if minus else number

    def properties(self) -> dict[str, Any]:
        """Go past `(key = constant, …)`; keys come back in lower case.

        Raises:
            StatementSyntaxError: it is something else, or has a key twice.
        """
        self.expect("(")
        found: dict[str, Any] = {}
        while True:
            key = (self._text() or self.identifier()).lower()
            if key in found:
                raise self.wrong(f"{key} stands there twice")
            self.expect("=")
            found[key] = self.literal()
            if not self.take(","):
                break
        self.expect(")")
        return found

    def parenthesised(self) -> str:
        """Go past what stands in parentheses and return its text.

        Raises:
            StatementSyntaxError: there are none, or they do not close.
        """
        self.expect("(")
        begin, depth = self._tokens[self._next - 1].end, 1
        while self._next < len(self._tokens):
            token = self._tokens[self._next]
            self._next += 1
            depth += {"(": 1, ")": -1}.get(_word(token), 0)
            if depth == 0:
                return self.text[begin : token.start]
        raise self.wrong("a parenthesis does not close")

    def rest(self) -> str:
        """Go to the end and return the text up to it.

        Raises:
            StatementSyntaxError: there is none.
        """
        if self._next >= len(self._tokens):
            raise self.wrong("a query is expected")
        begin, self._next = self.at, len(self._tokens)
        return self.text[begin : self._end]

    def condition(self) -> str:
        """Go to the end and return the text up to it, in which parentheses close.

        Raises:
            StatementSyntaxError: there is none, they do not, or another statement follows.
        """
        depth = 0
        for token in self._tokens[self._next :]:
            depth += {"(": 1, ")": -1}.get(_word(token), 0)
            if depth < 0 or _word(token) == ";":
                raise StatementSyntaxError.at(
                    self.text, token.start, f"{token.text!r} is not expected here"
                )
        if depth:
            raise StatementSyntaxError.at(self.text, self._end, "a parenthesis does not close")
        return self.rest()

    def end(self) -> None:
        """Go past a semicolon, if one stands there.

        Raises:
            StatementSyntaxError: anything else is left.
        """
        self.take(";")
        if self._next < len(self._tokens):
            raise self.wrong(f"{self._tokens[self._next].text!r} is not expected here")

    @property
    def at(self) -> int:
        """The place in the text where the next word begins."""
        left = self._tokens[self._next : self._next + 1]
        return left[0].start if left else len(self.text)

    def wrong(self, problem: str) -> StatementSyntaxError:
        """Return the error for what stands next."""
        return StatementSyntaxError.at(self.text, self.at, problem)

    def _text(self) -> str:
        token = self._tokens[self._next : self._next + 1]
        if not token or token[0].kind != "text":
            return ""
        self._next += 1
        return token[0].text

    def _list(self) -> list[Any]:
        found: list[Any] = []
        if self.take("]"):
            return found
        self._depth += 1
        if self._depth > _MOST_DEPTH:
            raise self.wrong("lists are nested too deep")
        found.append(self.literal())
        while self.take(","):
            found.append(self.literal())
        self.expect("]")
        self._depth -= 1
        return found


def _apart(token: Word) -> list[Word]:
    """Return the words of a token that is several in one, such as PARTITIONED BY."""
    if token.kind != "word" or not any(mark.isspace() for mark in token.text):
        return [token]
    return [
        Word("word", part[0], token.start + part.start(), token.start + part.end())
        for part in re.finditer(r"\S+", token.text)
    ]


def _word(token: Word) -> str:
    """Return a token as a word; nothing for what stands in quotes, which is no word."""
    return token.text.upper() if token.kind in {"word", "number"} else ""
