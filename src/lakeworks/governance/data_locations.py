"""Where data may be written outside the lake: Lake Formation's data locations.

Pure. A location is one spelling of an absolute folder or of a prefix of a bucket; what would need
interpreting (`..`, other schemes, percent signs, wildcards) is refused, so that comparing texts by
their parts is enough. Where folders really lie, symbolic links followed, whoever writes must ask.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lakeworks.governance.errors import ResourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lakeworks.governance.decisions import Authorizer
    from lakeworks.governance.principals import Principal

ACCESS = "DATA_LOCATION_ACCESS"
S3 = "s3://"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_STRANGE = re.compile(r"[\x00-\x1f\x7f\\%*?#\[\]{}]")


def checked_location(text: str) -> str:
    """Return a location in its one spelling: without a slash at its end.

    Raises:
        ResourceError: it is neither an absolute folder nor `s3://bucket/prefix`.
    """
    if text != text.strip() or _STRANGE.search(text):
        raise ResourceError.location(
            text, "it holds blanks at its ends or marks such as % or *"
        )
    rest = text.removeprefix(S3) if text.startswith(S3) else text
    if not text.startswith(S3) and not text.startswith("/"):
        raise ResourceError.location(text, "it is no absolute folder and no s3:// prefix")
    parts = rest.removesuffix("/").split("/")
    if text.startswith(S3):
        bucket, *parts = parts
        if _BUCKET.fullmatch(bucket) is None:
            raise ResourceError.location(text, f"{bucket!r} is no bucket")
    else:
        parts = parts[1:]
    if any(part in ("", ".", "..") for part in parts) or not (parts or text.startswith(S3)):
        raise ResourceError.location(text, "a part of it is empty, . or ..")
    return text.removesuffix("/")


def within(location: str, other: str) -> bool:
    """Whether a location is another, or lies below it; both in their one spelling."""
    return location == other or location.startswith(f"{other}/")


def reached(
    authorizer: Authorizer, principal: Principal, location: str, *, real: str = ""
) -> bool:
    """Whether a principal may write to a location.

    Args:
        authorizer: Decides, as of now.
        principal: Who wants to.
        location: In its one spelling.
        real: Where it really lies, symbolic links followed; that must be in the data location too.
    """
    return any(
        authorizer.may(principal, ACCESS, f"location:{name}").allowed
        for name in _holding(authorizer.policies.locations, (location, real or location))
    )


def _holding(locations: Mapping[str, str], places: Iterable[str]) -> list[str]:
    wanted = tuple(places)
    return [n for n, at in sorted(locations.items()) if all(within(one, at) for one in wanted)]
