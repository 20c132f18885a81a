"""Instants as the catalog stores them: microseconds since 1970, UTC, in every database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(moment: datetime) -> int:
    """Return `moment` as microseconds since 1970; one without a zone is taken as UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // _MICROSECOND


def from_microseconds(count: int) -> datetime:
    """Return the instant that `microseconds` made a number of."""
    return _EPOCH + timedelta(microseconds=count)
