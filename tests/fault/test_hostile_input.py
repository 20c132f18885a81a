"""Input made to do harm: nothing leaves the lake's folder, nothing is lost, nothing takes forever.

Whole runs over small projects. What single files do to ingest alone is tested beside ingest.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import stat
import subprocess
import sys
import tarfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lakeworks.lake import Lake
from lakeworks.project.errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakeworks.pipeline.report import RunReport

pytestmark = pytest.mark.fault

SOURCE = "table: bronze.t\nfrom: files\npath: in\n"
HOSTILE_NAMES = (
    'a"; drop table x; --',
    "a'; drop table x; --",
    "..",
    "../../up",
    "a/b",
    "a\\b",
    "line\nbreak",
    "tab\there",
    "日本\u202eevil",
    "\u0000nul",
    "%2F%00",
    "{curly} $1 ?",
    "x" * 300,
    " ",
    "_delta_log",
    "select",
)


@dataclass
class Project:
    """A project, what arrives for it, and what may be asked of it afterwards."""

    root: Path

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def run(self, *, status: str = "succeeded") -> RunReport:
        """Run it; the report must say `status`, and nothing outside the lake may have changed."""
        before = self.outside()
        with Lake.open(self.root) as lake:
            report = lake.pipeline.run()
        assert report.status == status, [step.error for step in report.steps]
        assert self.outside() == before
        for step in report.steps:
            read, written = step.rows_read, step.rows_written
            assert read == written + step.rows_quarantined + step.rows_superseded, step
        return report

    def outside(self) -> dict[Path, tuple[int, int]]:
        """Return every file near the project that is not the lake's own."""
        found = {}
        for path in self.root.parent.rglob("*"):
            if not {".lake", "__pycache__"} & set(path.parts):
                status = path.lstat()
                if not stat.S_ISDIR(status.st_mode):
                    found[path] = (status.st_size, status.st_mtime_ns)
        return found

    def rows(self, table: str, order: str = "all") -> list[dict[str, Any]]:
        with Lake.open(self.root) as lake:
            return list(lake.query.sql(f"select * from {table} order by {order}").rows())

    def rejects(self, table: str = "bronze_t") -> list[dict[str, Any]]:
        with Lake.open(self.root) as lake:
            there = any(t.table == table for t in lake.catalog.current_snapshot().tables)
        return self.rows(f"quarantine.{table}") if there else []


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path / "near" / "p")
    made.write("lake.yml", "name: p\n")
    made.write("sources/t.yml", SOURCE)
    (made.root / "in").mkdir()
    return made


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    begin = time.monotonic()
    yield
    assert time.monotonic() - begin < seconds


def zipped(members: dict[str, str], *, link: str = "") -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
        if link:
            info = zipfile.ZipInfo("link.json")
            info.create_system = 3
            info.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(info, link)
    return target.getvalue()


def test_members_that_climb_out_of_an_archive_stay_in_the_lake(project: Project) -> None:
    secret = project.write("../secret.json", '{"secret": 1}\n')
    evil = {
        "../../up.json": '{"id": 1}\n',
        "/tmp/absolute.json": '{"id": 2}\n',
        "..\\..\\windows.json": '{"id": 3}\n',
        "a/../../b.json": '{"id": 4}\n',
        "good.json": '{"id": 5}\n',
    }
    project.write("in/evil.zip", zipped(evil, link=str(secret)))

    project.run()

    rows = project.rows("bronze.t")
    assert [row["id"] for row in rows] == [5]
    assert all("secret" not in row for row in rows)
    refused = {r["source_file"].partition("!")[2]: r["error"] for r in project.rejects()}
    assert refused.keys() == {*evil, "link.json"} - {"good.json"}
    assert "is a link" in refused.pop("link.json")
    assert all("climbs out" in error for error in refused.values())
    assert not Path("/tmp/absolute.json").exists()


def test_a_zip_in_a_zip_in_a_zip_is_refused_with_its_reason(project: Project) -> None:
    inner = zipped({"a.json": '{"id": 1}\n' * 100_000})
    for _ in range(5):
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for number in range(10):
                archive.writestr(f"{number}.zip", inner)
        inner = target.getvalue()
    project.write("in/deep.zip", inner)
    project.write("in/good.json", '{"id": 7}\n')
    with within(60):
        project.run()
    assert 7 in {row["id"] for row in project.rows("bronze.t")}
    assert any(reject["source_file"].startswith("deep.zip") for reject in project.rejects())


