"""The salt of hashed values: kept as a secret, and never two of them in one answer."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from privacy_shop import write

from lakeworks import Lake
from lakeworks.core.errors import LakeError
from lakeworks.governance.errors import MaskSaltError
from lakeworks.governance.mask_salt import SALT_VARIABLE
from lakeworks.governance.principals import Principal
from lakeworks.project.errors import ProjectError
from lakeworks.project.workgroups import Workgroup
from lakeworks.query.executions.limits import Limits
from lakeworks.query.executions.pool import QueryPool
from lakeworks.query.executions.records import QueryRequest
from lakeworks.query.executions.results import ResultPlaces
from lakeworks.query.executions.service import QueryExecutions
from lakeworks.server.query_worker import command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ASKED = "select mail from bronze.people order by mail"
LAKE = "name: shop\nenvironments:\n  dev:\n    storage: .lake\n"
POLICIES = """
roles: {analyst: [ana], clerk: [bob]}
grants:
  - {to: everyone, permissions: SELECT, on: bronze.people}
policies:
  hashed: {on: bronze.people, columns: [mail], mask: hash, to: [role:analyst]}
"""
ANALYST, CLERK = "role:analyst", "role:clerk"
FIRST, SECOND = "the first salt", "the second salt"
MEMORY_BYTES = 256 * 2**20
GROUPS = {"primary": Workgroup("primary", reuse_s=3_600)}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path / "lake.yml", LAKE)
    write(tmp_path / "sources/people.yml", "table: bronze.people\npath: landing\n")
    write(tmp_path / "landing/1.json", '{"mail": "a@b.c"}\n{"mail": "c@d.e"}\n')
    write(tmp_path / "policies/people.yml", POLICIES)
    with Lake.open(tmp_path) as lake:
        lake.pipeline.run()
    return tmp_path


def keep(root: Path, salt: str, more: str = "") -> None:
    """Keep the salt in a file that lake.yml names."""
    write(root / "lake.yml", f"{LAKE}    mask_salt: ${{secret:file:keys/salt}}\n{more}")
    write(root / "keys/salt", f"{salt}\n")
    (root / "keys/salt").chmod(0o600)


def shown(lake: Lake, principal: str = ANALYST) -> list[str]:
    with lake.query.sql(ASKED, caller=principal) as found:
        return [row["mail"] for row in found.rows()]


@contextmanager
def served(root: Path) -> Iterator[tuple[Lake, Callable[[], tuple[list[str], bool]]]]:
    """Ask through query processes, which may answer by an earlier result."""
    with Lake.open(root) as lake:
        started = command(root, None, memory_bytes=MEMORY_BYTES, threads=1)
        pool = QueryPool(started, processes=1, memory_bytes=MEMORY_BYTES + 512 * 2**20,
                         concurrent=lambda: {"primary": 1})  # fmt: skip
        records = lake.catalog.query_executions
        limits = Limits(GROUPS, usage=lake.catalog.query_usage, records=records,
                        waiting=pool.waiting)  # fmt: skip
        executions = QueryExecutions(
            limits,
            examine=lambda asked: lake.query.examine(asked.sql, asked.principal),
            records=records,
            history=lake.catalog.query_history,
            results=ResultPlaces(root / "results", {}, None),
            pool=pool,
        )

        def asked() -> tuple[list[str], bool]:
            started = executions.start(QueryRequest(ASKED, principal=ANALYST))
            done = executions.wait(started, principal=ANALYST, timeout_s=60)
            assert done.state == "succeeded", done.reason
            rows = executions.result(started, principal=ANALYST).read_all()
            return rows["mail"].to_pylist(), done.reused

        try:
            yield lake, asked
        finally:
            executions.close()


def test_an_answer_of_another_salt_is_not_given_again(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []
    for salt in (FIRST, SECOND):
        monkeypatch.setenv(SALT_VARIABLE, salt)
        with served(root) as (_, asked):
            told += [asked(), asked()]
    assert [reused for _, reused in told] == [False, True, False, True]
    assert told[0][0] == told[1][0]
    assert not set(told[1][0]) & set(told[2][0])


def test_a_query_process_does_not_answer_by_a_salt_from_before(root: Path) -> None:
    keep(root, FIRST)
    with served(root) as (lake, asked):
        before, _ = asked()
        keep(root, SECOND)
        # The service learns of it; its process would use what it knows for five minutes.
        lake.project.environment.secrets.forget()
        now = shown(lake)
        assert asked() == (now, False)
        assert not set(before) & set(now)


def test_a_salt_that_is_replaced_counts_for_whom_hashes_are_shown(root: Path) -> None:
    keep(root, FIRST)
    with Lake.open(root) as lake:
        first, versions = shown(lake), whoever(lake)
        keep(root, SECOND)
        assert shown(lake) == first  # a value is used for five minutes
        lake.project.environment.secrets.forget()
        assert not set(first) & set(shown(lake))
        after = whoever(lake)
        assert (versions[0] == after[0], versions[1] == after[1]) == (False, True)
        entries = json.dumps([dict(e.body) for e in lake.governance.audit_entries(limit=100)])
    assert FIRST not in entries


def whoever(lake: Lake) -> list[str]:
    decides = lake.governance.authorizer()
    return [decides.policy_version(Principal.parse(one)) for one in (ANALYST, CLERK)]


def test_what_lake_yml_names_counts_and_the_variable_where_it_names_none(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SALT_VARIABLE, FIRST)
    with Lake.open(root) as lake:
        of_variable, version = shown(lake), whoever(lake)
    monkeypatch.setenv(SALT_VARIABLE, SECOND)
    keep(root, FIRST)
    with Lake.open(root) as lake:
        assert (shown(lake), whoever(lake)) == (of_variable, version)


def test_a_salt_that_cannot_be_had_fails_whoever_is_shown_hashes_and_nobody_else(
    root: Path,
) -> None:
    keep(root, "short")
    with Lake.open(root) as lake, pytest.raises(MaskSaltError):
        whoever(lake)
    (root / "keys/salt").unlink()
    with Lake.open(root) as lake:
        with pytest.raises(LakeError, match="LW561") as told:
            shown(lake)
        assert "keys" not in str(told.value)  # where it is kept is the owner's to know
        assert shown(lake, CLERK) == ["a@b.c", "c@d.e"]
        (finding,) = [one for one in lake.doctor() if one.kind == "secret"]
        assert "mask_salt" in finding.subject


def test_a_salt_in_a_file_is_refused_and_not_shown(root: Path) -> None:
    write(root / "lake.yml", f"{LAKE}    mask_salt: plain text of a salt\n")
    with pytest.raises(ProjectError, match=r"lake.yml:5.*no reference to a secret") as told:
        Lake.open(root)
    assert "plain text" not in str(told.value)
