"""Retention rules: what is too old goes or is emptied, and nobody makes anything anew for it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from privacy_shop import write

from lakeworks import Lake
from lakeworks.cli.main import main
from lakeworks.core import clock
from lakeworks.project.errors import ProjectError

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime.now(UTC)
LAKE = (
    'name: t\nenvironments:\n  dev: {storage: .lake, catalog: "sqlite:///.lake/catalog.db"}\n'
)
SOURCE = """\
table: bronze.visits
from: files
path: arrivals
format: json
tags: {data: raw}
columns:
  email: {tags: {pii: email}}
"""
MODEL = """/*
load: append
quality: |
  Rules = [ ColumnValues "n" > 0 ]
on_violation: quarantine
*/
select try_cast(seen as timestamp) as seen_at, cast(seen as date) as day, lower(email) as mail, n
from bronze.visits
"""
TOTAL = "/*\nload: replace\n*/\nselect count(*) as visits, count(mail) as mails from silver.visits\n"
DELETE = "retention:\n  old_visits: {on: [silver.visits], by: seen_at, keep: 365 days}\n"
EMPTY = """\
retention:
  forget_mail: {columns: {pii: [email]}, by: day, keep: 30 days, action: "null"}
"""


def project(root: Path, policies: str) -> Path:
    write(root / "lake.yml", LAKE)
    write(root / "sources/visits.yml", SOURCE)
    write(root / "models/silver/visits.sql", MODEL)
    write(root / "models/gold/total.sql", TOTAL)
    write(root / "policies/keep.yml", policies)
    rows = [
        {"seen": (NOW - timedelta(days=days)).isoformat(), "email": f"P{days}@x.org", "n": n}
        for days, n in ((1, 1), (29, 1), (31, 1), (364, 1), (366, 1), (900, 1), (901, 0))
    ]
    write(root / "arrivals/1.json", "".join(json.dumps(row) + "\n" for row in rows))
    return root


def mails(lake: Lake) -> list[str | None]:
    with lake.query.sql("select mail from silver.visits order by seen_at desc") as result:
        return [row["mail"] for row in result.to_arrow().to_pylist()]


def test_rows_older_than_the_rule_keeps_go(tmp_path: Path) -> None:
    with Lake.open(project(tmp_path, DELETE)) as lake:
        lake.pipeline.run()
        dry = lake.privacy.apply_retention(dry_run=True)
        assert [(one.rule, one.table, one.rows) for one in dry.done] == [
            ("old_visits", "silver.visits", 2),
            ("old_visits", "quarantine.silver_visits", 0),
        ]
        assert len(mails(lake)) == 6
        done = lake.privacy.apply_retention()
        assert done.rows == 2
        assert mails(lake) == ["p1@x.org", "p29@x.org", "p31@x.org", "p364@x.org"]
        (entry,) = lake.governance.audit_entries(kind="retention")
        assert (entry.body["table"], entry.body["rows"]) == ("silver.visits", 2)
        assert lake.privacy.apply_retention().rows == 0


def test_a_run_after_it_makes_nothing_anew_and_reads_what_is_new(tmp_path: Path) -> None:
    root = project(tmp_path, DELETE.replace("silver.visits", "bronze.visits").replace(
        "by: seen_at", "by: _ingested_at"))  # fmt: skip
    with Lake.open(root) as lake:
        lake.pipeline.run()
        with clock.fixed(NOW + timedelta(days=400)):
            assert lake.privacy.apply_retention().rows == 7
        assert lake.pipeline.run().status == "nothing to do"
        assert len(mails(lake)) == 6
        row = {"seen": NOW.isoformat(), "email": "new@x.org", "n": 1}
        write(root / "arrivals/2.json", json.dumps(row) + "\n")
        assert lake.pipeline.run().status == "succeeded"
        assert len(mails(lake)) == 7


def test_quarantined_rows_go_by_when_they_were_rejected(tmp_path: Path) -> None:
    with Lake.open(project(tmp_path, DELETE)) as lake:
        lake.pipeline.run()
        with clock.fixed(NOW + timedelta(days=366)):
            done = {one.table: one.rows for one in lake.privacy.apply_retention().done}
        assert done == {"silver.visits": 6, "quarantine.silver_visits": 1}


def test_columns_are_emptied_where_the_tag_followed_the_lineage(tmp_path: Path) -> None:
    with Lake.open(project(tmp_path, EMPTY)) as lake:
        lake.pipeline.run()
        report = lake.privacy.apply_retention()
        found = {one.table: one for one in report.done}
        assert found["silver.visits"].columns == ("mail",)
        assert found["silver.visits"].rows == 4
        assert "no such column" in found["bronze.visits"].left
        assert mails(lake) == ["p1@x.org", "p29@x.org", None, None, None, None]
        assert lake.pipeline.run().status == "nothing to do"
        assert lake.privacy.apply_retention().rows == 0
        assert lake.doctor() == []


def test_a_table_that_a_reader_has_not_read_yet_is_left(tmp_path: Path) -> None:
    root = project(tmp_path, DELETE.replace("silver.visits", "bronze.visits").replace(
        "by: seen_at", "by: _ingested_at"))  # fmt: skip
    with Lake.open(root) as lake:
        lake.pipeline.run()
        row = {"seen": NOW.isoformat(), "email": "new@x.org", "n": 1}
        write(root / "arrivals/2.json", json.dumps(row) + "\n")
        lake.pipeline.run("bronze.visits")
        with clock.fixed(NOW + timedelta(days=400)):
            (one, *_) = lake.privacy.apply_retention().done
        assert one.rows == 0
        assert "silver.visits has not read it yet" in one.left


def test_maintain_applies_the_rules(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = project(tmp_path, DELETE)
    with Lake.open(root) as lake:
        lake.pipeline.run()
    assert main(["maintain", "-C", str(root), "--dry-run", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    first = told["retention"][0]
    assert (first["table"], first["rows"]) == ("silver.visits", 2)
    assert main(["maintain", "-C", str(root)]) == 0
    assert "old_visits" in capsys.readouterr().out
    assert main(["maintain", "-C", str(root), "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["retention"][0]["rows"] == 0


@pytest.mark.parametrize(
    ("policies", "problem"),
    [
        (
            "retention:\n  a: {tables: {nosuch: [x]}, by: seen_at, keep: 1 day}\n",
            "the tag 'nosuch'",
        ),
        (
            "retention:\n  a: {on: [silver.visit], by: seen_at, keep: 1 day}\n",
            "no table silver.visit",
        ),
        (
            "retention:\n  a: {on: [silver.visits], by: seen_att, keep: 1 day}\n",
            "no column 'seen_att'",
        ),
        ("retention:\n  a: {on: [silver.visits], by: n, keep: 1 day}\n", "not a date"),
        (
            "retention:\n  a: {on: [silver.visits], by: seen_at, keep: soon}\n",
            "'soon' is no age",
        ),
        ("retention:\n  a: {by: seen_at, keep: 1 day}\n", "names no tables"),
        (
            "retention:\n  a: {on: [silver], by: seen_at, keep: 1 day, action: 'null'}\n",
            "none are named",
        ),
        ("subjects:\n  p: {column: silver.visits.emial}\n", "no column 'emial'"),
        ("subjects:\n  p: {column: silver.visit.mail}\n", "no table silver.visit"),
        ("subjects:\n  p: {column: mail, links: {a: b}}\n", "'a' is no column"),
    ],
)
def test_check_tells_mistakes_with_their_line(
    tmp_path: Path, policies: str, problem: str
) -> None:
    root = project(tmp_path, policies)
    with Lake.open(root) as lake:
        lake.pipeline.run()
    with pytest.raises(ProjectError, match=r"policies/keep\.yml:2") as error:
        Lake.check(root)
    assert problem in str(error.value)


def test_sound_rules_pass_the_check(tmp_path: Path) -> None:
    root = project(tmp_path, DELETE + EMPTY.removeprefix("retention:\n") +
                   "  raw: {tables: {data: raw}, by: _ingested_at, keep: 90 days}\n")  # fmt: skip
    Lake.check(root)
