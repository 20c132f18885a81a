"""The shape of one file of `workgroups/`, as the user writes it, checked by pydantic."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, Field

from lakeworks.project.declared_shape import DeclaredShape
from lakeworks.project.declared_yaml import Texts


class PeriodsYaml(DeclaredShape, BaseModel):
    """`bytes_scanned_per:`."""

    hour: str | None = None
    day: str | None = None
    month: str | None = None


class BudgetYaml(DeclaredShape, BaseModel):
    """`budget:`."""

    usd_per_month: Annotated[float, Field(gt=0)]
    alarm_at: tuple[str, ...] = ("80%",)


class WorkgroupYaml(DeclaredShape, BaseModel):
    """One file of `workgroups/`."""

    nested: ClassVar[dict[tuple[str, ...], type[BaseModel]]] = {
        ("bytes_scanned_per",): PeriodsYaml,
        ("budget",): BudgetYaml,
    }

    workgroup: str | None = None
    description: str = ""
    enabled: bool = True
    enforced: bool = True
    bytes_scanned_per_query: str | None = None
    bytes_scanned_per: PeriodsYaml = Field(default_factory=PeriodsYaml)
    timeout: str | None = None
    memory: str | None = None
    cpu_time: str | None = None
    concurrent: Annotated[int, Field(ge=1)] = 20
    queued: Annotated[int, Field(ge=0)] = 1_000
    result_location: str | None = None
    retention: str | None = None
    reuse: str | None = None
    budget: BudgetYaml | None = None
    dialect: Literal["duckdb", "athena"] = "duckdb"
    principals: Texts = ()
