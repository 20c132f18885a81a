"""Read DQDL, the rule language of AWS Glue Data Quality, into a `Ruleset`.

Pure: a recursive-descent parser over the tokens of `lexer.py`; `condition_grammar.py` reads
conditions. It knows the shape of a rule, not the rule types: `checking` says which there are
and what they take. Every mistake is a `DqdlError` with file, line, column and what was expected.

https://docs.aws.amazon.com/glue/latest/dg/dqdl.html
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeVar

from lakeworks.core.errors import did_you_mean, nearest
from lakeworks.quality.errors import DqdlError
from lakeworks.quality.language.condition_grammar import (
    AND,
    KEYWORD_VALUES,
    OPERATOR_WORDS,
    ConditionReader,
)
from lakeworks.quality.language.cursor import DEEPEST, unescaped
from lakeworks.quality.language.lexer import Source, Token, tokens
from lakeworks.quality.language.ruleset import (
    Analyzer,
    Composite,
    Condition,
    Constant,
    DataSources,
    Keyword,
    Label,
    Rule,
    Ruleset,
    Tag,
    Text,
)

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
_OR, _OF = ("or", "OR"), ("of", "OF")
_KEYWORDS = frozenset({
    *AND, *_OR, *_OF, *KEYWORD_VALUES,
    "between", "in", "not", "matches", "with", "where", "labels",
})  # fmt: skip
_CLAUSES = frozenset({"where", "with", "labels"})
SECTIONS = ("Metadata", "DataSources", "DefaultLabels", "Rules", "Analyzers")
_METADATA_KEYS = ("Version",)
_SOURCE_KEYS = ("Primary", "AdditionalDataSources")
MOST_LABELS = 10
MOST_OPTIONS = 50
_LONGEST_KEY, _LONGEST_LABEL = 128, 256
_RESERVED_STARTS = (".", "_")
_NAMED_INSIDE = re.compile(r"\$[A-Za-z_]")


def parse(text: str, *, first_line: int = 1, file: str = "", indent: int = 0) -> Ruleset:
    """Read a DQDL document.

    Args:
        first_line: The line of `file` on which the text begins, for errors.
        indent: How many columns the text is indented in that file.

    Raises:
        DqdlError: the text is not DQDL, or both of its sections are empty.
    """
    source = Source(text, first_line=first_line, file=file, indent=indent)
    return _Parser(source, tokens(source)).document()


class _Parser(ConditionReader):
    # -- the document ------------------------------------------------------------------

    def document(self) -> Ruleset:
        start = self.next
        found = Ruleset()
        seen: set[str] = set()
        while self.next.kind != "end":
            found = self._section(found, seen)
        if not found.rules and not found.analyzers:
            hint = 'write Rules = [ IsComplete "column" ]'
            raise DqdlError.at(self.place(start), "the ruleset is empty", hint)
        self._check_default_labels(found)
        return replace(found, constants=tuple(self.constants.values()))

    def _section(self, found: Ruleset, seen: set[str]) -> Ruleset:
        token = self.next
        if token.kind != "word" or token.text in _KEYWORDS:
            self.fail("Rules = [ … ]")
        if token.text not in SECTIONS:
            self._declaration(token)
            return found
        if token.text in seen:
            raise DqdlError.at(self.place(), f"the section {token} occurs twice")
        seen.add(token.text)
        self.take()
        self.expect("=")
        match token.text:
            case "Rules":
                return replace(found, rules=self._entries(self._top_level))
            case "Analyzers":
                return replace(found, analyzers=self._entries(self._analyzer))
            case "DefaultLabels":
                return replace(found, default_labels=self._labels())
            case "Metadata":
                return replace(found, metadata=self._metadata())
            case _:
                return replace(found, sources=self._sources())

    def _entries(self, entry: Callable[[], T]) -> tuple[T, ...]:
        self.expect("[")
        return self.listed(entry)

    def _declaration(self, token: Token) -> None:
        """Read `name = value`, a constant for the rules below."""
        at = self.place()
        if self.tokens[self.at + 1].text != "=":
            self.fail("Rules = [ … ]", _near_section(token))
        if token.text.startswith(_RESERVED_STARTS):
            raise DqdlError.at(at, f"the constant {token} begins with {token.text[0]}")
        if token.text in self.constants:
            raise DqdlError.at(at, f"the constant {token} is set twice")
        self.at += 2
        self.constants[token.text] = Constant(token.text, self._constant_value(token), at)

    def _constant_value(self, name: Token) -> Text | Keyword | tuple[Text | Keyword, ...]:
        if self.accept("["):
            values = self.listed(lambda: self._constant_text(name), "value")
            if not values:
                raise DqdlError.at(self.place(name), f"the constant {name} is an empty list")
            return values
        return self._constant_text(name)

    def _constant_text(self, name: Token) -> Text | Keyword:
        if self.next.kind != "string" and self.next.text not in KEYWORD_VALUES:
            hint = "put numbers in double quotes" if self.next.kind == "number" else ""
            self.fail("a string in double quotes", _near_section(name) or hint)
        at = self.place()
        value = self.literal()
        if isinstance(value, Text) and _NAMED_INSIDE.search(value.value):
            hint = "constants are not put into strings"
            raise DqdlError.at(at, f"the constant {name} names another one", hint)
        return value

    def _metadata(self) -> tuple[tuple[str, str], ...]:
        return tuple(self._pairs(_METADATA_KEYS, lambda _key: self.string("a string")).items())

    def _sources(self) -> DataSources:
        values = self._pairs(_SOURCE_KEYS, self._source)
        primary = values.get("Primary", (None,))[0]
        return DataSources(primary, values.get("AdditionalDataSources", ()))

    def _source(self, key: str) -> tuple[str, ...]:
        if key == "Primary":
            return (self.string("the name of a table in double quotes"),)
        self.expect("[", '[ and names, such as ["reference"],')
        names = self.listed(lambda: self.string("a name in double quotes"), "name")
        if not names:
            raise DqdlError.at(self.place(), "AdditionalDataSources is empty", "leave it out")
        return names

    def _pairs(self, known: tuple[str, ...], value: Callable[[str], T]) -> dict[str, T]:
        """Read `{"key": value, …}`."""
        opening = self.next
        self.expect("{")
        found: dict[str, T] = {}

        def pair() -> None:
            at = self.place()
            key = self.string(f"one of {', '.join(known)} in double quotes")
            if key not in known:
                problem = f"{key[:_LONGEST_KEY]!r} is no key of this section"
                raise DqdlError.at(at, problem, did_you_mean(key[:_LONGEST_KEY], known))
            if key in found:
                raise DqdlError.at(at, f"{key} is given twice")
            self.expect(":")
            found[key] = value(key)

        self.listed(pair, "pair", "}")
        if not found:
            raise DqdlError.at(self.place(opening), "{ } is empty", "leave the section out")
        return found

    # -- rules -------------------------------------------------------------------------

    def _top_level(self) -> Rule | Composite:
        rule = self._any_of()
        if isinstance(rule, Composite) and rule.height() > DEEPEST:
            # `and` within `or` needs no parentheses, so that more may be nested than are seen.
            raise DqdlError.at(rule.at, f"rules are nested more than {DEEPEST} deep")
        return rule

    def _any_of(self) -> Rule | Composite:
        """Read rules joined by `or`; `and` binds tighter, as in the open grammar."""
        return self._joined_rules("or", _OR, self._all_of)

    def _all_of(self) -> Rule | Composite:
        return self._joined_rules("and", AND, self._one)

    def _joined_rules(
        self,
        operator: Literal["and", "or"],
        words: tuple[str, str],
        read: Callable[[], Rule | Composite],
    ) -> Rule | Composite:
        first, start = self.at, self.next
        part = read()
        if self.next.text not in words:
            return part
        parts = [part]
        while self.next.text in words:
            self.take()
            parts.append(read())
        text = self.written(first)
        return Composite(operator, tuple(parts), (), text, self.place(start))

    def _one(self) -> Rule | Composite:
        if not self.accept("("):
            return self._rule()
        inner = self.deeper(self._any_of)
        self.expect(")")
        if self.next.text != "labels":
            return inner
        at = self.place()
        labels = self._labels_clause()
        if inner.labels:
            raise DqdlError.at(at, "a rule in parentheses has labels twice")
        return replace(inner, labels=labels)

    def _rule(self) -> Rule:
        first, start = self.at, self.next
        name = self._name("a rule", "a rule type stands first: IsComplete, ColumnValues, …")
        parameters = self._parameters()
        condition = self.condition() if self.next.text in OPERATOR_WORDS else None
        rule = Rule(name, parameters, condition, at=self.place(start))
        labelled = None
        while self.next.text in _CLAUSES:
            clause = self.at
            rule = self._clause(rule)
            if self.tokens[clause].text == "labels":
                labelled = range(clause, self.at)
        return replace(rule, text=self.written(first, labelled))

    def _clause(self, rule: Rule) -> Rule:
        at, clause = self.place(), self.next.text
        if clause == "labels":
            if rule.labels:
                raise DqdlError.at(at, "a rule has labels once only")
            return replace(rule, labels=self._labels_clause())
        self.take()
        if clause == "where":
            if rule.where is not None:
                raise DqdlError.at(at, "a rule has one where only")
            return replace(rule, where=self.string("a SQL condition in double quotes"))
        if self.next.text.lower() == "threshold":
            if rule.threshold is not None:
                raise DqdlError.at(at, "a rule has one threshold only")
            self.take()
            return replace(rule, threshold=self.condition())
        return replace(rule, tags=self._options(rule.tags))

    def _options(self, before: tuple[Tag, ...]) -> tuple[Tag, ...]:
        """Read `name = value`, and more of them after commas."""
        found = [*before, self._option()]
        while self.sees(",") and self._is_option(self.at + 1):
            self.take()
            found.append(self._option())
        names = [tag.name for tag in found]
        if len(names) > MOST_OPTIONS:
            raise DqdlError.at(self.place(), f"there are more than {MOST_OPTIONS} options")
        if len(set(names)) < len(names):
            raise DqdlError.at(self.place(), f"the option {names[-1]} is given twice")
        return tuple(found)

    def _is_option(self, index: int) -> bool:
        ahead = self.tokens[index : index + 2]
        if len(ahead) < 2 or ahead[0].kind != "word":  # noqa: PLR2004 - a name and =
            return False
        # `RowCount = 6` after the comma is the next rule: types begin with a capital.
        return ahead[1].text == "=" and not ahead[0].text[0].isupper()

    def _option(self) -> Tag:
        name = self._name("threshold or the name of an option")
        if not self.accept("="):
            self.fail("= and the value of the option")
        return Tag(name, Condition("=", self.option_value()))

    def _analyzer(self) -> Analyzer:
        first, start = self.at, self.next
        name, parameters = self._name("an analyzer"), self._parameters()
        if self.next.text in OPERATOR_WORDS:
            hint = "conditions stand in Rules = [ … ]"
            raise DqdlError.at(self.place(), "an analyzer has no condition", hint)
        tags: tuple[Tag, ...] = ()
        while self.accept("with"):
            tags = self._options(tags)
        return Analyzer(name, parameters, tags, self.written(first), self.place(start))

    # -- parameters and labels ---------------------------------------------------------

    def _parameters(self) -> tuple[str, ...]:
        """Read columns and the like: strings or bare words, `of` and `and` between them."""
        found: list[str] = []
        while True:
            token = self.next
            connected = token.text in _OF or token.text in AND
            ahead = self.tokens[self.at + 1] if connected else token
            if ahead.text == "$":
                self.at += connected
                found.append(self._constant_parameter())
            elif ahead.kind == "string":
                self.at += 1 + connected
                found.append(unescaped(ahead.text))
            elif ahead.kind == "word" and ahead.text not in _KEYWORDS:
                self.at += 1 + connected
                found.append(ahead.text)
            elif connected and ahead.text != "(":
                self.take()
                self.fail("a parameter in double quotes")
            else:
                return tuple(found)

    def _constant_parameter(self) -> str:
        at = self.place()
        value = self.constant()
        if not isinstance(value, Text):
            what = "a list" if isinstance(value, tuple) else str(value)
            raise DqdlError.at(at, f"a parameter is one text, and the constant is {what}")
        return value.value

    def _labels_clause(self) -> tuple[Label, ...]:
        self.take()
        self.expect("=")
        return self._labels()

    def _labels(self) -> tuple[Label, ...]:
        start = self.next
        self.expect("[", '[ and labels, such as ["team" = "sales"],')
        labels = self.listed(self._label, "label")
        if not labels:
            raise DqdlError.at(self.place(start), "there are no labels in [ ]", "leave it out")
        keys = {label.key for label in labels}
        if len(keys) < len(labels):
            raise DqdlError.at(self.place(start), "a label is given twice")
        if len(labels) > MOST_LABELS:
            raise DqdlError.at(self.place(start), f"there are more than {MOST_LABELS} labels")
        return labels

    def _label(self) -> Label:
        at = self.place()
        key = self.string('a label in double quotes, such as "team" = "sales",')
        self.expect("=")
        value = self.string("the value of the label in double quotes")
        if not key or not value:
            raise DqdlError.at(at, "a label and its value are not empty")
        if len(key) > _LONGEST_KEY or len(value) > _LONGEST_LABEL:
            problem = f"a label has more than {_LONGEST_KEY} characters, or its value more than"
            raise DqdlError.at(at, f"{problem} {_LONGEST_LABEL}")
        return Label(key, value)

    def _check_default_labels(self, found: Ruleset) -> None:
        most = MOST_LABELS - len(found.default_labels)
        for rule in found.rules:
            for part in (rule, *(rule.leaves() if isinstance(rule, Composite) else ())):
                if len(part.labels) > most:
                    problem = f"with the default ones a rule has more than {MOST_LABELS} labels"
                    raise DqdlError.at(part.at, problem)

    def _name(self, expected: str, hint: str = "") -> str:
        if self.next.text in _KEYWORDS:
            self.fail(expected, hint)
        return self.take_kind("word", expected).text


def _near_section(token: Token) -> str:
    near = nearest(str(token), SECTIONS)
    return f"did you mean {near}?" if near else ""
