"""How a ruleset is evaluated: the options of AWS Glue Data Quality, under Glue's names.

Pure.

https://docs.aws.amazon.com/glue/latest/dg/dqdl.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from lakeworks.quality.errors import UnknownOptionError

if TYPE_CHECKING:
    from collections.abc import Mapping

_METHOD = "compositeRuleEvaluation.method"
_LABEL = "rowLevelConfiguration.filteredRowLabel"
KNOWN = {_METHOD: ("DATASET", "ROW"), _LABEL: ("PASSED", "SKIPPED")}


@dataclass(frozen=True, slots=True)
class Options:
    """How to evaluate.

    Attributes:
        composites: Whether composite rules join the outcomes of their parts on the whole
            dataset, or hold where every row satisfies the whole.
        filtered_rows: What row-level results say of rows that a rule's `where` leaves out.
    """

    composites: Literal["DATASET", "ROW"] = "DATASET"
    filtered_rows: Literal["PASSED", "SKIPPED"] = "PASSED"

    @classmethod
    def read(cls, given: Mapping[str, object] | None) -> Options:
        """Return the options that a caller gave under Glue's names.

        Raises:
            UnknownOptionError: a name or a value that there is not.
        """
        said = {key: _checked(key, value) for key, value in (given or {}).items()}
        return cls(
            composites=cast("Literal['DATASET', 'ROW']", said.get(_METHOD, "DATASET")),
            filtered_rows=cast("Literal['PASSED', 'SKIPPED']", said.get(_LABEL, "PASSED")),
        )


def _checked(key: str, value: object) -> str:
    if key not in KNOWN:
        raise UnknownOptionError.named(key, KNOWN)
    text = str(value).upper()
    if text not in KNOWN[key]:
        raise UnknownOptionError.valued(key, value, KNOWN[key])
    return text
