"""Fetch one secret from AWS Secrets Manager, through botocore (the extra `aws`)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lakeworks.core.redaction import hide
from lakeworks.project.errors import SecretError, SecretUnavailableError

if TYPE_CHECKING:
    from lakeworks.project.declaration import Location
    from lakeworks.project.secret_references import SecretReference, SecretSettings

_ARN_PARTS = 7
_DENIED = frozenset({"AccessDeniedException", "AccessDenied", "UnauthorizedOperation"})
_STAGES = ("AWSCURRENT", "AWSPREVIOUS", "AWSPENDING")


def fetched(reference: SecretReference, at: Location, settings: SecretSettings) -> str:
    """Return a secret's value as it is now.

    Raises:
        SecretError: there is no such secret, version or key.
        SecretUnavailableError: the service does not give it or cannot be reached, or botocore
            is not installed.
    """
    try:
        from botocore.exceptions import BotoCoreError, ClientError
    except ModuleNotFoundError:
        reason = "the extra 'aws' is not installed"
        hint = "pip install 'lakeworks[aws]'"
        raise SecretUnavailableError.of(reference, at, reason, hint) from None
    version = {}
    if reference.stage:
        # A version's identifier is a UUID; whatever else is written is a stage's name.
        by_id = len(reference.stage) >= 32 and reference.stage not in _STAGES  # noqa: PLR2004
        version = {"VersionId" if by_id else "VersionStage": reference.stage}
    try:
        client = _client(_region(reference, settings), settings.endpoint, settings.profile)
        answer = client.get_secret_value(SecretId=reference.name, **version)
    except ClientError as error:
        raise _refused(reference, at, error) from None
    except (BotoCoreError, ValueError) as error:
        hint = (
            "check region, endpoint and credentials (`secrets:` of the environment, or AWS_*)"
        )
        reason = type(error).__name__
        raise SecretUnavailableError.of(reference, at, reason, hint) from None
    text = answer.get("SecretString")
    if not isinstance(text, str):
        raise SecretError.of(reference, at, "is binary", "keep it as text")
    hide(text)
    return _value(text, reference, at) if reference.json_key else text


def _value(text: str, reference: SecretReference, at: Location) -> str:
    try:
        found: Any = json.loads(text)
    except ValueError:
        raise SecretError.of(
            reference, at, "is not JSON, so it has no keys", f"leave out #{reference.json_key}"
        ) from None
    value = found.get(reference.json_key) if isinstance(found, dict) else None
    if value is None or isinstance(value, dict | list):
        raise SecretError.of(
            reference, at, f"has no value under the key {reference.json_key!r}"
        )
    return value if isinstance(value, str) else json.dumps(value)


def _refused(
    reference: SecretReference,
    at: Location,
    error: Any,  # noqa: ANN401 - botocore's ClientError
) -> SecretError | SecretUnavailableError:
    # The service's own sentences are left out: they name accounts and roles.
    code = str(error.response.get("Error", {}).get("Code", ""))
    if code == "ResourceNotFoundException":
        hint = "check name, version and region; aws secretsmanager list-secrets lists them"
        return SecretError.of(reference, at, "is not in AWS Secrets Manager", hint)
    if code in _DENIED:
        hint = "allow secretsmanager:GetSecretValue on it, and kms:Decrypt on its key"
        return SecretUnavailableError.of(reference, at, "access is denied", hint)
    return SecretUnavailableError.of(reference, at, code or "the service refused")


def _region(reference: SecretReference, settings: SecretSettings) -> str:
    parts = reference.name.split(":")
    if parts[0] == "arn" and len(parts) >= _ARN_PARTS:
        return parts[3]
    return settings.region


def _client(region: str, endpoint: str, profile: str) -> Any:  # noqa: ANN401 - botocore's client
    from botocore.config import Config
    from botocore.session import Session

    return Session(profile=profile or None).create_client(
        "secretsmanager",
        region_name=region or None,
        endpoint_url=endpoint or None,
        config=Config(connect_timeout=5, read_timeout=10, retries={"max_attempts": 3}),
    )
