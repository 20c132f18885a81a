"""Crawl one target: list it, look into its files, and make entries of what they are."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lakeworks.core import events
from lakeworks.core.exclusions import Exclusions
from lakeworks.crawlers.changes import made_by
from lakeworks.crawlers.classifiers.found import Found, Skipped
from lakeworks.crawlers.custom import custom_of
from lakeworks.crawlers.entries import Entry, Origin, below, delta_entry, entry_of
from lakeworks.crawlers.examining import Task
from lakeworks.crawlers.folders import Grouping, grouped
from lakeworks.crawlers.headers import settled_headers
from lakeworks.crawlers.listing import list_target
from lakeworks.crawlers.report import TargetReport
from lakeworks.crawlers.schemas import Schemas
from lakeworks.crawlers.workers import examined

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lakeworks.catalog.data_catalog.model import TableEntry
    from lakeworks.crawlers.examining import Answer
    from lakeworks.crawlers.listing import Listing
    from lakeworks.crawlers.report import CrawlReport
    from lakeworks.project.crawler_declaration import Crawler, Target

Listed = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a crawl needs to know besides its declaration.

    Attributes:
        options: The environment's `s3:` settings.
        project_root: The project's folder: table levels of folders count from it.
        own_root: The lake's own storage, which no crawl enters.
        workers: How many processes look into files; None for as many as there are processors.
    """

    options: Mapping[str, str]
    project_root: str
    own_root: str = ""
    workers: int | None = None


@dataclass(slots=True)
class CrawledTarget:
    """A target, its objects, and what was made of them.

    Attributes:
        objects: Path below the root, and size, in order of path.
        unlisted: Whole places of what could not be listed.
        answers: What each of `objects` is, in their order; None where nobody looked.
    """

    root: str
    objects: list[Listed]
    delta: list[str]
    unlisted: list[str]
    exclusions: tuple[str, ...] = ()
    answers: list[Answer | None] = field(default_factory=list)
    schemas: Schemas = field(default_factory=Schemas)
    entries: list[Entry] = field(default_factory=list)

    def folders(self) -> set[str]:
        """Return the folders that hold files, the root as empty text."""
        return {path.rpartition("/")[0] for path, _ in self.objects}

    def holds(self, path: str) -> bool:
        """Whether there are objects in a folder below the root."""
        at = bisect_left(self.objects, (f"{path}/" if path else "", -1))
        return at < len(self.objects) and self.objects[at][0].startswith(
            f"{path}/" if path else ""
        )

    def places_below(self, location: str) -> list[str]:
        """Return the whole places of objects at or below a location, and of what was not listed."""
        place = location.rstrip("/")
        found = [one for one in self.unlisted if _within(one, place) or _within(place, one)]
        if not _within(place, self.root):
            inside = _within(self.root, place)
            return found + [below(self.root, path) for path, _ in self.objects if inside]
        relative = place[len(self.root) :].lstrip("/")
        at = bisect_left(self.objects, (relative, -1))
        while at < len(self.objects) and self.objects[at][0].startswith(relative):
            whole = below(self.root, self.objects[at][0])
            if _within(whole, place):
                found.append(whole)
            at += 1
        return found


def listed(target: Target, around: Surroundings, report: CrawlReport) -> CrawledTarget:
    """List a target; note in the report what it holds, and what could not be listed.

    Raises:
        TargetMissingError: the folder does not exist.
        StorageError: the bucket cannot be listed.
    """
    told = TargetReport(target.path)
    report.targets.append(told)
    root = target.path.rstrip("/") or "/"
    found = list_target(root, Exclusions(target.exclusions), around.options)
    _without_own(found, around.own_root, report)
    for path, reason in found.skipped:
        report.skip(below(root, path), reason)
    told.objects = len(found.objects)
    told.size_bytes = sum(size_bytes for _, size_bytes in found.objects)
    told.excluded, told.hidden = found.excluded, found.hidden
    unlisted = [below(root, path) for path, _ in found.skipped]
    return CrawledTarget(root, found.objects, found.delta, unlisted, target.exclusions)


def look(
    target: CrawledTarget,
    objects: Sequence[Listed],
    crawler: Crawler,
    around: Surroundings,
    sample_size: int | None = None,
) -> list[Answer | None]:
    """Look into files, all of them or a sample of each folder; return what each is."""
    task = Task(target.root, dict(around.options), custom_of(crawler.classifiers))
    chosen = range(len(objects)) if sample_size is None else _sampled(objects, sample_size)
    done = 0

    def progress(count: int) -> None:
        nonlocal done
        done += count
        events.emit("crawl.progress", crawler=crawler.name, files=done, of=len(chosen))

    found = examined(
        task, [objects[n] for n in chosen], workers=around.workers, progress=progress
    )
    answers: list[Answer | None] = [None] * len(objects)
    for number, answer in zip(chosen, found, strict=True):
        answers[number] = answer
    return settled_headers(answers)


