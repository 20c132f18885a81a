"""Severity by rule, rules over other tables, and rules that compare with earlier runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from lakeworks.core.names import TableName
from lakeworks.lake import Lake
from lakeworks.project.errors import ProjectError

if TYPE_CHECKING:
    from pathlib import Path

ORDERS = TableName("silver", "orders")


class Shop:
    """A project whose silver.orders is made of JSON lines."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files = 0
        for folder in ("sources", "models/silver", "in/orders", "in/customers"):
            (root / folder).mkdir(parents=True)
        (root / "lake.yml").write_text("name: shop\n")
        for name in ("orders", "customers"):
            (root / f"sources/{name}.yml").write_text(
                f"table: bronze.{name}\npath: in/{name}\nformat: json\n"
            )

    def model(self, rules: str, header: str = "load: append") -> None:
        text = "\n".join(f"  {line}" for line in rules.strip().splitlines())
        (self.root / "models/silver/orders.sql").write_text(
            f"/*\n{header}\nquality: |\n{text}\n*/\nselect id, customer, amount from bronze.orders\n"
        )

    def arrive(self, source: str, *rows: dict[str, Any]) -> None:
        self.files += 1
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (self.root / f"in/{source}/{self.files}.json").write_text(lines)

    def orders(self, *amounts: float | None, customer: str = "c1") -> None:
        first = self.files * 1_000
        self.arrive(
            "orders",
            *(
                {"id": first + i, "customer": customer, "amount": amount}
                for i, amount in enumerate(amounts)
            ),
        )

    def run(self) -> Any:
        with Lake.open(self.root) as lake:
            return lake.pipeline.run().step("silver.orders")

    def results(self) -> list[Any]:
        with Lake.open(self.root) as lake:
            return lake.catalog.quality_results.of_table(ORDERS)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def test_each_rule_does_what_its_severity_says(shop: Shop) -> None:
    shop.model(
        """
        Rules = [
          ColumnValues "amount" > 0,
          IsComplete "customer" labels=["severity"="fail"],
          RowCount > 100 labels=["severity"="warn"]
        ]
        """
    )
    shop.orders(1, -1, 2)
    step = shop.run()
    assert (step.status, step.rows_written, step.rows_quarantined) == ("succeeded", 2, 1)
    assert [o.outcome for o in step.outcomes] == ["Failed", "Passed", "Failed"]
    shop.arrive("orders", {"id": 9, "customer": None, "amount": 5})
    step = shop.run()
    assert step.status == "failed"
    assert "IsComplete" in str(step.error)
    assert "RowCount" not in str(step.error)


def test_a_misspelt_severity_is_a_mistake_of_the_project(shop: Shop) -> None:
    shop.model('Rules = [ IsComplete "id" labels=["severity"="fial"] ]')
    with pytest.raises(
        ProjectError, match=r"models/silver/orders.sql:4.*'fial' is not a severity"
    ):
        Lake.check(shop.root)


def test_outcomes_metrics_and_scores_of_runs_are_kept(shop: Shop) -> None:
    shop.model(
        'Rules = [ RowCount > 1 labels=["severity"="fail"], Completeness "amount" > 0.4 ]'
    )
    shop.orders(1, None)
    assert shop.run().status == "succeeded"
    shop.orders(1)
    assert shop.run().status == "failed"
    last, first = shop.results()
    assert (first.committed, first.version, first.score, first.rows_read) == (True, 0, 1.0, 2)
    assert first.metrics == {"Dataset.*.RowCount": 2.0, "Column.amount.Completeness": 0.5}
    assert first.outcomes[0]["outcome"] == "Passed"
    assert (last.committed, last.version, last.score) == (False, None, 0.5)
    with Lake.open(shop.root) as lake:
        history = lake.catalog.quality_results.history(ORDERS)
    assert history["Dataset.*.RowCount"] == [2.0]


