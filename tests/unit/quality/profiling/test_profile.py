"""What a profile says of columns, and which rules it suggests."""

from __future__ import annotations

import datetime as dt
import json
import math
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from lakeworks.engines.registry import open_engine
from lakeworks.quality import parse
from lakeworks.quality.profiling import profile as profiles
from lakeworks.quality.profiling.profile import pattern_of, profile
from lakeworks.quality.profiling.profile_report import as_html, as_json
from lakeworks.quality.profiling.suggest import as_ruleset, suggestions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lakeworks.engines.protocol import Session
    from lakeworks.quality.profiling.profile import Profile

ROWS = """(
    select i as id, 'user' || i || '@mail.org' as email, 'K-' || (100 + i) as code,
      case when i % 4 = 0 then null else ['new', 'old', 'lost'][i % 3 + 1] end as status,
      cast(i - 50 as decimal(8, 2)) as amount, i / 7.0 as ratio,
      date '2026-01-01' + cast(i % 10 as integer) as day, i % 2 = 0 as even, [i] as tags
    from range(100) as r(i))"""


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    engine = open_engine("duckdb", temp_directory=str(tmp_path))
    with engine.session() as opened:
        yield opened
    engine.close()


def of(session: Session, relation: str, rows: int = 100) -> Profile:
    schema = session.describe(f"select * from {relation} as t")
    return profile(session, relation, schema, rows=rows)


def test_figures_of_a_small_table_are_exact(session: Session) -> None:
    found = of(session, ROWS)
    assert (found.rows, found.sampled, found.exact) == (100, 100, True)
    amount = found.column("amount")
    assert (amount.minimum, amount.maximum) == (Decimal("-50.00"), Decimal("49.00"))
    assert amount.mean == pytest.approx(-0.5)
    assert amount.standard_deviation == pytest.approx(math.sqrt((100**2 - 1) / 12))
    assert amount.quantiles[0.5] == pytest.approx(-0.5)
    assert amount.distinct == 100
    status = found.column("status")
    assert (status.nulls, status.completeness, status.distinct) == (25, 0.75, 3)
    assert [value for value, _ in status.top_values] == ["new", "old", "lost"] or len(
        status.top_values
    ) == 3
    assert sum(share for _, share in status.top_values) == pytest.approx(0.75)
    assert found.column("day").maximum == dt.date(2026, 1, 10)
    assert found.column("even").top_values == ((False, 0.5), (True, 0.5))
    tags = found.column("tags")
    assert (tags.nulls, tags.distinct, tags.top_values) == (0, None, ())


def test_texts_are_told_by_length_and_pattern(session: Session) -> None:
    found = of(session, ROWS)
    email = found.column("email")
    assert email.patterns == (("a9@a.a", 1.0),)
    assert (email.shortest, email.longest, email.empty) == (14, 15, 0)
    assert [pattern for pattern, _ in found.column("code").patterns] == ["a-9"]
    assert pattern_of("Ünï 12\t3-x_y") == "a 9 9-a_a"


def test_a_large_table_is_told_from_a_sample_drawn_in_the_same_scan(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profiles, "SAMPLE_ROWS", 2_000)
    relation = "(select i as id, ['a', 'b'][i % 2 + 1] as letter from range(100_000) as r(i))"
    found = of(session, relation, rows=100_000)
    assert not found.exact
    assert 1_500 < found.sampled < 2_500
    distinct = found.column("id").distinct
    assert distinct is not None
    assert 90_000 < distinct < 110_000
    assert found.column("id").quantiles[0.5] == pytest.approx(50_000, rel=0.05)
    shares = dict(found.column("letter").top_values)
    assert shares["a"] == pytest.approx(0.5, abs=0.06)


def test_an_empty_table_has_a_profile_and_no_suggestions(session: Session) -> None:
    found = of(session, "(select 1 as a, 'x' as b where false)", rows=0)
    assert (found.rows, found.column("b").completeness) == (0, 1.0)
    assert suggestions(found) == []
    assert as_ruleset([]) == ""


def test_rules_are_suggested_with_their_evidence_and_are_dqdl(session: Session) -> None:
    found = suggestions(of(session, ROWS))
    by_rule = {one.rule: one.evidence for one in found}
    assert by_rule["RowCount between 49 and 201"] == "100 rows; half to twice as many"
    assert by_rule['IsUnique "id"'] == "100 values in 100 rows"
    assert by_rule['Completeness "status" >= 0.75'].startswith("25 of 100 rows are null")
    values = 'ColumnValues "status" in ["lost", "new", "old"] where "\\"status\\" is not null"'
    assert by_rule[values] == "3 values in 75 rows"
    assert 'ColumnValues "amount" between -51 and 50' in by_rule
    assert 'ColumnValues "id" >= 0' in by_rule
    assert 'ColumnValues "code" matches "[A-Za-z]+-[0-9]+"' in by_rule
    assert 'ColumnValues "day" <= now()' in by_rule
    assert not [rule for rule in by_rule if "tags" in rule and "IsComplete" not in rule]
    parsed = parse(as_ruleset(found))
    assert [str(rule) for rule in parsed.rules] == [one.rule for one in found]


def test_a_profile_is_json_and_a_page_on_which_data_is_text(session: Session) -> None:
    relation = (
        "(select '<script>alert(1)</script>' as \"a<b\", 1.5::decimal(4, 2) as n, "
        "'nan'::double as x, timestamp '2026-01-02 03:04:05' as t)"
    )
    found = of(session, relation, rows=1)
    plain = json.loads(json.dumps(as_json(found), allow_nan=False))
    assert plain["columns"][1]["minimum"] == "1.50"
    assert plain["columns"][2]["maximum"] is None
    assert plain["columns"][3]["minimum"] == "2026-01-02T03:04:05"
    assert plain["columns"][0]["top_values"] == [
        {"value": "<script>alert(1)</script>", "share": 1.0}
    ]
    page = as_html(found, "silver.<orders>")
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "silver.&lt;orders&gt;" in page


def test_shares_are_of_rows_that_were_drawn() -> None:
    assert profiles._top(["a", "a", "b"], 4, 1) == (("a", 0.5),)


def test_what_is_no_number_is_one_value_and_has_no_deviation(session: Session) -> None:
    relation = "(select unnest(['nan', 'nan', '1', '-0', '0', '2', '1e200'])::double as x)"
    column = of(session, relation, rows=7).column("x")
    assert column.distinct == 5
    assert [share for value, share in column.top_values if value != value] == [2 / 7]  # noqa: PLR0124
    assert column.standard_deviation == pytest.approx(math.sqrt(0.6875))
    assert math.isnan(column.maximum)


def test_what_seems_unique_in_a_large_table_is_suggested(session: Session) -> None:
    """The estimate of these texts is nearly a third too small."""
    relation = "(select 'c' || i as code, i // 2 as pair from range(50_000) as r(i))"
    found = {one.rule: one.evidence for one in suggestions(of(session, relation, rows=50_000))}
    assert found['IsUnique "code"'].startswith("no value twice in 50,000 rows, nor in a sample")
    assert 'IsUnique "pair"' not in found
