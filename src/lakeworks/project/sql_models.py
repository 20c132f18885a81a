"""Read one SQL model: a YAML header in the leading block comment, then a SELECT.

The header is blanked out, not cut off, before the SELECT is parsed, and the other way round, so
every line in a message is the file's own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lakeworks.core.errors import did_you_mean
from lakeworks.core.names import TableName
from lakeworks.project.declaration import Location, Model
from lakeworks.project.errors import INCOMPLETE, UNKNOWN_TABLE, UNREADABLE, WRONG_VALUE
from lakeworks.project.headers import ATHENA, Header, check_header, model_table, table_or_none
from lakeworks.project.yaml_lines import Document, read_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakeworks.project.declared_yaml import HeaderYaml
    from lakeworks.project.errors import Mistakes

_OPENING = re.compile(r"(?:\s|--[^\n]*(?:\n|\Z))*/\*")
_INK = re.compile(r"[^\n]")


def read_sql_model(
    text: str, file: str, layer: str, stem: str, mistakes: Mistakes
) -> dict[str, Any] | None:
    """Return the facts of one model; note every mistake in it.

    The facts are plain JSON values; `sql_model_of` makes a `Model` of them. With mistakes, they
    are what is sound, or None where that makes no model.
    """
    from lakeworks.project.sql_facts import sql_facts

    before = len(mistakes.found)
    opening = _OPENING.match(text)
    end = text.find("*/", opening.end()) if opening else 0
    if opening and end < 0:
        line = text.count("\n", 0, opening.end()) + 1
        at = Location(file, line)
        mistakes.add(at, "the header's comment has no end", "close it with */", code=UNREADABLE)
        return None
    document = _header_document(text, opening.end(), end, file, mistakes) if opening else (
        Document(file, {}))  # fmt: skip
    header, declared = _header(document, mistakes) if document is not None else (None, None)
    at = document.at("table") if document is not None else Location(file, 1)
    name = model_table(declared.table if declared else None, layer, stem, at, mistakes)
    dialect = _dialect(header, document, mistakes)
    sql = _INK.sub(" ", text[: end + 2]) + text[end + 2 :] if opening else text
    facts = sql_facts(sql, file, dialect, mistakes) if dialect is not None else None
    if facts is None or header is None or document is None or name is None:
        return None
    if len(mistakes.found) == before:
        _check_against(header, [table for table, _ in facts.tables], document, mistakes)
    return {"table": str(name), "header": header.facts(), "sql": facts.to_json()}


def sql_model_of(facts: Mapping[str, Any], text: str, file: str) -> Model:
    """Make a `Model` of what `read_sql_model` found in `text`."""
    header = Header.from_facts(facts["header"])
    sql = facts["sql"]
    driving = header.incremental_on or sql["driving"]
    tables = [str(table) for table, _ in sql["tables"]]
    written = text[sql["start"] : sql["end"]]
    inputs = sorted(tables, key=lambda table: table != driving)
    driving_table = TableName.parse(driving) if driving else None
    return Model(
        table=TableName.parse(facts["table"]),
        at=Location(file, 1),
        load=header.load,
        inputs=tuple(TableName.parse(table) for table in inputs),
        driving=driving_table,
        fingerprint=header.fingerprint(sql["normal"], driving_table),
        sql=sql["translated"] or written,
        sql_line=sql["line"],
        in_athena=written if header.dialect.lower() in ATHENA else None,
        key=header.key,
        latest_by=header.latest_by,
        partition_by=header.partition_by,
        quality=header.ruleset(file),
        audit=header.audit,
        incremental_on_declared=header.incremental_on is not None,
        row_wise=sql["row_wise"] and driving == sql["driving"],
        description=header.description,
        columns=header.notes(),
        tags=header.tags,
        owner=header.owner,
        **header.limits(),
    )


def _header_document(
    text: str, begin: int, end: int, file: str, mistakes: Mistakes
) -> Document | None:
    # Blanks for all that precedes keep a header that begins beside `/*` aligned with its rest.
    document = read_yaml(_INK.sub(" ", text[:begin]) + text[begin:end], file, mistakes)
    if document is None:
        return None
    if document.value is None:
        document.value = {}
    if not isinstance(document.value, dict):
        problem = "the leading comment is not a header of `key: value` lines"
        hint = "write other comments with --, or below the header"
        mistakes.add(document.at(), problem, hint, code=UNREADABLE)
        return None
    return document


def _header(document: Document, mistakes: Mistakes) -> tuple[Header | None, HeaderYaml | None]:
    from lakeworks.project.declared_yaml import HeaderYaml, validated

    before = len(mistakes.found)
    declared = validated(HeaderYaml, document, mistakes, needed=frozenset({"dialect"}))
    if declared is None:
        return None, None
    header = Header.of(declared, document.text_lines.get(("quality",), 1))
    if len(mistakes.found) == before:
        # Of half a header it would say that the other half is missing.
        check_header(header, document.at, mistakes)
    return header, declared


def _dialect(
    header: Header | None, document: Document | None, mistakes: Mistakes
) -> str | None:
    """Return the dialect to parse with, or note an unknown one and return None."""
    from lakeworks.project.sql_facts import dialects

    if header is None or document is None:
        return "duckdb"
    dialect = header.dialect.lower()
    if dialect in dialects():
        return dialect
    problem = f"dialect: {header.dialect[:40]!r} is not known"
    hint = did_you_mean(dialect, dialects())
    mistakes.add(document.at("dialect"), problem, hint, code=WRONG_VALUE)
    return None


def _check_against(
    header: Header, tables: list[str], document: Document, mistakes: Mistakes
) -> None:
    if not tables and header.load != "replace":
        problem = f"this model reads no table, so load: {header.load} has nothing new to read"
        mistakes.add(document.at("load"), problem, "write load: replace", code=INCOMPLETE)
    if header.incremental_on is None:
        return
    at = document.at("incremental_on")
    name = table_or_none(header.incremental_on, at, mistakes)
    if name is not None and str(name) not in tables:
        problem = f"incremental_on: this model does not read {name}"
        mistakes.add(at, problem, did_you_mean(str(name), tables), code=UNKNOWN_TABLE)
