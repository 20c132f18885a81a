"""Read one file of `policies/`: plain values and where each stands.

What they mean is `governance`'s to say; here they have the right keys and shapes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakeworks.project.declaration import PolicyFile
from lakeworks.project.yaml_lines import read_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakeworks.project.errors import Mistakes

PATH_MARK = "\x1f"


def read_policies(
    text: str, file: str, mistakes: Mistakes, *, variables: Mapping[str, str]
) -> dict[str, Any] | None:
    """Return the facts of one file, plain JSON values; note every mistake in it.

    A file with a mistake has no facts: half a policy may let through what the whole would not.
    """
    from lakeworks.project.declared_yaml import validated
    from lakeworks.project.policies_yaml import PoliciesYaml

    document = read_yaml(text, file, mistakes, variables=variables)
    if document is None:
        return None
    before = len(mistakes.found)
    document.note_missing(mistakes, lambda _: False)
    declared = validated(PoliciesYaml, document, mistakes) if document.value else PoliciesYaml()
    if declared is None or len(mistakes.found) > before:
        return None
    return {
        "values": declared.model_dump(mode="json", by_alias=True, exclude_defaults=True),
        "lines": {PATH_MARK.join(map(str, p)): line for p, line in document.lines.items()},
    }


def policy_file_of(facts: Mapping[str, Any], file: str) -> PolicyFile:
    """Make a `PolicyFile` of what `read_policies` found."""
    return PolicyFile(file, facts["values"], facts["lines"])
