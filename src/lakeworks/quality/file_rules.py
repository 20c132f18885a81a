"""Rules on files: how new, how large, which content, none twice.

What files there are, and their content, comes by `Context.files`; content is read only by
FileMatch and FileUniqueness, in pieces. Where a page is silent: files are told apart by
SHA-256, and FileUniqueness counts files whose content occurs once, as Uniqueness does values.

https://docs.aws.amazon.com/glue/latest/dg/dqdl-rule-types-TYPE.html
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from lakeworks.quality.context import Compiled, IncomparableError
from lakeworks.quality.evaluation import Finding, compared
from lakeworks.quality.numbers import satisfied
from lakeworks.quality.ruleset import Now, Quantity, Text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lakeworks.quality.context import Context, FileFacts, FileListing
    from lakeworks.quality.evaluation import Figures
    from lakeworks.quality.ruleset import Condition, Operand, Rule

T = TypeVar("T", datetime, int)

COUNT = "Dataset.*.FileCount"
HASHES = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256"}
_UNITS = {"B": 0, "KB": 1, "MB": 2, "GB": 3, "TB": 4}
_CHUNK_BYTES = 1 << 20
_SHOWN = 5
_OPTIONS = {
    "FileFreshness": {"recentFiles", "uriRegex", "timeZone", "failFast"},
    "FileSize": {"recentFiles", "uriRegex", "failFast"},
    "FileMatch": {"recentFiles", "uriRegex", "matchFileName", "hashAlgorithm"},
    "FileUniqueness": {"recentFiles", "uriRegex", "matchFileName", "hashAlgorithm"},
}


@dataclass(frozen=True, slots=True)
class FileChoice:
    """Which files a rule looks at.

    Attributes:
        path: A file or a folder; empty for the files of the data themselves.
        recent: Only so many of the latest, or None for all.
        pattern: Only files whose URI has a part that matches.
    """

    listing: FileListing
    path: str
    recent: int | None = None
    pattern: str = ""

    def files(self, path: str | None = None) -> list[FileFacts]:
        """List them, the latest first."""
        found = self.listing.files(self.path if path is None else path)
        if self.pattern:
            found = [file for file in found if re.search(self.pattern, file.uri)]
        ordered = sorted(found, key=lambda file: (file.modified, file.uri), reverse=True)
        return ordered[: self.recent]


@dataclass(frozen=True, slots=True)
class FileShareTest:
    """How many files satisfy a test, against a threshold or all of them."""

    choice: FileChoice
    metric: str
    good: Callable[[FileFacts], bool]
    threshold: Condition | None
    bad: str
    kind: Literal["size", "time"]

    def judge(self, figures: Figures) -> Finding:  # noqa: ARG002 - files are its figures
        """Compare the share; a path without files fails."""
        files = self.choice.files()
        if not files:
            return _none_at(self.choice)
        others = [file for file in files if not self.good(file)]
        share = (len(files) - len(others)) / len(files)
        metrics = {self.metric: share, COUNT: float(len(files))}
        if self.kind == "size":
            sizes = [float(file.size_bytes) for file in files]
            metrics["Dataset.*.MaximumFileSize"] = max(sizes)
            metrics["Dataset.*.MinimumFileSize"] = min(sizes)
        passed = satisfied(share, self.threshold) if self.threshold else not others
        if passed:
            return Finding("Passed", metrics=metrics)
        asked = f", not {self.threshold}" if self.threshold else ""
        told = _told(others, self.kind)
        short = self.metric.removeprefix("Dataset.*.")
        reason = (
            f"{short} is {share:.6g}{asked}: {len(others)} of {len(files)} files {self.bad}"
        )
        return Finding("Failed", f"{reason}{told}", metrics)


@dataclass(frozen=True, slots=True)
class ChecksumTest:
    """Every file has one of the checksums that are given."""

    choice: FileChoice
    algorithm: str
    checksums: frozenset[str]

    def judge(self, figures: Figures) -> Finding:  # noqa: ARG002 - files are its figures
        """Read every file; name those that have none of them."""
        files = self.choice.files()
        if not files:
            return _none_at(self.choice)
        metrics = {COUNT: float(len(files))}
        others = [file for file in files if digest(file, self.algorithm) not in self.checksums]
        if not others:
            return Finding("Passed", metrics=metrics)
        reason = f"{len(others)} of {len(files)} files have none of the checksums"
        return Finding("Failed", f"{reason}{_told(others, '')}", metrics)


@dataclass(frozen=True, slots=True)
class SameFilesTest:
    """Two paths hold the same content, file by file."""

    choice: FileChoice
    other: str
    algorithm: str
    by_name: bool

    def judge(self, figures: Figures) -> Finding:  # noqa: ARG002 - files are its figures
        """Compare what is at both paths."""
        ours, theirs = self.choice.files(), self.choice.files(self.other)
        if not ours:
            return _none_at(self.choice)
        metrics = {COUNT: float(len(ours))}
        first, second = self._keyed(ours), self._keyed(theirs)
        only_first = list((first - second).elements())
        only_second = list((second - first).elements())
        if not only_first and not only_second:
            return Finding("Passed", metrics=metrics)
        reason = (
            f"{len(only_first)} of {len(ours)} files are not at {self.other}, and "
            f"{len(only_second)} of {len(theirs)} are only there"
        )
        names = {self._key(file): file.uri for file in (*theirs, *ours)}
        told = _names([names[key] for key in (*only_first, *only_second)])
        return Finding("Failed", f"{reason}{told}", metrics)

    def _keyed(self, files: Sequence[FileFacts]) -> Counter[tuple[str, str]]:
        return Counter(self._key(file) for file in files)

    def _key(self, file: FileFacts) -> tuple[str, str]:
        return digest(file, self.algorithm), _name(file) if self.by_name else ""


@dataclass(frozen=True, slots=True)
class FileUniquenessTest:
    """The share of files whose content (or name, too) occurs once."""

    choice: FileChoice
    algorithm: str
    by_name: bool
    condition: Condition | None

    def judge(self, figures: Figures) -> Finding:  # noqa: ARG002 - files are its figures
        """Compare the share; a path without files fails."""
        files = self.choice.files()
        if not files:
            return _none_at(self.choice)
        contents = self._contents(files)
        names = Counter(map(_name, files))
        repeated = [
            file
            for file, content in zip(files, contents, strict=True)
            if contents.count(content) > 1 or (self.by_name and names[_name(file)] > 1)
        ]
        share = (len(files) - len(repeated)) / len(files)
        found = compared(
            "Dataset.*.FileUniquenessRatio", "FileUniqueness", share, self.condition
        )
        metrics = {**found.metrics, COUNT: float(len(files))}
        if found.outcome == "Passed":
            return Finding("Passed", metrics=metrics)
        reason = f"{found.reason}: {len(repeated)} of {len(files)} files are repeated"
        return Finding("Failed", f"{reason}{_told(repeated, '')}", metrics)

    def _contents(self, files: Sequence[FileFacts]) -> list[str]:
        """Read only files that have another's size: the others surely differ."""
        sizes = Counter(file.size_bytes for file in files)
        return [
            digest(file, self.algorithm)
            if sizes[file.size_bytes] > 1
            else f"size {file.size_bytes}"
            for file in files
        ]


