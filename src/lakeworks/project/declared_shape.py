"""What every shape of a project's YAML has in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, model_validator


class DeclaredShape(BaseModel):
    """Keys with values; others are mistakes."""

    model_config = ConfigDict(extra="forbid", populate_by_name=False)

    @model_validator(mode="before")
    @classmethod
    def _left_out(cls, data: object) -> object:
        """A known key with nothing after it counts as left out."""
        if data is None:
            return {}
        if not isinstance(data, dict):
            return data
        known = known_keys(cls)
        return {key: text for key, text in data.items() if text is not None or key not in known}


def known_keys(shape: type[BaseModel]) -> list[str]:
    """Return the keys that a shape accepts, as the user writes them."""
    return [field.alias or name for name, field in shape.model_fields.items()]
