"""Read what lake.yml says about the care of tables: `retention`, `lifecycle` and their like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from lakeworks.core.errors import did_you_mean
from lakeworks.core.names import LAYERS, QUARANTINE
from lakeworks.project.care import (
    CLASSES,
    DAY_S,
    LANDING,
    PLACES,
    LifecycleRule,
    place_is_known,
    rule_mistakes,
)
from lakeworks.project.declared_shape import DeclaredShape
from lakeworks.project.errors import WRONG_VALUE
from lakeworks.project.limits import age_s

if TYPE_CHECKING:
    from lakeworks.project.declared_yaml import LakeYaml
    from lakeworks.project.errors import Mistakes
    from lakeworks.project.yaml_lines import Document

_AGE_HINT = "write an age: minutes, hours, days, weeks or years, such as 30 days"
STORAGE_CLASSES = ("STANDARD", *CLASSES)


def _of_the_lake(value: object) -> object:
    """One age stands for the whole lake."""
    return {"lake": value} if isinstance(value, str) else value


Retentions = Annotated[dict[str, str], BeforeValidator(_of_the_lake)]


class QueryHistoryYaml(DeclaredShape):
    """`query_history:` of lake.yml; `off` keeps none."""

    keep: str | None = None
    most: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _off(cls, given: Any) -> Any:  # noqa: ANN401 - what the user wrote
        return {"most": "0"} if given == "off" else given


class MaintenanceYaml(DeclaredShape):
    """`maintenance:` of lake.yml: what `lake maintain` does by itself."""

    budget: str | None = None
    zorder: Literal["off", "advised"] = "off"


class LifecycleYaml(DeclaredShape):
    """One entry of `lifecycle:` of lake.yml."""

    intelligent_tiering: str | None = None
    standard_ia: str | None = None
    onezone_ia: str | None = None
    glacier_ir: str | None = None
    glacier: str | None = None
    deep_archive: str | None = None
    expire: str | None = None
    noncurrent_expire: str | None = None
    abort_uploads: str | None = None


def care_facts(lake: LakeYaml, document: Document, mistakes: Mistakes) -> dict[str, Any]:
    """Return plain values for `care.care_of`; note every mistake."""
    reader = _Reader(document, mistakes)
    facts = {
        "retention": reader.retention(lake.retention),
        "history": reader.history(lake.query_history),
        "zorder": lake.maintenance.zorder == "advised",
        "budget_s": reader.age(lake.maintenance.budget, "maintenance", "budget"),
        "lifecycle": [reader.rule(place, one) for place, one in lake.lifecycle.items()],
        "prices": reader.prices(lake.prices),
    }
    return {key: value for key, value in facts.items() if value}


class _Reader:
    def __init__(self, document: Document, mistakes: Mistakes) -> None:
        self.document = document
        self.mistakes = mistakes

    def wrong(self, path: tuple[str, ...], problem: str, hint: str) -> None:
        at = self.document.at(*path)
        self.mistakes.add(at, f"{'.'.join(path)}: {problem}", hint, code=WRONG_VALUE)

    def age(self, text: str | None, *path: str) -> int | None:
        """Return seconds, or None where nothing, or nothing readable, is said."""
        if text is None:
            return None
        found = age_s(text)
        if found is None and text.strip() not in {"0 days", "0d", "0"}:
            hidden = self.document.is_hidden(*path)
            shown = "the variable's value" if hidden else repr(text[:40])
            self.wrong(path, f"{shown} is no age", _AGE_HINT)
        return found or 0

    def days(self, text: str | None, *path: str) -> int | None:
        found = self.age(text, *path)
        if found is not None and found % DAY_S:
            self.wrong(path, "S3 counts whole days", "write days, weeks or years")
        return None if found is None else found // DAY_S

    def retention(self, told: dict[str, str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, text in told.items():
            seconds = self.age(text, "retention", name) or 0
            if name == "lake":
                found["lake_s"] = seconds
            elif place_is_known(name) and not name.startswith(LANDING) and "*" not in name:
                found.setdefault("by_name_s", {})[name] = seconds
            else:
                hint = did_you_mean(name, ("lake", *LAYERS, QUARANTINE))
                self.wrong(("retention", name), "no layer or table is called so", hint)
        return found

    def history(self, told: QueryHistoryYaml) -> dict[str, Any]:
        found = {"keep_s": self.age(told.keep, "query_history", "keep"), "most": told.most}
        return {key: value for key, value in found.items() if value is not None}

    def rule(self, place: str, told: LifecycleYaml) -> dict[str, Any]:
        path = ("lifecycle", place)
        if not place_is_known(place):
            hint = did_you_mean(place, PLACES) or "write landing, a layer or a table"
            self.wrong(path, "rules are for landing, a layer, quarantine or a table", hint)
        steps = [
            (name, self.days(getattr(told, name.lower()), *path, name.lower()))
            for name in CLASSES
        ]
        rule = LifecycleRule(
            place,
            self.document.at(*path).line,
            tuple(sorted(((n, d) for n, d in steps if d is not None), key=lambda one: one[1])),
            self.days(told.expire, *path, "expire"),
            self.days(told.noncurrent_expire, *path, "noncurrent_expire"),
            self.days(told.abort_uploads, *path, "abort_uploads") or 7,
        )
        if place_is_known(place):
            for problem, hint in rule_mistakes(rule):
                self.wrong(path, problem, hint)
        return {
            "place": place,
            "line": rule.line,
            "transitions": rule.transitions,
            "expire_days": rule.expire_days,
            "noncurrent_days": rule.noncurrent_days,
            "abort_upload_days": rule.abort_upload_days,
        }

    def prices(self, told: dict[str, float]) -> dict[str, float]:
        for name in told:
            if name.upper() not in STORAGE_CLASSES:
                hint = did_you_mean(name.upper(), STORAGE_CLASSES)
                self.wrong(("prices", name), "no storage class is called so", hint)
        return {name.upper(): price for name, price in told.items()}