def test_a_rule_compares_with_the_metrics_of_earlier_runs(shop: Shop) -> None:
    shop.model(
        "Rules = [ RowCount >= 0, RowCount > avg(last(2)) * 0.5 ]",
        "load: append\non_violation: warn",
    )
    outcomes = []
    for count in (10, 12, 2):
        shop.orders(*range(1, count + 1))
        step = shop.run()
        assert step.status == "succeeded", step.error
        outcomes.append(step.outcomes[1])
    assert [o.outcome for o in outcomes[1:]] == ["Passed", "Failed"]
    assert "2" in outcomes[2].failure_reason


def test_rules_look_at_other_tables_by_alias_and_those_are_made_first(shop: Shop) -> None:
    (shop.root / "models/silver/customers.sql").write_text("select id from bronze.customers\n")
    shop.model(
        """
        Rules = [
          ReferentialIntegrity "customer" "people.id" >= 0.5,
          CustomSql "select count(*) from primary join people on customer = people.id" > 0
        ]
        """,
        "load: append\nreferences: {people: silver.customers}",
    )
    shop.arrive("customers", {"id": "c1"}, {"id": "c2"})
    shop.orders(1, 2)
    step = shop.run()
    assert [(o.outcome, o.failure_reason) for o in step.outcomes] == [("Passed", "")] * 2
    shop.orders(3, customer="nobody")
    step = shop.run()
    assert step.status == "failed"
    assert "ReferentialIntegrity" in str(step.error)


def test_sql_of_a_rule_reads_nothing_but_the_datasets_given(shop: Shop) -> None:
    shop.model(
        """
        Rules = [ CustomSql "select count(*) from bronze.orders" > 0,
                  CustomSql "select count(*) from read_csv('/etc/passwd')" > 0 ]
        """,
        "load: append\non_violation: warn",
    )
    shop.orders(1)
    step = shop.run()
    assert {o.outcome for o in step.outcomes} <= {"Failed", "Error"}
    assert "bronze.orders" in step.outcomes[0].failure_reason


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("references: {people: silver.nobody}", "silver.nobody"),
        ("references: {primary: bronze.customers}", "'primary' cannot be an alias"),
        ("references: {people: customers}", "customers"),
    ],
)
def test_wrong_references_are_mistakes_of_the_project(
    shop: Shop, header: str, told: str
) -> None:
    shop.model('Rules = [ IsComplete "id" ]', header)
    with pytest.raises(ProjectError, match=told):
        Lake.check(shop.root)


EMPTY = """/*
load: append
{header}quality: |
{rules}
*/
select id, customer, amount from bronze.orders where amount > 0
"""


def filtered(shop: Shop, *rules: str, header: str = "") -> None:
    text = "  Rules = [\n    " + ",\n    ".join(rules) + "\n  ]"
    path = shop.root / "models/silver/orders.sql"
    path.write_text(EMPTY.format(header=header, rules=text))


def test_a_run_that_stages_no_rows_is_not_stopped_by_rules_on_values(shop: Shop) -> None:
    (shop.root / "models/silver/customers.sql").write_text("select id from bronze.customers\n")
    shop.arrive("customers", {"id": "c1"})
    filtered(
        shop,
        'Completeness "amount" > 0.9',
        'Sum "amount" > 0',
        'DistinctValuesCount "customer" >= 1',
        'ReferentialIntegrity "customer" "people.id" = 1.0',
        'DatasetMatch "people" "customer->id" "customer->id" = 1.0',
        'CustomSql "select max(amount) from primary" > 0',
        'CustomSql "select id from primary"',
        '(Mean "amount" > 0) and (IsComplete "id")',
        'DetectAnomalies "Mean" "amount"',
        header="references: {people: silver.customers}\n",
    )
    shop.orders(-1, -2)
    step = shop.run()
    assert (step.status, step.rows_written) == ("succeeded", 0), step.error
    assert {o.outcome for o in step.outcomes} == {"Passed"}
    assert "no rows were staged" in step.outcomes[0].failure_reason
    # What was not there is no earlier value for rules that compare with it.
    assert shop.results()[0].metrics == {}


