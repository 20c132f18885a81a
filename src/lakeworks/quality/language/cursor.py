"""A place in the tokens of a document, and what every part of the parser does with it.

Pure. Every mistake is told with file, line, column, what was found and what was expected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, TypeVar

from lakeworks.quality.errors import DqdlError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lakeworks.quality.language.lexer import Source, Token
    from lakeworks.quality.language.ruleset import Place

T = TypeVar("T")
# Python's own stack holds several times as many levels.
DEEPEST = 60


class Cursor:
    """The tokens of a document and which of them is next."""

    def __init__(self, source: Source, found: list[Token]) -> None:
        self.source = source
        self.tokens = found
        self.at = 0
        self.depth = 0

    @property
    def next(self) -> Token:
        """The token that is not yet taken; the last one stays for ever."""
        return self.tokens[self.at]

    def place(self, token: Token | None = None) -> Place:
        """Return where a token stands, the next one when none is given."""
        return self.source.place((token or self.next).start)

    def take(self) -> Token:
        """Return the next token and move on."""
        token = self.tokens[self.at]
        if token.kind != "end":
            self.at += 1
        return token

    def take_kind(self, kind: str, expected: str) -> Token:
        """Take a token of one kind, or say what was expected."""
        if self.tokens[self.at].kind != kind:
            self.fail(expected)
        return self.take()

    def sees(self, *texts: str) -> bool:
        """Return whether the next tokens are these; strings and comments never are."""
        ahead = self.tokens[self.at : self.at + len(texts)]
        return len(ahead) == len(texts) and all(
            token.text == text for token, text in zip(ahead, texts, strict=True)
        )

    def accept(self, mark: str) -> bool:
        """Take a mark if it is next; return whether it was."""
        if self.tokens[self.at].text != mark:
            return False
        self.at += 1
        return True

    def expect(self, mark: str, expected: str = "") -> None:
        """Take a mark that has to be next."""
        if not self.accept(mark):
            self.fail(expected or mark)

    def string(self, expected: str) -> str:
        """Take a string and return what it says."""
        return unescaped(self.take_kind("string", expected).text)

    def listed(
        self, entry: Callable[[], T], what: str = "entry", closing: str = "]"
    ) -> tuple[T, ...]:
        """Read entries with commas between them up to the closing mark, which is taken too."""
        entries: list[T] = []
        while not self.accept(closing):
            if entries:
                self.expect(",", f"{closing} or a comma and another {what}")
            entries.append(entry())
        return tuple(entries)

    def deeper(self, read: Callable[[], T]) -> T:
        """Run `read` one level deeper, within what Python's stack surely holds."""
        if self.depth >= DEEPEST:
            problem = f"parentheses are nested more than {DEEPEST} deep"
            raise DqdlError.at(self.place(), problem)
        self.depth += 1
        found = read()
        self.depth -= 1
        return found

    def written(self, first: int, but: range | None = None) -> str:
        """Return the tokens taken since the `first` as they were written, blanks made single.

        Args:
            but: Positions of tokens that are left out.
        """
        parts: list[str] = []
        end = -1
        for index in range(first, self.at):
            if but is not None and index in but:
                continue
            token = self.tokens[index]
            if parts and token.start > end:
                parts.append(" ")
            parts.append(token.text)
            end = token.end
        return "".join(parts)

    def fail(self, expected: str, hint: str = "") -> NoReturn:
        """Say what was expected in place of the next token."""
        raise DqdlError.at(self.place(), f"{expected} is expected, not {self.next}", hint)


def unescaped(token_text: str) -> str:
    """Return what a quoted string says."""
    body = token_text[1:-1]
    if "\\" not in body:
        return body
    parts = body.split("\\\\")
    return "\\".join(part.replace('\\"', '"') for part in parts)
