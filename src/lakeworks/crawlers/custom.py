"""Declared classifiers as those that look into files. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.crawlers.classifiers.csv_files import CsvForm
from lakeworks.crawlers.classifiers.examine import JsonForm, NamedCsvForm, XmlForm
from lakeworks.crawlers.classifiers.grok_files import LogForm
from lakeworks.project.crawler_declaration import (
    CsvClassifier,
    GrokClassifier,
    JsonClassifier,
    XmlClassifier,
)

if TYPE_CHECKING:
    from lakeworks.crawlers.classifiers.examine import Custom
    from lakeworks.project.crawler_declaration import Classifier

# Half of the lines: stack traces and banners stand between an application's own.
_LEAST_SHARE = 0.5


def custom_of(classifiers: tuple[Classifier, ...]) -> tuple[Custom, ...]:
    """Return what looks into files, in the same order."""
    return tuple(_custom(one) for one in classifiers)


def _custom(one: Classifier) -> Custom:
    match one:
        case GrokClassifier():
            return LogForm(
                one.name,
                one.classification,
                one.grok_pattern,
                one.custom_patterns,
                _LEAST_SHARE,
            )
        case JsonClassifier():
            return JsonForm(one.name, one.json_path)
        case XmlClassifier():
            return XmlForm(one.name, one.classification, one.row_tag)
        case CsvClassifier():
            form = CsvForm(
                one.delimiter,
                one.quote_symbol,
                one.contains_header,
                one.header,
                one.custom_datatypes,
                trim=not one.disable_value_trimming,
                single_column=one.allow_single_column,
                serde="" if one.serde == "none" else one.serde,
            )
            return NamedCsvForm(one.name, form)
