"""Tell what one file is: the custom classifiers in their order, then the built-in ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lakeworks.core.json_paths import parse_path
from lakeworks.crawlers.classifiers import (
    columnar_files,
    csv_files,
    grok_files,
    json_files,
    xml_files,
)
from lakeworks.crawlers.classifiers.found import (
    EMPTY,
    LARGEST_WINDOW_BYTES,
    WINDOW_BYTES,
    Found,
    NeedMoreError,
    NotReadableError,
    Skipped,
)
from lakeworks.crawlers.classifiers.grok_files import LogForm

if TYPE_CHECKING:
    from lakeworks.crawlers.classifiers.csv_files import CsvForm
    from lakeworks.crawlers.classifiers.found import Details, Text
    from lakeworks.crawlers.samples import Sample

_AVRO, _ORC, _PARQUET = b"Obj\x01", b"ORC", b"PAR1"
_CERTAIN = 1.0


@dataclass(frozen=True, slots=True)
class JsonForm:
    """A custom classifier: which elements of JSON documents are rows."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class XmlForm:
    """A custom classifier: which XML element is a row."""

    name: str
    classification: str
    row_tag: str


@dataclass(frozen=True, slots=True)
class NamedCsvForm:
    """A custom classifier: how delimited text is written."""

    name: str
    form: CsvForm


Custom = LogForm | JsonForm | XmlForm | NamedCsvForm


def examine(sample: Sample, custom: tuple[Custom, ...] = ()) -> Found | Skipped:
    """Return the format and columns of a file, or why it is in no table. Raises nothing."""
    if sample.size_bytes == 0:
        return Skipped(EMPTY)
    try:
        found = _by_magic(sample)
        if found is None:
            found = _in_windows(sample, custom)
        compression = (
            sample.packing if found.classification not in {"parquet", "orc"} else "none"
        )
        return replace(found, compression=compression)
    except NotReadableError as error:
        return Skipped(str(error))
    except OSError as error:
        return Skipped(f"it cannot be read: {error.strerror or type(error).__name__}")
    except (MemoryError, RecursionError) as error:
        return Skipped(f"it cannot be read: {type(error).__name__}")


def _by_magic(sample: Sample) -> Found | None:
    start = sample.head(min(WINDOW_BYTES, sample.size_bytes))
    if start.startswith(_PARQUET):
        return columnar_files.parquet(sample)
    if start.startswith(b"PARE"):
        raise NotReadableError("the Parquet file is encrypted")
    if start.startswith(_ORC):
        return columnar_files.orc(sample)
    if start.startswith(_AVRO):
        return columnar_files.avro(start, sample.size_bytes)
    return None


def _in_windows(sample: Sample, custom: tuple[Custom, ...]) -> Found:
    """Look at the first megabyte; where no record ends in it, at ten."""
    for window_bytes in (WINDOW_BYTES, LARGEST_WINDOW_BYTES):
        last = window_bytes == LARGEST_WINDOW_BYTES
        if sample.packing != "none":
            data, _ = sample.content(min(window_bytes, WINDOW_BYTES))
            _refuse_packed(data)
        text = sample.text(window_bytes, last=last)
        try:
            found = _classified(text, custom)
        except NeedMoreError:
            continue
        return _scaled(found, sample, text)
    raise NotReadableError("no record ends within its first 10 MiB")


def _refuse_packed(data: bytes) -> None:
    for magic, name in ((_PARQUET, "Parquet"), (_ORC, "ORC"), (_AVRO, "Avro")):
        if data.startswith(magic):
            raise NotReadableError(f"it is a packed {name} file, and these pack themselves")


def _scaled(found: Found, sample: Sample, text: Text) -> Found:
    """Estimate the rows of the whole file by those of what was seen of it."""
    details = found.details
    if text.encoding != "utf-8":
        details = (*details, ("encoding", text.encoding))
    rows = found.rows
    if not text.whole and sample.packing == "none" and text.text:
        rows *= sample.size_bytes / max(len(text.text.encode("utf-8", "replace")), 1)
    return replace(found, rows=rows, details=details)


def _classified(text: Text, custom: tuple[Custom, ...]) -> Found:
    if not text.text.strip():
        if not text.whole and not text.last:
            raise NeedMoreError
        raise NotReadableError("it holds nothing but blanks")
    best: tuple[Found, float] | None = None
    for form in custom:
        answer = _by_custom(text, form)
        if answer is not None and answer[1] >= _CERTAIN:
            return answer[0]
        if answer is not None and (best is None or answer[1] > best[1]):
            best = answer
    return _by_built_in(text) if best is None else best[0]


def _by_custom(text: Text, form: Custom) -> tuple[Found, float] | None:
    """Return what a custom classifier makes of a file, and how certain it is."""
    match form:
        case LogForm():
            return grok_files.classify(text, form)
        case JsonForm():
            found = json_files.classify(text, parse_path(form.path))
            details: Details = (("jsonPath", form.path),)
        case XmlForm():
            found = xml_files.classify(text, form.row_tag)
            details = (("rowTag", form.row_tag),)
            if found is not None:
                found = replace(found, classification=form.classification or "xml")
        case NamedCsvForm():
            found = csv_files.classify(text, form.form)
            details = found.details if found is not None else ()
    if found is None:
        return None
    return replace(found, classifier=form.name, details=details), _CERTAIN


def _by_built_in(text: Text) -> Found:
    found = json_files.classify(text) or xml_files.classify(text)
    if found is not None:
        return replace(found, classifier=found.classification)
    for form in grok_files.BUILT_IN:
        answer = grok_files.classify(text, form)
        if answer is not None:
            return answer[0]
    found = csv_files.classify(text)
    if found is None:
        raise NotReadableError("no classifier knows it")
    return found
