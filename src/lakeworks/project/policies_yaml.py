"""The shape of one file of `policies/`, as the user writes it, checked by pydantic.

Loaded only when a file is new or changed, as `declared_yaml.py` is.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, Field

from lakeworks.project.declared_shape import DeclaredShape
from lakeworks.project.declared_yaml import Texts

TagValues = dict[str, Texts]


def _members(value: object) -> object:
    """A list, or one text, stands for members alone."""
    return {"members": value} if isinstance(value, str | list) else value


def _tags_or_names(value: object) -> object:
    """Accept tags with values, or the names of columns."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return tuple(value)
    if isinstance(value, dict):
        found: dict[str, tuple[str, ...]] = {}
        for key, words in value.items():
            listed = [words] if isinstance(words, str) else words
            if not isinstance(listed, list) or not all(isinstance(w, str) for w in listed):
                break
            found[key] = tuple(listed)
        else:
            return found
    raise ValueError("write tags with their values, {pii: [email, phone]}, or column names")


class UserYaml(DeclaredShape, BaseModel):
    """One entry of `users:`."""

    description: str = ""
    tags: dict[str, str] = {}


class MembersYaml(DeclaredShape, BaseModel):
    """One entry of `groups:` or `roles:`."""

    description: str = ""
    members: Texts = ()


class GrantYaml(DeclaredShape, BaseModel):
    """One entry of `grants:`."""

    to: Texts
    permissions: Texts
    on: Texts = ()
    tagged: TagValues = {}
    of: Literal["tables", "databases"] = "tables"
    columns: Texts = ()
    except_: Texts = Field((), alias="except")
    rows: str = ""
    filter: str = ""
    grant_option: bool = False


class FilterYaml(DeclaredShape, BaseModel):
    """One entry of `filters:`: a data cells filter."""

    table: str
    rows: str = ""
    columns: Texts = ()
    except_: Texts = Field((), alias="except")


class MaskYaml(DeclaredShape, BaseModel):
    """A mask that is a SQL expression."""

    sql: str


class PolicyYaml(DeclaredShape, BaseModel):
    """One entry of `policies:`."""

    description: str = ""
    on: Texts = ()
    tables: TagValues = {}
    columns: Annotated[Any, BeforeValidator(_tags_or_names)] = ()
    mask: str | MaskYaml | None = None
    rows: str = ""
    hide: bool = False
    to: Texts = ()
    except_: Texts = Field((), alias="except")


class HybridYaml(DeclaredShape, BaseModel):
    """One entry of `hybrid:`."""

    on: Texts
    opted_in: Texts = ()


class SubjectYaml(DeclaredShape, BaseModel):
    """One entry of `subjects:`: what names a person."""

    column: str
    identifiers: Texts = ()
    links: dict[str, str] = {}


class RetentionYaml(DeclaredShape, BaseModel):
    """One entry of `retention:`: how long data is kept."""

    description: str = ""
    on: Texts = ()
    tables: TagValues = {}
    columns: TagValues = {}
    by: str
    keep: str
    action: Literal["delete", "null"] = "delete"


Listed = Annotated[MembersYaml, BeforeValidator(_members)]


class PoliciesYaml(DeclaredShape, BaseModel):
    """One file of `policies/`."""

    nested: ClassVar[dict[tuple[str, ...], type[BaseModel]]] = {
        ("users", "*"): UserYaml,
        ("groups", "*"): MembersYaml,
        ("roles", "*"): MembersYaml,
        ("grants", "*"): GrantYaml,
        ("filters", "*"): FilterYaml,
        ("policies", "*"): PolicyYaml,
        ("policies", "*", "mask"): MaskYaml,
        ("hybrid", "*"): HybridYaml,
        ("subjects", "*"): SubjectYaml,
        ("retention", "*"): RetentionYaml,
    }

    administrators: Texts = ()
    users: dict[str, UserYaml] = {}
    groups: dict[str, Listed] = {}
    roles: dict[str, Listed] = {}
    lf_tags: TagValues = {}
    tagged: dict[str, dict[str, str]] = {}
    grants: list[GrantYaml] = []
    filters: dict[str, FilterYaml] = {}
    data_locations: dict[str, str] = {}
    policies: dict[str, PolicyYaml] = {}
    hybrid: list[HybridYaml] = []
    subjects: dict[str, SubjectYaml] = {}
    retention: dict[str, RetentionYaml] = {}
    declassify: Texts | None = None
