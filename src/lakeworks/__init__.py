"""A data lake in one Python package: `Lake.open(path)` gives what the command `lake` gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.core.errors import LakeError

if TYPE_CHECKING:
    from lakeworks.lake import Lake
    from lakeworks.project.python_models import model

__all__ = ["Lake", "LakeError", "__version__", "model"]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    # Both stand on much of the house: they are loaded by whoever asks for them.
    if name == "Lake":
        from lakeworks.lake import Lake

        return Lake
    if name == "model":
        from lakeworks.project.python_models import model

        return model
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