def test_rules_on_how_many_rows_there_are_hold_of_no_rows_too(shop: Shop) -> None:
    filtered(shop, "RowCount > 0")
    shop.orders(-1)
    step = shop.run()
    assert step.status == "failed"
    assert "RowCount" in str(step.error)


def test_rows_that_fail_a_composite_rule_by_row_are_set_aside(shop: Shop) -> None:
    rules = 'Rules = [ (ColumnValues "amount" > 10) or (ColumnValues "customer" = "vip") ]'
    options = "load: append\nquality_options: {compositeRuleEvaluation.method: ROW}"
    shop.model(rules, options)
    shop.arrive(
        "orders",
        {"id": 1, "customer": "c1", "amount": 5},
        {"id": 2, "customer": "c1", "amount": 50},
        {"id": 3, "customer": "vip", "amount": 5},
    )
    step = shop.run()
    assert (step.status, step.rows_written, step.rows_quarantined) == ("succeeded", 2, 1)
    assert step.outcomes[0].outcome == "Failed"


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("compositeRuleEvaluation.methd: ROW", "there is no option"),
        ("compositeRuleEvaluation.method: ROWS", "cannot be 'ROWS'"),
    ],
)
def test_a_misspelt_option_is_a_mistake_of_the_project(
    shop: Shop, option: str, told: str
) -> None:
    shop.model('Rules = [ IsComplete "id" ]', f"quality_options: {{{option}}}")
    with pytest.raises(ProjectError, match=told):
        Lake.check(shop.root)


def test_rules_on_files_look_at_paths_from_the_project_folder(shop: Shop) -> None:
    shop.model(
        """
        Rules = [
          FileFreshness "in/orders" > (now() - 1 days),
          FileSize "in/orders" > 1 GB labels=["severity"="warn"]
        ]
        """
    )
    shop.orders(1)
    step = shop.run()
    assert step.status == "succeeded", step.error
    assert [o.outcome for o in step.outcomes] == ["Passed", "Failed"]
    assert "1 of 1 files" in step.outcomes[1].failure_reason


def test_a_rule_on_files_without_a_path_is_refused_for_a_model(shop: Shop) -> None:
    shop.model("Rules = [ FileFreshness > (now() - 1 days) ]")
    with pytest.raises(ProjectError, match="FileFreshness names no path"):
        Lake.check(shop.root)


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ('IsComplete "amout"', "did you mean amount"),
        ('(IsComplete "id") and (Mean "amout" > 0)', "did you mean amount"),
        ('Mean "customer" > 0', "only numbers"),
        ('IsComplete "id" where "amout > 0"', "where clause is invalid"),
        ('CustomSql "select count(amout) from primary" > 0', "CustomSql cannot run"),
        ('ReferentialIntegrity "customer" "people.idd" = 1.0', "people"),
    ],
)
def test_a_rule_that_fails_every_run_is_told_before_one(
    shop: Shop, rule: str, told: str
) -> None:
    (shop.root / "models/silver/customers.sql").write_text("select id from bronze.customers\n")
    shop.arrive("customers", {"id": "c1"})
    shop.orders(1)
    shop.model(f"Rules = [ RowCount > 0,\n{rule} ]", "references: {people: silver.customers}")
    with pytest.raises(ProjectError, match=rf"orders.sql:5.*fails every run.*{told}"):
        Lake.check(shop.root)


@pytest.mark.parametrize(
    "rule",
    [
        '(IsComplete "amout") or (IsComplete "amount")',
        "RowCount > 100 / last()",
        'IsComplete "amout" labels=["severity"="warn"]',
    ],
)
def test_a_rule_that_may_pass_another_day_or_only_warns_is_no_mistake(
    shop: Shop, rule: str
) -> None:
    shop.orders(1)
    shop.model(f"Rules = [ {rule} ]")
    Lake.check(shop.root)
