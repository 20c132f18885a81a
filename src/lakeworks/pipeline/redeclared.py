"""Tell which settings of a source were others when files were read whose rows its table has.

Pure. A table's fingerprint notes a digest of each setting that decides what values files give;
where files were read by several declarations, it notes all of these. So a change is told until
the files are read again, or until somebody says that their rows may stay.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields
from typing import TYPE_CHECKING

from lakeworks.pipeline.errors import RedeclaredSourceError
from lakeworks.project.declaration import CsvOptions
from lakeworks.project.errors import Mistake

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lakeworks.catalog.heads import Head
    from lakeworks.core.names import TableName
    from lakeworks.project.declaration import Project, Source

_MARK = "source "
_ABSENT = "-"
_DIGITS = 12


def redeclared(source: Source, head: Head | None) -> tuple[str, ...]:
    """Return the keys, such as `types.amount`, that some of the table's files were read without.

    Empty where nothing is known: before the first load, and of tables whose files were all read
    before this was noted.
    """
    noted = _noted(head)
    if head is None or noted is None:
        return ()
    now = _settings(source)
    found = [
        key
        for key in sorted({*noted, *now})
        if _concerns(key, head) and _values(noted, key) != {now.get(key, _ABSENT)}
    ]
    return tuple(key for key in found if not _goes_without_saying(key, found))


def fingerprint_of(source: Source, head: Head | None, *, anew: bool) -> str:
    """Return the fingerprint of a table to which files are added that are read as declared now.

    Args:
        source: The declaration.
        head: The table before.
        anew: Whether all that the table has counts as read by this declaration.
    """
    now = _settings(source)
    before = None if anew else _noted(head)
    if before is None or head is None:
        return _MARK + _text(now)
    values = {
        key: _values(before, key) | {now.get(key, _ABSENT)}
        if _concerns(key, head)
        else {now.get(key, _ABSENT)}
        for key in {*before, *now}
    }
    noted = {key: " ".join(sorted(several)) for key, several in values.items()}
    return _MARK + _text({key: text for key, text in noted.items() if text != _ABSENT})


def redeclared_doubts(project: Project, heads: Mapping[TableName, Head]) -> list[Mistake]:
    """Return a doubt for each source that keeps rows of another declaration."""
    found = []
    for table, source in project.sources.items():
        keys = redeclared(source, heads.get(table))
        if keys:
            error = RedeclaredSourceError.since(table, keys)
            found.append(Mistake(source.at, error.problem, error.hint, error.code))
    return found


def _goes_without_saying(key: str, found: list[str]) -> bool:
    if key == "format":  # `csv` and `pattern` bring it along, whether the source says so or not
        return any(other == "pattern" or other.startswith("csv.") for other in found)
    return key.startswith("types.") and "types" in found


def _noted(head: Head | None) -> dict[str, str] | None:
    if head is None or not head.fingerprint.startswith(_MARK):
        return None
    found: dict[str, str] = json.loads(head.fingerprint.removeprefix(_MARK))
    return found


def _values(noted: Mapping[str, str], key: str) -> set[str]:
    return set(noted.get(key, _ABSENT).split())


def _concerns(key: str, head: Head) -> bool:
    """Whether a setting has to do with rows that are there: a type has, if its column is."""
    kind, _, column = key.partition(".")
    return kind != "types" or not column or column in head.schema


def _text(values: Mapping[str, str]) -> str:
    return json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _settings(source: Source) -> dict[str, str]:
    """Return a digest of each setting that is not as if it were left out.

    Digests, as a pattern may hold a variable's value, and a log of versions keeps what it has.
    """
    return {
        key: hashlib.sha256(value.encode()).hexdigest()[:_DIGITS]
        for key, value in _decisive(source)
    }


def _decisive(source: Source) -> Iterator[tuple[str, str]]:
    left_out = CsvOptions()
    for one in fields(CsvOptions):
        value = getattr(source.csv, one.name)
        if value != getattr(left_out, one.name):
            yield f"csv.{one.name}", repr(value)
    if source.log_pattern != "combined":
        yield "pattern", source.log_pattern
    if source.format is not None:
        yield "format", source.format
    for column, kind in (source.partitions or {}).items():
        yield f"partitions.{column}", str(kind)
    if source.types == "infer":
        yield "types", "infer"
    else:
        yield from ((f"types.{column}", str(kind)) for column, kind in source.types.items())