def digest(file: FileFacts, algorithm: str) -> str:
    """Return a file's checksum in lower-case hexadecimal; it is read in pieces."""
    found = hashlib.new(HASHES[algorithm], usedforsecurity=False)
    with file.open() as source:
        while piece := source.read(_CHUNK_BYTES):
            found.update(piece)
    return found.hexdigest()


def _file_freshness(rule: Rule, context: Context) -> Compiled:
    """Files were last written when it is asked (page FileFreshness).

    A time such as "21:45" is that of today in the zone of `with timeZone`, a date is its
    midnight; both are UTC when no zone is given. The bounds of `between` may stand in either
    order, as on the page.
    """
    condition = _required(rule)
    zone = _zone(rule.option("timeZone") or "UTC")
    moments = [_moment(operand, context.moment, zone) for operand in condition.operands]
    test = FileShareTest(
        _choice(rule, context),
        "Dataset.*.FileFreshness.Compliance",
        lambda file: _holds(file.modified, condition.operator, moments),
        context.resolved(rule.threshold, "Dataset.*.FileFreshness.Compliance"),
        f"were not written {condition}",
        "time",
    )
    return Compiled(test)


def _file_size(rule: Rule, context: Context) -> Compiled:
    """Files are as large as is asked; KB is 1,024 bytes (page FileSize; awslabs/dqdl, Size)."""
    condition = _required(rule)
    sizes = [_bytes(operand) for operand in condition.operands]
    test = FileShareTest(
        _choice(rule, context),
        "Dataset.*.FileSize.Compliance",
        lambda file: _holds(file.size_bytes, condition.operator, sizes),
        context.resolved(rule.threshold, "Dataset.*.FileSize.Compliance"),
        f"have a size that is not {condition}",
        "size",
    )
    return Compiled(test)


def _file_match(rule: Rule, context: Context) -> Compiled:
    """Files have a checksum of a list, or are those of another path (page FileMatch)."""
    algorithm = _algorithm(rule)
    choice = _choice(rule, context)
    if rule.condition is None:
        if len(rule.parameters) < 2:  # noqa: PLR2004 - what is compared, and with what
            raise IncomparableError("FileMatch needs checksums in [ … ], or a second path")
        other = rule.parameters[1]
        return Compiled(SameFilesTest(choice, other, algorithm, _flag(rule, "matchFileName")))
    if rule.condition.operator not in {"in", "="}:
        raise IncomparableError(f"FileMatch compares by in, not by {rule.condition.operator}")
    checksums = [operand for operand in rule.condition.operands if isinstance(operand, Text)]
    if len(checksums) != len(rule.condition.operands):
        raise IncomparableError("the checksums of FileMatch are texts in double quotes")
    known = frozenset(checksum.value.strip().lower() for checksum in checksums)
    return Compiled(ChecksumTest(choice, algorithm, known))


