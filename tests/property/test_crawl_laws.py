"""Laws of crawls, over folders of any shape: nothing is lost, and a second crawl changes nothing."""

from __future__ import annotations

import gzip
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakeworks.catalog.data_catalog.model import TableEntry
from lakeworks.catalog.store import Catalog
from lakeworks.crawlers.found_tables import Surroundings
from lakeworks.crawlers.report import CrawlReport
from lakeworks.crawlers.service import Crawlers
from lakeworks.project.crawler_declaration import Crawler, Target
from lakeworks.project.declaration import Location

FOLDERS = st.sampled_from(["a", "b", "year=1", "year=2", "day=1", "2024", "a b", "A"])
NAMES = st.sampled_from(["x", "y.json", "z.csv", "w.gz", "v.parquet"])
VALUES = st.sampled_from([1, 2.5, "t", None, True, [1], {"k": 1}])
RECORDS = st.dictionaries(st.sampled_from(["id", "Id", "n", "year", "q"]), VALUES, min_size=1)
JSON_FILES = st.lists(RECORDS, min_size=1, max_size=3).map(
    lambda rows: "".join(json.dumps(row) + "\n" for row in rows).encode()
)
CSV_FILES = st.lists(
    st.tuples(st.sampled_from(["1", "2.5", "x", ""]), st.sampled_from(["a", "7"])), max_size=4
).map(lambda rows: ("id,n\n" + "".join(f"{a},{b}\n" for a, b in rows)).encode())
FILES = st.one_of(
    JSON_FILES,
    CSV_FILES,
    JSON_FILES.map(lambda data: gzip.compress(data, mtime=0)),
    st.sampled_from([b"", b"\0\1\2", b"PAR1", b'{"a":', b"<r><o><p>1</p></o></r>", b"prose"]),
)
PATHS = st.tuples(st.lists(FOLDERS, max_size=3), NAMES).map(
    lambda at: "/".join([*at[0], at[1]])
)
TREES = st.dictionaries(PATHS, FILES, max_size=8)
SAID = st.fixed_dictionaries({
    "combine": st.booleans(),
    "table_level": st.sampled_from([None, None, 1, 2]),
    "inherit_from_table": st.booleans(),
    "merge_new_columns": st.booleans(),
    "update": st.sampled_from(["update_in_database", "log"]),
    "delete": st.sampled_from(["deprecate_in_database", "delete_from_database", "log"]),
})  # fmt: skip


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("catalog") / "catalog.db"
    Catalog.open(f"sqlite:///{file}").close()
    return file


class World:
    def __init__(self, root: Path, catalog: Catalog, said: dict[str, Any]) -> None:
        self.root = root
        self.catalog = catalog
        target = Target(str(root), ".")
        self.crawler = Crawler("c", Location("c.yml", 1), "raw", (target,), **said)

    def write(self, tree: dict[str, bytes]) -> None:
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir()
        for path, content in tree.items():
            place = self.root / path
            if any(one.is_file() for one in place.parents) or place.is_dir():
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)

    def crawl(self, *, dry_run: bool = False) -> CrawlReport:
        around = Surroundings({}, str(self.root), "", 0)
        report = Crawlers({"c": self.crawler}, self.catalog, around).crawl("c", dry_run=dry_run)
        assert report.status == "succeeded", report.error
        return report

    def state(self) -> list[tuple[TableEntry, list[Any]]]:
        catalog = self.catalog.data_catalog
        return [
            (entry, catalog.partitions(entry.name) if entry.partition_keys else [])
            for entry in catalog.list_tables("raw")
        ]


@contextmanager
def world(template: Path, said: dict[str, Any]) -> Iterator[World]:
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(template, Path(folder) / "catalog.db")
        with Catalog.open(f"sqlite:///{folder}/catalog.db") as catalog:
            yield World(Path(folder) / "land", catalog, said)


@settings(deadline=None, max_examples=30)
@given(tree=TREES, said=SAID)
def test_a_second_crawl_of_the_same_files_changes_nothing(
    template: Path, tree: dict[str, bytes], said: dict[str, Any]
) -> None:
    with world(template, said) as here:
        here.write(tree)
        here.crawl()
        before = here.state()
        assert not here.crawl().changed
        assert here.state() == before


@settings(deadline=None, max_examples=30)
@given(tree=TREES, said=SAID)
def test_every_file_is_in_one_table_or_is_told_of(
    template: Path, tree: dict[str, bytes], said: dict[str, Any]
) -> None:
    with world(template, said) as here:
        here.write(tree)
        report = here.crawl()
        files = sum(target.objects for target in report.targets)
        assert sum(table.objects for table in report.tables) + report.skipped_count == files
        assert sum(report.classifiers.values()) <= files


@settings(deadline=None, max_examples=30)
@given(before=TREES, after=TREES, said=SAID)
def test_whatever_changes_a_crawl_settles_at_once_and_a_dry_run_foretells_it(
    template: Path, before: dict[str, bytes], after: dict[str, bytes], said: dict[str, Any]
) -> None:
    with world(template, said) as here:
        here.write(before)
        here.crawl()
        here.write(after)
        state = here.state()
        foretold = here.crawl(dry_run=True)
        assert here.state() == state
        report = here.crawl()
        assert [t.as_json() for t in report.tables] == [t.as_json() for t in foretold.tables]
        assert not here.crawl().changed


@settings(deadline=None, max_examples=30)
@given(before=TREES, after=TREES)
def test_nothing_that_is_no_longer_found_is_deleted_where_the_policy_deprecates(
    template: Path, before: dict[str, bytes], after: dict[str, bytes]
) -> None:
    with world(template, {}) as here:
        here.write(before)
        here.crawl()
        names = {entry.name for entry, _ in here.state()}
        here.write(after)
        here.crawl()
        assert names <= {entry.name for entry, _ in here.state()}
