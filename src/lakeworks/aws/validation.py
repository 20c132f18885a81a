"""Hold a request against AWS's own description of the service, before anything is sent.

botocore checks that required members are there, types, and least lengths. The descriptions also
give patterns, lists of words and greatest lengths, which only the service would check: they are
checked here, so that a mistyped role or worker is told before an upload.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lakeworks.aws.errors import RequestRefusedError
from lakeworks.core.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def validate(service: str, operation: str, body: Mapping[str, Any]) -> None:
    """Check one request.

    Raises:
        MissingExtraError: botocore is not installed.
        RequestRefusedError: the request does not fit; it lists everything that is wrong.
    """
    try:
        import botocore.session
        from botocore.validate import ParamValidator
    except ImportError:
        raise MissingExtraError.needed("aws", "submitting to AWS") from None
    model = botocore.session.Session().get_service_model(service)
    shape = model.operation_model(operation).input_shape
    report = ParamValidator().validate(body, shape)
    told = report.generate_report().splitlines() if report.has_errors() else []
    problems = [line for line in told if line] or list(_refused("", body, shape))
    if problems:
        raise RequestRefusedError.by_model(operation, problems)


def _refused(path: str, value: Any, shape: Any) -> Iterator[str]:  # noqa: ANN401 - untyped vendor
    """Give what botocore lets pass and the service would refuse."""
    if shape.type_name == "string":
        problem = _text_problem(value, shape)
        if problem:
            yield f"{path}: {problem}"
        return
    for part_path, part, part_shape in _parts(path, value, shape):
        yield from _refused(part_path, part, part_shape)


def _parts(path: str, value: Any, shape: Any) -> Iterator[tuple[str, Any, Any]]:  # noqa: ANN401
    """Give the members of a value, each with its path and its own shape."""
    if shape.type_name == "structure":
        for name, part in value.items():
            yield f"{path}.{name}".lstrip("."), part, shape.members[name]
    elif shape.type_name == "list":
        for place, part in enumerate(value):
            yield f"{path}[{place}]", part, shape.member
    elif shape.type_name == "map":
        for name, part in value.items():
            yield f"{path}.{name}", name, shape.key
            yield f"{path}.{name}", part, shape.value


def _text_problem(value: str, shape: Any) -> str:  # noqa: ANN401 - untyped vendor
    words = getattr(shape, "enum", None)
    if words and value not in words:
        return f"{value!r} is not one of {', '.join(words)}"
    longest = shape.metadata.get("max")
    if longest and len(value) > longest:
        return f"{len(value)} characters are more than {longest}"
    pattern = shape.metadata.get("pattern")
    try:
        fits = pattern is None or re.fullmatch(pattern, value, re.DOTALL) is not None
    except re.error:
        return ""  # A few patterns are written for engines that read surrogates.
    return "" if fits else f"{value!r} does not have the form {pattern}"
