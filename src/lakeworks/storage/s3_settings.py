"""Credentials, endpoint and region of an `s3://` URL, found as the AWS tools find them.

First the project's own options, then the AWS_* environment variables, then the profile in
~/.aws. What is left open (roles of containers and machines) the vendor library asks itself.
"""

from __future__ import annotations

import configparser
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from lakeworks.core.errors import did_you_mean
from lakeworks.core.redaction import hide
from lakeworks.storage.errors import StorageRequestError
from lakeworks.storage.s3_profiles import GivenCredentials, credentials_of, needs_a_login

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakeworks.storage.s3_profiles import CredentialSource

OPTIONS = (
    "endpoint", "region", "access_key_id", "secret_access_key", "session_token", "profile",
    "allow_http", "virtual_hosted_style", "skip_signature", "sse", "kms_key_id", "bucket_key",
)  # fmt: skip
KEYS = ("access_key_id", "secret_access_key", "session_token")
_TRUE = {"1", "true", "yes", "on"}


@dataclass(frozen=True, slots=True)
class S3Settings:
    """How one bucket is reached. Its text form holds no secret.

    Attributes:
        endpoint: `https://host:port`, or empty for AWS itself.
        key_id: Empty when the vendor library is to find credentials, or none are used.
        signed: Whether requests are signed; public buckets need no credentials.
        source: Gives credentials that expire, in place of the keys here.
        sse: How the store is asked to encrypt what is written: `AES256`, `aws:kms` or
            `aws:kms:dsse`; empty for the bucket's own default.
        kms_key_id: The key of KMS; empty for the account's own key for S3.
        bucket_key: Whether the bucket's data key spares requests to KMS.
    """

    bucket: str
    prefix: str
    region: str
    endpoint: str = ""
    key_id: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)
    allow_http: bool = False
    virtual_hosted: bool = True
    signed: bool = True
    source: CredentialSource | None = field(default=None, repr=False, compare=False)
    sse: str = ""
    kms_key_id: str = ""
    bucket_key: bool = False

    @classmethod
    def resolve(cls, url: str, options: Mapping[str, str]) -> Self:
        """Read `s3://bucket/prefix` and find everything else that is needed.

        Args:
            url: The bucket and an optional prefix.
            options: Any of `OPTIONS`; the switches take `true` or `false`.

        Raises:
            StorageRequestError: the URL has no bucket, an option is unknown, or the profile
                does not exist or gives no keys.
        """
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        prefix = prefix.strip("/")
        if not bucket or any(part in {"", ".", ".."} for part in prefix.split("/") if prefix):
            raise StorageRequestError.url(url)
        for name in options:
            if name not in OPTIONS:
                raise StorageRequestError.option(name, did_you_mean(name, OPTIONS))
        name, profile = _profile(options)
        source = _source(name, profile, options)
        keys = ("", "", "") if source else _credentials(options, profile)
        endpoint = (
            options.get("endpoint")
            or os.environ.get("AWS_ENDPOINT_URL_S3")
            or os.environ.get("AWS_ENDPOINT_URL")
            or profile.get("endpoint_url", "")
        ).rstrip("/")
        if endpoint and "://" not in endpoint:
            endpoint = f"https://{endpoint}"
        default_style = "false" if endpoint or "." in bucket else "true"
        return cls(
            bucket=bucket,
            prefix=prefix,
            region=_region(options, profile),
            endpoint=endpoint,
            key_id=keys[0],
            secret=keys[1],
            session_token=keys[2],
            source=source,
            allow_http=_switch(options, "allow_http") or endpoint.startswith("http://"),
            virtual_hosted=options.get("virtual_hosted_style", default_style).lower() in _TRUE,
            signed=not _switch(options, "skip_signature"),
            **_encryption(options),
        )

    @property
    def place(self) -> str:
        """Where requests go, for messages."""
        return self.endpoint or f"https://s3.{self.region}.amazonaws.com"

    @property
    def keys(self) -> tuple[str, str, str]:
        """Key, secret and token to be used now; empty where there are none."""
        if self.source is not None:
            return self.source.current()
        return self.key_id, self.secret, self.session_token

    def for_object_store(self, *, with_keys: bool = True) -> dict[str, str]:
        """Return the options by their names in `obstore`, which `deltalake` shares."""
        found = {
            "aws_region": self.region,
            "aws_virtual_hosted_style_request": str(self.virtual_hosted).lower(),
            "aws_conditional_put": "etag",
        }
        if self.endpoint:
            found["aws_endpoint"] = self._endpoint_of_bucket()
        if not self.signed:
            found["aws_skip_signature"] = "true"
        if self.sse:
            found["aws_server_side_encryption"] = self.sse
        if self.kms_key_id:
            found["aws_sse_kms_key_id"] = self.kms_key_id
        if self.bucket_key:
            found["aws_sse_bucket_key_enabled"] = "true"
        key_id, secret, token = self.keys if with_keys else ("", "", "")
        if key_id:
            found["aws_access_key_id"] = key_id
            found["aws_secret_access_key"] = secret
        if token:
            found["aws_session_token"] = token
        return found

    def for_engine(self) -> dict[str, str | bool]:
        """Return the options by the names that `ObjectStore.s3_settings` documents."""
        parts = urlsplit(self.place)
        found: dict[str, str | bool] = {
            "region": self.region,
            "endpoint": parts.netloc + parts.path,
            "url_style": "vhost" if self.virtual_hosted else "path",
            "use_ssl": parts.scheme != "http",
        }
        key_id, secret, token = self.keys
        if key_id:
            found["key_id"] = key_id
            found["secret"] = secret
        if token:
            found["session_token"] = token
        if self.sse:
            found["sse"] = self.sse
            found["kms_key_id"] = self.kms_key_id
            found["bucket_key"] = self.bucket_key
        return found

    def _endpoint_of_bucket(self) -> str:
        if not self.virtual_hosted:
            return self.endpoint
        scheme, _, host = self.endpoint.partition("://")
        return f"{scheme}://{self.bucket}.{host}"


