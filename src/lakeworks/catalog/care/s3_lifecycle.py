"""Lifecycle rules as S3 takes them: the JSON of PutBucketLifecycleConfiguration.

By its age S3 cannot tell a file that a table needs from one that it does not: the oldest file of
a table may hold its most read rows. So files of tables are only given to INTELLIGENT_TIERING, which
moves what is seldom read and gives it back at once, and only what is deleted already (noncurrent
versions) or was never whole (uploads) ever goes. Files below 128 KB stay where they are, as S3's
own default has it.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from lakeworks.catalog.care.errors import TooManyRulesError
from lakeworks.storage.layout import LANDING, STAGING, TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lakeworks.core.names import TableName
    from lakeworks.project.care import CareSettings, LifecycleRule

MOST_RULES = 1_000
_STAGING_DAYS = 7
_ABORT_DAYS = 7
_ID = re.compile(r"[^a-z0-9]+")
_MOST_ID = 200


def lifecycle_configuration(
    settings: CareSettings, tables: Iterable[TableName], *, prefix: str = ""
) -> dict[str, Any]:
    """Return `{"Rules": […]}` for the lake's bucket.

    Args:
        tables: The lake's tables. Where one rule is an exception to another, the wider one is
            spelled out table by table: S3 would apply both to the exception's files.
        prefix: Where in the bucket the lake lies, without slashes around it.

    Raises:
        TooManyRulesError: more than a bucket takes.
    """
    base = f"{prefix}/" if prefix else ""
    every = sorted(set(tables))
    rules = [_staging(base)]
    for rule in sorted(settings.lifecycle, key=lambda one: one.place):
        rules += [_rule(rule, place, base) for place in _places(rule, settings, every)]
    if not settings.lifecycle:
        rules.append(_uploads(base))
    if len(rules) > MOST_RULES:
        raise TooManyRulesError.counted(len(rules), MOST_RULES)
    return {"Rules": rules}


def bucket_and_prefix(storage: str) -> tuple[str, str]:
    """Divide `s3://bucket/prefix`; a folder has neither."""
    if not storage.startswith("s3://"):
        return "", ""
    bucket, _, prefix = storage.removeprefix("s3://").partition("/")
    return bucket, prefix.strip("/")


def _places(
    rule: LifecycleRule, settings: CareSettings, tables: Iterable[TableName]
) -> list[str]:
    """Return the places that a rule is put on: its own, or each of its tables."""
    own = _prefix(rule.place, "")
    exceptions = [
        other
        for other in settings.lifecycle
        if other is not rule and _prefix(other.place, "").startswith(own)
    ]
    if not exceptions:
        return [rule.place]
    if rule.is_landing:
        return [f"{LANDING}/{t}" for t in tables if settings.landing_rule(t) is rule]
    return [str(t) for t in tables if settings.table_rule(t) is rule]


def _rule(rule: LifecycleRule, place: str, base: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        "ID": _id(place),
        "Filter": {"Prefix": _prefix(place, base)},
        "Status": "Enabled",
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": rule.abort_upload_days},
    }
    if rule.transitions:
        made["Transitions"] = [
            {"Days": days, "StorageClass": name} for name, days in rule.transitions
        ]
    if rule.expire_days is not None:
        made["Expiration"] = {"Days": rule.expire_days}
    if rule.noncurrent_days is not None:
        made["NoncurrentVersionExpiration"] = {"NoncurrentDays": max(1, rule.noncurrent_days)}
    return made


def _staging(base: str) -> dict[str, Any]:
    """Scratch of runs that died: nothing reads it after its run."""
    return {
        "ID": "lakeworks-staging",
        "Filter": {"Prefix": f"{base}{STAGING}/"},
        "Status": "Enabled",
        "Expiration": {"Days": _STAGING_DAYS},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": _ABORT_DAYS},
    }


def _uploads(base: str) -> dict[str, Any]:
    return {
        "ID": "lakeworks-unfinished-uploads",
        "Filter": {"Prefix": base},
        "Status": "Enabled",
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": _ABORT_DAYS},
    }


def _prefix(place: str, base: str) -> str:
    landed = place.partition("/")[0] == LANDING
    below = place if landed else f"{TABLES}/{place.replace('.', '/', 1)}"
    return f"{base}{below[:-1]}" if below.endswith("*") else f"{base}{below}/"


def _id(place: str) -> str:
    name = _ID.sub("-", place).strip("-")
    # Two places may read alike without their marks.
    mark = hashlib.sha256(place.encode()).hexdigest()[:6]
    return f"lakeworks-{name[:_MOST_ID]}-{mark}"
