"""GRANT and REVOKE as SQL statements, read into the calls that they stand for.

Pure. `GRANT SELECT (a, b) ON silver.orders TO role:analyst WITH GRANT OPTION`; `ON DATABASE silver`,
`ON silver.*`, `ON TABLES TAGGED (pii = 'none' AND domain IN ('sales', 'web'))`; `SELECT EXCEPT (c)`;
`DATA_LOCATION_ACCESS ON LOCATION exports`;
`WHERE country = 'DE'` after the table for some rows; principals as `role:analyst`, `ROLE analyst`,
`USER ana`, `GROUP finance`, or in quotes. `REVOKE [GRANT OPTION FOR] … ON … FROM …`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

from lakeworks.governance.errors import GrantStatementError
from lakeworks.governance.principals import grantee
from lakeworks.governance.resources import (
    LOCATION_MARK,
    Resource,
    TagExpression,
    checked_permissions,
)

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<quoted>\"(?:[^\"]|\"\")+\")"
    r"|(?P<mark>[(),=;])|(?P<word>[^\s(),=;'\"]+))"
)
_KINDS = {"role": "role:", "user": "user:", "group": "group:"}
MAX_CHARACTERS = 20_000


@dataclass(frozen=True, slots=True)
class GrantStatement:
    """One GRANT or REVOKE.

    Attributes:
        grants: Each resource with its permissions: one that lists columns is one of its own.
        option: For GRANT, with the grant option; for REVOKE, only the option.
    """

    verb: Literal["GRANT", "REVOKE"]
    grants: tuple[tuple[Resource, frozenset[str]], ...]
    principals: tuple[str, ...]
    option: bool


def parse_grant(sql: str) -> GrantStatement:
    """Read one statement.

    Raises:
        GrantStatementError: it is not one; it says at which character.
        GovernanceError: a name, permission, resource or filter in it is wrong.
    """
    if len(sql) > MAX_CHARACTERS:
        raise GrantStatementError.at(MAX_CHARACTERS, "the statement is too long")
    return _Parser(sql).statement()


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int
    end: int

    @property
    def word(self) -> str:
        return self.text.upper() if self.kind == "word" else ""


@dataclass(slots=True)
class _Item:
    """One permission with its columns."""

    permission: str
    columns: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()


class _Parser:
    def __init__(self, sql: str) -> None:
        self.sql = sql
        self.tokens = self._tokens()
        self.next = 0

    def statement(self) -> GrantStatement:
        verb: Literal["GRANT", "REVOKE"] = "GRANT"
        option = False
        if self._take("REVOKE"):
            verb = "REVOKE"
            if self._take("GRANT"):
                self._expect("OPTION", "FOR")
                option = True
        else:
            self._expect("GRANT")
        items = self._items()
        self._expect("ON")
        resource = self._resource()
        self._expect("TO" if verb == "GRANT" else "FROM")
        principals = self._principals()
        if verb == "GRANT" and self._take("WITH"):
            self._expect("GRANT", "OPTION")
            option = True
        self._take(";")
        if self._peek().kind != "end":
            raise self._wrong(f"{self._peek().text!r} is not expected here")
        return GrantStatement(verb, _by_resource(items, resource), principals, option)

    def _tokens(self) -> list[_Token]:
        found: list[_Token] = []
        at, end = 0, len(self.sql.rstrip())
        while at < end:
            match = _TOKEN.match(self.sql, at)
            if match is None or match.lastgroup is None:
                raise GrantStatementError.at(at, "a text in quotes has no end")
            kind = match.lastgroup
            found.append(_Token(kind, match[kind], match.start(kind), match.end()))
            at = match.end()
        found.append(_Token("end", "the end", end, end))
        return found

    def _items(self) -> list[_Item]:
        found = [self._item()]
        while self._take(","):
            found.append(self._item())
        return found

    def _item(self) -> _Item:
        token = self._peek()
        if token.kind != "word":
            raise self._wrong("a permission is expected")
        self.next += 1
        words = [token.text]
        if token.word == "ALL":
            self._take("PRIVILEGES")
        elif token.word in ("CREATE", "ALL_PRIVILEGES") and self._peek().kind == "word":
            words.append(self._peek().text)
            self.next += 1
        item = _Item("_".join(words))
        if self._take("EXCEPT"):
            item.excluded = self._names()
        elif self._peek().text == "(":
            item.columns = self._names()
        return item

    def _names(self) -> tuple[str, ...]:
        self._expect("(")
        found = [self._name()]
        while self._take(","):
            found.append(self._name())
        self._expect(")")
        return tuple(found)

    def _name(self) -> str:
        token = self._peek()
        if token.kind not in ("word", "quoted"):
            raise self._wrong("a column's name is expected")
        self.next += 1
        return token.text[1:-1].replace('""', '"') if token.kind == "quoted" else token.text

    def _resource(self) -> Resource:
        of = self._peek().word
        if of in ("TABLES", "DATABASES") and self._peek(1).word == "TAGGED":
            self.next += 2
            tags = self._expression()
            return Resource("tags", tags=tags, of="tables" if of == "TABLES" else "databases")
        if self._take("CATALOG"):
            return Resource("catalog")
        if self._take("LOCATION"):
            return Resource.parse(f"{LOCATION_MARK}{self._name().lower()}")
        is_database = self._take("DATABASE") or self._take("SCHEMA")
        if not is_database:
            self._take("TABLE")
        token = self._peek()
        if token.kind != "word":
            raise self._wrong("a database or a table is expected")
        self.next += 1
        found = Resource.parse(token.text)
        if is_database and found.kind != "database":
            raise GrantStatementError.at(token.at, f"{token.text} is no database")
        return replace(found, rows=self._rows()) if self._peek().word == "WHERE" else found

    def _rows(self) -> str:
        """Return the text of a row filter, up to the TO or FROM that ends it."""
        begin = self._peek().end
        self.next += 1
        depth = 0
        while self._peek().kind != "end":
            token = self._peek()
            depth += {"(": 1, ")": -1}.get(token.text, 0)
            if depth == 0 and token.word in ("TO", "FROM"):
                break
            self.next += 1
        return self.sql[begin : self._peek().at].strip()

    def _expression(self) -> TagExpression:
        self._expect("(")
        found: list[tuple[str, tuple[str, ...]]] = []
        while not found or self._take("AND"):
            key = self._name().lower()
            if self._take("IN"):
                self._expect("(")
                values = [self._value()]
                while self._take(","):
                    values.append(self._value())
                self._expect(")")
            else:
                self._expect("=")
                values = [self._value()]
            found.append((key, tuple(sorted(values))))
        self._expect(")")
        return tuple(sorted(found))

    def _value(self) -> str:
        token = self._peek()
        if token.kind not in ("text", "word"):
            raise self._wrong("a tag's value is expected")
        self.next += 1
        text = token.text[1:-1].replace("''", "'") if token.kind == "text" else token.text
        return text.lower()

    def _principals(self) -> tuple[str, ...]:
        found = [self._principal()]
        while self._take(","):
            found.append(self._principal())
        return tuple(dict.fromkeys(found))

    def _principal(self) -> str:
        token = self._peek()
        self.next += 1
        if token.kind == "word" and token.text.lower() in _KINDS:
            prefix, token = _KINDS[token.text.lower()], self._peek()
            self.next += 1
            return grantee(prefix + _bare(token))
        if token.kind in ("mark", "end"):
            self.next -= 1
            raise self._wrong("a principal is expected")
        text = token.text
        if token.kind == "word" and self._peek().text == "=" and text.startswith("tag:"):
            self.next += 1
            text = f"{text}={self._value()}"
        return grantee(text if token.kind == "word" and "=" in text else _bare(token, text))

    def _peek(self, ahead: int = 0) -> _Token:
        return self.tokens[min(self.next + ahead, len(self.tokens) - 1)]

    def _take(self, word: str) -> bool:
        token = self._peek()
        found = token.word == word or (token.kind == "mark" and token.text == word)
        self.next += found
        return found

    def _expect(self, *words: str) -> None:
        for word in words:
            if not self._take(word):
                raise self._wrong(f"{word} is expected, not {self._peek().text!r}")

    def _wrong(self, problem: str) -> GrantStatementError:
        return GrantStatementError.at(self._peek().at, problem)


def _bare(token: _Token, text: str | None = None) -> str:
    written = token.text if text is None else text
    if token.kind == "text":
        return written[1:-1].replace("''", "'")
    return written[1:-1].replace('""', '"') if token.kind == "quoted" else written


def _by_resource(
    items: list[_Item], resource: Resource
) -> tuple[tuple[Resource, frozenset[str]], ...]:
    """Put the permissions on one resource together; those with columns have one of their own."""
    found: dict[Resource, list[str]] = {}
    for item in items:
        own = replace(resource, columns=item.columns, excluded=item.excluded)
        found.setdefault(own, []).append(item.permission)
    return tuple((one, checked_permissions(tuple(words), one)) for one, words in found.items())
