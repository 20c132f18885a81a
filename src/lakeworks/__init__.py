"""A data lake in one Python package: `Lake.open(path)` gives what the command `lake` gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.core.errors import LakeError

if TYPE_CHECKING:
    from lakeworks.lake import Lake

__all__ = ["Lake", "LakeError", "__version__"]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    # Lake stands on every package of the house: it is loaded by whoever asks for it.
    if name == "Lake":
        from lakeworks.lake import Lake

        return Lake
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
