"""Table care through its commands: what is due, done, left; the archive; costs; S3's rules."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from lakeworks.cli.main import main
from lakeworks.core import clock
from lakeworks.core.names import TableName
from lakeworks.lake import Lake
from lakeworks.storage.archive_errors import FilesExpiredError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ORDERS = TableName("bronze", "orders")
SILVER = TableName("silver", "orders")
CUSTOMERS = TableName("gold", "customers")
FOREVER = timedelta(days=4_000)


def row(number: int, **changed: Any) -> dict[str, Any]:
    told = {
        "order_id": f"o{number}", "customer_id": f"c{number % 3}", "amount": 5 + number,
        "updated_at": f"2026-01-{1 + number % 28:02d}T00:00:00",
    }  # fmt: skip
    return {**told, **changed}


@pytest.fixture
def project(orders_project: Path, arrive: Callable[..., Path]) -> Path:
    """Three batches, one of them with rows that end in quarantine."""
    for unused in ("silver/orders_history.sql", "gold/monthly.sql"):
        (orders_project / "models" / unused).unlink()
    with Lake.open(orders_project) as lake:
        for batch in range(3):
            bad = ['{"order_id": "torn'] if batch == 1 else []
            arrive(f"{batch}.json", *[row(batch * 10 + at) for at in range(10)], *bad)
            assert lake.pipeline.run().status == "succeeded"
    return orders_project


def declare(project: Path, text: str) -> None:
    (project / "lake.yml").write_text(f"name: tiny\n{text}")


def lake_json(capsys: pytest.CaptureFixture[str], project: Path, *words: str) -> Any:
    assert main([*words, "-C", str(project), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def rows(
    lake: Lake, sql: str = "select * exclude (_ingested_at, _run_id) from bronze.orders"
) -> Any:
    return sorted(json.dumps(one, default=str) for one in lake.query.sql(sql).rows())  # fmt: skip


def landed(project: Path) -> list[str]:
    folder = project / ".lake" / "landing"
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_what_is_due_is_planned_done_and_then_no_longer_due(
    project: Path, arrive: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    with Lake.open(project) as lake:
        for batch in range(3, 9):
            arrive(f"{batch}.json", row(batch))
            lake.pipeline.run(select="bronze.orders")
        before = rows(lake)
    planned = lake_json(capsys, project, "maintain", "--dry-run")
    assert planned["dry_run"] is True
    due = {(one["kind"], one["table"]) for one in planned["planned"]}
    assert ("compact", "bronze.orders") in due
    gains = [one["gain_usd_month"] / max(one["seconds"], 1e-3) for one in planned["planned"]]
    assert gains == sorted(gains, reverse=True)
    done = lake_json(capsys, project, "maintain")
    assert done["failed"] == []
    compacted = next(one for one in done["done"] if one["chore"]["kind"] == "compact")
    assert compacted["figures"]["files_after"] < compacted["figures"]["files_before"]
    again = lake_json(capsys, project, "maintain", "--dry-run")
    assert "compact" not in {one["kind"] for one in again["planned"]}
    with Lake.open(project) as lake:
        assert rows(lake) == before
        assert lake.catalog.data_catalog.column_statistics(SILVER)


def test_some_tables_only(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    planned = lake_json(capsys, project, "maintain", "silver.orders", "--dry-run")
    assert {one["table"] for one in planned["planned"]} <= {"silver.orders"}
    assert main(["maintain", "silver.ordres", "-C", str(project)]) == 2
    assert "did you mean silver.orders?" in capsys.readouterr().err


def test_what_a_run_holds_is_left_and_the_rest_is_done(project: Path) -> None:
    with Lake.open(project) as lake, lake.catalog.locks.hold([CUSTOMERS], holder="run-x"):
        done = lake.care.maintain()
        assert done.failed == ()
        with clock.fixed(clock.now() + timedelta(days=60)):
            held = lake.care.maintain()
        assert any("gold.customers" in one.what and "run-x" in one.why for one in held.left)
        assert not any(one.chore.table == CUSTOMERS for one in held.done)


def test_nothing_is_begun_that_does_not_fit_into_the_budget(project: Path) -> None:
    with Lake.open(project) as lake:
        done = lake.care.maintain(budget_s=0.0)
        assert done.done == ()
        assert {one.what for one in done.left} == {str(chore) for chore in done.planned}
        assert all("budget" in one.why for one in done.left)


def test_a_budget_is_read_in_words(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for text in ("10m", "2 hours", "30s"):
        assert main(["maintain", "--dry-run", "--budget", text, "-C", str(project)]) == 0
    assert main(["maintain", "--budget", "soon", "-C", str(project)]) == 2
    assert "LW373" in capsys.readouterr().err


def test_a_table_says_how_healthy_it_is(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (found,) = lake_json(capsys, project, "health", "silver.orders")
    assert found["table"] == "silver.orders"
    assert sum(band["files"] for band in found["bands"]) == found["files"]
    (replaced,) = lake_json(capsys, project, "health", "gold.customers")
    assert replaced["history_files"] == 2
    assert found["partitions"]["count"] == 1
    assert found["covered"]["order_id"] == 1.0
    assert main(["health", "-C", str(project)]) == 0
    out = capsys.readouterr().out
    assert "gold.customers" in out
    assert main(["health", "silver.orders", "-C", str(project)]) == 0
    assert "scanned for one value" in capsys.readouterr().out


def test_filters_of_queries_become_a_sort_that_leaves_files_out(
    orders_project: Path, arrive: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Files of a few kilobytes and work that costs nothing: a small table stands for a large one.
    for module in ("layout", "maintain"):
        monkeypatch.setattr(f"lakeworks.catalog.care.{module}.target_bytes", lambda _: 2_000)
    monkeypatch.setattr("lakeworks.catalog.care.advice.COMPUTE_USD_S", 1e-15)
    declare(orders_project, "maintenance: {zorder: advised}\n")
    events = TableName("silver", "events")
    sql = "select count(*) from silver.events where order_id = 'o777'"

    def scanned(lake: Lake) -> tuple[int, int]:
        lake.query.sql(sql).rows()
        assert lake.catalog.query_history.flush(30)
        lake.care.health([events])
        (read,) = lake.catalog.query_history.recent(1)[0].tables
        assert read.uses == {"filter": ("order_id",)}
        assert read.bytes_scanned is not None
        return read.bytes_scanned, read.bytes_bound

    with Lake.open(orders_project) as lake:
        for batch in range(4):  # every file holds orders from all over
            arrive(f"{batch}.json", *[row(n) for n in range(batch, 2_000, 4)])
            lake.pipeline.run(select="bronze.orders,silver.events")
        before = rows(lake, "select * from silver.events")
        part, whole = scanned(lake)
        assert part == whole
        done = lake.care.maintain([events])
        (sort,) = [one for one in done.done if one.chore.kind == "zorder"]
        assert sort.chore.columns == ("order_id",)
        assert rows(lake, "select * from silver.events") == before
        part, whole = scanned(lake)
        assert part < whole / 3
        (health,) = lake.care.health([events])
        assert health.zordered_by == ("order_id",)
        assert "zorder" not in {one.kind for one in health.advice}


def test_landed_files_move_to_the_archive_and_a_full_refresh_finds_them(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    declare(project, "lifecycle: {landing: {glacier: 0 days}}\n")
    there = landed(project)
    with Lake.open(project) as lake:
        before = rows(lake)
        rejected = rows(lake, "select row, rule from quarantine.bronze_orders")
    done = lake_json(capsys, project, "lifecycle", "apply")
    assert {one["chore"]["kind"] for one in done["done"]} == {"lifecycle"}
    assert landed(project) == []
    shown = lake_json(capsys, project, "lifecycle", "show")
    assert {one["storage_class"] for one in shown["archived"]} == {"GLACIER"}
    assert shown["due"] == []
    used = lake_json(capsys, project, "storage")
    classes = {one["storage_class"] for one in used["parts"] if one["kind"] == "landing"}
    assert classes == {"GLACIER"}
    assert lake_json(capsys, project, "doctor") == []
    for path in (project / "landing" / "orders").iterdir():
        path.unlink()  # the source lost them
    with Lake.open(project) as lake:
        assert lake.pipeline.run().status in {"succeeded", "nothing to do"}
        report = lake.pipeline.run(select="bronze.orders", full_refresh=True)
        assert report.status == "succeeded"
        assert rows(lake) == before
        assert rows(lake, "select row, rule from quarantine.bronze_orders") == rejected
    assert landed(project) == there


def test_what_was_restored_stays_for_its_days_and_then_goes(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    declare(project, "lifecycle: {landing: {deep_archive: 0 days}}\n")
    there = landed(project)
    lake_json(capsys, project, "lifecycle", "apply")
    assert (
        main(["lifecycle", "restore", "bronze.orders", "--days", "3", "-C", str(project)]) == 0
    )
    assert "3 files" in capsys.readouterr().out
    assert landed(project) == there
    with Lake.open(project) as lake:
        assert lake.care.lifecycle_due() == []
        with clock.fixed(clock.now() + timedelta(days=4)):
            lake.care.apply_lifecycle()
    assert landed(project) == []
    assert main(["lifecycle", "restore", "bronze.nothing", "-C", str(project)]) == 1
    assert "LW372" in capsys.readouterr().err


def test_files_expire_only_where_nothing_needs_them(project: Path) -> None:
    declare(project, "lifecycle: {landing: {glacier: 30 days, expire: 1 year}}\n")
    with Lake.open(project) as lake, clock.fixed(clock.now() + FOREVER):
        # The first snapshots have not all batches: a rollback would read the later ones again.
        due = {one.arrival.batch: one.kept_because for one in lake.care.lifecycle_due()}
        assert due[1] == ""
        assert "a kept snapshot is older" in due[2]
        assert "a kept snapshot is older" in due[3]
    with Lake.open(project) as lake, clock.fixed(clock.now() + FOREVER):
        lake.catalog.forget_snapshots(before=clock.now())
        due = {one.arrival.batch: one.kept_because for one in lake.care.lifecycle_due()}
        assert due == {1: "", 2: due[2], 3: ""}
        assert "quarantine" in due[2]
        done = lake.care.apply_lifecycle()
        assert [one.figures for one in done.done] == [{"arrivals": 2, "files": 2}]
    assert [path.split("/")[2] for path in landed(project)] == ["2"]
    with Lake.open(project) as lake:
        before = rows(lake)
        assert lake.doctor() == []
        failed = lake.pipeline.run(select="bronze.orders", full_refresh=True)
        assert failed.status == "failed"
        assert FilesExpiredError.code in str(failed.steps[0].error)
        assert rows(lake) == before


def test_a_batch_that_is_in_no_table_yet_does_not_move(
    project: Path, arrive: Callable[..., Path]
) -> None:
    declare(project, "lifecycle: {landing: {glacier: 0 days}}\n")
    folder = project / ".lake" / "landing" / "bronze.orders" / "2026-01-01" / "9"
    folder.mkdir(parents=True)
    (folder / "9.json").write_text("{}")
    with Lake.open(project) as lake:
        kept = [one for one in lake.care.lifecycle_due() if one.kept_because]
        assert [(one.arrival.batch, one.kept_because) for one in kept] == [
            (9, "it is not in its table yet")
        ]
        done = lake.care.maintain()
        assert any("not in its table" in one.why for one in done.left)
    assert (folder / "9.json").exists()


def test_old_queries_and_runs_are_forgotten(project: Path) -> None:
    declare(project, "query_history: {keep: 3 days, most: 2}\n")
    with Lake.open(project) as lake:
        for number in range(4):
            lake.query.sql(f"select {number}").rows()
        assert lake.catalog.query_history.flush(30)
        assert lake.care.maintain().summary["history"] == 1
        assert lake.catalog.query_history.count() == 2
        with clock.fixed(clock.now() + timedelta(days=4)):
            lake.care.maintain()
        assert lake.catalog.query_history.count() == 0


def test_off_means_that_no_query_is_remembered(project: Path) -> None:
    declare(project, "query_history: off\n")
    with Lake.open(project) as lake:
        lake.query.sql("select 1").rows()
        assert lake.catalog.query_history.flush(30)
        assert lake.catalog.query_history.count() == 0


def test_costs_follow_the_prices_of_lake_yml(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours = lake_json(capsys, project, "storage")
    declare(project, "prices: {standard: 0.046}\n")
    theirs = lake_json(capsys, project, "storage")
    assert theirs["usd_month"] == pytest.approx(2 * ours["usd_month"], rel=0.05)
    assert {one["kind"] for one in ours["parts"]} >= {
        "live",
        "history",
        "log",
        "landing",
        "other",
    }
    folder = project / ".lake"
    everything = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
    assert theirs["size_bytes"] == pytest.approx(everything, rel=0.2)
    assert main(["storage", "-C", str(project)]) == 0
    assert "a month" in capsys.readouterr().out


def test_longer_retention_of_a_table_keeps_its_versions_readable(project: Path) -> None:
    declare(project, "retention: {lake: 1 day, silver: 100 days}\n")
    with Lake.open(project) as lake:
        first = rows(lake, "select * from silver.events@v0")
        with clock.fixed(clock.now() + timedelta(days=50)):
            done = lake.care.maintain()
            kinds = {(one.chore.kind, str(one.chore.table)) for one in done.done}
            assert ("vacuum", "gold.customers") in kinds
            assert ("vacuum", "silver.orders") not in kinds
        assert rows(lake, "select * from silver.events@v0") == first


@pytest.mark.s3
def test_the_rules_are_put_on_a_bucket_as_they_are(
    project: Path, bucket: str, s3_options: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    import boto3

    declare(
        project,
        "lifecycle:\n"
        "  landing: {standard_ia: 30 days, glacier_ir: 90 days, expire: 7 years}\n"
        "  landing/bronze.orders: {glacier: 1 day, expire: 10 years}\n"
        "  gold: {intelligent_tiering: 0 days, noncurrent_expire: 30 days}\n",
    )
    target = project / "rules.json"
    assert main(["lifecycle", "export", str(target), "-C", str(project)]) == 0
    capsys.readouterr()
    rules = json.loads(target.read_text())
    client = boto3.client(
        "s3",
        endpoint_url=s3_options["endpoint"],
        region_name=s3_options["region"],
        aws_access_key_id=s3_options["access_key_id"],
        aws_secret_access_key=s3_options["secret_access_key"],
    )
    client.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=rules)
    kept = client.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    wanted = {one["ID"]: one for one in rules["Rules"]}
    assert {one["ID"] for one in kept} == set(wanted)
    for one in kept:
        for key in ("Transitions", "Expiration", "NoncurrentVersionExpiration"):
            assert one.get(key) == wanted[one["ID"]].get(key)


@pytest.mark.s3
def test_a_lake_in_a_bucket_is_maintained_but_s3_moves_its_files(
    orders_project: Path,
    arrive: Callable[..., Path],
    bucket: str,
    s3_options: dict[str, str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = ", ".join(f"{k}: {v}" for k, v in s3_options.items())
    declare(
        orders_project,
        f"environments: {{dev: {{storage: 's3://{bucket}/lake', s3: {{{settings}}}}}}}\n"
        "lifecycle: {landing: {glacier_ir: 0 days}, gold: {intelligent_tiering: 0 days}}\n",
    )
    for batch in range(3):
        arrive(f"{batch}.json", row(batch))
        with Lake.open(orders_project) as lake:
            lake.pipeline.run()
    with Lake.open(orders_project) as lake:
        before = rows(lake)
        done = lake.care.maintain()
        assert done.failed == ()
        assert "compact" in done.summary
        assert "lifecycle" not in done.summary
        assert rows(lake) == before
        used = lake.care.storage()
        classes = {one.kind: one.storage_class for one in used.parts if one.layer == "landing"}
        assert classes == {"landing": "GLACIER_IR"}
        prefixes = [r["Filter"]["Prefix"] for r in lake.care.lifecycle_configuration()["Rules"]]
        assert "lake/landing/" in prefixes
    assert main(["lifecycle", "apply", "-C", str(orders_project)]) == 2
    assert "LW371" in capsys.readouterr().err