def test_a_zip_of_very_many_members_is_read_in_bounded_time(project: Project) -> None:
    project.write(
        "in/many.zip", zipped({f"{n}.json": f'{{"id": {n}}}\n' for n in range(3_000)})
    )
    with within(60):
        report = project.run()
    assert report.steps[0].rows_read == 3_000
    assert len(project.rows("bronze.t")) == 3_000


def test_an_archive_of_another_kind_is_set_aside_by_name_and_unpacked_nowhere(
    project: Project,
) -> None:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        info = tarfile.TarInfo("../../up.json")
        info.size = 9
        archive.addfile(info, io.BytesIO(b'{"id": 1}'))
    project.write("in/evil.tar.gz", target.getvalue())
    project.run()
    [reject] = project.rejects()
    assert (reject["rule"], reject["source_file"]) == ("parse", "evil.tar.gz")
    assert "set format" in reject["error"]
    assert not list(project.root.parent.rglob("up.json"))


def test_names_of_json_keys_are_only_names(project: Project) -> None:
    row = {name: number for number, name in enumerate(HOSTILE_NAMES)}
    nested = {"outer": dict.fromkeys(HOSTILE_NAMES, "v")}
    project.write("in/a.json", json.dumps(row) + "\n" + json.dumps(nested) + "\n")
    project.write("in/b.json", json.dumps(row) + "\n")

    project.run()

    rows = [row for row in project.rows("bronze.t") if row["outer"] is None]
    assert len(project.rows("bronze.t")) + len(project.rejects()) == 3
    for found in rows:
        kept = {name: found[name] for name in HOSTILE_NAMES if name in found}
        kept |= json.loads(found["_rescued"] or "{}")
        assert kept == row


def test_names_in_a_csv_header_are_only_names(project: Project) -> None:
    import csv

    names = [name for name in HOSTILE_NAMES if name.strip() and name[0] not in "\0_"]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(names)
    writer.writerow([f"v{number}" for number in range(len(names))])
    project.write("in/a.csv", text.getvalue())

    project.run()

    [row] = project.rows("bronze.t")
    kept = {name: value for name, value in row.items() if not name.startswith("_")}
    kept |= json.loads(row["_rescued"])
    # A line end in a header's name is left out of it.
    assert kept == {n.replace("\n", ""): f"v{i}" for i, n in enumerate(names)}


@pytest.mark.parametrize("ends", [("\n", "\n"), ("\n", "\r\n"), ("\r\n", "\n")])
def test_a_line_end_in_a_header_costs_no_row(project: Project, ends: tuple[str, str]) -> None:
    inside, after = ends
    project.write("in/a.csv", after.join([f'a,"b{inside}c"', "1,2", f'3,"x{inside}y"', ""]))
    project.run()
    assert [row["a"] for row in project.rows("bronze.t")] == ["1", "3"]


@pytest.mark.parametrize(
    "header", ['a,"b', '"a,b', 'a,"b" x', '"""a,b', 'a,"b\n1,"2', '"'], ids=range(6)
)
def test_an_open_quote_in_a_header_loses_no_line(project: Project, header: str) -> None:
    project.write("in/a.csv", f"{header}\nv1,v2\nv3,v4\n")
    project.run()
    told = json.dumps([project.rows("bronze.t"), project.rejects()], default=str)
    assert all(value in told for value in ("v1", "v2", "v3", "v4"))