def _file_uniqueness(rule: Rule, context: Context) -> Compiled:
    """The share of files that are there once (page FileUniqueness)."""
    metric = "Dataset.*.FileUniquenessRatio"
    asked = context.asked(rule, metric) or context.resolved(rule.threshold, metric)
    choice, by_name = _choice(rule, context), _flag(rule, "matchFileName")
    return Compiled(FileUniquenessTest(choice, _algorithm(rule), by_name, asked))


def _required(rule: Rule) -> Condition:
    if rule.condition is None:
        raise IncomparableError(f"{rule.type} needs a condition")
    return rule.condition


def _choice(rule: Rule, context: Context) -> FileChoice:
    for tag in rule.tags:
        if tag.name not in _OPTIONS[rule.type]:
            known = ", ".join(sorted(_OPTIONS[rule.type]))
            raise IncomparableError(f"{rule.type} has no option {tag.name}; it has {known}")
    path = rule.parameters[0] if rule.parameters else ""
    if context.files is None:
        raise IncomparableError(
            "there are no files to look at: the data were not read from any"
        )
    recent = rule.option("recentFiles")
    if recent is not None and not (recent.isdigit() and int(recent) > 0):
        raise IncomparableError(f"recentFiles is a whole number from 1, not {recent}")
    pattern = rule.option("uriRegex") or ""
    try:
        re.compile(pattern)
    except re.error as error:
        raise IncomparableError(f"uriRegex is no regular expression: {error}") from None
    return FileChoice(context.files, path, int(recent) if recent else None, pattern)


def _algorithm(rule: Rule) -> str:
    said = (rule.option("hashAlgorithm") or "SHA-256").upper()
    if said not in HASHES:
        raise IncomparableError(f"hashAlgorithm is one of {', '.join(HASHES)}, not {said}")
    return said


def _flag(rule: Rule, name: str) -> bool:
    said = (rule.option(name) or "false").lower()
    if said not in {"true", "false"}:
        raise IncomparableError(f'{name} is "true" or "false", not {said}')
    return said == "true"


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise IncomparableError(f"{name!r} is no time zone such as America/New_York") from None


def _moment(operand: Operand, moment: datetime, zone: ZoneInfo) -> datetime:
    match operand:
        case Now(_, None):
            return moment
        case Now(sign, Quantity(amount, unit)):
            step = timedelta(**{unit: amount})
            return moment - step if sign == "-" else moment + step
        case Text(text):
            return _written_moment(text, moment, zone)
        case _:
            raise IncomparableError(f"{operand} is no date, time or now()")


def _written_moment(text: str, moment: datetime, zone: ZoneInfo) -> datetime:
    try:
        if text[4:5] == "-":
            return datetime.fromisoformat(text).replace(tzinfo=zone)
        form = "%I:%M %p" if text[-2:] in {"AM", "PM"} else "%H:%M"
        time = datetime.strptime(text, form).time()  # noqa: DTZ007 - the zone follows
    except ValueError:
        raise IncomparableError(f'"{text}" is no date, or time such as "9:30 AM"') from None
    # The page joins the time with today's date in UTC, and reads both in the zone.
    return datetime.combine(moment.astimezone(UTC).date(), time, tzinfo=zone)


def _bytes(operand: Operand) -> int:
    if not isinstance(operand, Quantity) or operand.unit not in _UNITS:
        raise IncomparableError(f"{operand} is no size such as 5 MB")
    return int(operand.amount * 1024 ** _UNITS[operand.unit])


def _holds(value: T, operator: str, bounds: Sequence[T]) -> bool:
    low, high = min(bounds), max(bounds)
    tests = {
        "=": lambda: value == bounds[0],
        "!=": lambda: value != bounds[0],
        ">": lambda: value > bounds[0],
        ">=": lambda: value >= bounds[0],
        "<": lambda: value < bounds[0],
        "<=": lambda: value <= bounds[0],
        "between": lambda: low < value < high,
        "not between": lambda: not low < value < high,
        "in": lambda: value in bounds,
        "not in": lambda: value not in bounds,
    }
    return tests[operator]()


def _none_at(choice: FileChoice) -> Finding:
    place = f"at {choice.path}" if choice.path else "behind the data"
    return Finding("Failed", f"there are no files {place}", {COUNT: 0.0})


def _name(file: FileFacts) -> str:
    return file.uri.rpartition("/")[2]


def _told(files: Sequence[FileFacts], kind: str) -> str:
    return _names([_described(file, kind) for file in files])


def _described(file: FileFacts, kind: str) -> str:
    if kind == "size":
        return f"{file.uri} ({file.size_bytes} B)"
    if kind == "time":
        return f"{file.uri} ({file.modified.astimezone(UTC):%Y-%m-%d %H:%M} UTC)"
    return file.uri


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f": {', '.join(names[:_SHOWN])}{more}" if names else ""


COMPILERS = {
    "FileFreshness": _file_freshness,
    "FileSize": _file_size,
    "FileMatch": _file_match,
    "FileUniqueness": _file_uniqueness,
}
