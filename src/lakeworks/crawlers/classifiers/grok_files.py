"""Lines that a grok expression takes apart: web servers' logs, syslog, an application's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeworks.core.grok import compile_grok
from lakeworks.core.types import parse_type
from lakeworks.crawlers.classifiers.found import MAX_RECORDS, Found, NeedMoreError

if TYPE_CHECKING:
    from lakeworks.crawlers.classifiers.found import Text

# A line longer than this is no line of a log: matching could take forever.
MAX_LINE_CHARACTERS = 16 * 1024
_BUILT_IN_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class LogForm:
    """One kind of log.

    Attributes:
        classification: Glue's word for it, or a custom classifier's own.
        least_share: Of its lines, how many must match.
    """

    name: str
    classification: str
    pattern: str
    custom_patterns: str = ""
    least_share: float = _BUILT_IN_SHARE


_KERNEL = "%{SYSLOGTIMESTAMP:timestamp} %{SYSLOGHOST:logsource} kernel: %{GREEDYDATA:message}"
# In Glue's order; syslog is ours.
BUILT_IN = (
    LogForm("combined_apache", "combined_apache", "%{COMBINEDAPACHELOG}"),
    LogForm("apache", "apache", "%{COMMONAPACHELOG}"),
    LogForm("ruby_logger", "ruby_logger", "%{RUBY_LOGGER}"),
    LogForm("squid", "squid", "%{SQUID3}"),
    LogForm("redismonlog", "redismonlog", "%{REDISMONLOG}"),
    LogForm("redislog", "redislog", "%{REDISLOG}"),
    LogForm("linux_kernel", "linux_kernel", _KERNEL),
    LogForm("syslog", "syslog", "%{SYSLOGLINE}"),
)  # fmt: skip


def classify(text: Text, form: LogForm) -> tuple[Found, float] | None:
    """Return the columns of a log and the share of its lines that match; None below the least."""
    try:
        lines = text.lines(MAX_RECORDS)
    except NeedMoreError:
        if text.last:
            return None
        raise
    full = [line for line in lines if line.strip()]
    if not full:
        return None
    grok = compile_grok(form.pattern, form.custom_patterns)
    matched = 0
    for number, line in enumerate(full):
        matched += len(line) <= MAX_LINE_CHARACTERS and grok.match(line) is not None
        if number == 9 and not matched:  # noqa: PLR2004 - ten lines of something else
            return None
    share = matched / len(full)
    if not matched or share < form.least_share:
        return None
    columns = tuple((name, parse_type(kind)) for name, kind in grok.columns)
    details = (("grok", form.pattern), ("custom_patterns", form.custom_patterns))
    read = text.taken_by(lines)
    found = Found(
        form.classification, columns, form.name, details, text.estimated(matched, read)
    )
    return found, share