@pytest.mark.parametrize("quoted", ["x", "", 'a ""b""'])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
def test_a_quote_open_at_the_end_of_one_of_many_files_loses_no_line(
    project: Project, quoted: str, *, packed: bool
) -> None:
    def arrive(name: str, text: str) -> None:
        data = text.encode()
        name = f"in/{name}.csv"
        project.write(f"{name}.gz" if packed else name, gzip.compress(data) if packed else data)

    many = 2 * (os.cpu_count() or 1) + 3
    for number in range(many):
        arrive(f"good{number}", f'id,name\n{number},"{quoted}"\n')
    arrive("torn1", 'id,name\nv1,"x"\nv2,"')
    arrive("torn2", 'id,name\nv3,"x\nv4,y\nv5,z\n')
    arrive("torn3", 'id,name\nv6,5" x\nv7,"abc""\n')

    project.run()

    rows, rejects = project.rows("bronze.t"), project.rejects()
    assert {row["id"] for row in rows} >= {str(number) for number in range(many)}
    told = [row["id"] for row in rows] + [reject["row"].partition(",")[0] for reject in rejects]
    assert {f"v{number}" for number in range(1, 8)} <= set(told)


@pytest.mark.parametrize("byte", [b"1", b"(", b"\x1f"])
def test_a_file_of_a_single_byte_is_a_row(project: Project, byte: bytes) -> None:
    project.write("in/a.json", byte)
    project.write("in/b.json.gz", gzip.compress(byte))
    project.run()
    assert sorted(r["source_file"] for r in project.rejects()) == ["a.json", "b.json.gz"]


@pytest.mark.parametrize(
    "header",
    [
        "a,a,A,a",
        ",,,",
        "_source_file,_run_id,_rescued,_ingested_at",
        "a,,b",
        "__rejected,x,row",
    ],
)
def test_headers_that_name_a_column_twice_or_not_at_all_lose_no_value(
    project: Project, header: str
) -> None:
    cells = [f"v{number}" for number in range(header.count(",") + 1)]
    project.write("in/a.csv", f"{header}\n{','.join(cells)}\n")
    project.run()
    told = json.dumps([project.rows("bronze.t"), project.rejects()], default=str)
    assert all(cell in told for cell in cells)


def test_json_that_names_system_columns_cannot_forge_them(project: Project) -> None:
    forged = {"_source_file": "forged", "_run_id": "forged", "_rescued": "forged", "id": 1}
    project.write("in/a.json", json.dumps(forged) + "\n")
    report = project.run()
    rows = project.rows("bronze.t")
    assert [row["_source_file"] for row in rows] == ["a.json"] * len(rows)
    assert [row["_run_id"] for row in rows] == [report.run_id] * len(rows)
    told = json.dumps([rows, project.rejects()], default=str)
    assert told.count("forged") == 3


def test_values_of_a_partition_are_only_values(project: Project) -> None:
    values = [
        "../../x", "a/b", "%2F", "%252F", "", None, "..", ".", "a=b", "a b", "é\n\t'\"", "C:\\x",
        "x" * 200, "*?[", "__HIVE_DEFAULT_PARTITION__", "日本", "#;&|", "\u202e",
    ]  # fmt: skip
    for load in ("append", "partitions", "merge"):
        key = "\nkey: [id]" if load == "merge" else ""
        project.write(
            f"models/silver/{load}.sql",
            f"/*\nload: {load}{key}\npartition_by: [p]\n*/\nselect id, p, n from bronze.t\n",
        )

    def lines(first: int) -> str:
        pairs = enumerate(values, start=first)
        return "".join(json.dumps({"id": i, "p": p, "n": "1"}) + "\n" for i, p in pairs)

    project.write("in/a.json", lines(0))
    project.run()
    project.write("in/b.json", lines(1000))
    project.run()

    # In a partition column Delta cannot tell an empty string from null.
    expected = [p or None for p in values] * 2
    for load in ("append", "partitions", "merge"):
        rows = project.rows(f"silver.{load}", "id")
        assert [row["p"] or None for row in rows] == expected, load
        paths = (project.root / ".lake/tables/silver" / load).rglob("*")
        assert all(".." not in path.relative_to(project.root).parts for path in paths)


