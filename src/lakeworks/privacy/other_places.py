"""Places beside tables and landed files: kept results, scratch, texts of the catalog."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from lakeworks.storage.objects import ObjectStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakeworks.pipeline.state import Services
    from lakeworks.privacy.report import Gathered
    from lakeworks.privacy.text_search import Words

RESULTS = ".lake/query-results"
_RESULT_FILES = (".arrows", ".part")
_NUMBER = re.compile(r"-(\d+)-")


def results(services: Services) -> Iterator[tuple[ObjectStore, str]]:
    """Yield the results that are kept for a while: of this machine, and of each workgroup."""
    project = services.project
    places = {str(project.root / RESULTS)}
    places |= {one.result_location for one in project.workgroups.values()} - {""}
    for place in sorted(places):
        remote = place.startswith("s3://")
        store = ObjectStore.open(place, project.environment.options if remote else None)
        if not remote and not Path(place).is_dir():
            continue
        for entry in store.list(unfinished=True):
            if entry.path.endswith(_RESULT_FILES):
                yield store, entry.path


def drop_results(services: Services, gathered: Gathered) -> None:
    """Delete every kept result: each may hold rows of the person, under whatever name."""
    for store, path in list(results(services)):
        store.delete([path])
        gathered.note("results", store.root, found=1, erased=1, files=1)


def scratch(services: Services) -> list[str]:
    """Return the files that runs and engines left behind which are no more."""
    from lakeworks.catalog.processes import is_alive

    catalog, staging = services.catalog, services.storage.staging
    living = {run.run_id for run in catalog.runs_under_way() if is_alive(run.process)}
    living |= {holder.run_id for holder in catalog.locks.holders()}
    return [
        entry.path
        for entry in staging.list(unfinished=True)
        if (name := entry.path.partition("/")[0]) not in living and not _runs_here(name)
    ]


def drop_scratch(services: Services, gathered: Gathered) -> None:
    """Delete what runs that are no more left in scratch."""
    left = scratch(services)
    services.storage.staging.delete(left)
    if left:
        gathered.note("staging", "staging", erased=len(left), files=len(left))


def redact_catalog(services: Services, words: Words, gathered: Gathered) -> None:
    """Take the person's values out of the catalog's texts: queries, reports, outcomes."""
    if words.pattern is None:
        return
    erasures = services.catalog.erasures
    services.catalog.query_history.flush()
    for table, count in erasures.redact(words.within, words.out_of).items():
        gathered.note("catalog", table, found=count, erased=count)
    erasures.compact()


def look_at_catalog(services: Services, words: Words, gathered: Gathered, *, key: str) -> None:
    """Count the catalog's texts that name the person; what may not be changed is kept."""
    if words.pattern is None:
        return
    erasures = services.catalog.erasures
    for table, count in erasures.texts_that(words.within).items():
        gathered.note("catalog", table, **{key: count})
    for table, count in erasures.fixed_texts_that(words.within).items():
        if table == "audit_entries":
            why = "the audit trail can only be added to: it proves who saw the person's data"
            gathered.note("audit", "trail", **{key: count}, note=why, kept=True)
        else:
            why = "names of files that arrived: they are what keeps them from being read again"
            gathered.note("catalog", table, **{key: count}, note=why, kept=True)


def decoded_results(services: Services, words: Words) -> Iterator[str]:
    """Yield the place of each kept result that names the person, read as Arrow, else as bytes."""
    for store, path in results(services):
        if words.within(_text(store, path)):
            yield store.root


def _text(store: ObjectStore, path: str) -> str:
    import pyarrow as pa

    data = store.get(path)
    try:
        with pa.ipc.open_stream(data) as reader:
            return str(reader.read_all().to_pylist())
    except (pa.ArrowException, OSError):
        return data.decode("utf-8", "replace")


def _runs_here(name: str) -> bool:
    """Whether a folder of scratch is of an engine whose process lives."""
    found = _NUMBER.search(f"{name}-")
    return found is not None and Path(f"/proc/{found[1]}").exists()
