"""Hold what a source says of folders `name=value` against the paths of its files. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.engines.partition_folders import names_in, told_by_path
from lakeworks.pipeline.errors import SourceFoldersError
from lakeworks.project.errors import Mistake

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lakeworks.ingest.discover import FoundFile
    from lakeworks.project.declaration import Source


def folder_doubts(source: Source, files: Sequence[FoundFile]) -> list[Mistake]:
    """Return a doubt for folders that look like columns and are none, or the other way round.

    Args:
        source: The declaration.
        files: All its files; at least one.
    """
    if source.partitions is None:
        names = {names_in(file.path) for file in files}
        common = names.pop()
        errors = (
            [SourceFoldersError.unnamed(source.table, common)] if common and not names else []
        )
    else:
        errors = [
            SourceFoldersError.untold(source.table, name)
            for name in source.partitions
            if not any(told_by_path(file.path, name)[0] for file in files)
        ]
    return [Mistake(source.at, error.problem, error.hint, error.code) for error in errors]
