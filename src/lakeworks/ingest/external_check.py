"""Look for what is wrong with a declared external table, before anything reads it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lakeworks.catalog.data_catalog.projection import projection_of
from lakeworks.core.errors import LakeError
from lakeworks.core.log_patterns import PATTERNS
from lakeworks.ingest.external_tables import schema_of
from lakeworks.project.errors import Mistake

if TYPE_CHECKING:
    from lakeworks.core.types import Schema
    from lakeworks.ingest.external_tables import ExternalTables
    from lakeworks.project.external_declaration import ExternalTable

_NO_FILES = "LW356"
_WRONG = "LW112"


def checked_table(
    declared: ExternalTable, tables: ExternalTables
) -> tuple[Schema | None, list[Mistake], list[Mistake]]:
    """Return a declared table's columns, as far as they are known, mistakes, and doubts.

    A place without files is a doubt: they may be still to come.
    """
    mistakes = _pattern_mistakes(declared)
    try:
        if not tables.has_files(declared.location):
            problem = f"{declared.declared_location} holds no files: {declared.table} is empty"
            hint = "is the location right? relative ones count from the project's folder"
            doubt = Mistake(declared.at, problem, hint, _NO_FILES)
            if not declared.columns:
                return None, mistakes, [doubt]
            return _examined(declared, tables, mistakes)[0], mistakes, [doubt]
        schema, mistakes = _examined(declared, tables, mistakes)
    except LakeError as error:
        return None, [*mistakes, _placed(error, declared)], []
    return schema, mistakes, []


def _examined(
    declared: ExternalTable, tables: ExternalTables, mistakes: list[Mistake]
) -> tuple[Schema | None, list[Mistake]]:
    try:
        entry = tables.entry(declared.table)
        projection_of(entry, datetime.now(UTC))
        schema, _ = schema_of(entry)
    except LakeError as error:
        mistakes.append(_placed(error, declared))
        return None, mistakes
    return schema, mistakes


def _pattern_mistakes(declared: ExternalTable) -> list[Mistake]:
    options = declared.options
    try:
        if options.get("grok"):
            from lakeworks.core.grok import compile_grok

            compile_grok(str(options["grok"]), str(options.get("grok_patterns", "")))
        pattern = str(options.get("pattern", ""))
        if pattern and pattern not in PATTERNS:
            re.compile(re.sub(r"\(\?<([A-Za-z_]\w*)>", r"(?P<\1>", pattern))
    except re.error as error:
        problem = f"pattern is not a regular expression: {error}"
        return [Mistake(declared.at, problem, "", _WRONG)]
    except LakeError as error:
        return [_placed(error, declared)]
    return []


def _placed(error: LakeError, declared: ExternalTable) -> Mistake:
    return Mistake(declared.at, error.problem, error.hint, error.code)
