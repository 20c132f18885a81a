"""Credentials of AWS profiles that hold no keys: SSO, assumed roles, credential processes.

`botocore` (the extra `aws`) obtains them and renews them before they expire. Nothing that it or a
process says reaches a message, for that may quote a secret: only what kind of failure it was.
"""

from __future__ import annotations

import os
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

from lakeworks.core import clock
from lakeworks.core.errors import LakeError
from lakeworks.core.redaction import hide
from lakeworks.storage.errors import StorageRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

# Asked from the longest down; what is asked for last is asked for again at once.
_LIFETIMES = tuple(timedelta(minutes=minutes) for minutes in (30, 15, 10, 5, 1))
_GIVEN = ("access_key_id", "secret_access_key", "session_token")
_GIVEN_FOR = timedelta(minutes=5)
_KINDS = ("role_arn", "credential_process", "sso_session", "sso_start_url", "sso_account_id")
_FILES = ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "HOME")


def needs_a_login(profile: Mapping[str, str]) -> bool:
    """Whether a profile says how to obtain keys; beside a role, its own keys only open it."""
    if "role_arn" in profile:
        return True
    return "aws_access_key_id" not in profile and any(kind in profile for kind in _KINDS)


class CredentialSource(Protocol):
    """Gives credentials that may be others the next time."""

    failure: LakeError | None

    def current(self) -> tuple[str, str, str]:
        """Return key, secret and token."""
        ...

    def refused(self) -> None:
        """Take note that the store knows these credentials no longer."""
        ...

    def __call__(self) -> dict[str, Any]:
        """Return the same as `obstore` wants it."""
        ...


class GivenCredentials:
    """Keys that are references to secrets, resolved when a request needs them.

    Attributes:
        failure: Why the last attempt gave none: `obstore` passes on no exception of ours.
    """

    def __init__(self, options: Mapping[str, str]) -> None:
        self.failure: LakeError | None = None
        self._options = options

    def current(self) -> tuple[str, str, str]:
        """Return key, secret and token; raises what resolving them does."""
        try:
            found = {name: self._options.get(name, "") for name in _GIVEN}
            key_id, secret, token = found.values()
            if bool(key_id) != bool(secret):
                missing = "secret_access_key" if key_id else "access_key_id"
                problem = f"one of the S3 keys is set but {missing} is not"
                raise StorageRequestError(problem, f"set {missing} too")
        except LakeError as error:
            self.failure = error
            raise
        self.failure = None
        hide(secret, token)
        return key_id, secret, token

    def refused(self) -> None:
        """Let the next request resolve the keys again: they may have been replaced."""
        forget = getattr(self._options, "forget", None)
        if forget is not None:
            forget()

    def __call__(self) -> dict[str, Any]:
        """Return the same, to be asked for again soon."""
        key_id, secret, token = self.current()
        return {
            "access_key_id": key_id,
            "secret_access_key": secret,
            "token": token or None,
            "expires_at": clock.now() + _GIVEN_FOR,
        }


class ProfileCredentials:
    """What a profile's SSO, role or process gives, renewed in time. Safe to share by threads.

    As a function, it is what `obstore` calls a credential provider.
    """

    def __init__(self, profile: str) -> None:
        self.failure: LakeError | None = None
        self.profile = profile
        self._credentials = self._obtained()

    def current(self) -> tuple[str, str, str]:
        """Return key, secret and token, valid for some minutes at least.

        Raises:
            StorageRequestError: they cannot be had, or no longer.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            found = self._credentials.get_frozen_credentials()
        except (BotoCoreError, ClientError, ValueError) as error:
            raise StorageRequestError.no_credentials(self.profile, _kind(error)) from None
        hide(found.secret_key, found.token or "")
        return found.access_key, found.secret_key, found.token or ""

    def refused(self) -> None:
        """Do nothing: botocore renews what expires."""

    def __call__(self) -> dict[str, Any]:
        """Return the same, and until when they may be used without another look."""
        key_id, secret, token = self.current()
        return {
            "access_key_id": key_id,
            "secret_access_key": secret,
            "token": token or None,
            "expires_at": self._expires_at(),
        }

    def _expires_at(self) -> Any:  # noqa: ANN401 - a moment, or None for never
        runs_out = getattr(self._credentials, "refresh_needed", None)
        if runs_out is None:
            return None
        safe = (one for one in _LIFETIMES if not runs_out(int(one.total_seconds())))
        return clock.now() + next(safe, timedelta(0))

    def _obtained(self) -> Any:  # noqa: ANN401 - botocore's credentials
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.session import Session

        try:
            found = Session(profile=self.profile).get_credentials()
        except (BotoCoreError, ClientError, ValueError) as error:
            raise StorageRequestError.no_credentials(self.profile, _kind(error)) from None
        if found is None:
            raise StorageRequestError.no_credentials(self.profile, "none were found")
        return found


def credentials_of(profile: str) -> ProfileCredentials | None:
    """Return a profile's credentials, obtained once for the whole process; None without `botocore`.

    Raises:
        StorageRequestError: they cannot be had.
    """
    try:
        import botocore.session  # noqa: F401 - only whether it is there
    except ModuleNotFoundError:
        return None
    return _of(profile, tuple(os.environ.get(name, "") for name in _FILES))


@lru_cache(maxsize=16)
def _of(profile: str, files: tuple[str, ...]) -> ProfileCredentials:  # noqa: ARG001 - a part of the key
    return ProfileCredentials(profile)


def _kind(error: Exception) -> str:
    """Return what kind of failure it was, without a word of what was said."""
    code = getattr(error, "response", {}).get("Error", {}).get("Code", "")
    return code or type(error).__name__
