"""Places beside tables and landed files: kept results, scratch, texts of the catalog, its audit."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from lakeworks.core.errors import LakeError
from lakeworks.storage.objects import ObjectStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from lakeworks.catalog.erasures import Erasure
    from lakeworks.pipeline.state import Services
    from lakeworks.privacy.report import Gathered
    from lakeworks.privacy.text_search import Words

EraseWords: TypeAlias = "Callable[[Callable[[str], bool], Mapping[str, Any]], int]"
RESULTS = ".lake/query-results"
UNDIVIDED = (
    "{} written by a version that chained the SQL itself: they stay whole, for a chain proves "
    "nothing once entries are written anew"
)
FACTS = "{} tell of the person in what the chain proves: names of tables, places and principals"
_KEPT = {
    "governance_grants": "permissions that are in force: lake permissions shows them, lake revoke "
    "ends them",
    "ledger": "names of files that arrived: they are what keeps them from being read again",
}
# What this process has still to note may name the person: the catalog may be busy for a while.
_NOTED_S = 60.0
_RESULT_FILES = (".arrows", ".part")
_NUMBER = re.compile(r"-(\d+)-")


@dataclass(frozen=True, slots=True)
class Kept:
    """One place that keeps results of queries for a while.

    Attributes:
        why_not: Why it cannot be looked at; else empty.
    """

    store: ObjectStore | None
    place: str
    files: tuple[str, ...] = ()
    why_not: str = ""


def results(services: Services) -> Iterator[Kept]:
    """Yield the kept results: of this machine, of each workgroup, and of where it kept them once."""
    project = services.project
    places = {str(project.root / RESULTS), *services.catalog.query_executions.places()}
    places |= {one.result_location for one in project.workgroups.values()} - {""}
    for place in sorted(places):
        remote = place.startswith("s3://")
        if not remote and not Path(place).is_dir():
            continue
        try:
            store = ObjectStore.open(place, project.environment.options if remote else None)
            listed = [entry.path for entry in store.list(unfinished=True)]
        except LakeError as error:
            yield Kept(None, place, why_not=error.problem)
            continue
        yield Kept(store, place, tuple(p for p in listed if p.endswith(_RESULT_FILES)))


def drop_results(services: Services, gathered: Gathered) -> None:
    """Delete every kept result: each may hold rows of the person, under whatever name."""
    for kept in results(services):
        if kept.store is None or not kept.files:
            continue
        kept.store.delete(list(kept.files))
        services.catalog.query_executions.without_results({Path(p).stem for p in kept.files})
        count = len(kept.files)
        gathered.note("results", kept.store.root, found=count, erased=count, files=count)


def look_at_results(services: Services, words: Words, gathered: Gathered, *, key: str) -> None:
    """Count the kept results that name the person, read as Arrow, else as bytes."""
    for kept in results(services):
        if kept.store is None:
            told = f"results that are kept there were not looked at: {kept.why_not}"
            gathered.note("results", kept.place, **{key: 1}, note=told)
            continue
        store = kept.store
        held = sum(1 for path in kept.files if words.within(_text(store, path)))
        if held:
            gathered.note("results", store.root, **{key: held})


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


def erase_from_trail(
    erase_words: EraseWords | None, words: Words, gathered: Gathered, journal: Erasure
) -> None:
    """Take what was written of the person out of the audit trail, as an entry of its own says."""
    if words.pattern is None or erase_words is None:
        return
    count = erase_words(words.within, {"erasure": journal.erasure_id})
    if count:
        gathered.note("audit", "words", found=count, erased=count)


def redact_catalog(services: Services, words: Words, gathered: Gathered) -> None:
    """Take the person's values out of the catalog's texts: queries, reports, outcomes."""
    if words.pattern is None:
        return
    erasures = services.catalog.erasures
    services.catalog.query_history.flush(_NOTED_S)
    _trust_redacted_views(services, words)
    for table, count in erasures.redact(words.within, words.out_of).items():
        gathered.note("catalog", table, found=count, erased=count)
    erasures.compact()


def _trust_redacted_views(services: Services, words: Words) -> None:
    """Let materialised views trust the texts below them that are about to lose a value.

    Else each would be held for one that somebody replaced, and not be filled any more. It comes
    before the texts, so that a repetition after a kill finds the two alike.
    """
    if not services.catalog.view_names():
        return
    for view in services.catalog.data_catalog.views():
        digest = replace(view, text=words.out_of(view.text)).digest
        if digest != view.digest:
            held, instead = _digests(view.digest, digest)
            services.catalog.erasures.redact(held, instead)


def _digests(before: str, after: str) -> tuple[Callable[[str], bool], Callable[[str], str]]:
    return (lambda text: before in text), (lambda text: text.replace(before, after))


def look_at_catalog(services: Services, words: Words, gathered: Gathered, *, key: str) -> None:
    """Count the catalog's texts that name the person; what may not be changed is kept."""
    if words.pattern is None:
        return
    erasures = services.catalog.erasures
    for table, count in erasures.texts_that(words.within).items():
        gathered.note("catalog", table, **{key: count})
    for table, count in erasures.fixed_texts_that(words.within).items():
        gathered.note("catalog", table, **{key: count}, note=_KEPT[table], kept=True)
    trail = services.catalog.audit_trail
    if count := len(trail.words_that(words.within)):
        gathered.note("audit", "words", **{key: count})
    undivided, others = trail.facts_that(words.within)
    if undivided or others:
        told = ((UNDIVIDED, undivided), (FACTS, others))
        note = "; ".join(text.format(count) for text, count in told if count)
        gathered.note("audit", "trail", **{key: undivided + others}, note=note, kept=True)


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