def tell(report: CrawlReport, answers: Iterable[Answer | None]) -> None:
    """Count in the report which classifier recognised how many files."""
    told = report.targets[-1]
    for answer in answers:
        told.examined += answer is not None
        if isinstance(answer, Found):
            name = answer.classifier or answer.classification
            report.classifiers[name] = report.classifiers.get(name, 0) + 1


def entries(
    target: CrawledTarget,
    files: Iterable[tuple[str, int, Answer | None]],
    grouping: Grouping,
    crawler: Crawler,
    report: CrawlReport,
) -> list[Entry]:
    """Make entries of files; note in the report those that are in no table."""
    result = grouped(files, grouping, target.schemas)
    for path, reason in result.skipped:
        report.skip(below(target.root, path), reason)
    origin = Origin(target.root, crawler.name, target.exclusions)
    return [entry_of(one, origin, target.schemas) for one in result.tables]


def delta_entries(
    target: CrawledTarget, crawler: Crawler, around: Surroundings, report: CrawlReport
) -> list[Entry]:
    """Make entries of the Delta tables of a target, by their logs."""
    from lakeworks.core.errors import LakeError
    from lakeworks.storage.log import TableLog
    from lakeworks.storage.objects import ObjectStore

    found: list[Entry] = []
    for path in target.delta:
        place = below(target.root, path)
        try:
            version = TableLog(ObjectStore.open(place, around.options)).version()
        except LakeError as error:
            report.skip(place, f"its Delta log cannot be read: {error.problem}")
            target.unlisted.append(place)
            continue
        columns = tuple((one.name, one.type) for one in version.schema)
        found.append(
            delta_entry(path, target.root, crawler.name, columns, version.partition_columns)
        )
        report.classifiers["delta"] = report.classifiers.get("delta", 0) + 1
    return found


def grouping_of(crawler: Crawler, root: str, project_root: str) -> Grouping:
    """Return how folders become tables, with the table level counted from the target."""
    if crawler.table_level is None:
        return Grouping(crawler.combine)
    if root.startswith("s3://"):
        level = len(root.removeprefix("s3://").split("/"))
    elif _within(root, project_root):
        level = 1 + len([part for part in root[len(project_root) :].split("/") if part])
    else:
        level = len([part for part in root.split("/") if part])
    return Grouping(crawler.combine, max(crawler.table_level - level, 0))


def beside_known(
    grouping: Grouping, target: CrawledTarget, present: Iterable[TableEntry]
) -> Grouping:
    """Return a grouping that leaves tables of folders as they are, where they hold files.

    So neither does a table fall apart because a partition has other columns, nor is it
    swallowed because a folder like it came to lie beside it.
    """
    known: set[str] = set()
    above: set[str] = set()
    for entry in present:
        location = entry.storage.location
        if not location.endswith("/") or not _within(location.rstrip("/"), target.root):
            continue  # a file, or elsewhere
        path = location.rstrip("/")[len(target.root) :].lstrip("/")
        if not target.holds(path):
            continue
        if made_by(entry):
            known.add(path)
        while path:
            path = path.rpartition("/")[0]
            above.add(path)
    return replace(grouping, known=frozenset(known), apart=frozenset(above - known))


def _within(place: str, folder: str) -> bool:
    return place == folder or place.startswith(f"{folder.rstrip('/')}/")


def _without_own(found: Listing, own: str, report: CrawlReport) -> None:
    """Leave the lake's own storage out."""
    if not own or not (_within(own, found.root) or _within(found.root, own)):
        return
    count = len(found.objects) + len(found.delta)
    found.objects = [o for o in found.objects if not _within(below(found.root, o[0]), own)]
    found.delta = [path for path in found.delta if not _within(below(found.root, path), own)]
    if len(found.objects) + len(found.delta) < count:
        report.skip(own, "it is the lake's own storage")


def _sampled(objects: Sequence[Listed], size: int) -> list[int]:
    """Return the places of a sample of each folder, spread over it in order of name."""
    by_folder: dict[str, list[int]] = {}
    for number, (path, _) in enumerate(objects):
        by_folder.setdefault(path.rpartition("/")[0], []).append(number)
    chosen: list[int] = []
    for numbers in by_folder.values():
        if len(numbers) <= size:
            chosen += numbers
        else:
            step = (len(numbers) - 1) / max(size - 1, 1)
            chosen += sorted({numbers[round(step * place)] for place in range(size)})
    return sorted(chosen)


def is_skipped(answer: Answer | None) -> bool:
    """Whether a file is in no table."""
    return isinstance(answer, Skipped)