def _encryption(options: Mapping[str, str]) -> dict[str, Any]:
    """Return what is asked of the store for what is written; half a request is refused."""
    sse, key = options.get("sse", ""), options.get("kms_key_id", "")
    bucket_key = _switch(options, "bucket_key")
    if sse not in {"", "AES256", "aws:kms", "aws:kms:dsse"}:
        hint = "write AES256, aws:kms or aws:kms:dsse"
        raise StorageRequestError(f"sse: {sse!r} is no encryption that S3 has", hint)
    if (key or bucket_key) and not sse.startswith("aws:kms"):
        named = "kms_key_id" if key else "bucket_key"
        raise StorageRequestError(
            f"{named} is set but sse is not aws:kms", "write sse: aws:kms"
        )
    if bucket_key and sse == "aws:kms:dsse":
        raise StorageRequestError(
            "S3 has no bucket keys for aws:kms:dsse", "leave out bucket_key"
        )
    return {"sse": sse, "kms_key_id": key, "bucket_key": bucket_key}


def _switch(options: Mapping[str, str], name: str) -> bool:
    return str(options.get(name, "false")).lower() in _TRUE


def _region(options: Mapping[str, str], profile: Mapping[str, str]) -> str:
    return (
        options.get("region")
        or os.environ.get("AWS_REGION")
        or os.environ.get("AWS_DEFAULT_REGION")
        or profile.get("region")
        or "us-east-1"
    )


def _credentials(
    options: Mapping[str, str], profile: Mapping[str, str]
) -> tuple[str, str, str]:
    """Return key, secret and token, all from one place: mixed pairs never work."""
    env = os.environ
    if _given_later(options):
        return "", "", ""
    if options.get("access_key_id"):
        names = ("access_key_id", "secret_access_key", "session_token")
        found: Mapping[str, str] = options
    elif env.get("AWS_ACCESS_KEY_ID") and not options.get("profile"):
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        found = env
    else:
        names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
        found = profile
    key_id, secret, token = (found.get(name, "") for name in names)
    hide(secret, token)
    if key_id and not secret:
        raise StorageRequestError(
            f"{names[0]} is set but {names[1]} is not", f"set {names[1]} too"
        )
    return key_id, secret, token


def _profile(options: Mapping[str, str]) -> tuple[str, Mapping[str, str]]:
    """Return the chosen AWS profile's name, empty when none was, and its settings from both files."""
    env = os.environ
    chosen = options.get("profile") or env.get("AWS_PROFILE") or env.get("AWS_DEFAULT_PROFILE")
    name = chosen or "default"
    home = Path("~/.aws").expanduser()
    config = _sections(Path(env.get("AWS_CONFIG_FILE") or home / "config"))
    keys = _sections(Path(env.get("AWS_SHARED_CREDENTIALS_FILE") or home / "credentials"))
    section = "default" if name == "default" else f"profile {name}"
    if chosen and section not in config and name not in keys:
        known = {*keys, *(s.removeprefix("profile ") for s in config)}
        raise StorageRequestError.profile(name, did_you_mean(name, known) or "~/.aws has none")
    return chosen or "", {**config.get(section, {}), **keys.get(name, {})}


def _source(
    name: str, profile: Mapping[str, str], options: Mapping[str, str]
) -> CredentialSource | None:
    """Return what obtains credentials that are not here: a profile's, or a secret's."""
    if _given_later(options):
        return GivenCredentials(options)
    if _has_keys(options) or _switch(options, "skip_signature") or not needs_a_login(profile):
        return None
    source = credentials_of(name or "default")
    if source is None and name:
        raise StorageRequestError.profile(
            name,
            "pip install 'lakeworks[aws]', which obtains them; or run: "
            f'eval "$(aws configure export-credentials --profile {name} --format env)"',
        )
    return source


def _given_later(options: Mapping[str, str]) -> bool:
    """Whether keys are references to secrets, which are resolved when they are needed."""
    is_secret = getattr(options, "is_secret", None)
    return is_secret is not None and any(is_secret(name) for name in KEYS)


def _has_keys(options: Mapping[str, str]) -> bool:
    if options.get("access_key_id"):
        return True
    return bool(os.environ.get("AWS_ACCESS_KEY_ID")) and not options.get("profile")


def _sections(path: Path) -> dict[str, dict[str, str]]:
    reader = configparser.RawConfigParser(default_section="", strict=False)
    try:
        reader.read_string(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, configparser.Error) as error:
        raise StorageRequestError(
            f"cannot read {path}: {type(error).__name__}",
            "correct the file, or set AWS_* variables",
        ) from None
    return {name: dict(reader[name]) for name in reader.sections()}