@pytest.mark.parametrize(
    "name",
    [
        "-rf.json",
        "--help.json",
        "line\nbreak.json",
        "日本 \u202e.json",
        "'quote'\".json",
        "$(touch pwned).json",
        "%2e%2e%2f.json",
        "a\\b.json",
        "s3:__x.json",
        "x" * 240 + ".json",
        "a!b.zip!c.json",
        "k=%2F/v=..x.json",
        "#?&.json",
        "a:b.json",
        " lead.json",
        "file.json ",
    ],
)
def test_a_file_of_any_name_is_read_once_under_its_name(project: Project, name: str) -> None:
    project.write(f"in/{name}", '{"id": 1}\ntorn\n')
    report = project.run()
    assert report.steps[0].rows_read == 2
    assert [row["_source_file"] for row in project.rows("bronze.t")] == [name]
    assert [reject["source_file"] for reject in project.rejects()] == [name]
    assert project.run(status="nothing to do").steps[0].status == "up to date"


def test_a_file_name_that_is_no_text_is_told_or_read_and_does_not_stop_the_others(
    project: Project,
) -> None:
    Path(os.fsdecode(os.fsencode(project.root) + b"/in/\xff\xfe.json")).write_text(
        '{"id": 1}\n'
    )
    project.write("in/good.json", '{"id": 2}\n')
    project.run()
    ids = [row["id"] for row in project.rows("bronze.t")]
    told = len(ids) + len(project.rejects())
    assert 2 in ids
    assert told == 2


def test_what_is_no_file_is_passed_by(project: Project) -> None:
    os.mkfifo(project.root / "in" / "pipe.json")
    (project.root / "in" / "gone.json").symlink_to("/nowhere/at/all")
    (project.root / "in" / "device.json").symlink_to("/dev/zero")
    project.write("in/good.json", '{"id": 1}\n')
    with within(60):
        project.run()
    assert [row["id"] for row in project.rows("bronze.t")] == [1]


def test_a_line_of_five_megabytes_is_a_row(project: Project) -> None:
    long = "x" * 5_000_000
    project.write("in/a.json", f'{{"id": 1, "v": "{long}"}}\n{{"id": 2}}\n')
    project.write("in/b.json", "{" + "garbage " * 600_000 + '\n{"id": 3}\n')
    with within(60):
        project.run()
    assert [(row["id"], len(row["v"] or "")) for row in project.rows("bronze.t", "id")] == [
        (1, 5_000_000),
        (2, 0),
        (3, 0),
    ]
    assert [reject["source_row"] for reject in project.rejects()] == [1]


@pytest.mark.parametrize(
    "deep",
    ["[" * 10_000 + "]" * 10_000, '{"a":' * 10_000 + "1" + "}" * 10_000, "[" * 10_000],
    ids=["lists", "objects", "unended"],
)
def test_json_ten_thousand_deep_harms_no_other_row(project: Project, deep: str) -> None:
    project.write("in/a.json", f'{{"id": 1}}\n{{"id": 2, "v": {deep}}}\n{{"id": 3}}\n')
    with within(60):
        report = project.run()
    assert report.steps[0].rows_read == 3
    ids = {row["id"] for row in project.rows("bronze.t")}
    assert {1, 3} <= ids
    assert len(ids) + len(project.rejects()) == 3


def test_a_csv_of_a_million_columns_is_refused_in_bounded_time(project: Project) -> None:
    names = ",".join(f"c{number}" for number in range(1_000_000))
    project.write("in/wide.csv", f"{names}\n{'1,' * 999_999}1\n")
    project.write("in/wide_row.csv", f"a,b\n1,2\n{'9,' * 999_999}9\n3,4\n")
    project.write("in/good.csv", "a,b\n5,6\n")
    with within(90):
        project.run()
    assert {row["a"] for row in project.rows("bronze.t")} == {"1", "3", "5"}
    rejects = [(r["source_file"], r["source_row"]) for r in project.rejects()]
    assert sorted(rejects) == [("wide.csv", 1), ("wide.csv", 2), ("wide_row.csv", 3)]
    assert all("1,000,000 fields" in r["error"] for r in project.rejects())


def test_a_json_object_of_very_many_keys_is_kept_in_bounded_time(project: Project) -> None:
    wide = {f"k{number}": number for number in range(100_000)}
    project.write("in/wide.json", json.dumps(wide) + '\n{"k1": 5}\n')
    with within(90):
        project.run()
    rows, rejects = project.rows("bronze.t"), project.rejects()
    assert len(rows) + len(rejects) == 2
    told = json.dumps([rows, rejects], default=str)
    assert "k99999" in told


