"""DuckDB's exceptions, told as errors of Lakeworks."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lakeworks.engines.errors import (
    DiskFullError,
    EngineFailedError,
    ExternalDataError,
    InterruptedQueryError,
    MissingFilesError,
    OutOfMemoryError,
    SqlError,
    StorageAccessError,
    ValueConversionError,
)
from lakeworks.engines.hints import spoken_in_athena

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

    from lakeworks.core.errors import LakeError

_KIND = re.compile(r"^(?:[A-Z][A-Za-z ]+ Error|TransactionContext Error): ", re.MULTILINE)
_PLACE = re.compile(r"\n\s*\nLINE (\d+): (.*)\n( *)\^", re.DOTALL)
_NEAREST = re.compile(
    r"(?:Did you mean|Candidate (?:bindings|functions|Entries))[\s:]*(.+?)\s*$", re.DOTALL
)
# Under such a name a table stands as it is, behind what may be seen of it.
_HIDDEN_NAME = re.compile(r'"?__src_[0-9a-f]+"?')
_MISSING_COLUMN = re.compile(
    r'Referenced column "(.+?)" not found|does not have a column named "(.+?)"', re.DOTALL
)
_MISSING_FIELD = re.compile(r'Could not find key "(.+?)" in struct', re.DOTALL)
_MISSING = re.compile(r"No files found|No such file|\b404\b")
_FILE_FAULT = re.compile(r"(?:Malformed JSON|JSON transform error) in file |CSV Error on Line")
_CSV_FILE = re.compile(r"^\s*file ?= ?(.+)$", re.MULTILINE)
_NAMED_FILE = re.compile(r"\bfile\b[^'\"\n]{0,20}['\"](?:/|\w{1,5}://)", re.IGNORECASE)
_FULL = ("no space left", "errno 28", "enospc", "max_temp_directory_size", "disk quota")


@contextmanager
def translated(
    con: duckdb.DuckDBPyConnection | None = None, *, lines_before: int = 0
) -> Iterator[None]:
    """Turn DuckDB's exceptions inside the block into errors of Lakeworks.

    Args:
        con: Asked for its memory limit.
        lines_before: Lines that stand before the user's SQL in what is run.
    """
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        raise lake_error(error, con, lines_before=lines_before) from error
    except RuntimeError as error:
        # DuckDB's "Query interrupted", which hides what interrupted it from whoever waits for it.
        if isinstance(error.__cause__, KeyboardInterrupt):
            raise KeyboardInterrupt from error
        raise


def lake_error(
    error: duckdb.Error,
    con: duckdb.DuckDBPyConnection | None = None,
    *,
    lines_before: int = 0,
) -> LakeError:
    """Return what `error` is to a user."""
    text = _KIND.sub("", str(error)).strip()
    return _external(text) or _of_file(error, text) or _other(error, text, con, lines_before)


def _of_file(error: duckdb.Error, text: str) -> LakeError | None:
    """Return what is wrong with a file, where DuckDB takes that for a fault of the query."""
    import duckdb

    told = _first_line(text)
    if isinstance(error, duckdb.InvalidInputException) and _NAMED_FILE.search(told):
        return ExternalDataError.unreadable(told)
    return None


def _external(text: str) -> LakeError | None:
    """Return what is wrong with a file, where the text says that one is."""
    found = ExternalDataError.told(text)
    if found is None and _FILE_FAULT.match(text):
        place = _CSV_FILE.search(text)
        said = " ".join(text.split("\n")[: 3 if place else 1])
        found = ExternalDataError.content(f"{place[1]}: {said}" if place else said)
    return found


def _other(
    error: duckdb.Error, text: str, con: duckdb.DuckDBPyConnection | None, lines_before: int
) -> LakeError:
    import duckdb

    if any(mark in text.lower() for mark in _FULL):
        return DiskFullError.met(_first_line(text))
    match error:
        case duckdb.OutOfMemoryException():
            return OutOfMemoryError.reached(_memory_limit_bytes(con), _first_line(text))
        case duckdb.InterruptException():
            return InterruptedQueryError.stopped()
        case duckdb.ConversionException() | duckdb.OutOfRangeException():
            return ValueConversionError.met(_without_place(text))
        case duckdb.InvalidInputException() if "cast" in text.lower():
            return ValueConversionError.met(_without_place(text))
        case duckdb.IOException() | duckdb.HTTPException() | duckdb.PermissionException():
            kind = MissingFilesError if _MISSING.search(text) else StorageAccessError
            return kind.met(_first_line(text))
        case duckdb.ProgrammingError() | duckdb.NotSupportedError():
            return sql_error(text, lines_before=lines_before)
        case _:
            return EngineFailedError.met(_without_place(text))


def sql_error(text: str, *, lines_before: int = 0) -> SqlError:
    """Return the error for SQL that DuckDB refuses, with its place and the nearest names."""
    place = _PLACE.search(text)
    line = column = None
    problem = text
    if place is not None:
        line = int(place.group(1)) - lines_before
        # DuckDB shows long lines from their middle on, after `...`: the column is then unknown.
        shown = place.group(2).split("\n")[0]
        lead = len(f"LINE {place.group(1)}: ")
        column = None if shown.startswith("...") else len(place.group(3)) - lead + 1
        problem = text[: place.start()]
    if problem.startswith(("Unexpected prepared parameter", "Values were not provided for")):
        problem = "the statement has a place for a value, ? or $name, and none was given"
    hint = ""
    nearest = _NEAREST.search(problem)
    if nearest is not None:
        problem, names = problem[: nearest.start()], nearest.group(1)
        if not _HIDDEN_NAME.search(names):
            hint = "did you mean " + re.sub(r"\s+", " ", names).rstrip("?") + "?"
        hint = _known_better(problem) or hint
    problem = _HIDDEN_NAME.sub("…", problem)
    if line is not None and column is None:
        error = SqlError(f"SQL line {line}: {problem.strip()}", hint, line, None)
    else:
        error = SqlError.at(problem.strip(), line=line, column=column, hint=hint)
    missing = _MISSING_COLUMN.search(problem)
    error.missing = next(filter(None, missing.groups()), "") if missing else ""
    field = _MISSING_FIELD.search(problem)
    error.missing_field = field.group(1) if field else ""
    return error


def _known_better(problem: str) -> str:
    """Return a better hint than the nearest name, where we know what was meant."""
    table = re.match(r"Table with name (\w+\.\w+) does not exist", problem)
    if table is not None:
        return f"quoted as a whole it is one name: write {table[1]} without quotes"
    called = re.search(r"Function with name (\w+) does not exist", problem)
    return spoken_in_athena(called[1]) if called is not None else ""


def _memory_limit_bytes(con: duckdb.DuckDBPyConnection | None) -> int:
    if con is None:
        return 0
    try:
        row = con.cursor().execute("select current_setting('memory_limit')").fetchone()
    except Exception:  # noqa: BLE001 - a broken connection must not hide the first error
        return 0
    return _bytes_of(str(row[0])) if row else 0


def _bytes_of(text: str) -> int:
    number, _, unit = text.partition(" ")
    powers = {"bytes": 0, "KiB": 1, "MiB": 2, "GiB": 3, "TiB": 4}
    return int(float(number) * 1024 ** powers.get(unit, 0))


def _first_line(text: str) -> str:
    return text.split("\n", 1)[0].strip()


def _without_place(text: str) -> str:
    return re.sub(r"\s*\n\s*LINE \d+:.*", "", text, flags=re.DOTALL).strip()
