"""boto3's clients, made when a request is to be sent, and what they raise put into words."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lakeworks.aws.errors import SubmissionFailedError
from lakeworks.core.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakeworks.project.declaration import Environment


def client(service: str, environment: Environment) -> Any:  # noqa: ANN401 - untyped vendor
    """Return a client of one service, in the region that `submit:` or `s3:` names.

    Credentials are found as by every AWS tool: variables, profile, role of the machine.

    Raises:
        MissingExtraError: boto3 is not installed.
        SubmissionFailedError: no region is known.
    """
    try:
        import boto3
    except ImportError:
        raise MissingExtraError.needed("aws", "submitting to AWS") from None
    region = region_of(environment)
    with told(service, "the request"):
        return boto3.client(service, region_name=region or None)


def region_of(environment: Environment) -> str:
    """Return the region that the project names, or nothing: AWS's own settings decide then."""
    return environment.submit.region or environment.options.get("region", "")


@contextmanager
def told(target: str, operation: str) -> Iterator[None]:
    """Turn what boto3 raises into an error that says what was asked of whom."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        detail = error.response.get("Error", {})
        reason = f"{detail.get('Code', 'refused')}: {detail.get('Message', error)}"
        hint = ""
        if "AccessDenied" in reason or "not authorized" in reason:
            hint = "docs/how-to/submit.md lists the rights that are needed"
        raise SubmissionFailedError.refused(target, operation, reason, hint) from None
    except BotoCoreError as error:
        hint = {
            "NoRegionError": "write region: below submit:, or set AWS_REGION",
            "NoCredentialsError": "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and its secret",
        }.get(type(error).__name__, "")
        raise SubmissionFailedError.refused(target, operation, str(error), hint) from None
