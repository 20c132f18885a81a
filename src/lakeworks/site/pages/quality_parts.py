"""How good a table is: its rules' last outcomes, and what lies in quarantine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakeworks.site import code, words
from lakeworks.site.markup import Markup, join, tag
from lakeworks.site.pages.shell import bar, chip, grid, moment, sparkline

if TYPE_CHECKING:
    from lakeworks.site.facts import TableFacts
    from lakeworks.site.links import Links

_DOES = {
    "quarantine": "Rows that break a rule go to quarantine; the others enter the table.",
    "fail": "A broken rule fails the step: nothing enters the table.",
    "warn": "A broken rule is told; the rows enter the table.",
}
_KINDS = {"Passed": "good", "Failed": "bad", "Error": "bad"}


def quality_section(table: TableFacts) -> Markup | None:
    """Return the rules with their last outcomes; None where there are no rules."""
    if table.quality is None and not table.ruleset:
        return None
    parts: list[Markup | None] = []
    if table.quality is not None:
        found = table.quality
        passed = sum(rule.outcome == "Passed" for rule in found.rules)
        told = f"{passed} of {words.plural(len(found.rules), 'rule')} passed on "
        kept = "" if found.committed else "; the rows were not taken in"
        parts.append(tag("p", told, moment(found.at, zone=True), kept, ". ",
                         _DOES.get(table.on_violation, ""), class_="hint"))  # fmt: skip
        trend = sparkline(found.trend, "Scores of the last runs, oldest first")
        if trend is not None:
            parts.append(tag("p", "Score of the last ", f"{len(found.trend)} runs ", trend))
        rows = [
            [chip(rule.outcome, _KINDS.get(rule.outcome, "")),
             tag("code", code.dqdl(rule.rule)), rule.figure]
            for rule in found.rules
        ]  # fmt: skip
        parts.append(grid(["Outcome", "Rule", ""], rows, label="Rules and their last outcomes"))
    if table.ruleset:
        parts.append(
            tag("details", tag("summary", "The ruleset as it is written"),
                tag("pre", tag("code", code.dqdl(table.ruleset)), tabindex="0"),
                open=table.quality is None)
        )  # fmt: skip
    return join(parts)


def quarantine_section(table: TableFacts, links: Links) -> Markup | None:
    """Return how many rows are in quarantine, by what rejected them."""
    if not table.quarantined_rows:
        return None
    named = f"quarantine.{table.database}_{table.short}"
    where = links.table(named) if table.kind != "quarantine" else None
    command = (
        f"lake quarantine {table.name}" if table.kind != "quarantine" else "lake quarantine"
    )
    told = tag(
        "p",
        words.plural(table.quarantined_rows, "row"),
        [" in ", tag("a", named, href=where)] if where else None,
        ". See them with ", tag("code", command), ".",
        class_="hint",
    )  # fmt: skip
    if table.reasons is None:
        return join([told, tag("p", "By which rule was not counted here.", class_="nothing")])
    most = max((rows for _, rows in table.reasons), default=1)
    rows = [
        [tag("code", code.dqdl(rule)), bar(count / most, f"{count} rows"), words.count(count)]
        for rule, count in table.reasons
    ]
    return join([told, grid(["Rejected by", "", "Rows"], rows, numbers=(2,), label="Reasons")])
