"""Reach files with the settings that an engine was opened with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.storage.objects import ObjectStore

if TYPE_CHECKING:
    from collections.abc import Mapping


def store_of(root: str, s3: Mapping[str, str | bool]) -> ObjectStore:
    """Return the store at a folder or a bucket's prefix.

    Args:
        root: An absolute folder, or `s3://…`.
        s3: As `ObjectStore.s3_settings` returns it; not needed for a folder.
    """
    if not root.startswith("s3://"):
        return ObjectStore.open(root)
    scheme = "https" if s3.get("use_ssl", True) else "http"
    options = {
        "endpoint": f"{scheme}://{s3['endpoint']}" if s3.get("endpoint") else "",
        "region": str(s3.get("region", "")),
        "access_key_id": str(s3.get("key_id", "")),
        "secret_access_key": str(s3.get("secret", "")),
        "session_token": str(s3.get("session_token", "")),
        "allow_http": str(not s3.get("use_ssl", True)).lower(),
        "virtual_hosted_style": str(s3.get("url_style") == "vhost").lower(),
        "sse": str(s3.get("sse", "")),
        "kms_key_id": str(s3.get("kms_key_id", "")),
        "bucket_key": "true" if s3.get("bucket_key") else "",
    }
    chosen = {name: value for name, value in options.items() if value}
    return ObjectStore.open(root, chosen)
