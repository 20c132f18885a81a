"""Who may see what: principals, grants, tags, filters, masks; classification and audit."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lakeworks.governance.decisions import (
        Authorizer,
        ColumnAccess,
        Decision,
        TableAccess,
    )
    from lakeworks.governance.masks import Mask
    from lakeworks.governance.principals import Principal

# Where each name lives: a lake without policies loads nothing of what decides.
_MODULES = {
    "Authorizer": "decisions",
    "ColumnAccess": "decisions",
    "Decision": "decisions",
    "Mask": "masks",
    "Principal": "principals",
    "TableAccess": "decisions",
}

__all__ = ["Authorizer", "ColumnAccess", "Decision", "Mask", "Principal", "TableAccess"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    if name not in _MODULES:
        raise AttributeError(f"module 'lakeworks.governance' has no attribute {name!r}")
    return getattr(import_module(f"lakeworks.governance.{_MODULES[name]}"), name)