def test_keys_that_differ_in_every_row_do_not_make_a_table_of_endless_columns(
    project: Project,
) -> None:
    lines = (json.dumps({f"key_{number}": number}) for number in range(5_000))
    project.write("in/a.json", "".join(line + "\n" for line in lines))
    with within(90):
        report = project.run()
    assert report.steps[0].rows_read == report.steps[0].rows_written == 5_000


@pytest.mark.parametrize(
    "path", ["../outside", "in/../../outside", "in/*/../../../outside/*.json"]
)
def test_a_source_that_leaves_the_project_by_dots_is_refused(
    project: Project, path: str
) -> None:
    project.write("../outside/a.json", '{"id": 1}\n')
    project.write("sources/t.yml", f"table: bronze.t\nfrom: files\npath: {path}\n")
    with pytest.raises(ProjectError, match=r"sources/t.yml:3"):
        project.run()


@pytest.mark.parametrize(
    "name",
    ["..", "a/b", 'a"; drop table x; --', "x" * 300, "a b", "é", "a%2Fb", ".hidden", "-rf"],
)
@pytest.mark.parametrize("what", ["table", "key", "partition_by"])
def test_declared_names_that_could_harm_are_refused_with_their_line(
    project: Project, name: str, what: str
) -> None:
    header = {
        "table": f"table: {json.dumps('silver.' + name)}",
        "key": f"load: merge\nkey: [{json.dumps(name)}]",
        "partition_by": f"partition_by: [{json.dumps(name)}]",
    }[what]
    project.write("models/silver/m.sql", f"/*\n{header}\n*/\nselect id from bronze.t")
    project.write("in/a.json", '{"id": 1}\n')
    path_like = what == "partition_by" and (name == ".." or set(name) & set('/"'))
    if what == "table" or name == "x" * 300 or path_like:
        with pytest.raises(ProjectError, match=r"models/silver/m.sql:[23]"):
            project.run()
        return
    report = project.run(status="failed")
    assert any(name in (step.error or "") for step in report.steps)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("sources/t.yml", SOURCE + "tags:\n" + "  a0: &a0 [x, x]\n" + "".join(
            f"  a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))),
        ("sources/t.yml", SOURCE + "tags: !!python/object/apply:os.system ['touch pwned']\n"),
        ("sources/t.yml", "[" * 20_000),
        ("sources/t.yml", "a: " * 20_000),
        ("models/silver/m.sql", "select " + "(" * 20_000 + "1" + ")" * 20_000),
        ("models/silver/m.sql", "select 1 as id; attach '/tmp/x.db' as x"),
        ("models/silver/m.sql", "copy (select 1) to '/tmp/x.csv'"),
    ],
    ids=["bomb", "object", "deep list", "deep map", "deep sql", "two statements", "copy"],
)  # fmt: skip
def test_a_hostile_declaration_is_said_plainly_and_soon(
    project: Project, name: str, text: str
) -> None:
    project.write(name, text)
    before = project.outside()
    with within(30):
        done = subprocess.run(
            [sys.executable, "-m", "lakeworks", "run", "-C", str(project.root)],
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 2, done.stderr
    assert name in done.stderr
    assert "Traceback" not in done.stderr
    assert project.outside() == before


def test_a_model_cannot_read_or_write_files_beside_the_lake(project: Project) -> None:
    secret = project.write("../secret.csv", "a\nsecret\n")
    project.write("in/a.json", '{"id": 1}\n')
    for number, sql in enumerate(
        [
            f"select * from read_csv('{secret}')",
            f"select content from read_text('{secret}')",
            f"select * from '{secret}'",
            f"select * from glob('{secret.parent}/*')",
        ]
    ):
        project.write("models/silver/m.sql", sql)
        with contextlib.suppress(ProjectError):
            report = project.run(status="failed")
            assert report.steps[-1].error, number
        with Lake.open(project.root) if _opens(project) else contextlib.nullcontext() as lake:
            assert lake is None or "silver.m" not in str(lake.catalog.current_snapshot().tables)


def _opens(project: Project) -> bool:
    try:
        Lake.open(project.root).close()
    except ProjectError:
        return False
    return True
